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
from whendue.worker.claimed_job import ClaimedJob


class Heartbeater:
    """Keeps what a worker holds, for as long as it runs."""

    def __init__(self, runtime: Runtime) -> None:
        """Use this runtime."""
        self._runtime = runtime

    def keep(self, under_way: Sequence[ClaimedJob], now_ms: int) -> None:
        """Renew the leases that are due, and those that are due soon with them, in one call.

        Marks the contexts of tasks whose cancel was requested or whose claim is lost.
        """
        if all(now_ms < claimed_job.beat_at_ms for claimed_job in under_way):
            return
        due = [claimed_job for claimed_job in under_way if now_ms >= claimed_job.beat_at_ms - _together_ms(claimed_job)]
        for claimed_job in due:
            claimed_job.beat_at_ms = now_ms + claimed_job.beat_every_ms
        owned = [claimed_job for claimed_job in due if claimed_job.owned]
        cancelled = []
        for claimed_job, current in self._renew(owned, now_ms):
            if claimed_job.ended:
                # Its end was recorded first.
                continue
            claimed_job.context.mark_cancelled()
            claimed_job.cancel_seen = claimed_job.owned = (
                current is not None and current.fence == claimed_job.job.fence and not current.terminal
            )
            cancelled += [claimed_job] if claimed_job.owned else []
        self._renew(cancelled, now_ms)
        self._extend(due, now_ms)

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

    def _extend(self, beaten: Sequence[ClaimedJob], now_ms: int) -> None:
        """Hide the messages longer, well before they would be delivered again; if SQS refuses, the lease protects."""
        visibility_s = self._runtime.settings.visibility_s
        soon = [job for job in beaten if now_ms + 2 * job.beat_every_ms >= job.hidden_until_ms]
        for queue in sorted({claimed_job.message.queue for claimed_job in soon}):
            batch = [claimed_job for claimed_job in soon if claimed_job.message.queue == queue]
            for claimed_job in batch:
                claimed_job.hidden_until_ms = now_ms + visibility_s * 1000
            with suppress(UnavailableError), self._runtime.bulkhead.around("visibility", batch[0].job.id):
                receipts = [claimed_job.message.receipt for claimed_job in batch]
                self._runtime.queue.change_visibility(queue, receipts, visibility_s)


def _together_ms(claimed_job: ClaimedJob) -> int:
    """Return how much earlier than needed a lease is renewed, so that it shares a call with others."""
    return claimed_job.beat_every_ms // 4


def _beat(claimed_job: ClaimedJob, now_ms: int) -> Transition:
    progress = claimed_job.context.take_progress()
    return heartbeat(claimed_job.job, now_ms, progress, cancel_seen=claimed_job.cancel_seen)
