"""The schedule: what it fires, how far it is decided, and the item it is stored as (docs/guide/schedules.md)."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, Literal

from whendue.quotas import POSTPONED_MIN_S, RESCUE_INTERVAL_MAX_S
from whendue.schedules.calendar.recurrence import Recurrence
from whendue.submission.request import JobRequest, request_from, request_value
from whendue.table.items import known
from whendue.table.keys import Key
from whendue.table.writes import REMOVE, Is, Write, delete, insert

Overlap = Literal["allow", "skip", "buffer_one", "cancel_running"]
JitterPer = Literal["fire"]
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
        max_age_s: a fire that is decided later than this after its nominal time does not run; None: however late it is.
    """

    policy: MisfirePolicy = "fire_once"
    limit: int = 10
    grace_s: int = 60
    max_age_s: int | None = None

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
        jitter_s: fires are delayed by an offset from 0 to this, s.
        jitter_per: `fire`: each fire has an offset of its own; None: all have the same.
        overlap: what a fire does while an earlier job of the schedule runs.
        expires: `next_fire`: the job of a fire expires at the next one; None: as `template` says.
        pause_after: pause after this number of fires in a row whose jobs ended dead; None: never.
        max_runs: maximum number of fires that run; None: no maximum.
        remove_after_s: it is removed so long after it has ended; None: it is kept.
    """

    recurrence: Recurrence
    template: JobRequest
    misfire: Misfire = field(default_factory=Misfire)
    jitter_s: int = 0
    overlap: Overlap = "allow"
    pause_after: int | None = None
    max_runs: int | None = None
    expires: Expires | None = None
    jitter_per: JitterPer | None = None
    remove_after_s: int | None = None


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
        pause_reason, paused_by, paused_since, paused_until: of a paused one; from `paused_until` on (ms UTC) it fires
            again, as if it were active. None: the pause has no end.
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
    paused_since: int | None = None
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
_LATER: Final = frozenset({"max_runs", "crons", "every_weeks", "anchor", "max_age_s", "jitter_per", "remove_after_s"})
NUMBERS: Final = ("version", "created_at", "cursor", "as_of", "until", "withdraw_until")
# Of an item that cannot be read: it fires at no time that is still to come.
NO_DEFINITION: Final = Definition(Recurrence(at_ms=0), JobRequest("unreadable"))

# Before and behind all sort keys, which consist of letters, digits and signs between these two.
FIRST: Final = "!"
LAST: Final = "~"


def schedule_key(tenant: str, name: str) -> Key:
    """Return the key of a schedule: a tenant's schedules share a partition, so that they can be listed and counted."""
    return Key(f"SCHEDULES#{tenant}", f"schedule#{name}")


def fires_pk(tenant: str, name: str) -> str:
    """Return the partition key of a schedule's fires and backfills; a name has no `#`."""
    return f"SCHEDULE#{tenant}#{name}"


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
