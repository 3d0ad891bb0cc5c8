"""When rescue looks again at a pending job that it must not send: a pause holds it, or its queue is backed up.

Its check is moved once and far enough ahead, so that such jobs hide nothing that stands behind them.
"""

from whendue.jobs.model import Job
from whendue.quotas import HELD_CHECK_MAX_S, HELD_CHECK_MIN_S, LATE_CHECK_MAX_S, LATE_CHECK_MIN_S


def held_check(job: Job, now_ms: int, pause_ends_at: int | None) -> int:
    """Return the next check of a job that a pause holds, ms UTC: a resume brings it back sooner, its expiry ends it.

    Args:
        job: a pending job that was due.
        now_ms: the time of looking.
        pause_ends_at: when the pause ends by itself, ms UTC; None if it does not.
    """
    at_ms = now_ms + _within(_waited_ms(job, now_ms), HELD_CHECK_MIN_S, HELD_CHECK_MAX_S)
    at_ms = at_ms if pause_ends_at is None else max(now_ms, min(at_ms, pause_ends_at))
    return _by_expiry(job, at_ms)


def late_check(job: Job, now_ms: int) -> int:
    """Return the next check of a job whose message waits behind others, ms UTC: at most as late again as it is."""
    return _by_expiry(job, now_ms + _within(_waited_ms(job, now_ms), LATE_CHECK_MIN_S, LATE_CHECK_MAX_S))


def is_held(check_at: int | None, now_ms: int) -> bool:
    """Return whether the check of a due, pending job was set by `held_check`: no other check is so far ahead."""
    return check_at is not None and check_at > now_ms + 1000 * (LATE_CHECK_MAX_S + LATE_CHECK_MIN_S)


def _by_expiry(job: Job, at_ms: int) -> int:
    return at_ms if job.begin_by is None else min(at_ms, job.begin_by)


def _waited_ms(job: Job, now_ms: int) -> int:
    return now_ms - max(job.due_at, job.scheduled_at)


def _within(waited_ms: int, least_s: int, most_s: int) -> int:
    return min(max(waited_ms, 1000 * least_s), 1000 * most_s)
