"""Retry policy: when does the next attempt start?"""

from whendue.jobs.model import Job, Policy
from whendue.quotas import HORIZON_S, RETRY_AGE_S


def backoff_s(policy: Policy, failures: int) -> float:
    """Return the whole backoff after the given number of failed attempts (at least 1), capped.

    Source: exponential backoff, https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
    """
    steps, cap_s = min(failures - 1, 64), min(policy.cap_s, HORIZON_S)
    try:
        return min(cap_s, policy.base_s * policy.factor**steps)
    except OverflowError:
        return cap_s


def delay_ms(policy: Policy, failures: int, draw: float) -> int:
    """Return the delay before the next attempt.

    Args:
        policy: the job's policy.
        failures: failed attempts so far, at least 1.
        draw: a number from [0, 1); with full jitter the delay is this part of the backoff.
    """
    whole = backoff_s(policy, failures)
    return round(1000 * (whole * draw if policy.jitter == "full" else whole))


def exhausted(job: Job, failures: int, now_ms: int) -> bool:
    """Return whether no attempt is left: it has failed too often, or was made too long ago."""
    return failures >= job.run_policy.max_attempts or now_ms >= _last_ms(job)


def within_horizon(job: Job, due_at: int, now_ms: int) -> int:
    """Bound an attempt's due time, ms UTC: no later than the horizon from now, and than a job of its age may run."""
    return min(due_at, now_ms + HORIZON_S * 1000, _last_ms(job))


def _last_ms(job: Job) -> int:
    return job.created_at + RETRY_AGE_S * 1000
