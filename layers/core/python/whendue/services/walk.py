"""A walk: what the timer does in a queue's agenda, a window of all its partitions at a time."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import NamedTuple

from whendue.domain.job import Job, from_item
from whendue.errors import UnavailableError
from whendue.ports import AgendaEntry, JobStore
from whendue.services.cursors import Cursor
from whendue.services.outside import Ports


class Stretch(NamedTuple):
    """A page of a partition: its entries, and their jobs, None where the index lags behind the job."""

    cursor: Cursor
    page: list[AgendaEntry]
    jobs: list[Job | None]


class Walk(ABC):
    """Goes through partitions from their cursors on. One partition's trouble does not hold up the others.

    Args:
        ports: the outside.
        cursors: a queue's partitions; moved.
        until_ms: the last alarm to look at, ms UTC.
        window: at most so many entries at a time, over all partitions.
        deadline_ms: when to stop reading, ms UTC.
    """

    def __init__(self, ports: Ports, cursors: Sequence[Cursor], until_ms: int, window: int, deadline_ms: int) -> None:
        """Begin at the cursors."""
        self._ports = ports
        self._open = list(cursors)
        self._until_ms = until_ms
        self._limit = max(1, window // len(cursors))
        self._deadline_ms = deadline_ms
        self._pages: list[tuple[Cursor, list[AgendaEntry]]] = []
        self.behind: list[str] = []

    def look(self) -> int | None:
        """Read the next window; give its oldest alarm, None when nothing is left to do."""
        self._pages = []
        for cursor in self._open:
            if self._ports.effects.now_ms() >= self._deadline_ms:
                self.behind.append(cursor.partition)
                continue
            try:
                page = self._ports.store.agenda(
                    cursor.partition, after=cursor.position, until_ms=self._until_ms, limit=self._limit
                )
            except UnavailableError:
                self.behind.append(cursor.partition)
                continue
            if page:
                self._pages.append((cursor, page))
            else:
                self._at_end(cursor)
        return min((page[0].alarm_at for _, page in self._pages), default=None)

    @abstractmethod
    def step(self) -> None:
        """Do what is to be done in the window at hand, and move its cursors."""

    def leave(self) -> None:
        """Stop before the window at hand."""
        self.behind += [cursor.partition for cursor, _ in self._pages]

    def _at_end(self, cursor: Cursor) -> None:  # noqa: B027 - not every walk cares
        """Hear that a partition has nothing more."""

    def _stretches(self) -> list[Stretch]:
        """Read the jobs of the window at hand."""
        read = []
        for cursor, page in self._pages:
            try:
                read.append(Stretch(cursor, page, current(self._ports.store, cursor.partition, page)))
            except UnavailableError:
                self.behind.append(cursor.partition)
        return read


def current(store: JobStore, partition: str, page: Sequence[AgendaEntry]) -> list[Job | None]:
    """Read the jobs of a page; None where the index lags behind the job, which then stands elsewhere in the agenda."""
    items = store.get([entry.key for entry in page])
    jobs = [from_item(item) if item else None for item in items]
    return [
        job if job and (job.agenda_pk, job.alarm_at) == (partition, entry.alarm_at) else None
        for entry, job in zip(page, jobs, strict=True)
    ]
