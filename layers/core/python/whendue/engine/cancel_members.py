"""Cancelling many jobs: the members of a composite that is cancelled."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from whendue.engine.apply import apply
from whendue.engine.ports import Item
from whendue.engine.runtime import Runtime
from whendue.jobs.model import Job, State, from_item
from whendue.jobs.transition import Transition
from whendue.jobs.transitions import cancel, request_cancel
from whendue.quotas import MEMBERS_MAX
from whendue.support.conflicts import CONFLICT, Conflict, retry_on_conflict
from whendue.table.keys import Key, job_id_of, job_key


class CancelledMembers(NamedTuple):
    """What came of it: jobs whose own fan-out is pending now, and whether all are stopped, or asked to."""

    pending: list[Job]
    all: bool


def cancel_members(runtime: Runtime, members: Sequence[Job]) -> CancelledMembers:
    """Cancel jobs, the last first: who waits for another is gone before that one's end could release it.

    What runs is asked to stop; what waits for members of its own is, too.

    Raises:
        UnavailableError: not all could be read.
    """
    pending, refused = list[Job](), list[Key]()

    def read() -> list[Job]:
        return _read(runtime, runtime.store.get(refused)) if refused else list(reversed(members))

    def write(steps: list[Transition]) -> CancelledMembers | Conflict:
        done = apply(runtime, steps)
        pending.extend(step.job for step, end in done if end.done and step.job.pending_fan_out is not None)
        refused[:] = [step.key for step, end in done if not end.done]
        return CONFLICT if refused else CancelledMembers(pending, all=True)

    # What is left then is cancelled by the composite's next check.
    some = CancelledMembers(pending, all=False)
    return retry_on_conflict(read, lambda jobs: _steps(runtime, jobs), write, exhausted=lambda: some)


def cancel_orphaned_members(runtime: Runtime, composite: Job) -> CancelledMembers:
    """Cancel the members that a composite had made when it was cancelled, before it waited for them.

    Raises:
        UnavailableError: they could not be read.
    """
    keys = [job_key(runtime.ids.of_member(composite.member_id_base, number)) for number in range(MEMBERS_MAX)]
    return cancel_members(runtime, _read(runtime, runtime.store.get(keys)))


def _steps(runtime: Runtime, jobs: Sequence[Job]) -> list[Transition]:
    now_ms = runtime.clock.now_ms()
    decided = runtime.bulkhead.each(jobs, lambda job: _stop(job, now_ms), stage="cancel", name=_id)
    return [step for _, step in decided if step]


def _read(runtime: Runtime, items: Iterable[Item | None]) -> list[Job]:
    """Read jobs; one that cannot be read is left out, and the log says so."""
    read = runtime.bulkhead.each(
        [item for item in items if item], from_item, stage="cancel", name=lambda item: job_id_of(item["pk"])
    )
    return [job for _, job in read]


def _id(job: Job) -> str:
    return job.id


def _stop(job: Job, now_ms: int) -> Transition | None:
    if job.terminal or job.cancel_requested:
        return None
    if job.state is State.RUNNING or (job.member_count is not None and job.state is State.WAITING):
        return request_cancel(job, now_ms)
    return cancel(job, now_ms)
