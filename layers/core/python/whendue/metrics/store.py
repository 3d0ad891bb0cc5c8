"""The counters in the table: what processes have counted, added up. Best effort: no job depends on them."""

import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import chain

from whendue.engine.ports import Item, WriteStatus
from whendue.engine.readable import readable
from whendue.engine.runtime import Runtime
from whendue.metrics.model import (
    OTHER,
    TIMER,
    Counts,
    adding,
    beginning,
    completing,
    is_of_jobs,
    last_tick,
    queue_and_type,
    series_of,
    summed,
)
from whendue.metrics.recorder import Taken
from whendue.metrics.usage import OTHER as OTHER_CONSUMER
from whendue.metrics.usage import (
    Addition,
    Consumer,
    Usage,
    addition,
    beginning_month,
    from_item,
    jobs_of,
    month_of,
    reserving,
)
from whendue.quotas import COUNTED_TYPES, COUNTER_SHARDS, USAGE_EVERY_MS, USAGE_JOBS, USAGE_NAMED, USAGE_SERIES
from whendue.table.keys import counter_key, counter_pk, usage_pk
from whendue.table.writes import Write


class MetricsStore:
    """Writes and reads sums."""

    def __init__(self, runtime: Runtime) -> None:
        """Use this runtime."""
        self._runtime = runtime
        self._types = frozenset(runtime.registry.all_names()[:COUNTED_TYPES])
        self._lock = threading.Lock()
        self._held: Taken = {}
        self._written_ms = 0
        self._usage: Usage = {}
        self._usage_written_ms = 0

    def keep(self, taken: Taken, every_ms: int = 0, usage: Usage | None = None) -> None:
        """Add counts to the table, in one call if their items exist; after an unknown outcome they are lost.

        Args:
            taken: what was counted.
            every_ms: hold it back until the last write is this long ago.
            usage: what was consumed; it is held back until it is of `USAGE_JOBS` jobs, or its own last write is
                `USAGE_EVERY_MS` ago, and goes with the counts.
        """
        now_ms = self._runtime.clock.now_ms()
        with self._lock:
            for series, counts in taken.items():
                self._held.setdefault(self._bounded(series), Counts()).add(counts)
            for consumer, used in (usage or {}).items():
                self._hold(consumer, used)
            if now_ms - self._written_ms < every_ms:
                return
            held, self._held, self._written_ms = self._held, {}, now_ms
            due = self._due_usage(now_ms)
        self._write({series: counts.sums() for series, counts in held.items()}, due, now_ms)

    def _hold(self, consumer: Consumer, used: Counter[str]) -> None:
        is_known = consumer in self._usage or len(self._usage) < USAGE_NAMED
        self._usage.setdefault(consumer if is_known else OTHER_CONSUMER, Counter()).update(used)

    def _due_usage(self, now_ms: int) -> Usage:
        """Return what was consumed if it is time to write it."""
        is_due = now_ms - self._usage_written_ms >= USAGE_EVERY_MS or jobs_of(self._usage) >= USAGE_JOBS
        if not is_due:
            return {}
        used, self._usage, self._usage_written_ms = self._usage, {}, now_ms
        return used

    def _write(self, sums: Mapping[str, Counter[str]], usage: Usage, now_ms: int) -> None:
        """Add to the items; where there is none yet, make it, unless another process has just done so: then add."""
        mark, shard, month = self._runtime.clock.new_id(), now_ms % COUNTER_SHARDS, month_of(now_ms)
        left = [
            Addition(adding(name, shard, each, mark), beginning(name, shard, each, mark)) for name, each in sums.items()
        ]
        left += [addition(consumer, month, used, mark, now_ms) for consumer, used in usage.items()]
        left = self._refused(left, [each.add for each in left])
        if new := [each for each in left if each.used is not None]:
            left = [each for each in left if each.used is None]
            left += self._room_for(new, month, mark, now_ms)
        left = self._refused(left, [each.begin for each in left])
        left = self._refused(left, [each.add for each in left])
        self._completed([each for each in left if each.used is None])

    def _completed(self, left: Sequence[Addition]) -> None:
        """Add to items that an older version has made, once they have the fields that have come since."""
        items = self._runtime.store.get([each.add.key for each in left]) if left else []
        old = [(each, item) for each, item in zip(left, items, strict=True) if item]
        if old:
            self._runtime.store.apply([completing(each.add.key, item) for each, item in old])
            self._refused([each for each, _ in old], [each.add for each, _ in old])

    def _refused(self, additions: Sequence[Addition], writes: Sequence[Write]) -> list[Addition]:
        """Carry out a write for each; return those that were refused."""
        if not writes:
            return []
        outcomes = self._runtime.store.apply(writes)
        return [each for each, end in zip(additions, outcomes, strict=True) if end.status is WriteStatus.REFUSED]

    def _room_for(self, new: Sequence[Addition], month: str, mark: str, now_ms: int) -> list[Addition]:
        """Return new items of a month as they may be made; those for which it has no room are summed up in one."""
        apply, kept, rest = self._runtime.store.apply, list[Addition](), Counter[str]()
        for each in new:
            [counted] = apply([reserving(month, f"{mark} {len(kept)}")])
            if counted.status is WriteStatus.REFUSED and not counted.current:
                [counted] = apply([beginning_month(month, f"{mark} {len(kept)}", now_ms)])
            if counted.done:
                kept.append(each)
            else:
                rest.update(each.used)
        return [*kept, addition(OTHER_CONSUMER, month, rest, mark, now_ms)] if rest else kept

    def read_usage(self, month: str, tenant: str | None = None) -> Usage:
        """Return what was consumed in a month, by tenant and type.

        Args:
            month: a UTC month, as in 2026-11.
            tenant: only this one's. Default: all.

        Raises:
            UnavailableError: the table does not answer.
        """
        # `$` is what comes after `#`.
        first, last = ("!", "~") if tenant is None else (f"{tenant}#", f"{tenant}$")
        items = self._runtime.store.query_range(usage_pk(month), first=first, last=last, limit=2 * USAGE_SERIES)
        return dict(readable(self._runtime, items, from_item, "read_usage"))

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
        if not is_of_jobs(series):
            return series
        queue, kind = queue_and_type(series)
        return series if kind in self._types else series_of(queue, OTHER)


def _sums(item: Item) -> dict[str, Counter[str]]:
    """Read one item; what is no series of ours raises here, not where it is shown."""
    sums = summed([item])
    for series in sums:
        if is_of_jobs(series):
            queue_and_type(series)
    return sums
