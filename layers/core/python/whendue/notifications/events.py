"""Events: what notifications send, made from jobs, schedules and pauses. The same cause makes the same event."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from whendue.jobs.model import Failure, Job, State, shown_state
from whendue.jobs.transition import Transition, is_end, is_failed_attempt
from whendue.settings import NOTIFICATIONS
from whendue.support.timestamps import to_timestamp

# What a subscription may ask for, and the type that its payload then has.
EVENTS: Final[Mapping[str, str]] = {
    "succeeded": "job.succeeded",
    "dead": "job.dead",
    "cancelled": "job.cancelled",
    "expired": "job.expired",
    "attempt_failed": "job.attempt_failed",
    "schedule_missed": "schedule.missed",
    "queue_paused": "queue.paused",
}
TEST: Final = "subscription.test"


@dataclass(frozen=True, slots=True)
class NotificationEvent:
    """Something that happened.

    Args:
        event: which of `EVENTS`; a test has none.
        about: what of, and when: no two happenings have the same event and the same of this.
        at: when it happened, ms UTC.
        data: its details.
        type, queue, schedule: what filters look at; None where it has none.
        names: the subscriptions that the job, or the schedule's template, names, parted by spaces.
        traceparent: the job's.
    """

    event: str
    about: str
    at: int
    data: Mapping[str, Any]
    type: str | None = None
    queue: str | None = None
    schedule: str | None = None
    names: str = ""
    traceparent: str | None = None

    def payload(self) -> dict[str, Any]:
        """Return the payload that is sent, as Standard Webhooks recommends: type, timestamp, data."""
        kind = EVENTS.get(self.event, TEST)
        return {"type": kind, "timestamp": to_timestamp(self.at), "data": dict(self.data)}


def event_names(step: Transition) -> tuple[str, ...]:
    """Name the events of a transition of a job: its end, a failed attempt, or both. Deliveries have none."""
    job = step.job
    if job.queue == NOTIFICATIONS:
        return ()
    failed = ("attempt_failed",) if is_failed_attempt(step) else ()
    return (*failed, job.state.value) if is_end(step) else failed


def events_from(job: Job) -> list[NotificationEvent]:
    """Yield an ended job's end, and its last attempt if that failed with it; of a pending one its failed attempt."""
    if job.queue == NOTIFICATIONS:
        return []
    events = [_attempt(job, job.last)] if job.last and _has_failed_attempt(job, job.last) else []
    if job.finished_at is not None:
        about = f"{job.member_id_base} {job.generation}"
        events.append(_of_job(job, job.state.value, about, job.finished_at, job.attempt))
    return events


def _has_failed_attempt(job: Job, last: Failure) -> bool:
    """Return whether the last failure is a failed attempt that led to this state.

    Whatever else leaves a failure behind (a lost worker, a skipped fire) counts no failed attempt. A job that was
    cancelled before the fan-out of its failed attempt still has it; one that has begun again since has not.
    """
    if last.attempt != job.failures:
        return False
    match job.state:
        case State.DEAD:
            return last.generation == job.generation
        case State.PENDING | State.CANCELLED:
            return last.started_at == job.started_at
    return False


def _attempt(job: Job, last: Failure) -> NotificationEvent:
    return _of_job(job, "attempt_failed", f"{job.member_id_base} {last.generation}", last.failed_at, last.attempt)


def _of_job(job: Job, event: str, about: str, at: int, attempt: int) -> NotificationEvent:
    data: dict[str, Any] = {
        "jobId": job.id,
        "type": job.type,
        "state": shown_state(job, at),
        "priority": job.queue,
        "profile": job.profile,
        "tags": dict(job.tags or {}),
        "attempt": attempt,
        "maxAttempts": job.run_policy.max_attempts,
        "createdAt": to_timestamp(job.created_at),
        "dueAt": to_timestamp(job.due_at),
        "startedAt": to_timestamp(job.started_at),
        "finishedAt": to_timestamp(job.finished_at),
    }
    more = {
        "schedule": job.schedule,
        "nominalAt": to_timestamp(job.nominal_at),
        "node": job.node,
        "parentId": job.parent_id,
        "error": _error(job.last) if job.last and event != "succeeded" else None,
        "result": json.loads(job.result) if job.result is not None else None,
    }
    data |= {name: value for name, value in more.items() if value is not None}
    return NotificationEvent(
        event, about, at, data, job.type, job.queue, job.schedule, job.notify or "", job.traceparent
    )


def _error(failure: Failure) -> dict[str, Any]:
    return {"type": failure.type, "message": failure.message, "fingerprint": failure.fingerprint}


def test_event(about: str, at: int) -> NotificationEvent:
    """Return an event without a cause, to try a subscription out."""
    return NotificationEvent("test", about, at, {"message": "whendue can reach you"})
