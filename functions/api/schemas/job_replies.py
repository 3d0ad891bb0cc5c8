"""What the API answers: jobs and the rest as people and clients see them."""

import json
from collections.abc import Iterable
from typing import Any

from pydantic import Field
from pydantic.alias_generators import to_camel

from functions.api.http import times
from functions.api.schemas.effective import EffectiveReply, effective_reply
from functions.api.schemas.reply import Reply, Time
from whendue.inspection.causes import Cause
from whendue.inspection.explain_rules import Reason
from whendue.jobs.dependencies import upstream_numbers
from whendue.jobs.limit_spec import Limit
from whendue.jobs.model import Failure, Job, State, shown_state
from whendue.operations.dead_letters import DeadLetterGroup
from whendue.operations.reader import JobView
from whendue.quotas import ATTEMPTS_SHOWN, DOCUMENT_SHOWN_BYTES


class ErrorReply(Reply):
    """Why an attempt failed."""

    type: str
    message: str
    where: str
    fingerprint: str


class AttemptReply(Reply):
    """One attempt: failed, running or succeeded."""

    attempt: int
    state: str
    started_at: Time | None
    ended_at: Time | None
    error: ErrorReply | None = None


class LimitsReply(Reply):
    """The limits that a profile names, or a job over its profile's."""

    concurrency: int | None
    rate_per_second: float | None
    key: str | None


class JobReply(Reply):
    """A job."""

    id: str
    type: str
    state: str = Field(description="scheduled, queued, waiting, running, succeeded, dead or cancelled")
    priority: str
    profile: str
    profile_version: int | None = Field(description="The version that its policy is made of; null for built-in ones.")
    follow_profile: bool = Field(description="Each claim takes the newest version of the profile.")
    tenant: str
    due_at: Time
    created_at: Time
    started_at: Time | None
    finished_at: Time | None
    attempt: int
    max_attempts: int
    lost: int = Field(description="Workers that died while they ran it.")
    cancel_requested: bool
    progress: Any = None
    result: Any = None
    error: ErrorReply | None = None
    tags: dict[str, str]
    group: str | None = None
    limits: LimitsReply | None = None
    schedule: str | None = Field(default=None, description="The schedule that made it.")
    nominal_at: Time | None = Field(default=None, description="The fire for which it was made.")
    unmet_dependencies: int | None = Field(default=None, description="For the ends of how many jobs it waits.")
    parent_id: str | None = Field(default=None, description="The workflow or forEach that made it.")
    node: str | None = Field(default=None, description="What it is called there.")
    notify: list[str] = Field(default=[], description="The subscriptions that it names.")
    subscription: str | None = Field(default=None, description="Whose delivery it is.")
    traceparent: str | None = Field(default=None, description="The trace it belongs to (W3C Trace Context).")


class JobWithPolicyReply(JobReply):
    """A job with the policy that it runs under."""

    effective: EffectiveReply


class JobWithTimelineReply(JobWithPolicyReply):
    """A job with its payload and timeline; payload and result are fetched apart where they are large."""

    payload: Any = Field(default=None, description="Null where `payloadUrl` is not.")
    payload_url: str | None = Field(default=None, description=f"Where it is, if over {DOCUMENT_SHOWN_BYTES} bytes.")
    payload_bytes: int | None = Field(default=None, description="How large it is, where it is fetched apart.")
    result_url: str | None = Field(default=None, description=f"Where it is, if over {DOCUMENT_SHOWN_BYTES} bytes.")
    result_bytes: int | None = Field(default=None, description="How large it is, where it is fetched apart.")
    attempts: list[AttemptReply] = Field(
        description=f"The last {ATTEMPTS_SHOWN}, oldest first; all failed ones are at `attempts` below the job."
    )


class AttemptListReply(Reply):
    """A page of failed attempts, newest first; a cursor of null is the end."""

    items: list[AttemptReply]
    cursor: str | None


class JobListReply(Reply):
    """A page of jobs; a cursor of null is the end, a page may be short before it."""

    items: list[JobReply]
    cursor: str | None


class BatchItemReply(Reply):
    """What became of one job of a batch."""

    status: int
    job: JobReply | None = None
    problem: dict[str, Any] | None = None


class BatchReply(Reply):
    """What became of each job, in order."""

    items: list[BatchItemReply]


class ReasonReply(Reply):
    """One reason, with the facts behind it."""

    code: Cause
    text: str
    facts: dict[str, Any]


class ExplainReply(Reply):
    """Why a job has not run yet, the most telling reason first."""

    id: str
    state: str
    reasons: list[ReasonReply]


class DeadLetterGroupReply(Reply):
    """Dead jobs with the same error."""

    fingerprint: str
    error: ErrorReply
    count: int
    types: list[str]
    first_at: Time
    last_at: Time
    sample: list[str]


class DeadLettersReply(Reply):
    """Dead jobs, grouped; a cursor says that there are more jobs than were read."""

    items: list[DeadLetterGroupReply]
    jobs: int
    cursor: str | None


class FailedRedriveReply(Reply):
    """A job that was not redriven."""

    id: str
    problem: dict[str, Any]


class RedriveReply(Reply):
    """What a bulk redrive did."""

    matched: int
    redriven: list[str]
    failed: list[FailedRedriveReply]
    dry_run: bool
    cursor: str | None


def job_reply(job: Job, now_ms: int) -> JobReply:
    """Show a job without its payload, result and timeline."""
    return JobReply(**_fields(job, now_ms))


def job_with_policy(job: Job, now_ms: int) -> JobWithPolicyReply:
    """Show a job and the policy that it runs under."""
    return JobWithPolicyReply(**_fields(job, now_ms), effective=effective_reply(job))


def job_with_timeline(view: JobView, now_ms: int) -> JobWithTimelineReply:
    """Show a job with everything that belongs to it."""
    apart: dict[str, Any] = {f"{name}_url": f"/jobs/{view.job.id}/{name}" for name in view.apart}
    apart |= {f"{name}_bytes": size for name, size in view.apart.items()}
    return JobWithTimelineReply(
        **_fields(view.job, now_ms) | {"result": view.result} | apart,
        effective=effective_reply(view.job),
        payload=view.payload,
        attempts=attempts_of(view),
    )


def attempts_of(view: JobView) -> list[AttemptReply]:
    """Show a job's attempts, oldest first."""
    attempts = failed_attempts(view.attempts)
    return [*attempts, _current(view.job)] if view.job.state in (State.RUNNING, State.SUCCEEDED) else attempts


def _fields(job: Job, now_ms: int) -> dict[str, Any]:
    return {
        "id": job.id,
        "type": job.type,
        "state": shown_state(job, now_ms),
        "priority": job.queue,
        "profile": job.profile,
        "profile_version": job.profile_version,
        "follow_profile": bool(job.follow),
        "tenant": job.tenant,
        "due_at": times.to_timestamp(job.due_at),
        "created_at": times.to_timestamp(job.created_at),
        "started_at": times.to_timestamp(job.started_at),
        "finished_at": times.to_timestamp(job.finished_at),
        "attempt": job.attempt,
        "max_attempts": job.policy.max_attempts,
        "lost": job.lost,
        "cancel_requested": job.cancel_requested,
        "progress": None if job.progress is None else json.loads(job.progress),
        "result": None if job.result is None else json.loads(job.result),
        "error": error_reply(job.last) if job.last and job.state is not State.SUCCEEDED else None,
        "tags": dict(job.tags or {}),
        "group": job.group,
        "limits": limits_reply(job.limit),
        "schedule": job.schedule,
        "nominal_at": times.to_timestamp(job.nominal_at),
        "unmet_dependencies": len(upstream_numbers(job.unmet_dependencies)) or None,
        "parent_id": job.parent_id,
        "node": job.node,
        "notify": (job.notify or "").split(),
        "subscription": job.subscription,
        "traceparent": job.traceparent,
    }


def limits_reply(limit: Limit | None) -> LimitsReply | None:
    """Show the limits that a request or a profile names."""
    if limit is None:
        return None
    return LimitsReply(concurrency=limit.concurrency, rate_per_second=limit.rate_per_s, key=limit.key)


def error_reply(failure: Failure) -> ErrorReply:
    """Show why an attempt failed."""
    return ErrorReply(type=failure.type, message=failure.message, where=failure.where, fingerprint=failure.fingerprint)


def failed_attempts(failures: Iterable[Failure]) -> list[AttemptReply]:
    """Show attempts that failed."""
    return [_failed(one) for one in failures]


def _failed(failure: Failure) -> AttemptReply:
    return AttemptReply(
        attempt=failure.attempt,
        state="failed",
        started_at=times.to_timestamp(failure.started_at),
        ended_at=times.to_timestamp(failure.failed_at),
        error=error_reply(failure),
    )


def _current(job: Job) -> AttemptReply:
    return AttemptReply(
        attempt=job.attempt,
        state=job.state.value,
        started_at=times.to_timestamp(job.started_at),
        ended_at=times.to_timestamp(job.finished_at),
    )


def reason_reply(reason: Reason) -> ReasonReply:
    """Show a reason; facts that are times (`..._at`, `..._until`) are written as times."""
    facts = {
        to_camel(name): times.to_timestamp(value) if name.endswith(("_at", "_until")) else value
        for name, value in reason.facts.items()
    }
    return ReasonReply(code=reason.code, text=reason.text, facts=facts)


def group_reply(group: DeadLetterGroup) -> DeadLetterGroupReply:
    """Show a group of dead jobs."""
    return DeadLetterGroupReply(
        fingerprint=group.fingerprint,
        error=ErrorReply(
            type=group.error_type, message=group.message, where=group.where, fingerprint=group.fingerprint
        ),
        count=group.count,
        types=group.types,
        first_at=times.to_timestamp(group.first_at) or "",
        last_at=times.to_timestamp(group.last_at) or "",
        sample=group.sample,
    )
