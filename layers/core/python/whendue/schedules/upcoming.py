"""What of a schedule is to come: its next fire, the end of its pause, the runs that are left, and its next check."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import islice, takewhile
from typing import Any, NamedTuple

from whendue.jobs.due_index import first_check, partition_of
from whendue.schedule_quotas import IN_FLIGHT_S
from whendue.schedules.calendar.recurrence import Nominal, after, jitter_ms
from whendue.schedules.model import Definition, Schedule, ScheduleState
from whendue.settings import Timing


def next_fire(schedule: Schedule, after_ms: int = -1) -> int | None:
    """Return the first nominal time that is not decided, and later than a time; None after the last one."""
    max_runs = schedule.definition.max_runs
    if max_runs is not None and (schedule.runs or 0) >= max_runs:
        return None
    nominal = next(after(schedule.definition.recurrence, max(schedule.cursor, after_ms)), None)
    return nominal and nominal.at_ms


def pause_end(schedule: Schedule) -> int | None:
    """Return the last nominal time that its pause skips, ms UTC: -1 without a pause, None if the pause has no end."""
    if schedule.state is not ScheduleState.PAUSED:
        return -1
    return None if schedule.paused_until is None else schedule.paused_until - 1


def pause_began(schedule: Schedule) -> int:
    """Return when a paused schedule was paused, ms UTC; of one that does not know, when it was changed last."""
    return schedule.version if schedule.paused_since is None else schedule.paused_since


def is_paused(schedule: Schedule, at_ms: int) -> bool:
    """Return whether a pause skips a nominal time."""
    end = pause_end(schedule)
    return end is None or at_ms <= end


def runs_until(schedule: Schedule, at_ms: int) -> int:
    """Count the runs for nominal times up to a time, which is now: those that are planned ahead are left out."""
    runs, end = schedule.runs or 0, pause_end(schedule)
    if not runs or end is None or schedule.cursor <= at_ms:
        return runs
    times = islice(after(schedule.definition.recurrence, max(at_ms, end)), runs)
    return runs - sum(1 for _ in takewhile(lambda fire: fire.at_ms <= schedule.cursor, times))


def runs_left(schedule: Schedule, now_ms: int) -> int | None:
    """Return how many runs its definition still allows after now; None: it has no maximum."""
    max_runs = schedule.definition.max_runs
    return None if max_runs is None else max(0, max_runs - runs_until(schedule, now_ms))


def upcoming(schedule: Schedule, after_ms: int, now_ms: int) -> Iterator[Nominal]:
    """Iterate over the fires after a time, as many as its definition still allows after now.

    Those that a pause skips are left out; with a pause that has no end, as if it were resumed.
    """
    first_ms = max(after_ms, pause_end(schedule) or -1)
    return islice(after(schedule.definition.recurrence, first_ms), runs_left(schedule, now_ms))


def offset_ms(identity: str, definition: Definition, nominal_ms: int) -> int:
    """Return how long after a nominal time (ms UTC) the job of a fire is due, ms; `identity` is of `Schedule`."""
    return jitter_ms(identity, definition.jitter_s, nominal_ms if definition.jitter_per else None)


def has_ended(schedule: Schedule) -> bool:
    """Return whether a schedule will not fire again, unless it is changed.

    Raises:
        Exception: its fires cannot be computed.
    """
    undone = schedule.as_of or schedule.withdraw_until or schedule.state is ScheduleState.DELETED
    return not undone and pause_end(schedule) is not None and next_fire(schedule) is None


def removed_at(schedule: Schedule) -> int | None:
    """Return when a schedule that has ended is removed by itself, ms UTC; None if it is not.

    It has ended with the last nominal time that is decided, or with its pause.
    """
    after_s = schedule.definition.remove_after_s
    return None if after_s is None else max(schedule.cursor, pause_end(schedule) or 0) + after_s * 1000


def forgotten_at(schedule: Schedule) -> int:
    """Return when a deleted schedule's item may be removed, ms UTC: when no request from before its end is running."""
    return schedule.version + IN_FLIGHT_S * 1000


class NextCheck(NamedTuple):
    """The due-index rule's numbers for schedules: shards of the due index, and the look-ahead."""

    timing: Timing
    shards: int


def with_next_check(schedule: Schedule, rule: NextCheck) -> Schedule:
    """Return the schedule with its next check: at its next fire, or at once while planned fires are to be cancelled."""
    check_at = _next_check(schedule, rule)
    if schedule.state is ScheduleState.DELETED:
        check_at = forgotten_at(schedule)
    if schedule.withdraw_until:
        check_at = schedule.version
    partition = partition_of(schedule.identity, rule.shards) if check_at is not None else None
    return replace(schedule, due_pk=partition, check_at=check_at)


def _next_check(schedule: Schedule, rule: NextCheck) -> int | None:
    """Return when to check for the next fire, or to remove it, ms UTC.

    At once if that cannot be computed: the timer stores why.
    """
    end = pause_end(schedule)
    if end is None:
        return None
    try:
        nominal = next_fire(schedule, end)
        if nominal is None and end >= 0 and next_fire(schedule) is not None:
            # Nothing fires after the pause: its end decides what it has skipped.
            return schedule.paused_until
    except Exception:  # noqa: BLE001 - of an older version, or of a zone that is gone: it must still be changed
        return schedule.version
    return first_check(nominal, rule.timing) if nominal is not None else removed_at(schedule)


def changed(schedule: Schedule, at_ms: int, **changes: Any) -> Schedule:
    """Return the schedule after a change; the fires planned beyond this time are to be withdrawn.

    Args:
        schedule: with every fire up to the change decided, and no plan standing; or one that cannot be decided.
        at_ms: the time of the change, later than the last one.
        changes: fields.
    """
    reached = max(schedule.cursor, schedule.until, schedule.withdraw_until)
    planned = reached if reached > at_ms else 0
    values: dict[str, Any] = {"version": at_ms, "cursor": at_ms, "withdraw_until": planned}
    values |= {"runs": _runs_kept(schedule, at_ms), "paused_since": _paused_since(schedule, at_ms, changes)}
    return replace(schedule, as_of=0, until=0, last_error=None, troubles=None, **values | changes)


def _paused_since(schedule: Schedule, at_ms: int, changes: Mapping[str, Any]) -> int | None:
    """Return since when the schedule is paused after a change at a time: another change does not begin its pause."""
    if changes.get("state", schedule.state) is not ScheduleState.PAUSED:
        return None
    return at_ms if "state" in changes else pause_began(schedule)


def _runs_kept(schedule: Schedule, at_ms: int) -> int | None:
    """Return the number of runs without those that are withdrawn; as it was if that cannot be computed."""
    try:
        return None if schedule.runs is None else runs_until(schedule, at_ms)
    except Exception:  # noqa: BLE001 - as for the next check
        return schedule.runs
