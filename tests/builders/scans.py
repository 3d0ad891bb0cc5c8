"""A due index that is made up, and scans of it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from tests.builders.world import World
from whendue.engine.ports import DueEntry
from whendue.engine.runtime import Runtime
from whendue.table.keys import Key
from whendue.timer.due_cursors import Cursor, CursorItem, Moves, Purpose
from whendue.timer.partition_scan import PartitionScan


class PagesStore:
    """Partition -> its pages, each of them the checks of its entries, ms UTC, or an error; each page is read once."""

    def __init__(self, pages: Mapping[str, Sequence[Sequence[int] | Exception]]) -> None:
        self._pages = {partition: list(each) for partition, each in pages.items()}
        self.read: list[str] = []
        self.limits: set[int] = set()

    def query_due(self, partition: str, *, limit: int, **_: Any) -> list[DueEntry]:
        self.read.append(partition)
        self.limits.add(limit)
        page = self._pages[partition].pop(0) if self._pages[partition] else ()
        if isinstance(page, Exception):
            raise page
        return [DueEntry(check_at, f"JOB#{partition}{check_at}", "job", check_at) for check_at in page]


def runtime_of(world: World, store: PagesStore) -> Runtime:
    """Make a runtime of which the timer reads the pages of a store."""
    return replace(world.app.runtime, store=store)  # type: ignore[arg-type]


class NotedItem(CursorItem):
    """An item of cursors that notes where they are moved to."""

    def __init__(self) -> None:
        super().__init__(None, Key("noted", "noted"), {}, exists=True)  # type: ignore[arg-type]
        self.moves: list[DueEntry | None] = []

    def move(self, moves: Moves) -> set[str]:
        self.moves += moves.values()
        return set(moves)


class NotedCursor(Cursor):
    """A cursor with an item of its own that notes where it is moved to."""

    def __init__(self, partition: str, item: NotedItem | None = None) -> None:
        self.noted = item or NotedItem()
        super().__init__(self.noted, f"live#{partition}#0")
        self.partition = partition

    @property
    def moves(self) -> list[DueEntry | None]:
        return self.noted.moves


def scan_of(
    *partitions: str, kind: Purpose = "promote", rank: int = 0, deadline_ms: int = 2**62, **more: Any
) -> PartitionScan:
    """Begin a scan of partitions, with pages of two entries."""
    cursors: list[Cursor] = [NotedCursor(partition) for partition in partitions]
    return PartitionScan(kind, f"queue{rank}", rank, cursors, 2**62, 2, deadline_ms, **more)
