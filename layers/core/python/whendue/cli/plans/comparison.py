"""How two sets of schedules differ in a window, what clock changes do to them, and which minutes are crowded."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice, takewhile

from whendue.cli.plans.definitions import Plan
from whendue.schedule_quotas import BACKFILL_FIRES
from whendue.schedules.calendar import exclusions
from whendue.schedules.calendar import time_zones as zones
from whendue.schedules.calendar.exclusions import open_spans
from whendue.schedules.calendar.recurrence import Nominal, Recurrence, after, cron_of, each_of, local, on_gap
from whendue.support.timestamps import to_timestamp

MINUTE_MS = 60_000
SKIPPED = "skipped_in_gap"


@dataclass(frozen=True, slots=True)
class Window:
    """A range of time, in ms UTC; `end_ms` is not part of it."""

    start_ms: int
    end_ms: int


@dataclass(frozen=True, slots=True)
class Fires:
    """The fires of a schedule in a window.

    Args:
        nominals: the first `BACKFILL_FIRES` of them.
        complete: whether these are all.
    """

    nominals: tuple[Nominal, ...]
    complete: bool


@dataclass(frozen=True, slots=True)
class Difference:
    """What becomes of one schedule.

    Args:
        name: its name.
        change: `added`, `removed` or `changed`.
        added: nominal times that only the new one has, ms UTC.
        removed: nominal times that only the old one has, ms UTC.
        complete: whether all fires of the window were compared.
    """

    name: str
    change: str
    added: tuple[int, ...]
    removed: tuple[int, ...]
    complete: bool


@dataclass(frozen=True, slots=True)
class Oddity:
    """A fire that a clock change moves, doubles or removes.

    Args:
        name: the schedule.
        note: as in docs/guide/recurrence.md, or `skipped_in_gap`: the local time does not exist and nothing fires.
        at: the instant, RFC 3339 UTC; of what is skipped the end of the gap.
        local: local time, ISO 8601; of what is skipped the time that does not exist, without an offset.
    """

    name: str
    note: str
    at: str
    local: str


@dataclass(frozen=True, slots=True)
class Crowd:
    """A minute in which many schedules fire.

    Args:
        at: its start, RFC 3339 UTC.
        fires: number of fires.
        names: the schedules, sorted; at most ten.
    """

    at: str
    fires: int
    names: tuple[str, ...]


def fires_of(plan: Plan, window: Window) -> Fires:
    """Return the fires in a window, at most `BACKFILL_FIRES`; a maximum of runs is counted from its start."""
    coming = islice(after(plan.recurrence, window.start_ms - 1), plan.runs)
    inside = takewhile(lambda fire: fire.at_ms < window.end_ms, coming)
    found = tuple(islice(inside, BACKFILL_FIRES + 1))
    return Fires(found[:BACKFILL_FIRES], len(found) <= BACKFILL_FIRES)


def differences(old: Mapping[str, Plan], new: Mapping[str, Plan], window: Window) -> Iterator[Difference]:
    """Yield what differs, sorted by name: schedules that are on one side alone, and fires that are.

    Of a schedule that fires more often than can be compared, the part is compared that both sides have.
    """
    for name in sorted({*old, *new}):
        before, then = (_fires(plans.get(name), window) for plans in (old, new))
        until = min(_reach(before, window), _reach(then, window))
        was, will = ({at.at_ms for at in fires.nominals if at.at_ms <= until} for fires in (before, then))
        added, removed = tuple(sorted(will - was)), tuple(sorted(was - will))
        change = "changed" if name in old and name in new else "added" if name in new else "removed"
        if added or removed or change != "changed":
            yield Difference(name, change, added, removed, before.complete and then.complete)


def oddities(plans: Mapping[str, Plan], window: Window) -> Iterator[Oddity]:
    """Yield what clock changes do to fires in a window, sorted by name."""
    for name, plan in sorted(plans.items()):
        recurrence, fires = plan.recurrence, fires_of(plan, window)
        found = [(fire.at_ms, fire.note, local(recurrence, fire.at_ms)) for fire in fires.nominals if fire.note]
        for at_ms, note, shown in sorted([*found, *_skipped(recurrence, _ending(plan, fires, window))]):
            yield Oddity(name, note, str(to_timestamp(at_ms)), shown)


def crowds(plans: Mapping[str, Plan], window: Window, least: int) -> list[Crowd]:
    """Return the minutes with at least `least` fires, the fullest first."""
    minutes: Counter[int] = Counter()
    for plan in plans.values():
        minutes.update(fire.at_ms // MINUTE_MS for fire in fires_of(plan, window).nominals)
    full = sorted((-count, minute) for minute, count in minutes.items() if count >= least)[:SHOWN]
    names: dict[int, list[str]] = {minute: [] for _, minute in full}
    for name, plan in sorted(plans.items()):
        for minute in {fire.at_ms // MINUTE_MS for fire in fires_of(plan, window).nominals} & set(names):
            names[minute].append(name)
    return [
        Crowd(str(to_timestamp(minute * MINUTE_MS)), -count, tuple(names[minute][:NAMED])) for count, minute in full
    ]


# A person looks at the fullest ones.
SHOWN = 100
NAMED = 10


def _fires(plan: Plan | None, window: Window) -> Fires:
    return Fires((), complete=True) if plan is None else fires_of(plan, window)


def _reach(fires: Fires, window: Window) -> int:
    return window.end_ms if fires.complete else fires.nominals[-1].at_ms


def _ending(plan: Plan, fires: Fires, window: Window) -> Window:
    """Return the part of a window in which a schedule has runs left."""
    if plan.runs is None or len(fires.nominals) < plan.runs:
        return window
    return Window(window.start_ms, fires.nominals[-1].at_ms if fires.nominals else window.start_ms)


def _skipped(recurrence: Recurrence, window: Window) -> Iterator[tuple[int, str, str]]:
    """Yield each clock change that takes a fire away: its end, the note, the first local time that does not exist."""
    for part in each_of(recurrence):
        yield from _skipped(part, window)
    if recurrence.cron is None:
        return
    cron = cron_of(recurrence)
    low_ms = max(window.start_ms, recurrence.start_ms or 0)
    high_ms = window.end_ms if recurrence.end_ms is None else min(window.end_ms, recurrence.end_ms + 1)
    if on_gap(recurrence, cron) != "skip" or low_ms >= high_ms:
        return
    days = exclusions.parse(recurrence.exclude).days
    for segment in zones.segments(recurrence.timezone, low_ms // 1000, -(-high_ms // 1000)):
        first = segment.start_s + segment.offset_s
        if not segment.skipped_s or not low_ms <= segment.start_s * 1000 < high_ms:
            continue
        for low, high in open_spans(days, first - segment.skipped_s, first):
            missing = next(cron.times(low, high), None)
            if missing is not None:
                yield segment.start_s * 1000, SKIPPED, str(to_timestamp(missing * 1000)).removesuffix(".000Z")
                break
