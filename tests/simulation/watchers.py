"""Further invariants, a class for each part of whendue: what the monitor asks besides what it knows of jobs."""

from typing import TYPE_CHECKING, Final

from tests.simulation.hub import Process
from whendue.context import Context
from whendue.domain.writes import Write
from whendue.ports import Item

if TYPE_CHECKING:
    from tests.simulation.monitor import Run
    from tests.simulation.world import World


class Watcher:
    """Watches one part of a world; says `self.world.monitor.wrong(...)` when a guarantee does not hold."""

    def __init__(self, world: "World") -> None:
        self.world = world

    def wrote(self, process: Process, write: Write, before: Item | None, after: Item) -> None:
        """Look at a write of any item that took effect."""

    def began(self, run: "Run", ctx: Context) -> None:
        """Look at an execution that begins."""

    def settled(self) -> bool:
        """Say whether nothing is owed any more."""
        return True

    def conclude(self) -> None:
        """Look at the end."""


from tests.simulation.ledger import LedgerWatcher  # noqa: E402 - it is a Watcher

WATCHERS: Final[tuple[type[Watcher], ...]] = (LedgerWatcher,)
