"""Median, range and percentiles: all that the page says of several trials."""

import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Summary:
    """Several trials of one measurement.

    Args:
        median: of the trials.
        low: the lowest.
        high: the highest.
        trials: how many there were.
    """

    median: float
    low: float
    high: float
    trials: int


def summary(values: Iterable[float | None]) -> Summary | None:
    """Summarise trials; None if none has a value."""
    known = [value for value in values if value is not None]
    if not known:
        return None
    return Summary(statistics.median(known), min(known), max(known), len(known))


def percentile(values: Sequence[float], percent: float) -> float:
    """Return the value that so many percent do not exceed (nearest rank).

    Raises:
        ValueError: there are no values.
    """
    if not values:
        raise ValueError("a percentile of nothing")
    return sorted(values)[max(0, math.ceil(percent / 100 * len(values)) - 1)]


def ratio(value: float | None, base: float | None) -> float | None:
    """Divide; None if one is unknown, or the base is nothing."""
    return value / base if value is not None and base else None


def paired(values: Sequence[float | None], bases: Sequence[float | None]) -> Summary | None:
    """Summarise the ratios trial by trial: the machine's other load is nearly the same within one."""
    return summary(ratio(value, base) for value, base in zip(values, bases, strict=True))
