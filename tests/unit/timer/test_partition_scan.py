"""A scan reads a window of a queue's partitions at a time; what is wrong with one of them is its own."""

from typing import cast

import pytest

from tests.builders.scans import NotedCursor, PagesStore, runtime_of, scan_of
from tests.builders.world import World
from whendue.engine.ports import DueEntry
from whendue.errors import UnavailableError
from whendue.quotas import WINDOW_MS
from whendue.timer.partition_scan import PartitionScan, ScanPage

A, B = "a", "b"


def pages_of(scan: PartitionScan) -> list[ScanPage]:
    """Return the window as pages without jobs."""
    return [
        ScanPage(cursor, entries, [None] * len(entries), len(entries) < scan.page_max)
        for cursor, entries in scan.window
    ]


def moves_of(scan: PartitionScan) -> list[list[DueEntry | None]]:
    return [cast(NotedCursor, cursor).moves for cursor in scan.cursors]


def test_nothing_is_read_before_it_is_asked_for() -> None:
    """Where the time is used, one sees it."""
    store = PagesStore({A: [[1]]})
    scan = scan_of(A)
    assert (store.read, scan.window) == ([], [])
    scan.read_window(runtime_of(World(), store))
    assert (store.read, store.limits, scan.oldest_check_at) == ([A], {2}, 1)


@pytest.mark.parametrize(("error", "noted"), [(UnavailableError("?"), 0), (ValueError("?"), 1)])
def test_a_partition_that_cannot_be_read_is_behind_and_the_others_are_read(error: Exception, noted: int) -> None:
    """A refusal for now is no error of the partition."""
    world = World()
    scan = scan_of(A, B)
    scan.read_window(runtime_of(world, PagesStore({A: [error], B: [[7, 8]]})))
    assert scan.behind == [A]
    assert [cursor.partition for cursor, _ in scan.window] == [B]
    assert world.app.bulkhead.take().get("isolated_errors", 0) == noted


def test_after_the_deadline_nothing_is_read() -> None:
    """Every partition is left to the next tick."""
    world = World()
    store = PagesStore({A: [[1]], B: [[2]]})
    scan = scan_of(A, B, deadline_ms=world.clock.now_ms())
    scan.read_window(runtime_of(world, store))
    assert (store.read, scan.window, scan.behind) == ([], [], [A, B])


@pytest.mark.parametrize(("starts_over", "moves"), [(True, [[None], []]), (False, [[], []])])
def test_a_cursor_at_the_end_starts_over_where_the_scan_does(starts_over: bool, moves: list[list[None]]) -> None:
    """Rescue looks at everything again and again; promote never goes back."""
    scan = scan_of(A, B, starts_over=starts_over)
    scan.read_window(runtime_of(World(), PagesStore({A: [], B: [[1]]})))
    assert moves_of(scan) == moves


def test_a_scan_goes_on_behind_full_pages_alone() -> None:
    """A page that is not full is its partition's last; one that was left is behind."""
    scan = scan_of(A, B, "c")
    scan.read_window(runtime_of(World(), PagesStore({A: [[1, 2]], B: [[3]], "c": [[4, 5]]})))
    first, second, third = pages_of(scan)
    scan.advance([first, second], [third])
    assert [cursor.partition for cursor in scan.cursors] == [A]
    assert scan.behind == ["c"]


def test_pages_grow_while_windows_are_quick_and_shrink_when_they_are_slow() -> None:
    """A window takes about two seconds, whatever the table and the queue give."""
    scan = scan_of(A, page_limit=20)
    sizes = []
    for took_ms in (0, WINDOW_MS // 2, 0, 0, 0, WINDOW_MS // 2 + 1, WINDOW_MS + 1, WINDOW_MS * 9):
        scan.resize(took_ms)
        sizes.append(scan.page_max)
    assert sizes == [4, 8, 16, 20, 20, 20, 10, 5]


def test_partitions_that_are_released_are_read_no_more() -> None:
    """Another timer serves them; only those with more than a page are given away."""
    scan = scan_of(A, B, "c")
    runtime = runtime_of(World(), PagesStore({A: [[1, 2]], B: [[3]], "c": [[4, 5]]}))
    scan.read_window(runtime)
    assert scan.unfinished == [A, "c"]
    scan.release(["c"])
    assert [cursor.partition for cursor, _ in scan.window] == [A, B]
    assert [cursor.partition for cursor in scan.cursors] == [A, B]
    scan.advance(pages_of(scan))
    assert [cursor.partition for cursor in scan.cursors] == [A]
    assert scan.behind == []


def test_a_scan_that_is_left_is_behind_once_with_its_window_and_reads_no_more() -> None:
    """Also where its cursors had been moved before the trouble began."""
    store = PagesStore({A: [[1, 2], [3]], B: [[1]]})
    runtime = runtime_of(World(), store)
    scan = scan_of(A, B)
    scan.read_window(runtime)
    scan.advance(pages_of(scan))
    scan.leave()
    scan.leave()
    scan.read_window(runtime)
    assert (scan.behind, store.read, scan.window) == ([A, B], [A, B], [])
