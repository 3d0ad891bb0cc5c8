"""Lists: no job is listed as dead before operators can find its tenant."""

from tests.simulation.scheduler import Process
from tests.simulation.watchers import Watcher
from whendue.engine.ports import Item
from whendue.jobs.due_index import DEAD
from whendue.table.keys import dead_tenant_key
from whendue.table.writes import Write


class ListWatcher(Watcher):
    """Watches what lists depend on."""

    def wrote(self, process: Process, write: Write, before: Item | None, after: Item) -> None:
        """Look at a write of any item that took effect."""
        is_listed = str(after.get("due_pk", "")).startswith(DEAD) and "check_at" in after
        if write.key.sk != "job" or not is_listed or after.get("subscription"):
            return
        [note] = self.world.store.get([dead_tenant_key(after["tenant"])])
        if note is None:
            self.world.monitor.wrong("a dead job is out of an operator's sight")
