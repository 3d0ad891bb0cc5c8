"""The counters in the table: what processes have counted, added up. Best effort: no job depends on them."""

import threading
from collections import Counter
from collections.abc import Mapping
from itertools import chain

from whendue.engine.ports import Item, WriteStatus
from whendue.engine.readable import readable
from whendue.engine.runtime import Runtime
from whendue.metrics.model import OTHER, TIMER, Counts, adding, beginning, last_tick, queue_and_type, series_of, summed
from whendue.metrics.recorder import Taken
from whendue.quotas import COUNTED_TYPES, COUNTER_SHARDS
from whendue.table.keys import counter_key, counter_pk


class MetricsStore:
    """Writes and reads sums."""

    def __init__(self, runtime: Runtime) -> None:
        """Use this runtime."""
        self._runtime = runtime
        self._types = frozenset(runtime.registry.all_names()[:COUNTED_TYPES])
        self._lock = threading.Lock()
        self._held: Taken = {}
        self._written_ms = 0

    def keep(self, taken: Taken, every_ms: int = 0) -> None:
        """Add counts to the table, in one call if their items exist; after an unknown outcome they are lost.

        Args:
            taken: what was counted.
            every_ms: hold it back until the last write is this long ago.
        """
        now_ms = self._runtime.clock.now_ms()
        with self._lock:
            for series, counts in taken.items():
                self._held.setdefault(self._bounded(series), Counts()).add(counts)
            if now_ms - self._written_ms < every_ms:
                return
            held, self._held, self._written_ms = self._held, {}, now_ms
        self._write({series: counts.sums() for series, counts in held.items()}, now_ms % COUNTER_SHARDS)

    def _write(self, sums: Mapping[str, Counter[str]], shard: int) -> None:
        """Add to the items; where there is none yet, make it, unless another process has just done so: then add."""
        left, mark = dict(sums), self._runtime.clock.new_id()
        for write in (adding, beginning, adding):
            if not left:
                return
            outcomes = self._runtime.store.apply([write(series, shard, each, mark) for series, each in left.items()])
            refused = [end.status is WriteStatus.REFUSED for end in outcomes]
            left = {series: left[series] for series, again in zip(left, refused, strict=True) if again}

    def read(self) -> dict[str, Counter[str]]:
        """Return all sums: series -> field -> count.

        Raises:
            UnavailableError: the table does not answer.
        """
        shards = (self._runtime.store.query(counter_pk(shard)) for shard in range(COUNTER_SHARDS))
        each = readable(self._runtime, chain.from_iterable(shards), _sums, "read_counters")
        sums: dict[str, Counter[str]] = {}
        for series, counts in chain.from_iterable(sums.items() for sums in each):
            sums.setdefault(series, Counter()).update(counts)
        return sums

    def last_tick(self) -> int | None:
        """Return when the timer last ran, ms UTC; None if unknown. One read.

        Raises:
            UnavailableError: the table does not answer.
        """
        items = self._runtime.store.get([counter_key(shard, TIMER) for shard in range(COUNTER_SHARDS)])
        return last_tick(item for item in items if item)

    def _bounded(self, series: str) -> str:
        if series == TIMER:
            return series
        queue, kind = queue_and_type(series)
        return series if kind in self._types else series_of(queue, OTHER)


def _sums(item: Item) -> dict[str, Counter[str]]:
    """Read one item; what is no series of ours raises here, not where it is shown."""
    sums = summed([item])
    for series in sums:
        if series != TIMER:
            queue_and_type(series)
    return sums
