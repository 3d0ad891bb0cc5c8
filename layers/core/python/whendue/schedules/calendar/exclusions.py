"""Exclusion calendars: the local days, and the local times of day, at which a schedule does not fire."""

import re
from datetime import date
from functools import lru_cache
from typing import Final, NamedTuple

from whendue.errors import InvalidScheduleError
from whendue.quotas import SCHEDULE_EXCLUDED_TIMES, SCHEDULE_EXCLUSIONS

DAY_S: Final = 86_400
# As a day's number counts from 1970 and not from year 1.
EPOCH_DAY: Final = date(1970, 1, 1).toordinal()
_RANGE: Final = re.compile(r"(\d{4}-\d\d-\d\d)(?:/(\d{4}-\d\d-\d\d))?", re.ASCII)

_TIMES: Final = re.compile(r"([01]\d|2[0-3]):([0-5]\d)/(?:([01]\d|2[0-3]):([0-5]\d)|24:00)", re.ASCII)
_EXAMPLES: Final = (
    "must be a date, as in 2026-12-25, a range of dates, as in 2026-12-24/2027-01-01, or a range of times of day, "
    "as in 22:00/06:00"
)

Spans = tuple[tuple[int, int], ...]


class Exclusions(NamedTuple):
    """When a schedule does not fire.

    Args:
        days: ranges of day numbers since 1970, inclusive, sorted.
        times: ranges of seconds of the local day, from each first one to before its last one, sorted and apart.
    """

    days: Spans
    times: Spans

    @property
    def open_times(self) -> Spans:
        """The ranges of the day that are left."""
        bounds = [0, *(bound for span in self.times for bound in span), DAY_S]
        return tuple((low, high) for low, high in zip(bounds[::2], bounds[1::2], strict=True) if low < high)

    def is_open(self, at_s: int) -> bool:
        """Return whether a second of local time since 1970 is not excluded."""
        day, second = divmod(at_s, DAY_S)
        by_day = not any(first <= day <= last for first, last in self.days)
        return by_day and not any(low <= second < high for low, high in self.times)


@lru_cache(maxsize=1024)
def parse(exclude: tuple[str, ...]) -> Exclusions:
    """Read dates, ranges of dates and ranges of times of day.

    Raises:
        InvalidScheduleError: one is none of these, or they are too many.
    """
    if len(exclude) > SCHEDULE_EXCLUSIONS:
        raise InvalidScheduleError("exclude", f"must have at most {SCHEDULE_EXCLUSIONS} entries; a range counts as one")
    times = [(number, text) for number, text in enumerate(exclude) if ":" in text]
    if len(times) > SCHEDULE_EXCLUDED_TIMES:
        raise InvalidScheduleError("exclude", f"must have at most {SCHEDULE_EXCLUDED_TIMES} ranges of times of day")
    days = [_range(number, text) for number, text in enumerate(exclude) if ":" not in text]
    return Exclusions(tuple(sorted(days)), _merged([span for entry in times for span in _times(*entry)]))


def open_spans(days: Spans, low_s: int, high_s: int) -> list[tuple[int, int]]:
    """Return the spans of [low_s, high_s) outside the excluded days, in order; seconds of local time since 1970."""
    spans = []
    for first, last in days:
        if low_s < min(first * DAY_S, high_s):
            spans.append((low_s, min(first * DAY_S, high_s)))
        low_s = max(low_s, (last + 1) * DAY_S)
    if low_s < high_s:
        spans.append((low_s, high_s))
    return spans


def _range(number: int, text: str) -> tuple[int, int]:
    where = f"exclude.{number}"
    match = _RANGE.fullmatch(text)
    if not match:
        raise InvalidScheduleError(where, _EXAMPLES)
    try:
        first, last = (date.fromisoformat(each).toordinal() - EPOCH_DAY for each in (match[1], match[2] or match[1]))
    except ValueError:
        raise InvalidScheduleError(where, "is a day that does not exist") from None
    if last < first:
        raise InvalidScheduleError(where, "must not end before it starts")
    return first, last


def _times(number: int, text: str) -> list[tuple[int, int]]:
    """Read a range of times of day; one over midnight is two."""
    where = f"exclude.{number}"
    match = _TIMES.fullmatch(text)
    if not match:
        raise InvalidScheduleError(where, _EXAMPLES)
    hour, minute, last_hour, last_minute = match.groups()
    low = int(hour) * 3600 + int(minute) * 60
    high = DAY_S if last_hour is None else int(last_hour) * 3600 + int(last_minute) * 60
    if low == high:
        raise InvalidScheduleError(where, "must not end when it starts; 00:00/24:00 is the whole day")
    return [(low, high)] if low < high else [(0, high), (low, DAY_S)]


def _merged(spans: list[tuple[int, int]]) -> Spans:
    merged: list[tuple[int, int]] = []
    for low, high in sorted(span for span in spans if span[0] < span[1]):
        if merged and low <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(high, merged[-1][1]))
        else:
            merged.append((low, high))
    return tuple(merged)
