"""What a job's attempts have logged, an attempt at a time."""

from typing import Any, NamedTuple

from whendue.declarations.attempt_log import LogLine, read_lines
from whendue.engine.ports import Item
from whendue.engine.readable import readable
from whendue.engine.runtime import Runtime
from whendue.operations.commands import find
from whendue.quotas import LOGS_READ
from whendue.table.keys import log_range


class StoredLog(NamedTuple):
    """What one run of an attempt has logged.

    Args:
        attempt: its number.
        started_at, ended_at: of the run, ms UTC.
        lines: oldest first.
        dropped: how many lines were left out.
        dropped_after: the number of lines before those.
    """

    attempt: int
    started_at: int | None
    ended_at: int
    lines: list[LogLine]
    dropped: int
    dropped_after: int


class LogPage(NamedTuple):
    """Some logs, newest first, and where to go on; a cursor of None is the end."""

    logs: list[StoredLog]
    cursor: str | None


class JobLogs:
    """Lists logs."""

    def __init__(self, runtime: Runtime) -> None:
        """Use this runtime."""
        self._runtime = runtime

    def page(self, tenant: str, job_id: str, attempt: int | None, limit: int, cursor: str | None) -> LogPage:
        """List what a job's attempts have logged, newest first; one that cannot be read is left out, and noted.

        Args:
            tenant: whose job it is.
            job_id: the job.
            attempt: only attempts of this number; there is one for each time that the job was run again.
            limit: maximum number of logs, at most `LOGS_READ`.
            cursor: where to go on; None starts.

        Raises:
            JobNotFoundError: the tenant has no such job.
            InvalidCursorError: the cursor is not of this list.
            UnavailableError: the table does not answer.
        """
        job = find(self._runtime.store, tenant, job_id, self._runtime.clock.now_ms())
        bound = ("logs", tenant, job_id, attempt)
        first, last = log_range(job.life)
        if cursor is not None:
            last = str(self._runtime.cursors.open(cursor, bound))
        reads = limit if attempt is None else LOGS_READ
        # One more says whether there are more, and is where the next page begins.
        items = self._runtime.store.query_range(job.key.pk, first=first, last=last, limit=reads + 1, newest_first=True)
        kept = [(item, number) for number, item in enumerate(items[:reads]) if _is_of(item, attempt)][:limit]
        end = kept[-1][1] + 1 if len(kept) == limit else reads
        rest = self._runtime.cursors.seal(items[end]["sk"], bound) if end < len(items) else None
        return LogPage(readable(self._runtime, [item for item, _ in kept], _log, "list_logs"), rest)


def _is_of(item: Item, attempt: int | None) -> bool:
    return attempt is None or item.get("attempt") == attempt


def _log(item: Any) -> StoredLog:
    values = {name: item.get(name) for name in StoredLog._fields}
    return StoredLog(**values | {"lines": read_lines(item["lines"])})
