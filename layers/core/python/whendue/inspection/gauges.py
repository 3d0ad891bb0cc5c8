"""Gauges: how things stand now, measured when asked for."""

from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

from whendue.engine.ports import DueEntry, Item
from whendue.engine.runtime import Runtime
from whendue.inspection.queues import QueueInspector, QueueView
from whendue.jobs.due_index import live_partition
from whendue.pauses.service import PauseService
from whendue.quotas import OLDEST_LOOKED_AT
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

        Up to a minute between two ticks. A check that was past when it was set counts from then: that of a job that is
        due at once. Checks of paused queues do not count.

        Raises:
            UnavailableError: the table does not answer.
        """
        paused, store, now_ms = self._pauses.of_queues(), self._runtime.store, self._runtime.clock.now_ms()
        shards = range(self._runtime.settings.shards)
        partitions = [
            live_partition(queue, shard)
            for queue in self._runtime.settings.all_queues
            if queue not in paused
            for shard in shards
        ]
        limit = max(1, OLDEST_LOOKED_AT // self._runtime.settings.shards)

        def first(cursor: Cursor) -> list[DueEntry]:
            with self._runtime.bulkhead.around("gauges", cursor.partition):
                return store.query_due(cursor.partition, after=cursor.position, until_ms=now_ms, limit=limit)
            return []

        cursors = read_cursors(store, "promote", partitions)
        pages = self._runtime.pool.run([partial(first, cursor) for cursor in cursors])
        entries = [entry for page in pages for entry in page]
        found = self._runtime.bulkhead.together(
            entries, self._waiting_since, stage="gauges", name=lambda entry: entry.pk
        )
        return (now_ms - min((at_ms for part in found.results for at_ms in part), default=now_ms)) / 1000

    def _waiting_since(self, entries: Sequence[DueEntry]) -> list[int]:
        """Return since when the checks of jobs wait for the timer, ms UTC."""
        items = self._runtime.store.get([entry.key for entry in entries], consistent=False)
        return [max(entry.check_at, _number(item, "scheduled_at")) for entry, item in zip(entries, items, strict=True)]


def _number(item: Item | None, field: str) -> int:
    """Return a number of an item; 0 where it has none: it may be gone, or be no item of ours."""
    value = (item or {}).get(field, 0)
    return value if isinstance(value, int) else 0
