"""Promote: hand jobs to their queue once their first check is past; the cursor moves only past acknowledged sends."""

from collections.abc import Callable, Sequence

from whendue.engine.apply import send
from whendue.engine.due_cursors import Cursor
from whendue.engine.fairness import take_turns
from whendue.engine.partition_scan import PartitionScan, ScanPage
from whendue.engine.ports import DueEntry
from whendue.engine.runtime import Runtime
from whendue.jobs.due_index import is_first_check, owner_is_promote
from whendue.jobs.model import Job, State
from whendue.quotas import PROMOTE_WINDOW
from whendue.timer.rescue import Rescuer


class PromoteScan(PartitionScan):
    """Walks a queue's partitions from their cursors to now.

    Args:
        runtime: the outside.
        rescuer: heals jobs whose next check, set by rescue, has rung just now.
        queue: its name.
        cursors: the partitions' positions; moved.
        now_ms: the last check to look at, ms UTC.
        deadline_ms: when to stop after the window at hand, ms UTC.
    """

    def __init__(
        self, runtime: Runtime, rescuer: Rescuer, queue: str, cursors: Sequence[Cursor], now_ms: int, deadline_ms: int
    ) -> None:
        """Begin at the cursors."""
        super().__init__(runtime, queue, cursors, now_ms, PROMOTE_WINDOW, deadline_ms)
        self._rescuer = rescuer
        self.sent = 0

    def step(self) -> None:
        """Send a window: tenants in turn, each tenant's jobs by due time."""
        scan_pages = self._scan_pages()
        mine = self._those(scan_pages, self._is_mine)
        mine.sort(key=lambda job: job.due_at)
        turns = take_turns(mine, lambda job: job.tenant)
        acknowledged = send(self._runtime.queue, turns, self._runtime.clock.now_ms(), self._runtime.bulkhead)
        self.sent += acknowledged.count(True)
        # One of which no message can be made holds up nobody: rescue ends it.
        kept_back = {job.id for job, done in zip(turns, acknowledged, strict=True) if done is False}
        moved = [scan_page for scan_page in scan_pages if self._move(scan_page, kept_back)]
        self._open = [scan_page.cursor for scan_page in moved if len(scan_page.page) == self._limit]
        self._rescuer.heal(self._those(moved, self._rings_for_rescue))

    def _those(self, scan_pages: Sequence[ScanPage], test: Callable[[Job], bool]) -> list[Job]:
        jobs = [job for scan_page in scan_pages for job in scan_page.jobs if job]
        each = self._runtime.bulkhead.each(jobs, test, stage="promote", name=lambda job: job.id)
        return [job for job, passed in each if passed]

    def _move(self, scan_page: ScanPage, kept_back: set[str]) -> bool:
        """Move a cursor as far as messages were acknowledged; False where the next tick must go on."""
        reached = _before_first(kept_back, scan_page)
        stopped = any(job and job.id in kept_back for job in scan_page.jobs)
        if (reached and not self._moves(scan_page.cursor, reached)) or stopped:
            self.behind.append(scan_page.cursor.partition)
            return False
        return True

    def _is_mine(self, job: Job) -> bool:
        pending = job.state is State.PENDING and job.pending_fan_out is None
        return pending and owner_is_promote(job, self._runtime.settings.timing)

    def _rings_for_rescue(self, job: Job) -> bool:
        first = is_first_check(job.due_at, job.check_at, self._runtime.settings.timing)
        return not first or job.pending_fan_out is not None


def _before_first(kept_back: set[str], scan_page: ScanPage) -> DueEntry | None:
    """Give the last entry before the first job whose message was not acknowledged; None if that is the very first."""
    reached = None
    for entry, job in zip(scan_page.page, scan_page.jobs, strict=True):
        if job and job.id in kept_back:
            break
        reached = entry
    return reached
