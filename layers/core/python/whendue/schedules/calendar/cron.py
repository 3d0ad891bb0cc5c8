"""Cron expressions: cron_fields.py reads the fields, this module finds the matching wall-clock times (no zones here).

Times are seconds since 1970 of a clock without offsets. An expression has five fields (minute, hour, day of month,
month, day of week), or six with the second first. docs/guide/recurrence.md has the syntax; its base is
https://pubs.opengroup.org/onlinepubs/9699919799/utilities/crontab.html.
"""

import re
from bisect import bisect_left
from calendar import monthrange
from collections.abc import Iterable, Iterator, Reversible
from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache
from typing import Final

from whendue.errors import InvalidScheduleError
from whendue.quotas import CRON_BYTES
from whendue.schedules.calendar.cron_fields import EACH, FIELDS, LAST, LAST_DAY, Which, numbers, refused, weekdays
from whendue.schedules.calendar.exclusions import DAY_S, EPOCH_DAY, Spans
from whendue.schedules.calendar.notations import foreign_cron

# As in Vixie cron, less @reboot: https://man7.org/linux/man-pages/man5/crontab.5.html
ALIASES: Final = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
# 1970-01-01 was a Thursday; Sunday is 0.
_EPOCH_WEEKDAY: Final = 4
HOURS: Final = 24
_WRITTEN: Final = re.compile(r"[\t\x20-\x7e]*")


@dataclass(frozen=True, slots=True)
class Cron:
    """A cron expression that has been read.

    Args:
        seconds, minutes, hours: what matches, ascending.
        months: likewise.
        days: days of the month, -1 for the last one; None when the field says nothing.
        weekdays: (weekday, which one of the month), 0 for each, -1 for the last one; None when the field says nothing.
        hourly: it runs in every hour, or steps over all of them: the hour field is `*` or begins with it.
        starts: seconds of the day at which its minutes begin, ascending; None: those of `hours` and `minutes`.
        weeks: (n, k): only in weeks whose number, from Monday 1969-12-29 on, is k modulo n; None: in all.
    """

    seconds: tuple[int, ...]
    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    months: frozenset[int]
    days: frozenset[int] | None
    weekdays: Which | None
    hourly: bool
    starts: tuple[int, ...] | None = None
    weeks: tuple[int, int] | None = None

    def times(self, low_s: int, high_s: int, *, backward: bool = False) -> Iterator[int]:
        """Yield the matching times in [low_s, high_s), in order, or the last first if `backward`."""
        if self.starts == ():
            return
        for day in self._days(low_s // DAY_S, (high_s - 1) // DAY_S, backward=backward):
            midnight = day * DAY_S
            for second in self._seconds_of_day(low_s - midnight, high_s - midnight, backward=backward):
                yield midnight + second

    def _days(self, first: int, last: int, *, backward: bool) -> Iterator[int]:
        start, end = (date.fromordinal(day + EPOCH_DAY) for day in (first, last))
        months = range(start.year * 12 + start.month - 1, end.year * 12 + end.month)
        for number in _ordered(months, backward=backward):
            year, month = number // 12, number % 12 + 1
            if month not in self.months:
                continue
            length = monthrange(year, month)[1]
            before = date(year, month, 1).toordinal() - EPOCH_DAY - 1
            days = range(max(1, first - before), min(length, last - before) + 1)
            for day in _ordered(days, backward=backward):
                if self._on(day, length, (before + day + _EPOCH_WEEKDAY) % 7) and self._in_week(before + day):
                    yield before + day

    def _in_week(self, day: int) -> bool:
        return self.weeks is None or week_of(day) % self.weeks[0] == self.weeks[1]

    def _on(self, day: int, length: int, weekday: int) -> bool:
        """Decide a day: when both fields say something, either is enough, as POSIX has it."""
        if self.days is None and self.weekdays is None:
            return True
        by_day = self.days is not None and (day in self.days or (day == length and LAST_DAY in self.days))
        return by_day or (
            self.weekdays is not None
            and (
                (weekday, EACH) in self.weekdays
                or (weekday, (day + 6) // 7) in self.weekdays
                or (day + 7 > length and (weekday, LAST) in self.weekdays)
            )
        )

    def _seconds_of_day(self, low: int, high: int, *, backward: bool) -> Iterator[int]:
        for start in self._minutes_of_day(low, high, backward=backward):
            for second in _ordered(self.seconds, backward=backward):
                if low <= start + second < high:
                    yield start + second

    def _minutes_of_day(self, low: int, high: int, *, backward: bool) -> Iterator[int]:
        """Yield where minutes begin that overlap [low, high)."""
        if self.starts is not None:
            some = self.starts[bisect_left(self.starts, low - 59) : bisect_left(self.starts, high)]
            yield from _ordered(some, backward=backward)
            return
        for hour in _ordered(self.hours, backward=backward):
            if not low - 3600 < hour * 3600 < high:
                continue
            for minute in _ordered(self.minutes, backward=backward):
                start = hour * 3600 + minute * 60
                if low - 60 < start < high:
                    yield start


def week_of(day: int) -> int:
    """Number the week of a day since 1970; weeks begin on Monday, and the number of the first one is 0."""
    return (day + _EPOCH_WEEKDAY - 1) // 7


@lru_cache(maxsize=256)
def restricted(expression: str, closed: Spans, weeks: tuple[int, int] | None) -> Cron:
    """Read a cron expression that holds at some times only.

    Args:
        expression: as of `parse`.
        closed: seconds of the day at which it does not fire, of whole minutes.
        weeks: as of `Cron`.

    Raises:
        InvalidScheduleError: as `parse`.
    """
    cron = parse(expression)
    if not closed:
        return replace(cron, weeks=weeks)
    starts = (hour * 3600 + minute * 60 for hour in cron.hours for minute in cron.minutes)
    opened = tuple(start for start in starts if not any(low <= start < high for low, high in closed))
    return replace(cron, starts=opened, weeks=weeks)


@lru_cache(maxsize=1024)
def parse(expression: str) -> Cron:
    """Read a cron expression.

    Raises:
        InvalidScheduleError: it is not one; the error names the field, and what to write instead if that is known.
    """
    if len(expression) > CRON_BYTES:
        raise refused(f"must have at most {CRON_BYTES} bytes")
    if not _WRITTEN.fullmatch(expression):
        raise refused("has characters that are not printable ASCII; separate the fields by spaces")
    text = expression.strip().lower()
    if problem := foreign_cron(text):
        raise refused(problem)
    if text.startswith("@") and text not in ALIASES:
        raise refused(f"{', '.join(ALIASES)} are the only names")
    parts = ALIASES.get(text, text).split()
    if len(parts) not in (len(FIELDS) - 1, len(FIELDS)):
        raise refused(
            "must have five fields (minute, hour, day of month, month, day of week), or six with the second first"
        )
    try:
        return _cron(["0", *parts][-len(FIELDS) :])
    except InvalidScheduleError as error:
        if len(parts) < len(FIELDS):
            raise
        raise refused(f"{str(error).removeprefix('cron: ')} (of six fields the first is the second)") from None


def _cron(parts: list[str]) -> Cron:
    seconds, minutes, hours, days, months = (
        numbers(field, part) for field, part in zip(FIELDS[:-1], parts[:-1], strict=True)
    )
    which = weekdays(parts[-1])
    return Cron(
        seconds=tuple(sorted(seconds)),
        minutes=tuple(sorted(minutes)),
        hours=tuple(sorted(hours)),
        months=months,
        days=None if _says_nothing(parts[3]) else days,
        weekdays=None if _says_nothing(parts[5]) else which,
        hourly=parts[2].startswith("*") or len(hours) == HOURS,
    )


def _says_nothing(text: str) -> bool:
    return text in ("*", "?", "*/1")


def _ordered(values: Reversible[int], *, backward: bool) -> Iterable[int]:
    return reversed(values) if backward else iter(values)
