"""Bulk operations: each job once, planned before it is changed, none that came later, and all of it counted."""

from collections import Counter
from typing import TYPE_CHECKING

from tests.simulation.scheduler import Process
from tests.simulation.watchers import Watcher
from whendue.bulk.model import Action, Operation, OperationState, operation_from, piece_from
from whendue.engine.ports import Item
from whendue.jobs.model import State
from whendue.table.keys import job_id_of
from whendue.table.writes import Write

if TYPE_CHECKING:
    from tests.simulation.world import World


class BulkWatcher(Watcher):
    """Watches what operations do to jobs, beside what they say that they do."""

    def __init__(self, world: "World") -> None:
        super().__init__(world)
        self._operations: dict[str, Operation] = {}
        # Operation -> the jobs of its pieces, and how often it has changed each.
        self._planned: dict[str, set[str]] = {}
        self._changed: dict[str, Counter[str]] = {}

    def wrote(self, process: Process, write: Write, before: Item | None, after: Item) -> None:
        """Look at operations, their pieces, and the changes of jobs."""
        if write.name in ("create_operation", "move_operation"):
            self._moved(operation_from(after))
        elif write.name == "plan_piece":
            self._planned.setdefault(write.key.sk.split("#")[1], set()).update(job.id for job in piece_from(after).jobs)
        elif write.key.sk == "job" and after:
            self._looked_at(write, before or {}, after)

    def _moved(self, operation: Operation) -> None:
        """Nothing that was counted is forgotten, and what has ended stays so."""
        known = self._operations.get(operation.id, operation)
        if operation.counts.all < known.counts.all or (operation.is_running and not known.is_running):
            self.world.monitor.wrong("an operation went back")
        self._operations[operation.id] = operation

    def _looked_at(self, write: Write, before: Item, after: Item) -> None:
        change = after.get("change", {})
        if "operation" not in change or change == before.get("change"):
            return
        job_id, operation = job_id_of(write.key.pk), self._operations[change["operation"]]
        changed = self._changed.setdefault(operation.id, Counter())
        changed[job_id] += 1
        if changed[job_id] > 1:
            self.world.monitor.wrong("a bulk operation has changed a job twice")
        if job_id not in self._planned.get(operation.id, ()):
            self.world.monitor.wrong("a bulk operation has changed a job that was in no piece")
        # Of ids, and of what another operation has changed, it is known which jobs are meant.
        if operation.wanted and after["created_at"] > operation.created_at + 2 * self.world.nature.skew_ms:
            self.world.monitor.wrong("a bulk operation has changed a job that was submitted later")
        if write.name == "undo_redrive" and (before["state"] != State.PENDING.value or "started_at" in before):
            self.world.monitor.wrong("a redrive was undone of a job that had begun")

    def settled(self) -> bool:
        """Return whether all operations have ended."""
        return not any(operation.is_running for operation in self._operations.values())

    def conclude(self) -> None:
        """What is counted is what was done."""
        for operation in self._operations.values():
            if operation.is_running:
                self.world.monitor.wrong("an operation never ended")
            if operation.action is Action.DELETE:
                continue
            changed = len(self._changed.get(operation.id, ()))
            # A process that a cancel has met may die before it counts its last piece.
            fewer = operation.state is OperationState.CANCELLED and operation.counts.changed < changed
            if operation.counts.changed != changed and not fewer:
                self.world.monitor.wrong(f"{changed} jobs were changed, {operation.counts.changed} are counted")
