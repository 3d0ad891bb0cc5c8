"""Health: do the table and the queues answer?"""

from whendue.domain.keys import cursor_key
from whendue.errors import WhendueError
from whendue.ports import JobQueue, JobStore
from whendue.settings import QUEUES


class Health:
    """Asks what we cannot work without."""

    def __init__(self, store: JobStore, queue: JobQueue) -> None:
        """Use these ports."""
        self._store = store
        self._queue = queue

    def ready(self) -> dict[str, str]:
        """Give each dependency's answer: `ok`, or the error's code."""
        return {"table": self._table(), "queues": self._queues()}

    def _table(self) -> str:
        try:
            self._store.get([cursor_key("promote", "health")])
        except WhendueError as error:
            return error.code
        return "ok"

    def _queues(self) -> str:
        try:
            self._queue.backlog(QUEUES[0])
        except WhendueError as error:
            return error.code
        return "ok"
