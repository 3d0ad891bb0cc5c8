"""What a caller asks for: a job to be, before it has an id, and how a request is kept as JSON."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import MISSING, asdict, dataclass, field, fields
from typing import Any, Final

from whendue.jobs.dependencies import FailurePolicy, On
from whendue.jobs.limit_spec import Limit
from whendue.table.items import known


@dataclass(frozen=True, slots=True)
class Dependency:
    """A job that is to end first, as asked for: exactly one of `job` and `ref`.

    Args:
        job: its id.
        ref: what an earlier request of the same batch calls itself.
        on: which end counts: `success`, `failure` (dead or cancelled), or `done` for any.
        name: what the payload calls it.
    """

    job: str | None = None
    ref: str | None = None
    on: On = "success"
    name: str | None = None


@dataclass(frozen=True, slots=True)
class JobRequest:
    """A job as asked for; what is None is left to the profile.

    Args:
        type: the task's name.
        payload: any JSON value that fits the task's model.
        due_at: when it is to run, ms UTC; excludes `delay_s`.
        delay_s: run so many seconds from now; 0 is at once.
        queue: the priority: critical, high, normal or low.
        profile: the profile's name.
        policy: fields of `Policy` asked for over profile and task.
        follow: whether to take the newest version of the profile at each claim; None is left to the profile.
        tags: a few short words to find the job by.
        limit: asked for over the profile's.
        idempotency_key: equal keys of a tenant are the same job.
        group: see `Job.group`.
        schedule: the schedule that asks.
        nominal_at: the fire for which it asks, ms UTC.
        overlap: what happens while an earlier job of the schedule runs, None for nothing.
        notify: the subscriptions that it names, parted by spaces.
        depends_on: whose ends it waits for.
        on_dependency_failure: what becomes of it when a dependency that must succeed does not; None is to cancel it.
        ref: what later requests of the same batch call it.
        traceparent: see `Job.traceparent`; no part of what is asked for: a repeated request has another one.
    """

    type: str
    payload: Any = None
    due_at: int | None = None
    delay_s: float | None = None
    queue: str | None = None
    profile: str = "default"
    policy: Mapping[str, Any] = field(default_factory=dict)
    follow: bool | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    limit: Limit | None = None
    idempotency_key: str | None = None
    group: str | None = None
    schedule: str | None = None
    nominal_at: int | None = None
    overlap: str | None = None
    notify: str = ""
    depends_on: tuple[Dependency, ...] = ()
    on_dependency_failure: FailurePolicy | None = None
    ref: str | None = None
    traceparent: str | None = None


def request_hash(request: JobRequest) -> str:
    """Hash what was asked for, so that a repeated Idempotency-Key can be compared (24 hex digits, 96 bits)."""
    parts: list[Any] = [request.type, request.payload, request.due_at, request.delay_s, request.queue, request.profile]
    parts += [dict(request.policy), dict(request.tags)]
    # Left out where it is not asked for: hashes of jobs from before it could be stay what they were.
    later = {
        "follow": request.follow,
        "group": request.group,
        "limit": asdict(request.limit) if request.limit else None,
        "notify": request.notify or None,
        "depends_on": [asdict(one) for one in request.depends_on] or None,
        "on_dependency_failure": request.on_dependency_failure,
        "ref": request.ref,
    }
    parts += [{name: value} for name, value in later.items() if value is not None]
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:24]


def joined(*names: str) -> str:
    """Put names that are parted by spaces together, each once."""
    return " ".join(dict.fromkeys(" ".join(names).split()))


# --- as JSON -----------------------------------------------------------------------------------------------------

_DEFAULTS: Final = {one.name: {} if one.default is MISSING else one.default for one in fields(JobRequest)}


def request_value(request: JobRequest) -> dict[str, Any]:
    """Write a request as JSON, without what is as by default; equal requests give equal JSON."""
    said = {name: getattr(request, name) for name in JobRequest.__slots__}
    # An older version reads `policy` in any case.
    told = {name: value for name, value in said.items() if name == "policy" or value != _DEFAULTS[name]}
    return {name: value if name == "payload" else _part(value) for name, value in told.items()}


def _part(value: Any) -> Any:
    match value:
        case Limit() | Dependency():
            return {name: part for name, part in asdict(value).items() if part is not None}
        case tuple():
            return [_part(one) for one in value]
        case Mapping():
            return {name: _part(one) for name, one in value.items()}
        case _:
            return value


def request_from(value: Mapping[str, Any]) -> JobRequest:
    """Read a request from JSON.

    Raises:
        KeyError, TypeError, ValueError: it is not one.
    """
    said = known(JobRequest, value)
    policy = {name: tuple(one) if isinstance(one, list) else one for name, one in said.get("policy", {}).items()}
    limit = said.get("limit")
    depends_on = tuple(Dependency(**known(Dependency, one)) for one in said.get("depends_on", ()))
    read = {
        "policy": policy,
        "limit": None if limit is None else Limit(**known(Limit, limit)),
        "depends_on": depends_on,
    }
    return JobRequest(**said | read)
