"""A job as a test reads it, and JSON values of what tests hand over."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from whendue.adapters.memory import MemoryStore
from whendue.bootstrap.application import App
from whendue.jobs.json_values import to_text
from whendue.jobs.lifetime import STANDS_FOR
from whendue.jobs.model import Failure, from_item, shown_state
from whendue.operations.reader import JobView
from whendue.quotas import PAYLOAD_BYTES, RESULT_DEPTH
from whendue.support.timestamps import EPOCH, instant
from whendue.table.keys import job_key
from whendue.testing.runs import moment

_JOB: Final = job_key("").sk


@dataclass(frozen=True, slots=True)
class JobRecord:
    """A job at the moment at which it was read.

    Args:
        id: the job's.
        task: the name of its task.
        state: as the API shows it: `scheduled`, `queued`, `waiting`, `running`, `succeeded`, `dead`,
            `cancelled` or `expired`.
        payload, result: JSON values; None for one that is too large to be shown beside the other.
        attempt: how many attempts have begun.
        errors: the attempts that failed, oldest first.
        created_at: when it was submitted, UTC.
        due_at: when its next attempt may start, or the last one might, UTC.
        tenant: whose it is.
        priority: its queue.
        tags: its labels.
        schedule: the schedule that made it.
        parent_id: the workflow or forEach that made it.
        progress: what the task last published.
    """

    id: str
    task: str
    state: str
    payload: Any
    result: Any
    attempt: int
    errors: tuple[Failure, ...]
    created_at: datetime
    due_at: datetime
    tenant: str
    priority: str
    tags: Mapping[str, str]
    schedule: str | None
    parent_id: str | None
    progress: Any

    @property
    def queue(self) -> str:
        """Its queue, one of the four priorities or of the project's own."""
        return self.priority


def record_of(view: JobView, now_ms: int) -> JobRecord:
    """Return a job as it is shown at a time, ms UTC."""
    job = view.job
    return JobRecord(
        id=job.id,
        task=job.type,
        state=shown_state(job, now_ms),
        payload=view.payload,
        result=view.result,
        attempt=job.attempt,
        errors=tuple(view.attempts),
        created_at=moment(job.created_at),
        due_at=moment(job.due_at),
        tenant=job.tenant,
        priority=job.queue,
        tags=dict(job.tags or {}),
        schedule=job.schedule,
        parent_id=job.parent_id,
        progress=None if job.progress is None else json.loads(job.progress),
    )


def records_of(app: App, table: MemoryStore) -> list[JobRecord]:
    """Return all jobs of a table, the oldest first, without the deliveries of notifications."""
    jobs = [from_item(item) for key, item in table.rows.items() if key.sk == _JOB and STANDS_FOR not in item]
    views = app.query.views([job for job in jobs if job.subscription is None])
    return [record_of(view, app.clock.now_ms()) for view in views]


def json_of(value: object) -> Any:
    """Return a payload as the JSON value that is submitted; models and times are written as results are.

    Raises:
        ValueError: JSON cannot hold it; the message has the place.
    """
    # Whether it is too large is for the submit to say.
    text = to_text(value, most_bytes=2 * PAYLOAD_BYTES, most_levels=RESULT_DEPTH, name="payload")
    return json.loads(text)


def to_ms(at: datetime | str) -> int:
    """Return a time as ms UTC.

    Raises:
        ValueError: it has no UTC offset, or is no time of ISO 8601.
    """
    read = instant(at) if isinstance(at, str) else at
    if read is None or read.utcoffset() is None:
        raise ValueError(f"{at} must be a time with its offset, as in 2027-01-15T08:00:00Z")
    return (read.astimezone(UTC) - EPOCH) // timedelta(milliseconds=1)
