"""Unique keys: which job holds one, and what a submit does that meets a holder. Pure (decision 30)."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from enum import Enum
from itertools import islice
from typing import Any, Final

from whendue.errors import InvalidRequestError, UniqueConflictError
from whendue.jobs.due_index import live_entry
from whendue.jobs.failures import failure
from whendue.jobs.lifetime import STANDS_FOR, is_over
from whendue.jobs.limit_spec import Unique
from whendue.jobs.model import TERMINAL, Job, State, evolve, to_item
from whendue.jobs.rescue_policy import ended_by_expiry
from whendue.jobs.transition import Transition
from whendue.quotas import INTEGER_MAX, INTEGER_MIN, UNIQUE_HELD_S, UNIQUE_PATH_BYTES
from whendue.settings import Timing
from whendue.submission.request import JobRequest, UniqueRequest
from whendue.support.text import nearest
from whendue.table.keys import unique_key
from whendue.table.writes import Is, Write, insert

# A day after the last moment at which it says something.
_GRACE_S: Final = 86_400
_ENDED: Final = frozenset(state.value for state in TERMINAL)
# Names of a payload's fields that are compared with a misspelt one: a payload may have very many.
_NAMES_LOOKED_AT: Final = 100
# What a replaced job was cancelled for.
REPLACED: Final = "replaced"


class Decision(Enum):
    """What a submit does about the job that took its key last."""

    TAKE = "take"
    REPLACE = "replace"
    RETURN = "return"
    REJECT = "reject"


def holds(job: Job, unique_id: str, now_ms: int) -> bool:
    """Return whether a job holds a unique key. A job that may not begin any more holds what it will as it has ended.

    By clocks that differ a job may have expired or not; so whoever takes its key ends it in the same write (`to_end`).

    Args:
        job: the job as stored.
        unique_id: the key's id.
        now_ms: the time, ms UTC.
    """
    over = ended_by_expiry(job, now_ms)
    return holds_as_stored(over.job if over else job, unique_id, now_ms)


def holds_as_stored(job: Job, unique_id: str, now_ms: int) -> bool:
    """Return whether a job holds a unique key, not looking at its expiry. Once it does not, it never does again.

    The arguments are those of `holds`.
    """
    unique = job.unique
    if unique is None or unique.id != unique_id or now_ms >= unique.until or is_over(job, now_ms):
        return False
    match unique.scope:
        case "pending":
            return not job.terminal and not has_begun(job)
        case "running":
            return not job.terminal
        case "until_success":
            return not job.terminal or job.state is State.DEAD
        case _:
            # What never began has done nothing that was to be done once in this time.
            return job.state not in (State.CANCELLED, State.EXPIRED)


def to_end(job: Job, unique_id: str, now_ms: int) -> Transition | None:
    """Return the write that ends a job which by its expiry lets its key go; None where it holds it, or has let it go.

    The arguments are those of `holds`.
    """
    if not holds_as_stored(job, unique_id, now_ms) or holds(job, unique_id, now_ms):
        return None
    return ended_by_expiry(job, now_ms)


def has_begun(job: Job) -> bool:
    """Return whether an attempt of a job has begun: what has is not replaced."""
    return job.started_at is not None or job.state not in (State.WAITING, State.PENDING)


def decide(holder: Job | None, unique_id: str, request: UniqueRequest, now_ms: int) -> Decision:
    """Decide what a submit does.

    Args:
        holder: the job that took the key last; None if it is gone, or if no job ever did.
        unique_id: the key's id.
        request: what the submit asks for.
        now_ms: the time, ms UTC.
    """
    if holder is None or not holds(holder, unique_id, now_ms):
        return Decision.TAKE
    if request.on_conflict == "return":
        return Decision.RETURN
    if request.on_conflict == "reject" or has_begun(holder):
        return Decision.REJECT
    return Decision.REPLACE


def may_still_run(item: Mapping[str, Any], now_ms: int) -> bool:
    """Return whether a job that cannot be read may still run: its messages are gone a day after it was due.

    SQS keeps messages for longer, but a job that is no longer readable is not sent again: what is left of it after a
    day is for operators to look at, and no reason to refuse the submits of its key for ever.
    """
    due_at = item.get("due_at")
    return type(due_at) is int and now_ms < due_at + 1000 * _GRACE_S and item.get("state") not in _ENDED


def take(job: Job, current: Mapping[str, Any] | None, fence: str) -> Write:
    """Note that a job has its key from now on, if nobody has taken the key since it was read.

    Args:
        job: the new job.
        current: the key's item as read; None where there is none.
        fence: a mark that no other submit has.

    Raises:
        ValueError: the job has no unique key.
    """
    if job.unique is None:
        raise ValueError("the job has no unique key")
    key = unique_key(job.unique.id)
    values = {"job_id": job.id, "fence": fence, "expires_at": job.unique.until // 1000 + _GRACE_S}
    if current is None:
        return insert("hold_key", key, values)
    return Write("take_key", key, [Is("fence", current["fence"])], values)


def held_by(holder_id: str) -> str:
    """Say why a submit made no job."""
    return f"job {holder_id} holds its unique key"


def stand_in(job: Job, holder: Job) -> Write:
    """Note under a job's id that its request was answered with another job, for as long as its own would be kept.

    The item is that of a job which was cancelled before it began, in no index: whoever reads it finds an ended job.
    """
    why = failure(job, UniqueConflictError.code, held_by(holder.id), failed_at=job.created_at)
    ended = evolve(
        job,
        last=why,
        state=State.CANCELLED,
        check_at=None,
        finished_at=job.created_at,
        expires_at=job.due_at // 1000 + job.policy.retention_s,
        unmet_dependencies=None,
        payload=None,
        payload_at=None,
        unique=None,
    )
    return insert("stand_in", job.key, to_item(ended) | {STANDS_FOR: holder.id})


def unique_name(request: JobRequest) -> str:
    """Return the text that a request's unique key is derived from; equal texts of a tenant are the same key.

    Equal numbers are equal, as in JSON: 1 and 1.0. Integers are written as they always were, so that a deploy keeps the
    keys of payloads without numbers such as 1.0.

    Raises:
        ValueError: the request has none.
        InvalidRequestError: the payload has none of the places, so that all jobs would have the same key.
    """
    unique = request.unique
    if unique is None:
        raise ValueError("the request has no unique key")
    if unique.by_payload is None:
        return json.dumps([request.type, "key", unique.key])
    values = [_at(request.payload, path) for path in unique.by_payload] or [request.payload]
    if unique.by_payload and all(value is None for value in values):
        _check_places(request.payload, unique.by_payload)
    return json.dumps([request.type, "payload", unique.by_payload, _one_number(values)], sort_keys=True)


def _one_number(value: Any) -> Any:
    """Return a JSON value in which a whole number is an integer, however it was written; 1 and true stay two values."""
    match value:
        # Beyond, the API takes no integer that could be equal to it, and its digits would be many. -0.0 is 0.
        case float() if value.is_integer() and INTEGER_MIN <= value <= INTEGER_MAX:
            return int(value)
        case Mapping():
            return {name: _one_number(part) for name, part in value.items()}
        case list() | tuple():
            return [_one_number(part) for part in value]
        case _:
            return value


def _at(payload: Any, path: str) -> Any:
    """Return the value at a path of names; None where there is none."""
    for name in path.split("."):
        if not isinstance(payload, Mapping):
            return None
        payload = payload.get(name)
    return payload


def _check_places(payload: Any, paths: Sequence[str]) -> None:
    """Refuse paths none of which is in a payload; one that is there and has null as its value is."""
    missing = [_missing(payload, path) for path in paths]
    if not all(missing):
        return
    errors = [{"where": "unique.byPayload", "problem": problem} for problem in missing if problem]
    raise InvalidRequestError("the payload has none of the places that the unique key is made of", errors=errors)


def _missing(payload: Any, path: str) -> str | None:
    """Say that a path of names is not in a payload, and which one is probably meant; None if it is there."""
    names = path.split(".")
    for number, name in enumerate(names):
        if not isinstance(payload, Mapping) or name not in payload:
            known = payload if isinstance(payload, Mapping) else ()
            near = nearest(name, [text for text in islice(known, _NAMES_LOOKED_AT) if len(text) <= UNIQUE_PATH_BYTES])
            meant = ".".join([*names[:number], near, *names[number + 1 :]]) if near else None
            return f"the payload has no {path}" + (f"; did you mean {meant}?" if meant else "")
        payload = payload[name]
    return None


def unique_of(request: UniqueRequest, unique_id: str, due_at: int, now_ms: int) -> Unique:
    """Return the key as a new job carries it.

    Args:
        request: what the submit asks for.
        unique_id: the key's id.
        due_at: when the job is due, ms UTC; the earliest time where it waits for others.
        now_ms: the time, ms UTC.
    """
    held_ms = due_at + 1000 * UNIQUE_HELD_S if request.for_s is None else now_ms + round(1000 * request.for_s)
    latest = None if request.max_wait_s is None else now_ms + round(1000 * request.max_wait_s)
    return Unique(unique_id, request.scope, held_ms, latest=latest)


def succeeding(job: Job, replaced: Job, request: UniqueRequest, shards: int, timing: Timing) -> Job:
    """Return a new job that replaces another one, and says so: with `postpone` it is due within the longest wait.

    Args:
        job: the new job.
        replaced: the job that holds the key.
        request: what the submit asks for.
        shards: see `whendue.settings`.
        timing: the due-index rule's numbers.
    """
    if job.unique is None or replaced.unique is None:
        return job
    unique = replace(job.unique, replaced=replaced.id)
    if request.max_wait_s is None:
        return evolve(job, unique=unique)
    since = replaced.created_at if replaced.unique.since is None else replaced.unique.since
    latest = since + round(1000 * request.max_wait_s)
    due_at = max(job.created_at, min(job.due_at, latest))
    partition, check_at = live_entry(job.queue, job.id, due_at, shards, timing)
    unique = replace(unique, since=since, latest=latest)
    return evolve(job, due_at=due_at, due_pk=partition, check_at=check_at, unique=unique)
