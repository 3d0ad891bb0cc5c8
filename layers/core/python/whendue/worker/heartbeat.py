"""Heartbeats: renew the leases and the visibility of the jobs that a worker is running."""

from collections.abc import Sequence
from contextlib import suppress

from whendue.engine.ports import WriteResult, WriteStatus
from whendue.engine.runtime import Runtime
from whendue.errors import UnavailableError
from whendue.jobs.model import Job, from_item
from whendue.jobs.transition import Transition
from whendue.jobs.transitions import heartbeat
from whendue.limits.slot_model import renew
from whendue.quotas import LEASE_MIN_S
from whendue.worker.claimed_job import ClaimedJob


class Heartbeater:
    """Keeps what a batch holds, for as long as it runs."""

    def __init__(self, runtime: Runtime, batch: Sequence[ClaimedJob]) -> None:
        """Start with leases just taken and messages just received."""
        self._runtime = runtime
        # Three chances before the shortest lease ends.
        self._every_ms = max(LEASE_MIN_S, min(claimed_job.job.policy.lease_s for claimed_job in batch)) * 1000 // 3
        now_ms = runtime.clock.now_ms()
        self._held_ms = now_ms
        self.next_ms = now_ms + self._every_ms

    def keep(self, under_way: Sequence[ClaimedJob], now_ms: int) -> None:
        """Renew, and mark the contexts of tasks whose cancel was requested or whose claim is lost."""
        self.next_ms = now_ms + self._every_ms
        owned = [claimed_job for claimed_job in under_way if claimed_job.owned]
        cancelled = []
        for claimed_job, current in self._renew(owned, now_ms):
            claimed_job.context.mark_cancelled()
            claimed_job.cancel_seen = claimed_job.owned = (
                current is not None and current.fence == claimed_job.job.fence and not current.terminal
            )
            cancelled += [claimed_job] if claimed_job.owned else []
        self._renew(cancelled, now_ms)
        self._extend(under_way, now_ms)

    def _renew(self, batch: Sequence[ClaimedJob], now_ms: int) -> list[tuple[ClaimedJob, Job | None]]:
        """Renew in one call; return the refused jobs, each with its current state in the table."""
        if not batch:
            return []
        beats = [(claimed_job, _beat(claimed_job, now_ms)) for claimed_job in batch]
        refused = []
        for (claimed_job, beat), result in self._write(beats):
            if isinstance(result, BaseException):
                continue
            if result.done:
                claimed_job.lease_until = beat.job.lease_until
            elif result.status is WriteStatus.REFUSED:
                refused.append((claimed_job, self._current(claimed_job, result)))
        return refused

    def _write(
        self, beats: Sequence[tuple[ClaimedJob, Transition]]
    ) -> list[tuple[tuple[ClaimedJob, Transition], WriteResult | BaseException]]:
        """Write heartbeats; an error of one affects no other, and its lease ends by itself."""

        def apply(pairs: Sequence[tuple[ClaimedJob, Transition]]) -> Sequence[WriteResult]:
            # A slot that was lost does not stop the job: it began in it, and ends without it.
            slots = [renew(claimed_job.slot, beat.job.lease_until) for claimed_job, beat in pairs if claimed_job.slot]
            return self._runtime.store.apply([*(beat for _, beat in pairs), *slots])[: len(pairs)]

        with suppress(UnavailableError):
            return self._runtime.bulkhead.batch(beats, apply, stage="heartbeat", name=lambda pair: pair[0].job.id)
        return []

    def _current(self, claimed_job: ClaimedJob, refused: WriteResult) -> Job | None:
        """Read the job that refused a heartbeat; None if it cannot be read: then the claim counts as lost."""
        with self._runtime.bulkhead.around("heartbeat", claimed_job.job.id):
            return from_item(refused.current) if refused.current else None
        return None

    def _extend(self, under_way: Sequence[ClaimedJob], now_ms: int) -> None:
        """Hide the messages longer, well before they would be delivered again; if SQS refuses, the lease protects."""
        visibility_s = self._runtime.settings.visibility_s
        if now_ms + 2 * self._every_ms < self._held_ms + visibility_s * 1000:
            return
        self._held_ms = now_ms
        # A batch comes from one queue.
        with suppress(UnavailableError), self._runtime.bulkhead.around("visibility", under_way[0].job.id):
            receipts = [claimed_job.message.receipt for claimed_job in under_way]
            self._runtime.queue.change_visibility(under_way[0].message.queue, receipts, visibility_s)


def _beat(claimed_job: ClaimedJob, now_ms: int) -> Transition:
    progress = claimed_job.context.take_progress()
    return heartbeat(claimed_job.job, now_ms, progress, cancel_seen=claimed_job.cancel_seen)
