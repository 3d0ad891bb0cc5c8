"""Where a tick begins: the cursors are read, and each queue gets a scan for rescue and one for promote."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from whendue.engine.ports import DueEntry
from whendue.engine.runtime import Runtime
from whendue.jobs.due_index import live_partition, rescue_before
from whendue.quotas import PROMOTE_WINDOW, RESCUE_WINDOW, RESCUES_PER_PARTITION
from whendue.timer.due_cursors import Cursor, Purpose, read_cursors
from whendue.timer.partition_scan import PartitionScan


class OpenScans(NamedTuple):
    """The scans of a tick.

    Args:
        scans: by priority, of a queue the one for rescue first; nothing is read yet.
        promoted_to: partition -> where promote stood when the tick began; what comes after is yet to be sent.
        behind: the partitions whose cursors cannot be read, so that the next tick has to go on with them.
    """

    scans: list[PartitionScan]
    promoted_to: dict[str, DueEntry | None]
    behind: list[str]


def open_scans(runtime: Runtime, ranks: Mapping[str, int], now_ms: int, deadline_ms: int) -> OpenScans:
    """Read the cursors of queues, and begin scans there.

    Args:
        runtime: the outside.
        ranks: queue -> its priority, 0 is the highest; by priority.
        now_ms: the last check to promote, ms UTC.
        deadline_ms: when the scans stop reading, ms UTC.

    Raises:
        UnavailableError: the table does not say how far the last tick got.
    """
    partitions = {queue: _partitions(queue, runtime.settings.shards) for queue in ranks}
    every = [partition for names in partitions.values() for partition in names]
    promote, rescue = _cursors(runtime, "promote", every), _cursors(runtime, "rescue", every)
    # Without promote's position it is unknown what it has yet to send, and that is not lost.
    rescue = {partition: cursor for partition, cursor in rescue.items() if partition in promote}

    def scans() -> Iterator[PartitionScan]:
        for queue, rank in ranks.items():
            if cursors := [rescue[name] for name in partitions[queue] if name in rescue]:
                until_ms = rescue_before(now_ms, runtime.settings.timing)
                yield _rescue_scan(queue, rank, cursors, until_ms, deadline_ms)
            if cursors := [promote[name] for name in partitions[queue] if name in promote]:
                yield _promote_scan(queue, rank, cursors, now_ms, deadline_ms)

    promoted_to = {partition: cursor.position for partition, cursor in promote.items()}
    return OpenScans(list(scans()), promoted_to, [partition for partition in every if partition not in rescue])


def _partitions(queue: str, shards: int) -> list[str]:
    return [live_partition(queue, shard) for shard in range(shards)]


def _cursors(runtime: Runtime, purpose: Purpose, partitions: Sequence[str]) -> dict[str, Cursor]:
    """Read cursors; those that cannot be read are left out."""
    read = runtime.bulkhead.together(
        partitions, lambda some: read_cursors(runtime.store, purpose, some), stage="cursors"
    )
    return {cursor.partition: cursor for cursors in read.results for cursor in cursors}


def _promote_scan(queue: str, rank: int, cursors: list[Cursor], until_ms: int, deadline_ms: int) -> PartitionScan:
    page_max = max(1, PROMOTE_WINDOW // len(cursors))
    return PartitionScan("promote", queue, rank, cursors, until_ms, page_max, deadline_ms)


def _rescue_scan(queue: str, rank: int, cursors: list[Cursor], until_ms: int, deadline_ms: int) -> PartitionScan:
    """Begin a scan for rescue; it looks at a bounded number of entries, and starts over behind the last one."""
    page_max = max(1, RESCUE_WINDOW // len(cursors))
    return PartitionScan(
        "rescue",
        queue,
        rank,
        cursors,
        until_ms,
        page_max,
        deadline_ms,
        starts_over=True,
        partition_max=RESCUES_PER_PARTITION,
    )
