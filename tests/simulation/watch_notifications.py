"""Notifications: what happened is told at least once, under one id (G8); what did not happen never is."""

import json
from collections import defaultdict

from tests.simulation.hub import Process
from tests.simulation.watchers import Watcher
from whendue.domain.job import TERMINAL
from whendue.domain.keys import job_id_of, payload_key
from whendue.domain.writes import Write
from whendue.limits import SUBSCRIPTIONS_AGE_MS
from whendue.ports import Item

FINAL = {state.value for state in TERMINAL}


class NotificationWatcher(Watcher):
    """Watches what happens, and what the receiver sees."""

    def __init__(self, *arguments: object) -> None:
        super().__init__(*arguments)  # type: ignore[arg-type]
        self._happened: set[tuple[str, str]] = set()
        self._owed: set[tuple[str, str]] = set()
        self._seen = 0

    def wrote(self, process: Process, write: Write, before: Item | None, after: Item) -> None:
        """Look at what happens to jobs, and at arrivals since."""
        self._look_at_arrivals()
        if write.key.sk != "job" or "subscription" in after:
            return
        happened = set()
        job_id = job_id_of(write.key.pk)
        if after["state"] in FINAL and not (before and before["state"] in FINAL):
            happened.add((f"job.{after['state']}", job_id))
        if write.name == "fail":
            happened.add(("job.attempt_failed", job_id))
        self._happened |= happened
        since_ms = self.world.monitor.subscribed_ms
        # What was decided before a process died may take effect after somebody has subscribed.
        decided_before = process.dead and "owes" not in after
        # A process may know a tenant's subscriptions for so long.
        if not decided_before and since_ms is not None and self.world.hub.now_ms > since_ms + SUBSCRIPTIONS_AGE_MS:
            self._owed |= happened

    def _look_at_arrivals(self) -> None:
        arrivals = self.world.receiver.arrivals
        for arrival in arrivals[self._seen :]:
            if (arrival.event, arrival.job_id) not in self._happened:
                self.world.monitor.wrong(f"G8: {arrival.event} was told of a job that it did not happen to")
        self._seen = len(arrivals)

    def conclude(self) -> None:
        """Everything that happened was told, or its delivery has died of what befell it; each under one id."""
        self._look_at_arrivals()
        ids: defaultdict[tuple[str, str, str], set[str]] = defaultdict(set)
        events: defaultdict[str, set[tuple[str, str, str]]] = defaultdict(set)
        for delivery, event, job_id, timestamp in self.world.receiver.arrivals:
            ids[event, job_id, timestamp].add(delivery)
            events[delivery].add((event, job_id, timestamp))
        if any(len(each) > 1 for each in ids.values()) or any(len(each) > 1 for each in events.values()):
            self.world.monitor.wrong("G8: one event came under two ids, or two events under one")
        seen = {(event, job_id) for event, job_id, _ in ids}
        for event, job_id in sorted(self._owed - seen - self._given_up()):
            self.world.monitor.wrong(f"G8: nobody was told that {event} happened to {job_id[-4:]}")

    def _given_up(self) -> set[tuple[str, str]]:
        """List what deliveries that are dead would have told."""
        given_up = set()
        for key, item in self.world.store.live():
            if key.sk == "job" and "subscription" in item and item["state"] == "dead":
                kept = self.world.store._items.get(payload_key(job_id_of(key.pk), item["request_hash"]))
                event = json.loads(kept["text"] if kept else item["payload"])
                given_up.add((event["type"], event["data"]["jobId"]))
        return given_up
