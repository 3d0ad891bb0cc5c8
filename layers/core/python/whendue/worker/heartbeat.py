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
        self._every_ms = max(LEASE_MIN_S, min(one.job.policy.lease_s for one in batch)) * 1000 // 3
        now_ms = runtime.clock.now_ms()
        self._held_ms = now_ms
        self.next_ms = now_ms + self._every_ms

    def keep(self, under_way: Sequence[ClaimedJob], now_ms: int) -> None:
        """Renew, and tell tasks whose cancel was requested, or whose claim is lost."""
        self.next_ms = now_ms + self._every_ms
        beating = [one for one in under_way if one.owned]
        cancelled = []
        for one, stands in self._renew(beating, now_ms):
            one.context.mark_cancelled()
            one.told = one.owned = stands is not None and stands.fence == one.job.fence and not stands.terminal
            cancelled += [one] if one.owned else []
        self._renew(cancelled, now_ms)
        self._extend(under_way, now_ms)

    def _renew(self, batch: Sequence[ClaimedJob], now_ms: int) -> list[tuple[ClaimedJob, Job | None]]:
        """Renew in one call; give the refused ones with the job as it stands."""
        if not batch:
            return []
        beats = [(one, heartbeat(one.job, now_ms, one.context.take_progress(), told=one.told)) for one in batch]
        refused = []
        for (one, beat), end in self._beaten(beats):
            if isinstance(end, BaseException):
                continue
            if end.done:
                one.lease_until = beat.job.lease_until
            elif end.status is WriteStatus.REFUSED:
                refused.append((one, self._standing(one, end)))
        return refused

    def _beaten(
        self, beats: Sequence[tuple[ClaimedJob, Transition]]
    ) -> list[tuple[tuple[ClaimedJob, Transition], WriteResult | BaseException]]:
        """Write heartbeats; what raises for one of them is that one's alone, and a lease that ends by itself."""

        def apply(part: Sequence[tuple[ClaimedJob, Transition]]) -> Sequence[WriteResult]:
            # A slot that was lost is not missed here: the job began in it, and ends without it.
            slots = [renew(one.slot, beat.job.lease_until) for one, beat in part if one.slot]
            return self._runtime.store.apply([*(beat for _, beat in part), *slots])[: len(part)]

        with suppress(UnavailableError):
            return self._runtime.bulkhead.batch(beats, apply, stage="heartbeat", name=lambda one: one[0].job.id)
        return []

    def _standing(self, one: ClaimedJob, refused: WriteResult) -> Job | None:
        """Read the job that refused a heartbeat; None where nobody can: then the claim counts as lost."""
        with self._runtime.bulkhead.around("heartbeat", one.job.id):
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
            receipts = [one.delivery.receipt for one in under_way]
            self._runtime.queue.change_visibility(under_way[0].delivery.queue, receipts, visibility_s)
