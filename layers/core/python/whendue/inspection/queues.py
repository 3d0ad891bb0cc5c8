"""Queues as operators see them: how much waits, for how long, and whether they are paused."""

from typing import NamedTuple

from whendue.engine.ports import Depth
from whendue.engine.runtime import Runtime
from whendue.jobs.due_index import live_partition
from whendue.jobs.model import State
from whendue.pauses.model import Pause
from whendue.pauses.service import PauseService
from whendue.quotas import OLDEST_LOOKED_AT, RESCUE_INTERVAL_MAX_S
from whendue.settings import ALL_QUEUES
from whendue.timer.current_jobs import readable


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
        pauses = self._pauses.of_queues()
        return [
            QueueView(
                name, self._runtime.queue.depth(name), self._oldest(name, paused=name in pauses), pauses.get(name)
            )
            for name in ALL_QUEUES
        ]

    def _oldest(self, queue: str, *, paused: bool) -> int | None:
        """Find the job that has been due longest, among the first few of each due index partition."""
        now_ms = self._runtime.clock.now_ms()
        # The next check of a job that rescue has sent again is later than its due time, by up to this interval.
        until_ms = now_ms + RESCUE_INTERVAL_MAX_S * 1000
        entries = [
            entry
            for shard in range(self._runtime.settings.shards)
            for entry in self._runtime.store.query_due(
                live_partition(queue, shard), after=None, until_ms=until_ms, limit=OLDEST_LOOKED_AT
            )
        ]
        items = self._runtime.store.get([entry.key for entry in entries])
        read = self._runtime.bulkhead.each(filter(None, items), readable, stage="gauges", name=lambda item: item["pk"])
        jobs = [job for _, job in read if job.state is State.PENDING and job.due_at <= now_ms]
        held = set() if paused else self._pauses.held(jobs)
        return min((job.due_at for job in jobs if job.id not in held), default=None)
