"""The failed attempts of a job: the last ones, and all of them page by page."""

from typing import Any, Final, NamedTuple

from whendue.engine.readable import readable
from whendue.engine.runtime import Runtime
from whendue.jobs.failures import began
from whendue.jobs.model import Failure, Job
from whendue.operations.commands import find
from whendue.table.keys import attempt_key, name_of

LAST_GENERATION: Final = 999_999


class AttemptPage(NamedTuple):
    """Some failed attempts, newest first, and where to go on; a cursor of None is the end."""

    attempts: list[Failure]
    cursor: str | None


class Attempts:
    """Lists failed attempts."""

    def __init__(self, runtime: Runtime) -> None:
        """Use this runtime."""
        self._runtime = runtime

    def last(self, job: Job, limit: int) -> list[Failure]:
        """List the last failures, oldest first; the table is asked only if there may be more than one.

        With those that are no attempts, and only say why the job ended.

        Raises:
            UnavailableError: the table does not answer.
        """
        if job.last is None:
            return []
        if job.last.attempt == 1 and job.last.generation == 1:
            return [job.last]
        kept, _ = self._before(job, LAST_GENERATION + 1, limit)
        return [*reversed(kept)]

    def page(self, tenant: str, job_id: str, limit: int, cursor: str | None) -> AttemptPage:
        """List a job's failed attempts, newest first; a page may be short although there are more.

        Raises:
            JobNotFoundError: the tenant has no such job.
            InvalidCursorError: the cursor is not of this list.
            UnavailableError: the table does not answer.
        """
        job = find(self._runtime.store, tenant, job_id, self._runtime.clock.now_ms())
        bound = ("attempts", tenant, job_id)
        before = int(self._runtime.cursors.open(cursor, bound)) if cursor is not None else LAST_GENERATION + 1
        attempts, goes_on_before = self._before(job, before, limit)
        rest = None if goes_on_before is None else self._runtime.cursors.seal(goes_on_before, bound)
        return AttemptPage([*filter(began, attempts)], rest)

    def _before(self, job: Job, generation: int, limit: int) -> tuple[list[Failure], int | None]:
        """Read the newest attempts before one, newest first, and before which to go on; None at the end.

        One that cannot be read is left out, and noted; those before it are still reached.
        """
        first, last = (attempt_key(job.id, number, job.life).sk for number in (0, max(0, generation - 1)))
        items = self._runtime.store.query_range(job.key.pk, first=first, last=last, limit=limit, newest_first=True)
        kept = readable(self._runtime, items, _failure, "list_attempts")
        # The last one may stand in the job alone.
        hot = [job.last] if job.last and job.last.generation < generation else []
        known = {job.generation: job for job in (*kept, *hot)}
        attempts = sorted(known.values(), key=lambda job: job.generation, reverse=True)
        if len(attempts) > limit:
            return attempts[:limit], attempts[limit - 1].generation
        return attempts, int(name_of(str(items[-1]["sk"]))) if len(items) == limit else None


def _failure(item: Any) -> Failure:
    return Failure(**{name: value for name, value in item.items() if name in Failure.__slots__})
