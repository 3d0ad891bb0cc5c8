"""Durations as the API reads them: ISO 8601 with weeks, days, hours, minutes and seconds, as in PT15M."""

import re
from fractions import Fraction
from typing import Any, Final

from whendue.errors import InvalidScheduleError
from whendue.quotas import EVERY_MAX_S
from whendue.schedules.calendar.notations import duration

_NUMBER: Final = r"([0-9]{1,18}(?:[.,][0-9]{1,9})?)"
_DURATION: Final = re.compile(
    rf"P(?=[0-9T])(?:{_NUMBER}W)?(?:{_NUMBER}D)?(?:T(?=[0-9])(?:{_NUMBER}H)?(?:{_NUMBER}M)?(?:{_NUMBER}S)?)?", re.ASCII
)
_UNITS_S: Final = (7 * 86_400, 86_400, 3600, 60, 1)
# P1M, P1Y2M, 5 months, 1y: minutes are M behind the T, or in small letters.
_MONTHS: Final = re.compile(r"P[0-9YMWD]*[YM].*|[0-9]+ ?(?:mo|mon|months?|y|yrs?|years?)")
EXAMPLE: Final = "must be an ISO 8601 duration, as in PT15M"
_CRON_FIELDS: Final = (5, 6)


def seconds(text: str) -> int:
    """Read a duration of whole seconds.

    Raises:
        InvalidScheduleError: it is none; the error says what to write instead where that is known.
    """
    total = _total(text)
    if total is None:
        raise InvalidScheduleError("every", _instead(text))
    if total.denominator != 1:
        raise InvalidScheduleError("every", "must be whole seconds, at least one")
    return int(total)


def text_of(value: Any) -> Any:
    """Refuse what is no text before pydantic does: the error for a number of seconds says how to write it.

    Raises:
        ValueError: it is no text.
    """
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool) and 0 < value <= EVERY_MAX_S:
        raise ValueError(f'must be an ISO 8601 duration; write "PT{value}S"')
    raise ValueError(EXAMPLE)


def _total(text: str) -> Fraction | None:
    match = _DURATION.fullmatch(text)
    if not match:
        return None
    parts = zip(match.groups(), _UNITS_S, strict=True)
    return sum((Fraction(part.replace(",", ".")) * unit for part, unit in parts if part), Fraction())


def _instead(text: str) -> str:
    """Return what is wrong with a duration, and what to write instead."""
    trimmed = text.strip()
    known = trimmed.upper() if _total(trimmed.upper()) is not None else duration(trimmed)
    if known and _total(known):
        return f'must be an ISO 8601 duration; write "{known}"'
    if _MONTHS.fullmatch(trimmed):
        return "must not have years or months: they differ in length; use cron"
    if len(text.split()) in _CRON_FIELDS:
        return f"{EXAMPLE}; a cron expression goes into the field cron"
    return EXAMPLE
