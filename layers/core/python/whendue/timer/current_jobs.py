"""The jobs behind entries of the due index, as they are now: the index may lag behind them."""

from collections.abc import Sequence
from typing import NamedTuple

from whendue.engine.ports import DueEntry, Item
from whendue.engine.runtime import Runtime
from whendue.jobs.model import Job, from_item
from whendue.table.keys import job_id_of


class Found(NamedTuple):
    """An entry of the due index, and its partition."""

    partition: str
    entry: DueEntry


def current_jobs(runtime: Runtime, entries: Sequence[Found]) -> list[Job | None]:
    """Read the jobs of entries, in order.

    Returns None for an entry that its job has left: the job has another entry by now, or is gone. None also for a job
    that cannot be read, which is logged: each later scan of rescue logs it again.

    Raises:
        UnavailableError: the table does not answer for now.
    """
    items: dict[Found, Item | None] = {}

    def read(some: Sequence[Found]) -> None:
        items.update(zip(some, runtime.store.get([found.entry.key for found in some]), strict=True))

    runtime.bulkhead.together(entries, read, stage="read", name=_job_id)
    stored = [(found, item) for found, item in items.items() if item]
    read_jobs = runtime.bulkhead.each(
        stored, lambda pair: from_item(pair[1]), stage="read", name=lambda pair: _job_id(pair[0])
    )
    jobs = {found: job for (found, _), job in read_jobs if (job.due_pk, job.check_at) == _place(found)}
    return [jobs.get(found) for found in entries]


def _place(found: Found) -> tuple[str, int]:
    return found.partition, found.entry.check_at


def _job_id(found: Found) -> str:
    return job_id_of(found.entry.pk)
