"""Why did this job end as it did, and what can be done? A pure answer from the job and the time."""

from typing import Any, NamedTuple

from whendue.inspection.causes import Cause
from whendue.jobs.failures import cause_of_unasked_cancel
from whendue.jobs.model import WORKFLOW, Failure, Job, State
from whendue.jobs.retry_policy import exhausted
from whendue.quotas import REDRIVE_AGE_S

# Causes of ours: what they mean to a user.
MEANINGS = {
    "worker_lost": "Every worker that ran it died: the job may exceed the memory or the time of its process",
    "payload_missing": "Its payload was no longer kept",
    "timeout": "Its last attempt took longer than its timeout",
    "workflow_failed": "One of its nodes did not succeed",
    "items_failed": "Some of its items did not succeed",
    "deadline_exceeded": "Its deadline passed",
}


class EndReason(NamedTuple):
    """One reason: code, sentence, facts."""

    code: Cause
    text: str
    facts: dict[str, Any]


def reason_of_end(job: Job, now_ms: int) -> list[EndReason]:
    """Return how a finished job ended: that it has, why, and whether it can run again.

    Args:
        job: the finished job.
        now_ms: the time of asking.
    """
    kept = {"kept_until": job.expires_at * 1000} if job.expires_at is not None else {}
    reasons = [EndReason(Cause.FINISHED, f"It has finished: {job.state}.", {"finished_at": job.finished_at} | kept)]
    if job.state is State.SUCCEEDED:
        return reasons
    reasons.append(_why(job))
    if job.pending_fan_out is not None:
        # A redrive finishes their fan-out first.
        reasons.append(
            EndReason(
                Cause.FAN_OUT_PENDING, "Jobs and subscriptions that depend on its end have not been notified yet.", {}
            )
        )
    if job.created_at < now_ms - REDRIVE_AGE_S * 1000:
        text = f"It is older than {REDRIVE_AGE_S // 86_400} days and cannot be run again: submit a new job."
        return [*reasons, EndReason(Cause.TOO_OLD, text, {"created_at": job.created_at})]
    return [*reasons, EndReason(Cause.REDRIVABLE, _how_to_run_again(job), {})]


def _how_to_run_again(job: Job) -> str:
    if job.type == WORKFLOW:
        return f"POST /workflows/{job.id}/retry runs it again from the nodes that failed."
    return f"POST /jobs/{job.id}/redrive runs it again with all its attempts."


def _why(job: Job) -> EndReason:
    if job.state is State.EXPIRED:
        return EndReason(Cause.EXPIRED, "It expired: it had not begun by its expiry.", {"expires_at": job.begin_by})
    error = job.last if job.state is State.DEAD or job.cancelled_for else None
    if error is None:
        return _why_cancelled(job)
    facts = _facts(error)
    if job.state is State.CANCELLED:
        return _cancelled_for(error, facts)
    if undone := _asked(job, "redrive_undone"):
        text = f"It was run again, and that was undone before it began. Before: {error.type}: {error.message}"
        return EndReason(Cause.FAILED, text, facts | undone)
    facts |= {"attempts": job.failures, "max_attempts": job.run_policy.max_attempts, "lost": job.lost}
    facts |= {} if error.expires_at is None else {"expires_at": error.expires_at}
    return EndReason(Cause.FAILED, f"{_meaning(job, error)}: {error.message}", facts)


def _why_cancelled(job: Job) -> EndReason:
    """Return who asked for a cancel, or why whendue did."""
    request = cancel_facts(job)
    how = ", by a bulk operation" if "operation_id" in request else ""
    if request.get("by"):
        return EndReason(Cause.CANCELLED, f"It was cancelled on request of {request['by']}{how}.", request)
    at_ms = request.get("requested_at") or job.finished_at or 0
    error = cause_of_unasked_cancel(job, at_ms, superseded="requested_at" in request)
    if error is None:
        return EndReason(Cause.CANCELLED, "It was cancelled on request.", request)
    return _cancelled_for(error, _facts(error))


def cancel_facts(job: Job) -> dict[str, Any]:
    """Return when a cancel was requested, who asked for it, and with which bulk operation, as far as that is known."""
    return _asked(job, "cancel_requested", requested_at="at")


def _asked(job: Job, kind: str, **more: str) -> dict[str, Any]:
    """Return who asked for something, and with which bulk operation, if that was asked of the job last."""
    change = job.change if job.change and job.change.get("kind") == kind else {}
    names = {"by": "by", "operation_id": "operation", **more}
    return {fact: change[name] for fact, name in names.items() if name in change}


def _cancelled_for(error: Failure, facts: dict[str, Any]) -> EndReason:
    return EndReason(Cause.CANCELLED_FOR, f"It was cancelled: {error.message}.", facts)


def _facts(error: Failure) -> dict[str, Any]:
    return {"error_type": error.type, "message": error.message, "where": error.where, "failed_at": error.failed_at}


def _meaning(job: Job, error: Failure) -> str:
    if error.type == State.EXPIRED:
        return "An attempt was stopped, and none followed it in time"
    if error.type == "worker_lost" and error.expires_at is not None:
        return "Its worker died, and no other one takes over after its expiry"
    if error.type in MEANINGS:
        return MEANINGS[error.type]
    text = f"Its last attempt failed with {error.type}"
    if error.expires_at is not None:
        return f"{text}, and the next one would have begun after its expiry"
    # With attempts left, only an error of the task's own code that is never retried ends a job.
    final = bool(error.where) and not exhausted(job, job.failures, error.failed_at)
    return f"{text}, which is never retried" if final else text
