"""Overlaps: skip fires, and cancel the jobs that a newer fire replaces."""

from collections.abc import Collection, Sequence
from typing import Final

from whendue.engine.commit import commit_unsent
from whendue.engine.ports import WriteResult, WriteStatus
from whendue.engine.runtime import Runtime
from whendue.jobs.model import Job, State, from_item
from whendue.jobs.transitions import request_cancel, skip
from whendue.limits.overlap_policy import nominal_of, skip_fire
from whendue.limits.slot_model import LimitState, Slot, Waiter, queue_position, reservation_token
from whendue.schedules.fires import OVERLAPPED
from whendue.table.keys import job_key

MESSAGE: Final = "another job of its schedule had not ended"
UNKNOWN: Final = WriteResult(WriteStatus.UNAVAILABLE)


class OverlapService:
    """Carries out the overlap policies of schedules."""

    def __init__(self, runtime: Runtime) -> None:
        """Use this runtime."""
        self._runtime = runtime

    def skip(self, jobs: Sequence[Job], now_ms: int) -> list[WriteResult]:
        """Skip jobs: end them, then enter that in the history of fires; UNAVAILABLE if one of the two is unknown."""
        if not jobs:
            return []
        results = commit_unsent(self._runtime, [skip(job, OVERLAPPED, MESSAGE, now_ms) for job in jobs])
        done = [job for job, result in zip(jobs, results, strict=True) if result.done]
        entered = self.enter(done)
        return [
            UNKNOWN if job.id not in entered and result.done else result
            for job, result in zip(jobs, results, strict=True)
        ]

    def enter(self, jobs: Sequence[Job]) -> set[str]:
        """Enter skipped jobs in the history of fires; return the ids of those that are entered."""
        results = self._runtime.store.apply([skip_fire(job) for job in jobs]) if jobs else []
        return {
            job.id for job, result in zip(jobs, results, strict=True) if result.status is not WriteStatus.UNAVAILABLE
        }

    def waiters(self, limit_state: LimitState, jobs: Sequence[Job], now_ms: int) -> list[Waiter]:
        """Return the waiters that still wait for the slot, if one of the jobs has an overlap policy.

        One past its expiry does not: with `buffer_one` the next fire would be skipped for a job that never runs.

        Raises:
            UnavailableError: the table does not answer.
        """
        waiters = limit_state.waiters if any(job.overlap for job in jobs) else ()
        stored = self._stored([waiter.job_id for waiter in waiters])
        pending = [job for job in stored if job.state is State.PENDING and not job.is_past_expiry(now_ms)]
        positions = set(map(queue_position, pending))
        return [waiter for waiter in waiters if waiter in positions]

    def supersede(self, limit_state: LimitState, newer: Job, now_ms: int) -> list[Slot] | None:
        """Cancel running and waiting jobs of older fires; return the slots that were reserved for the waiting ones.

        Returns None if a still newer fire runs or waits: then this one is to be skipped.

        Raises:
            UnavailableError: the table does not answer.
        """
        holders = {item["job_id"] for item in limit_state.slots.values() if item["lease_until"] >= now_ms}
        others = self._others(holders | {waiter.job_id for waiter in limit_state.waiters}, newer)
        if any(nominal_of(job) > nominal_of(newer) for job in others):
            return None
        running = [job for job in others if job.state is State.RUNNING and not job.cancel_requested]
        commit_unsent(self._runtime, [request_cancel(job, now_ms) for job in running])
        # A job that has begun once runs, or is not skipped while it waits for its retry.
        waiting = [job for job in others if not job.claims]
        self.skip(waiting, now_ms)
        gone = {reservation_token(job) for job in waiting}
        slots = (Slot(limit_state.key_of(number), item["fence"]) for number, item in limit_state.slots.items())
        return [slot for slot in slots if slot.fence in gone]

    def _others(self, job_ids: Collection[str], newer: Job) -> list[Job]:
        return [job for job in self._stored(sorted(set(job_ids) - {newer.id})) if not job.terminal]

    def _stored(self, job_ids: Sequence[str]) -> list[Job]:
        items = self._runtime.store.get([job_key(job_id) for job_id in job_ids]) if job_ids else []
        stored = [item for item in items if item]
        read = self._runtime.bulkhead.each(stored, from_item, stage="overlaps", name=lambda item: str(item.get("pk")))
        return [job for _, job in read]
