"""Every legal change of a job's state, one named constructor each; the diagram in the docs is made from them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, ParamSpec

from whendue.domain import retry
from whendue.domain.agenda import day_of, done_partition, first_alarm, live_partition, writer_sends
from whendue.domain.fingerprint import failure
from whendue.domain.job import Failure, Job, State, as_value, evolve, to_item
from whendue.domain.keys import attempt_key
from whendue.domain.limit import Wait
from whendue.domain.writes import REMOVE, Below, Condition, In, Is, Plus, Write, insert
from whendue.limits import MAX_LOST, PAYLOAD_KEPT_S
from whendue.settings import Timing


@dataclass(frozen=True, slots=True, kw_only=True)
class Transition(Write):
    """A write of a job's hot item.

    Args:
        job: the job as it is once the write holds.
        send: whether its message is sent at once, by whoever made the transition.
        first: a write that must hold before this one is tried (a failed attempt or a result in an item of its own).
    """

    job: Job
    send: bool
    first: Write | None = None


@dataclass(frozen=True, slots=True)
class Edge:
    """An arrow of the state diagram; `source` None is the start."""

    name: str
    source: State | None
    target: State


EDGES: list[Edge] = []
NOT_CANCELLED: Final = Is(field="cancel_requested", value=False)

P = ParamSpec("P")


def _edges(*pairs: tuple[State | None, State]) -> Callable[[Callable[P, Transition]], Callable[P, Transition]]:
    def note(constructor: Callable[P, Transition]) -> Callable[P, Transition]:
        EDGES.extend(Edge(constructor.__name__, source, target) for source, target in pairs)
        return constructor

    return note


def _step(
    name: str,
    job: Job,
    expected: Sequence[Condition],
    *,
    send: bool = False,
    first: Write | None = None,
    **changes: Any,
) -> Transition:
    sums = {field: getattr(job, field) + change.amount for field, change in changes.items() if isinstance(change, Plus)}
    after = evolve(job, **changes | sums)
    stored = {field: REMOVE if value is None else as_value(value) for field, value in changes.items()}
    return Transition(name=name, key=job.key, expected=expected, changes=stored, job=after, send=send, first=first)


def _finish(job: Job, state: State, now_ms: int) -> dict[str, Any]:
    return {
        "state": state,
        "agenda_pk": done_partition(job.tenant, state, day_of(now_ms), job.shard),
        "alarm_at": now_ms,
        "finished_at": now_ms,
        "expires_at": now_ms // 1000 + job.policy.retention_s,
        "lease_until": 0,
    }


def _due(job: Job, due_at: int, now_ms: int, timing: Timing) -> tuple[dict[str, Any], bool]:
    """Decide a new due time: a new generation with a first alarm, sent at once if that is past."""
    alarm_at = first_alarm(due_at, timing)
    changes = {
        "generation": job.generation + 1,
        "due_at": due_at,
        "alarm_at": alarm_at,
        "scheduled_at": now_ms,
        "rescues": 0,
        "lease_until": 0,
    }
    return changes, writer_sends(alarm_at, now_ms, timing)


def _held(job: Job) -> list[Condition]:
    """Expect that the claim behind `job` still holds: no write of a stale worker passes (guarantee G5)."""
    return [Is("state", State.RUNNING.value), Is("fence", job.fence)]


@_edges((None, State.PENDING))
def submit(job: Job, timing: Timing, first: Write | None = None) -> Transition:
    """Create the job where none is, after its payload's item if it has one."""
    made = insert("submit", job.key, to_item(job))
    return Transition(
        name=made.name,
        key=made.key,
        expected=made.expected,
        changes=made.changes,
        job=job,
        send=writer_sends(job.alarm_at, job.scheduled_at, timing),
        first=first,
    )


@_edges((State.PENDING, State.RUNNING), (State.RUNNING, State.RUNNING))
def claim(job: Job, fence: str, now_ms: int) -> Transition:
    """Take a due job, or one whose lease has expired, under a new fence and lease.

    Args:
        job: as the message carries it; its generation must still stand.
        fence: a mark no other claim has.
        now_ms: the claim's time; the caller has checked that the job is due.
    """
    over: dict[str, Any] = {"waits_for": None} if job.waits_for else {}
    return _step(
        "claim",
        job,
        [
            Is("generation", job.generation),
            In("state", (State.PENDING.value, State.RUNNING.value)),
            Below("lease_until", now_ms),
            Below("claims", job.failures + MAX_LOST),
            NOT_CANCELLED,
        ],
        state=State.RUNNING,
        fence=fence,
        lease_until=now_ms + job.policy.lease_s * 1000,
        started_at=now_ms,
        claims=Plus(1),
        **_followed(job),
        **over,
    )


@_edges((State.RUNNING, State.RUNNING))
def heartbeat(job: Job, now_ms: int, progress: str | None, *, told: bool = False) -> Transition:
    """Renew a claim's lease; refused when the claim is lost, or a cancel was requested that the task is not `told`."""
    news: dict[str, Any] = {} if progress is None else {"progress": progress}
    expected = _held(job) if told else [*_held(job), NOT_CANCELLED]
    return _step("heartbeat", job, expected, lease_until=now_ms + job.policy.lease_s * 1000, **news)


@_edges((State.RUNNING, State.SUCCEEDED))
def succeed(
    job: Job, now_ms: int, result: str | None, result_at: str | None = None, first: Write | None = None
) -> Transition:
    """Finish a run with its result: inline JSON text, or where the result is kept and the write that keeps it there."""
    changes = _finish(job, State.SUCCEEDED, now_ms)
    return _step("succeed", job, _held(job), first=first, **changes, result=result, result_at=result_at)


@_edges((State.RUNNING, State.PENDING), (State.RUNNING, State.DEAD))
def fail(
    job: Job, error: Failure, now_ms: int, timing: Timing, *, draw: float, final: bool = False, not_before: int = 0
) -> Transition:
    """Record a failed attempt: pending again after its backoff, or dead when none is left.

    Args:
        job: the running job.
        error: the failed attempt.
        now_ms: when it is recorded.
        timing: the alarm rule's numbers.
        draw: chance for the jitter, from [0, 1).
        final: the error is one that is never retried.
        not_before: the earliest next attempt (a Retry-After, or the lease's end of a run that may still go on).
    """
    failures, kept = job.failures + 1, keep_attempt(job)
    held = [*_held(job), NOT_CANCELLED]
    if final or error.type in job.policy.never_retry or retry.exhausted(job.policy, failures):
        return _step("fail", job, held, first=kept, **_finish(job, State.DEAD, now_ms), failures=failures, last=error)
    due_at = max(now_ms + retry.delay_ms(job.policy, failures, draw), not_before)
    changes, send = _due(job, due_at, now_ms, timing)
    changes |= {"state": State.PENDING, "failures": failures, "last": error}
    return _step("fail", job, held, send=send, first=kept, **changes)


@_edges((State.RUNNING, State.CANCELLED))
def stop(job: Job, now_ms: int) -> Transition:
    """Finish a run as cancelled: the task gave way, or it failed after a cancel was requested."""
    return _step("stop", job, _held(job), **_finish(job, State.CANCELLED, now_ms))


@_edges((State.PENDING, State.CANCELLED))
def cancel(job: Job, now_ms: int) -> Transition:
    """Cancel a job that nobody has claimed: it will never run (guarantee G9)."""
    expected = [Is("generation", job.generation), Is("state", State.PENDING.value)]
    return _step("cancel", job, expected, **_finish(job, State.CANCELLED, now_ms))


@_edges((State.PENDING, State.CANCELLED))
def skip(job: Job, cause: str, message: str, now_ms: int) -> Transition:
    """Finish as cancelled a job that nobody has claimed and that is not to run: another one runs in its place."""
    expected = [Is("generation", job.generation), Is("state", State.PENDING.value)]
    error = failure(job, cause, message, failed_at=now_ms)
    return _step("skip", job, expected, **_finish(job, State.CANCELLED, now_ms), last=error)


@_edges((State.RUNNING, State.RUNNING))
def request_cancel(job: Job) -> Transition:
    """Ask a running job to stop; its worker learns it with the next heartbeat."""
    return _step("request_cancel", job, _held(job), cancel_requested=True)


def _followed(job: Job) -> dict[str, Any]:
    """Give what a following job goes on under, as its worker found it: the item must say so."""
    return {name: getattr(job, name) for name in ("policy", "sources", "profile_version")} if job.follow else {}


def _abandoned(job: Job, now_ms: int) -> list[Condition]:
    """Expect the job as it was read, with no worker holding it."""
    seen: list[Condition] = [
        Is("generation", job.generation),
        Is("state", job.state.value),
        Below("lease_until", now_ms),
    ]
    return [*seen, Is("fence", job.fence)] if job.state is State.RUNNING else seen


@_edges((State.PENDING, State.DEAD), (State.RUNNING, State.DEAD))
def die(job: Job, cause: str, message: str, now_ms: int) -> Transition:
    """End a live job that no worker holds and that may not run again: its workers died, or SQS gave up on it."""
    error = failure(job, cause, message, failed_at=now_ms)
    finish = _finish(job, State.DEAD, now_ms)
    return _step("die", job, _abandoned(job, now_ms), first=keep_attempt(job), **finish, last=error)


@_edges((State.RUNNING, State.CANCELLED))
def bury(job: Job, now_ms: int) -> Transition:
    """Finish as cancelled a job whose worker died after a cancel was requested."""
    return _step("bury", job, _abandoned(job, now_ms), **_finish(job, State.CANCELLED, now_ms))


@_edges((State.DEAD, State.PENDING), (State.CANCELLED, State.PENDING))
def redrive(job: Job, due_at: int, now_ms: int, timing: Timing) -> Transition:
    """Run a dead or cancelled job again, with all its attempts."""
    changes, send = _due(job, due_at, now_ms, timing)
    return _step(
        "redrive",
        job,
        [Is("generation", job.generation), Is("state", job.state.value)],
        send=send,
        state=State.PENDING,
        agenda_pk=live_partition(job.queue, job.shard),
        failures=0,
        claims=0,
        cancel_requested=False,
        started_at=None,
        finished_at=None,
        expires_at=None,
        waits_for=None,
        # Whoever runs it again wants it to run.
        overlap=None,
        **changes,
    )


@_edges((State.PENDING, State.PENDING))
def reschedule(job: Job, due_at: int, queue: str, now_ms: int, timing: Timing) -> Transition:
    """Give a pending job another due time, another queue (priority), or both."""
    changes, send = _due(job, due_at, now_ms, timing)
    expected = [Is("generation", job.generation), Is("state", State.PENDING.value)]
    partition = live_partition(queue, job.shard)
    # Its place in a limit's line, and its token, are those of the old due time.
    waits_for = job.waits_for if due_at == job.due_at else None
    return _step(
        "reschedule", job, expected, send=send, queue=queue, agenda_pk=partition, waits_for=waits_for, **changes
    )


@_edges((State.PENDING, State.PENDING), (State.RUNNING, State.PENDING))
def defer(job: Job, wait: Wait, due_at: int, now_ms: int, timing: Timing, *, first: Write | None = None) -> Transition:
    """Put off a job that a limit does not let start, or start again after its worker died; it costs no attempt.

    Args:
        job: as stored; pending, or running with an expired lease.
        wait: what it waits for.
        due_at: when it looks again, or when its token is good.
        now_ms: the time.
        timing: the alarm rule's numbers.
        first: its place in the line.
    """
    changes, send = _due(job, due_at, now_ms, timing)
    expected = [*_abandoned(job, now_ms), NOT_CANCELLED]
    return _step(
        "defer", job, expected, send=send, first=first, state=State.PENDING, waits_for=wait, **_followed(job), **changes
    )


@_edges((State.PENDING, State.PENDING))
def wake(job: Job, now_ms: int, timing: Timing) -> Transition:
    """Let a job that waits for a slot try at once; its message is sent once its slot is there."""
    changes, _ = _due(job, now_ms, now_ms, timing)
    expected = [Is("generation", job.generation), Is("state", State.PENDING.value)]
    return _step("wake", job, expected, **changes)


@_edges((State.PENDING, State.PENDING), (State.RUNNING, State.RUNNING))
def move_alarm(job: Job, alarm_at: int, *, send: bool) -> Transition:
    """Set the alarm of a job that rescue looked at; its message is sent again when `send`.

    Refused if anybody has claimed, renewed or changed the job since: then it needs no healing.
    """
    expected = [
        Is("generation", job.generation),
        # A claim changes it, too: it tells a new fence from the one that was read.
        Is("lease_until", job.lease_until),
        Is("alarm_at", job.alarm_at),
    ]
    return _step("move_alarm", job, expected, send=send, alarm_at=alarm_at, rescues=job.rescues + send)


def keep_attempt(job: Job) -> Write | None:
    """Move the last failed attempt from the hot item to an item of its own, before another one takes its place.

    Idempotent: the same attempt gives the same item. None where no attempt has failed yet.
    """
    if job.last is None:
        return None
    expires_at = job.last.failed_at // 1000 + job.policy.retention_s + PAYLOAD_KEPT_S
    return insert(
        "keep_attempt",
        attempt_key(job.id, job.last.generation),
        as_value(job.last) | {"expires_at": expires_at},
    )
