"""How an attempt ended, as its job's next transition. Nothing here reads or writes."""

from typing import Final

from whendue.engine.payload_store import StoredPayload
from whendue.jobs.dependency_transitions import expand
from whendue.jobs.failures import failure
from whendue.jobs.model import State
from whendue.jobs.outcomes import Ended, Expanded, Failed, Stopped, Succeeded
from whendue.jobs.transition import Transition
from whendue.jobs.transitions import fail, finish_cancelled, requeue, succeed
from whendue.settings import Timing
from whendue.worker.claimed_job import DRAINED, ClaimedJob

# Why a job is dead whose end, or claim, the table can hold in no way.
UNSTORABLE: Final = "unstorable"


def to_transition(
    one: ClaimedJob, end: Ended, result: StoredPayload, now_ms: int, timing: Timing, draw: float
) -> Transition:
    """Return the job's next transition.

    Args:
        one: the claim.
        end: how its attempt ended.
        result: where a success's result is.
        now_ms: the time, ms UTC.
        timing: of checks.
        draw: a random number from 0 to 1, for the jitter of the next attempt.
    """
    match end:
        case Succeeded():
            return succeed(one.job, now_ms, result.inline, result.at, result.write)
        case Stopped():
            return finish_cancelled(one.job, now_ms)
        case Expanded(member_count, unmet_dependencies, deadline_at):
            return expand(one.job, member_count, unmet_dependencies, now_ms, deadline_at)
        case Failed("timeout") if one.cause == DRAINED:
            return requeue(one.job, max(now_ms, _free_at(one)), now_ms, timing)
        case Failed():
            return _failed(one, end, now_ms, timing, draw)


def _failed(one: ClaimedJob, end: Failed, now_ms: int, timing: Timing, draw: float) -> Transition:
    return fail(
        one.job,
        failure(one.job, cause_of(one, end), end.message, failed_at=now_ms, where=end.where),
        now_ms,
        timing,
        draw=draw,
        final=end.final,
        not_before=max(_free_at(one), now_ms + round(end.after_s * 1000) if end.after_s else 0),
    )


def cause_of(one: ClaimedJob, end: Failed) -> str:
    """Return why an attempt failed: an interrupted one, for what it was interrupted."""
    return one.cause if one.cause and end.type == "timeout" else end.type


def outcome_name(step: Transition) -> str:
    """Return the name by which an end is counted."""
    if step.job.state is not State.PENDING:
        return step.job.state.value
    return "given_back" if step.name == "requeue" else "retried"


def _free_at(one: ClaimedJob) -> int:
    """Return from when on another may run it: a task that did not stop may go on until its lease has expired (G4)."""
    return 0 if one.owned else one.lease_until + 1
