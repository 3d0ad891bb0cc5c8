"""When does a schedule fire? A pure answer from cron, interval or single instant, zone, bounds and exclusions.

Local time is cut into segments of constant UTC offset (zones.py). Within one, a wall-clock time is one instant; `gap`
and `fold` say what happens between two. docs/guide/recurrence.md has the rules for users.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from heapq import merge
from itertools import chain, groupby, islice
from operator import attrgetter
from typing import Literal, NamedTuple

from whendue.errors import InvalidScheduleError
from whendue.quotas import (
    EVERY_MAX_S,
    EVERY_MIN_S,
    SCHEDULE_CRONS,
    SCHEDULE_END_MS,
    SCHEDULE_SEARCH_S,
    SCHEDULE_WEEKS_MAX,
)
from whendue.schedules.calendar import cron as crons
from whendue.schedules.calendar import exclusions
from whendue.schedules.calendar import time_zones as zones
from whendue.schedules.calendar.cron import Cron
from whendue.schedules.calendar.exclusions import open_spans
from whendue.schedules.calendar.time_zones import Segment


@dataclass(frozen=True, slots=True)
class Recurrence:
    """What a schedule says about when it fires: exactly one of `cron`, `every_s`, `at_ms`, `crons`, and its conditions.

    Args:
        cron: five fields, or six with the second first; wall-clock times in `timezone`.
        every_s: an interval of absolute time, counted from `start_ms`, which it needs.
        at_ms: one instant, ms UTC.
        timezone: a name of the IANA database.
        gap: a local time that does not exist: `skip` it, or fire at the `next` instant. None: see `on_gap`.
        fold: a local time that comes twice: fire `once`, at the first, or `twice`. None: see `on_fold`.
        start_ms: the first instant at which it may fire, ms UTC.
        end_ms: the last one.
        crons: several of them: it fires when one does, and once where several do.
        exclude: local dates (2026-12-25), ranges of dates (2026-12-24/2027-01-01, inclusive) and ranges of times of day
            (22:00/06:00, without the last one) at which it does not fire.
        every_weeks: of `cron` and `crons`: it fires in every n-th week, which begins on Monday; needs `anchor`.
        anchor: a local date in one of those weeks.
    """

    cron: str | None = None
    every_s: int | None = None
    at_ms: int | None = None
    timezone: str = "UTC"
    gap: Literal["skip", "next"] | None = None
    fold: Literal["once", "twice"] | None = None
    start_ms: int | None = None
    end_ms: int | None = None
    exclude: tuple[str, ...] = ()
    crons: tuple[str, ...] = ()
    every_weeks: int | None = None
    anchor: str | None = None


class Note(StrEnum):
    """Why a fire is odd."""

    MOVED = "moved_out_of_gap"
    FIRST = "first_of_two"
    SECOND = "second_of_two"
    ONLY_FIRST = "only_first_of_two"


class Nominal(NamedTuple):
    """One fire: its nominal time in ms UTC, and why it is odd, if it is."""

    at_ms: int
    note: str | None = None


def on_gap(recurrence: Recurrence, cron: Cron) -> Literal["skip", "next"]:
    """Return what happens to a local time that does not exist; an hourly cron skips it, and misses nothing by that.

    Source: Vixie cron's treatment of changes of under three hours, https://man7.org/linux/man-pages/man8/cron.8.html
    """
    return recurrence.gap or ("skip" if cron.hourly else "next")


def on_fold(recurrence: Recurrence, cron: Cron) -> Literal["once", "twice"]:
    """Return what happens to a local time that comes twice; source as `on_gap`."""
    return recurrence.fold or ("twice" if cron.hourly else "once")


def check(recurrence: Recurrence) -> None:
    """Make sure that the recurrence means something, and fires at least once.

    Raises:
        InvalidScheduleError: it does not; the error says where.
    """
    given = [name for name in ("cron", "crons", "every_s", "at_ms") if getattr(recurrence, name) not in (None, ())]
    if len(given) != 1:
        raise InvalidScheduleError("cron", "must have exactly one of cron, crons, every and at")
    zones.zone_named(recurrence.timezone)
    exclusions.parse(recurrence.exclude)
    for name in ("start", "end", "at"):
        if not 0 <= (getattr(recurrence, f"{name}_ms") or 0) < SCHEDULE_END_MS:
            raise InvalidScheduleError(name, "must be in the years 1970 to 2199")
    if recurrence.start_ms is not None and recurrence.end_ms is not None and recurrence.end_ms < recurrence.start_ms:
        raise InvalidScheduleError("end", "must not be before start")
    _check_weeks(recurrence)
    if recurrence.crons:
        _check_each(recurrence)
        return
    if recurrence.cron is None:
        _check_absolute(recurrence)
    else:
        crons.parse(recurrence.cron)
    if next(after(recurrence, -1), None) is None:
        raise InvalidScheduleError(given[0].split("_")[0], _why_never(recurrence))


def _why_never(recurrence: Recurrence) -> str:
    """Say why a recurrence fires at no time: its expression matches none, or the other fields leave none."""
    if recurrence.cron is not None and next(after(Recurrence(cron=recurrence.cron), -1), None) is None:
        return "never fires: no date matches its day of month, month and day of week; check these fields"
    return "never fires: the other fields, such as end and exclude, leave no time that matches"


def anchored(recurrence: Recurrence, at_ms: int) -> Recurrence:
    """Let an interval that has no start count from a time."""
    if recurrence.every_s is None or recurrence.start_ms is not None:
        return recurrence
    return replace(recurrence, start_ms=at_ms)


def after(recurrence: Recurrence, after_ms: int) -> Iterator[Nominal]:
    """Iterate lazily over the fires later than an instant, in order.

    It ends with the recurrence, or when nothing matches for `SCHEDULE_SEARCH_S`.

    Raises:
        InvalidScheduleError: as `check` would.
    """
    return _fires(recurrence, after_ms + 1, SCHEDULE_END_MS - 1, backward=False)


def latest(recurrence: Recurrence, after_ms: int, until_ms: int, count: int) -> list[Nominal]:
    """Return the last fires in (after_ms, until_ms], oldest first, at most `count`; searched from the end.

    Raises:
        InvalidScheduleError: as `check` would.
    """
    fires = list(islice(_fires(recurrence, after_ms + 1, until_ms, backward=True), count))
    return fires[::-1]


def jitter_ms(identity: str, jitter_s: int, nominal_ms: int | None = None) -> int:
    """Return how long after a nominal time a schedule fires, in ms: always the same, below `jitter_s`.

    Args:
        identity: of the schedule.
        jitter_s: the bound, s.
        nominal_ms: the nominal time, if each has an offset of its own, ms UTC; None: all have the same.
    """
    if nominal_ms is not None:
        identity = f"{identity} {nominal_ms}"
    draw = int.from_bytes(hashlib.sha256(identity.encode()).digest()[:8])
    return draw % (jitter_s * 1000) if jitter_s else 0


def local(recurrence: Recurrence, at_ms: int) -> str:
    """Return an instant as ISO 8601 local time with its offset, for previews."""
    whole, part = divmod(at_ms, 1000)
    return zones.local_time(recurrence.timezone, whole).replace(microsecond=part * 1000).isoformat()


def cron_of(recurrence: Recurrence) -> Cron:
    """Return the expression of a recurrence that has one, without what is excluded of each day and of weeks.

    Raises:
        InvalidScheduleError: as `check` would.
    """
    weeks = None
    if recurrence.every_weeks is not None:
        weeks = (recurrence.every_weeks, crons.week_of(_anchor_day(recurrence)) % recurrence.every_weeks)
    closed = exclusions.parse(recurrence.exclude).times
    return (
        crons.restricted(str(recurrence.cron), closed, weeks) if closed or weeks else crons.parse(str(recurrence.cron))
    )


def each_of(recurrence: Recurrence) -> list[Recurrence]:
    """Return a recurrence of several expressions as one of each."""
    return [replace(recurrence, cron=expression, crons=()) for expression in recurrence.crons]


def _check_each(recurrence: Recurrence) -> None:
    """Check several expressions: each must fire, so that none is there in vain."""
    if len(recurrence.crons) > SCHEDULE_CRONS:
        raise InvalidScheduleError("crons", f"must have at most {SCHEDULE_CRONS} expressions")
    for number, part in enumerate(each_of(recurrence)):
        try:
            check(part)
        except InvalidScheduleError as error:
            raise InvalidScheduleError(f"crons.{number}", str(error).partition(": ")[2]) from None


def _check_weeks(recurrence: Recurrence) -> None:
    if recurrence.every_weeks is None:
        if recurrence.anchor is not None:
            raise InvalidScheduleError("anchor", "can be used only with everyWeeks")
        return
    if recurrence.cron is None and not recurrence.crons:
        raise InvalidScheduleError("everyWeeks", 'can be used only with cron or crons; an interval is "every": "P2W"')
    if not 1 <= recurrence.every_weeks <= SCHEDULE_WEEKS_MAX:
        raise InvalidScheduleError("everyWeeks", f"must be between 1 and {SCHEDULE_WEEKS_MAX}")
    _anchor_day(recurrence)


def _anchor_day(recurrence: Recurrence) -> int:
    """Return the number of the day that is in one of the weeks, since 1970."""
    if recurrence.anchor is None:
        raise InvalidScheduleError(
            "anchor", "must be set with everyWeeks: a date in one of its weeks, as in 2026-01-05"
        )
    try:
        [(first, last)] = exclusions.parse((recurrence.anchor,)).days
    except (InvalidScheduleError, ValueError):
        first, last = 0, -1
    if first != last or "/" in recurrence.anchor:
        raise InvalidScheduleError("anchor", "must be a date that exists, as in 2026-01-05")
    return first


def _check_absolute(recurrence: Recurrence) -> None:
    for name in ("gap", "fold"):
        if getattr(recurrence, name) is not None:
            raise InvalidScheduleError(name, "can be used only with cron")
    if recurrence.every_s is not None:
        if not EVERY_MIN_S <= recurrence.every_s <= EVERY_MAX_S:
            raise InvalidScheduleError("every", f"must be between {EVERY_MIN_S} and {EVERY_MAX_S} seconds")
        _anchor(recurrence)


def _anchor(recurrence: Recurrence) -> int:
    if recurrence.start_ms is None:
        raise InvalidScheduleError("start", "must be set for an interval")
    return recurrence.start_ms


def _fires(recurrence: Recurrence, low_ms: int, high_ms: int, *, backward: bool) -> Iterator[Nominal]:
    """Yield the fires in [low_ms, high_ms]."""
    if recurrence.crons:
        yield from _merged(
            [_fires(part, low_ms, high_ms, backward=backward) for part in each_of(recurrence)], backward=backward
        )
        return
    low_ms = max(low_ms, recurrence.start_ms or 0)
    high_ms = min(high_ms, SCHEDULE_END_MS - 1 if recurrence.end_ms is None else recurrence.end_ms)
    if recurrence.at_ms is not None:
        low_ms, high_ms = max(low_ms, recurrence.at_ms), min(high_ms, recurrence.at_ms)
    if low_ms > high_ms:
        return
    low_s, end_s = low_ms // 1000, high_ms // 1000 + 1
    # Where the search stands: the last fire, or where it began.
    found_s = end_s if backward else low_s
    for segment in zones.segments(recurrence.timezone, low_s, end_s, backward=backward):
        if (found_s - segment.end_s if backward else segment.start_s - found_s) > SCHEDULE_SEARCH_S:
            return
        for fire in _fires_in(recurrence, segment, low_ms, high_ms, backward=backward):
            found_s = fire.at_ms // 1000
            yield fire


def _merged(each: Sequence[Iterator[Nominal]], *, backward: bool) -> Iterator[Nominal]:
    """Merge fires in their order, each instant once; it is odd only if it is for all that have it."""
    for at_ms, fires in groupby(merge(*each, key=attrgetter("at_ms"), reverse=backward), attrgetter("at_ms")):
        notes = [fire.note for fire in fires]
        yield Nominal(at_ms, None if None in notes else notes[0])


def _fires_in(
    recurrence: Recurrence, segment: Segment, low_ms: int, high_ms: int, *, backward: bool
) -> Iterator[Nominal]:
    low_ms, end_ms = max(low_ms, segment.start_s * 1000), min(high_ms + 1, segment.end_s * 1000)
    if recurrence.cron is None:
        # Workers read schedules' keys, and compute no fire.
        from whendue.schedules.calendar import intervals

        anchor_ms = recurrence.at_ms if recurrence.at_ms is not None else _anchor(recurrence)
        step_ms = (recurrence.every_s or EVERY_MAX_S) * 1000
        excluded = exclusions.parse(recurrence.exclude)
        return map(
            Nominal, intervals.instants(anchor_ms, step_ms, excluded, segment, (low_ms, end_ms), backward=backward)
        )
    cron = cron_of(recurrence)
    inside = _wall_clock(recurrence, cron, segment, -(-low_ms // 1000), -(-end_ms // 1000), backward=backward)
    if low_ms != segment.start_s * 1000 or not _moves_here(recurrence, cron, segment):
        return inside
    moved = [Nominal(segment.start_s * 1000, Note.MOVED)]
    return chain(inside, moved) if backward else chain(moved, inside)


def _open_times(
    recurrence: Recurrence, cron: Cron, low_s: int, high_s: int, *, backward: bool = False
) -> Iterator[int]:
    """Iterate over the matches in [low_s, high_s) of local time, on days that are not excluded."""
    spans = open_spans(exclusions.parse(recurrence.exclude).days, low_s, high_s)
    return chain.from_iterable(
        cron.times(low, high, backward=backward) for low, high in (reversed(spans) if backward else spans)
    )


def _wall_clock(
    recurrence: Recurrence, cron: Cron, segment: Segment, low_s: int, end_s: int, *, backward: bool
) -> Iterator[Nominal]:
    """Yield the matches in [low_s, end_s), which lies within the segment."""
    name, offset, once = recurrence.timezone, segment.offset_s, on_fold(recurrence, cron) == "once"
    for match in _open_times(recurrence, cron, low_s + offset, end_s + offset, backward=backward):
        at_s = match - offset
        if zones.comes_again(name, at_s):
            yield Nominal(at_s * 1000, Note.ONLY_FIRST if once else Note.FIRST)
        elif not zones.came_before(name, at_s):
            yield Nominal(at_s * 1000)
        elif not once:
            yield Nominal(at_s * 1000, Note.SECOND)


def _moves_here(recurrence: Recurrence, cron: Cron, segment: Segment) -> bool:
    """Return whether matches in the gap before a segment, if there are any, fire at its start."""
    first = segment.start_s + segment.offset_s
    if on_gap(recurrence, cron) == "skip" or any(cron.times(first, first + 1)):
        return False
    is_open = exclusions.parse(recurrence.exclude).is_open(first)
    return is_open and next(_open_times(recurrence, cron, first - segment.skipped_s, first), None) is not None
