"""Lifetimes: what belongs to a job carries no expiry; it says when the timer looks whether its job is still there.

A payload, a result, a failed attempt, a `once` mark, a list of dependencies, a dependency edge, a large text in the
bucket and the members of a composite live as long as their job, however long it waits. Pure.
"""

from collections.abc import Mapping
from typing import Any, Final

from whendue.jobs.model import Job
from whendue.quotas import DEPENDED_ON_S, ERASE_AFTER_S, ERASE_CHECK_MAX_S, ERASE_CHECK_MIN_S
from whendue.table.keys import Key, blob_key, payload_key
from whendue.table.writes import Has, Write

ERASE: Final = "erase#"
# Where a payload or result is that has an item of its own.
IN_ITEM: Final = "item"
# Of an item in a job's place: the job that the request of its Idempotency-Key was answered with (decision 30).
STANDS_FOR: Final = "stands_for"


def erase_partition(shard: int) -> str:
    """Name a partition of the index in which belongings stand at the time of their next look."""
    return f"{ERASE}{shard}"


def belonging(job: Job, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the item of what belongs to a job: it is looked at once its job's retention may be over.

    What belongs to a member is erased with its composite job, so it is never looked at.

    Args:
        job: whose it is.
        values: what the item holds.
    """
    return _looked_at(job, values, first_check(job))


def _looked_at(job: Job, values: Mapping[str, Any], at_ms: int) -> dict[str, Any]:
    entry = {"due_pk": erase_partition(job.shard), "check_at": at_ms}
    return {**values, **({} if job.parent_id is not None else entry)}


def edge(dependent: Job, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the item that says that a job waits for another one's end; looked at before that other one could go."""
    return _looked_at(dependent, values, next_check_of_edge(dependent.created_at))


def list_of_dependencies(job: Job, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the item that lists what a job waits for; it may be due long after, and never."""
    return _looked_at(job, values, _after_retention(job, job.created_at))


def first_check(job: Job) -> int:
    """Return when to look first, ms UTC: a while after the retention of a job that ends when it is due.

    A process that writes a belonging before its job has long written the job by then. If the job is to run far ahead,
    the belonging is looked at once before: the job may never have been written, because its key was taken or the
    process died.
    """
    far_off = job.due_at - job.created_at > 1000 * ERASE_CHECK_MAX_S
    return job.created_at + 1000 * ERASE_AFTER_S if far_off and not job.claims else _after_retention(job, job.due_at)


def _after_retention(job: Job, ends_at: int) -> int:
    return ends_at + 1000 * (job.policy.retention_s + ERASE_AFTER_S)


def next_check(job: Job, now_ms: int, *, holds_payload: bool) -> int:
    """Return when to look again at what belongs to a job that is still there, ms UTC.

    Args:
        job: as stored.
        now_ms: the time of looking.
        holds_payload: it is the payload, or says where that is: every delayed job may have one.
    """
    if job.expires_at is not None:
        return max(1000 * (job.expires_at + 1), now_ms + 1000)
    again_ms = now_ms + min(max(now_ms - job.created_at, 1000 * ERASE_CHECK_MIN_S), 1000 * ERASE_CHECK_MAX_S)
    # What ends it before it is due puts its payload's look forward.
    return max(again_ms, _after_retention(job, job.due_at)) if holds_payload and not job.terminal else again_ms


def next_check_of_edge(now_ms: int) -> int:
    """Return when to look again at the edge to a dependent: before the job that it depends on could go, ms UTC."""
    return now_ms + 1000 * DEPENDED_ON_S // 2


def payload_item(job: Job) -> Key | None:
    """Return the key of the item that holds a job's payload, or that says where it is; None where it is inline."""
    if job.payload_at is None:
        return None
    if job.payload_at == IN_ITEM:
        return payload_key(job.id, job.request_hash, job.life)
    return blob_key(job.id, job.payload_at, job.life)


def check_sooner(job: Job, ends_at: int) -> Write | None:
    """Put a payload's look forward, for a job that ends before it was to be due; None where nothing is to be put."""
    key = payload_item(job)
    if key is None or ends_at >= job.due_at or job.parent_id is not None:
        return None
    return Write("look_sooner", key, [Has("check_at")], {"check_at": _after_retention(job, ends_at)})


def expiry(job: Job, finished_at: int) -> int | None:
    """Return when a finished job may go, seconds since 1970; None for a member: it goes with its composite.

    Others may depend on the job: before it goes, the timer checks whether one still needs it.
    """
    if job.parent_id is not None:
        return None
    return finished_at // 1000 + job.policy.retention_s + (DEPENDED_ON_S if job.has_dependents else 0)


def is_past(expires_at: int | None, now_ms: int) -> bool:
    """Return whether what expires then, in seconds since 1970, is gone: DynamoDB's TTL may delete it days later."""
    return expires_at is not None and expires_at * 1000 < now_ms


def is_over(job: Job, now_ms: int) -> bool:
    """Return whether a job's retention is over: it counts as absent, however late DynamoDB's TTL is."""
    return is_past(job.expires_at, now_ms)


def is_unknown_life(job: Job, life: int | None) -> bool:
    """Return whether something is of an earlier life of the job's id, or of one that never was."""
    return life is not None and life != job.life
