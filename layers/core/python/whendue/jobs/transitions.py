"""Transitions: every legal change of a job's state, one named constructor each; more in `dependency_transitions`."""

from dataclasses import replace
from typing import Any

from whendue.jobs import retry_policy as retry
from whendue.jobs.due_index import live_partition, writer_sends
from whendue.jobs.failures import failure
from whendue.jobs.lifetime import belonging, check_sooner
from whendue.jobs.limit_spec import Wait
from whendue.jobs.model import Failure, Job, State, as_value, evolve, stored
from whendue.jobs.transition import (
    NOT_CANCELLED,
    REDRIVE_UNDONE,
    Transition,
    as_read,
    due,
    edges,
    finish,
    held,
    how_it_stands,
    step,
    with_change,
)
from whendue.quotas import MAX_LOST, WAITING_CHECK_S
from whendue.settings import Timing
from whendue.table.keys import attempt_key
from whendue.table.writes import REMOVE, Below, Condition, In, Is, Lacks, Plus, Write, insert


@edges((None, State.PENDING), (None, State.WAITING))
def submit(job: Job, timing: Timing, first: Write | None = None) -> Transition:
    """Create the job where none is, after its payload's item if any; pending, or waiting for its dependencies."""
    made = insert("submit", job.key, stored(job))
    return Transition(
        name=made.name,
        key=made.key,
        expected=made.expected,
        changes=made.changes,
        job=job,
        send=job.state is State.PENDING and writer_sends(job.check_at, job.scheduled_at, timing),
        first=first,
    )


@edges((State.PENDING, State.RUNNING), (State.RUNNING, State.RUNNING))
def claim(job: Job, fence: str, now_ms: int) -> Transition:
    """Take a due job, or one whose lease has expired, under a new fence and lease.

    Args:
        job: as the message carries it; its generation must still stand.
        fence: a mark no other claim has.
        now_ms: the claim's time; the caller has checked that the job is due.
    """
    over: dict[str, Any] = {"waits_for": None} if job.waits_for else {}
    return step(
        "claim",
        job,
        [
            Is("generation", job.generation),
            In("state", (State.PENDING.value, State.RUNNING.value)),
            Below("lease_until", now_ms),
            Below("claims", job.failures + MAX_LOST),
            NOT_CANCELLED,
            Lacks("pending_fan_out"),
        ],
        state=State.RUNNING,
        fence=fence,
        lease_until=now_ms + job.policy.lease_s * 1000,
        started_at=now_ms,
        claims=Plus(1),
        **_followed(job),
        **over,
    )


@edges((State.RUNNING, State.RUNNING))
def heartbeat(job: Job, now_ms: int, progress: str | None, *, cancel_seen: bool = False) -> Transition:
    """Renew a claim's lease; refused if the claim is lost, or for a cancel that the worker does not know of yet."""
    notifications: dict[str, Any] = {} if progress is None else {"progress": progress}
    expected = held(job) if cancel_seen else [*held(job), NOT_CANCELLED]
    return step("heartbeat", job, expected, lease_until=now_ms + job.policy.lease_s * 1000, **notifications)


@edges((State.RUNNING, State.SUCCEEDED))
def succeed(
    job: Job, now_ms: int, result: str | None, result_at: str | None = None, first: Write | None = None
) -> Transition:
    """Finish a run with its result: inline JSON text, or where the result is kept and the write that keeps it there."""
    kept = {"result": result, "result_at": result_at}
    return finish("succeed", job, held(job), State.SUCCEEDED, now_ms, first=first, **kept)


@edges((State.RUNNING, State.PENDING), (State.RUNNING, State.DEAD))
def fail(
    job: Job,
    error: Failure,
    now_ms: int,
    timing: Timing,
    *,
    draw: float,
    final: bool = False,
    not_before: int = 0,
    backoff_s: float | None = None,
) -> Transition:
    """Record a failed attempt: pending again after its backoff, or dead when none is left or it would begin too late.

    Args:
        job: the running job.
        error: the failed attempt.
        now_ms: when it is recorded.
        timing: the due-index rule's numbers.
        draw: chance for the jitter, from [0, 1).
        final: the error is one that is never retried.
        not_before: the earliest next attempt (a Retry-After, or the lease's end of a run that may still go on).
        backoff_s: the delay before the next attempt, seconds; None for that of the job's policy.
    """
    failures, kept = job.failures + 1, keep_attempt(job)
    expected = [*held(job), NOT_CANCELLED]
    is_last = final or error.type in job.run_policy.never_retry or retry.exhausted(job, failures, now_ms)
    delay_ms = retry.delay_ms(job.run_policy, failures, draw) if backoff_s is None else round(backoff_s * 1000)
    asked = max(now_ms + delay_ms, not_before)
    due_at = retry.within_horizon(job, asked, now_ms)
    if is_last or job.is_past_expiry(due_at):
        last = error if is_last else replace(error, expires_at=job.begin_by)
        return finish("fail", job, expected, State.DEAD, now_ms, first=kept, failures=failures, last=last)
    changes, send = due(job, due_at, now_ms, timing)
    changes |= {"state": State.PENDING, "failures": failures, "last": error}
    return step("fail", job, expected, send=send, first=kept, **changes)


@edges((State.RUNNING, State.PENDING))
def requeue(job: Job, due_at: int, now_ms: int, timing: Timing) -> Transition:
    """Let another worker run a job whose worker stops; the run counts neither as an attempt nor as lost."""
    changes, send = due(job, due_at, now_ms, timing)
    changes |= {"state": State.PENDING, "claims": Plus(-1)}
    return step("requeue", job, [*held(job), NOT_CANCELLED], send=send, **changes)


@edges((State.RUNNING, State.CANCELLED))
def finish_cancelled(job: Job, now_ms: int) -> Transition:
    """Finish a run as cancelled: the task gave way, or it failed after a cancel was requested."""
    return finish("finish_cancelled", job, held(job), State.CANCELLED, now_ms)


@edges((State.PENDING, State.CANCELLED), (State.WAITING, State.CANCELLED))
def cancel(job: Job, now_ms: int, by: str | None = None, why: tuple[str, str] | None = None) -> Transition:
    """Cancel an unclaimed job: it will never run (guarantee G9).

    Args:
        job: as read.
        now_ms: the time.
        by: who asks for it; None for whendue itself.
        why: a cause, and it in words, where nobody asks for it.
    """
    if why is not None:
        return replace(skip(job, *why, now_ms), name="cancel")
    over = finish("cancel", job, as_read(job), State.CANCELLED, now_ms)
    return over if by is None else with_change(over, job, "cancel_requested", now_ms, by)


@edges((State.PENDING, State.EXPIRED), (State.WAITING, State.EXPIRED))
def expire(job: Job, now_ms: int) -> Transition:
    """End a job that has not begun by its expiry: refused if a worker has claimed it, and then it never expires."""
    return finish("expire", job, as_read(job), State.EXPIRED, now_ms)


@edges((State.PENDING, State.DEAD))
def end_retries(job: Job, message: str, now_ms: int) -> Transition:
    """End a job that has begun, and whose next attempt may not begin any more; its last error stays, if it has one."""
    expected = [*as_read(job), Lacks("pending_fan_out")]
    error = job.last or failure(job, State.EXPIRED.value, message, failed_at=now_ms)
    last = replace(error, expires_at=job.begin_by)
    return finish("end_retries", job, expected, State.DEAD, now_ms, last=last)


@edges((State.PENDING, State.CANCELLED))
def skip(job: Job, cause: str, message: str, now_ms: int) -> Transition:
    """Finish as cancelled an unclaimed job that is not to run, because another one runs instead."""
    error = failure(job, cause, message, failed_at=now_ms)
    return finish("skip", job, as_read(job), State.CANCELLED, now_ms, first=keep_attempt(job), last=error)


@edges((State.RUNNING, State.RUNNING), (State.WAITING, State.WAITING))
def request_cancel(job: Job, now_ms: int, by: str | None = None) -> Transition:
    """Ask a running job to stop; its worker learns of it with the next heartbeat. A waiting one cancels its members.

    Refused once it was asked to: the first who asked is noted. `by` as of `cancel`.
    """
    expected = held(job) if job.state is State.RUNNING else as_read(job)
    over = step("request_cancel", job, [*expected, NOT_CANCELLED], cancel_requested=True)
    return with_change(over, job, "cancel_requested", now_ms, by)


def _followed(job: Job) -> dict[str, Any]:
    """Return what a following job goes on under, as its worker found it: the item must say so."""
    return {name: getattr(job, name) for name in ("policy", "sources", "profile_version")} if job.follow else {}


def _abandoned(job: Job, now_ms: int) -> list[Condition]:
    """Expect the job as it was read, with no worker holding it."""
    seen: list[Condition] = [*as_read(job), Below("lease_until", now_ms)]
    return [*seen, Is("fence", job.fence)] if job.state is State.RUNNING else seen


@edges((State.PENDING, State.DEAD), (State.RUNNING, State.DEAD))
def mark_dead(job: Job, cause: str, message: str, now_ms: int, *, expires_at: int | None = None) -> Transition:
    """End a live job that no worker holds and that may not run again: its workers died, or SQS gave up on it.

    Args:
        job: as read.
        cause: why, as a type of error.
        message: why, in words.
        now_ms: the time.
        expires_at: the job's expiry, ms UTC, if another run would have been possible without it.
    """
    error = replace(failure(job, cause, message, failed_at=now_ms), expires_at=expires_at)
    return finish("mark_dead", job, _abandoned(job, now_ms), State.DEAD, now_ms, first=keep_attempt(job), last=error)


@edges((State.RUNNING, State.CANCELLED))
def cancel_lost(job: Job, now_ms: int) -> Transition:
    """Finish as cancelled a job whose worker died after a cancel was requested."""
    return finish("cancel_lost", job, _abandoned(job, now_ms), State.CANCELLED, now_ms)


@edges(
    (State.DEAD, State.PENDING),
    (State.CANCELLED, State.PENDING),
    (State.EXPIRED, State.PENDING),
    (State.DEAD, State.WAITING),
    (State.CANCELLED, State.WAITING),
    (State.EXPIRED, State.WAITING),
)
def redrive(
    job: Job,
    due_at: int,
    now_ms: int,
    timing: Timing,
    *,
    unmet_dependencies: frozenset[int] = frozenset(),
    parent_redrive: int | None = None,
    by: str | None = None,
) -> Transition:
    """Run a dead, cancelled or expired job again, with all its attempts.

    Args:
        job: as read; one whose fan-out is pending is not redriven.
        due_at: when, ms UTC.
        now_ms: the time.
        timing: the due-index rule's numbers.
        unmet_dependencies: whose ends it waits for first.
        parent_redrive: of which redrive of the job that it is a member of.
        by: who asks for it; None for whendue itself.
    """
    changes, send = due(job, due_at, now_ms, timing)
    if job.unique and not (job.state is State.DEAD and job.unique.outlives_death):
        # It was released, and another job may have it.
        changes |= {"unique": None}
    if unmet_dependencies:
        changes |= {"check_at": now_ms + WAITING_CHECK_S * 1000}
    again = step(
        "redrive",
        job,
        [*as_read(job), Lacks("pending_fan_out")],
        send=send and not unmet_dependencies,
        state=State.WAITING if unmet_dependencies else State.PENDING,
        unmet_dependencies=unmet_dependencies or None,
        pending_fan_out=None,
        member_count=None,
        redrives=(job.redrives or 0) + 1,
        parent_redrive=job.parent_redrive if parent_redrive is None else parent_redrive,
        due_pk=live_partition(job.queue, job.shard),
        live_shard=None,
        fingerprint=None,
        failures=0,
        claims=0,
        cancel_requested=False,
        started_at=None,
        finished_at=None,
        expires_at=None,
        waits_for=None,
        # A redrive asks for the job to run, now.
        overlap=None,
        begin_by=None,
        expires_s=None,
        **changes,
    )
    return with_change(again, job, "redriven", now_ms, by, due_at=again.job.due_at, was=how_it_stands(job))


@edges((State.SUCCEEDED, State.PENDING))
def replay(job: Job, due_at: int, now_ms: int, timing: Timing, *, by: str | None = None) -> Transition:
    """Run a delivery again that has succeeded: its receiver has lost it. No job waits for its end."""
    again = redrive(job, due_at, now_ms, timing, by=by)
    changes = dict(again.changes) | {"result": REMOVE, "result_at": REMOVE}
    return replace(again, name="replay", changes=changes, job=evolve(again.job, result=None, result_at=None))


@edges((State.PENDING, State.DEAD), (State.PENDING, State.CANCELLED), (State.PENDING, State.EXPIRED))
def undo_redrive(job: Job, now_ms: int, by: str | None) -> Transition:
    """End a redriven job that has not begun as it had ended before: refused if a worker has claimed it.

    Its end is that of before, and it is kept as if it had ended now. What the redrive has cleared (expiry, overlap
    policy) stays cleared. `by` as of `cancel`.
    """
    was = job.change["was"] if job.change else {}
    before, ended_at = State(was.get("state", State.DEAD)), int(was.get("at", now_ms))
    changes: dict[str, Any] = {"finished_at": ended_at} | ({"check_at": ended_at} if before is State.DEAD else {})
    over = finish("undo_redrive", job, [*as_read(job), Lacks("pending_fan_out")], before, now_ms, **changes)
    return with_change(over, job, REDRIVE_UNDONE, now_ms, by)


@edges((State.PENDING, State.PENDING))
def reschedule(job: Job, due_at: int, queue: str, now_ms: int, timing: Timing, *, by: str | None = None) -> Transition:
    """Change the due time, the queue (priority) or both of a pending job that has no fan-out pending.

    Args:
        job: as read.
        due_at: the new due time, ms UTC.
        queue: the new queue.
        now_ms: the time.
        timing: the due-index rule's numbers.
        by: who asks for it.
    """
    changes, send = due(job, due_at, now_ms, timing)
    expected = [*as_read(job), Lacks("pending_fan_out")]
    partition = live_partition(queue, job.shard)
    # Its place in a limit's line, and its token, are those of the old due time.
    waits_for = job.waits_for if due_at == job.due_at else None
    over = step(
        "reschedule",
        job,
        expected,
        first=check_sooner(job, changes["due_at"]),
        send=send,
        queue=queue,
        due_pk=partition,
        waits_for=waits_for,
        pending_fan_out=None,
        **changes,
    )
    moved, passed_on = over.job.due_at != job.due_at, queue != job.queue
    values: dict[str, Any] = {"due_at": over.job.due_at, "was_due_at": job.due_at} if moved else {}
    values |= {"queue": queue, "was_queue": job.queue} if passed_on else {}
    kind = "reprioritised" if passed_on and not moved else "rescheduled"
    return with_change(over, job, kind, now_ms, by, **values)


@edges((State.PENDING, State.PENDING), (State.RUNNING, State.PENDING))
def defer(job: Job, wait: Wait, due_at: int, now_ms: int, timing: Timing, *, first: Write | None = None) -> Transition:
    """Put off a job that a limit does not let start, or start again after its worker died; it costs no attempt.

    Args:
        job: as stored; pending, or running with an expired lease.
        wait: what it waits for.
        due_at: when it looks again, or when its token is good.
        now_ms: the time.
        timing: the due-index rule's numbers.
        first: its place in the line.
    """
    # It need not wait for longer than it may begin: then it is found expired.
    changes, send = due(job, min(due_at, job.begin_by or due_at), now_ms, timing)
    expected = [*_abandoned(job, now_ms), NOT_CANCELLED]
    return step(
        "defer", job, expected, send=send, first=first, state=State.PENDING, waits_for=wait, **_followed(job), **changes
    )


@edges((State.PENDING, State.PENDING))
def wake(job: Job, now_ms: int, timing: Timing) -> Transition:
    """Let a job that waits for a slot try at once; its message is sent once its slot is there."""
    changes, _ = due(job, now_ms, now_ms, timing)
    return step("wake", job, as_read(job), **changes)


@edges(*((state, state) for state in State))
def postpone_check(job: Job, check_at: int, *, send: bool) -> Transition:
    """Set the next check of a job that rescue looked at, or of an ended one with pending fan-out; `send` sends again.

    Refused if the job was claimed, renewed or changed since: then it needs no healing.
    """
    expected = [
        Is("generation", job.generation),
        # A claim changes it, too: it distinguishes a new fence from the one that was read.
        Is("lease_until", job.lease_until),
        Lacks("check_at") if job.check_at is None else Is("check_at", job.check_at),
    ]
    return step("postpone_check", job, expected, send=send, check_at=check_at, rescues=job.rescues + send)


def keep_attempt(job: Job) -> Write | None:
    """Move the last failed attempt from the hot item to an item of its own, before another one takes its place.

    Idempotent: the same attempt gives the same item. None where no attempt has failed yet.
    """
    if job.last is None:
        return None
    key = attempt_key(job.id, job.last.generation, job.life)
    return insert("keep_attempt", key, belonging(job, as_value(job.last)))
