"""The fields of a cron expression: what may stand in each, read into the values that it matches.

Ranges may wrap around, and Sunday is 0 and 7; docs/guide/recurrence.md has the syntax. What a writer cannot have
meant as it would be read is refused, with the field named.
"""

import re
from collections.abc import Sequence
from typing import Final, NamedTuple

from whendue.errors import InvalidScheduleError

# Which one of the month: any, or the last; otherwise its number.
EACH, LAST = 0, -1
# A day of the month that is the last one.
LAST_DAY: Final = -1


class Field(NamedTuple):
    """One field: its name, the values it counts through, and what an error says that it may contain."""

    name: str
    first: int
    last: int
    takes: str


DAY: Final = Field("day of month", 1, 31, "1-31 or L")
MONTH: Final = Field("month", 1, 12, "1-12 or JAN-DEC")
WEEKDAY: Final = Field("day of week", 0, 6, "0-7 or SUN-SAT, FRI#2 (the second Friday), FRIL or L5 (the last one)")
FIELDS: Final = (
    Field("second", 0, 59, "0-59"),
    Field("minute", 0, 59, "0-59"),
    Field("hour", 0, 23, "0-23"),
    DAY,
    MONTH,
    WEEKDAY,
)
_MONTHS: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_WEEKDAYS: Final = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_WORDS: Final = {
    MONTH: {word: number for number, word in enumerate(_MONTHS, 1)},
    WEEKDAY: {word: number for number, word in enumerate(_WEEKDAYS)},
}
# Sunday's second number, as in FRI-7.
_SUNDAY: Final = 7
_WEEKS: Final = 5
_VALUE: Final = r"[0-9]+|[a-z]{3}"
_ITEM: Final = re.compile(rf"(?:\*|\?|(?P<low>{_VALUE})(?:-(?P<high>{_VALUE}|l))?)(?:/(?P<step>[0-9]+))?")
_NTH: Final = re.compile(rf"(?P<low>{_VALUE})(?:-(?P<high>{_VALUE}))?#(?P<nth>[1-{_WEEKS}])")
_LAST: Final = re.compile(rf"l(?P<after>{_VALUE})|(?P<before>{_VALUE})l")
_RANDOM: Final = re.compile(r"[hr](?:\(.*\))?(?:/.*)?")
_BEFORE_LAST: Final = re.compile(r"l-[0-9]+")
_WORKDAY: Final = re.compile(r"(?:[0-9]+|l)w")
# More digits are out of any range: not read, as reading numbers costs more than their length.
_DIGITS: Final = 9

Which = frozenset[tuple[int, int]]


def numbers(field: Field, text: str) -> frozenset[int]:
    """Read any field but the day of week.

    Args:
        field: which one.
        text: the field's text, in lower case.

    Raises:
        InvalidScheduleError: it is not valid.
    """
    items = _items(field, text)
    return frozenset(value for item in items for value in _numbers(field, item))


def weekdays(text: str) -> Which:
    """Read the day of week: (weekday, which one of the month).

    Raises:
        InvalidScheduleError: it is not valid.
    """
    items = _items(WEEKDAY, text)
    counted = [days for item in items if (days := _counted(item))]
    if not counted:
        return frozenset((day, EACH) for item in items for day in _numbers(WEEKDAY, item))
    if len(counted) < len(items):
        raise refused("mixes plain days with numbered or last ones", WEEKDAY)
    return frozenset(day for days in counted for day in days)


def refused(problem: str, field: Field | None = None) -> InvalidScheduleError:
    """Make the error, with the field named if it is in one."""
    return InvalidScheduleError("cron", f"the {field.name} {problem}" if field else problem)


def _items(field: Field, text: str) -> list[str]:
    items = text.split(",")
    if "" in items:
        raise refused("has an empty value in its list", field)
    if len(items) > 1 and not {"*", "?"}.isdisjoint(items):
        raise refused("has * or ? next to other values; write it alone", field)
    return items


def _numbers(field: Field, item: str) -> Sequence[int]:
    """Read one item of a list."""
    match = _ITEM.fullmatch(item)
    if field is DAY and item == "l":
        return [LAST_DAY]
    if not match or (item[0] == "?" and (item != "?" or field not in (DAY, WEEKDAY))):
        raise _not_valid(field, item)
    step = _step(field, match["step"])
    if match["low"] is None:
        return range(field.first, field.last + 1, step)
    low = _value(field, match["low"])
    if match["high"] is None:
        return range(low, _open_end(field, low) + 1, step) if match["step"] else [low % _modulus(field)]
    return _between(field, low, _value(field, match["high"]), step)


def _counted(item: str) -> Which | None:
    """Read a day of week with its number in the month; None for a plain one."""
    if match := _NTH.fullmatch(item):
        low = _value(WEEKDAY, match["low"])
        days = _between(WEEKDAY, low, _value(WEEKDAY, match["high"]), 1) if match["high"] else [low % _SUNDAY]
        return frozenset((day, int(match["nth"])) for day in days)
    if match := _LAST.fullmatch(item):
        return frozenset({(_value(WEEKDAY, match["after"] or match["before"]) % _SUNDAY, LAST)})
    return None


def _between(field: Field, low: int, high: int, step: int) -> list[int]:
    """List a range, which may wrap around; to Sunday as 7 is to the end of the week."""
    sunday = field is WEEKDAY and low == _SUNDAY
    if low == high or (sunday and high == 0):
        raise refused("has a range from a value to itself; write the value alone", field)
    if low < high:
        return [value % _modulus(field) for value in range(low, high + 1, step)]
    if step > 1:
        raise refused("has a step in a range that wraps around; list the values", field)
    return [0 if sunday else low, *range(low + 1, field.last + 1), *range(field.first, high + 1)]


def _open_end(field: Field, low: int) -> int:
    """Return the last value of `a/n`."""
    if field is WEEKDAY and low == _SUNDAY:
        raise refused("begins steps with 7; write 0/2 to begin with Sunday, or 7 for Sunday alone", field)
    return field.last


def _modulus(field: Field) -> int:
    """Return the modulus of a field's values: 7 among days of the week, so that 7 is 0; all other values stay."""
    return _SUNDAY if field is WEEKDAY else field.last + 1


def _step(field: Field, text: str | None) -> int:
    size = field.last - field.first + 1
    step = 1 if text is None else int(text[:_DIGITS]) if len(text) <= _DIGITS else size + 1
    if not 0 < step <= size:
        raise refused(f"has a step that is not from 1 to {size}", field)
    return step


def _value(field: Field, text: str) -> int:
    """Read a number or a name, and insist that it is in range."""
    if text == "l" and field is DAY:
        return field.last
    number = _WORDS.get(field, {}).get(text)
    if number is None and text.isdigit() and len(text) <= _DIGITS:
        number = int(text)
    last = _SUNDAY if field is WEEKDAY else field.last
    if number is None or not field.first <= number <= last:
        raise _not_valid(field, text)
    return number


def _not_valid(field: Field, item: str) -> InvalidScheduleError:
    """Return the error of an item that is not valid: what it is elsewhere, or else what the field takes."""
    if _RANDOM.fullmatch(item):
        return refused("does not support R and H (random times); use jitterSeconds", field)
    if field is DAY and _WORKDAY.fullmatch(item):
        return refused(
            "does not support W (the nearest working day); name the days, or exclude some with exclude", field
        )
    if field is DAY and _BEFORE_LAST.fullmatch(item):
        return refused(
            "does not support L-3 (days before the last one); L is the last day, 28-L the days from the 28th", field
        )
    if field is WEEKDAY and item == "l":
        return refused("does not support L alone; write SAT for Saturday, FRIL for the last Friday", field)
    return refused(f"is not valid: it must be {field.takes}", field)
