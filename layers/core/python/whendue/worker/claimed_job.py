"""A claimed job on its way through a worker, and the ports that workers use."""

from dataclasses import dataclass, field

from whendue.declarations.context import Context
from whendue.engine.ports import JobStore, ReceivedMessage, WriteStatus
from whendue.engine.runtime import Runtime
from whendue.errors import UnavailableError, UnstorableError
from whendue.jobs.lifetime import belonging
from whendue.jobs.model import Job
from whendue.limits.slot_model import Slot
from whendue.table.keys import once_key
from whendue.table.writes import insert

# A message and the job that it carries.
Received = tuple[ReceivedMessage, Job]


@dataclass(slots=True)
class ClaimedJob:
    """A job that this worker has claimed.

    Args:
        delivery: the message it came by.
        job: as claimed.
        context: the task's.
        deadline_ms: when its attempt is interrupted, ms UTC.
        slot: the slot of a limited key that it runs in.
        cause: why it was interrupted, None while it was not.
        told: the task knows that a cancel was requested.
        owned: its lease is renewed; False once the claim is lost or given up.
        lease_until: when the lease ends, as last renewed.
    """

    delivery: ReceivedMessage
    job: Job
    context: Context
    deadline_ms: int
    slot: Slot | None = None
    cause: str | None = None
    told: bool = False
    owned: bool = True
    lease_until: int = field(init=False)

    def __post_init__(self) -> None:
        """Start with the claim's lease."""
        self.lease_until = self.job.lease_until

    @property
    def free_at(self) -> int:
        """When another may run it: a task that did not stop may go on until its lease has expired (G4), ms UTC."""
        return 0 if self.owned else self.lease_until + 1


def claimed(
    runtime: Runtime, delivery: ReceivedMessage, job: Job, function_deadline_ms: int, slot: Slot | None = None
) -> ClaimedJob:
    """Make ready a claimed job; its attempt ends with its timeout or its function, whichever is first."""
    deadline_ms = min(runtime.clock.now_ms() + job.policy.timeout_s * 1000, function_deadline_ms)
    context = Context(job, deadline_ms, runtime.clock.now_ms, lambda key: _first_time(runtime.store, job, key))
    return ClaimedJob(delivery, job, context, deadline_ms, slot)


def _first_time(store: JobStore, job: Job, key: str) -> bool:
    [end] = store.apply([insert("once", once_key(job.id, key, job.life), belonging(job, {"fence": job.fence}))])
    if end.status is WriteStatus.UNAVAILABLE:
        raise UnavailableError
    if end.status is WriteStatus.INVALID:
        raise UnstorableError("the key of once() must be a text, and not longer than a sort key")
    # Or it is ours, and the timer has looked at it since.
    return end.done or bool(end.current and end.current.get("fence") == job.fence)
