"""Cron expressions: croniter reads the fields, this module finds the matching wall-clock times (no zones here).

Times are seconds since 1970 of a clock without offsets. An expression has five fields (minute, hour, day of month,
month, day of week), or six with the second first. docs/recurrence.md has the syntax; its base is
https://pubs.opengroup.org/onlinepubs/9699919799/utilities/crontab.html.
"""

import re
from calendar import monthrange
from collections.abc import Iterable, Iterator, Mapping, Reversible
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Any, Final, NamedTuple

from whendue.domain.exclusions import DAY_S, EPOCH_DAY
from whendue.errors import InvalidScheduleError
from whendue.limits import CRON_BYTES

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
_EACH, _LAST = 0, -1


class _Field(NamedTuple):
    name: str
    first: int
    last: int
    # What a user is told that may stand there.
    takes: str
    # Where croniter puts its values.
    position: int


_FIELDS: Final = (
    _Field("second", 0, 59, "0-59", 5),
    _Field("minute", 0, 59, "0-59", 0),
    _Field("hour", 0, 23, "0-23", 1),
    _Field("day of month", 1, 31, "1-31 or L", 2),
    _Field("month", 1, 12, "1-12 or JAN-DEC", 3),
    _Field("day of week", 0, 6, "0-7 or SUN-SAT, FRI#2 (the second Friday), L5 (the last one)", 4),
)
_MONTHS: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WEEKDAYS: Final = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_WORDS: Final = {
    "month": {word: number for number, word in enumerate(_MONTHS, 1)},
    "day of week": {word: number for number, word in enumerate(_WEEKDAYS)},
}
_BOUND: Final = r"([0-9]+|[a-z]{3}|l[0-9]?)"
_ITEM: Final = re.compile(rf"(?:\*|\?|{_BOUND}(?:-{_BOUND})?)(?:#[0-9])?(?:/([0-9]{{1,9}}))?", re.ASCII)
_RANDOM: Final = re.compile(r"[hr](\(.*\))?(/.*)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Cron:
    """A cron expression that has been read.

    Args:
        seconds, minutes, hours: what matches, ascending.
        months: likewise.
        days: days of the month, -1 for the last one; None when the field says nothing.
        weekdays: (weekday, which one of the month), 0 for each, -1 for the last one; None when the field says nothing.
        hourly: it runs in every hour, or steps over all of them: the hour field is `*` or begins with it.
    """

    seconds: tuple[int, ...]
    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    months: frozenset[int]
    days: frozenset[int] | None
    weekdays: frozenset[tuple[int, int]] | None
    hourly: bool

    def times(self, low_s: int, high_s: int, *, backward: bool = False) -> Iterator[int]:
        """Give the matching times in [low_s, high_s), in order or the last one first."""
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
                if self._on(day, length, (before + day + _EPOCH_WEEKDAY) % 7):
                    yield before + day

    def _on(self, day: int, length: int, weekday: int) -> bool:
        """Decide a day: when both fields say something, either is enough, as POSIX has it."""
        if self.days is None and self.weekdays is None:
            return True
        by_day = self.days is not None and (day in self.days or (day == length and _LAST in self.days))
        return by_day or (
            self.weekdays is not None
            and (
                (weekday, _EACH) in self.weekdays
                or (weekday, (day + 6) // 7) in self.weekdays
                or (day + 7 > length and (weekday, _LAST) in self.weekdays)
            )
        )

    def _seconds_of_day(self, low: int, high: int, *, backward: bool) -> Iterator[int]:
        for hour in _ordered(self.hours, backward=backward):
            if not low - 3600 < hour * 3600 < high:
                continue
            for minute in _ordered(self.minutes, backward=backward):
                start = hour * 3600 + minute * 60
                if not low - 60 < start < high:
                    continue
                for second in _ordered(self.seconds, backward=backward):
                    if low <= start + second < high:
                        yield start + second


@lru_cache(maxsize=1024)
def parse(expression: str) -> Cron:
    """Read a cron expression.

    Raises:
        InvalidScheduleError: it is not one; the error names the field.
    """
    if len(expression.encode(errors="replace")) > CRON_BYTES:
        raise _invalid(f"longer than {CRON_BYTES} bytes")
    text = expression.strip().lower()
    if text.startswith("@") and text not in ALIASES:
        raise _invalid(f"{', '.join(ALIASES)} are the only names")
    parts = ALIASES.get(text, text).split()
    if len(parts) not in (len(_FIELDS) - 1, len(_FIELDS)):
        raise _invalid("not five fields (minute, hour, day of month, month, day of week), or six with the second first")
    parts = ["0", *parts][-len(_FIELDS) :]
    fields = [_read(field, part) for field, part in zip(_FIELDS, parts, strict=True)]
    seconds, minutes, hours, days, months, weekdays = (values for values, _ in fields)
    nth = fields[-1][1] or {weekday: {_EACH} for weekday in weekdays}
    which = {(weekday, _LAST if one == "l" else one) for weekday, each in nth.items() for one in each}
    return Cron(
        seconds=seconds,
        minutes=minutes,
        hours=hours,
        months=frozenset(months),
        days=None if _says_nothing(parts[3]) else frozenset(days),
        weekdays=None if _says_nothing(parts[5]) else frozenset(which),
        hourly=parts[2].startswith("*") or hours == tuple(range(24)),
    )


def _read(field: _Field, text: str) -> tuple[tuple[int, ...], Mapping[Any, AbstractSet[Any]]]:
    """Give a field's values and, for days of the week, which ones of the month (croniter's types are not ours)."""
    from croniter import CroniterError, croniter

    items = text.split(",")
    for item in items:
        _check_item(field, item)
    if len(items) > 1 and not {"*", "?"}.isdisjoint(items):
        raise _invalid("has * or ? beside other values; write it alone", field)
    if len({"#" in item or item.startswith("l") for item in items}) > 1 and field.name == "day of week":
        raise _invalid("mixes plain days with numbered or last ones", field)
    alone = [text if other is field else "*" for other in _FIELDS]
    try:
        expanded, nth = croniter.expand(" ".join(alone), second_at_beginning=True)
    except CroniterError:
        raise _invalid(f"is not valid, it takes {field.takes}", field) from None
    values = expanded[field.position]
    if values == ["*"]:
        return tuple(range(field.first, field.last + 1)), nth
    return tuple(sorted(_LAST if value == "l" else int(value) for value in values)), nth


def _check_item(field: _Field, item: str) -> None:
    """Refuse what croniter would take for something that its writer cannot have meant."""
    if _RANDOM.fullmatch(item):
        raise _invalid("takes no R and H (random times); use a jitter", field)
    match = _ITEM.fullmatch(item)
    if not match:
        raise _invalid(f"is not valid, it takes {field.takes}", field)
    low, high = (_number(field, bound) for bound in match.group(1, 2))
    step = int(match[3] or 1)
    if step > field.last - field.first + 1 or step == 0:
        raise _invalid(f"has a step that is 0 or too large, as it counts from {field.first} to {field.last}", field)
    if high is not None and low == high:
        raise _invalid("has a range from a value to itself; write the value alone", field)
    if match[3] and low is not None and high is not None and low > high:
        raise _invalid("has a step in a range that wraps around; list the values", field)


def _number(field: _Field, bound: str | None) -> int | None:
    if bound is None:
        return None
    return int(bound) if bound.isdigit() else _WORDS.get(field.name, {}).get(bound)


def _says_nothing(text: str) -> bool:
    return text in ("*", "?", "*/1")


def _ordered(values: Reversible[int], *, backward: bool) -> Iterable[int]:
    return reversed(values) if backward else iter(values)


def _invalid(problem: str, field: _Field | None = None) -> InvalidScheduleError:
    return InvalidScheduleError("cron", f"the {field.name} {problem}" if field else problem)
