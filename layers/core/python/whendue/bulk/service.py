"""Bulk operations: begin, continue, show, cancel and undo them; the timer continues what the request began."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple, NoReturn

from whendue.bulk.carrying import NOTHING, Carrier, Done
from whendue.bulk.decisions import STATES
from whendue.bulk.model import (
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
    piece_from,
    plan,
    room,
    step,
)
from whendue.bulk.quotas import OPERATION_IDS, OPERATION_PIECE, UNDO_CALL_S
from whendue.bulk.running import RunningMarks
from whendue.bulk.selection import Selector, text_of
from whendue.engine.ports import WriteStatus
from whendue.engine.readable import read_one
from whendue.engine.runtime import Runtime
from whendue.errors import InvalidRequestError, OperationNotFoundError, StateConflictError, UnavailableError
from whendue.operations.listing import JobFilter
from whendue.quotas import SCHEDULE_TRIES
from whendue.support.conflicts import CONFLICT, Conflict, NoWrite, retry_on_conflict

if TYPE_CHECKING:
    # Imported by the request that needs it: no timer does.
    from whendue.bulk.dry_run import Counted
    from whendue.bulk.listed import OperationPage


class Asked(NamedTuple):
    """What is asked of which jobs; one of `wanted` and `ids`.

    Args:
        action: what is done.
        by: who asks.
        wanted: which jobs; a redrive is of dead ones if it names no state.
        ids: their ids.
        names_queue: whether the filter was sent with `queue`, not `priority`.
        queue: the new priority, of `reprioritise`.
        due_at: the new due time, ms UTC, of `reschedule`.
        rate_per_s: maximum number of jobs in a second.
        limit: maximum number of jobs.
    """

    action: Action
    by: str
    wanted: JobFilter | None = None
    ids: Sequence[str] | None = None
    names_queue: bool = False
    queue: str | None = None
    due_at: int | None = None
    rate_per_s: float | None = None
    limit: int | None = None


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
        return self._begun(self._prepared(tenant, asked))[0]

    def begin_once(self, tenant: str, asked: Asked, key: str, request: str) -> tuple[Operation, bool]:
        """Begin an operation as `begin`, once for each Idempotency-Key; return whether this call has begun it.

        Args:
            tenant, asked: as `begin`.
            key: the Idempotency-Key.
            request: what was sent, as text: it must be the same each time.

        Raises:
            IdempotencyConflictError: another request was sent with the key.
            InvalidRequestError, TooManyOperationsError, UnavailableError: as `begin`.
        """
        from whendue.bulk.keyed import OperationKeys

        prepared = self._prepared(tenant, asked)
        # Refused before the key stands for it.
        self._selector.check(prepared)
        operation_id = OperationKeys(self._runtime).operation_of(tenant, key, request)
        if begun := self._begun_before(tenant, operation_id):
            return begun, False
        return self._begun(replace(prepared, id=operation_id))

    def dry_run(self, tenant: str, asked: Asked) -> tuple[Operation, "Counted"]:
        """Return an operation as it would be, and count its jobs, reading a bounded number of them; nothing is changed.

        Raises:
            InvalidRequestError: it could be of no job.
            UnavailableError: the table does not answer.
        """
        from whendue.bulk.dry_run import DryRun

        prepared = self._prepared(tenant, asked)
        return prepared, DryRun(self._runtime, self._selector).count(prepared)

    def undo(self, tenant: str, operation_id: str, by: str) -> Operation:
        """Begin an operation that ends the jobs of a redrive again that have not begun; one that runs is cancelled.

        Asked again, it is the same operation.

        Raises:
            OperationNotFoundError: there is none.
            StateConflictError: it is no redrive.
            TooManyOperationsError, UnavailableError: as `begin`.
        """
        undo_id = self._marked_undone(tenant, operation_id, by)
        if begun := self._begun_before(tenant, undo_id):
            return begun
        now_ms = self._runtime.clock.now_ms()
        undoing = Operation(
            tenant=tenant, id=undo_id, action=Action.UNDO, created_at=now_ms, by=by, undoes=operation_id
        )
        return self._begun(undoing, now_ms + 1000 * UNDO_CALL_S)[0]

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
            wanted=None if wanted is None else text_of(wanted, names_queue=asked.names_queue),
            ids=None if ids is None else " ".join(ids),
            id_count=None if ids is None else len(ids),
            queue=asked.queue,
            due_at=asked.due_at,
            rate_per_s=asked.rate_per_s,
            limit=asked.limit,
        )

    def _created(self, operation: Operation) -> tuple[Operation, bool]:
        """Store an operation; return it, or the one that another call has stored with its id, and which of them."""
        # Refused before anything is stored.
        self._selector.check(operation)
        self._marks.take(operation)
        [result] = self._runtime.store.apply([create(operation, self._runtime.settings.shards)])
        if result.done_or_raise():
            return operation, True
        # By another call, at the same moment.
        if begun := self._begun_before(operation.tenant, operation.id):
            return begun, False
        raise UnavailableError

    def _begun_before(self, tenant: str, operation_id: str) -> Operation | None:
        [item] = self._runtime.store.get([operation_key(tenant, operation_id)])
        return None if item is None else read_one(item, operation_from, f"the operation {operation_id}")

    def _begun(self, operation: Operation, until_ms: int = 0) -> tuple[Operation, bool]:
        """Create an operation, and do its first piece and those after it until a time (ms UTC); see `_created`."""
        operation, is_new = self._created(operation)
        with suppress(UnavailableError), self._runtime.bulkhead.around("operation", operation.id):
            for then, _ in self._pieces(operation):
                operation = then
                if self._runtime.clock.now_ms() >= until_ms:
                    break
        return operation, is_new

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

    def page(self, tenant: str, limit: int, cursor: str | None, state: OperationState | None = None) -> "OperationPage":
        """List the operations of a tenant, newest first; with a state, a page may be short before the end.

        Raises:
            InvalidCursorError: the cursor is not of this list.
            UnavailableError: the table does not answer.
        """
        from whendue.bulk.listed import OperationList

        return OperationList(self._runtime, self._marks).page(tenant, limit, cursor, state)

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
