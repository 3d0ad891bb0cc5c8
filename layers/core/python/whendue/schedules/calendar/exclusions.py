"""Exclusion calendars: the local days on which a schedule does not fire."""

import re
from datetime import date
from functools import lru_cache
from typing import Final

from whendue.errors import InvalidScheduleError
from whendue.quotas import SCHEDULE_EXCLUSIONS

DAY_S: Final = 86_400
# As a day's number counts from 1970 and not from year 1.
EPOCH_DAY: Final = date(1970, 1, 1).toordinal()
_RANGE: Final = re.compile(r"(\d{4}-\d\d-\d\d)(?:/(\d{4}-\d\d-\d\d))?", re.ASCII)

Days = tuple[tuple[int, int], ...]


@lru_cache(maxsize=1024)
def parse(exclude: tuple[str, ...]) -> Days:
    """Read dates and ranges as ranges of day numbers since 1970, inclusive, sorted.

    Raises:
        InvalidScheduleError: one is not a date or a range, or they are too many.
    """
    if len(exclude) > SCHEDULE_EXCLUSIONS:
        raise InvalidScheduleError("exclude", f"must have at most {SCHEDULE_EXCLUSIONS} entries; a range counts as one")
    return tuple(sorted(_range(number, text) for number, text in enumerate(exclude)))


def open_spans(days: Days, low_s: int, high_s: int) -> list[tuple[int, int]]:
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
        raise InvalidScheduleError(where, "must be a date, as in 2026-12-25, or a range, as in 2026-12-24/2027-01-01")
    try:
        first, last = (date.fromisoformat(each).toordinal() - EPOCH_DAY for each in (match[1], match[2] or match[1]))
    except ValueError:
        raise InvalidScheduleError(where, "is a day that does not exist") from None
    if last < first:
        raise InvalidScheduleError(where, "must not end before it starts")
    return first, last
