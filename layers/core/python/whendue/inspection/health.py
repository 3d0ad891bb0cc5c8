"""Health: do the table and the queues answer, and are all tasks there?"""

from whendue.engine.runtime import Runtime
from whendue.errors import WhendueError
from whendue.settings import QUEUES
from whendue.table.keys import cursor_key


class Health:
    """Asks what we cannot work without."""

    def __init__(self, runtime: Runtime) -> None:
        """Use this runtime."""
        self._runtime = runtime

    def ready(self) -> dict[str, str]:
        """Return the status of each dependency: `ok`, or the error's code."""
        return {"table": self._table(), "queues": self._queues()}

    def broken_modules(self) -> list[str]:
        """Name the modules whose tasks are not there because they could not be imported."""
        return [failed.module for failed in self._runtime.registry.failures]

    def _table(self) -> str:
        try:
            self._runtime.store.get([cursor_key("promote", "health")])
            self._runtime.store.query_due("health", after=None, until_ms=0, limit=1)
        except WhendueError as error:
            return error.code
        return "ok"

    def _queues(self) -> str:
        try:
            self._runtime.queue.depth(QUEUES[0])
        except WhendueError as error:
            return error.code
        return "ok"
