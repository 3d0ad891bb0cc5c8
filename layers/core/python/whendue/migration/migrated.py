"""From the version before to this one: how a job of a table without the tenant index is changed. Pure."""

from collections.abc import Mapping
from typing import Any, Final

from whendue.jobs.due_index import live_partition
from whendue.jobs.model import Job, State
from whendue.jobs.transition import archive, as_read
from whendue.table.writes import REMOVE, Condition, Lacks, Write

# Partitions in which finished jobs were listed.
FORMER: Final = "done#"


def migrated(job: Job, item: Mapping[str, Any]) -> Write | None:
    """Return the write that lists a job as this version does; None where nothing is to be done.

    Refused where the job has been redriven meanwhile: then it is read again. What runs is not held up, since no
    transition expects anything of these fields but `postpone_check`, and of a live job none of its is changed.

    Args:
        job: as read.
        item: its item.
    """
    expected: list[Condition] = []
    changes: dict[str, Any] = {}
    if "tenant_pk" not in item:
        expected.append(Lacks("tenant_pk"))
        changes["tenant_pk"] = job.tenant_pk
    if job.due_pk.startswith(FORMER):
        expected += as_read(job)
        changes |= _moved(job)
    return Write("migrate", job.key, expected, changes) if changes else None


def _moved(job: Job) -> dict[str, Any]:
    """Return how a finished job leaves the partition of its day: into that of the dead, or out of the index."""
    if job.state is not State.DEAD:
        return {"due_pk": live_partition(job.queue, job.shard), "check_at": REMOVE}
    listed = archive(job, job.state, job.finished_at or job.created_at, job.last)
    # Its retention stands: others may depend on it.
    return {field: value for field, value in listed.items() if field != "expires_at"}
