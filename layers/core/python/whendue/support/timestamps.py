"""Instants in words: RFC 3339, UTC, milliseconds."""

from datetime import UTC, datetime, timedelta
from typing import Final

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
# The first and the last instant that RFC 3339 can write, ms UTC.
EARLIEST: Final = -62_135_596_800_000
LATEST: Final = 253_402_300_799_999


def to_timestamp(at_ms: int | None) -> str | None:
    """Write an instant, as in `2026-11-23T20:10:35.042Z`; one that has no such words as the nearest that has.

    Never raises: what is stored is shown, whatever it is.
    """
    if at_ms is None:
        return None
    at = EPOCH + timedelta(milliseconds=min(max(at_ms, EARLIEST), LATEST))
    return at.isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


def instant(text: str) -> datetime | None:
    """Read a time of ISO 8601 with its offset, as in `2026-11-23T20:10:35Z`; None if it is none, or has no offset."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return None if at.utcoffset() is None else at
