"""Promote: hand jobs to their queue once their first check is past; the cursor moves only past acknowledged sends."""

from collections.abc import Callable, Collection, Sequence
from typing import NamedTuple

from whendue.engine.apply import send
from whendue.engine.fairness import take_turns
from whendue.engine.ports import DueEntry
from whendue.engine.runtime import Runtime
from whendue.jobs.due_index import is_first_check, owner_is_promote
from whendue.jobs.model import Job, State
from whendue.timer.due_cursors import move_cursors
from whendue.timer.partition_scan import ScanPage


class Promoted(NamedTuple):
    """What became of a window.

    Args:
        sent: messages that queues acknowledged.
        passed: the pages whose cursors stand at their ends now.
        left: the pages that the next tick has to go on with.
    """

    sent: int
    passed: list[ScanPage]
    left: list[ScanPage]


def promote(runtime: Runtime, pages: Sequence[ScanPage]) -> Promoted:
    """Send a window: tenants in turn, each tenant's jobs by due time. Move each cursor past what was acknowledged.

    Raises:
        UnavailableError: a service does not answer for now; nothing was sent.
    """
    jobs = sorted(_chosen(runtime, pages, lambda job: _is_mine(runtime, job)), key=lambda job: job.due_at)
    turns = take_turns(jobs, lambda job: job.tenant)
    acknowledged = send(runtime.queue, turns, runtime.clock.now_ms(), runtime.bulkhead)
    # A job of which no message can be made (None) holds up no other: rescue ends it.
    unsent = {job.id for job, done in zip(turns, acknowledged, strict=True) if done is False}
    passed, left = _move(runtime, pages, unsent)
    return Promoted(acknowledged.count(True), passed, left)


def unanswered(runtime: Runtime, pages: Sequence[ScanPage]) -> list[Job]:
    """Return the jobs of pages whose check was not their first: rescue set it, and they are rescue's again.

    Raises:
        UnavailableError: a service does not answer for now.
    """
    return _chosen(runtime, pages, lambda job: _is_for_rescue(runtime, job))


def _chosen(runtime: Runtime, pages: Sequence[ScanPage], test: Callable[[Job], bool]) -> list[Job]:
    jobs = [job for page in pages for job in page.jobs if job]
    tested = runtime.bulkhead.each(jobs, test, stage="promote", name=lambda job: job.id)
    return [job for job, passed in tested if passed]


def _is_mine(runtime: Runtime, job: Job) -> bool:
    pending = job.state is State.PENDING and job.pending_fan_out is None
    return pending and owner_is_promote(job, runtime.settings.timing)


def _is_for_rescue(runtime: Runtime, job: Job) -> bool:
    first = is_first_check(job.due_at, job.check_at, runtime.settings.timing)
    return not first or job.pending_fan_out is not None


def _move(
    runtime: Runtime, pages: Sequence[ScanPage], unsent: Collection[str]
) -> tuple[list[ScanPage], list[ScanPage]]:
    """Move cursors up to the first job that was not sent; return the pages that have passed, and the others."""
    reached = [_before_first(unsent, page) for page in pages]
    moves = [(page.cursor, entry) for page, entry in zip(pages, reached, strict=True) if entry]
    moved = {
        cursor.partition for (cursor, _), done in zip(moves, move_cursors(runtime.bulkhead, moves), strict=True) if done
    }
    passed = [
        page
        for page, entry in zip(pages, reached, strict=True)
        if entry == page.entries[-1] and page.cursor.partition in moved
    ]
    return passed, [page for page in pages if page not in passed]


def _before_first(unsent: Collection[str], page: ScanPage) -> DueEntry | None:
    """Return the last entry before the first job that was not sent; None if that is the very first."""
    reached = None
    for entry, job in zip(page.entries, page.jobs, strict=True):
        if job and job.id in unsent:
            break
        reached = entry
    return reached
