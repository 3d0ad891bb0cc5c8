"""Jobs that wait for others: the changes of their states, and of those whose ends they wait for."""

from typing import Any, Final

from whendue.jobs.due_index import expiry_of, writer_sends
from whendue.jobs.failures import failure
from whendue.jobs.model import Job, State
from whendue.jobs.transition import NOT_CANCELLED, Transition, archive, as_read, due, edges, finish, held, step
from whendue.jobs.transitions import keep_attempt
from whendue.quotas import WAITING_CHECK_S
from whendue.settings import Timing
from whendue.table.writes import Has, In, Is, Lacks, Less, Plus

_ENDS: Final = (State.SUCCEEDED, State.DEAD, State.CANCELLED, State.EXPIRED)
LIVE: Final = (State.WAITING.value, State.PENDING.value, State.RUNNING.value)


@edges(
    (State.WAITING, State.WAITING),
    (State.PENDING, State.PENDING),
    (State.RUNNING, State.RUNNING),
)
def add_dependent(job: Job) -> Transition:
    """Note that others wait for the end of a live job: from now on its end has a fan-out."""
    return step("add_dependent", job, [In("state", LIVE)], has_dependents=True)


@edges((State.WAITING, State.WAITING))
def satisfy(job: Job, elements: frozenset[int]) -> Transition:
    """Wait no longer for some of its dependencies; whether any are left is looked at afterwards."""
    return step("satisfy", job, [*as_read(job), Has("unmet_dependencies")], unmet_dependencies=Less(elements))


@edges((State.WAITING, State.PENDING))
def release(job: Job, now_ms: int, timing: Timing) -> Transition:
    """Let a job run whose last dependencies have ended (guarantee G7): due now, or at its due time if that is later."""
    changes, send = due(job, max(now_ms + round(1000 * (job.after_s or 0)), job.due_at), now_ms, timing)
    left = Is("unmet_dependencies", job.unmet_dependencies) if job.unmet_dependencies else Lacks("unmet_dependencies")
    expected = [*as_read(job), left, NOT_CANCELLED]
    if job.expires_s is not None:
        changes |= {"begin_by": expiry_of(changes["due_at"], job.expires_s), "expires_s": None}
    return step("release", job, expected, send=send, state=State.PENDING, unmet_dependencies=None, **changes)


@edges((State.WAITING, State.CANCELLED))
def cancel_unsatisfied(job: Job, cause: str, message: str, now_ms: int) -> Transition:
    """Finish as cancelled a job that a dependency's end leaves without a reason to run."""
    error = failure(job, cause, message, failed_at=now_ms)
    return finish("cancel_unsatisfied", job, as_read(job), State.CANCELLED, now_ms, first=keep_attempt(job), last=error)


@edges((State.RUNNING, State.WAITING))
def expand(
    job: Job, member_count: int, unmet_dependencies: frozenset[int], now_ms: int, deadline_at: int | None
) -> Transition:
    """Wait for the jobs that this run has made; a run for itself, it counts neither as attempt nor as lost.

    Refused once a cancel was requested: none of them has been sent yet, and none is to run (guarantee G9).
    A new generation: a message of the one that made them, delivered again, is stale.
    """
    changes: dict[str, Any] = {
        "state": State.WAITING,
        "member_count": member_count,
        "unmet_dependencies": unmet_dependencies,
        "lease_until": 0,
    }
    check_at = min(now_ms + WAITING_CHECK_S * 1000, deadline_at or now_ms + WAITING_CHECK_S * 1000)
    changes |= {"claims": Plus(-1), "check_at": check_at, "rescues": 0, "deadline_at": deadline_at}
    changes["generation"] = job.generation + 1
    return step("expand", job, [*held(job), NOT_CANCELLED], **changes)


@edges(*((state, state) for state in _ENDS))
def advance_fan_out(job: Job, reached: str) -> Transition:
    """Store how far the fan-out of an end is."""
    return step(
        "advance_fan_out", job, [*as_read(job), Is("pending_fan_out", job.pending_fan_out)], pending_fan_out=reached
    )


@edges(*((state, state) for state in (*_ENDS, State.PENDING)))
def finish_fan_out(job: Job, now_ms: int, timing: Timing) -> Transition:
    """Complete the fan-out: a finished job leaves the live due index, a failed one's next attempt is sent."""
    expected = [*as_read(job), Is("pending_fan_out", job.pending_fan_out)]
    if job.finished_at is not None:
        archived = archive(job, job.state, job.finished_at, job.last)
        return step("finish_fan_out", job, expected, pending_fan_out=None, **archived)
    send = (job.check_at or 0) <= now_ms or writer_sends(job.check_at, job.scheduled_at, timing)
    return step("finish_fan_out", job, expected, send=send, pending_fan_out=None)
