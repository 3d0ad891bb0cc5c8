"""Requests about jobs and dead letters."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Literal

from whendue.client.inputs.jobs import DeadLetterFilter, NewJob, Unique
from whendue.client.json_values import to_json
from whendue.client.listing import Listing
from whendue.client.messages import Request, checked_key, json_value, model, nothing, request
from whendue.client.models.common import Attempt, AttemptLog, Page
from whendue.client.models.dead_letters import DeadLetterGroup, DeadLetters, RedriveResult, TenantDeadLetters
from whendue.client.models.jobs import (
    Batch,
    Explanation,
    Job,
    JobEvent,
    JobEventPage,
    JobWithTimeline,
    SubmittedJob,
    UniqueHolder,
)

Priority = Literal["critical", "high", "normal", "low"]


def creating(idempotency_key: str | None, traceparent: str | None = None) -> dict[str, str | None]:
    """Return the headers of a request that creates something."""
    key = None if idempotency_key is None else checked_key(idempotency_key)
    return {"Idempotency-Key": key, "traceparent": traceparent}


def submit_job(
    job: NewJob, *, idempotency_key: str | None = None, traceparent: str | None = None
) -> Request[SubmittedJob]:
    """Submit a job.

    Args:
        job: the job.
        idempotency_key: makes the call safe to repeat. Default: a new key, for the attempts of this call alone.
        traceparent: the trace that the job belongs to (W3C Trace Context). Default: none.
    """
    return request("submitJob", model(SubmittedJob), headers=creating(idempotency_key, traceparent), body=job)


def schedule_task(
    job: NewJob, *, idempotency_key: str | None = None, traceparent: str | None = None
) -> Request[SubmittedJob]:
    """Submit a job by the alternative path of the API; the same as `submit_job`."""
    return request("scheduleTask", model(SubmittedJob), headers=creating(idempotency_key, traceparent), body=job)


def encoded(job: NewJob) -> bytes:
    """Return a job of a batch as JSON."""
    return json.dumps(to_json(job), allow_nan=False, ensure_ascii=False).encode()


def submit_batch(jobs: Sequence[bytes], *, idempotency_key: str, traceparent: str | None = None) -> Request[Batch]:
    """Submit one batch of jobs that are JSON already."""
    made = request("submitJobs", model(Batch), headers=creating(idempotency_key, traceparent))
    return replace(made, body=b'{"jobs":[' + b",".join(jobs) + b"]}")


def list_jobs(
    *,
    state: str | None = None,
    type: str | None = None,  # noqa: A002 - the parameter's name
    queue: str | None = None,
    priority: str | None = None,
    fingerprint: str | None = None,
    tags: Mapping[str, str] | None = None,
    schedule: str | None = None,
    workflow: str | None = None,
    created_after: datetime | None = None,
    created_before: datetime | None = None,
    finished_after: datetime | None = None,
    finished_before: datetime | None = None,
    order: Literal["newest", "oldest"] | None = None,
    limit: int | None = None,
    cursor: str | None = None,
) -> Listing[Page[Job], Job]:
    """List jobs, the newest first; with `state="dead"` by the time of their end.

    Args:
        state: only jobs in this state.
        type: only jobs of this task.
        queue: only jobs in this queue, one of the four priorities or of the deployment's own; or `priority`.
        priority: only jobs of this priority.
        fingerprint: only jobs whose last error has this fingerprint.
        tags: only jobs with all of these tags.
        schedule: only jobs that the schedule with this name created.
        workflow: only jobs that the workflow or `forEach` job with this id created.
        created_after: only jobs submitted at this time or later.
        created_before: only jobs submitted before this time.
        finished_after: only jobs that ended at this time or later.
        finished_before: only jobs that ended before this time.
        order: `oldest` lists the oldest first, up to the time of the first request. Default: `newest`.
        limit: maximum number of items in a page. Default: the API's.
        cursor: of the page to begin with. Default: the first page.
    """
    query = {
        "state": state,
        "type": type,
        "queue": queue,
        "priority": priority,
        "fingerprint": fingerprint,
        "tag": [f"{name}:{value}" for name, value in tags.items()] if tags else None,
        "schedule": schedule,
        "workflow": workflow,
        "createdAfter": created_after,
        "createdBefore": created_before,
        "finishedAfter": finished_after,
        "finishedBefore": finished_before,
        "order": order,
        "limit": limit,
    }
    return Listing(
        lambda at: request("listJobs", model(Page[Job]), query=query | {"cursor": at}), lambda page: page, cursor
    )


def get_job(job_id: str, *, wait_s: int = 0) -> Request[JobWithTimeline]:
    """Get a job with its payload, result and attempts.

    Args:
        job_id: id of the job.
        wait_s: the answer comes when the job has ended, or after so many seconds; at most 20. `wait_for_job` waits
            longer.
    """
    return request(
        "getJob", model(JobWithTimeline), at={"job_id": job_id}, query={"wait": wait_s or None}, wait_s=wait_s
    )


def get_job_payload(job_id: str) -> Request[Any]:
    """Get the payload of a job alone, however large it is."""
    return request("getJobPayload", json_value, at={"job_id": job_id})


def get_job_result(job_id: str) -> Request[Any]:
    """Get the result of a job alone, however large it is."""
    return request("getJobResult", json_value, at={"job_id": job_id})


def list_job_attempts(
    job_id: str, *, limit: int | None = None, cursor: str | None = None
) -> Listing[Page[Attempt], Attempt]:
    """List all failed attempts of a job, the newest first, including those before it was run again."""
    return Listing(
        lambda at: request(
            "listJobAttempts", model(Page[Attempt]), at={"job_id": job_id}, query={"limit": limit, "cursor": at}
        ),
        lambda page: page,
        cursor,
    )


def list_job_logs(
    job_id: str, *, attempt: int | None = None, limit: int | None = None, cursor: str | None = None
) -> Listing[Page[AttemptLog], AttemptLog]:
    """List what the attempts of a job have logged, the newest first; an attempt that logged nothing is left out.

    Args:
        job_id: id of the job.
        attempt: only attempts of this number. Default: all.
        limit: maximum number of items in a page. Default: the API's.
        cursor: of the page to begin with. Default: the first page.
    """
    query = {"attempt": attempt, "limit": limit}
    return Listing(
        lambda at: request("listJobLogs", model(Page[AttemptLog]), at={"job_id": job_id}, query=query | {"cursor": at}),
        lambda page: page,
        cursor,
    )


def list_job_events(
    job_id: str, *, limit: int | None = None, cursor: str | None = None
) -> Listing[JobEventPage, JobEvent]:
    """List what happened to a job, the newest first: its submit, attempts, what was asked of it and who did, its end.

    Args:
        job_id: id of the job.
        limit: maximum number of items in a page. Default: the API's.
        cursor: of the page to begin with. Default: the first page.
    """
    query = {"limit": limit}
    return Listing(
        lambda at: request("listJobEvents", model(JobEventPage), at={"job_id": job_id}, query=query | {"cursor": at}),
        lambda page: page,
        cursor,
    )


def explain_job(job_id: str) -> Request[Explanation]:
    """Explain why a job has not run, or why it ended."""
    return request("explainJob", model(Explanation), at={"job_id": job_id})


def find_unique_holder(type: str, unique: Unique, payload: Any = None) -> Request[UniqueHolder]:  # noqa: A002
    """Find the job that holds a unique key: the one that a submit with the same arguments would meet now.

    Args:
        type: name of the task.
        unique: the key; only `key` and `by_payload` count.
        payload: what `by_payload` takes the values from. Default: `{}`.
    """
    body = {"type": type, "payload": {} if payload is None else payload, "unique": unique}
    return request("findUniqueHolder", model(UniqueHolder), body=body)


def update_job(
    job_id: str,
    *,
    due_at: datetime | None = None,
    priority: Priority | None = None,
    queue: str | None = None,
    if_match: str | None = None,
) -> Request[Job]:
    """Reschedule a job that has not started, or that waits for its next attempt, or move it to another queue.

    Args:
        job_id: id of the job.
        due_at: new due time, the earliest time at which it runs. Default: unchanged.
        priority: new queue, one of these four. Default: unchanged.
        queue: new queue, one of the four priorities or of the deployment's own; or `priority`.
        if_match: only if the job still has this `etag`.
    """
    changes = {"dueAt": due_at, "priority": priority, "queue": queue}
    body = {name: value for name, value in changes.items() if value is not None}
    return request("updateJob", model(Job), at={"job_id": job_id}, headers={"If-Match": if_match}, body=body)


def cancel_job(job_id: str, *, if_match: str | None = None) -> Request[Job]:
    """Cancel a job. A running one is asked to stop: watch its state."""
    return request("cancelJob", model(Job), at={"job_id": job_id}, headers={"If-Match": if_match})


def redrive_job(job_id: str, *, if_match: str | None = None) -> Request[Job]:
    """Run a dead, cancelled or expired job again. It is sent again after a lost answer only with `if_match`."""
    return request(
        "redriveJob",
        model(Job),
        at={"job_id": job_id},
        headers={"If-Match": if_match},
        repeatable=if_match is not None,
    )


def erase_job(job_id: str, *, if_match: str | None = None) -> Request[None]:
    """Erase a finished job with all that belongs to it."""
    return request("eraseJob", nothing, at={"job_id": job_id}, headers={"If-Match": if_match})


def list_dead_letters(
    *,
    type: str | None = None,  # noqa: A002 - the parameter's name
    priority: str | None = None,
    queue: str | None = None,
    cursor: str | None = None,
) -> Listing[DeadLetters, DeadLetterGroup]:
    """Group dead jobs by their error. A page counts up to 10,000 jobs; a group may come again in the next page."""
    query = {"type": type, "priority": priority, "queue": queue}
    return Listing(
        lambda at: request("listDeadLetters", model(DeadLetters), query=query | {"cursor": at}),
        lambda page: page,
        cursor,
    )


def list_dead_letters_by_tenant(
    *,
    type: str | None = None,  # noqa: A002 - the parameter's name
    priority: str | None = None,
    queue: str | None = None,
    fingerprint: str | None = None,
    cursor: str | None = None,
) -> Listing[Page[TenantDeadLetters], TenantDeadLetters]:
    """Group the dead jobs of all tenants by their error, tenant by tenant; needs the scope `operator`."""
    query = {"type": type, "priority": priority, "queue": queue, "fingerprint": fingerprint}
    return Listing(
        lambda at: request("listDeadLettersByTenant", model(Page[TenantDeadLetters]), query=query | {"cursor": at}),
        lambda page: page,
        cursor,
    )


def redrive_dead_letters(
    wanted: DeadLetterFilter | None = None,
    *,
    dry_run: bool = False,
    rate_per_second: float | None = None,
    limit: int | None = None,
    cursor: str | None = None,
) -> Request[RedriveResult]:
    """Run dead jobs again, up to `limit` of them in one request; `redrive_all_dead_letters` goes on to the end.

    Args:
        wanted: which dead jobs. Default: all.
        dry_run: only count them.
        rate_per_second: maximum number of jobs that start per second. Default: all start at once.
        limit: maximum number of jobs. Default: the API's.
        cursor: of the previous result, to continue. Default: from the beginning.
    """
    fields = {
        "filter": wanted,
        "dryRun": dry_run,
        "ratePerSecond": rate_per_second,
        "limit": limit,
        "cursor": cursor,
    }
    body = {name: value for name, value in fields.items() if value is not None}
    return request("redriveDeadLetters", model(RedriveResult), body=body, repeatable=dry_run)
