"""Bulk operations: begin, continue, show, cancel and undo them; the timer continues what the request began."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import NamedTuple, NoReturn

from whendue.bulk.carrying import NOTHING, Carrier, Done
from whendue.bulk.decisions import STATES
from whendue.bulk.model import (
    FIRST,
    LAST,
    Action,
    FailedJob,
    Operation,
    OperationState,
    Piece,
    cancelled,
    counted,
    create,
    mark_undone,
    operation_from,
    operation_key,
    operations_pk,
    piece_from,
    plan,
    room,
    step,
)
from whendue.bulk.quotas import (
    DRY_RUN_EXAMPLES,
    DRY_RUN_PAGES,
    DRY_RUN_S,
    OPERATION_IDS,
    OPERATION_PIECE,
    UNDO_CALL_S,
)
from whendue.bulk.running import RunningMarks
from whendue.bulk.selection import Selector, text_of
from whendue.engine.ports import WriteStatus
from whendue.engine.readable import read_one, readable
from whendue.engine.runtime import Runtime
from whendue.errors import InvalidRequestError, OperationNotFoundError, StateConflictError, UnavailableError
from whendue.operations.listing import JobFilter
from whendue.quotas import LIST_READS, SCHEDULE_TRIES
from whendue.support.conflicts import CONFLICT, Conflict, NoWrite, retry_on_conflict


class Asked(NamedTuple):
    """What is asked of which jobs; one of `wanted` and `ids`.

    Args:
        action: what is done.
        by: who asks.
        wanted: which jobs; a redrive is of dead ones if it names no state.
        ids: their ids.
        queue: the new priority, of `reprioritise`.
        due_at: the new due time, ms UTC, of `reschedule`.
        rate_per_s: maximum number of jobs in a second.
        limit: maximum number of jobs.
    """

    action: Action
    by: str
    wanted: JobFilter | None = None
    ids: Sequence[str] | None = None
    queue: str | None = None
    due_at: int | None = None
    rate_per_s: float | None = None
    limit: int | None = None


class Counted(NamedTuple):
    """What a dry run has counted.

    Args:
        matched: number of jobs that an operation would come to.
        is_exact: False if there may be more.
        examples: ids of some.
        failures: those that could not be changed; the list is bounded as what is counted.
    """

    matched: int
    is_exact: bool
    examples: list[str]
    failures: list[FailedJob]


class Ran(NamedTuple):
    """What an operation of few jobs has done.

    Args:
        operation: as it is then.
        changed: ids of the jobs that it has changed.
        failures: all the jobs that it could not change.
    """

    operation: Operation
    changed: list[str]
    failures: list[FailedJob]


class OperationPage(NamedTuple):
    """Some operations, newest first, and where to go on; a cursor of None is the end."""

    operations: list[Operation]
    cursor: str | None


class BulkService:
    """Works on many jobs with one request."""

    def __init__(self, runtime: Runtime) -> None:
        """Use this runtime."""
        self._runtime = runtime
        self._selector = Selector(runtime)
        self._carrier = Carrier(runtime)
        self._marks = RunningMarks(runtime)

    # --- begin ----------------------------------------------------------------------------------------------------

    def begin(self, tenant: str, asked: Asked) -> Operation:
        """Begin an operation and do its first piece.

        Args:
            tenant: whose jobs.
            asked: what of which.

        Raises:
            InvalidRequestError: it could be of no job.
            TooManyOperationsError: the tenant has as many running ones as it may have.
            UnavailableError: nothing was begun, or all was; ask again.
        """
        return self._begun(self._prepared(tenant, asked))

    def dry_run(self, tenant: str, asked: Asked) -> tuple[Operation, Counted]:
        """Return an operation as it would be, and count its jobs, reading a bounded number of them; nothing is changed.

        Raises:
            InvalidRequestError: it could be of no job.
            UnavailableError: the table does not answer.
        """
        operation = prepared = self._prepared(tenant, asked)
        until_ms = operation.created_at + 1000 * DRY_RUN_S
        pieces: list[Piece] = []
        while len(pieces) < DRY_RUN_PAGES and (not pieces or self._runtime.clock.now_ms() < until_ms):
            piece = self._selector.piece(operation, LIST_READS if operation.left is None else operation.left)
            pieces.append(piece)
            left = None if operation.limit is None else operation.limit - piece.size
            operation = replace(operation, positions=piece.positions, ids=piece.ids, limit=left, piece=len(pieces))
            if piece.is_last or left == 0:
                break
        jobs = [job for piece in pieces for job in piece.jobs]
        failures = [failure for piece in pieces for failure in piece.failures]
        is_exact = pieces[-1].is_last or operation.limit == 0
        examples = [job.id for job in jobs[:DRY_RUN_EXAMPLES]]
        return prepared, Counted(len(jobs) + len(failures), is_exact, examples, failures)

    def undo(self, tenant: str, operation_id: str, by: str) -> Operation:
        """Begin an operation that ends the jobs of a redrive again that have not begun; one that runs is cancelled.

        Asked again, it is the same operation.

        Raises:
            OperationNotFoundError: there is none.
            StateConflictError: it is no redrive.
            TooManyOperationsError, UnavailableError: as `begin`.
        """
        undo_id = self._marked_undone(tenant, operation_id, by)
        [item] = self._runtime.store.get([operation_key(tenant, undo_id)])
        if item is not None:
            return read_one(item, operation_from, f"the operation {undo_id}")
        now_ms = self._runtime.clock.now_ms()
        undoing = Operation(
            tenant=tenant, id=undo_id, action=Action.UNDO, created_at=now_ms, by=by, undoes=operation_id
        )
        return self._begun(undoing, now_ms + 1000 * UNDO_CALL_S)

    def _marked_undone(self, tenant: str, operation_id: str, by: str) -> str:
        """Stop a redrive and note in it which operation undoes it; return that one's id, the first that was noted."""

        def decide(original: Operation) -> Operation | NoWrite[str]:
            if original.action is not Action.REDRIVE:
                raise StateConflictError(f"only a redrive can be undone; the action of this one is {original.action}")
            return original if original.undone_by is None else NoWrite(original.undone_by)

        def apply(original: Operation) -> str | Conflict:
            new_id, now_ms = self._runtime.clock.new_id(), self._runtime.clock.now_ms()
            stopped = cancelled(original, by, now_ms) if original.is_running else original
            write = mark_undone(original, replace(stopped, undone_by=new_id), now_ms)
            [result] = self._runtime.store.apply([write])
            return new_id if result.done_or_raise() else CONFLICT

        return retry_on_conflict(
            lambda: self.get(tenant, operation_id), decide, apply, exhausted=_keeps_changing, tries=SCHEDULE_TRIES
        )

    def _prepared(self, tenant: str, asked: Asked) -> Operation:
        """Return the operation that is asked for.

        Raises:
            InvalidRequestError: it could be of no job.
            UnknownQueueError: the deployment has no such queue as the new one.
        """
        if asked.queue is not None:
            self._runtime.settings.check_queue(asked.queue)
        ids = None if asked.ids is None else list(dict.fromkeys(asked.ids))
        if ids is not None and not 0 < len(ids) <= OPERATION_IDS:
            raise InvalidRequestError(f"ids must have 1 to {OPERATION_IDS} items")
        wanted = asked.wanted
        if wanted is not None:
            states = STATES[asked.action]
            if wanted.state is None and asked.action is Action.REDRIVE:
                wanted = replace(wanted, state="dead")
            if wanted.state not in (None, *states):
                raise InvalidRequestError(f"filter.state must be one of {', '.join(states)} for {asked.action}")
        return Operation(
            tenant=tenant,
            id=self._runtime.clock.new_id(),
            action=asked.action,
            created_at=self._runtime.clock.now_ms(),
            by=asked.by,
            wanted=None if wanted is None else text_of(wanted),
            ids=None if ids is None else " ".join(ids),
            id_count=None if ids is None else len(ids),
            queue=asked.queue,
            due_at=asked.due_at,
            rate_per_s=asked.rate_per_s,
            limit=asked.limit,
        )

    def _created(self, operation: Operation) -> None:
        # Refused before anything is stored.
        self._selector.check(operation)
        self._marks.take(operation)
        [result] = self._runtime.store.apply([create(operation, self._runtime.settings.shards)])
        if not result.done_or_raise():
            raise UnavailableError

    def _begun(self, operation: Operation, until_ms: int = 0) -> Operation:
        """Create an operation, and do its first piece and those after it until a time (ms UTC)."""
        self._created(operation)
        with suppress(UnavailableError), self._runtime.bulkhead.around("operation", operation.id):
            for then, _ in self._pieces(operation):
                operation = then
                if self._runtime.clock.now_ms() >= until_ms:
                    break
        return operation

    def _pieces(self, operation: Operation) -> Iterator[tuple[Operation, Done]]:
        """Do piece after piece until none is left, or none is its turn; iterate over the operation after each."""
        piece = -1
        while operation.is_running and operation.piece != piece:
            piece = operation.piece
            operation, done = self._piece(operation)
            yield operation, done

    def run(self, tenant: str, asked: Asked, positions: str | None) -> Ran:
        """Begin a redrive of few jobs and do all its pieces; what is left when a service fails, the timer does.

        The due times of the jobs keep the rate.

        Args:
            tenant, asked: as `begin`.
            positions: where it begins in the index (`Listing.positions`).

        Raises:
            InvalidRequestError, TooManyOperationsError, UnavailableError: as `begin`.
        """
        operation = replace(self._prepared(tenant, asked), by_due_times=True, positions=positions)
        self._created(operation)
        changed: list[str] = []
        failures: list[FailedJob] = []
        with suppress(UnavailableError), self._runtime.bulkhead.around("operation", operation.id):
            for then, done in self._pieces(operation):
                operation = then
                changed += done.changed
                failures += done.failures
        return Ran(operation, changed, failures)

    # --- continue -------------------------------------------------------------------------------------------------

    def further(self, operation: Operation) -> Operation:
        """Do the next piece, if it is its turn by the rate; each step of it can be repeated by any process.

        Raises:
            UnavailableError: some of it is still to be done.
        """
        return self._piece(operation)[0]

    def _piece(self, operation: Operation) -> tuple[Operation, Done]:
        """Do the next piece; return the operation after it, and what was done."""
        most = room(operation, OPERATION_PIECE, self._runtime.clock.now_ms())
        if not operation.is_running or most == 0:
            return operation, NOTHING
        piece = self._stored(operation, self._selector.piece(operation, most))
        done = self._carrier.carry_out(operation, piece)
        now_ms = self._runtime.clock.now_ms()
        then = counted(operation, piece, done.counts, done.failures, now_ms)
        [result] = self._runtime.store.apply([step(operation, then, now_ms)])
        if result.status is WriteStatus.UNAVAILABLE:
            raise UnavailableError
        # A current item means that the write was refused: another process has counted this piece, or it was cancelled.
        return then if result.current is None else self._stopped(operation_from(result.current), then), done

    def _stored(self, operation: Operation, piece: Piece) -> Piece:
        """Store a piece; return the one of this number that was stored first."""
        [result] = self._runtime.store.apply([plan(operation, piece)])
        if result.failed:
            raise UnavailableError
        return piece if result.done else piece_from(result.current or {})

    def _stopped(self, current: Operation, then: Operation) -> Operation:
        """Count the piece that a cancel has met halfway: its jobs are changed."""
        if current.piece != then.piece - 1 or current.is_running:
            return current
        kept = replace(
            then,
            state=current.state,
            ended_at=current.ended_at,
            cancelled_by=current.cancelled_by,
            undone_by=current.undone_by,
        )
        [result] = self._runtime.store.apply([step(current, kept, self._runtime.clock.now_ms())])
        return kept if result.done else current

    # --- show and cancel ------------------------------------------------------------------------------------------

    def get(self, tenant: str, operation_id: str) -> Operation:
        """Show an operation.

        Raises:
            OperationNotFoundError: there is none.
            UnreadableError: it cannot be read.
            UnavailableError: the table does not answer.
        """
        [item] = self._runtime.store.get([operation_key(tenant, operation_id)])
        if item is None:
            raise OperationNotFoundError(f"no operation has the id {operation_id}")
        return read_one(item, operation_from, f"the operation {operation_id}")

    def page(self, tenant: str, limit: int, cursor: str | None) -> OperationPage:
        """List the operations of a tenant, newest first.

        Raises:
            InvalidCursorError: the cursor is not of this list.
            UnavailableError: the table does not answer.
        """
        cursors, bound = self._runtime.cursors, ("operations", tenant)
        last = LAST if cursor is None else str(cursors.open(cursor, bound))
        items = self._runtime.store.query_range(
            operations_pk(tenant), first=FIRST, last=last, limit=limit + 2, newest_first=True
        )
        page = [item for item in items if cursor is None or item["sk"] != last]
        more = cursors.seal(page[limit - 1]["sk"], bound) if len(page) > limit else None
        return OperationPage(readable(self._runtime, page[:limit], operation_from, "list_operations"), more)

    def cancel(self, tenant: str, operation_id: str, by: str) -> Operation:
        """Change no further jobs; one that was cancelled stays as it is.

        Raises:
            OperationNotFoundError: there is none.
            StateConflictError: it has finished.
            UnavailableError: the outcome is unknown; ask again.
        """

        def decide(operation: Operation) -> Operation | NoWrite[Operation]:
            if operation.state is OperationState.CANCELLED:
                return NoWrite(operation)
            if not operation.is_running:
                raise StateConflictError("the operation has finished; what it has changed stays")
            return operation

        def apply(operation: Operation) -> Operation | Conflict:
            now_ms = self._runtime.clock.now_ms()
            then = cancelled(operation, by, now_ms)
            [result] = self._runtime.store.apply([step(operation, then, now_ms)])
            return then if result.done_or_raise() else CONFLICT

        return retry_on_conflict(
            lambda: self.get(tenant, operation_id), decide, apply, exhausted=_keeps_changing, tries=SCHEDULE_TRIES
        )


def _keeps_changing() -> NoReturn:
    raise StateConflictError("the operation keeps changing; try again")
