"""Rates: how many jobs of a key start per second, and the arithmetic of it."""

from collections.abc import Sequence

from whendue.jobs.limit_spec import Wait
from whendue.quotas import HORIZON_S, RATE_BURST_S, RATE_TOKEN_KEPT_S

SECOND_US = 1_000_000


def burst(rate_per_s: float) -> int:
    """Return how many jobs may start at once after a quiet time: one second of the rate, at least one."""
    return max(1, int(rate_per_s * RATE_BURST_S))


def interval_us(rate_per_s: float) -> int:
    """Return the time between two starts, microseconds, rounded up so that the rate is never exceeded."""
    return -int(-SECOND_US // rate_per_s)


def reserve(tat_us: int, now_us: int, rate_per_s: float, count: int) -> tuple[Sequence[int], int]:
    """Reserve starts: when each may be, and the theoretical arrival time (TAT) after them; microseconds UTC.

    In any time of w seconds there are at most `burst + rate x w` starts. The generic cell rate algorithm, virtual
    scheduling, with starts that do not conform put off until they do instead of refused.
    Source: ITU-T I.371 (2004), annex A, https://www.itu.int/rec/T-REC-I.371

    Args:
        tat_us: the TAT so far, 0 where nothing has started yet.
        now_us: the time.
        rate_per_s: starts per second.
        count: how many starts; those beyond the horizon are not reserved.
    """
    step_us = interval_us(rate_per_s)
    tolerance_us = (burst(rate_per_s) - 1) * step_us
    horizon_us = now_us + HORIZON_S * SECOND_US
    # An older version may have reserved further ahead.
    tat_us = min(tat_us, horizon_us + tolerance_us + step_us)
    starts = []
    for _ in range(count):
        tat_us = max(tat_us, now_us)
        start = max(now_us, tat_us - tolerance_us)
        if start > horizon_us:
            break
        starts.append(start)
        tat_us += step_us
    return starts, tat_us


def token_is_good(wait: Wait | None, key: str, due_at: int, now_ms: int) -> bool:
    """Return whether a job that was deferred by its rate may use its reserved token.

    A token that is used late adds to those of the time it is used in: after an outage all of them would be used at
    once. So it is good for some seconds only; for twice as long each time, else a queue that is always slow would let
    nothing start.
    """
    if wait is None or wait.what != "rate" or wait.key != key or wait.far:
        return False
    return now_ms <= due_at + (1000 * RATE_TOKEN_KEPT_S << min(wait.late, 16))
