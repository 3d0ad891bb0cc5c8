"""What jobs say of an operation: the change that it has asked for is noted in the job, by the write that makes it."""

from collections.abc import Mapping
from typing import Any

from whendue.engine.runtime import Runtime
from whendue.jobs.model import Job
from whendue.jobs.transition import change_number
from whendue.quotas import CHANGES_KEPT
from whendue.table.keys import change_range


class Notes:
    """Reads changes of jobs."""

    def __init__(self, runtime: Runtime) -> None:
        """Use this runtime."""
        self._runtime = runtime

    def has(self, job: Job, operation_id: str, asked: int) -> bool:
        """Return whether an operation is among what was asked of a job after the first `asked` requests.

        The table is asked only if more than one came since.

        Raises:
            UnavailableError: the table does not answer.
        """
        if job.change is None:
            return False
        if job.change.get("operation") == operation_id:
            return True
        return change_number(job) > asked + 1 and any(
            change.get("operation") == operation_id and change.get("number", 0) > asked for change in self._kept(job)
        )

    def _kept(self, job: Job) -> list[Mapping[str, Any]]:
        first, last = change_range(job.life)
        return self._runtime.store.query_range(job.key.pk, first=first, last=last, limit=CHANGES_KEPT)
