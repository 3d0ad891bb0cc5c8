"""Requests about bulk operations."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from whendue.client.inputs.jobs import JobFilter
from whendue.client.listing import Listing
from whendue.client.messages import Request, checked_key, model, request
from whendue.client.models.bulk import BulkOperation
from whendue.client.models.common import Page
from whendue.client.requests.jobs import Priority

Action = Literal["cancel", "redrive", "reprioritise", "reschedule", "delete"]
OperationState = Literal["running", "finished", "cancelled"]


def start_operation(
    action: Action,
    wanted: JobFilter | None = None,
    *,
    ids: Sequence[str] | None = None,
    all_jobs: bool = False,
    priority: Priority | None = None,
    queue: str | None = None,
    due_at: datetime | None = None,
    delay_seconds: float | None = None,
    rate_per_second: float | None = None,
    limit: int | None = None,
    dry_run: bool = False,
    idempotency_key: str | None = None,
) -> Request[BulkOperation]:
    """Begin a bulk operation. It continues in the background; `wait_for_operation` waits for it.

    Args:
        action: what is done with each job.
        wanted: which jobs; send this, `ids` or `all_jobs`.
        ids: ids of the jobs.
        all_jobs: all jobs that the action applies to (`all` in the API).
        priority: the new queue, of `reprioritise`, one of the four.
        queue: the new queue, of `reprioritise`, also one of the deployment's own; or `priority`.
        due_at: the new due time, of `reschedule`.
        delay_seconds: the new due time, in seconds from now, instead of `due_at`.
        rate_per_second: maximum number of jobs that are changed per second. Default: as fast as possible.
        limit: maximum number of jobs. Default: all that match.
        dry_run: only count them.
        idempotency_key: the same key is the same operation, for 90 days. Default: a new key.
    """
    fields = {
        "action": action,
        "filter": wanted,
        "ids": None if ids is None else list(ids),
        "all": all_jobs or None,
        "priority": priority,
        "queue": queue,
        "dueAt": due_at,
        "delaySeconds": delay_seconds,
        "ratePerSecond": rate_per_second,
        "limit": limit,
        "dryRun": dry_run,
    }
    body = {name: value for name, value in fields.items() if value is not None}
    key = None if idempotency_key is None else checked_key(idempotency_key)
    return request("startOperation", model(BulkOperation), body=body, headers={"Idempotency-Key": key})


def get_operation(operation_id: str) -> Request[BulkOperation]:
    """Get a bulk operation and its progress."""
    return request("getOperation", model(BulkOperation), at={"operation_id": operation_id})


def list_operations(
    *, state: OperationState | None = None, limit: int | None = None, cursor: str | None = None
) -> Listing[Page[BulkOperation], BulkOperation]:
    """List the bulk operations, the newest first; `state`: only those that are running, finished or cancelled."""
    query = {"state": state, "limit": limit}
    return Listing(
        lambda at: request("listOperations", model(Page[BulkOperation]), query=query | {"cursor": at}),
        lambda page: page,
        cursor,
    )


def cancel_operation(operation_id: str) -> Request[BulkOperation]:
    """Cancel a bulk operation: it changes no further jobs; what is changed stays."""
    return request("cancelOperation", model(BulkOperation), at={"operation_id": operation_id})


def undo_operation(operation_id: str) -> Request[BulkOperation]:
    """End those jobs of a redrive that have not begun, as they had ended before; return the operation that does it."""
    return request("undoOperation", model(BulkOperation), at={"operation_id": operation_id})
