"""Unique keys: at most one job holds a key, and a job that has let go never holds it again."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tests.simulation.scheduler import Process
from tests.simulation.watchers import Watcher
from whendue.engine.ports import Item
from whendue.jobs.model import Job, from_item
from whendue.submission.unique_policy import holds_as_stored
from whendue.table.writes import Write

if TYPE_CHECKING:
    from tests.simulation.world import World


class UniqueWatcher(Watcher):
    """Watches who holds which key."""

    def __init__(self, world: "World") -> None:
        super().__init__(world)
        # Key and job, of those that hold now, and of those that have let go.
        self._holding: set[tuple[str, str]] = set()
        self._released: set[tuple[str, str]] = set()

    def wrote(self, process: Process, write: Write, before: Item | None, after: Item) -> None:
        """Look at all jobs with a key once one of them has changed."""
        if write.key.sk != "job" or not ("unique" in after or "unique" in (before or {})):
            return
        holding = {
            (job.unique.id, job.id)
            for job in self._jobs()
            # By the clock that is furthest ahead: it may take what has run out by its own. A job that has expired holds
            # its key for other clocks, so that whoever takes the key must end it.
            if job.unique and holds_as_stored(job, job.unique.id, self._latest_ms)
        }
        if len({unique_id for unique_id, _ in holding}) < len(holding):
            self.world.monitor.wrong("two jobs hold a unique key")
        self._released |= self._holding - holding
        if holding & self._released:
            self.world.monitor.wrong("a job holds a unique key again that it had let go")
        self._holding = holding

    @property
    def _latest_ms(self) -> int:
        return self.world.scheduler.now_ms + self.world.nature.skew_ms

    def _jobs(self) -> Iterator[Job]:
        for key, item in self.world.store.live():
            if key.sk == "job" and "unique" in item:
                yield from_item(item)
