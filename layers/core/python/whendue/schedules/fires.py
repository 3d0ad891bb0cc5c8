"""The history of fires: how each fire of a schedule ended. Fires that were missed in a row share one entry."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from typing import Any, Final, NamedTuple

from whendue.errors import UniqueConflictError, WhendueError
from whendue.jobs.failures import line_of
from whendue.jobs.model import Job, State
from whendue.quotas import FIRE_HISTORY_KEPT_S, REASON_BYTES
from whendue.schedules.calendar.recurrence import Recurrence
from whendue.schedules.model import parts_of, recurrence_of
from whendue.table.items import known
from whendue.table.keys import Key
from whendue.table.writes import REMOVE, Condition, Is, Write, insert


class FireOutcome(StrEnum):
    """How a fire ended. A withdrawn one was planned and cancelled before its time; it is not shown."""

    RAN = "ran"
    SKIPPED = "skipped"
    CAUGHT_UP = "caught_up"
    MISSED = "missed"
    TRIGGERED = "triggered"
    WITHDRAWN = "withdrawn"


SHOWN = (FireOutcome.RAN, FireOutcome.SKIPPED, FireOutcome.CAUGHT_UP, FireOutcome.MISSED, FireOutcome.TRIGGERED)
MISFIRED = "misfired"
TOO_OLD = "too_old"
PAUSED = "paused"
OVERLAPPED = "overlap"


class Asked(NamedTuple):
    """Who asked for runs by hand, and why.

    Args:
        by: the token's subject, or the tenant where it names none; None: not known.
        reason: why; None where nobody said.
    """

    by: str | None = None
    reason: str | None = None


UNKNOWN: Final = Asked()


@dataclass(frozen=True, slots=True)
class Fire:
    """One fire's entry.

    Args:
        pk: the partition key of the schedule's fires.
        nominal: its nominal time, ms UTC; of a triggered one the time of the trigger.
        outcome: how it ended.
        version: of the schedule that decided it.
        decided_at: when, ms UTC.
        job: the job's id, None where it made none.
        reason: why it made none; of a triggered one, why somebody triggered it.
        backfill: the backfill that made its job.
        by: who triggered it.
    """

    pk: str
    nominal: int
    outcome: FireOutcome
    version: int
    decided_at: int
    job: str | None = None
    reason: str | None = None
    backfill: str | None = None
    by: str | None = None

    @property
    def key(self) -> Key:
        """Its key: triggered fires sort between the nominal times."""
        return Key(self.pk, fire_sk(self.nominal) + (f"~{self.job}" if self.outcome is FireOutcome.TRIGGERED else ""))


@dataclass(frozen=True, slots=True)
class MissedRange:
    """All nominal times from the first to `until` that have no entry of their own: they were missed, or skipped.

    Args:
        first: the first of them, ms UTC.
        until: none is later, ms UTC.
        recurrence: what they are made from again, as it was then.
    """

    pk: str
    first: int
    until: int
    outcome: FireOutcome
    reason: str
    version: int
    decided_at: int
    recurrence: Recurrence

    @property
    def key(self) -> Key:
        """Its key."""
        return Key(self.pk, missed_sk(self.first))


def fire_sk(at_ms: int) -> str:
    """Return the sort key of a nominal time (ms UTC); all have one length, so they sort by time."""
    return f"fire#{at_ms:015d}"


def missed_sk(first_ms: int) -> str:
    """Return the sort key of a missed range."""
    return f"gap#{first_ms:015d}"


def enter(entry: Fire | MissedRange) -> Write:
    """Insert an entry, if there is none."""
    return insert("enter_fire" if isinstance(entry, Fire) else "enter_gap", entry.key, _values(entry))


def revise(name: str, before: Fire, then: Fire) -> Write:
    """Change an entry, if it has not been changed meanwhile; `name` says why."""
    old, new = _values(before), _values(then)
    gone = {part: REMOVE for part in old if part not in new}
    seen: list[Condition] = [Is(part, old[part]) for part in ("outcome", "version", "job") if part in old]
    return Write(name, before.key, seen, new | gone)


def _values(entry: Fire | MissedRange) -> dict[str, Any]:
    stored = {part.name: getattr(entry, part.name) for part in fields(entry)}
    stored |= {"outcome": entry.outcome.value, "expires_at": entry.decided_at // 1000 + FIRE_HISTORY_KEPT_S}
    if isinstance(entry, MissedRange):
        stored["recurrence"] = json.dumps(parts_of(entry.recurrence), separators=(",", ":"))
    return {name: value for name, value in stored.items() if value is not None and name != "pk"}


def fire_from(item: Mapping[str, Any]) -> Fire:
    """Read a fire's entry from its item."""
    return Fire(**known(Fire, item) | {"outcome": FireOutcome(item["outcome"])})


def missed_from(item: Mapping[str, Any]) -> MissedRange:
    """Read a missed range from its item."""
    recurrence = recurrence_of(json.loads(item["recurrence"]))
    return MissedRange(**known(MissedRange, item) | {"outcome": FireOutcome(item["outcome"]), "recurrence": recurrence})


def was_skipped(job: Job) -> bool:
    """Return whether a job was skipped by the overlap policy; its fire's entry is updated a moment later."""
    return job.state is State.CANCELLED and job.last is not None and job.last.type == OVERLAPPED


def skip_reason(job: Job) -> str | None:
    """Return why a fire's job never ran, if another job was there first; its fire's entry is updated a moment later."""
    if was_skipped(job):
        return OVERLAPPED
    is_held = job.state is State.CANCELLED and job.last is not None and job.last.type == UniqueConflictError.code
    return UniqueConflictError.code if is_held else None


def skipped(fire: Fire, reason: str) -> Fire:
    """Return a fire as skipped, without a job; `reason` is the code of an error."""
    return replace(fire, outcome=FireOutcome.SKIPPED, job=None, reason=reason)


def error_code(error: BaseException) -> str:
    """Return the stable code of an error."""
    return error.code if isinstance(error, WhendueError) else WhendueError.code


def error_text(error: BaseException, what: str) -> str:
    """Describe an error to the schedule's owner, without the text of an error that is not whendue's own.

    Args:
        error: what was raised.
        what: what failed, as in "its job could not be created"; used where the error's own text is left out.
    """
    text = str(error) if isinstance(error, WhendueError) else f"{what} ({type(error).__name__})"
    return line_of(f"{error_code(error)}: {text}", REASON_BYTES)
