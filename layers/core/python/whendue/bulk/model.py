"""A bulk operation and its pieces: what is asked of many jobs, how far it is, and the items that say so. Pure."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from typing import Any, Final, NamedTuple

from whendue.bulk.quotas import OPERATION_FAILURES, OPERATION_KEPT_S, OPERATION_PACE_S
from whendue.jobs.due_index import partition_of
from whendue.quotas import HORIZON_S
from whendue.table.items import known
from whendue.table.keys import Key
from whendue.table.writes import REMOVE, Is, Lacks, Write, insert

# Sort keys of all operations of a tenant.
FIRST: Final = "operation#"
LAST: Final = "operation#~"


class Action(StrEnum):
    """What an operation does to each of its jobs."""

    CANCEL = "cancel"
    REDRIVE = "redrive"
    REPRIORITISE = "reprioritise"
    RESCHEDULE = "reschedule"
    DELETE = "delete"
    UNDO = "undo"


class OperationState(StrEnum):
    """What an operation is."""

    RUNNING = "running"
    FINISHED = "finished"
    CANCELLED = "cancelled"


class FailedJob(NamedTuple):
    """A job that an operation could not change: its id, and code and text of the error."""

    id: str
    code: str
    text: str


@dataclass(frozen=True, slots=True)
class Counts:
    """How many jobs an operation has come to.

    Args:
        changed: jobs that it has changed.
        unchanged: jobs that were as it wants them already.
        failed: jobs that it could not change.
    """

    changed: int = 0
    unchanged: int = 0
    failed: int = 0

    @property
    def all(self) -> int:
        """All of them."""
        return self.matched + self.failed

    @property
    def matched(self) -> int:
        """Those that are as the operation wants them now."""
        return self.changed + self.unchanged

    def plus(self, other: "Counts") -> "Counts":
        """Add the counts of a piece."""
        return Counts(self.changed + other.changed, self.unchanged + other.unchanged, self.failed + other.failed)


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One bulk operation, as its item holds it. Times are milliseconds since 1970, UTC.

    Args:
        id: UUIDv7.
        action: what is done to each job.
        by: who asked for it.
        wanted: the fields of the filter, as JSON; None where ids were given, or another operation is undone.
        ids: the ids that it has not come to yet, parted by spaces.
        id_count: how many ids were given.
        undoes: the operation that it undoes.
        queue: the new priority.
        due_at: the new due time.
        rate_per_s: maximum number of jobs in a second.
        by_due_times: the due times of redriven jobs alone keep the rate: all are redriven at once.
        limit: maximum number of jobs; None for all.
        piece: number of the piece that is next: all before are done and counted.
        positions: where the next piece goes on in the index, as JSON.
        next_at: when, by the rate, it is the next job's turn.
        passed_ms: it has come to all jobs that the filter lists after this time; None before the first piece.
        is_complete: it has come to all jobs: none is left by a limit or a cancel.
        counts: jobs so far.
        failures: the first jobs that could not be changed.
        cancelled_by: who cancelled it.
        undone_by: id of the operation that undoes it, which may have yet to be created.
    """

    tenant: str
    id: str
    action: Action
    created_at: int
    by: str
    wanted: str | None = None
    ids: str | None = None
    id_count: int | None = None
    undoes: str | None = None
    queue: str | None = None
    due_at: int | None = None
    rate_per_s: float | None = None
    by_due_times: bool = False
    limit: int | None = None
    piece: int = 0
    positions: str | None = None
    next_at: int = 0
    passed_ms: int | None = None
    is_complete: bool = False
    counts: Counts = Counts()
    failures: tuple[FailedJob, ...] = ()
    state: OperationState = OperationState.RUNNING
    ended_at: int | None = None
    cancelled_by: str | None = None
    undone_by: str | None = None

    @property
    def key(self) -> Key:
        """The item's key."""
        return operation_key(self.tenant, self.id)

    @property
    def is_running(self) -> bool:
        """Whether it has further jobs to come to."""
        return self.state is OperationState.RUNNING

    @property
    def left(self) -> int | None:
        """How many jobs it may still come to; None for all."""
        return None if self.limit is None else self.limit - self.counts.all

    @property
    def total(self) -> int | None:
        """How many jobs it comes to; None if that is known at the end alone."""
        if self.is_complete or self.state is OperationState.FINISHED:
            return self.counts.all
        return self.id_count if self.id_count is None or self.limit is None else min(self.id_count, self.limit)


class PlannedJob(NamedTuple):
    """A job that a piece changes, as it was when the piece was planned.

    Args:
        id: its id.
        asked: how often something was asked of it before (`change_number`).
        created_at: when it was created, ms UTC: another job may have its id later.
    """

    id: str
    asked: int
    created_at: int


@dataclass(frozen=True, slots=True)
class Piece:
    """Some jobs of an operation: stored before the first of them is changed, and never changed again.

    Args:
        number: its number in the operation, from 0.
        jobs: the jobs to change.
        failures: jobs that cannot be changed.
        positions, ids, passed_ms: how far the operation is then, as of `Operation`.
        is_last: no piece follows.
        begins_at: by the rate, the turn of its first job, ms UTC.
    """

    number: int
    jobs: tuple[PlannedJob, ...]
    failures: tuple[FailedJob, ...] = ()
    positions: str | None = None
    ids: str | None = None
    passed_ms: int | None = None
    is_last: bool = False
    begins_at: int = 0

    @property
    def size(self) -> int:
        """Number of its jobs."""
        return len(self.jobs) + len(self.failures)


# --- pace -----------------------------------------------------------------------------------------------------------


def room(operation: Operation, most: int, now_ms: int) -> int:
    """Return how many jobs the next piece may have: by the rate, by the limit, and `most` at most."""
    most = most if operation.left is None else min(most, operation.left)
    if operation.rate_per_s is None or operation.by_due_times:
        return most
    ahead_ms = now_ms + 1000 * OPERATION_PACE_S - begins_at(operation, now_ms)
    return min(most, max(0, 1 + int(ahead_ms * operation.rate_per_s / 1000))) if ahead_ms >= 0 else 0


def begins_at(operation: Operation, now_ms: int) -> int:
    """Return the turn of the next job, ms UTC: what was missed in an outage is not caught up."""
    return max(operation.next_at, now_ms)


def turn_of(operation: Operation, piece: Piece, number: int) -> int:
    """Return the turn of a job of a piece by the rate, ms UTC."""
    if operation.rate_per_s is None:
        return piece.begins_at
    # Bounded, however slow.
    return piece.begins_at + round(min(1000 * number / operation.rate_per_s, 1000 * HORIZON_S))


def next_look(operation: Operation, now_ms: int) -> int:
    """Return when the timer looks at a running operation again, ms UTC."""
    return now_ms if operation.rate_per_s is None else max(now_ms, operation.next_at - 1000 * OPERATION_PACE_S)


# --- steps ----------------------------------------------------------------------------------------------------------


def counted(operation: Operation, piece: Piece, done: Counts, failures: Sequence[FailedJob], now_ms: int) -> Operation:
    """Return the operation after a piece."""
    counts = operation.counts.plus(done)
    then = replace(
        operation,
        piece=piece.number + 1,
        positions=piece.positions,
        ids=piece.ids,
        next_at=turn_of(operation, piece, piece.size),
        passed_ms=operation.passed_ms if piece.passed_ms is None else piece.passed_ms,
        is_complete=piece.is_last,
        counts=counts,
        failures=(*operation.failures, *failures)[:OPERATION_FAILURES],
    )
    return ended(then, now_ms) if piece.is_last or then.left == 0 else then


def ended(operation: Operation, now_ms: int) -> Operation:
    """Return the operation as finished; one that was cancelled stays so."""
    if not operation.is_running:
        return operation
    return replace(operation, state=OperationState.FINISHED, ended_at=now_ms)


def cancelled(operation: Operation, by: str, now_ms: int) -> Operation:
    """Return the operation as cancelled."""
    return replace(operation, state=OperationState.CANCELLED, ended_at=now_ms, cancelled_by=by)


# --- items ----------------------------------------------------------------------------------------------------------


def operations_pk(tenant: str) -> str:
    """Return the partition key of a tenant's operations."""
    return f"OPERATIONS#{tenant}"


def operation_key(tenant: str, operation_id: str) -> Key:
    """Return the key of an operation."""
    return Key(operations_pk(tenant), f"{FIRST}{operation_id}")


def piece_key(tenant: str, operation_id: str, number: int) -> Key:
    """Return the key of a piece."""
    return Key(operations_pk(tenant), f"piece#{operation_id}#{number:06}")


def create(operation: Operation, shards: int) -> Write:
    """Create the item; it is in the due index until the operation has ended."""
    due = {"due_pk": _partition(operation, shards), "check_at": operation.created_at}
    return insert("create_operation", operation.key, _values(operation) | due)


def step(before: Operation, then: Operation, now_ms: int) -> Write:
    """Advance an operation, if it has not been advanced meanwhile; one that has ended leaves the due index."""
    values = _values(then)
    changes = values | {name: REMOVE for name in _values(before) if name not in values}
    if not then.is_running:
        changes |= {"due_pk": REMOVE, "check_at": REMOVE}
    elif then.rate_per_s is not None:
        changes |= {"check_at": next_look(then, now_ms)}
    return Write("move_operation", before.key, [Is("piece", before.piece), Is("state", before.state.value)], changes)


def mark_undone(before: Operation, then: Operation, now_ms: int) -> Write:
    """Note the operation that undoes this one, where none is noted."""
    write = step(before, then, now_ms)
    return replace(write, expected=[*write.expected, Lacks("undone_by")])


def plan(operation: Operation, piece: Piece) -> Write:
    """Store a piece where none is: what is stored first is what is done."""
    lines = [f"{job.id} {job.asked} {job.created_at}" for job in piece.jobs]
    values = {
        "number": piece.number,
        "jobs": "\n".join(lines) or None,
        "failures": _failures_text(piece.failures),
        "positions": piece.positions,
        "ids": piece.ids,
        "passed_ms": piece.passed_ms,
        "is_last": piece.is_last,
        "begins_at": piece.begins_at,
        "expires_at": _expires_at(operation),
    }
    key = piece_key(operation.tenant, operation.id, piece.number)
    return insert("plan_piece", key, {name: value for name, value in values.items() if value is not None})


def _partition(operation: Operation, shards: int) -> str:
    return partition_of(f"{operation.tenant}/{operation.id}", shards)


def _expires_at(operation: Operation) -> int:
    return operation.created_at // 1000 + OPERATION_KEPT_S


def _values(operation: Operation) -> dict[str, Any]:
    stored = {part.name: getattr(operation, part.name) for part in fields(operation)}
    counts = operation.counts
    stored |= {
        "action": operation.action.value,
        "state": operation.state.value,
        "counts": {"changed": counts.changed, "unchanged": counts.unchanged, "failed": counts.failed},
        "failures": _failures_text(operation.failures),
        "expires_at": _expires_at(operation),
    }
    return {name: value for name, value in stored.items() if value is not None}


def operation_from(item: Mapping[str, Any]) -> Operation:
    """Read an operation from its item.

    Raises:
        KeyError, TypeError, ValueError: it is none.
    """
    read = {
        "action": Action(item["action"]),
        "state": OperationState(item["state"]),
        "counts": Counts(**known(Counts, item["counts"])),
        "failures": _failures(item.get("failures")),
    }
    return Operation(**known(Operation, item) | read)


def piece_from(item: Mapping[str, Any]) -> Piece:
    """Read a piece from its item.

    Raises:
        KeyError, TypeError, ValueError: it is none.
    """
    read = {
        "jobs": tuple(_planned(line) for line in item.get("jobs", "").splitlines()),
        "failures": _failures(item.get("failures")),
    }
    return Piece(**known(Piece, item) | read)


def _planned(line: str) -> PlannedJob:
    job_id, asked, created_at = line.split(" ")
    return PlannedJob(job_id, int(asked), int(created_at))


def _failures_text(failures: Sequence[FailedJob]) -> str | None:
    return json.dumps(failures, ensure_ascii=False) if failures else None


def _failures(text: str | None) -> tuple[FailedJob, ...]:
    return tuple(FailedJob(*failed) for failed in json.loads(text)) if text else ()
