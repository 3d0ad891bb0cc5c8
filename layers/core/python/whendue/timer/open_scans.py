"""Where a tick begins: the cursors are read, each queue gets a scan for rescue and one for promote, and a first look.

The first look is one query of each partition that serves both scans, as long as it shows all that is due there.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from math import log2
from typing import NamedTuple

from whendue.engine.ports import DueEntry
from whendue.engine.runtime import Runtime
from whendue.jobs.due_index import live_partition, rescue_before
from whendue.quotas import FIRST_LOOK, SCAN_WINDOW, WINDOW_GROWTH
from whendue.settings import ALL_QUEUES, WEIGHTS, OwnQueue
from whendue.timer.due_cursors import Cursor, Purpose, read_cursors
from whendue.timer.partition_scan import Page, PartitionScan, read_page


def rank_of(queue: str, own: Mapping[str, OwnQueue]) -> float:
    """Return a queue's rank, 0 for the highest: an own queue's is that of the priority of its weight, or between two.

    Args:
        queue: its name.
        own: the queues of the operator's own.
    """
    return log2(WEIGHTS[ALL_QUEUES[0]] / own[queue].weight) if queue in own else ALL_QUEUES.index(queue)


class QueueScans(NamedTuple):
    """The two scans of a queue, over the same partitions."""

    rescue: PartitionScan
    promote: PartitionScan


class OpenScans(NamedTuple):
    """The scans of a tick.

    Args:
        queues: the scans of each queue, by priority; nothing is read yet.
        promoted_to: partition -> where promote stood when the tick began; what comes after is yet to be sent.
        behind: the partitions whose cursors cannot be read, so that the next tick has to go on with them.
    """

    queues: list[QueueScans]
    promoted_to: dict[str, DueEntry | None]
    behind: list[str]


def open_scans(runtime: Runtime, shards: Mapping[str, Sequence[int]], now_ms: int, deadline_ms: int) -> OpenScans:
    """Read the cursors of queues, and begin scans there.

    Args:
        runtime: the outside.
        shards: queue -> the shards to serve, by priority.
        now_ms: the last check to promote, ms UTC.
        deadline_ms: when the scans stop reading, ms UTC.

    Raises:
        UnavailableError: the table does not say how far the last tick got.
    """
    partitions = {queue: [live_partition(queue, shard) for shard in numbers] for queue, numbers in shards.items()}
    every = [partition for names in partitions.values() for partition in names]
    promote, rescue = _cursors(runtime, "promote", every), _cursors(runtime, "rescue", every)
    # Without promote's position it is unknown what it has yet to send, and that is not lost.
    known = {
        queue: [name for name in names if name in promote and name in rescue] for queue, names in partitions.items()
    }
    until_ms, own = rescue_before(now_ms, runtime.settings.timing), runtime.settings.own_queues
    queues = [
        QueueScans(
            _scan("rescue", queue, rank_of(queue, own), [rescue[name] for name in names], until_ms, deadline_ms),
            _scan("promote", queue, rank_of(queue, own), [promote[name] for name in names], now_ms, deadline_ms),
        )
        for queue, names in known.items()
        if names
    ]
    promoted_to = {partition: cursor.position for partition, cursor in promote.items()}
    readable = {name for names in known.values() for name in names}
    return OpenScans(queues, promoted_to, [partition for partition in every if partition not in readable])


def look_first(runtime: Runtime, queues: Sequence[QueueScans]) -> None:
    """Read the first windows of all scans: one query of each partition, and two more where that does not show all."""
    pairs = [
        (scans, rescue, promote)
        for scans in queues
        for rescue, promote in zip(scans.rescue.cursors, scans.promote.cursors, strict=True)
    ]
    seen = runtime.pool.run([partial(_look, runtime, scans, rescue, promote) for scans, rescue, promote in pairs])
    for scans in queues:
        pages = [(r, p, page) for (of, r, p), page in zip(pairs, seen, strict=True) if of is scans]
        _show(runtime, scans, pages)


def _look(runtime: Runtime, scans: QueueScans, rescue: Cursor, promote: Cursor) -> Page:
    """Read all that is due in a partition, for both; None where there is no time, or it cannot be read."""
    if runtime.clock.now_ms() >= scans.promote.deadline_ms:
        return None
    positions = [cursor.position for cursor in (rescue, promote) if cursor.position]
    after = min(positions) if len(positions) == 2 else None  # noqa: PLR2004 - where one is at the beginning, both are
    return read_page(runtime, promote.partition, after, scans.promote.until_ms, _limit(scans))


def _limit(scans: QueueScans) -> int:
    return min(FIRST_LOOK, scans.rescue.page_max, scans.promote.page_max)


def _show(runtime: Runtime, scans: QueueScans, seen: Sequence[tuple[Cursor, Cursor, Page]]) -> None:
    """Show both scans of a queue what was read."""
    full = [(r, p) for r, p, page in seen if page is not None and len(page) >= _limit(scans)]
    reads = [
        partial(scan.read_page, runtime, cursor) for pair in full for scan, cursor in zip(scans, pair, strict=True)
    ]
    pages = iter(runtime.pool.run(reads))
    rescued: list[tuple[Cursor, Page]] = []
    promoted: list[tuple[Cursor, Page]] = []
    for rescue, promote, page in seen:
        if page is None:
            rescued.append((rescue, None))
            promoted.append((promote, None))
        elif (rescue, promote) in full:
            rescued.append((rescue, next(pages)))
            promoted.append((promote, next(pages)))
        else:
            rescued.append((rescue, _behind(page, rescue, scans.rescue.until_ms)))
            promoted.append((promote, _behind(page, promote, scans.promote.until_ms)))
    scans.rescue.show(runtime, rescued)
    scans.promote.show(runtime, promoted)


def _behind(page: Sequence[DueEntry], cursor: Cursor, until_ms: int) -> list[DueEntry]:
    return [
        entry for entry in page if (cursor.position is None or entry > cursor.position) and entry.check_at <= until_ms
    ]


def _cursors(runtime: Runtime, purpose: Purpose, partitions: Sequence[str]) -> dict[str, Cursor]:
    """Read cursors; those that cannot be read are left out."""
    read = runtime.bulkhead.together(
        partitions, lambda some: read_cursors(runtime.store, purpose, some), stage="cursors"
    )
    return {cursor.partition: cursor for cursors in read.results for cursor in cursors}


def _scan(
    kind: Purpose, queue: str, rank: float, cursors: list[Cursor], until_ms: int, deadline_ms: int
) -> PartitionScan:
    """Begin a scan; that of rescue starts over at the end of a partition."""
    page_max = max(1, SCAN_WINDOW // len(cursors))
    return PartitionScan(
        kind,
        queue,
        rank,
        cursors,
        until_ms,
        page_max,
        deadline_ms,
        starts_over=kind == "rescue",
        page_limit=WINDOW_GROWTH * page_max,
    )
