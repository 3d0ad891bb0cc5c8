"""Jobs: submit, read, list, explain, change, cancel, redrive."""

from dataclasses import replace
from http import HTTPStatus
from operator import attrgetter
from typing import Annotated, Any

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.openapi.params import Body, Path, Query
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter

from functions.api.http import times
from functions.api.http.body import idempotency_key
from functions.api.http.caller import Caller, Waits, caller, caller_of, shown, traced
from functions.api.http.etags import NotModifiedError, is_unchanged, job_etag, of_job
from functions.api.http.problems import problem_in_batch, status_of
from functions.api.http.response import JSON, accepted, accepted_status
from functions.api.schemas.job_replies import (
    AttemptListReply,
    BatchItemReply,
    BatchReply,
    ExplainReply,
    HolderReply,
    JobListReply,
    JobReply,
    JobWithTimelineReply,
    SubmittedReply,
    job_reply,
    job_with_timeline,
    reason_reply,
    submitted_reply,
)
from functions.api.schemas.job_requests import BatchBody, BatchJobBody, ChangeBody, JobBody
from functions.api.schemas.reply import missing
from functions.api.schemas.shared.attempts import (
    JobEventListReply,
    JobLogsReply,
    attempt_log,
    events_reply,
    failed_attempts,
)
from functions.api.schemas.shared.list_parameters import (
    CreatedAfterParameter,
    CreatedBeforeParameter,
    CursorParameter,
    FingerprintParameter,
    FinishedAfterParameter,
    FinishedBeforeParameter,
    OrderParameter,
    PageLimit,
    PriorityParameter,
    QueueParameter,
    ScheduleParameter,
    StateParameter,
    TagsParameter,
    TypeParameter,
    WorkflowParameter,
    job_filter,
)
from functions.api.schemas.shared.unique import HolderBody
from whendue.bootstrap.application import App
from whendue.errors import InvalidRequestError, WhendueError
from whendue.jobs.model import Job, shown_state
from whendue.quotas import ATTEMPTS_SHOWN, LOGS_SHOWN, MAX_ATTEMPTS, PAGE_DEFAULT, WAIT_INTERVAL_S, WAIT_S
from whendue.submission.request import JobRequest
from whendue.submission.submit import Submitted

router = APIGatewayHttpRouter()
WaitParameter = Annotated[
    int, Query(ge=0, le=WAIT_S, description="Seconds to wait for the end of the job. Default: 0.", examples=[20])
]
JobId = Annotated[str, Path(description="Id of the job.")]
# Of an answer to a request that could not wait: as soon as one that waits would read the job again.
RETRY_WAIT = {"Retry-After": str(round(WAIT_INTERVAL_S))}


@router.post("/jobs", status_code=HTTPStatus.ACCEPTED, tags=["jobs"], summary="Submit a job", operation_id="submitJob")
def submit(body: Annotated[JobBody, Body()]) -> Response[SubmittedReply]:
    """Store a job and run it when it is due. `Location` says where to read it."""
    return _submitted(body)


@router.post(
    "/tasks/schedule",
    status_code=HTTPStatus.ACCEPTED,
    tags=["jobs"],
    summary="Submit a job (alternative path)",
    operation_id="scheduleTask",
)
def schedule(body: Annotated[JobBody, Body()]) -> Response[SubmittedReply]:
    """Store a job and run it when it is due. This is `POST /jobs` under another path."""
    return _submitted(body)


def _submitted(body: JobBody) -> Response[SubmittedReply]:
    app, tenant = caller(router)
    request = body.request(idempotency_key(router.current_event.headers))
    end = app.submit.one(tenant, traced(router, request))
    reply = submitted_reply(end.job, app.clock.now_ms(), end.outcome)
    return accepted(f"/jobs/{end.job.id}", reply, created=end.created, replayed=end.outcome == "replayed")


@router.post(
    "/jobs/batch",
    status_code=HTTPStatus.MULTI_STATUS,
    tags=["jobs"],
    summary="Submit up to 500 jobs",
    operation_id="submitJobs",
)
def submit_batch(body: Annotated[BatchBody, Body()]) -> Response[BatchReply]:
    """Submit jobs together. Each is accepted or refused on its own; the answer has a status for each, in order.

    An Idempotency-Key applies to each job by its position, except to jobs that have a key of their own.
    """
    who = caller(router)
    key = idempotency_key(router.current_event.headers)
    read = _with_different_refs([_read(who, value) for value in body.jobs])
    read = [_keyed(item, key, number) for number, item in enumerate(read)]
    good = [traced(router, item) for item in read if isinstance(item, JobRequest)]
    results = iter(who.app.submit.many(who.tenant, good))
    items = [_shown(who, next(results) if isinstance(item, JobRequest) else item) for item in read]
    return Response(HTTPStatus.MULTI_STATUS, JSON, BatchReply(items=items))


def _read(who: Caller, value: object) -> JobRequest | WhendueError:
    try:
        return BatchJobBody.read(value)
    except WhendueError as error:
        return error
    except Exception as error:  # noqa: BLE001 - whatever it is, the others are read
        return _isolated(who, "read_request", "?", error)


def _keyed(request: JobRequest | WhendueError, key: str | None, number: int) -> JobRequest | WhendueError:
    """Derive a job's key from the batch's."""
    if key is None or isinstance(request, WhendueError) or request.idempotency_key is not None:
        return request
    # The spaces keep it apart from every Idempotency-Key of a user.
    return replace(request, idempotency_key=f"batch {number} {key}")


def _isolated(who: Caller, stage: str, item: str, error: Exception) -> WhendueError:
    """Note an unexpected error; it ends this one item."""
    who.app.bulkhead.note(stage, item, error)
    return WhendueError()


def _with_different_refs(read: list[JobRequest | WhendueError]) -> list[JobRequest | WhendueError]:
    """Refuse a job that calls itself as an earlier one does."""
    seen = set[str]()
    named: list[JobRequest | WhendueError] = []
    for item in read:
        ref = item.ref if isinstance(item, JobRequest) else None
        places = [{"where": "ref", "problem": "must differ from the refs of earlier jobs in the batch"}]
        named.append(InvalidRequestError("this job is not valid", errors=places) if ref in seen else item)
        seen |= {ref} if ref else set()
    return named


def _shown(who: Caller, end: Submitted | WhendueError) -> BatchItemReply:
    try:
        return _batch_item(who, end)
    except Exception as error:  # noqa: BLE001 - whatever it is, the others are shown
        item = end.job.id if isinstance(end, Submitted) else "?"
        return _batch_item(who, _isolated(who, "show_job", item, error))


def _batch_item(who: Caller, end: Submitted | WhendueError) -> BatchItemReply:
    if isinstance(end, WhendueError):
        return BatchItemReply(status=status_of(end).value, problem=problem_in_batch(end))
    replies = shown(who.app, [end.job], lambda job: job_reply(job, who.app.clock.now_ms()), attrgetter("id"))
    if not replies:
        error = WhendueError()
        return BatchItemReply(status=status_of(error).value, problem=problem_in_batch(error))
    return BatchItemReply(status=accepted_status(created=end.created).value, job=replies[0], outcome=end.outcome)


@router.get("/jobs", tags=["jobs"], summary="List jobs", operation_id="listJobs")
def list_jobs(
    *,
    state: StateParameter = None,
    type: TypeParameter = None,  # noqa: A002 - the parameter's name
    queue: QueueParameter = None,
    priority: PriorityParameter = None,
    fingerprint: FingerprintParameter = None,
    tag: TagsParameter = None,
    schedule: ScheduleParameter = None,
    workflow: WorkflowParameter = None,
    created_after: CreatedAfterParameter = None,
    created_before: CreatedBeforeParameter = None,
    finished_after: FinishedAfterParameter = None,
    finished_before: FinishedBeforeParameter = None,
    order: OrderParameter = "newest",
    limit: PageLimit = PAGE_DEFAULT,
    cursor: CursorParameter = None,
) -> JobListReply:
    """Return jobs, the newest first: by the time of their submit, with `state=dead` by the time of their end.

    A page may be short, even empty, before the end: `cursor` is null at the end alone. No page repeats a job.
    """
    app, tenant = caller(router)
    wanted = job_filter(
        state=state,
        type=type,
        queue=queue,
        priority=priority,
        fingerprint=fingerprint,
        tags=tag,
        schedule=schedule,
        workflow=workflow,
        created_after=created_after,
        created_before=created_before,
        finished_after=finished_after,
        finished_before=finished_before,
    )
    page = app.listing.page("jobs", tenant, wanted, limit, cursor, oldest_first=order == "oldest")
    return JobListReply(
        items=shown(app, page.jobs, lambda job: job_reply(job, page.at_ms), attrgetter("id")),
        cursor=page.cursor,
        missing=missing(is_complete=page.is_complete),
    )


@router.get("/jobs/<job_id>", tags=["jobs"], summary="Get a job with its attempts", operation_id="getJob")
def read(job_id: JobId, wait: WaitParameter = 0) -> Response[JobWithTimelineReply]:
    """Return a job, its payload, its result and its attempts. The ETag changes with every change of the job.

    With `wait` the answer comes when the job has ended, or after that time, whatever its state is then. It comes at
    once, with the header `Retry-After`, if too many requests of the tenant, or of this process, are waiting already.
    """
    app, tenant = caller(router)
    waits: Waits = router.context["waits"]
    with waits.take() as may_wait:
        view = app.query.get(tenant, job_id, wait if may_wait else 0)
    refused = view.wait_refused or (wait > 0 and not may_wait and not view.job.terminal)
    tag, now_ms = job_etag(view.job), app.clock.now_ms()
    if not (refused or _changes_by_itself(view.job, now_ms)) and is_unchanged(router.current_event.headers, tag):
        raise NotModifiedError(tag)
    headers: dict[str, str | list[str]] = {"ETag": tag, **(RETRY_WAIT if refused else {})}
    return Response(HTTPStatus.OK, JSON, job_with_timeline(view, now_ms), headers)


def _changes_by_itself(job: Job, now_ms: int) -> bool:
    """Return whether a job may be shown differently without a change of it: as it became due, or by its profile."""
    return bool(job.follow) or shown_state(job, now_ms) == "queued"


def _changed(app: App, job: Job) -> Response[JobReply]:
    return Response(HTTPStatus.OK, JSON, job_reply(job, app.clock.now_ms()), {"ETag": job_etag(job)})


def _expected() -> frozenset[str] | None:
    return of_job(router.current_event.headers)


@router.get("/jobs/<job_id>/payload", tags=["jobs"], summary="Get the payload of a job", operation_id="getJobPayload")
def payload(job_id: JobId) -> Response[Any]:
    """Return the payload alone, as it was submitted."""
    app, tenant = caller(router)
    return Response(HTTPStatus.OK, JSON, app.query.document(tenant, job_id, "payload"))


@router.get("/jobs/<job_id>/result", tags=["jobs"], summary="Get the result of a job", operation_id="getJobResult")
def result(job_id: JobId) -> Response[Any]:
    """Return the result alone; 404 (`document_not_found`) until the job has succeeded."""
    app, tenant = caller(router)
    return Response(HTTPStatus.OK, JSON, app.query.document(tenant, job_id, "result"))


@router.get(
    "/jobs/<job_id>/attempts",
    tags=["jobs"],
    summary="List the failed attempts of a job",
    operation_id="listJobAttempts",
)
def attempts(
    job_id: JobId,
    limit: Annotated[
        int,
        Query(ge=1, le=ATTEMPTS_SHOWN, description=f"Maximum number of items in the page. Default: {PAGE_DEFAULT}."),
    ] = PAGE_DEFAULT,
    cursor: CursorParameter = None,
) -> AttemptListReply:
    """Return all failed attempts, newest first, including those before the job was run again."""
    app, tenant = caller(router)
    page = app.attempts.page(tenant, job_id, limit, cursor)
    return AttemptListReply(items=failed_attempts(page.attempts), cursor=page.cursor)


@router.get("/jobs/<job_id>/logs", tags=["jobs"], summary="Get what a job has logged", operation_id="listJobLogs")
def logs(
    job_id: JobId,
    attempt: Annotated[
        int | None,
        Query(ge=1, le=MAX_ATTEMPTS, description="Number of the attempt. Default: all attempts.", examples=[2]),
    ] = None,
    limit: Annotated[
        int, Query(ge=1, le=LOGS_SHOWN, description=f"Maximum number of items in the page. Default: {LOGS_SHOWN}.")
    ] = LOGS_SHOWN,
    cursor: CursorParameter = None,
) -> JobLogsReply:
    """Return the lines that the attempts have logged, newest attempt first.

    An attempt's lines are stored when it ends. An attempt that logged nothing is left out.
    """
    app, tenant = caller(router)
    page = app.job_logs.page(tenant, job_id, attempt, limit, cursor)
    return JobLogsReply(items=[attempt_log(log) for log in page.logs], cursor=page.cursor)


@router.get("/jobs/<job_id>/events", tags=["jobs"], summary="List what happened to a job", operation_id="listJobEvents")
def events(
    job_id: JobId,
    limit: PageLimit = PAGE_DEFAULT,
    cursor: CursorParameter = None,
) -> JobEventListReply:
    """Return what happened to the job, newest first: its submit, attempts, what was asked of it and who did, its end.

    Events are in the order of cause and effect, and are kept as long as the job.
    """
    app, tenant = caller(router)
    return events_reply(app.history.page(tenant, job_id, limit, cursor))


@router.post(
    "/unique/holder", tags=["jobs"], summary="Find the job that holds a unique key", operation_id="findUniqueHolder"
)
def holder(body: Annotated[HolderBody, Body()]) -> HolderReply:
    """Return the job that a submit with the same type, payload and `unique` would meet now. Nothing is changed."""
    app, tenant = caller(router)
    held = app.submit.holder(tenant, body.request())
    return HolderReply(key_id=held.id, job=job_reply(held.job, app.clock.now_ms()) if held.job else None)


@router.get(
    "/jobs/<job_id>/explain",
    tags=["jobs"],
    summary="Explain why a job has not run, or why it ended",
    operation_id="explainJob",
)
def explain(job_id: JobId) -> ExplainReply:
    """Return what the job is waiting for or, once it has ended, why it ended and what can be done."""
    app, tenant = caller(router)
    job, reasons = app.explainer.explain(tenant, job_id)
    state = shown_state(job, app.clock.now_ms())
    return ExplainReply(id=job_id, state=state, reasons=[reason_reply(reason) for reason in reasons])


@router.patch("/jobs/<job_id>", tags=["jobs"], summary="Reschedule or reprioritise a job", operation_id="updateJob")
def change(job_id: JobId, body: Annotated[ChangeBody, Body()]) -> Response[JobReply]:
    """Change when a job is due, its queue, or both.

    The job must be `scheduled` or `queued`, before its first attempt or between two attempts. Nothing is written if it
    has that due time and that priority already.
    """
    app, tenant = caller(router)
    due_at = None if body.due_at is None else times.read(body.due_at)
    return _changed(
        app, app.control.reschedule(tenant, job_id, due_at, body.queue_name, _expected(), by=caller_of(router))
    )


@router.post("/jobs/<job_id>/cancel", tags=["jobs"], summary="Cancel a job", operation_id="cancelJob")
def cancel(job_id: JobId) -> Response[JobReply]:
    """Cancel a job that has not started. A running one is asked to stop (`cancelRequested`): watch its state."""
    app, tenant = caller(router)
    return _changed(app, app.control.cancel(tenant, job_id, _expected(), by=caller_of(router)))


@router.post(
    "/jobs/<job_id>/redrive",
    tags=["jobs"],
    summary="Run a dead, cancelled or expired job again",
    operation_id="redriveJob",
)
def redrive(job_id: JobId) -> Response[JobReply]:
    """Run a dead, cancelled or expired job again from its first attempt. It does not expire any more."""
    app, tenant = caller(router)
    return _changed(app, app.control.redrive(tenant, job_id, expected=_expected(), by=caller_of(router)))


@router.delete(
    "/jobs/<job_id>",
    status_code=HTTPStatus.NO_CONTENT,
    tags=["jobs"],
    summary="Erase a finished job",
    operation_id="eraseJob",
)
def erase(job_id: JobId) -> Response[None]:
    """Erase a finished job with its payload, result, attempts and members.

    A job that has not ended is refused with 409: cancel it first. Also refused is a job that has ended while its end is
    still being passed on to the jobs and subscriptions that wait for it: send the request again in a minute.
    """
    app, tenant = caller(router)
    app.erasing.erase(tenant, job_id, _expected())
    return Response(HTTPStatus.NO_CONTENT)
