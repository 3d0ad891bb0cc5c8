"""Further invariants, a class for each part of whendue: what the monitor asks besides what it knows of jobs."""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from tests.simulation.scheduler import Process
from whendue.declarations.context import Context
from whendue.engine.ports import Item, ReceivedMessage
from whendue.table.keys import job_id_of
from whendue.table.writes import Write

if TYPE_CHECKING:
    from tests.simulation.monitor import Run
    from tests.simulation.world import World


class Watcher:
    """Watches one part of a world; says `self.world.monitor.wrong(...)` when a guarantee does not hold."""

    def __init__(self, world: "World") -> None:
        self.world = world

    def wrote(self, process: Process, write: Write, before: Item | None, after: Item) -> None:
        """Look at a write of any item that took effect."""

    def went(self, job: Item) -> None:
        """Look at a job whose item goes."""

    def delivered(self, batch: Sequence[ReceivedMessage]) -> None:
        """Look at messages that a worker gets."""

    def began(self, run: "Run", ctx: Context) -> None:
        """Look at an execution that begins."""

    def settled(self) -> bool:
        """Return whether nothing is owed any more."""
        return True

    def conclude(self) -> None:
        """Look at the end of a world whose faults have stopped for long enough."""


def carried(body: str) -> tuple[str, int]:
    """Return the id and the generation of the job that a message is about; cheaper than to read it as workers do."""
    job = json.loads(body)["job"]
    return job_id_of(job["pk"]), job["generation"]
