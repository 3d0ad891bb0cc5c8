"""Jobs and dead letters as the API returns them."""

import json
from typing import Any, Final

from pydantic import Field
from pydantic.alias_generators import to_camel

from functions.api.http import times
from functions.api.schemas.effective import EffectiveReply, effective_reply
from functions.api.schemas.reply import CURSOR, MISSING, Missing, Reply, Time
from functions.api.schemas.shared.attempts import AttemptReply, ErrorReply, attempts_of, error_reply
from whendue.inspection.causes import Cause
from whendue.inspection.explain_rules import Reason
from whendue.jobs.dependencies import upstream_numbers
from whendue.jobs.limit_spec import Limit
from whendue.jobs.model import Job, State, shown_state
from whendue.operations.dead_letters import DeadLetterGroup, TenantDeadLetters
from whendue.operations.reader import JobView
from whendue.quotas import ATTEMPTS_SHOWN, DEAD_TENANT_GROUPS, DOCUMENT_SHOWN_BYTES
from whendue.submission.request import Outcome

OUTCOME: Final = (
    "What became of the request: it `created` the job; an earlier one with the same Idempotency-Key did (`replayed`); "
    "the job holds the unique key (`returned`); or the job that held it was cancelled (`replaced`, `postponed`)."
)


class LimitsReply(Reply):
    """Concurrency and rate limits of a job or a profile."""

    concurrency: int | None = Field(description="Maximum number of jobs that run concurrently; null: no limit.")
    rate_per_second: float | None = Field(description="Maximum number of jobs that start per second; null: no limit.")
    key: str | None = Field(description="Jobs with the same key share the limits.")


class UniqueReply(Reply):
    """The unique key that a job was submitted with."""

    key_id: str = Field(description="Id of the key: jobs with the same key have the same one.")
    scope: str = Field(description="How long a job holds it: `pending`, `running`, `until_success` or `for_seconds`.")
    held: bool = Field(description="Whether the job holds it now.")
    held_until: Time = Field(description="When it does not hold it any more, whatever its state.")
    replaced_id: str | None = Field(default=None, description="Id of the job that this one replaced; null: none.")
    first_submitted_at: Time | None = Field(
        default=None, description="When the first of the jobs was submitted that were postponed; null: this is it."
    )
    latest_due_at: Time | None = Field(
        default=None, description="Up to when later requests may postpone it; null: they were not said to."
    )


class JobReply(Reply):
    """A job."""

    id: str = Field(description="Id of the job.")
    type: str = Field(description="Name of the task.")
    state: str = Field(
        description="`scheduled`, `queued`, `waiting`, `running`, `succeeded`, `dead`, `cancelled` or `expired`."
    )
    priority: str = Field(description="Name of its queue, as in `queue`.")
    queue: str | None = Field(
        default=None,
        description="Queue that it is in: `critical`, `high`, `normal`, `low` or one of the deployment's own; "
        "`notifications` for a delivery.",
    )
    profile: str = Field(description="Name of its profile.")
    profile_version: int | None = Field(
        description="Version of the profile that its policy is taken from; null for a built-in profile."
    )
    follow_profile: bool = Field(description="Whether each attempt uses the newest version of the profile.")
    tenant: str = Field(description="Tenant that it belongs to.")
    due_at: Time = Field(description="When the next attempt may start.")
    expires_at: Time | None = Field(
        default=None, description="From when on no attempt of it begins; null: never, or not known yet."
    )
    expires_seconds: float | None = Field(
        default=None, description="Seconds from its due time to `expiresAt`, while it waits for other jobs; null: none."
    )
    created_at: Time = Field(description="When it was submitted.")
    started_at: Time | None = Field(description="When the latest attempt started; null before the first one.")
    finished_at: Time | None = Field(description="When it ended; null before.")
    attempt: int = Field(description="Number of the latest attempt; 0 before the first one.")
    max_attempts: int = Field(description="Maximum number of attempts, the first one included.")
    lost: int = Field(description="Number of attempts that ended because the worker died.")
    cancel_requested: bool = Field(description="Whether a cancel was requested while it ran.")
    progress: Any = Field(default=None, description="What the task reported last; null if it reported nothing.")
    result: Any = Field(default=None, description="What the task returned; null before it succeeded.")
    error: ErrorReply | None = Field(
        default=None, description="Why the latest attempt failed, or why it ended without one; null if neither."
    )
    tags: dict[str, str] = Field(description="Labels that it was submitted with.")
    group: str | None = Field(default=None, description="Part of the tenant that it belongs to.")
    limits: LimitsReply | None = Field(
        default=None, description="Limits that the request set; null if the profile's apply."
    )
    unique: UniqueReply | None = Field(
        default=None, description="Its unique key; null: it was submitted without one, or a redrive has taken it away."
    )
    schedule: str | None = Field(default=None, description="Name of the schedule that created it.")
    nominal_at: Time | None = Field(default=None, description="Nominal time of the fire that created it.")
    unmet_dependencies: int | None = Field(
        default=None, description="Number of jobs that must end before it runs; null: none."
    )
    parent_id: str | None = Field(default=None, description="Id of the workflow or `forEach` job that created it.")
    node: str | None = Field(default=None, description="Name of its node in the workflow.")
    notify: list[str] = Field(default=[], description="Names of subscriptions to notify.")
    subscription: str | None = Field(default=None, description="Name of the subscription that it is a delivery of.")
    traceparent: str | None = Field(default=None, description="Trace that it belongs to (W3C Trace Context).")


class JobWithPolicyReply(JobReply):
    """A job with the policy that it runs under."""

    effective: EffectiveReply = Field(description="The policy, each value with the layer that set it.")


class SubmittedReply(JobWithPolicyReply):
    """The job that a request is answered with."""

    outcome: Outcome = Field(description=OUTCOME)


class JobWithTimelineReply(JobWithPolicyReply):
    """A job with its payload and its attempts. A large payload or result is read with a request of its own."""

    payload: Any = Field(default=None, description="Payload of the job; null if `payloadUrl` is set.")
    payload_url: str | None = Field(
        default=None, description=f"Where to read a payload of more than {DOCUMENT_SHOWN_BYTES} bytes."
    )
    payload_bytes: int | None = Field(default=None, description="Size of the payload in bytes, if `payloadUrl` is set.")
    result_url: str | None = Field(
        default=None, description=f"Where to read a result of more than {DOCUMENT_SHOWN_BYTES} bytes."
    )
    result_bytes: int | None = Field(default=None, description="Size of the result in bytes, if `resultUrl` is set.")
    attempts: list[AttemptReply] = Field(
        description=f"The latest {ATTEMPTS_SHOWN} attempts, oldest first; `GET /jobs/{{job_id}}/attempts` lists all "
        "that failed."
    )


class AttemptListReply(Reply):
    """A page of failed attempts, newest first."""

    items: list[AttemptReply] = Field(description="The attempts.")
    cursor: str | None = Field(description=CURSOR)


class JobListReply(Reply):
    """A page of jobs. A page may be short although there are more."""

    items: list[JobReply] = Field(description="The jobs.")
    cursor: str | None = Field(description=CURSOR)
    missing: Missing = Field(description=MISSING)


class BatchItemReply(Reply):
    """The answer for one job of a batch."""

    status: int = Field(description="HTTP status that the same job would get from `POST /jobs`.")
    job: JobReply | None = Field(default=None, description="The job; null if it was refused.")
    outcome: Outcome | None = Field(default=None, description=f"{OUTCOME} Null if it was refused.")
    problem: dict[str, Any] | None = Field(
        default=None, description="Problem details (RFC 9457); null if the job was accepted."
    )


class BatchReply(Reply):
    """The answers for all jobs of a batch."""

    items: list[BatchItemReply] = Field(description="One answer for each job, in the order of the request.")


class ReasonReply(Reply):
    """One reason, with the facts behind it."""

    code: Cause = Field(description="Names the kind of reason.")
    text: str = Field(description="The reason in words.")
    facts: dict[str, Any] = Field(description="Values behind it. Names that end in `At` or `Until` are times.")


class ExplainReply(Reply):
    """Why a job has not run yet, or why it ended."""

    id: str = Field(description="Id of the job.")
    state: str = Field(description="State of the job.")
    reasons: list[ReasonReply] = Field(description="The reasons, the most important one first.")


class HolderReply(Reply):
    """The job that holds a unique key."""

    key_id: str = Field(description="Id of the key, as `unique.keyId` of its jobs.")
    job: JobReply | None = Field(description="The job; null: the key is free.")


class DeadLetterGroupReply(Reply):
    """Dead jobs with the same error."""

    fingerprint: str = Field(description="Fingerprint of the error; `POST /dead-letters/redrive` filters by it.")
    error: ErrorReply = Field(description="The error of one of them.")
    count: int = Field(description="Number of jobs.")
    types: list[str] = Field(description="Names of their tasks.")
    first_at: Time = Field(description="When the first of them died.")
    last_at: Time = Field(description="When the last of them died.")
    sample: list[str] = Field(description="Ids of some of them.")


class DeadLettersReply(Reply):
    """Dead jobs, grouped by error."""

    items: list[DeadLetterGroupReply] = Field(description="The groups, the largest one first.")
    jobs: int = Field(description="Number of dead jobs that were counted for this page.")
    other_groups: int = Field(
        description="Number of groups that were counted but are not in `items`; none is larger than the last group in "
        "`items`."
    )
    cursor: str | None = Field(
        description="Null if all dead jobs were counted. Otherwise only those that ended last were: send it as "
        "`cursor` to count older ones."
    )
    missing: Missing = Field(description=MISSING)


class TenantDeadLettersReply(Reply):
    """Dead jobs of a tenant, grouped by error."""

    tenant: str = Field(description="The tenant.")
    jobs: int = Field(description="Number of its dead jobs that were counted, those that ended last.")
    has_more: bool = Field(description="Whether it may have more dead jobs than were counted.")
    groups: list[DeadLetterGroupReply] = Field(
        description=f"The groups, the largest one first; at most {DEAD_TENANT_GROUPS}."
    )
    other_groups: int = Field(description="Number of groups that were counted but are not in `groups`.")


class TenantsDeadLettersReply(Reply):
    """Dead jobs of several tenants."""

    items: list[TenantDeadLettersReply] = Field(description="Tenants with dead jobs, sorted by name.")
    cursor: str | None = Field(description="Send it as `cursor` for the next tenants; null at the end.")
    missing: Missing = Field(description=MISSING)


class FailedRedriveReply(Reply):
    """A job that was not run again."""

    id: str = Field(description="Id of the job.")
    problem: dict[str, Any] = Field(description="Problem details (RFC 9457).")


class RedriveReply(Reply):
    """What a bulk redrive did."""

    matched: int = Field(description="Number of dead jobs that match the filter.")
    redriven: list[str] = Field(description="Ids of the jobs that run again; empty in a dry run.")
    failed: list[FailedRedriveReply] = Field(description="Jobs that could not be run again, and why.")
    dry_run: bool = Field(description="Whether the jobs were only counted.")
    cursor: str | None = Field(description="Send it as `cursor` to continue; null at the end.")
    missing: Missing = Field(description=MISSING)
    operation_id: str | None = Field(description="Id of the bulk operation of this call; null in a dry run.")


def job_reply(job: Job, now_ms: int) -> JobReply:
    """Show a job without its payload, result and timeline."""
    return JobReply(**_fields(job, now_ms))


def job_with_policy(job: Job, now_ms: int) -> JobWithPolicyReply:
    """Show a job and the policy that it runs under."""
    return JobWithPolicyReply(**_fields(job, now_ms), effective=effective_reply(job))


def submitted_reply(job: Job, now_ms: int, outcome: Outcome) -> SubmittedReply:
    """Show the job that a submit is answered with."""
    return SubmittedReply(**_fields(job, now_ms), effective=effective_reply(job), outcome=outcome)


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


def _fields(job: Job, now_ms: int) -> dict[str, Any]:
    return {
        "id": job.id,
        "type": job.type,
        "state": shown_state(job, now_ms),
        "priority": job.queue,
        "queue": job.queue,
        "profile": job.profile,
        "profile_version": job.profile_version,
        "follow_profile": bool(job.follow),
        "tenant": job.tenant,
        "due_at": times.to_timestamp(job.due_at),
        "expires_at": times.to_timestamp(job.begin_by),
        "expires_seconds": job.expires_s,
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
        "unique": unique_reply(job, now_ms) if job.unique else None,
        "schedule": job.schedule,
        "nominal_at": times.to_timestamp(job.nominal_at),
        "unmet_dependencies": len(upstream_numbers(job.unmet_dependencies)) or None,
        "parent_id": job.parent_id,
        "node": job.node,
        "notify": (job.notify or "").split(),
        "subscription": job.subscription,
        "traceparent": job.traceparent,
    }


def unique_reply(job: Job, now_ms: int) -> UniqueReply | None:
    """Show the unique key of a job."""
    from whendue.submission.unique_policy import holds

    unique = job.unique
    if unique is None:
        return None
    return UniqueReply(
        key_id=unique.id,
        scope=unique.scope,
        held=holds(job, unique.id, now_ms),
        held_until=times.to_timestamp(unique.until) or "",
        replaced_id=unique.replaced,
        first_submitted_at=times.to_timestamp(unique.since),
        latest_due_at=times.to_timestamp(unique.latest),
    )


def limits_reply(limit: Limit | None) -> LimitsReply | None:
    """Show the limits that a request or a profile names."""
    if limit is None:
        return None
    return LimitsReply(concurrency=limit.concurrency, rate_per_second=limit.rate_per_s, key=limit.key)


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


def tenant_reply(found: TenantDeadLetters) -> TenantDeadLettersReply:
    """Show the dead jobs of a tenant."""
    return TenantDeadLettersReply(
        tenant=found.tenant,
        jobs=found.jobs,
        has_more=found.has_more,
        groups=[group_reply(group) for group in found.groups],
        other_groups=found.other_groups,
    )
