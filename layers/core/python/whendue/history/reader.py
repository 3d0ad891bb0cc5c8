"""The events of a job, newest first, page by page."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from whendue.engine.readable import readable
from whendue.engine.runtime import Runtime
from whendue.history.events import Event, EventType, Position, checked_change, events_of
from whendue.jobs.model import Job
from whendue.operations.attempts import Attempts
from whendue.operations.commands import find
from whendue.quotas import CHANGES_KEPT, EVENT_ATTEMPTS
from whendue.table.keys import change_range


class EventPage(NamedTuple):
    """Some events of a job.

    Args:
        events: newest first.
        cursor: where to go on; None is the end.
        is_complete: whether the job has no events that are not kept, or not looked at.
    """

    events: list[Event]
    cursor: str | None
    is_complete: bool


class JobHistory:
    """Lists events."""

    def __init__(self, runtime: Runtime) -> None:
        """Use this runtime."""
        self._runtime = runtime
        self._attempts = Attempts(runtime)

    def page(self, tenant: str, job_id: str, limit: int, cursor: str | None) -> EventPage:
        """List what happened to a job, newest first; a part that cannot be read is left out, and noted.

        Raises:
            JobNotFoundError: the tenant has no such job.
            InvalidCursorError: the cursor is not of this list.
            UnavailableError: the table does not answer.
        """
        job = find(self._runtime.store, tenant, job_id, self._runtime.clock.now_ms())
        bound = ("events", tenant, job_id)
        before = None if cursor is None else _position(self._runtime.cursors.open(cursor, bound))
        changes, failures = self._changes(job), self._attempts.last(job, EVENT_ATTEMPTS)
        every = events_of(job, changes, failures)
        rest = [event for event in reversed(every) if before is None or event.position < before]
        events = rest[:limit]
        goes_on = None if len(rest) <= limit else self._runtime.cursors.seal(_text(events[-1].position), bound)
        return EventPage(events, goes_on, len(failures) < EVENT_ATTEMPTS and _has_all_changes(job, changes))

    def _changes(self, job: Job) -> list[Mapping[str, Any]]:
        """Read what was asked of a job; the table is asked only if more than the last change is to be had."""
        if job.change is None:
            return []
        first, last = change_range(job.life)
        kept = (
            self._runtime.store.query_range(job.key.pk, first=first, last=last, limit=CHANGES_KEPT)
            if job.change.get("number") != 1
            else []
        )
        return readable(self._runtime, [*kept, dict(job.change)], checked_change, "list_events")


def _has_all_changes(job: Job, changes: Sequence[Mapping[str, Any]]) -> bool:
    """Return whether each change is known, and each redrive is one: earlier versions noted none."""
    kinds = {change["number"]: change["kind"] for change in changes}
    wanted = 0 if job.change is None else job.change.get("number")
    return len(kinds) == wanted and [*kinds.values()].count(EventType.REDRIVEN) == (job.redrives or 0)


def _text(position: Position) -> str:
    return f"{position.generation}:{position.rank}"


def _position(text: str) -> Position:
    generation, _, rank = text.partition(":")
    return Position(int(generation), int(rank))
