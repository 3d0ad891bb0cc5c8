"""What the API answers about bulk operations."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from whendue.client.models.common import Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationCounts:
    """Numbers of jobs.

    Args:
        total: Jobs that the operation comes to, `matched` and `failed` together at its end. Known from the beginning if
            ids were sent, else at the end alone: None before.
        matched: Jobs that are now as the operation wants them: changed and unchanged ones. Of a dry run, jobs that
            would be.
        changed: Jobs that were changed.
        unchanged: Jobs that were as the operation wants them already.
        failed: Jobs that could not be changed; of a dry run, that could not be.
    """

    total: int | None
    matched: int
    changed: int
    unchanged: int
    failed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedJob:
    """A job that could not be changed.

    Args:
        id: Id of the job.
        problem: Problem details (RFC 9457).
    """

    id: str
    problem: Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkOperation:
    """A bulk operation and its progress; of a dry run, what it would be.

    Args:
        id: Id of the operation; None for a dry run.
        action: `cancel`, `redrive`, `reprioritise`, `reschedule`, `delete`, or `undo` of a redrive.
        state: `running`, `finished` or `cancelled`; None for a dry run.
        by: Who asked for it: the token's subject, or the tenant where it has none.
        created_at: When it began: jobs that were submitted later are left alone.
        ended_at: When it finished or was cancelled.
        cancelled_by: Who cancelled it.
        filter: The filter, `{}` for all jobs; None if ids were sent, and of `undo`.
        id_count: Number of ids that were sent, without repeated ones.
        undoes: Id of the redrive that it undoes.
        priority: The new queue, of `reprioritise`, if it is one of the four priorities.
        queue: The new queue, of `reprioritise`, if it is one of the deployment's own.
        due_at: The new due time, of `reschedule`.
        rate_per_second: Maximum number of jobs per second.
        limit: Maximum number of jobs.
        counts: How far it is.
        exact: Whether it has come to all jobs, or the dry run has counted them all. False while it runs, and if a
            `limit`, a cancel or the bounds of a dry run have ended it: there may be more.
        scanned_through: How far it is: it has come to all jobs that were submitted after this time, of dead ones those
            that ended after it. None before the first piece, if `exact`, for ids, and of `undo`.
        failures: Jobs that could not be changed, the first 50, and why; in a list the first 3.
        dry_run: Whether the jobs were only counted.
        examples: Ids of jobs that a dry run has counted, at most 10; else empty.
    """

    id: str | None
    action: str
    state: str | None
    by: str
    created_at: datetime | None
    ended_at: datetime | None
    cancelled_by: str | None
    filter: Mapping[str, Any] | None
    id_count: int | None
    undoes: str | None
    priority: str | None
    queue: str | None
    due_at: datetime | None
    rate_per_second: float | None
    limit: int | None
    counts: OperationCounts
    exact: bool
    scanned_through: datetime | None
    failures: tuple[FailedJob, ...]
    dry_run: bool
    examples: tuple[str, ...]
