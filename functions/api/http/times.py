"""Times as the API writes and reads them: RFC 3339, UTC, milliseconds."""

import re
from datetime import datetime, timedelta
from typing import Final

from whendue.support.timestamps import EPOCH, to_timestamp

__all__ = ["read", "to_timestamp"]

# Names of RFC 3339 section 5.6. Digits are ASCII ones: `\d` would take those of every script.
RFC_3339: Final = re.compile(
    r"(?P<day>[0-9]{4}-[0-9]{2}-[0-9]{2})[Tt ]"
    r"(?P<hour>[01][0-9]|2[0-3]):(?P<minute>[0-5][0-9]):(?P<second>[0-5][0-9]|60)(?:\.(?P<fraction>[0-9]+))?"
    r"(?:[Zz]|(?P<sign>[+-])(?P<hours>[01][0-9]|2[0-3]):(?P<minutes>[0-5][0-9]))"
)
# RFC 3339 bounds no fraction; no clock needs more than this.
TIME_CHARACTERS: Final = 64
_LEAP_SECOND: Final = 60
# The years 1 to 9999, in UTC: what can be written again.
_FIRST_MS: Final = -62_135_596_800_000
_LAST_MS: Final = 253_402_300_799_999


def read(text: str) -> int:
    """Read an instant with its offset, to milliseconds since 1970, rounded up: never early.

    A leap second, which RFC 3339 allows at the end of a month in UTC, is read as the second after it.

    Raises:
        ValueError: it is not RFC 3339, there is no such time, or its year in UTC is not between 1 and 9999.
    """
    match = RFC_3339.fullmatch(text) if len(text) <= TIME_CHARACTERS else None
    if not match:
        raise ValueError("must be an RFC 3339 time with an offset, as in 2026-11-23T20:00:00Z")
    day, hour, minute, second = match.group("day", "hour", "minute", "second")
    try:
        midnight = datetime.fromisoformat(f"{day}T00:00:00+00:00")
    except ValueError:
        raise ValueError("is a day that does not exist") from None
    since = midnight - EPOCH + timedelta(hours=int(hour), minutes=int(minute), seconds=int(second)) - _offset(match)
    if int(second) == _LEAP_SECOND and not _begins_a_month(since):
        raise ValueError("has the second 60, which exists only at the end of a month in UTC")
    at_ms = since // timedelta(milliseconds=1) + _milliseconds(match["fraction"] or "0")
    if not _FIRST_MS <= at_ms <= _LAST_MS:
        raise ValueError("must be between the years 1 and 9999 in UTC")
    return at_ms


def _offset(match: re.Match[str]) -> timedelta:
    """Return local time minus UTC."""
    size = timedelta(hours=int(match["hours"] or 0), minutes=int(match["minutes"] or 0))
    return -size if match["sign"] == "-" else size


def _milliseconds(fraction: str) -> int:
    """Round a fraction of a second up; exactly, as a float could be one too many."""
    size: int = 10 ** len(fraction)
    return -(-int(fraction) * 1000 // size)


def _begins_a_month(since: timedelta) -> bool:
    try:
        at = EPOCH + since
    except OverflowError:
        # After the last month of all: refused as out of range.
        return True
    return (at.day, at.hour, at.minute) == (1, 0, 0)
