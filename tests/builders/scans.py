"""A due index that is made up, and scans of it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from tests.builders.world import World
from whendue.engine.ports import DueEntry
from whendue.engine.runtime import Runtime
from whendue.timer.due_cursors import Cursor, Purpose
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


class NotedCursor(Cursor):
    """A cursor that notes where it is moved to."""

    def __init__(self, partition: str) -> None:
        super().__init__(None, "promote", partition, None)  # type: ignore[arg-type]
        self.moves: list[DueEntry | None] = []

    def move(self, position: DueEntry | None) -> bool:
        self.moves.append(position)
        return True


def scan_of(
    *partitions: str, kind: Purpose = "promote", rank: int = 0, deadline_ms: int = 2**62, **more: Any
) -> PartitionScan:
    """Begin a scan of partitions, with pages of two entries."""
    cursors: list[Cursor] = [NotedCursor(partition) for partition in partitions]
    return PartitionScan(kind, f"queue{rank}", rank, cursors, 2**62, 2, deadline_ms, **more)
