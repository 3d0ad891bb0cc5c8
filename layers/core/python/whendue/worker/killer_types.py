"""Tasks that killed their process lately: jobs of the same tenant and type run apart from their first attempt on.

Otherwise a tenant that goes on submitting such jobs takes a worker down with each.
"""

from whendue.jobs.model import Job
from whendue.quotas import DEADLY_REMEMBERED, DEADLY_S


class KillerTypes:
    """What one worker process remembers; its threads share it."""

    def __init__(self) -> None:
        """Begin with none."""
        self._until_ms: dict[tuple[str, str], int] = {}

    def died_of(self, job: Job, now_ms: int) -> None:
        """Remember that a process died of a job that ran in it alone."""
        kind = (job.tenant, job.type)
        self._until_ms.pop(kind, None)
        self._until_ms[kind] = now_ms + DEADLY_S * 1000
        while len(self._until_ms) > DEADLY_REMEMBERED:
            self._until_ms.pop(next(iter(self._until_ms)), None)

    def has(self, job: Job, now_ms: int) -> bool:
        """Return whether a process died of such a job lately."""
        return self._until_ms.get((job.tenant, job.type), 0) > now_ms
