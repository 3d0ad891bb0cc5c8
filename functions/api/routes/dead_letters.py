"""Dead letters: dead jobs grouped by their error, and run again in bulk."""

from operator import attrgetter
from typing import Annotated

from aws_lambda_powertools.event_handler.openapi.params import Body
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter

from functions.api.http.caller import caller, caller_of, shown
from functions.api.http.problems import problem_of
from functions.api.schemas.job_replies import (
    DeadLettersReply,
    FailedRedriveReply,
    RedriveReply,
    TenantsDeadLettersReply,
    group_reply,
    tenant_reply,
)
from functions.api.schemas.reply import missing
from functions.api.schemas.shared.list_parameters import (
    CursorParameter,
    FingerprintParameter,
    PriorityParameter,
    QueueParameter,
    TypeParameter,
    queue_of,
)
from functions.api.schemas.shared.redrive import RedriveBody
from whendue.operations.listing import JobFilter

router = APIGatewayHttpRouter()


@router.get("/dead-letters", tags=["dead letters"], summary="Group dead jobs by error", operation_id="listDeadLetters")
def groups(
    type: TypeParameter = None,  # noqa: A002 - the parameter's name
    priority: PriorityParameter = None,
    queue: QueueParameter = None,
    cursor: CursorParameter = None,
) -> DeadLettersReply:
    """Return the number of dead jobs by the fingerprint of their last error, the largest group first.

    One call counts up to 10,000 jobs exactly, the last to end first. If there are more, `cursor` is not null.
    """
    app, tenant = caller(router)
    found = app.dead_letters.groups(tenant, JobFilter(type=type, queue=queue_of(priority, queue)), cursor)
    return DeadLettersReply(
        items=shown(app, found.groups, group_reply, attrgetter("fingerprint")),
        jobs=found.jobs,
        other_groups=found.other_groups,
        cursor=found.cursor,
        missing=missing(is_complete=found.is_complete),
    )


@router.get(
    "/dead-letters/by-tenant",
    tags=["dead letters"],
    summary="Group dead jobs of all tenants by error",
    operation_id="listDeadLettersByTenant",
)
def by_tenant(
    type: TypeParameter = None,  # noqa: A002 - the parameter's name
    priority: PriorityParameter = None,
    queue: QueueParameter = None,
    fingerprint: FingerprintParameter = None,
    cursor: CursorParameter = None,
) -> TenantsDeadLettersReply:
    """Return the dead jobs of each tenant by the fingerprint of their last error, for operators.

    Tenants are sorted by name; one without dead jobs is left out, so a page may be empty before the end. Of each tenant
    those jobs are counted that ended last, equally many at most; payloads and results are not shown. With a filter, the
    number of jobs that are looked at stays the same: `hasMore` says that older ones may match.
    """
    app, _ = caller(router)
    wanted = JobFilter(type=type, queue=queue_of(priority, queue), fingerprint=fingerprint)
    found = app.dead_letters.by_tenant(wanted, cursor)
    return TenantsDeadLettersReply(
        items=shown(app, found.tenants, tenant_reply, attrgetter("tenant")),
        cursor=found.cursor,
        missing=missing(is_complete=found.is_complete),
    )


@router.post(
    "/dead-letters/redrive",
    tags=["dead letters"],
    summary="Run dead jobs again in bulk",
    operation_id="redriveDeadLetters",
)
def redrive(body: Annotated[RedriveBody, Body()]) -> RedriveReply:
    """Run dead jobs again from their first attempt, or only count them (`dryRun`).

    One call handles up to `limit` jobs. Repeat it with the returned `cursor` until that is null. Each call is a bulk
    operation, `operationId`, that can be undone. `POST /operations` redrives all that match with one request.
    """
    app, tenant = caller(router)
    queue = queue_of(body.filter.priority, body.filter.queue, "body.filter")
    wanted = JobFilter(type=body.filter.type, queue=queue, fingerprint=body.filter.fingerprint)
    done = app.dead_letter_redrive.redrive(
        tenant,
        wanted,
        dry_run=body.dry_run,
        rate_per_s=body.rate_per_second,
        limit=body.limit,
        cursor=body.cursor,
        by=caller_of(router),
    )
    return RedriveReply(
        matched=done.matched,
        redriven=done.redriven,
        failed=[FailedRedriveReply(id=job.id, problem=problem_of(job.code, job.text)) for job in done.failed],
        dry_run=body.dry_run,
        cursor=done.cursor,
        missing=missing(is_complete=done.is_complete),
        operation_id=done.operation,
    )
