"""Promote sends a window; each page's cursor moves for itself (what a tick does with it: test_tick.py)."""

from tests.builders.scans import NotedCursor, NotedItem
from tests.builders.world import World
from whendue.engine.ports import DueEntry
from whendue.jobs.model import Job
from whendue.timer.due_cursors import Moves
from whendue.timer.partition_scan import ScanPage
from whendue.timer.promote import promote


class StuckItem(NotedItem):
    """Cursors that another timer has moved meanwhile."""

    def move(self, moves: Moves) -> set[str]:
        super().move(moves)
        return set()


def a_page(cursor: NotedCursor, job: Job) -> ScanPage:
    return ScanPage(cursor, [DueEntry(job.check_at or 0, *job.key, job.due_at)], [job], is_last=True)


def test_a_page_whose_cursor_does_not_move_is_left_and_the_others_have_passed() -> None:
    """Its messages are sent all the same: another timer may have sent them, too, and workers claim once."""
    world = World()
    jobs = [world.submit(delay_s=3600) for _ in range(2)]
    moves, stays = a_page(NotedCursor("a"), jobs[0]), a_page(NotedCursor("b", StuckItem()), jobs[1])
    promoted = promote(world.app.runtime, [moves, stays])
    assert (promoted.sent, promoted.passed, promoted.left) == (2, [moves], [stays])
