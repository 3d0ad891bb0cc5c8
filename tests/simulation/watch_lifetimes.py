"""Lifetimes: nothing of a live or shown job goes; with TTL nothing is left when all retentions are over."""

from typing import Final

from tests.simulation.scheduler import Process
from tests.simulation.watchers import Watcher
from whendue.engine.ports import Item
from whendue.jobs.model import TERMINAL
from whendue.table.keys import DEPENDENT, Key, dependent_of, job_id_of, job_key, life_of
from whendue.table.writes import Write

FINAL: Final = {state.value for state in TERMINAL}
JOB: Final = "JOB#"
NEVER_S: Final = 10**10


class LifetimeWatcher(Watcher):
    """Watches what goes."""

    def wrote(self, process: Process, write: Write, before: Item | None, after: Item) -> None:
        """Look at a write of any item that took effect."""
        if write.key.sk == "job" and before and after.get("last", {}).get("type") == "payload_missing":
            self.world.monitor.wrong("a live job has lost its payload")
        if write.deletes and write.key.pk.startswith(JOB) and write.key.sk != "job":
            self._nobody_has_it(process, write.key)
        if write.name == "keep" and before:
            self._is_kept(before, after)

    def went(self, job: Item) -> None:
        """Look at a job whose item goes: it has ended, and its retention is over, unless somebody asked for it."""
        over = 1000 * job.get("expires_at", NEVER_S) <= self.world.scheduler.now_ms
        if job["state"] not in FINAL or "pending_fan_out" in job:
            self.world.monitor.wrong(f"G1: a job that is {job['state']} is erased")
        elif "parent_id" in job:
            if self._is_shown(job["parent_id"]):
                self.world.monitor.wrong("a member is erased before its composite")
        elif not over and job_id_of(job["pk"]) not in self.world.monitor.erasing:
            self.world.monitor.wrong("G1: a job is erased before its retention is over")

    def _is_kept(self, before: Item, after: Item) -> None:
        """A job that others depend on is kept longer, never shorter, and nothing else of it changes."""
        if after["expires_at"] <= before["expires_at"] or {**after, "expires_at": before["expires_at"]} != {**before}:
            self.world.monitor.wrong("keeping a job for its dependents has changed it")

    def _nobody_has_it(self, process: Process, key: Key) -> None:
        """What belongs to a job goes after it; an edge may go after the dependent, too."""
        job_id = job_id_of(key.pk)
        item = self.world.store.rows.get(job_key(job_id))
        strange = item is not None and life_of(key.sk) not in (None, item.get("life"))
        useless = key.sk.startswith(DEPENDENT) and job_key(dependent_of(key.sk)[0]) not in self.world.store.rows
        if not strange and not useless and self._is_shown(job_id):
            self.world.monitor.wrong(f"{process.name} erased {key.sk} of a job that is there")

    def _is_shown(self, job_id: str) -> bool:
        """Return whether a job is there, by any clock."""
        item, latest_ms = (
            self.world.store.rows.get(job_key(job_id)),
            self.world.scheduler.now_ms + self.world.nature.skew_ms,
        )
        return item is not None and 1000 * item.get("expires_at", NEVER_S) > latest_ms

    def settled(self) -> bool:
        """Return whether nothing is left of jobs, where there is TTL."""
        return self.world.nature.ttl_late_s is None or not self._left()

    def _left(self) -> list[str]:
        keys = [f"{key.pk} {key.sk}" for key, _ in self.world.store.live() if key.pk.startswith(JOB)]
        return [*keys, *self.world.blobs.texts]

    def conclude(self) -> None:
        """After all retentions nothing is left but definitions."""
        if not self.settled():
            self.world.monitor.wrong(f"after all retentions there is left: {sorted(self._left())[:3]}")
