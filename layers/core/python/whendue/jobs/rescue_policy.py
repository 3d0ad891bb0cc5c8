"""What rescue does about a job whose next check has passed: a pure function of (job, now)."""

from whendue.jobs.model import Job, State
from whendue.jobs.transition import Transition
from whendue.jobs.transitions import cancel_lost, end_retries, expire, mark_dead, postpone_check
from whendue.quotas import MAX_LOST, RESCUE_INTERVAL_MAX_S, RESCUE_INTERVAL_MIN_S, WAITING_CHECK_MAX_S, WAITING_CHECK_S

WORKER_LOST = "worker_lost"
TOO_LATE = "no attempt begins after its expiry"


def decide(job: Job, now_ms: int, *, late: bool, paused: bool = False) -> Transition | None:
    """Choose the transition that heals the job, None to leave it alone.

    Args:
        job: the job as stored.
        now_ms: the time of looking.
        late: the job's message waits behind others: it is late, not lost.
        paused: a pause holds the job. It is not sent; what runs is looked after, and what may not run again ends.
    """
    if job.terminal:
        return None
    if over := ended_by_expiry(job, now_ms):
        return over
    if job.state is State.PENDING and late:
        return None
    if job.lease_until >= now_ms:
        return postpone_check(job, max(job.lease_until, now_ms + RESCUE_INTERVAL_MIN_S * 1000), send=False)
    # The messages of a running job arrive, since it was claimed: only a pending job is sent less and less often.
    unheard = job.rescues if job.state is State.PENDING else 0
    again = None if paused else postpone_check(job, now_ms + interval_ms(unheard), send=True)
    return ended_by_loss(job, now_ms) or again


def ended_by_loss(job: Job, now_ms: int) -> Transition | None:
    """End a running job whose lease has expired, if it may not be taken over.

    It was cancelled, or lost too often, or no attempt of it may begin any more.
    """
    if job.state is not State.RUNNING or job.lease_until >= now_ms:
        return None
    if job.cancel_requested:
        return cancel_lost(job, now_ms)
    if job.claims >= job.failures + MAX_LOST:
        return mark_dead(job, WORKER_LOST, f"the worker died {MAX_LOST} times while it ran this job", now_ms)
    if job.is_past_expiry(now_ms):
        message = f"the worker died while it ran this job; {TOO_LATE}"
        return mark_dead(job, WORKER_LOST, message, now_ms, expires_at=job.begin_by)
    return None


def ended_by_expiry(job: Job, now_ms: int) -> Transition | None:
    """End a job that waits for an attempt which may not begin any more: one that has never begun expires."""
    if job.state not in (State.PENDING, State.WAITING) or not job.is_past_expiry(now_ms):
        return None
    if job.started_at is None:
        return expire(job, now_ms)
    # A composite that waits for its members has begun.
    return end_retries(job, TOO_LATE, now_ms) if job.state is State.PENDING else None


def look_again_ms(job: Job, now_ms: int) -> int:
    """Return the next check of a waiting job: after as long as it has waited, from a minute to six hours."""
    waited_ms = now_ms - job.scheduled_at
    at_ms = now_ms + min(max(waited_ms, WAITING_CHECK_S * 1000), WAITING_CHECK_MAX_S * 1000)
    return min([at_ms, *(end for end in (job.deadline_at, job.begin_by) if end is not None and end > now_ms)])


def interval_ms(rescues: int) -> int:
    """Return the time until the next rescue: doubled each time, from 50 s to 15 minutes."""
    return 1000 * min(RESCUE_INTERVAL_MIN_S << min(rescues, 10), RESCUE_INTERVAL_MAX_S)
