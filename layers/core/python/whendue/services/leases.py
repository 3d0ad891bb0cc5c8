"""Heartbeats: renew the leases and the visibility of the jobs that a worker is running."""

from collections.abc import Sequence
from contextlib import suppress

from whendue.domain.job import Job, from_item
from whendue.domain.slots import renew
from whendue.domain.transitions import heartbeat
from whendue.errors import UnavailableError
from whendue.ports import Applied
from whendue.services.claimed import Claimed
from whendue.services.outside import Ports


class Leases:
    """Keeps what a batch holds, for as long as it runs."""

    def __init__(self, ports: Ports, batch: Sequence[Claimed]) -> None:
        """Start with leases just taken and messages just received."""
        self._ports = ports
        # Three chances before the shortest lease ends.
        self._every_ms = min(one.job.policy.lease_s for one in batch) * 1000 // 3
        now_ms = ports.effects.now_ms()
        self._held_ms = now_ms
        self.next_ms = now_ms + self._every_ms

    def keep(self, under_way: Sequence[Claimed], now_ms: int) -> None:
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

    def _renew(self, batch: Sequence[Claimed], now_ms: int) -> list[tuple[Claimed, Job | None]]:
        """Renew in one call; give the refused ones with the job as it stands."""
        if not batch:
            return []
        beats = [heartbeat(one.job, now_ms, one.context.take_progress(), told=one.told) for one in batch]
        # A slot that was lost is not missed here: the job began in it, and ends without it.
        slots = [renew(one.slot, beat.job.lease_until) for one, beat in zip(batch, beats, strict=True) if one.slot]
        ends = self._ports.store.apply([*beats, *slots])[: len(beats)]
        refused = []
        for one, beat, end in zip(batch, beats, ends, strict=True):
            if end.done:
                one.lease_until = beat.job.lease_until
            elif end.applied is Applied.REFUSED:
                refused.append((one, from_item(end.old) if end.old else None))
        return refused

    def _extend(self, under_way: Sequence[Claimed], now_ms: int) -> None:
        """Hide the messages longer, well before they would be delivered again; if SQS refuses, the lease protects."""
        visibility_s = self._ports.settings.visibility_s
        if now_ms + 2 * self._every_ms < self._held_ms + visibility_s * 1000:
            return
        self._held_ms = now_ms
        # A batch comes from one queue.
        with suppress(UnavailableError):
            receipts = [one.delivery.receipt for one in under_way]
            self._ports.queue.hold(under_way[0].delivery.queue, receipts, visibility_s)
