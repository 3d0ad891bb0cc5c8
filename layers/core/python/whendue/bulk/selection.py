"""Which jobs the next piece of an operation has: by ids, by a filter, or those that another operation has redriven."""

import json
from collections.abc import Sequence
from dataclasses import asdict, fields, replace
from typing import Final, NamedTuple

from whendue.bulk.decisions import applies, is_noted
from whendue.bulk.model import (
    FailedJob,
    Operation,
    OperationState,
    Piece,
    PlannedJob,
    begins_at,
    operation_from,
    operation_key,
    piece_from,
    piece_key,
)
from whendue.bulk.notes import Notes
from whendue.bulk.quotas import OPERATION_FAILURE_BYTES
from whendue.engine.ports import Item
from whendue.engine.runtime import Runtime
from whendue.errors import JobNotFoundError, UnavailableError, UnreadableError, WhendueError
from whendue.jobs.lifetime import is_over
from whendue.jobs.model import Job, State, from_item
from whendue.jobs.transition import change_number
from whendue.operations.commands import is_gone
from whendue.operations.listing import JobFilter, Listing, entries_used, kept_positions, read_size
from whendue.schedule_quotas import IN_FLIGHT_S
from whendue.support.text import shortened
from whendue.table.index import IndexEntry
from whendue.table.keys import job_id_of, job_key

# In a filter's JSON, beside its fields.
NAMES_QUEUE: Final = "names_queue"


class Selected(NamedTuple):
    """A piece, and the jobs that it changes, as they were read."""

    piece: Piece
    jobs: list[Job]


class _Read(NamedTuple):
    """A job that was read, or why not; neither if it is no job of the operation."""

    job: Job | None = None
    failure: FailedJob | None = None


def failed(job_id: str, error: WhendueError) -> FailedJob:
    """Return that a job could not be changed, and why."""
    return FailedJob(job_id, error.code, shortened(str(error), OPERATION_FAILURE_BYTES))


def text_of(wanted: JobFilter, *, names_queue: bool = False) -> str:
    """Write a filter as JSON; what is None is left out. `names_queue` as of `Asked`."""
    values = {name: value for name, value in asdict(wanted).items() if value not in (None, ())}
    return json.dumps(values | ({NAMES_QUEUE: True} if names_queue else {}), ensure_ascii=False)


def names_queue(text: str) -> bool:
    """Return what `text_of` was given."""
    return NAMES_QUEUE in json.loads(text)


def filter_of(text: str) -> JobFilter:
    """Read a filter that `text_of` has written."""
    names = {part.name for part in fields(JobFilter)}
    values = {name: value for name, value in json.loads(text).items() if name in names}
    return JobFilter(**values | {"tags": tuple((name, value) for name, value in values.get("tags", ()))})


def snapshot(wanted: JobFilter, at_ms: int) -> JobFilter:
    """Leave out the jobs that were created later."""
    return replace(wanted, created_until=min(wanted.last_ms, at_ms))


def _may_be_undone(undone: str, job: Job) -> bool:
    return is_noted(undone, job) and job.state is State.PENDING and job.started_at is None


class Selector:
    """Plans pieces; it reads, and writes nothing."""

    def __init__(self, runtime: Runtime) -> None:
        """Use this runtime."""
        self._runtime = runtime
        self._listing = Listing(runtime)
        self._notes = Notes(runtime)

    def piece(self, operation: Operation, most: int) -> Piece:
        """Return the next piece, as `select`."""
        return self.select(operation, most).piece

    def select(self, operation: Operation, most: int) -> Selected:
        """Return the next piece, with `most` jobs at most; it may have none, and not be the last.

        Raises:
            UnavailableError: the table does not answer, or the operation that is undone has not come to rest.
        """
        if operation.undoes is not None:
            return self._redriven(operation)
        return self._named(operation, most) if operation.ids is not None else self._matching(operation, most)

    def check(self, operation: Operation) -> None:
        """Refuse an operation whose filter can match nothing.

        Raises:
            InvalidRequestError: it can match nothing.
        """
        if operation.wanted is not None:
            wanted = snapshot(filter_of(operation.wanted), operation.created_at)
            self._listing.walk(operation.tenant, wanted, None, 1)

    # --- by ids -------------------------------------------------------------------------------------------------

    def _named(self, operation: Operation, most: int) -> Selected:
        ids = (operation.ids or "").split()
        items = self._runtime.store.get([job_key(job_id) for job_id in ids[:most]]) if ids[:most] else []
        reads = [self._named_job(operation, job_id, item) for job_id, item in zip(ids[:most], items, strict=True)]
        left = ids[most:]
        return self._planned(operation, reads, ids=" ".join(left), is_last=not left)

    def _named_job(self, operation: Operation, job_id: str, item: Item | None) -> _Read:
        """Read a job. Nobody learns of another tenant's that there is one, not even that it cannot be read."""
        unknown = _Read(failure=failed(job_id, JobNotFoundError(f"no job has the id {job_id}")))
        if item is None or item.get("tenant") != operation.tenant:
            return unknown
        read = self._decoded(job_id, item)
        if read.job and is_gone(self._runtime.store, read.job, self._runtime.clock.now_ms()):
            return unknown
        return read

    # --- by a filter --------------------------------------------------------------------------------------------

    def _matching(self, operation: Operation, most: int) -> Selected:
        wanted = snapshot(filter_of(operation.wanted or "{}"), operation.created_at)
        merged = self._listing.walk(operation.tenant, wanted, operation.positions, most)
        reads: list[_Read] = []
        looked_at = 0
        while len(reads) < most and (taken := merged.take(read_size(most, len(reads), looked_at))):
            looked_at += len(taken)
            found = self._jobs(operation, wanted, [entry for _, entry in taken])
            used = entries_used(found, most - len(reads))
            merged.keep(taken, used)
            reads += [read for read in found[:used] if read]
        return self._planned(
            operation,
            reads,
            positions=kept_positions(merged),
            passed_ms=merged.passed_ms,
            is_last=merged.has_ended,
        )

    def _jobs(self, operation: Operation, wanted: JobFilter, entries: Sequence[IndexEntry]) -> list[_Read | None]:
        """Read the jobs of entries, in order; None for one that is not of the operation, or gone."""
        # Consistent: what was redriven a moment ago is not redriven again.
        items = self._runtime.store.get([entry.key for entry in entries])
        return [self._matching_job(operation, wanted, item) if item else None for item in items]

    def _matching_job(self, operation: Operation, wanted: JobFilter, item: Item) -> _Read | None:
        read = self._decoded(job_id_of(item["pk"]), item)
        job = read.job
        if job is None:
            return read
        is_there = job.tenant == operation.tenant and not is_over(job, self._runtime.clock.now_ms())
        is_meant = wanted.wants(job, operation.created_at) and applies(operation, job)
        return read if is_there and is_meant and not is_noted(operation.id, job) else None

    # --- of another operation -----------------------------------------------------------------------------------

    def _redriven(self, operation: Operation) -> Selected:
        """Plan the jobs that the same piece of the other operation has redriven.

        The piece that a cancel has met halfway is looked at twice: a process that was at it may still redrive some.
        """
        undone = operation.undoes or ""
        [original_item] = self._runtime.store.get([operation_key(operation.tenant, undone)])
        if original_item is None:
            return self._planned(operation, [], is_last=True)
        original = operation_from(original_item)
        is_again = operation.piece > original.piece
        if is_again and self._runtime.clock.now_ms() < (original.ended_at or 0) + 1000 * IN_FLIGHT_S:
            raise UnavailableError("the operation that is undone has not come to rest yet")
        # A cancel lets one piece more be counted: the one that it has met is one of the last two.
        numbers = [original.piece - 1, original.piece] if is_again else [operation.piece]
        reads = [
            read for number in numbers for read in self._redriven_jobs(operation, undone, number, is_again=is_again)
        ]
        is_last = is_again or (operation.piece + 1 >= original.piece and original.state is OperationState.FINISHED)
        return self._planned(operation, reads, is_last=is_last)

    def _redriven_jobs(self, operation: Operation, undone: str, number: int, *, is_again: bool) -> list[_Read]:
        """Read the jobs that a piece of the other operation has redriven; `is_again` leaves out those looked at."""
        [item] = self._runtime.store.get([piece_key(operation.tenant, undone, number)])
        jobs = piece_from(item).jobs if item else ()
        items = self._runtime.store.get([job_key(job.id) for job in jobs]) if jobs else []
        reads: list[_Read] = []
        for planned, job_item in zip(jobs, items, strict=True):
            read = self._decoded(planned.id, job_item) if job_item else None
            if read is None or (is_again and (read.job is None or not _may_be_undone(undone, read.job))):
                continue
            if read.job is None or self._notes.has(read.job, undone, planned.asked):
                reads.append(read)
        return reads

    # --- what they share ----------------------------------------------------------------------------------------

    def _decoded(self, job_id: str, item: Item) -> _Read:
        """Read a job; one that cannot be read is a failure of its own, and noted for the log."""
        try:
            return _Read(from_item(item))
        except Exception as error:  # noqa: BLE001 - it is this job's alone
            self._runtime.bulkhead.note("operation", job_id, error)
            return _Read(failure=failed(job_id, UnreadableError()))

    def _planned(
        self,
        operation: Operation,
        reads: Sequence[_Read],
        *,
        ids: str | None = None,
        positions: str | None = None,
        passed_ms: int | None = None,
        is_last: bool,
    ) -> Selected:
        jobs = [job for job, _ in reads if job]
        failures = [failure for _, failure in reads if failure]
        piece = Piece(
            number=operation.piece,
            jobs=tuple(PlannedJob(job.id, change_number(job), job.created_at) for job in jobs),
            failures=tuple(failures),
            positions=positions,
            ids=ids,
            passed_ms=passed_ms,
            is_last=is_last,
            begins_at=begins_at(operation, self._runtime.clock.now_ms()),
        )
        return Selected(piece, jobs)
