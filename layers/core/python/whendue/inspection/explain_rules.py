"""Why has this job not run yet? A pure answer from the job, those that it waits for, and the time."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from whendue.inspection.causes import Cause
from whendue.inspection.explain_end_rules import cancel_facts, reason_of_end
from whendue.jobs.dependencies import Upstream, is_met, upstream_end, upstream_numbers
from whendue.jobs.due_index import first_check, owner_is_promote, rescue_before
from whendue.jobs.limit_spec import Wait
from whendue.jobs.model import Job, State
from whendue.pauses.model import Held, Scope
from whendue.quotas import AWAITED_NAMED, BACKLOG_MESSAGES, ISOLATED_AT_ONCE
from whendue.settings import Timing


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason: a stable code, a sentence for people, and the facts behind it (times are ms UTC)."""

    code: Cause
    text: str
    facts: dict[str, Any] = field(default_factory=dict)


class AwaitedJob(NamedTuple):
    """A job whose end another one waits for; None for one that is not there."""

    dependency: Upstream
    job: Job | None


@dataclass(frozen=True, slots=True)
class Observed:
    """What was seen around a job when it was asked for.

    Args:
        backlog: messages visible in the job's queue now.
        pause: the pause that holds it, None where there is none.
        awaited: whose ends it waits for, by number; none where it waits for its members or for no job.
        wait: what its limit makes it wait for although no worker has looked at it yet.
        overlaps: an earlier job of its schedule has the schedule's slot, and its overlap policy lets it not run at all.
        ticked_at: when the timer last ran, ms UTC; None if unknown.
        queue_removed: the deployment no longer has the job's queue.
    """

    backlog: int = 0
    pause: Held | None = None
    awaited: Mapping[int, AwaitedJob] = field(default_factory=dict)
    wait: Wait | None = None
    overlaps: bool = False
    ticked_at: int | None = None
    queue_removed: bool = False


NOTHING: Final = Observed()


def explain(job: Job, now_ms: int, timing: Timing, seen: Observed = NOTHING) -> list[Reason]:
    """Return what the job is waiting for, the most relevant reason first; how it ended if it is finished.

    Args:
        job: the job as stored.
        now_ms: the time of asking.
        timing: the due-index rule's numbers.
        seen: what was seen around it.
    """
    reasons = _reasons(job, now_ms, timing, seen)
    if job.unique is not None:
        from whendue.inspection.explain_unique import reason_of_key

        reasons += [Reason(*found) for found in reason_of_key(job, job.unique, now_ms)]
    if job.begin_by is None or job.state not in (State.PENDING, State.WAITING) or job.member_count is not None:
        return reasons
    facts = {"expires_at": job.begin_by}
    if job.is_past_expiry(now_ms):
        text = "Its expiry has passed: a worker or the timer ends it when it next looks at it."
        return [Reason(Cause.EXPIRES, text, facts), *reasons]
    text = "It does not run if it has not begun by its expiry."
    if job.started_at is not None:
        text = "It ends dead if its next attempt has not begun by its expiry."
    return [*reasons, Reason(Cause.EXPIRES, text, facts)]


def _reasons(job: Job, now_ms: int, timing: Timing, seen: Observed) -> list[Reason]:
    held = [] if seen.pause is None else [_paused(seen.pause, job)]
    held += _timer_silent(job, now_ms, timing, seen.ticked_at)
    if seen.queue_removed and not (job.terminal or (job.state is State.RUNNING and now_ms <= job.lease_until)):
        return [*held, _queue_removed(job)]
    if job.state is State.PENDING and now_ms < job.due_at:
        return [*held, *([_limited(job.waits_for, job.due_at)] if job.waits_for else _not_due(job, now_ms, timing))]
    if job.state is State.PENDING:
        return [*held, *_waits_for_worker(job, now_ms, timing, seen)]
    if job.state is State.WAITING:
        return [*_waits_for_others(job, seen.awaited), *held]
    if job.state is State.RUNNING:
        # What runs goes on; what lost its worker is not taken over while it is paused.
        return [*(held if job.lease_until < now_ms else []), *_running(job, now_ms)]
    return [Reason(*found) for found in reason_of_end(job, now_ms)]


def needs_timer(job: Job, now_ms: int, timing: Timing) -> bool:
    """Return whether the timer does what a job waits for next, or watches over it."""
    if job.state is State.PENDING:
        return owner_is_promote(job, timing) or job.rescues > 0 or _is_overdue(job, now_ms, timing)
    return job.state is State.WAITING or (job.state is State.RUNNING and job.lease_until < now_ms)


def _timer_silent(job: Job, now_ms: int, timing: Timing, ticked_at: int | None) -> list[Reason]:
    # As long as rescue waits before it looks at a job: a tick or two that are missing cost nothing.
    if ticked_at is None or ticked_at >= rescue_before(now_ms, timing) or not needs_timer(job, now_ms, timing):
        return []
    unheard = job.rescues or _is_overdue(job, now_ms, timing)
    if job.state is State.PENDING and (job.check_at or 0) <= ticked_at and not unheard:
        # Its message was sent at a tick.
        return []
    text = "The timer is not running; the job waits until the timer runs again."
    return [Reason(Cause.TIMER_SILENT, text, {"last_tick_at": ticked_at})]


def _is_overdue(job: Job, now_ms: int, timing: Timing) -> bool:
    return now_ms >= job.due_at + timing.grace_ms and job.check_at == first_check(job.due_at, timing)


def _paused(held: Held, job: Job) -> Reason:
    pause, scope = held
    times = {"scope": scope.value, "paused_at": pause.since, "paused_until": pause.until}
    if scope is Scope.QUEUE:
        # The operator's, for all tenants: without who and why.
        return Reason(Cause.PAUSED, f"The queue {job.queue} is paused.", {"queue": job.queue} | times)
    what = f"Jobs of the type {job.type} are" if scope is Scope.TYPE else f"The tenant {job.tenant} is"
    of_type = {"type": job.type} if scope is Scope.TYPE else {}
    facts = {"by": pause.by, "reason": pause.reason} | of_type | times
    return Reason(Cause.PAUSED, f"{what} paused by {pause.by}: {pause.reason}", facts)


def _queue_removed(job: Job) -> Reason:
    ways = {State.PENDING: " Move it to another queue.", State.WAITING: " You can cancel it and submit it again."}
    text = f"The deployment no longer has its queue {job.queue}; it goes on when the queue is back."
    return Reason(Cause.QUEUE_REMOVED, text + ways.get(job.state, ""), {"queue": job.queue})


def _limited(wait: Wait, next_check_at: int | None) -> Reason:
    """Return what a limit makes a job wait for; `next_check_at` is None while no worker has deferred it."""
    facts: dict[str, Any] = {"key": wait.key, "waiting_since_at": wait.since}
    facts |= {} if next_check_at is None else {"next_check_at": next_check_at}
    if wait.what == "slot":
        text = f"The maximum number of jobs with the key {wait.key} is running; this job starts when one of them ends."
        return Reason(Cause.LIMITED, text, facts | {"concurrency": wait.limit})
    turn = "it starts when a worker has received it" if next_check_at is None else "it starts at its due time"
    text = f"Jobs with the key {wait.key} start at a limited rate; {turn}."
    return Reason(Cause.LIMITED, text, facts | {"rate_per_second": wait.limit})


def _not_due(job: Job, now_ms: int, timing: Timing) -> list[Reason]:
    reasons = []
    if job.failures and job.last:
        facts = {"attempt": job.failures, "next_attempt_at": job.due_at, "error_type": job.last.type}
        reasons.append(
            Reason(Cause.RETRY_BACKOFF, f"Attempt {job.failures} failed; the next one starts after its backoff.", facts)
        )
    reasons.append(_before_its_time(job))
    if now_ms < first_check(job.due_at, timing):
        text = "Its message is sent to the queue shortly before it is due."
        reasons.append(Reason(Cause.NOT_PROMOTED, text, {"promoted_at": job.check_at}))
    return reasons


def _before_its_time(job: Job) -> Reason:
    """Return that a job is not due; of a schedule's, also for which time it runs, if that is an earlier one."""
    if job.nominal_at is None:
        return Reason(Cause.NOT_DUE, "It is not due yet.", {"due_at": job.due_at})
    text = "It is not due yet."
    if job.due_at > job.nominal_at and not job.failures:
        text = (
            "It is not due yet: it was planned for an earlier time, and its schedule's jitter, or a change, delays it."
        )
    facts = {"due_at": job.due_at, "nominal_at": job.nominal_at, "schedule": job.schedule}
    return Reason(Cause.NOT_DUE, text, facts)


def _waits_for_others(job: Job, awaited: Mapping[int, AwaitedJob]) -> list[Reason]:
    left = len(upstream_numbers(job.unmet_dependencies))
    reasons = []
    if job.cancel_requested:
        reasons.append(
            Reason(
                Cause.CANCEL_REQUESTED,
                "A cancel was requested; the jobs that it has created are being cancelled.",
                cancel_facts(job),
            )
        )
    if job.member_count is not None:
        text = f"It waits for {left} of the {job.member_count} jobs that it has created."
        return [*reasons, Reason(Cause.WAITING_FOR_MEMBERS, text, {"members": job.member_count, "left": left})]
    failed = [item.dependency.id for item in awaited.values() if job.on_dependency_failure == "hold" and _holds(item)]
    if failed:
        text = "A job that it depends on did not succeed: it is held until that job is run again and succeeds."
        reasons.append(Reason(Cause.HELD, text, {"jobs": failed[:AWAITED_NAMED]}))
    named = [awaited[number].dependency.id for number in sorted(awaited)][:AWAITED_NAMED]
    facts = {"left": left, "jobs": named}
    text = f"It waits for {left} job{'' if left == 1 else 's'} to end."
    reasons.append(Reason(Cause.WAITING_FOR_DEPENDENCIES, text, facts))
    return reasons


def _holds(awaited_job: AwaitedJob) -> bool:
    if awaited_job.job is None or not awaited_job.job.terminal:
        return False
    return awaited_job.dependency.on == "success" and not is_met(
        "success", upstream_end(0, "success", awaited_job.job).ending
    )


def _waits_for_worker(job: Job, now_ms: int, timing: Timing, seen: Observed) -> list[Reason]:
    reasons = []
    overdue_s = (now_ms - job.due_at) // 1000
    if seen.backlog > BACKLOG_MESSAGES:
        # How late it is, not by how many: most of them are other tenants'. Nor is it said to be lost: late is not lost.
        text = f"The queue {job.queue} has a backlog; jobs before it are waiting as well."
        reasons.append(Reason(Cause.BACKLOG, text, {"queue": job.queue, "overdue_s": overdue_s}))
    elif _is_overdue(job, now_ms, timing):
        text = "It is overdue: its message is late, was lost, or was dropped during a pause. The timer sends it again."
        reasons.append(Reason(Cause.OVERDUE, text, {"overdue_s": overdue_s}))
    if job.rescues:
        times = "once" if job.rescues == 1 else f"{job.rescues} times"
        text = f"Its message was sent again {times}; the timer looks at it again at the next check."
        reasons.append(Reason(Cause.RESCUED, text, {"rescues": job.rescues, "next_check_at": job.check_at}))
    return [*reasons, _next_of_due(job, seen)]


def _next_of_due(job: Job, seen: Observed) -> Reason:
    """Return what happens to a due job once a worker receives it."""
    if seen.overlaps:
        text = "An earlier job of its schedule has not ended. If it has not when this one starts, this one is skipped."
        return Reason(Cause.OVERLAPS, text, {"schedule": job.schedule, "policy": job.overlap})
    if seen.wait is not None:
        return _limited(seen.wait, None)
    text = f"It is due and waits for a worker of the queue {job.queue}."
    return Reason(Cause.QUEUED, text, {"due_at": job.due_at})


def _running(job: Job, now_ms: int) -> list[Reason]:
    if job.lease_until < now_ms:
        text = (
            "Its worker stopped sending heartbeats; another worker takes over, or the timer sends the job again. "
            f"A worker runs {ISOLATED_AT_ONCE} such jobs at once, so one of many waits for its turn."
        )
        return [Reason(Cause.LEASE_EXPIRED, text, {"lease_until": job.lease_until, "lost": job.lost})]
    facts = {"started_at": job.started_at, "lease_until": job.lease_until}
    reasons = [Reason(Cause.RUNNING, f"Attempt {job.attempt} is running.", facts)]
    if job.cancel_requested:
        text = "A cancel was requested; the task decides when it stops."
        reasons.append(Reason(Cause.CANCEL_REQUESTED, text, cancel_facts(job)))
    return reasons
