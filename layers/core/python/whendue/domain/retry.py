"""Retry policy: when does the next attempt start?"""

from whendue.domain.job import Policy


def backoff_s(policy: Policy, failures: int) -> float:
    """Give the whole backoff after the given number of failed attempts (at least 1), capped.

    Source: exponential backoff, https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
    """
    steps = min(failures - 1, 64)
    try:
        return min(policy.cap_s, policy.base_s * policy.factor**steps)
    except OverflowError:
        return policy.cap_s


def delay_ms(policy: Policy, failures: int, draw: float) -> int:
    """Give the delay before the next attempt.

    Args:
        policy: the job's policy.
        failures: failed attempts so far, at least 1.
        draw: a number from [0, 1); with full jitter the delay is this part of the backoff.
    """
    whole = backoff_s(policy, failures)
    return round(1000 * (whole * draw if policy.jitter == "full" else whole))


def exhausted(policy: Policy, failures: int) -> bool:
    """Say whether no attempt is left."""
    return failures >= policy.max_attempts
