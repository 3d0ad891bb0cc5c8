"""Query: one job with its timeline, why it has not run yet, and lists of jobs."""

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

from whendue.domain.dependency import numbers
from whendue.domain.explain import Awaited, Reason, explain
from whendue.domain.job import Failure, Job, State, from_item
from whendue.domain.keys import job_key
from whendue.services.control import find
from whendue.services.listing import JobFilter, Listing, Page
from whendue.services.outside import Ports
from whendue.services.parents import Parents
from whendue.services.pauses import Pauses


class JobView(NamedTuple):
    """A job with all that belongs to it: payload and result as JSON values, failed attempts oldest first."""

    job: Job
    payload: Any
    result: Any
    attempts: list[Failure]


class Explained(NamedTuple):
    """A job and the reasons why it has not run yet, the most telling one first."""

    job: Job
    reasons: list[Reason]


class Query:
    """Answers questions; changes nothing."""

    def __init__(self, ports: Ports, pauses: Pauses) -> None:
        """Use these ports."""
        self._ports = ports
        self._listing = Listing(ports)
        self._pauses = pauses
        self._parents = Parents(ports)

    def get(self, tenant: str, job_id: str) -> JobView:
        """Show a job.

        Raises:
            JobNotFoundError: the tenant has no such job.
            UnavailableError: the table does not answer.
        """
        return self.views([find(self._ports.store, tenant, job_id, self._ports.effects.now_ms())])[0]

    def views(self, jobs: Sequence[Job]) -> list[JobView]:
        """Show jobs with all that belongs to them, in order.

        Raises:
            UnavailableError: the table does not answer.
        """
        documents = self._ports.documents
        payloads = documents.payloads(jobs)
        return [
            JobView(job, _value(payloads[job.id]), _value(documents.result(job)), self._attempts(job)) for job in jobs
        ]

    def _attempts(self, job: Job) -> list[Failure]:
        """List the failed attempts; the last one is in the hot item, the table is asked only if there may be more."""
        if job.last is None:
            return []
        if job.last.attempt == 1 and job.last.generation == 1:
            return [job.last]
        family = self._ports.store.family(job.key.pk)
        kept = [_failure(item) for item in family if item["sk"].startswith("attempt#")]
        return sorted({one.generation: one for one in [*kept, job.last]}.values(), key=lambda one: one.generation)

    def explain(self, tenant: str, job_id: str) -> Explained:
        """Say why a job has not run yet.

        Raises:
            JobNotFoundError: the tenant has no such job.
            UnavailableError: table or queue do not answer.
        """
        now_ms = self._ports.effects.now_ms()
        job = find(self._ports.store, tenant, job_id, now_ms)
        waits = job.state is State.PENDING and now_ms >= job.due_at
        backlog = self._ports.queue.depth(job.queue).visible if waits else 0
        pause = None if job.terminal else self._pauses.of_job(job)
        return Explained(job, explain(job, now_ms, self._ports.settings.timing, backlog, pause, self._awaited(job)))

    def _awaited(self, job: Job) -> dict[int, Awaited]:
        """Read those whose ends a job waits for, but for parts of its own: of them there may be a thousand."""
        left = numbers(job.awaits) if job.parts is None else []
        if not left:
            return {}
        parents = self._parents.of(job)
        items = self._ports.store.get([job_key(parents[number].id) for number in left if number in parents])
        jobs = {found.id: found for found in map(from_item, filter(None, items))}
        return {n: Awaited(parents[n], jobs.get(parents[n].id)) for n in left if n in parents}

    def list(self, tenant: str, wanted: JobFilter, limit: int, cursor: str | None, name: str = "jobs") -> Page:
        """List a tenant's jobs, page by page; a page may be short while its cursor says that there is more.

        A cursor is good for the list of its name alone.

        Raises:
            InvalidCursorError: the cursor is not of this list.
            UnavailableError: the table does not answer.
        """
        return self._listing.page(name, tenant, wanted, limit, cursor)


def _value(text: str | None) -> Any:
    return None if text is None else json.loads(text)


def _failure(item: Any) -> Failure:
    return Failure(**{name: value for name, value in item.items() if name in Failure.__slots__})
