"""Promote: hand jobs to their queue once their first alarm is past; the cursor moves only past acknowledged sends."""

from collections.abc import Sequence
from typing import NamedTuple

from whendue.domain.agenda import is_first_alarm, owner_is_promote
from whendue.domain.job import Job, State, from_item
from whendue.limits import AGENDA_PAGE
from whendue.ports import AgendaEntry, JobStore
from whendue.services.cursors import Cursor
from whendue.services.outside import Ports
from whendue.services.record import send


class Promoted(NamedTuple):
    """What promote did in a partition.

    Args:
        sent: messages that were acknowledged.
        rung: jobs whose alarm, set by rescue, rang just now.
        done: nothing with a past alarm is left; False means the next tick goes on from the cursor.
    """

    sent: int
    rung: list[Job]
    done: bool


class Promote:
    """Walks agenda partitions from their cursor to now."""

    def __init__(self, ports: Ports) -> None:
        """Use these ports."""
        self._ports = ports

    def partition(self, cursor: Cursor, deadline_ms: int) -> Promoted:
        """Promote what is past in one partition, page by page, until none is left or the time is over.

        Args:
            cursor: the partition's position; moved.
            deadline_ms: when to stop after the page at hand, ms UTC.
        """
        until_ms, sent = self._ports.effects.now_ms(), 0
        store = self._ports.store
        rung: list[Job] = []
        while True:
            page = store.agenda(cursor.partition, after=cursor.position, until_ms=until_ms, limit=AGENDA_PAGE)
            if not page:
                return Promoted(sent, rung, done=True)
            jobs = current(store, cursor.partition, page)
            mine = [job for job in jobs if job and self._is_mine(job)]
            acknowledged = send(self._ports.queue, mine, self._ports.effects.now_ms())
            sent += sum(acknowledged)
            kept_back = {job.id for job, done in zip(mine, acknowledged, strict=True) if not done}
            reached = _before_first(kept_back, page, jobs)
            if (reached and not cursor.move(reached)) or kept_back:
                return Promoted(sent, rung, done=False)
            rung += [job for job in jobs if job and self._rings_for_rescue(job)]
            if len(page) < AGENDA_PAGE or self._ports.effects.now_ms() >= deadline_ms:
                return Promoted(sent, rung, done=len(page) < AGENDA_PAGE)

    def _is_mine(self, job: Job) -> bool:
        timing = self._ports.settings.timing
        return job.state is State.PENDING and owner_is_promote(job, timing)

    def _rings_for_rescue(self, job: Job) -> bool:
        return not is_first_alarm(job.due_at, job.alarm_at, self._ports.settings.timing)


def current(store: JobStore, partition: str, page: Sequence[AgendaEntry]) -> list[Job | None]:
    """Read the jobs of a page; None where the index lags behind the job, which then stands elsewhere in the agenda."""
    items = store.get([entry.key for entry in page])
    jobs = [from_item(item) if item else None for item in items]
    return [
        job if job and (job.agenda_pk, job.alarm_at) == (partition, entry.alarm_at) else None
        for entry, job in zip(page, jobs, strict=True)
    ]


def _before_first(kept_back: set[str], page: Sequence[AgendaEntry], jobs: Sequence[Job | None]) -> AgendaEntry | None:
    """Give the last entry before the first job whose message was not acknowledged; None if that is the very first."""
    reached = None
    for entry, job in zip(page, jobs, strict=True):
        if job and job.id in kept_back:
            break
        reached = entry
    return reached
