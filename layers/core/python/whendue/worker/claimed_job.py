"""A received job, and a claimed one on its way through a worker: its lease, deadline and context."""

from contextlib import suppress
from dataclasses import dataclass, field

from whendue.declarations.context import Context
from whendue.engine.ports import JobStore, ReceivedMessage, WriteStatus
from whendue.engine.runtime import Runtime
from whendue.errors import UnavailableError, UnstorableError
from whendue.jobs.lifetime import belonging
from whendue.jobs.model import Job
from whendue.jobs.transitions import heartbeat
from whendue.limits.slot_model import Slot
from whendue.quotas import LEASE_MIN_S, PREFETCH_HELD_S
from whendue.table.keys import log_key, once_key
from whendue.table.writes import Write, insert

# A message and the job that it carries.
Received = tuple[ReceivedMessage, Job]


@dataclass(slots=True)
class ClaimedJob:
    """A job that this worker has claimed.

    Args:
        message: the received message that carried it.
        job: as claimed.
        context: the task's context.
        deadline_ms: when its attempt is interrupted, ms UTC.
        slot: the slot of a limited key that it runs in.
        cause: why it was interrupted; None if it was not.
        cancel_seen: the task knows that a cancel was requested.
        owned: whether its lease is renewed; False once the claim is lost or given up.
        ended: its attempt has ended, and is recorded soon.
        lease_until: when the lease ends, as last renewed.
        beat_at_ms: when the lease is renewed next, ms UTC.
        hidden_until_ms: when its message becomes visible again, at the earliest, ms UTC.
    """

    message: ReceivedMessage
    job: Job
    context: Context
    deadline_ms: int
    slot: Slot | None = None
    cause: str | None = None
    cancel_seen: bool = False
    owned: bool = True
    ended: bool = False
    beat_at_ms: int = 0
    hidden_until_ms: int = 0
    lease_until: int = field(init=False)

    def __post_init__(self) -> None:
        """Start with the claim's lease."""
        self.lease_until = self.job.lease_until

    @property
    def beat_every_ms(self) -> int:
        """The time between two heartbeats: there are three before the lease ends, or the shortest lease there is."""
        return max(LEASE_MIN_S, self.job.policy.lease_s) * 1000 // 3

    @property
    def free_at(self) -> int:
        """When another worker may run it, ms UTC. A task that did not stop may run until its lease has expired (G4)."""
        return 0 if self.owned else self.lease_until + 1


def claimed(
    runtime: Runtime, message: ReceivedMessage, job: Job, function_deadline_ms: int, slot: Slot | None = None
) -> ClaimedJob:
    """Prepare the run of a claimed job; its attempt ends with its timeout or its function, whichever is first."""
    now_ms = runtime.clock.now_ms()
    deadline_ms = min(now_ms + job.run_policy.timeout_s * 1000, function_deadline_ms)
    context = Context(
        job,
        deadline_ms,
        runtime.clock.now_ms,
        lambda key: _first_time(runtime.store, job, key),
        lambda progress: _publish(runtime, job, progress),
    )
    claimed_job = ClaimedJob(message, job, context, deadline_ms, slot)
    claimed_job.beat_at_ms = now_ms + claimed_job.beat_every_ms
    claimed_job.hidden_until_ms = now_ms + runtime.settings.visibility_s * 1000 - PREFETCH_HELD_S * 1000
    return claimed_job


def log_write(claimed_job: ClaimedJob, now_ms: int) -> Write | None:
    """End an attempt's log; return the write that stores it, None where nothing was logged. `now_ms` is its end."""
    job, kept = claimed_job.job, claimed_job.context.close_log()
    if kept is None:
        return None
    values = {"attempt": job.attempt, "generation": job.generation, "started_at": job.started_at, "ended_at": now_ms}
    lines = {"lines": kept.text, "dropped": kept.dropped, "dropped_after": kept.dropped_after}
    return insert("log", log_key(job.id, job.generation, job.fence or "", job.life), belonging(job, values | lines))


def _publish(runtime: Runtime, job: Job, progress: str) -> bool:
    """Store an attempt's first progress with a heartbeat of its own; False where that is left to the next one.

    It is refused where the job is to be cancelled, or has another worker: the next heartbeat learns of that, too.
    """
    with suppress(UnavailableError), runtime.bulkhead.around("progress", job.id):
        [result] = runtime.store.apply([heartbeat(job, runtime.clock.now_ms(), progress)])
        return result.done
    return False


def _first_time(store: JobStore, job: Job, key: str) -> bool:
    [result] = store.apply([insert("once", once_key(job.id, key, job.life), belonging(job, {"fence": job.fence}))])
    if result.status is WriteStatus.UNAVAILABLE:
        raise UnavailableError
    if result.status is WriteStatus.INVALID:
        raise UnstorableError("the key of once() must be a text, and not longer than a sort key")
    # Or it is this claim's own, changed by the timer since.
    return result.done or bool(result.current and result.current.get("fence") == job.fence)
