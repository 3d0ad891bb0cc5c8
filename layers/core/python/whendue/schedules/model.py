"""The schedule: what it fires, how far it is decided, and the item it is stored as (docs/guide/schedules.md)."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from itertools import islice, takewhile
from typing import Any, Final, Literal, NamedTuple

from whendue.jobs.due_index import first_check, partition_of
from whendue.quotas import IN_FLIGHT_S, POSTPONED_MIN_S, RESCUE_INTERVAL_MAX_S
from whendue.schedules.calendar.recurrence import Nominal, Recurrence, after
from whendue.settings import Timing
from whendue.submission.request import JobRequest, request_from, request_value
from whendue.table.items import known
from whendue.table.keys import Key
from whendue.table.writes import REMOVE, Is, Write, delete, insert

Overlap = Literal["allow", "skip", "buffer_one", "cancel_running"]
Expires = Literal["next_fire"]


class ScheduleState(StrEnum):
    """What a schedule is. A deleted one stays for a while, so that no request from before brings it back."""

    ACTIVE = "active"
    PAUSED = "paused"
    DELETED = "deleted"


MisfirePolicy = Literal["skip", "fire_once", "catch_up"]
# What each does, as the API describes it.
MISFIRE_POLICIES: Final[dict[MisfirePolicy, str]] = {
    "skip": "runs none of the missed fires",
    "fire_once": "runs the latest",
    "catch_up": "runs the last `limit`",
}


@dataclass(frozen=True, slots=True)
class Misfire:
    """What becomes of fires that no timer decided in time.

    Args:
        policy: one of MISFIRE_POLICIES.
        limit: of `catch_up`.
        grace_s: how late a fire may be decided and still be on time.
    """

    policy: MisfirePolicy = "fire_once"
    limit: int = 10
    grace_s: int = 60

    @property
    def runs(self) -> int:
        """How many of them run, at most."""
        return {"skip": 0, "fire_once": 1, "catch_up": self.limit}[self.policy]


@dataclass(frozen=True, slots=True)
class Definition:
    """A schedule as its user defines it.

    Args:
        recurrence: when it fires.
        template: the job of each fire, without a due time.
        misfire: what becomes of fires that were missed.
        jitter_s: all fires are delayed by the same offset, from 0 to this, s.
        overlap: what a fire does while an earlier job of the schedule runs.
        expires: `next_fire`: the job of a fire expires at the next one; None: as `template` says.
        pause_after: pause after this number of fires in a row whose jobs ended dead; None: never.
        max_runs: maximum number of fires that run; None: no maximum.
    """

    recurrence: Recurrence
    template: JobRequest
    misfire: Misfire = field(default_factory=Misfire)
    jitter_s: int = 0
    overlap: Overlap = "allow"
    pause_after: int | None = None
    max_runs: int | None = None
    expires: Expires | None = None


@dataclass(frozen=True, slots=True)
class Schedule:
    """One schedule, as its item holds it. Times are milliseconds since 1970, UTC.

    Args:
        version: when its definition was last changed, ms UTC, made to rise with each change; its ETag, and the
            revision that fires belong to.
        cursor: every nominal time up to here is decided.
        as_of: a plan stands: it was decided at this time how the fires in (cursor, until] end; 0 while none does.
        until: the standing plan's end.
        withdraw_until: fires in (version, here] were planned under the version before and are still to be withdrawn;
            0 once they are.
        pause_reason, paused_by, paused_until: of a paused one; from `paused_until` on (ms UTC) it fires again, as if it
            were active. None: the pause has no end.
        runs: the number of nominal times up to `cursor` that were decided to run; None while its definition has no
            `max_runs`.
        last_error: why the last plan's fires made no job, or why the timer could not work them out.
        troubles: how often in a row the timer could not serve it; it looks again at growing intervals. None: never.
        due_pk, check_at: when the timer must look at it; None once it need not.
    """

    tenant: str
    name: str
    definition: Definition
    version: int
    created_at: int
    cursor: int
    state: ScheduleState = ScheduleState.ACTIVE
    as_of: int = 0
    until: int = 0
    withdraw_until: int = 0
    pause_reason: str | None = None
    paused_by: str | None = None
    paused_until: int | None = None
    runs: int | None = None
    last_error: str | None = None
    troubles: int | None = None
    due_pk: str | None = None
    check_at: int | None = None

    @property
    def key(self) -> Key:
        """The item's key."""
        return schedule_key(self.tenant, self.name)

    @property
    def fires_pk(self) -> str:
        """The partition key of its fires."""
        return fires_pk(self.tenant, self.name)

    @property
    def identity(self) -> str:
        """What it is called among all tenants' schedules."""
        return identity_of(self.tenant, self.name)


def identity_of(tenant: str, name: str) -> str:
    """Return what a tenant's schedule is called among all tenants' schedules; its jitter depends on that."""
    return f"{tenant}/{name}"


# Fields that were added since the first release.
_LATER: Final = frozenset({"max_runs", "crons"})
NUMBERS: Final = ("version", "created_at", "cursor", "as_of", "until", "withdraw_until")
# Of an item that cannot be read: it fires at no time that is still to come.
NO_DEFINITION: Final = Definition(Recurrence(at_ms=0), JobRequest("unreadable"))

# Names have none of the signs between a letter and this one.
LAST: Final = "~"


def schedule_key(tenant: str, name: str) -> Key:
    """Return the key of a schedule: a tenant's schedules share a partition, so that they can be listed and counted."""
    return Key(f"SCHEDULES#{tenant}", f"schedule#{name}")


def fires_pk(tenant: str, name: str) -> str:
    """Return the partition key of a schedule's fires and backfills; a name has no `#`."""
    return f"SCHEDULE#{tenant}#{name}"


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
    """Iterate over the fires after a time, as far as its definition still allows them; a pause is left out."""
    left = runs_left(schedule, now_ms)
    recurrence = schedule.definition.recurrence
    if left is None or after_ms <= now_ms:
        return islice(after(recurrence, after_ms), left)
    return (fire for fire in islice(after(recurrence, now_ms), left) if fire.at_ms > after_ms)


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
    """Return when to check for the next fire, ms UTC; at once if that cannot be computed: the timer stores why."""
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
    return first_check(nominal, rule.timing) if nominal is not None else None


def changed(schedule: Schedule, at_ms: int, **changes: Any) -> Schedule:
    """Return the schedule after a change; the fires planned beyond this time are to be withdrawn.

    Args:
        schedule: with every fire up to the change decided, and no plan standing; or one that cannot be decided.
        at_ms: the time of the change, later than the last one.
        changes: fields.
    """
    reached = max(schedule.cursor, schedule.until, schedule.withdraw_until)
    planned = reached if reached > at_ms else 0
    values = {"version": at_ms, "cursor": at_ms, "withdraw_until": planned, "runs": _runs_kept(schedule, at_ms)}
    return replace(schedule, as_of=0, until=0, last_error=None, troubles=None, **values | changes)


def _runs_kept(schedule: Schedule, at_ms: int) -> int | None:
    """Return the number of runs without those that are withdrawn; as it was if that cannot be computed."""
    try:
        return None if schedule.runs is None else runs_until(schedule, at_ms)
    except Exception:  # noqa: BLE001 - as for the next check
        return schedule.runs


# --- writes ------------------------------------------------------------------------------------------------------


def create(schedule: Schedule) -> Write:
    """Create the item where none is."""
    return insert("create_schedule", schedule.key, to_item(schedule))


def forget(schedule: Schedule) -> Write:
    """Delete the item of a deleted schedule, if it has not been created again."""
    return delete("forget_schedule", schedule.key, Is("version", schedule.version))


def step(name: str, before: Schedule, then: Schedule) -> Write:
    """Move the item from one state to another, if it has not been changed meanwhile."""
    old, new = _values(before), _values(then)
    if then.definition != before.definition:
        new["definition"] = to_text(then.definition)
    gone = {part: REMOVE for part in old if part not in new}
    seen = [Is(part, old[part]) for part in ("version", "cursor", "as_of", "withdraw_until")]
    return Write(name, before.key, seen, new | gone)


def postponed(key: Key, item: Mapping[str, Any], error: str, now_ms: int) -> Write:
    """Look again later, at growing intervals, at a schedule or a backfill that could not be served; it says why.

    Args:
        key: whose.
        item: as stored; it need not be readable.
        error: why, for its owner.
        now_ms: the time.
    """
    troubles = item.get("troubles")
    count = troubles if isinstance(troubles, int) and troubles > 0 else 0
    interval_s = min(POSTPONED_MIN_S << min(count, 10), RESCUE_INTERVAL_MAX_S)
    changes = {"check_at": now_ms + interval_s * 1000, "last_error": error, "troubles": count + 1}
    return Write("postpone", key, [Is("check_at", item.get("check_at", 0))], changes)


# --- the item ----------------------------------------------------------------------------------------------------


def to_item(schedule: Schedule) -> dict[str, Any]:
    """Write the schedule as its item; fields that are None are left out."""
    pk, sk = schedule.key
    return {"pk": pk, "sk": sk, "definition": to_text(schedule.definition)} | _values(schedule)


def _values(schedule: Schedule) -> dict[str, Any]:
    stored = {name: getattr(schedule, name) for name in Schedule.__slots__ if name != "definition"}
    stored["state"] = schedule.state.value
    return {name: value for name, value in stored.items() if value is not None}


def from_item(item: Mapping[str, Any]) -> Schedule:
    """Read a schedule from its item.

    Raises:
        KeyError, TypeError, ValueError: the item is not a schedule's.
    """
    values = known(Schedule, item)
    if not all(type(values[part]) is int for part in NUMBERS):
        raise TypeError("a number of the schedule is none")
    return Schedule(**values | {"state": ScheduleState(item["state"]), "definition": from_text(item["definition"])})


def replacement(before: Mapping[str, Any], then: Schedule) -> Write:
    """Replace an item that cannot be read with a schedule, if it has not been changed meanwhile.

    A definition that could not be read stays as it is until there is another one, or the schedule is deleted.
    """
    values = _values(then)
    gone = {part: REMOVE for part in before if part not in (*values, "pk", "sk", "definition")}
    kept = then.definition is NO_DEFINITION and then.state is not ScheduleState.DELETED
    said = {} if kept else {"definition": to_text(then.definition)}
    seen = [Is("version", before["version"])] if type(before.get("version")) is int else []
    return Write("replace_schedule", then.key, seen, values | gone | said)


def to_text(definition: Definition) -> str:
    """Write a definition as JSON; equal definitions give equal texts."""
    return json.dumps(definition, default=parts_of, sort_keys=True, separators=(",", ":"))


def parts_of(value: Any) -> dict[str, Any]:
    """Return what of a definition is stored as JSON."""
    if isinstance(value, JobRequest):
        return request_value(value)
    parts = {name: getattr(value, name) for name in value.__slots__}
    # Left out if not set: what schedules without them cost stays the same.
    return {name: part for name, part in parts.items() if name not in _LATER or part not in (None, ())}


def from_text(text: str) -> Definition:
    """Read a definition."""
    values = known(Definition, json.loads(text))
    return Definition(
        **values
        | {
            "recurrence": recurrence_of(values["recurrence"]),
            "template": request_from(values["template"]),
            "misfire": Misfire(**known(Misfire, values["misfire"])),
        }
    )


def recurrence_of(values: Mapping[str, Any]) -> Recurrence:
    """Read a recurrence from its fields as JSON has them."""
    said = known(Recurrence, values)
    return Recurrence(**said | {name: tuple(said.get(name, ())) for name in ("exclude", "crons")})
