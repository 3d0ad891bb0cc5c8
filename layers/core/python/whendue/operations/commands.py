"""Control: cancel, redrive, reschedule and reprioritise a job."""

from collections.abc import Callable
from typing import NamedTuple, NoReturn

from whendue.engine.cancel_members import cancel_orphaned_members
from whendue.engine.commit import commit
from whendue.engine.fan_out import CompletionFanOut
from whendue.engine.ports import JobStore
from whendue.engine.readable import read_one
from whendue.engine.reconcile import DependencyReconciler
from whendue.engine.runtime import Runtime
from whendue.errors import (
    InvalidExpiryError,
    JobNotFoundError,
    PreconditionFailedError,
    StateConflictError,
    UnreadableError,
    invalid_at,
)
from whendue.jobs.lifetime import STANDS_FOR, is_over
from whendue.jobs.model import Job, State, from_item, shown_state
from whendue.jobs.transition import Transition
from whendue.jobs.transitions import cancel, redrive, replay, request_cancel, reschedule
from whendue.operations.revision import revision
from whendue.quotas import HORIZON_S, REDRIVE_AGE_S
from whendue.settings import NOTIFICATIONS, Settings, Timing
from whendue.support.conflicts import CONFLICT, Conflict, NoWrite, retry_on_conflict
from whendue.table.ids import ID_LENGTH
from whendue.table.keys import job_key

# Revisions of which a job must have one (`whendue.operations.revision`); None: whichever.
Versions = frozenset[str] | None


def find(store: JobStore, tenant: str, job_id: str, now_ms: int) -> Job:
    """Read a tenant's job.

    Raises:
        JobNotFoundError: there is none, it is another tenant's, or its retention is over.
        UnreadableError: it cannot be read.
        UnavailableError: the table does not answer.
    """
    if len(job_id) != ID_LENGTH:
        raise JobNotFoundError(f"no job has the id {job_id}")
    job = _read(store, tenant, job_id)
    if job is None or is_gone(store, job, now_ms):
        raise JobNotFoundError(f"no job has the id {job_id}")
    return job


def _read(store: JobStore, tenant: str, job_id: str) -> Job | None:
    """Read a tenant's job. Nobody learns of another tenant's that there is one, not even that it cannot be read."""
    [item] = store.get([job_key(job_id)])
    if item is None or STANDS_FOR in item:
        return None
    try:
        job = read_one(item, from_item, f"the job {job_id}")
    except UnreadableError:
        if item.get("tenant") == tenant:
            raise
        return None
    return job if job.tenant == tenant else None


def is_gone(store: JobStore, job: Job, now_ms: int) -> bool:
    """Return whether a job's retention is over; an ended member is deleted with its composite."""
    while job.terminal and job.parent_id is not None:
        whole = _read(store, job.tenant, job.parent_id)
        if whole is None:
            return True
        job = whole
    return is_over(job, now_ms)


class _Seen(NamedTuple):
    """A job as read, and the time (ms UTC)."""

    job: Job
    now_ms: int


class JobCommands:
    """Changes jobs on request."""

    def __init__(self, runtime: Runtime) -> None:
        """Use this runtime."""
        self._runtime = runtime

    def cancel(self, tenant: str, job_id: str, expected: Versions = None, *, by: str | None = None) -> Job:
        """Cancel a job: at once while it is pending, cooperatively while it runs (guarantee G9).

        Here and below, `by` is who asks for it, as the job's history shows it.

        Raises:
            JobNotFoundError: the tenant has no such job.
            StateConflictError: it has succeeded or is dead.
            UnavailableError: the outcome is unknown; send it again.
        """

        def step(job: Job, now_ms: int) -> Transition | None:
            return cancel_step(job, now_ms, by)

        job = self._change(tenant, job_id, step, expected)
        self.stop_orphans(job)
        return job

    def stop_orphans(self, job: Job) -> None:
        """Cancel what a composite has made that was asked to stop before it waits for that.

        Raises:
            UnavailableError: not all could be read.
        """
        if job.state is State.RUNNING and job.expands and job.member_count is None:
            # Its worker may be gone: then the timer would send what it has made before that is cancelled.
            stopped = cancel_orphaned_members(self._runtime, job)
            CompletionFanOut(self._runtime).run(stopped.pending)

    def redrive(
        self, tenant: str, job_id: str, delay_ms: int = 0, expected: Versions = None, *, by: str | None = None
    ) -> Job:
        """Run a dead, cancelled or expired job again, after a delay, with all its attempts and without an expiry.

        Raises:
            JobNotFoundError: the tenant has no such job.
            StateConflictError: it is neither dead, cancelled nor expired, or too old.
            UnavailableError: the outcome is unknown; send it again.
        """

        def step(job: Job, now_ms: int) -> Transition:
            return redrive_step(job, now_ms + delay_ms, now_ms, self._runtime.settings.timing, by)

        return self._change(tenant, job_id, step, expected)

    def replay(self, tenant: str, subscription: str, job_id: str, *, by: str | None = None) -> Job:
        """Deliver once more, with all attempts and under the same id, what has been delivered or was given up.

        Raises:
            JobNotFoundError: the subscription has no such delivery.
            StateConflictError: it is still on its way.
            UnavailableError: the outcome is unknown; send it again.
        """

        def step(job: Job, now_ms: int) -> Transition:
            if job.subscription != subscription:
                raise JobNotFoundError
            if not job.terminal:
                raise _conflict("a delivery that has not ended cannot be replayed", job, now_ms)
            again = replay if job.state is State.SUCCEEDED else redrive
            return again(job, now_ms, now_ms, self._runtime.settings.timing, by=by)

        return self._change(tenant, job_id, step)

    def reschedule(
        self,
        tenant: str,
        job_id: str,
        due_at: int | None,
        queue: str | None,
        expected: Versions = None,
        *,
        by: str | None = None,
    ) -> Job:
        """Change the due time (ms UTC; the past means now) or the queue of a pending job, or both.

        What it has already is no change, and nothing is written.

        Raises:
            InvalidRequestError: the due time is too far ahead.
            UnknownQueueError: there is no such queue.
            TimeoutTooLongError: no worker of the queue can keep its timeout.
            JobNotFoundError: the tenant has no such job.
            StateConflictError: it is not pending.
            PreconditionFailedError: it is none of the expected versions.
            InvalidExpiryError: it could not begin before its expiry.
            UnavailableError: the outcome is unknown; send it again.
        """
        if queue is not None:
            self._runtime.settings.check_queue(queue)

        def step(job: Job, now_ms: int) -> Transition | None:
            return reschedule_step(job, due_at, queue, now_ms, self._runtime.settings, by)

        return self._change(tenant, job_id, step, expected)

    def _change(
        self, tenant: str, job_id: str, step: Callable[[Job, int], Transition | None], expected: Versions = None
    ) -> Job:
        """Change a job by a step of what it is and the time (ms UTC); None of a step leaves it as it is."""

        def read() -> _Seen:
            now_ms = self._runtime.clock.now_ms()
            return _Seen(find(self._runtime.store, tenant, job_id, now_ms), now_ms)

        def decide(seen: _Seen) -> tuple[Transition, int] | NoWrite[Job]:
            if expected is not None and revision(seen.job) not in expected:
                raise PreconditionFailedError
            transition = step(*seen)
            return NoWrite(seen.job) if transition is None else (transition, seen.now_ms)

        return retry_on_conflict(read, decide, lambda plan: self._commit(*plan), exhausted=_keeps_changing)

    def _commit(self, transition: Transition, now_ms: int) -> Job | Conflict:
        [end] = commit(self._runtime, [transition], now_ms)
        if end.done_or_raise():
            self.stop_members(transition)
            return transition.job
        if end.current and "pending_fan_out" in end.current:
            # Dependents are released by this end before the job can have another one.
            CompletionFanOut(self._runtime).run([from_item(end.current)])
        return CONFLICT

    def stop_members(self, transition: Transition) -> None:
        """Cancel the members of a composite that is cancelled; its next check goes on with what is left."""
        if transition.name == "request_cancel" and transition.job.state is State.WAITING:
            DependencyReconciler(self._runtime).reconcile([transition.job])


# --- what is asked of a job, alone or in bulk -----------------------------------------------------------------------


def cancel_step(job: Job, now_ms: int, by: str | None) -> Transition | None:
    """Return how a job is cancelled; None if it has been, or was asked to stop.

    Raises:
        StateConflictError: it has ended otherwise.
    """
    if job.terminal and job.state is not State.CANCELLED:
        raise _conflict("a job or workflow that has finished cannot be cancelled", job, now_ms)
    if job.terminal or job.cancel_requested:
        return None
    if job.state is State.RUNNING or (job.state is State.WAITING and job.member_count is not None):
        return request_cancel(job, now_ms, by)
    return cancel(job, now_ms, by)


def redrive_step(job: Job, due_at: int, now_ms: int, timing: Timing, by: str | None) -> Transition:
    """Return how a job is run again at a time, ms UTC.

    Raises:
        StateConflictError: it is neither dead, cancelled nor expired, or too old.
    """
    if job.state not in (State.DEAD, State.CANCELLED, State.EXPIRED):
        raise _conflict("only dead, cancelled and expired jobs can be run again", job, now_ms)
    if job.created_at < now_ms - REDRIVE_AGE_S * 1000:
        raise _conflict(f"a job older than {REDRIVE_AGE_S // 86_400} days cannot be run again", job, now_ms)
    return redrive(job, due_at, now_ms, timing, by=by)


def reschedule_step(
    job: Job, due_at: int | None, queue: str | None, now_ms: int, settings: Settings, by: str | None
) -> Transition | None:
    """Return how a job's due time (ms UTC; the past means now), its queue or both are changed; None if it has both.

    Raises:
        StateConflictError: it is not pending.
        InvalidRequestError: the due time is too far ahead.
        TimeoutTooLongError: an attempt may take longer than any worker of the queue has.
        InvalidExpiryError: it could not begin before its expiry.
    """
    if job.state is not State.PENDING:
        raise _conflict(
            "only a job that waits for its due time or for a worker can be rescheduled or reprioritised",
            job,
            now_ms,
        )
    if queue is not None and job.queue == NOTIFICATIONS:
        raise _conflict("the priority of a delivery cannot be changed", job, now_ms)
    if queue is not None and not job.expands:
        settings.check_timeout(job.policy.timeout_s, queue, "the job")
    wanted = job.due_at if due_at is None or due_at == job.due_at else max(due_at, now_ms)
    if wanted == job.due_at and queue in (None, job.queue):
        return None
    if wanted > job.created_at + HORIZON_S * 1000:
        raise invalid_at("dueAt", f"must be at most {HORIZON_S // 86_400} days after the job was submitted")
    if due_at is not None and job.is_past_expiry(wanted):
        raise InvalidExpiryError("dueAt must be before expiresAt, after which the job does not begin")
    return reschedule(job, wanted, queue or job.queue, now_ms, settings.timing, by=by)


def _keeps_changing() -> NoReturn:
    raise StateConflictError("the job keeps changing; try again")


def _conflict(rule: str, job: Job, now_ms: int) -> StateConflictError:
    state = shown_state(job, now_ms)
    return StateConflictError(f"{rule}; this one is {state}", state=state)
