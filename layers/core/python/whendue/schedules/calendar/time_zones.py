"""Time zones as segments of constant UTC offset, which is all that a recurrence needs to know of them.

The rules come from the `tzdata` package alone, never from the machine: a fire's job is named by its instant, so two
timers with different rules would create two jobs for one fire.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

from whendue.errors import InvalidScheduleError

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

# Zoneinfo does not say when offsets change, so we look at one time in this many seconds. Since 1970 no zone has
# kept an offset for less than 6.9 days (Brazil, October 2000); a test looks at all of them.
PROBE_S: Final = 6 * 86_400


class Segment(NamedTuple):
    """A range of time in which local time is UTC plus `offset_s`.

    Args:
        start_s: its first second, UTC.
        end_s: the second after its last, UTC.
        offset_s: local time less UTC.
        skipped_s: how much local time was skipped right before its start; 0 when none was.
    """

    start_s: int
    end_s: int
    offset_s: int
    skipped_s: int


@cache
def names() -> frozenset[str]:
    """Return the names of all zones."""
    from importlib.resources import files

    return frozenset(files("tzdata").joinpath("zones").read_text("utf-8").split())


def spelt(name: str) -> str | None:
    """Find the name of a zone whatever its capitals; None if there is no such zone."""
    return next((zone for zone in sorted(names()) if zone.lower() == name.lower()), None)


@cache
def zone_named(name: str) -> "ZoneInfo":
    """Load a zone.

    Raises:
        InvalidScheduleError: there is no such zone.
    """
    from importlib.resources import files
    from zoneinfo import ZoneInfo

    if name not in names():
        known = spelt(name) or "Europe/Berlin or UTC"
        raise InvalidScheduleError("timezone", f"must be a name of the IANA time zone database, such as {known}")
    with files("tzdata").joinpath("zoneinfo", *name.split("/")).open("rb") as rules:
        return ZoneInfo.from_file(rules, key=name)


def local_time(name: str, at_s: int) -> datetime:
    """Return an instant as local time with its offset."""
    return datetime.fromtimestamp(at_s, zone_named(name))


def offset_s(name: str, at_s: int) -> int:
    """Return local time minus UTC at an instant, in seconds."""
    offset = local_time(name, at_s).utcoffset()
    return 0 if offset is None else offset.days * 86_400 + offset.seconds


def comes_again(name: str, at_s: int) -> bool:
    """Return whether the local time of this instant occurs again later."""
    here = local_time(name, at_s)
    return here.utcoffset() != here.replace(fold=1).utcoffset()


def came_before(name: str, at_s: int) -> bool:
    """Return whether the local time of this instant has occurred before."""
    return local_time(name, at_s).fold == 1


def segments(name: str, low_s: int, high_s: int, *, backward: bool = False) -> Iterator[Segment]:
    """Yield the segments that overlap [low_s, high_s), in order or the last first; each is at most a year long."""
    years = range(_year_of(low_s), _year_of(high_s - 1) + 1)
    for year in reversed(years) if backward else years:
        block = _segments_of(name, year)
        for segment in reversed(block) if backward else block:
            if segment.start_s < high_s and low_s < segment.end_s:
                yield segment


# A hundred zones over forty years; a year is a few hundred bytes.
@lru_cache(maxsize=4096)
def _segments_of(name: str, year: int) -> tuple[Segment, ...]:
    """Cut a UTC year where the offset changes."""
    start, end = (int(datetime(number, 1, 1, tzinfo=UTC).timestamp()) for number in (year, year + 1))
    starts = [start]
    for low in range(start, end, PROBE_S):
        high = min(low + PROBE_S, end - 1)
        if offset_s(name, low) != offset_s(name, high):
            starts.append(_change_between(name, low, high))
    offsets = [offset_s(name, at) for at in starts]
    before = [offset_s(name, start - 1), *offsets[:-1]]
    return tuple(
        Segment(first, after, offset, max(0, offset - previous))
        for first, after, offset, previous in zip(starts, [*starts[1:], end], offsets, before, strict=True)
    )


def _change_between(name: str, low_s: int, high_s: int) -> int:
    """Find the first second of the offset that holds at `high_s` and not at `low_s`, by bisection."""
    offset = offset_s(name, high_s)
    while high_s - low_s > 1:
        middle = (low_s + high_s) // 2
        if offset_s(name, middle) == offset:
            high_s = middle
        else:
            low_s = middle
    return high_s


def _year_of(at_s: int) -> int:
    return datetime.fromtimestamp(at_s, UTC).year
