"""Attempts, their errors and their logs, as jobs, workflows and deliveries show them alike."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from pydantic import ConfigDict, Field, JsonValue

from functions.api.http import times
from functions.api.schemas.reply import CURSOR, Reply, Time
from whendue.jobs.failures import causes_of, stack_of
from whendue.jobs.model import Failure, Job, State
from whendue.operations.job_logs import StoredLog
from whendue.operations.reader import JobView
from whendue.quotas import CHANGES_KEPT, EVENT_ATTEMPTS, LOG_BYTES, LOG_FIRST_LINES, LOG_LAST_LINES, LOG_MESSAGE_BYTES

if TYPE_CHECKING:
    # Imported by the request that asks for it.
    from whendue.history.events import Event
    from whendue.history.reader import EventPage


class ErrorReply(Reply):
    """Why an attempt failed."""

    type: str = Field(description="Type of the error, such as `ConnectionError`.")
    message: str = Field(description="Message of the error, shortened.")
    where: str = Field(description="Innermost place in the task's own code, else in any code: `module:function:line`.")
    fingerprint: str = Field(description="The same for errors of the same kind; dead letters are grouped by it.")


class CauseReply(Reply):
    """An error that another one was raised from, or while it was handled."""

    type: str = Field(description="Type of the error.")
    message: str = Field(description="Message of the error, shortened.")
    where: str = Field(description="Innermost place in the task's own code: `module:function:line`.")


class AttemptErrorReply(ErrorReply):
    """Why an attempt failed, with the calls that led there."""

    stack: list[str] = Field(
        description="Calls that led to the error, outermost first: `module:function:line`. `(12 frames)` replaces "
        "those in the middle of a long one. Empty if no code raised it, as with a timeout, and in lists of deliveries."
    )
    causes: list[CauseReply] = Field(
        description="What it was raised from, the nearest first. Of a long chain the first ones and the last. "
        "Empty in lists of deliveries."
    )


class AttemptReply(Reply):
    """One attempt to run a job."""

    attempt: int = Field(description="Number of the attempt, counted from 1.")
    state: str = Field(description="`failed`, `running` or `succeeded`.")
    started_at: Time | None = Field(description="When it started.")
    ended_at: Time | None = Field(description="When it ended; null while it runs.")
    error: AttemptErrorReply | None = Field(default=None, description="Why it failed; null if it did not.")


class LogLineReply(Reply):
    """One line of a log."""

    at: Time = Field(description="When it was logged.")
    level: str = Field(description="`DEBUG`, `INFO`, `WARNING`, `ERROR`, `CRITICAL`, or a name of the task's own.")
    logger: str = Field(description="Name of the logger; `whendue.task` for `ctx.log`.")
    message: str = Field(
        description=f"The message, at most {LOG_MESSAGE_BYTES} bytes; with an exception, its type, message and calls."
    )


class AttemptLogReply(Reply):
    """What one attempt has logged. An attempt that began again, as its worker was lost, may be there twice."""

    attempt: int = Field(description="Number of the attempt, counted from 1.")
    started_at: Time | None = Field(description="When it started.")
    ended_at: Time = Field(description="When it ended.")
    lines: list[LogLineReply] = Field(
        description=f"Its first {LOG_FIRST_LINES} and its last {LOG_LAST_LINES} lines, oldest first, as far as "
        f"they have {LOG_BYTES} bytes together."
    )
    dropped: int = Field(description="Number of lines that were not kept.")
    dropped_after: int | None = Field(
        description="Number of lines in `lines` that are older than those that were not kept; null if all were kept."
    )


def _event(kind: str, at: str, **values: JsonValue) -> JsonValue:
    """Write an example of an event."""
    names = (
        "by",
        "operationId",
        "attempt",
        "error",
        "dueAt",
        "previousDueAt",
        "priority",
        "previousPriority",
        "workers",
        "expiresAt",
    )
    return {"type": kind, "at": at} | dict.fromkeys(names) | values


class JobLogsReply(Reply):
    """A page of logs, newest attempt first."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "items": [
                    {
                        "attempt": 1,
                        "startedAt": "2026-11-28T08:00:00.120Z",
                        "endedAt": "2026-11-28T08:00:01.430Z",
                        "lines": [
                            {
                                "at": "2026-11-28T08:00:00.131Z",
                                "level": "INFO",
                                "logger": "whendue.task",
                                "message": "order 7 has 3 items",
                            },
                            {
                                "at": "2026-11-28T08:00:01.402Z",
                                "level": "WARNING",
                                "logger": "shop.stock",
                                "message": "item 4711 is not in stock",
                            },
                        ],
                        "dropped": 0,
                        "droppedAfter": None,
                    }
                ],
                "cursor": None,
            }
        }
    )

    items: list[AttemptLogReply] = Field(description="The logs, an item for each attempt that logged something.")
    cursor: str | None = Field(description=CURSOR)


class JobEventReply(Reply):
    """One thing that happened to a job. What a type of event does not have is null."""

    type: str = Field(
        description="`submitted`, `rescheduled`, `reprioritised`, `started`, `lost`, `cancel_requested`, `failed`, "
        "`succeeded`, `dead`, `cancelled`, `expired`, `redriven` or `redrive_undone`."
    )
    at: Time = Field(description="When it happened. Of `lost`, when it was known at the latest.")
    by: str | None = Field(
        description="Who asked for it, of `rescheduled`, `reprioritised`, `cancel_requested`, `cancelled`, `redriven` "
        "and `redrive_undone`: the token's subject, or the tenant where it has none. Null if whendue did."
    )
    operation_id: str | None = Field(description="Id of the bulk operation that it was asked for with.")
    attempt: int | None = Field(description="Number of the attempt, of `started` and `failed`.")
    error: ErrorReply | None = Field(description="Why the attempt failed, or why the job ended.")
    due_at: Time | None = Field(description="The new due time, of `rescheduled` and `redriven`.")
    previous_due_at: Time | None = Field(description="The due time before, of `rescheduled`.")
    priority: str | None = Field(description="The new priority, if it was changed.")
    previous_priority: str | None = Field(description="The priority before, if it was changed.")
    workers: int | None = Field(
        description="Of `lost`: number of workers that died, or were not heard of, since the submit or the last "
        "`redriven`."
    )
    expires_at: Time | None = Field(
        description="The expiry of the job, of `dead`, if the next attempt would have begun after it."
    )


class JobEventListReply(Reply):
    """A page of events, newest first."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "items": [
                    _event("succeeded", "2026-11-28T08:30:00.410Z"),
                    _event("started", "2026-11-28T08:30:00.120Z", attempt=1),
                    _event(
                        "rescheduled",
                        "2026-11-28T08:00:07.005Z",
                        by="ada",
                        dueAt="2026-11-28T08:30:00.000Z",
                        previousDueAt="2026-11-28T09:00:00.000Z",
                    ),
                    _event("submitted", "2026-11-28T08:00:00.000Z"),
                ],
                "cursor": None,
                "complete": True,
            }
        }
    )

    items: list[JobEventReply] = Field(description="The events, newest first.")
    cursor: str | None = Field(description=CURSOR)
    complete: bool = Field(
        description=f"False if events are missing: requests to the job beyond the first {CHANGES_KEPT} and the last, "
        f"attempts before the last {EVENT_ATTEMPTS}, or what was asked before an upgrade of whendue."
    )


def error_reply(failure: Failure) -> ErrorReply:
    """Show why an attempt failed."""
    return ErrorReply(type=failure.type, message=failure.message, where=failure.where, fingerprint=failure.fingerprint)


def attempts_of(view: JobView, *, traced: bool = True) -> list[AttemptReply]:
    """Show a job's attempts, oldest first.

    Args:
        view: the job.
        traced: whether errors have stack and causes; without them, a page of many jobs fits into one answer.
    """
    attempts = failed_attempts(view.attempts, traced=traced)
    return [*attempts, _current(view.job)] if view.job.state in (State.RUNNING, State.SUCCEEDED) else attempts


def failed_attempts(failures: Iterable[Failure], *, traced: bool = True) -> list[AttemptReply]:
    """Show attempts that failed; `traced` as of `attempts_of`."""
    return [_failed(failure, traced=traced) for failure in failures]


def _failed(failure: Failure, *, traced: bool) -> AttemptReply:
    return AttemptReply(
        attempt=failure.attempt,
        state="failed",
        started_at=times.to_timestamp(failure.started_at),
        ended_at=times.to_timestamp(failure.failed_at),
        error=AttemptErrorReply(
            **error_reply(failure).model_dump(),
            stack=stack_of(failure) if traced else [],
            causes=[CauseReply(**cause._asdict()) for cause in causes_of(failure)] if traced else [],
        ),
    )


def _current(job: Job) -> AttemptReply:
    return AttemptReply(
        attempt=job.attempt,
        state=job.state.value,
        started_at=times.to_timestamp(job.started_at),
        ended_at=times.to_timestamp(job.finished_at),
    )


def attempt_log(log: StoredLog) -> AttemptLogReply:
    """Show what an attempt has logged."""
    return AttemptLogReply(
        attempt=log.attempt,
        started_at=times.to_timestamp(log.started_at),
        ended_at=times.to_timestamp(log.ended_at) or "",
        lines=[
            LogLineReply(
                at=times.to_timestamp(line.at_ms) or "", level=line.level, logger=line.logger, message=line.message
            )
            for line in log.lines
        ],
        dropped=log.dropped,
        dropped_after=log.dropped_after if log.dropped else None,
    )


def events_reply(page: "EventPage") -> JobEventListReply:
    """Show a page of a job's events."""
    items = [_event_reply(event) for event in page.events]
    return JobEventListReply(items=items, cursor=page.cursor, complete=page.is_complete)


def _event_reply(event: "Event") -> JobEventReply:
    return JobEventReply(
        type=event.type.value,
        at=times.to_timestamp(event.at) or "",
        by=event.by,
        operation_id=event.operation,
        attempt=event.attempt,
        error=None if event.failure is None else error_reply(event.failure),
        due_at=times.to_timestamp(event.due_at),
        previous_due_at=times.to_timestamp(event.was_due_at),
        priority=event.queue,
        previous_priority=event.was_queue,
        workers=event.workers,
        expires_at=times.to_timestamp(event.expires_at),
    )
