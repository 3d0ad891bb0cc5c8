"""Notifications: what happened is told at least once, under one id (G8); what did not happen never is."""

import json
from collections import defaultdict
from typing import Final, NamedTuple

from tests.simulation.receiver import Arrival, about_of
from tests.simulation.scheduler import Process
from tests.simulation.watchers import Watcher
from whendue.engine.ports import Item
from whendue.jobs.model import TERMINAL
from whendue.notifications.events import EVENTS
from whendue.quotas import MAX_LOST, SUBSCRIPTIONS_AGE_MS
from whendue.support.timestamps import to_timestamp
from whendue.table.keys import Key, job_id_of, job_key, payload_key
from whendue.table.writes import Write

FINAL = {state.value for state in TERMINAL}
# A request of a process that died meanwhile arrives so late; it was decided on what was known then.
LATE_MS = 100_000
# Between what was known and what was written stand so many calls at most, each as slow as the world's.
CALLS: Final = 3
# Fewer receives than the shipped queues have are used up also where nothing fails: by clocks that differ.
RECEIVES: Final = 10
SUBSCRIPTION: Final = "subscription#"


class Happening(NamedTuple):
    """What is told: its type, the job, schedule or pause that it is about, and when it was."""

    event: str
    about: str
    at: str | None


class NotificationWatcher(Watcher):
    """Watches what happens, what is made of it, and what the receiver sees."""

    def __init__(self, *arguments: object) -> None:
        super().__init__(*arguments)  # type: ignore[arg-type]
        # Subscriptions that nobody has begun to change: what they want, and when that was acknowledged.
        self._standing: dict[str, tuple[frozenset[str], int]] = {}
        self._ended: set[str] = set()
        self._happened: set[Happening] = set()
        self._expected: set[tuple[str, Happening]] = set()
        self._ids: dict[tuple[str, Happening], str] = {}
        self._delivered: defaultdict[tuple[str, Happening], list[str]] = defaultdict(list)
        self._seen = 0

    # --- what clients know ----------------------------------------------------------------------------------

    def acknowledged(self, name: str, events: tuple[str, ...]) -> None:
        """Note that a subscription stands: what happens from now on is to be told."""
        self._standing[name] = (frozenset(EVENTS[event] for event in events), self.world.scheduler.now_ms)

    def withdrawn(self, name: str) -> None:
        """Note that it may not stand any more: somebody is about to change it."""
        self._standing.pop(name, None)

    # --- at every instant -----------------------------------------------------------------------------------

    def wrote(self, process: Process, write: Write, before: Item | None, after: Item) -> None:
        """Look at what happens, at deliveries, and at arrivals since."""
        self._look_at_arrivals()
        if write.key.sk.startswith(SUBSCRIPTION):
            self._subscription_changed(write, after)
        elif "subscription" in after and write.name == "submit":
            self._delivery_is_of_something(after)
        elif "subscription" not in after:
            for happening in _happenings(write, before, after):
                self._happened.add(happening)
                self._note_expected(process, happening)

    def _subscription_changed(self, write: Write, after: Item) -> None:
        if not after or "disabled_at" in after:
            name = write.key.sk.removeprefix(SUBSCRIPTION)
            self._ended.add(name)
            self.withdrawn(name)

    def _note_expected(self, process: Process, happening: Happening) -> None:
        """Whoever wrote this may have known the subscriptions as they were some seconds before."""
        known_ms = SUBSCRIPTIONS_AGE_MS + CALLS * self.world.nature.latency_ms[1]
        known_ms += LATE_MS if process.frozen else 0
        for name, (events, since_ms) in self._standing.items():
            if happening.event in events and self.world.scheduler.now_ms > since_ms + known_ms:
                self._expected.add((name, happening))

    def _delivery_is_of_something(self, after: Item) -> None:
        """Of what happened, and of nothing else; the same id for the same, whoever makes it."""
        happening, job_id = self._happening_of(after), job_id_of(after["pk"])
        if happening not in self._happened:
            self.wrong(f"a delivery tells of {happening.event}, which did not happen")
        if self._ids.setdefault((after["subscription"], happening), job_id) != job_id:
            self.wrong(f"a second delivery tells of {happening.event}")

    def _look_at_arrivals(self) -> None:
        arrivals = self.world.receiver.arrivals
        for arrival in arrivals[self._seen :]:
            self._arrived(arrival)
        self._seen = len(arrivals)

    def _arrived(self, arrival: Arrival) -> None:
        """The receiver sees what happened, as its delivery says it; again only after something failed."""
        what = (arrival.subscription, Happening(arrival.event, arrival.about, arrival.timestamp))
        if self._ids.get(what) != arrival.delivery:
            self.wrong(f"{arrival.event} arrived under an id that is not its own")
        self._delivered[what].append(arrival.delivery)
        if len(self._delivered[what]) > 1 + len(self.world.monitor.faults):
            self.wrong(f"{arrival.event} arrived {len(self._delivered[what])} times")

    # --- at the end -----------------------------------------------------------------------------------------

    def conclude(self) -> None:
        """Everything that happened was told, or its delivery has died of what befell it; nobody owes a deleted one."""
        self._look_at_arrivals()
        for name, happening in sorted(self._expected - self._delivered.keys(), key=str):
            item = self.world.store.rows.get(job_key(self._ids.get((name, happening), "")))
            if name not in self._ended and (item is None or item["state"] != "dead"):
                self.wrong(f"nobody was told of {happening.event} of {happening.about[-4:]}")
        for key, made in self.world.store.live():
            if key.sk == "job" and "subscription" in made and made["state"] in FINAL:
                self._ended_as_it_must(key, made)

    def _ended_as_it_must(self, key: Key, item: Item) -> None:
        """A delivery is given up only for what befell it or its subscription; nobody cancels one here."""
        if item["state"] == "succeeded":
            return
        monitor, ended = self.world.monitor, item["subscription"] in self._ended
        befell = {
            "subscription_disabled": ended,
            "ReceiverGoneError": self.world.receiver.is_gone,
            "worker_lost": len(monitor.claims[key.pk] - monitor.outcomes) >= MAX_LOST,
            "dead_letter": bool(monitor.faults) or self.world.nature.max_receive_count < RECEIVES,
        }
        if item["state"] != "dead" or not befell.get(item["last"]["type"]):
            self.wrong(f"a delivery is {item['state']}: {item.get('last')}")

    def _happening_of(self, delivery: Item) -> Happening:
        """Read what a delivery tells."""
        kept = self.world.store.rows.get(payload_key(job_id_of(delivery["pk"]), delivery["request_hash"]))
        payload = json.loads(kept["text"] if kept else delivery["payload"])
        return Happening(payload["type"], about_of(payload["data"]), payload["timestamp"])

    def wrong(self, what: str) -> None:
        """Note a violation."""
        self.world.monitor.wrong(f"G8: {what}")


def _happenings(write: Write, before: Item | None, after: Item) -> list[Happening]:
    """List what others may want to hear of."""
    if write.name == "enter_gap" and after["outcome"] == "missed":
        return [Happening("schedule.missed", write.key.pk.rpartition("#")[2], to_timestamp(after["decided_at"]))]
    if write.name == "pause" and write.key.pk.startswith("QUEUE#"):
        return [Happening("queue.paused", write.key.pk.removeprefix("QUEUE#"), to_timestamp(after["since"]))]
    if write.key.sk != "job":
        return []
    found = []
    if write.name == "fail":
        found.append(Happening("job.attempt_failed", job_id_of(write.key.pk), to_timestamp(after["last"]["failed_at"])))
    if after["state"] in FINAL and not (before and before["state"] in FINAL):
        found.append(Happening(f"job.{after['state']}", job_id_of(write.key.pk), to_timestamp(after["finished_at"])))
    return found
