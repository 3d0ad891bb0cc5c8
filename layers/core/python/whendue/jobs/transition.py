"""What every change of a job's state is made of: a write of its hot item, its arrows, and what an end is."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, ParamSpec

from whendue.jobs.due_index import DEAD, dead_partition, first_check, live_partition, within_horizon, writer_sends
from whendue.jobs.lifetime import belonging, check_sooner, expiry
from whendue.jobs.model import Failure, Job, State, as_value, evolve
from whendue.quotas import CHANGES_KEPT, FAN_OUT_CHECK_S
from whendue.settings import Timing
from whendue.table.keys import change_key, dead_tenant_key
from whendue.table.writes import REMOVE, Condition, Is, Lacks, Less, Plus, Write, insert


@dataclass(frozen=True, slots=True, kw_only=True)
class Transition(Write):
    """A write of a job's hot item.

    Args:
        job: the job as it is once the write holds.
        send: whether its message is sent at once, by the process that made the transition.
        first: a write that must hold before this one is tried (a failed attempt or a result in an item of its own).
        keep: another one, tried together with `first`: the change whose place in the job this one takes.
    """

    job: Job
    send: bool
    first: Write | None = None
    keep: Write | None = None


@dataclass(frozen=True, slots=True)
class Edge:
    """An arrow of the state diagram; `source` None is the start."""

    name: str
    source: State | None
    target: State


EDGES: list[Edge] = []
# What a finished job has that is not live in the due index.
ARCHIVED: Final = frozenset({"due_pk", "expires_at", "fingerprint", "live_shard"})
# A change that is asked of a job; see `with_change`.
REDRIVE_UNDONE: Final = "redrive_undone"
NOT_CANCELLED: Final = Is(field="cancel_requested", value=False)

P = ParamSpec("P")


def edges(*pairs: tuple[State | None, State]) -> Callable[[Callable[P, Transition]], Callable[P, Transition]]:
    """Note the arrows that a constructor of transitions stands for."""

    def note(constructor: Callable[P, Transition]) -> Callable[P, Transition]:
        EDGES.extend(Edge(constructor.__name__, source, target) for source, target in pairs)
        return constructor

    return note


def step(
    name: str,
    job: Job,
    expected: Sequence[Condition],
    *,
    send: bool = False,
    first: Write | None = None,
    **changes: Any,
) -> Transition:
    """Change fields of a job's hot item; None removes one."""
    after = evolve(job, **{field: _after(getattr(job, field), change) for field, change in changes.items()})
    stored = {field: REMOVE if value is None else as_value(value) for field, value in changes.items()}
    return Transition(name=name, key=job.key, expected=expected, changes=stored, job=after, send=send, first=first)


def _after(value: Any, change: Any) -> Any:
    match change:
        case Plus(amount):
            return value + amount
        case Less(members):
            return (value - members) or None
        case _:
            return change


def finish(
    name: str,
    job: Job,
    expected: Sequence[Condition],
    state: State,
    now_ms: int,
    *,
    first: Write | None = None,
    **more: Any,
) -> Transition:
    """End the job. It stays live while the fan-out of this or of a failed attempt is pending (guarantees G7 and G8)."""
    changes: dict[str, Any] = {"state": state, "finished_at": now_ms, "lease_until": 0}
    changes |= archive(job, state, now_ms, more.get("last", job.last)) | (
        {"unmet_dependencies": None} if job.unmet_dependencies else {}
    )
    # A dependent that was added since the job was read must not be missed: the mark precedes its edge (decision 2).
    conditions = expected if job.has_dependents else [*expected, Lacks("has_dependents")]
    over = step(name, job, conditions, first=first or check_sooner(job, now_ms), **changes | more)
    return (
        with_pending_fan_out(over)
        if job.has_dependents or job.parent_id or job.pending_fan_out is not None or over.job.may_have_members
        else over
    )


def is_failed_attempt(over: Transition) -> bool:
    """Return whether a transition records a failed attempt."""
    return over.name == "fail"


def is_end(over: Transition) -> bool:
    """Return whether a transition ends its job."""
    return over.job.terminal and "state" in over.changes


def is_listed_as_dead(over: Transition) -> bool:
    """Return whether a transition puts a job among the dead ones of its tenant; deliveries are not."""
    due_pk = over.changes.get("due_pk")
    return isinstance(due_pk, str) and due_pk.startswith(DEAD) and not over.job.subscription


def note_dead(tenant: str) -> Write:
    """Note for good that a tenant has dead jobs: by it operators find those of all tenants."""
    return insert("note_dead", dead_tenant_key(tenant), {})


def archive(job: Job, state: State, at_ms: int, last: Failure | None) -> dict[str, Any]:
    """Take a finished job out of the live due index: a dead one is listed at the time of its end, others are not.

    Args:
        job: the job that is finished; it is live in the due index.
        state: how it ended.
        at_ms: when it ended, ms UTC.
        last: its last failure.
    """
    expires_at = expiry(job, max(at_ms, redrive_undone_at(job)))
    if state is not State.DEAD:
        return {"check_at": None, "expires_at": expires_at}
    return {
        "due_pk": dead_partition(job.listed_under, job.shard),
        "live_shard": job.shard,
        "check_at": at_ms,
        "fingerprint": last.fingerprint if last else "",
        "expires_at": expires_at,
    }


def redrive_undone_at(job: Job) -> int:
    """Return when a redrive of a job was undone, ms UTC, if nothing was asked of it since; else 0.

    Its end is earlier: by that it might be gone already.
    """
    return int(job.change["at"]) if job.change and job.change["kind"] == REDRIVE_UNDONE else 0


def with_progress(over: Transition, progress: str | None) -> Transition:
    """Store a task's progress with a transition of its job; None leaves what is stored."""
    if progress is None:
        return over
    return replace(over, changes={**over.changes, "progress": progress}, job=evolve(over.job, progress=progress))


def with_change(over: Transition, before: Job, kind: str, now_ms: int, by: str | None, **values: Any) -> Transition:
    """Note what is asked of a job in the very write that does it: neither is ever there without the other.

    The change that stood there before moves to an item of its own first, as a failed attempt does.

    Args:
        over: the transition of the job.
        before: the job as it was read.
        kind: `rescheduled`, `reprioritised`, `cancel_requested`, `redriven` or `redrive_undone`.
        now_ms: when it is asked, ms UTC.
        by: who asks, as the token says; None for whendue itself.
        values: more about it; what is None is left out.
    """
    noted = {
        "number": 1 + change_number(before),
        "kind": kind,
        "at": now_ms,
        "generation": over.job.generation,
        "by": by,
    }
    change = {name: value for name, value in (noted | values).items() if value is not None}
    job = evolve(over.job, change=change)
    return replace(over, changes={**over.changes, "change": change}, job=job, keep=_keep_change(before))


def of_operation(over: Transition, operation_id: str) -> Transition:
    """Note which bulk operation asks, in a transition that notes who does."""
    if over.job.change is None:
        return over
    change = {**over.job.change, "operation": operation_id}
    return replace(over, changes={**over.changes, "change": change}, job=evolve(over.job, change=change))


def change_number(job: Job) -> int:
    """Return how often something was asked of a job."""
    return int(job.change["number"]) if job.change else 0


def _keep_change(job: Job) -> Write | None:
    """Move the last change of a job to an item of its own; None where there is none, or enough are kept.

    Idempotent: a number has one change for ever, as the write that set it was conditional.
    """
    if job.change is None or change_number(job) > CHANGES_KEPT:
        return None
    return insert("keep_change", change_key(job.id, change_number(job), job.life), belonging(job, job.change))


def how_it_stands(job: Job) -> dict[str, Any]:
    """Describe a job since its submit or redrive: what a redrive takes from its item; what is None is left out.

    `started_at` is of a run in this generation. A run that gave way to a cancel was not lost, though none counts it.
    """
    ran = job.state in (State.RUNNING, State.SUCCEEDED) or (
        job.state is not State.PENDING and job.started_at is not None and job.started_at >= job.scheduled_at
    )
    without_outcome = job.state in (State.RUNNING, State.SUCCEEDED) or (ran and job.state is State.CANCELLED)
    values = {
        "state": job.state.value,
        "generation": job.generation,
        "at": job.finished_at,
        "started_at": job.started_at if ran else None,
        "failures": job.failures or None,
        "lost": max(0, job.claims - job.failures - without_outcome) or None,
    }
    return {name: value for name, value in values.items() if value is not None}


def with_pending_fan_out(over: Transition) -> Transition:
    """Make a transition one with a pending fan-out: the job stays live until its fan-out is finished."""
    changes, job = dict(over.changes), over.job
    if job.terminal:
        check_at = changes["finished_at"] + FAN_OUT_CHECK_S * 1000
        changes = {field: changes[field] for field in changes if field not in ARCHIVED} | {"check_at": check_at}
        live_pk = live_partition(job.queue, job.shard)
        job = evolve(job, due_pk=live_pk, check_at=check_at, expires_at=None, fingerprint=None, live_shard=None)
    return replace(over, changes=changes | {"pending_fan_out": ""}, job=evolve(job, pending_fan_out=""), send=False)


def with_dependents(over: Transition) -> Transition:
    """Make an end one that others have begun to wait for since the job was read."""
    expected = [condition for condition in over.expected if condition != Lacks("has_dependents")]
    return with_pending_fan_out(replace(over, expected=expected, job=evolve(over.job, has_dependents=True)))


def due(job: Job, due_at: int, now_ms: int, timing: Timing) -> tuple[dict[str, Any], bool]:
    """Decide a new due time, within the horizon: a new generation with a first check, sent at once if that is past."""
    due_at = within_horizon(due_at, now_ms)
    check_at = first_check(due_at, timing)
    changes = {
        "generation": job.generation + 1,
        "due_at": due_at,
        "check_at": check_at,
        "scheduled_at": now_ms,
        "rescues": 0,
        "lease_until": 0,
    }
    return changes, writer_sends(check_at, now_ms, timing)


def held(job: Job) -> list[Condition]:
    """Expect that the claim behind `job` still holds: no write of a stale worker passes (guarantee G5)."""
    return [Is("state", State.RUNNING.value), Is("fence", job.fence)]


def as_read(job: Job) -> list[Condition]:
    """Expect the job in the state and the generation that it was read in."""
    return [Is("generation", job.generation), Is("state", job.state.value)]
