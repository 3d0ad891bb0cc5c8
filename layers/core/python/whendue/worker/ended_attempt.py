"""How an attempt ended, as its job's next transition."""

from typing import Final

from whendue.jobs.dependency_transitions import expand
from whendue.jobs.failures import Raised, failure
from whendue.jobs.model import Job, State
from whendue.jobs.outcomes import Ended, Expanded, Failed, Stopped, StoredPayload, Succeeded
from whendue.jobs.transition import Transition
from whendue.jobs.transitions import fail, finish_cancelled, requeue, succeed
from whendue.settings import Timing

# Why a run was interrupted whose process goes down.
DRAINED: Final = "drained"
# Why a job is dead whose end, or claim, the table can hold in no way.
UNSTORABLE: Final = "unstorable"


def to_transition(
    job: Job,
    end: Ended,
    result: StoredPayload,
    now_ms: int,
    timing: Timing,
    *,
    interrupted: str | None = None,
    free_at: int = 0,
    draw: float = 0,
) -> Transition:
    """Return the job's next transition.

    Args:
        job: as claimed.
        end: how its attempt ended.
        result: where a success's result is.
        now_ms: the time, ms UTC.
        timing: of checks.
        interrupted: why the attempt was interrupted, None if it was not.
        free_at: when another worker may run the job at the earliest, ms UTC.
        draw: a random number from 0 to 1, for the jitter of the next attempt.
    """
    match end:
        case Succeeded():
            return succeed(job, now_ms, result.inline, result.at, result.write)
        case Stopped():
            return finish_cancelled(job, now_ms)
        case Expanded(member_count, unmet_dependencies, deadline_at):
            return expand(job, member_count, unmet_dependencies, now_ms, deadline_at)
        case Failed("timeout") if interrupted == DRAINED:
            return requeue(job, max(now_ms, free_at), now_ms, timing)
        case Failed():
            cause = cause_of(end, interrupted)
            origin = Raised(end.where, end.stack, end.causes)
            error = failure(job, cause, end.message, failed_at=now_ms, raised_at=origin)
            not_before = max(free_at, now_ms + round(end.after_s * 1000) if end.after_s else 0)
            return fail(
                job,
                error,
                now_ms,
                timing,
                draw=draw,
                final=end.final,
                not_before=not_before,
                backoff_s=end.backoff_s,
            )


def cause_of(end: Failed, interrupted: str | None) -> str:
    """Return why an attempt failed: an interrupted one, for what it was interrupted."""
    return interrupted if interrupted and end.type == "timeout" else end.type


def outcome_name(step: Transition) -> str:
    """Return the name by which an end is counted."""
    if step.job.state is not State.PENDING:
        return step.job.state.value
    return "given_back" if step.name == "requeue" else "retried"
