"""Histories: each change of a job is kept, none that was not made, and the last event of an ended job is its end."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from tests.simulation.scheduler import Process
from tests.simulation.watchers import Watcher
from whendue.engine.ports import Item
from whendue.history.events import ENDS, Event, EventType, checked_change, events_of
from whendue.jobs.model import Failure, from_item
from whendue.table.keys import job_id_of, kind_of, life_of
from whendue.table.writes import Write

if TYPE_CHECKING:
    from tests.simulation.world import World

# What is asked of a job: each such write notes it; `cancel` only where a request asks for it.
ASKS: Final = {"reschedule", "redrive", "replay", "request_cancel", "undo_redrive"}
# What an item has besides, and what the job's own does not.
PLACE: Final = {"pk", "sk", "due_pk", "check_at"}


class HistoryWatcher(Watcher):
    """Watches what is noted of jobs, beside what was done."""

    def __init__(self, world: "World") -> None:
        super().__init__(world)
        # Of each job that was submitted here: its changes by number, and the generations in which an attempt failed.
        self._changes: dict[str, dict[int, Mapping[str, Any]]] = {}
        self._failed: dict[str, set[int]] = {}

    def wrote(self, process: Process, write: Write, before: Item | None, after: Item) -> None:
        """Look at a write of any item that took effect."""
        job_id = job_id_of(write.key.pk)
        if write.key.sk == "job" and not write.deletes:
            self._changed(write, job_id, before, after)
        elif kind_of(write.key.sk) == "change" and before is None and job_id in self._changes:
            change = _change_of(after)
            if self._changes[job_id].get(change["number"]) != change:
                self.world.monitor.wrong("a change is kept that was not made")

    def _changed(self, write: Write, job_id: str, before: Item | None, after: Item) -> None:
        if before is None:
            self._changes[job_id], self._failed[job_id] = {}, set()
        if job_id not in self._changes:
            return
        if write.name == "fail" and before:
            self._failed[job_id].add(before["generation"])
        change, former = after.get("change"), (before or {}).get("change")
        if change is None or change == former:
            if write.name in ASKS:
                self.world.monitor.wrong(f"{write.name} notes nothing")
            return
        if write.name not in ASKS | {"cancel"} or change["number"] != 1 + (former or {"number": 0})["number"]:
            self.world.monitor.wrong(f"{write.name} notes change {change['number']}")
        self._changes[job_id][change["number"]] = change

    def went(self, job: Item) -> None:
        """Look at a job whose item goes: another one may have its id later."""
        self._changes.pop(job_id_of(job["pk"]), None)

    def conclude(self) -> None:
        """Each job shows what was done."""
        for key, item in self.world.store.live():
            if key.sk == "job" and job_id_of(key.pk) in self._changes:
                self._is_whole(job_id_of(key.pk), item)

    def _is_whole(self, job_id: str, item: Item) -> None:
        job = from_item(item)
        family = [other for other in self.world.store.query(job.key.pk) if life_of(other["sk"]) in (None, job.life)]
        kept = [_change_of(other) for other in family if kind_of(other["sk"]) == "change"]
        changes = {change["number"]: checked_change(change) for change in (*kept, *filter(None, [job.change]))}
        if changes != self._changes[job_id]:
            self.world.monitor.wrong(f"changes {sorted(self._changes[job_id])} were made, {sorted(changes)} are kept")
        failures = [_failure_of(other) for other in family if kind_of(other["sk"]) == "attempt"]
        events = events_of(job, [*changes.values()], [*failures, *filter(None, [job.last])])
        self._is_true(job_id, events)
        if (events[-1].type in ENDS) != job.terminal or (job.terminal and events[-1].type.value != job.state.value):
            self.world.monitor.wrong(f"the last event of a job that is {job.state.value} is {events[-1].type.value}")

    def _is_true(self, job_id: str, events: list[Event]) -> None:
        """No attempt failed that did not."""
        failed = {event.position.generation for event in events if event.type is EventType.FAILED}
        if not failed <= self._failed[job_id]:
            self.world.monitor.wrong(f"attempts failed in {sorted(self._failed[job_id])}, events say {sorted(failed)}")
        if events != sorted(events, key=lambda event: event.position):
            self.world.monitor.wrong("events are out of order")


def _change_of(item: Item) -> dict[str, Any]:
    return {name: value for name, value in item.items() if name not in PLACE}


def _failure_of(item: Item) -> Failure:
    return Failure(**{name: item[name] for name in Failure.__slots__ if name in item})
