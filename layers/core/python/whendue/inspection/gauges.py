"""Gauges: how things stand now, measured when asked for."""

from functools import partial
from typing import NamedTuple

from whendue.engine.ports import DueEntry
from whendue.engine.runtime import Runtime
from whendue.inspection.queues import QueueInspector, QueueView
from whendue.jobs.due_index import live_partition
from whendue.pauses.service import PauseService
from whendue.settings import ALL_QUEUES
from whendue.timer.due_cursors import Cursor, read_cursors


class Measured(NamedTuple):
    """How things stand.

    Args:
        queues: all queues.
        timer_lag_s: see `Gauges.timer_lag_s`.
        now_ms: when that was, ms UTC.
    """

    queues: list[QueueView]
    timer_lag_s: float
    now_ms: int


class Gauges:
    """Measures; changes nothing."""

    def __init__(self, runtime: Runtime, pauses: PauseService, queues: QueueInspector) -> None:
        """Use this runtime."""
        self._runtime = runtime
        self._pauses = pauses
        self._queues = queues

    def measure(self) -> Measured:
        """Measure everything.

        Raises:
            UnavailableError: table or queues do not answer.
        """
        return Measured(self._queues.list(), self.timer_lag_s(), self._runtime.clock.now_ms())

    def timer_lag_s(self) -> float:
        """Return how far the timer is behind: how long ago the oldest check that is still to be done was due.

        Up to a minute between two ticks. Checks of paused queues do not count.

        Raises:
            UnavailableError: the table does not answer.
        """
        paused, store, now_ms = self._pauses.of_queues(), self._runtime.store, self._runtime.clock.now_ms()
        shards = range(self._runtime.settings.shards)
        partitions = [live_partition(queue, shard) for queue in ALL_QUEUES if queue not in paused for shard in shards]

        def first(cursor: Cursor) -> list[DueEntry]:
            with self._runtime.bulkhead.around("gauges", cursor.partition):
                return store.query_due(cursor.partition, after=cursor.position, until_ms=now_ms, limit=1)
            return []

        cursors = read_cursors(store, "promote", partitions)
        pages = self._runtime.pool.run([partial(first, cursor) for cursor in cursors])
        checks = [entry.check_at for page in pages for entry in page]
        return (now_ms - min(checks, default=now_ms)) / 1000
