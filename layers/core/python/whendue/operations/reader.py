"""Reading jobs: one with its timeline, or several with all that belongs to them."""

import json
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

from whendue.engine.runtime import Runtime
from whendue.errors import DocumentNotFoundError
from whendue.jobs.failures import began
from whendue.jobs.model import Failure, Job, State
from whendue.operations.attempts import Attempts
from whendue.operations.commands import find
from whendue.quotas import ATTEMPTS_SHOWN, DOCUMENT_SHOWN_BYTES


class JobView(NamedTuple):
    """A job with all that belongs to it.

    Args:
        job: the job.
        payload, result: JSON values; None for one that stands in `apart`.
        attempts: those that failed, oldest first; the newest ones, where there are many.
        apart: the sizes of payload and result that are too large to be shown beside all else, in bytes.
        wait_refused: whether a wait for its end was asked for, and too many requests of the tenant wait.
    """

    job: Job
    payload: Any
    result: Any
    attempts: list[Failure]
    apart: Mapping[str, int] = MappingProxyType({})
    wait_refused: bool = False


class JobReader:
    """Answers questions; changes nothing."""

    def __init__(self, runtime: Runtime) -> None:
        """Use this runtime."""
        self._runtime = runtime
        self._attempts = Attempts(runtime)

    def get(self, tenant: str, job_id: str, wait_s: float = 0) -> JobView:
        """Show a job, when it has ended or the time is over.

        Args:
            tenant: whose job it is.
            job_id: id of the job.
            wait_s: how long to wait for its end, seconds.

        Raises:
            JobNotFoundError: the tenant has no such job.
            UnavailableError: the table does not answer.
        """
        job, refused = self._ended(tenant, job_id, wait_s)
        view = self._view(job, self._runtime.payloads.payloads([job])[job.id], ATTEMPTS_SHOWN)
        return view._replace(wait_refused=True) if refused else view

    def _ended(self, tenant: str, job_id: str, wait_s: float) -> tuple[Job, bool]:
        if not wait_s:
            return find(self._runtime.store, tenant, job_id, self._runtime.clock.now_ms()), False
        from whendue.operations.waiting import wait_for_end

        return wait_for_end(self._runtime, tenant, job_id, wait_s)

    def document(self, tenant: str, job_id: str, name: Literal["payload", "result"]) -> str:
        """Return a job's payload or result as JSON text, of any size.

        Raises:
            JobNotFoundError: the tenant has no such job.
            DocumentNotFoundError: it has none, or it is gone.
            UnavailableError: the table does not answer.
        """
        job = find(self._runtime.store, tenant, job_id, self._runtime.clock.now_ms())
        payloads = self._runtime.payloads
        text = payloads.payloads([job])[job.id] if name == "payload" else payloads.result(job)
        if text is None and name == "result" and job.state is State.SUCCEEDED and job.result_at is None:
            # A task that returns nothing stores nothing.
            return "null"
        if text is None:
            raise DocumentNotFoundError(f"the job has no {name}, or it is no longer kept")
        return text

    def views(self, jobs: Sequence[Job], attempts: int = ATTEMPTS_SHOWN) -> list[JobView]:
        """Show jobs with all that belongs to them, in order, and up to this many failed attempts of each.

        Raises:
            UnavailableError: the table does not answer.
        """
        payloads = self._runtime.payloads.payloads(jobs)
        each = self._runtime.bulkhead.each
        shown = each(jobs, lambda job: self._view(job, payloads[job.id], attempts), stage="view", name=_name)
        return [view for _, view in shown]

    def _view(self, job: Job, payload: str | None, attempts: int) -> JobView:
        texts = {"payload": payload, "result": self._runtime.payloads.result(job)}
        sizes = {name: len(text.encode()) for name, text in texts.items() if text is not None}
        apart = {name: size for name, size in sizes.items() if size > DOCUMENT_SHOWN_BYTES}
        values = {name: None if name in apart else _value(text) for name, text in texts.items()}
        failed = [*filter(began, self._attempts.last(job, attempts))]
        return JobView(job, values["payload"], values["result"], failed, apart)


def _name(job: Job) -> str:
    return job.id


def _value(text: str | None) -> Any:
    return None if text is None else json.loads(text)
