"""Expiry: an expired job never began, no attempt begins at a job's expiry or later, and none expires early."""

from typing import TYPE_CHECKING

from tests.simulation.scheduler import Process
from tests.simulation.watchers import Watcher
from whendue.declarations.context import Context
from whendue.engine.ports import Item
from whendue.table.keys import job_id_of
from whendue.table.writes import Write

if TYPE_CHECKING:
    from tests.simulation.monitor import Run
    from tests.simulation.world import World

# What sets an expiry, or takes it away; nothing else changes it.
SETS = {"submit", "release", "redrive"}


class ExpiryWatcher(Watcher):
    """Watches what expires."""

    def __init__(self, world: "World") -> None:
        super().__init__(world)
        # Jobs that have begun since they were submitted, or were last redriven.
        self._begun: set[str] = set()
        self._expired: set[str] = set()

    def wrote(self, process: Process, write: Write, before: Item | None, after: Item) -> None:
        """Look at a write of any item that took effect."""
        if write.key.sk != "job":
            return
        job_id, expiry = job_id_of(write.key.pk), after.get("begin_by")
        if before and before.get("begin_by") != expiry and write.name not in SETS:
            self.world.monitor.wrong(f"{write.name} changed an expiry")
        if write.name == "redrive":
            self._begun.discard(job_id)
            self._expired.discard(job_id)
        if write.name == "claim":
            self._begun.add(job_id)
            if expiry is not None and after["started_at"] >= expiry:
                self.world.monitor.wrong(f"claimed {after['started_at'] - expiry} ms after its expiry")
        if write.name == "fail" and after["state"] == "pending" and expiry is not None and after["due_at"] >= expiry:
            self.world.monitor.wrong("an attempt is planned that would begin after its job's expiry")
        if after["state"] == "expired" and (before is None or before["state"] != "expired"):
            self._expires(process, job_id, expiry)

    def _expires(self, process: Process, job_id: str, expiry: int | None) -> None:
        self._expired.add(job_id)
        if job_id in self._begun:
            self.world.monitor.wrong("a job expired that had begun")
        if expiry is None or (process.now_ms() < expiry and not process.dead):
            self.world.monitor.wrong("a job expired before its time")

    def began(self, run: "Run", ctx: Context) -> None:
        """Look at an execution that begins."""
        if run.job_id in self._expired:
            self.world.monitor.wrong("an expired job runs")
