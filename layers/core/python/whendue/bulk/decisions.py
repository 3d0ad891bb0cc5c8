"""What an operation does to one job: whether it applies, and the transition."""

from collections.abc import Mapping
from typing import Final

from whendue.bulk.model import Action, Operation, Piece, turn_of
from whendue.errors import StateConflictError
from whendue.jobs.model import Job, State, shown_state
from whendue.jobs.transition import Transition, of_operation, redrive_undone_at
from whendue.jobs.transitions import undo_redrive
from whendue.operations.commands import cancel_step, redrive_step, reschedule_step
from whendue.settings import Settings

LIVE: Final = ("scheduled", "queued", "waiting", "running")
PENDING: Final = ("scheduled", "queued")
ENDED_BADLY: Final = ("dead", "cancelled", "expired")
# The states, as shown, in which a filter finds jobs for an action; a redrive is of dead ones if none is named.
STATES: Final[Mapping[Action, tuple[str, ...]]] = {
    Action.CANCEL: LIVE,
    Action.REDRIVE: ENDED_BADLY,
    Action.REPRIORITISE: PENDING,
    Action.RESCHEDULE: PENDING,
    Action.DELETE: ("succeeded", *ENDED_BADLY),
}


def applies(operation: Operation, job: Job) -> bool:
    """Return whether a job that a filter finds is one that an operation changes: as it was when that began."""
    if shown_state(job, operation.created_at) not in STATES[operation.action]:
        return False
    match operation.action:
        case Action.CANCEL:
            return not job.cancel_requested
        case Action.REDRIVE:
            return _had_ended(operation, job)
        case Action.DELETE:
            # What belongs to a composite is erased with it.
            return _had_ended(operation, job) and job.parent_id is None and job.pending_fan_out is None
        case _:
            return True


def _had_ended(operation: Operation, job: Job) -> bool:
    # One whose redrive was undone since has the end of before, and was not ended then.
    return job.finished_at is not None and max(job.finished_at, redrive_undone_at(job)) <= operation.created_at


def is_noted(operation_id: str, job: Job) -> bool:
    """Return whether the last that was asked of a job was this operation."""
    return job.change is not None and job.change.get("operation") == operation_id


def decide(
    operation: Operation, piece: Piece, number: int, job: Job, now_ms: int, settings: Settings
) -> Transition | None:
    """Return the transition of a job of a piece; None if the job is as the operation wants it already.

    Args:
        operation: any but one that deletes.
        piece: the piece.
        number: number of the job in the piece.
        job: as read.
        now_ms: the time.
        settings: the deployment's.

    Raises:
        InvalidRequestError, StateConflictError: the job cannot be changed so.
    """
    over = _decide(operation, piece, number, job, now_ms, settings)
    return over and of_operation(over, operation.id)


def _decide(
    operation: Operation, piece: Piece, number: int, job: Job, now_ms: int, settings: Settings
) -> Transition | None:
    match operation.action:
        case Action.CANCEL:
            return cancel_step(job, now_ms, operation.by)
        case Action.REDRIVE:
            turn = turn_of(operation, piece, number)
            due_at = turn if operation.rate_per_s is not None else now_ms
            return redrive_step(job, max(due_at, now_ms), now_ms, settings.timing, operation.by)
        case Action.UNDO:
            return _undo(operation, job, now_ms)
        case _:
            return reschedule_step(job, operation.due_at, operation.queue, now_ms, settings, operation.by)


def _undo(operation: Operation, job: Job, now_ms: int) -> Transition:
    """Undo a redrive of a job that has not begun since.

    Raises:
        StateConflictError: it has begun, or something else was asked of it since.
    """
    state = shown_state(job, now_ms)
    if not is_noted(operation.undoes or "", job) or job.change is None or job.change["kind"] != "redriven":
        raise StateConflictError("the job was changed after it was redriven", state=state)
    if job.state is not State.PENDING or job.started_at is not None:
        raise StateConflictError("the job has begun since it was redriven", state=state)
    return undo_redrive(job, now_ms, operation.by)
