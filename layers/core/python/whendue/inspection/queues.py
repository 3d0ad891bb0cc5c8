"""Queues as operators see them: how much waits, for how long, and whether they are paused."""

from collections.abc import Sequence
from functools import partial
from itertools import chain
from typing import NamedTuple

from whendue.engine.ports import Depth, DueEntry
from whendue.engine.runtime import Runtime
from whendue.jobs.due_index import live_partition
from whendue.jobs.model import State, from_item
from whendue.pauses.model import Pause
from whendue.pauses.service import PauseService
from whendue.quotas import OLDEST_LOOKED_AT, RESCUE_INTERVAL_MAX_S


class QueueView(NamedTuple):
    """One queue, of all tenants together.

    Args:
        name: its name.
        depth: its messages.
        oldest_due_at: when the job that has been due longest was due, ms UTC; None where none of those looked at waits.
            A job that its own tenant has paused does not count.
        pause: the pause that lasts, None where there is none.
    """

    name: str
    depth: Depth
    oldest_due_at: int | None
    pause: Pause | None


class QueueInspector:
    """Answers questions about queues; changes nothing."""

    def __init__(self, runtime: Runtime, pauses: PauseService) -> None:
        """Use this runtime."""
        self._runtime = runtime
        self._pauses = pauses

    def list(self) -> list[QueueView]:
        """Show all queues, the highest priority first.

        Raises:
            UnavailableError: table or queues do not answer.
        """
        pauses, names = self._pauses.of_queues(), self._runtime.settings.all_queues
        depths = self._runtime.pool.run([partial(self._runtime.queue.depth, name) for name in names])
        entries = self._first_entries()
        return [
            QueueView(name, depth, self._oldest(entries[name], paused=name in pauses), pauses.get(name))
            for name, depth in zip(names, depths, strict=True)
        ]

    def _first_entries(self) -> dict[str, Sequence[DueEntry]]:
        """Read the first entries of each queue, over its partitions."""
        # The next check of a job that rescue has sent again is later than its due time, by up to this interval.
        until_ms = self._runtime.clock.now_ms() + RESCUE_INTERVAL_MAX_S * 1000
        settings = self._runtime.settings
        places = [(queue, shard) for queue in settings.all_queues for shard in range(settings.shards)]
        limit = max(1, OLDEST_LOOKED_AT // settings.shards)
        query = partial(self._runtime.store.query_due, after=None, until_ms=until_ms, limit=limit)
        pages = self._runtime.pool.run([partial(query, live_partition(queue, shard)) for queue, shard in places])
        return {
            queue: sorted(chain(*(page for (of, _), page in zip(places, pages, strict=True) if of == queue)))[
                :OLDEST_LOOKED_AT
            ]
            for queue in settings.all_queues
        }

    def _oldest(self, entries: Sequence[DueEntry], *, paused: bool) -> int | None:
        """Find the job of a queue that has been due longest, among some of its entries."""
        now_ms = self._runtime.clock.now_ms()
        items = self._runtime.store.get([entry.key for entry in entries])
        read = self._runtime.bulkhead.each(filter(None, items), from_item, stage="gauges", name=lambda item: item["pk"])
        jobs = [job for _, job in read if job.state is State.PENDING and job.due_at <= now_ms]
        held = set() if paused else self._pauses.held(jobs)
        return min((job.due_at for job in jobs if job.id not in held), default=None)
