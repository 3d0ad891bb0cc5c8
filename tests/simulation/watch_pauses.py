"""What a pause promises: nothing new is claimed, nothing is burnt, little is sent, and afterwards everything runs."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tests.simulation.scheduler import Process
from tests.simulation.watchers import Watcher, carried
from whendue.engine.ports import Item, ReceivedMessage
from whendue.settings import NOTIFICATIONS
from whendue.table.writes import Write

if TYPE_CHECKING:
    from tests.simulation.world import World

PROMISED_MS: Final = 5000


@dataclass(slots=True)
class Lasting:
    """A pause as it stands in the table: whom it holds, from when to when."""

    queue: str | None
    tenant: str | None
    task: str | None
    since_ms: int
    until_ms: int | None

    @property
    def scope(self) -> dict[str, str | None]:
        """Whom it holds: what a job must have, None where that does not matter."""
        return {"queue": self.queue, "tenant": self.tenant, "type": self.task}

    def holds(self, job: Item) -> bool:
        """Return whether a job is one of those that it holds; a paused tenant is still notified."""
        if job["queue"] == NOTIFICATIONS and self.queue is None and self.task is None:
            return False
        return all(wanted in (None, job[name]) for name, wanted in self.scope.items())

    def lasts(self, at_ms: int, slack_ms: int) -> bool:
        """Return whether everybody must know of it by now, and nobody may think that it is over."""
        begun = at_ms > self.since_ms + PROMISED_MS
        return begun and (self.until_ms is None or at_ms < self.until_ms - slack_ms)


class PauseWatcher(Watcher):
    """Watches pauses."""

    def __init__(self, world: "World") -> None:
        super().__init__(world)
        self._pauses: list[Lasting] = []
        self._burnt = False

    def wrote(self, process: Process, write: Write, before: Item | None, after: Item) -> None:
        if write.name in ("pause", "resume"):
            self._changed(write, after)
        if write.name == "claim":
            self._nothing_is_claimed(process, after)

    def _changed(self, write: Write, after: Item) -> None:
        now_ms, (pk, sk) = self.world.scheduler.now_ms, write.key
        kind, _, name = pk.partition("#")
        queue, tenant = (name, None) if kind == "QUEUE" else (None, name)
        new = Lasting(queue, tenant, sk.partition("#")[2] or None, now_ms, after.get("until"))
        for pause in self._pauses:
            if pause.scope == new.scope and (pause.until_ms or now_ms) >= now_ms:
                pause.until_ms = now_ms
        if write.name == "pause":
            self._pauses.append(new)

    def _nothing_is_claimed(self, process: Process, job: Item) -> None:
        """A claim of a process that was frozen or cut off after it had asked is excused: nobody can call it back."""
        slack_ms = self.world.nature.skew_ms
        for pause in self._pauses:
            if pause.holds(job) and pause.lasts(self.world.scheduler.now_ms, slack_ms) and not process.frozen:
                self.world.monitor.wrong(
                    f"claimed {self.world.scheduler.now_ms - pause.since_ms} ms after its pause began"
                )

    def delivered(self, batch: Sequence[ReceivedMessage]) -> None:
        """A pause burns no receives."""
        # A message that comes early by the worker's clock is held.
        again = any(message.receive_count > 1 for message in batch) and not self.world.nature.skew_ms
        if again and self._pauses and not self.world.monitor.faults and not self._anyone_died():
            self.world.monitor.wrong("a message was received twice in a world in which only a pause was")

    def _anyone_died(self) -> bool:
        return any(run.outcome == "KilledError" for run in self.world.monitor.runs)

    def conclude(self) -> None:
        """A pause burns no attempts, and costs a job one message at most."""
        if not self._pauses:
            return
        monitor = self.world.monitor
        for key, item in self.world.store.live():
            if key.sk == "job" and not self._anyone_died() and not monitor.faults:
                ended = len(monitor.claims[key.pk] & monitor.outcomes)
                if item["claims"] != ended:
                    monitor.wrong(f"{item['claims']} claims, {ended} of them ended: a pause burnt some")
        sent = Counter(map(carried, monitor.bodies))
        excused = len(monitor.faults) + self.world.nature.vanishing + self._anyone_died()
        timers = self.world.nature.timers
        # Of two timers that tick at the same moment each brings it back, and so does a request that is repeated.
        brought_back = (timers + (timers > 1 and bool(monitor.faults))) * len(self._pauses)
        for times in sent.values():
            if times > 1 + brought_back + excused:
                monitor.wrong(f"G11: {times} messages for one generation, {len(self._pauses)} pauses, {excused} faults")
