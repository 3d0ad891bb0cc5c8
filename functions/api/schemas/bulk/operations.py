"""Bulk operations: what is asked of many jobs, and how far it is."""

from typing import Annotated, Any, Final, Literal, Self

from pydantic import ConfigDict, Field, StringConstraints, model_validator

from functions.api.http import times
from functions.api.http.problems import problem_of
from functions.api.schemas.job_requests import Tags
from functions.api.schemas.reply import CURSOR, Reply, Time
from functions.api.schemas.shared.list_parameters import job_filter
from functions.api.schemas.shared.numbers import Delay, RedriveRate
from functions.api.schemas.shared.policy import Name, Priority, QueueBody, QueueName, Rfc3339, TypeName, shown_queue
from whendue.bulk.dry_run import Counted
from whendue.bulk.model import Action, Counts, FailedJob, Operation
from whendue.bulk.quotas import DRY_RUN_EXAMPLES, OPERATION_FAILURES, OPERATION_IDS
from whendue.bulk.selection import filter_of, names_queue
from whendue.bulk.service import Asked
from whendue.operations.listing import JobFilter
from whendue.quotas import ID_CHARACTERS

Id = Annotated[str, StringConstraints(pattern=rf"^[A-Za-z0-9._:~-]{{1,{ID_CHARACTERS}}}$")]
FAILURES_IN_LIST: Final = 3
State = Literal["scheduled", "queued", "waiting", "running", "succeeded", "dead", "cancelled", "expired"]


class JobFilterBody(QueueBody):
    """Which jobs to select: all that have all of what is sent. Send at least one field."""

    model_config = ConfigDict(json_schema_extra={"example": {"type": "demo.broken", "tags": {"team": "billing"}}})

    state: State | None = Field(
        default=None,
        description="State of the jobs when the operation begins. Default: all states that the action applies to, and "
        "`dead` for `redrive`.",
    )
    type: TypeName | None = Field(default=None, description="Name of the task.")
    priority: Priority | None = Field(default=None, description="Queue of the jobs, one of these four.")
    queue: QueueName | None = Field(
        default=None,
        description="Queue of the jobs, one of the four priorities or of the deployment's own; or `priority`.",
    )
    fingerprint: Name | None = Field(
        default=None, description="Fingerprint of the jobs' last error, as `GET /dead-letters` shows it."
    )
    tags: Tags = Field(default_factory=dict, description="Tags that a job must have, with these values.")
    schedule: Name | None = Field(default=None, description="Name of the schedule that created the jobs.")
    workflow: Id | None = Field(
        default=None, description="Id of the workflow, or the `forEach` job, that created the jobs."
    )
    created_after: Rfc3339 | None = Field(default=None, description="Only jobs submitted at this time or later.")
    created_before: Rfc3339 | None = Field(default=None, description="Only jobs submitted before this time.")
    finished_after: Rfc3339 | None = Field(default=None, description="Only jobs that ended at this time or later.")
    finished_before: Rfc3339 | None = Field(default=None, description="Only jobs that ended before this time.")

    def wanted(self) -> JobFilter:
        """Return the filter.

        Raises:
            InvalidRequestError: no time is between two times.
        """
        return job_filter(
            where="body.filter",
            state=self.state,
            type=self.type,
            queue=self.queue_name,
            fingerprint=self.fingerprint,
            tags=[f"{name}:{value}" for name, value in self.tags.items()],
            schedule=self.schedule,
            workflow=self.workflow,
            created_after=self.created_after,
            created_before=self.created_before,
            finished_after=self.finished_after,
            finished_before=self.finished_before,
        )


class OperationBody(QueueBody):
    """What to do with which jobs. Send one of `filter`, `ids` and `all`."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {"action": "redrive", "filter": {"type": "demo.broken"}, "ratePerSecond": 10, "dryRun": True}
        }
    )

    action: Literal["cancel", "redrive", "reprioritise", "reschedule", "delete"] = Field(
        description="What is done with each job, as `POST /jobs/{id}/cancel`, `POST /jobs/{id}/redrive`, "
        "`PATCH /jobs/{id}` and `DELETE /jobs/{id}` do it with one."
    )
    filter: JobFilterBody | None = Field(default=None, description="Which jobs.")
    ids: list[Id] | None = Field(
        default=None, min_length=1, max_length=OPERATION_IDS, description="Ids of the jobs; repeated ones count once."
    )
    all: bool = Field(default=False, description="All jobs that the action applies to: for `redrive`, all dead ones.")
    priority: Priority | None = Field(
        default=None, description="The new queue, one of these four; only with `reprioritise`."
    )
    queue: QueueName | None = Field(
        default=None,
        description="The new queue, one of the four priorities or of the deployment's own; only with `reprioritise`, "
        "instead of `priority`.",
    )
    due_at: Rfc3339 | None = Field(default=None, description="The new due time; only with `reschedule`.")
    delay_seconds: Delay | None = Field(
        default=None, description="The new due time, in seconds from now; only with `reschedule`, instead of `dueAt`."
    )
    rate_per_second: RedriveRate | None = Field(
        default=None,
        description="Maximum number of jobs that are changed per second, on average over a minute; redriven jobs "
        "start at this rate. Default: as fast as possible.",
    )
    limit: int | None = Field(
        default=None, ge=1, le=1_000_000, description="Maximum number of jobs. Default: all that match."
    )
    dry_run: bool = Field(default=False, description="Only count the jobs that match; change nothing.")

    @model_validator(mode="after")
    def _selects(self) -> Self:
        if (self.filter is not None) + (self.ids is not None) + self.all != 1:
            raise ValueError("must have exactly one of filter, ids and all")
        if self.filter is not None and self.filter.wanted() == JobFilter():
            raise ValueError("filter must have at least one field; send all instead to select all jobs")
        return self

    @model_validator(mode="after")
    def _says_what(self) -> Self:
        if (self.queue_name is not None) != (self.action == "reprioritise"):
            raise ValueError("priority, or queue, must be sent with reprioritise, and with no other action")
        due = (self.due_at is not None) + (self.delay_seconds is not None)
        if due != (self.action == "reschedule"):
            raise ValueError("one of dueAt and delaySeconds must be sent with reschedule, and with no other action")
        return self

    def asked(self, by: str, now_ms: int) -> Asked:
        """Return what is asked for, by the caller that `by` names."""
        wanted = self.filter.wanted() if self.filter is not None else JobFilter() if self.all else None
        due_at = None if self.due_at is None else times.read(self.due_at)
        return Asked(
            Action(self.action),
            by,
            wanted=wanted,
            ids=self.ids,
            names_queue=self.filter is not None and self.filter.queue is not None,
            queue=self.queue_name,
            due_at=due_at if self.delay_seconds is None else now_ms + round(1000 * self.delay_seconds),
            rate_per_s=self.rate_per_second,
            limit=self.limit,
        )


class OperationCountsReply(Reply):
    """Numbers of jobs."""

    total: int | None = Field(
        description="Jobs that the operation comes to, `matched` and `failed` together at its end. Known from the "
        "beginning if ids were sent, else at the end alone: null before."
    )
    matched: int = Field(
        description="Jobs that are now as the operation wants them: changed and unchanged ones. Of a dry run, jobs "
        "that would be."
    )
    changed: int = Field(description="Jobs that were changed.")
    unchanged: int = Field(description="Jobs that were as the operation wants them already.")
    failed: int = Field(description="Jobs that could not be changed; of a dry run, that could not be.")


class FailedJobReply(Reply):
    """A job that could not be changed."""

    id: str = Field(description="Id of the job.")
    problem: dict[str, Any] = Field(description="Problem details (RFC 9457).")


def _example(**values: Any) -> dict[str, Any]:
    return {
        "id": "019d1f6e-7c1a-7b3e-9d53-2f7a5c1b0e44",
        "action": "redrive",
        "state": "running",
        "by": "ada",
        "createdAt": "2026-11-28T08:00:00.000Z",
        "endedAt": None,
        "cancelledBy": None,
        "filter": {"state": "dead", "type": "demo.broken"},
        "idCount": None,
        "undoes": None,
        "priority": None,
        "queue": None,
        "dueAt": None,
        "ratePerSecond": 10,
        "limit": None,
        "counts": {"total": None, "matched": 99, "changed": 99, "unchanged": 0, "failed": 1},
        "exact": False,
        "scannedThrough": "2026-11-27T21:14:03.220Z",
        "failures": [],
        "dryRun": False,
        "examples": [],
    } | values


class OperationReply(Reply):
    """A bulk operation and its progress; of a dry run, what it would be."""

    model_config = ConfigDict(json_schema_extra={"example": _example()})

    id: str | None = Field(description="Id of the operation; null for a dry run.")
    action: str = Field(
        description="`cancel`, `redrive`, `reprioritise`, `reschedule`, `delete`, or `undo` of a redrive."
    )
    state: str | None = Field(description="`running`, `finished` or `cancelled`; null for a dry run.")
    by: str = Field(description="Who asked for it: the token's subject, or the tenant where it has none.")
    created_at: Time | None = Field(description="When it began: jobs that were submitted later are left alone.")
    ended_at: Time | None = Field(description="When it finished or was cancelled.")
    cancelled_by: str | None = Field(description="Who cancelled it.")
    filter: dict[str, Any] | None = Field(
        description="The filter, `{}` for all jobs; null if ids were sent, and of `undo`."
    )
    id_count: int | None = Field(description="Number of ids that were sent, without repeated ones.")
    undoes: str | None = Field(description="Id of the redrive that it undoes.")
    priority: str | None = Field(description="The new queue, of `reprioritise`, if it is one of the four priorities.")
    queue: str | None = Field(description="The new queue, of `reprioritise`, if it is one of the deployment's own.")
    due_at: Time | None = Field(description="The new due time, of `reschedule`.")
    rate_per_second: float | None = Field(description="Maximum number of jobs per second.")
    limit: int | None = Field(description="Maximum number of jobs.")
    counts: OperationCountsReply = Field(description="How far it is.")
    exact: bool = Field(
        description="Whether it has come to all jobs, or the dry run has counted them all. False while it runs, and if "
        "a `limit`, a cancel or the bounds of a dry run have ended it: there may be more."
    )
    scanned_through: Time | None = Field(
        description="How far it is: it has come to all jobs that were submitted after this time, of dead ones those "
        "that ended after it. Null before the first piece, if `exact`, for ids, and of `undo`."
    )
    failures: list[FailedJobReply] = Field(
        description=f"Jobs that could not be changed, the first {OPERATION_FAILURES}, and why; in a list the first "
        f"{FAILURES_IN_LIST}."
    )
    dry_run: bool = Field(description="Whether the jobs were only counted.")
    examples: list[str] = Field(
        description=f"Ids of jobs that a dry run has counted, at most {DRY_RUN_EXAMPLES}; else empty."
    )


class OperationListReply(Reply):
    """A page of operations, newest first."""

    model_config = ConfigDict(json_schema_extra={"example": {"items": [_example()], "cursor": None}})

    items: list[OperationReply] = Field(description="The operations.")
    cursor: str | None = Field(description=CURSOR)


def operation_reply(operation: Operation) -> OperationReply:
    """Show an operation."""
    return _reply(operation, OPERATION_FAILURES)


def operation_in_list(operation: Operation) -> OperationReply:
    """Show an operation of many: fewer of its failures, so that the largest page can be sent."""
    return _reply(operation, FAILURES_IN_LIST)


def _reply(operation: Operation, failures: int) -> OperationReply:
    return OperationReply(
        id=operation.id,
        action=operation.action.value,
        state=operation.state.value,
        by=operation.by,
        created_at=times.to_timestamp(operation.created_at),
        ended_at=times.to_timestamp(operation.ended_at),
        cancelled_by=operation.cancelled_by,
        filter=None if operation.wanted is None else _shown(operation.wanted),
        id_count=operation.id_count,
        undoes=operation.undoes,
        **shown_queue(operation.queue),
        due_at=times.to_timestamp(operation.due_at),
        rate_per_second=operation.rate_per_s,
        limit=operation.limit,
        counts=_counts(operation.counts, operation.total),
        exact=operation.is_complete,
        scanned_through=times.to_timestamp(None if operation.is_complete else operation.passed_ms),
        failures=_failures(operation.failures[:failures]),
        dry_run=False,
        examples=[],
    )


def dry_run_reply(operation: Operation, found: Counted) -> OperationReply:
    """Show what an operation would be."""
    failed = len(found.failures)
    # A limit or ids say how many there are, also where more would match.
    is_known = found.is_exact or found.matched + failed == operation.limit
    total = found.matched + failed if is_known else operation.total
    counts = OperationCountsReply(total=total, matched=found.matched, changed=0, unchanged=0, failed=failed)
    return operation_reply(operation).model_copy(
        update={
            "id": None,
            "state": None,
            "counts": counts,
            "exact": found.is_exact,
            "scanned_through": times.to_timestamp(found.passed_ms),
            "failures": _failures(found.failures[:OPERATION_FAILURES]),
            "dry_run": True,
            "examples": found.examples,
        }
    )


def _failures(failures: tuple[FailedJob, ...] | list[FailedJob]) -> list[FailedJobReply]:
    return [FailedJobReply(id=failure.id, problem=problem_of(failure.code, failure.text)) for failure in failures]


def _counts(counts: Counts, total: int | None) -> OperationCountsReply:
    return OperationCountsReply(
        total=total,
        matched=counts.matched,
        changed=counts.changed,
        unchanged=counts.unchanged,
        failed=counts.failed,
    )


def _shown(text: str) -> dict[str, Any]:
    """Show a filter as it was sent."""
    wanted = filter_of(text)
    values = {
        "state": wanted.state,
        "type": wanted.type,
        **({"queue": wanted.queue} if names_queue(text) else shown_queue(wanted.queue)),
        "fingerprint": wanted.fingerprint,
        "tags": dict(wanted.tags) or None,
        "schedule": wanted.schedule,
        "workflow": wanted.parent_id,
        "createdAfter": times.to_timestamp(wanted.created_from),
        "createdBefore": _before(wanted.created_until),
        "finishedAfter": times.to_timestamp(wanted.finished_from),
        "finishedBefore": _before(wanted.finished_until),
    }
    return {name: value for name, value in values.items() if value is not None}


def _before(last_ms: int | None) -> str | None:
    return times.to_timestamp(None if last_ms is None else last_ms + 1)
