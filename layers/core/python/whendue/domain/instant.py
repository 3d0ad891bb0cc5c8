"""Instants in words: RFC 3339, UTC, milliseconds."""

from datetime import UTC, datetime, timedelta
from typing import Final

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def written(at_ms: int | None) -> str | None:
    """Write an instant, as in `2026-11-23T20:10:35.042Z`."""
    if at_ms is None:
        return None
    # Not strftime, which leaves the zeros of early years away.
    return (EPOCH + timedelta(milliseconds=at_ms)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
