"""Dependencies: nobody runs before its dependencies have ended as it wants, is released twice, or is forgotten (G7)."""

import json
from collections import defaultdict
from typing import TYPE_CHECKING

from tests.simulation.scheduler import Process
from tests.simulation.secrets import IDS
from tests.simulation.watchers import Watcher
from whendue.declarations.context import Context
from whendue.engine.ports import Item
from whendue.jobs.dependencies import Upstream, upstreams_from
from whendue.jobs.model import TERMINAL, Job, from_item
from whendue.table.keys import DEPENDENT, dependencies_key, dependent_of, job_id_of, job_key
from whendue.table.writes import Write

if TYPE_CHECKING:
    from tests.simulation.monitor import Run

FINAL = {state.value for state in TERMINAL}


class DependencyWatcher(Watcher):
    """Watches jobs that wait for others."""

    def __init__(self, *arguments: object) -> None:
        super().__init__(*arguments)  # type: ignore[arg-type]
        self._ends: defaultdict[str, set[str]] = defaultdict(set)
        self.in_time = 0
        # When they last ended, and last began to wait.
        self._ended_ms: dict[str, int] = {}
        self._waits_ms: dict[str, int] = {}
        self._released: dict[str, tuple[int, int]] = {}

    def wrote(self, process: Process, write: Write, before: Item | None, after: Item) -> None:
        """Look at a write of a job."""
        if write.key.sk != "job":
            return
        job_id = job_id_of(write.key.pk)
        self.in_time += write.name == "add_dependent"
        if after["state"] in FINAL and not (before and before["state"] in FINAL):
            self._ends[job_id].add(after["state"])
            self._ended_ms[job_id] = self.world.scheduler.now_ms
            self._whole_is_last(after)
        if after["state"] == "waiting" and not (before and before["state"] == "waiting"):
            self._waits_ms[job_id] = self.world.scheduler.now_ms
        if write.name == "release":
            self._once(job_id, after)
            self._parents_have_ended(from_item(after))
        if before and "pending_fan_out" in before and "pending_fan_out" not in after and after["state"] in FINAL:
            self._dependents_are_released(from_item(after))

    def _once(self, job_id: str, after: Item) -> None:
        """A job is released once each time that it is made to wait."""
        rounds = (after.get("redrives", 0), after.get("member_count") or 0)
        if self._released.get(job_id) == rounds:
            self.world.monitor.wrong("G7: a dependent was released twice")
        self._released[job_id] = rounds

    def _parents_have_ended(self, job: Job) -> None:
        """G7: never before all its dependencies, and not after an end that it does not want."""
        for dependency in self._dependencies(job):
            states = self._ends[dependency.id]
            wanted = {"success": {"succeeded"}, "failure": {"dead", "cancelled", "expired"}, "done": FINAL}[
                dependency.on
            ]
            if not states & (FINAL if job.on_dependency_failure == "run" and dependency.on == "success" else wanted):
                self.world.monitor.wrong(
                    f"G7: released on {dependency.on}, its parent has had {sorted(states) or 'no end'}"
                )

    def _dependencies(self, job: Job) -> list[Upstream]:
        if job.member_count is not None:
            return [Upstream(IDS.of_member(job.member_id_base, number), "done") for number in range(job.member_count)]
        item = self.world.store.rows.get(dependencies_key(job.id, job.request_hash, job.life))
        return upstreams_from(json.loads(item["dependencies"])) if item else []

    def _dependents_are_released(self, job: Job) -> None:
        """A job owes nothing only when nobody waits for its end who did so before; who came later looks for itself."""
        for (pk, sk), edge in self.world.store.live():
            if pk == job.key.pk and sk.startswith(DEPENDENT):
                child_id, asked = dependent_of(sk)
                dependent = self.world.store.rows.get(job_key(child_id))
                if (
                    dependent
                    and dependent["request_hash"] == asked
                    and self._still_waits(dependent, edge["number"], job)
                ):
                    self.world.monitor.wrong("G7: a job has settled an end that a dependent has not heard of")

    def _still_waits(self, dependent: Item, number: int, dependency: Job) -> bool:
        """Return whether a dependent waits for an end that it should have heard of."""
        if dependent["state"] != "waiting" or number not in dependent.get("unmet_dependencies", ()):
            return False
        held = dependent.get("on_dependency_failure") == "hold" and dependency.state.value != "succeeded"
        child_id = job_id_of(dependent["pk"])
        return not held and self._waits_ms.get(child_id, 0) < self._ended_ms.get(dependency.id, 0)

    def _whole_is_last(self, after: Item) -> None:
        """A job that made jobs ends well only after all of them."""
        if after["state"] != "succeeded" or not after.get("member_count"):
            return
        for number in range(after["member_count"]):
            part = self.world.store.rows.get(job_key(IDS.of_member(from_item(after).member_id_base, number)))
            if part is None or part["state"] not in FINAL:
                self.world.monitor.wrong("G7: a whole has succeeded before all its parts have ended")

    def began(self, run: "Run", ctx: Context) -> None:
        """Whatever a job did to begin: its dependencies have ended, or somebody redrove it."""
        job = from_item(self.world.store.rows[ctx._job.key])
        if not job.redrives:
            self._parents_have_ended(job)

    def settled(self) -> bool:
        """Return whether no job owes news."""
        return not any(key.sk == "job" and "pending_fan_out" in item for key, item in self.world.store.live())

    def conclude(self) -> None:
        """Nobody owes anything."""
        if not self.settled():
            self.world.monitor.wrong("G7: a job still owes the news of its end")
