"""A backfill: jobs for the fires of a past range, made a chunk at a time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from itertools import islice, takewhile
from typing import Any, Final, NamedTuple

from whendue.jobs.due_index import partition_of
from whendue.quotas import FIRE_HISTORY_KEPT_S
from whendue.schedule_quotas import BACKFILL_CHUNK, IN_FLIGHT_S
from whendue.schedules.calendar.recurrence import after
from whendue.schedules.fires import Fire, FireOutcome
from whendue.schedules.model import Definition, fires_pk, from_text, to_text
from whendue.submission.request import JobRequest
from whendue.table.ids import Ids
from whendue.table.items import known
from whendue.table.keys import Key
from whendue.table.writes import REMOVE, Condition, Is, Lacks, Write, insert

# How a fire ended that has had its job.
HAD_A_JOB: Final = (FireOutcome.RAN, FireOutcome.CAUGHT_UP)


class BackfillState(StrEnum):
    """What a backfill is."""

    RUNNING = "running"
    PAUSED = "paused"
    FINISHED = "finished"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Backfill:
    """One backfill, as its item holds it. Times are milliseconds since 1970, UTC.

    Args:
        id: UUIDv7.
        definition: the schedule's when it was asked for.
        version: the schedule's then.
        schedule_made_at: when that schedule was created: another one of its name is not its own. 0: not known.
        from_ms, to_ms: the range of nominal times, both inclusive.
        limit: maximum number of jobs.
        force: also where a job ran.
        cursor: every nominal time up to here is done.
        made: jobs made.
        passed: fires left alone, as they had run.
        error: why it failed.
        by, reason: who asked for it, and why; None: not known, and not said.
        settles_at: of one that was stopped or has failed: when the timer completes a chunk that a process may have
            left half done, ms UTC; None once that is done.
    """

    tenant: str
    name: str
    id: str
    definition: Definition
    version: int
    from_ms: int
    to_ms: int
    limit: int
    force: bool
    created_at: int
    cursor: int
    made: int = 0
    passed: int = 0
    schedule_made_at: int = 0
    state: BackfillState = BackfillState.RUNNING
    error: str | None = None
    by: str | None = None
    reason: str | None = None
    settles_at: int | None = None

    @property
    def key(self) -> Key:
        """The item's key."""
        return backfill_key(self.tenant, self.name, self.id)

    @property
    def is_running(self) -> bool:
        """Whether the timer has something left to do for it."""
        return self.state is BackfillState.RUNNING or self.settles_at is not None


def backfill_key(tenant: str, name: str, backfill_id: str) -> Key:
    """Return the key of a backfill."""
    return Key(fires_pk(tenant, name), f"backfill#{backfill_id}")


def chunk(backfill: Backfill, ids: Ids) -> list[Fire]:
    """Return the next fires as they would be entered, at most a chunk; `ids` derives the ids of their jobs."""
    times = after(backfill.definition.recurrence, backfill.cursor)
    inside = takewhile(lambda fire: fire.at_ms <= backfill.to_ms, islice(times, BACKFILL_CHUNK))
    return [_fire(backfill, ids, fire.at_ms) for fire in inside]


class Chunk(NamedTuple):
    """What one chunk does.

    Args:
        fires: the fires that are done with it.
        wanted: of these, the fires that make a job.
    """

    fires: list[Fire]
    wanted: list[Fire]


def chosen(backfill: Backfill, fires: Sequence[Fire], entered: Mapping[int, Fire]) -> Chunk:
    """Choose which of the next fires make a job, up to the backfill's limit.

    Args:
        backfill: as stored.
        fires: the next ones, in order.
        entered: what the history has of them, by nominal time.
    """
    limit = backfill.limit - backfill.made
    chosen_fires: list[Fire] = []
    wanted: list[Fire] = []
    for fire in fires:
        if len(wanted) == limit:
            break
        chosen_fires.append(fire)
        if _is_wanted(backfill, entered.get(fire.nominal)):
            wanted.append(fire)
    return Chunk(chosen_fires, wanted)


def _is_wanted(backfill: Backfill, entered: Fire | None) -> bool:
    """Return whether a fire creates a job: it had none, or `force` is set, or its job came from this backfill."""
    if entered is None or entered.backfill == backfill.id:
        return True
    return backfill.force or entered.outcome not in HAD_A_JOB


def begun_fires(backfill: Backfill, fires: Sequence[Fire], entered: Mapping[int, Fire]) -> list[Fire]:
    """Return the entries of the next fires that say that this backfill made their jobs, whether it came to that or not.

    Args:
        backfill: as stored.
        fires: the next ones.
        entered: what the history has of them, by nominal time.
    """
    entries = [entered[fire.nominal] for fire in fires if fire.nominal in entered]
    return [entry for entry in entries if entry.backfill == backfill.id and entry.outcome is FireOutcome.CAUGHT_UP]


def ended(backfill: Backfill, state: BackfillState, now_ms: int, error: str | None = None) -> Backfill:
    """Return the backfill as paused, cancelled or failed; it is settled once no process can be at its chunk any more.

    Args:
        backfill: as stored.
        state: what it becomes.
        now_ms: the time.
        error: why it failed.
    """
    return replace(backfill, state=state, error=error, settles_at=now_ms + IN_FLIGHT_S * 1000)


def moved(backfill: Backfill, done: list[Fire], made: int) -> Backfill:
    """Return the backfill after some fires are done, `made` of which created a job."""
    passed = len(done) - made
    return replace(backfill, cursor=done[-1].nominal, made=backfill.made + made, passed=backfill.passed + passed)


def request_of(backfill: Backfill, fire: Fire) -> JobRequest:
    """Return the request for a fire's job, due as soon as it is created."""
    return replace(
        backfill.definition.template,
        idempotency_key=_mark(backfill, fire.nominal),
        schedule=backfill.name,
        nominal_at=fire.nominal,
    )


def _mark(backfill: Backfill, nominal: int) -> str:
    # The spaces keep it apart from every Idempotency-Key of a user.
    return f"backfill {backfill.name} {backfill.id} {nominal}"


def _fire(backfill: Backfill, ids: Ids, nominal: int) -> Fire:
    job_id = ids.of_key(backfill.tenant, _mark(backfill, nominal))
    pk = fires_pk(backfill.tenant, backfill.name)
    return Fire(pk, nominal, FireOutcome.CAUGHT_UP, backfill.version, backfill.created_at, job_id, backfill=backfill.id)


def create(backfill: Backfill, shards: int) -> Write:
    """Create the item if there is none; it is in the due index until it is over."""
    return insert("create_backfill", backfill.key, _values(backfill) | _due(backfill, shards, backfill.created_at))


def step(before: Backfill, then: Backfill, shards: int) -> Write:
    """Advance a backfill, if it has not been advanced meanwhile; with nothing left to do, it leaves the due index."""
    changes = _values(then)
    if then.state is not BackfillState.RUNNING:
        changes |= _gone() if then.settles_at is None else _due(then, shards, then.settles_at)
    return Write("move_backfill", before.key, _as_read(before), changes)


def resume(paused: Backfill, shards: int, now_ms: int) -> Write:
    """Put a paused backfill back to work, if it is as it was read."""
    running = replace(paused, state=BackfillState.RUNNING, settles_at=None)
    changes = _values(running) | {"settles_at": REMOVE} | _due(paused, shards, now_ms)
    return Write("resume_backfill", paused.key, _as_read(paused), changes)


def _gone() -> dict[str, Any]:
    return dict.fromkeys(("due_pk", "check_at", "settles_at"), REMOVE)


def _due(backfill: Backfill, shards: int, check_at: int) -> dict[str, Any]:
    return {"due_pk": partition_of(f"{backfill.tenant}/{backfill.name}", shards), "check_at": check_at}


def _as_read(backfill: Backfill) -> list[Condition]:
    settles = Lacks("settles_at") if backfill.settles_at is None else Is("settles_at", backfill.settles_at)
    return [Is("cursor", backfill.cursor), Is("state", backfill.state.value), settles]


def _values(backfill: Backfill) -> dict[str, Any]:
    stored = {part.name: getattr(backfill, part.name) for part in fields(backfill)}
    stored |= {"definition": to_text(backfill.definition), "state": backfill.state.value}
    stored["expires_at"] = backfill.created_at // 1000 + FIRE_HISTORY_KEPT_S
    return {name: value for name, value in stored.items() if value is not None}


def from_item(item: Mapping[str, Any]) -> Backfill:
    """Read a backfill from its item."""
    return Backfill(
        **known(Backfill, item) | {"definition": from_text(item["definition"]), "state": BackfillState(item["state"])}
    )
