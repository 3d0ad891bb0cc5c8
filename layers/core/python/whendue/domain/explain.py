"""Why has this job not run yet? A pure answer from the job, those that it waits for, and the time."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from whendue.domain.agenda import first_alarm
from whendue.domain.dependency import Parent, end_of, is_met, numbers
from whendue.domain.explain_end import told_of_end
from whendue.domain.job import Job, State
from whendue.domain.limit import Wait
from whendue.domain.pause import Pause
from whendue.limits import AWAITED_NAMED, BACKLOG_MESSAGES
from whendue.settings import Timing


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason: a stable code, a sentence for people, and the facts behind it (times are ms UTC)."""

    code: str
    text: str
    facts: dict[str, Any] = field(default_factory=dict)


class Awaited(NamedTuple):
    """A job whose end another one waits for; None for one that is not there."""

    parent: Parent
    job: Job | None


def explain(
    job: Job,
    now_ms: int,
    timing: Timing,
    backlog: int,
    pause: Pause | None = None,
    awaited: Mapping[int, Awaited] | None = None,
) -> list[Reason]:
    """Say what the job is waiting for, the most telling reason first; of a finished one how it ended.

    Args:
        job: the job as stored.
        now_ms: the time of asking.
        timing: the alarm rule's numbers.
        backlog: messages visible in the job's queue now.
        pause: the pause that holds it, None where there is none.
        awaited: whose ends it waits for, by number; None where it waits for its parts or for nobody.
    """
    held = [] if pause is None else [_paused(pause, job.queue)]
    if job.state is State.PENDING and now_ms < job.due_at:
        early = [_limited(job, job.waits_for)] if job.waits_for else _not_due(job, now_ms, timing)
        return [*held, *early]
    if job.state is State.PENDING:
        return [*held, *_waits_for_worker(job, now_ms, timing, backlog)]
    if job.state is State.WAITING:
        return [*_waits_for_others(job, awaited or {}), *held]
    if job.state is State.RUNNING:
        # What runs goes on; what lost its worker is not taken over while it is paused.
        return [*(held if job.lease_until < now_ms else []), *_running(job, now_ms)]
    return [Reason(*told) for told in told_of_end(job, now_ms)]


def _paused(pause: Pause, queue: str) -> Reason:
    times = {"paused_at": pause.since, "paused_until": pause.until}
    if not pause.by:
        # The operator's: for all tenants.
        return Reason("paused", f"The queue {queue} is paused.", {"queue": queue} | times)
    text = f"It is paused by {pause.by}: {pause.reason}"
    return Reason("paused", text, {"by": pause.by, "reason": pause.reason} | times)


def _limited(job: Job, wait: Wait) -> Reason:
    facts = {"key": wait.key, "waits_since_at": wait.since, "next_look_at": job.due_at}
    if wait.what == "slot":
        text = f"As many jobs of the key {wait.key} as may run at once are running; it starts when one of them ends."
        return Reason("limited", text, facts | {"concurrency": wait.limit})
    text = f"Jobs of the key {wait.key} start at a limited rate; its turn is at its due time."
    return Reason("limited", text, facts | {"rate_per_second": wait.limit})


def _not_due(job: Job, now_ms: int, timing: Timing) -> list[Reason]:
    reasons = []
    if job.failures and job.last:
        facts = {"attempt": job.failures, "next_attempt_at": job.due_at, "error_type": job.last.type}
        reasons.append(
            Reason("retry_backoff", f"Attempt {job.failures} failed; the next waits out its backoff.", facts)
        )
    reasons.append(Reason("not_due", "It is not due yet.", {"due_at": job.due_at}))
    if now_ms < first_alarm(job.due_at, timing):
        text = "Its message is handed to the queue shortly before it is due."
        reasons.append(Reason("not_promoted", text, {"promoted_at": job.alarm_at}))
    return reasons


def _waits_for_others(job: Job, awaited: Mapping[int, Awaited]) -> list[Reason]:
    left = len(numbers(job.awaits))
    reasons = []
    if job.cancel_requested:
        reasons.append(
            Reason("cancel_requested", "A cancel was requested; the jobs that it has made are cancelled.", {})
        )
    if job.parts is not None:
        text = f"It waits for the ends of {left} of the {job.parts} jobs that it has made."
        return [*reasons, Reason("waiting_for_parts", text, {"parts": job.parts, "left": left})]
    failed = [one.parent.id for one in awaited.values() if job.parent_policy == "hold" and _holds(one)]
    if failed:
        text = "A job that must succeed first did not: it is held until that one is redriven and succeeds."
        reasons.append(Reason("held", text, {"jobs": failed[:AWAITED_NAMED]}))
    named = [awaited[number].parent.id for number in sorted(awaited)][:AWAITED_NAMED]
    facts = {"left": left, "jobs": named}
    reasons.append(Reason("waiting_for_parents", f"It waits for the ends of {left} job(s).", facts))
    return reasons


def _holds(one: Awaited) -> bool:
    if one.job is None or not one.job.terminal:
        return False
    return one.parent.on == "success" and not is_met("success", end_of(0, "success", one.job).ending)


def _waits_for_worker(job: Job, now_ms: int, timing: Timing, backlog: int) -> list[Reason]:
    reasons = []
    if backlog > BACKLOG_MESSAGES:
        text = f"The queue {job.queue} is backed up; jobs before it are waiting, too."
        # Not by how much: most of it is other tenants'.
        reasons.append(Reason("backlog", text, {"queue": job.queue}))
    if now_ms >= job.due_at + timing.grace_ms and job.alarm_at == first_alarm(job.due_at, timing):
        text = (
            "It is overdue: its message was lost, or dropped in a pause, or is late. The timer is about to see to it."
        )
        reasons.append(Reason("overdue", text, {"overdue_s": (now_ms - job.due_at) // 1000}))
    if job.rescues:
        text = f"The timer has looked after it {job.rescues} time(s); it does so again at its alarm."
        reasons.append(Reason("rescued", text, {"rescues": job.rescues, "alarm_at": job.alarm_at}))
    reasons.append(
        Reason("queued", f"It is due and waits for a worker of the queue {job.queue}.", {"due_at": job.due_at})
    )
    return reasons


def _running(job: Job, now_ms: int) -> list[Reason]:
    if job.lease_until < now_ms:
        text = "Its worker went silent; another takes over or the timer sends it again."
        return [Reason("lease_expired", text, {"lease_until": job.lease_until, "lost": job.lost})]
    facts = {"started_at": job.started_at, "lease_until": job.lease_until}
    reasons = [Reason("running", f"Attempt {job.attempt} is running.", facts)]
    if job.cancel_requested:
        reasons.append(Reason("cancel_requested", "A cancel was requested; the task is told and decides.", {}))
    return reasons
