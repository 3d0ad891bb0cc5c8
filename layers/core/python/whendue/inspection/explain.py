"""Explain: why a job has not run yet."""

from typing import NamedTuple

from whendue.engine.runtime import Runtime
from whendue.inspection.explain_rules import Reason, explain
from whendue.inspection.surroundings import Surroundings
from whendue.jobs.model import Job
from whendue.operations.commands import find


class Explained(NamedTuple):
    """A job and the reasons why it has not run yet, the most relevant one first."""

    job: Job
    reasons: list[Reason]


class Explainer:
    """Explains jobs; changes nothing."""

    def __init__(self, runtime: Runtime, around: Surroundings) -> None:
        """Use this runtime; `around` sees what a job waits for."""
        self._runtime = runtime
        self._around = around

    def explain(self, tenant: str, job_id: str) -> Explained:
        """Return why a job has not run yet.

        Raises:
            JobNotFoundError: the tenant has no such job.
            UnavailableError: table or queue do not answer.
        """
        now_ms = self._runtime.clock.now_ms()
        job = find(self._runtime.store, tenant, job_id, now_ms)
        return Explained(job, explain(job, now_ms, self._runtime.settings.timing, self._around.look(job, now_ms)))
