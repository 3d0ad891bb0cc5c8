"""Calls: the jobs and workflows that code asks for, before it is decided who creates them."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, Literal, NamedTuple, Protocol, TypedDict

from whendue.errors import InvalidPayloadError, InvalidRequestError, PayloadTooLargeError
from whendue.jobs.json_values import NotJsonError, to_text
from whendue.quotas import (
    HORIZON_S,
    IDEMPOTENCY_KEY_BYTES,
    JSON_DEPTH,
    PAYLOAD_BYTES,
    SMALL_BODY_BYTES,
    TYPE_BYTES,
)
from whendue.support.text import nearest

# Nothing was given, as None is a payload.
UNSET: Final = ...


class Named(Protocol):
    """What has the name of a task."""

    @property
    def name(self) -> str:
        """The job type."""


class StepOptions(TypedDict, total=False):
    """Fields of a job without its time, those of `NewJob` of the client; what is left out has the API's default.

    Args:
        in_: the delay, seconds or a timedelta: from now, or from the end of the last job that it waits for.
        expires_seconds: from when it is due until it expires, unless it has begun.
        priority: the queue that it goes to, if it is one of these.
        queue: the queue that it goes to; or `priority`.
        profile: the profile that its policy is taken from.
        follow_profile: whether each attempt uses the newest version of the profile.
        tags: labels.
        group: a part of the tenant that has a fair share of its own.
        notify: names of subscriptions to notify.
        retries: attempts after the first one; or `max_attempts`.
        max_attempts: all attempts; or `retries`.
        timeout_seconds: of one attempt.
        lease_seconds: without a heartbeat, after which another worker runs it.
        retention_seconds: how long it is kept after its end.
        never_retry: error types that are never retried.
        on_dependency_failure: what happens when a job that it waits for does not succeed.
    """

    in_: float | timedelta | None
    expires_seconds: float | None
    priority: Literal["critical", "high", "normal", "low"] | None
    queue: str | None
    profile: str | None
    follow_profile: bool | None
    tags: Mapping[str, str] | None
    group: str | None
    notify: Sequence[str] | None
    retries: int | None
    max_attempts: int | None
    timeout_seconds: int | None
    lease_seconds: int | None
    retention_seconds: int | None
    never_retry: Sequence[str] | None
    on_dependency_failure: Literal["cancel", "run", "hold"] | None


class UniqueOptions(TypedDict, total=False):
    """A unique key, as of `Unique` of the client: `key` or `by_payload`, and how it is held (docs/guide/unique.md)."""

    key: str
    by_payload: Sequence[str]
    scope: Literal["pending", "running", "until_success", "for_seconds"]
    for_seconds: float
    on_conflict: Literal["return", "reject", "replace", "postpone"]
    max_wait_seconds: float


class Options(StepOptions, total=False):
    """Fields of a job that stands alone.

    Args:
        at: when it is due, with an offset; or `in_`.
        depends_on: ids of jobs that must succeed first.
        unique: a key that one job of its task holds at a time.
    """

    at: datetime | None
    depends_on: Sequence[str] | None
    unique: UniqueOptions | None


class WorkflowOptions(TypedDict, total=False):
    """Fields of a workflow.

    Args:
        in_: the delay before it starts, seconds or a timedelta.
        expires_seconds: as of a job.
        at: when it starts, with an offset; or `in_`.
        priority: of steps that set none.
        queue: of steps that set none; or `priority`.
        profile: of steps that set none.
        tags: of the workflow, and of steps that set none.
        deadline_seconds: from its start; what has not ended by then is cancelled.
    """

    in_: float | timedelta | None
    expires_seconds: float | None
    at: datetime | None
    priority: Literal["critical", "high", "normal", "low"] | None
    queue: str | None
    profile: str | None
    tags: Mapping[str, str] | None
    deadline_seconds: int | None


# What other job systems call a field, and what it is here.
_FOREIGN: Final[Mapping[str, str]] = {
    "args": "the payload",
    "countdown": "in_",
    "delay": "in_",
    "delay_seconds": "in_",
    "due_at": "at",
    "eta": "at",
    "expires": "expires_seconds",
    "expires_at": "expires_seconds",
    "idempotency_key": "key",
    "kwargs": "the payload",
    "task_id": "key",
    "time_limit": "timeout_seconds",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A job that code asks for.

    Args:
        type: the task's name.
        payload: plain JSON.
        key: what makes it the same job when it is asked for again; None for none.
        delay_s: the delay, seconds; None for none.
        due_at: when it is due; None for now.
        fields: the other fields of `Options` that are set, by name.
    """

    type: str
    payload: Any = field(repr=False)
    key: str | None = None
    delay_s: float | None = None
    due_at: datetime | None = None
    fields: Mapping[str, Any] = field(default_factory=dict)


class Step(NamedTuple):
    """A job of a workflow: its name there, the job, and the names of the steps that it waits for."""

    name: str
    call: Call
    waits_for: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkflowCall:
    """A workflow that code asks for.

    Args:
        steps: its jobs, each after those that it waits for.
        key: as of `Call`.
        delay_s: the delay before it starts, seconds; None for none.
        due_at: when it starts; None for now.
        fields: the other fields of `WorkflowOptions` that are set, by name.
    """

    steps: tuple[Step, ...] = field(repr=False)
    key: str | None = None
    delay_s: float | None = None
    due_at: datetime | None = None
    fields: Mapping[str, Any] = field(default_factory=dict)


def call_of(task: Named | str, payload: Any, key: str | None, options: Mapping[str, Any], kind: type = Options) -> Call:
    """Make the call of a job.

    Args:
        task: the task, or its name.
        payload: anything that is JSON, a model among it; UNSET is an empty object.
        key: as of `Call`.
        options: the fields; one that is None is left out.
        kind: the TypedDict that has them.

    Raises:
        TypeError: an option does not exist, or a value has a wrong type.
        InvalidRequestError: a value is out of range.
        InvalidPayloadError, PayloadTooLargeError: the payload cannot be sent.
    """
    name = task if isinstance(task, str) else task.name
    if not isinstance(name, str):
        raise TypeError(f"a task or its name is needed, not {type(task).__name__}")
    fields, delay_s, due_at = checked_options(options, kind)
    return Call(
        type=name,
        payload=plain(name, {} if payload is UNSET else payload),
        key=_checked_key(key),
        delay_s=delay_s,
        due_at=due_at,
        fields=fields,
    )


def workflow_call(steps: Sequence[Step], key: str | None, options: Mapping[str, Any]) -> WorkflowCall:
    """Make the call of a workflow; `options` are fields of `WorkflowOptions`, otherwise as `call_of`."""
    fields, delay_s, due_at = checked_options(options, WorkflowOptions)
    return WorkflowCall(steps=tuple(steps), key=_checked_key(key), delay_s=delay_s, due_at=due_at, fields=fields)


def checked_options(options: Mapping[str, Any], kind: type) -> tuple[dict[str, Any], float | None, datetime | None]:
    """Return the fields that are set but for their time, and the time: a delay in seconds, or when it is due.

    Args:
        options: fields by name.
        kind: the TypedDict that has them.

    Raises:
        TypeError: one does not exist, or a time has a wrong type.
        InvalidRequestError: a time is out of range, or JSON has nothing for a value.
    """
    known = kind.__annotations__
    for name in options:
        if name not in known:
            meant = _FOREIGN.get(name) or nearest(name[:TYPE_BYTES], sorted(known))
            raise TypeError(f"unknown field {name[:TYPE_BYTES]}" + (f"; did you mean {meant}?" if meant else ""))
    given = {name: value for name, value in options.items() if value is not None}
    delay, due_at = given.pop("in_", None), given.pop("at", None)
    if delay is not None and due_at is not None:
        raise InvalidRequestError("give in_ or at, not both")
    return _plain_fields(given), None if delay is None else _delay_s(delay), _time(due_at)


def plain(name: str, payload: Any) -> Any:
    """Return a payload as plain JSON, a copy of it.

    Args:
        name: the task's name, for errors.
        payload: anything; what has a form in JSON is described in docs/guide/tasks.md, under results.

    Raises:
        InvalidPayloadError: JSON has nothing for a part of it; the message has its position.
        PayloadTooLargeError: it is too large.
    """
    try:
        return json.loads(to_text(payload, most_bytes=PAYLOAD_BYTES, most_levels=JSON_DEPTH, name="payload"))
    except NotJsonError as error:
        refusal = PayloadTooLargeError if error.problem == "too_large" else InvalidPayloadError
        raise refusal(f"the payload of {name} cannot be sent: {error}") from None


def _plain_fields(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return fields as plain JSON: of an enumeration's text, the table could store nothing."""
    try:
        found: dict[str, Any] = json.loads(
            to_text(fields, most_bytes=SMALL_BODY_BYTES, most_levels=JSON_DEPTH, name="fields")
        )
    except NotJsonError as error:
        raise InvalidRequestError(f"the job cannot be sent: {error}") from None
    return found


def _delay_s(delay: object) -> float:
    if isinstance(delay, timedelta):
        delay = delay.total_seconds()
    if isinstance(delay, bool) or not isinstance(delay, int | float):
        raise TypeError(f"in_ must be seconds or a timedelta, not {type(delay).__name__}")
    # NaN is not within.
    if not 0 <= delay <= HORIZON_S:
        raise InvalidRequestError(f"in_ must be from 0 to {HORIZON_S} seconds")
    return round(float(delay), 3)


def _time(due_at: object) -> datetime | None:
    if due_at is None:
        return None
    if not isinstance(due_at, datetime):
        raise TypeError(f"at must be a datetime, not {type(due_at).__name__}")
    if due_at.utcoffset() is None:
        raise InvalidRequestError("at must have an offset, as datetime.now(UTC) has: without one its zone is unknown")
    return due_at


def _checked_key(key: object) -> str | None:
    if key is None:
        return None
    if not isinstance(key, str):
        raise TypeError(f"key must be a str, not {type(key).__name__}")
    if not key.isascii() or not key.isprintable() or " " in key or not 0 < len(key) <= IDEMPOTENCY_KEY_BYTES:
        raise InvalidRequestError(f"key must be 1 to {IDEMPOTENCY_KEY_BYTES} printable ASCII characters without spaces")
    return str.__str__(key)
