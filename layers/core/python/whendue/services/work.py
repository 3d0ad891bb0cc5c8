"""Work: a batch of messages becomes claimed jobs, runs, and is recorded; each job for itself."""

from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from typing import NamedTuple

from whendue.domain.job import Job, State, from_item
from whendue.domain.message import UnreadableMessageError, from_body
from whendue.domain.rescue import ended_by_loss
from whendue.domain.transitions import claim
from whendue.errors import UnavailableError
from whendue.limits import SQS_MAX_VISIBILITY_S
from whendue.ports import Applied, Delivery, Outcome
from whendue.services.batch import INTERRUPT_GRACE_MS, Batch, DrainAt
from whendue.services.claimed import Claimed, claimed
from whendue.services.composites import Composites
from whendue.services.limits import Limits
from whendue.services.outside import Ports
from whendue.services.pauses import Pauses
from whendue.services.profiles import Profiles
from whendue.services.record import record_and_send
from whendue.services.settle import Settle

# What a worker keeps of its time to record what it ran.
RECORD_MS = 2000


class Worked(NamedTuple):
    """What became of a batch.

    Args:
        unsettled: ids of the messages that must stay in their queue.
        counts: outcome -> number of messages, for the log.
    """

    unsettled: list[str]
    counts: Counter[str]


class Work:
    """Handles batches of messages."""

    def __init__(self, ports: Ports, profiles: Profiles, pauses: Pauses, composites: Composites) -> None:
        """Use these ports."""
        self._ports = ports
        self._profiles = profiles
        self._pauses = pauses
        self._composites = composites
        self._limits = Limits(ports, profiles)

    def handle(self, deliveries: Sequence[Delivery], deadline_ms: int, drain_at: DrainAt | None = None) -> Worked:
        """Run the jobs behind messages.

        Suspects (delivered before, or taken over from a dead worker) run last, one at a time, after the rest is
        recorded: a poison job takes no neighbour with it (design section 3).

        Args:
            deliveries: the messages; all others than the `unsettled` ones may be deleted afterwards.
            deadline_ms: when the process may be stopped, ms UTC.
            drain_at: for a process that is told to go down; asked twice a second for when what still runs is to be
                given back. Once there is a time, nothing more is claimed.
        """
        settle = Settle(self._ports, self._limits)
        fresh, suspects = self._sort(deliveries, settle)
        end_ms = deadline_ms - RECORD_MS - INTERRUPT_GRACE_MS
        for group in (fresh, *([suspect] for suspect in suspects)):
            if self._ports.effects.now_ms() >= end_ms or (drain_at and drain_at() is not None):
                settle.unsettled += [delivery for delivery, _ in group]
            elif group:
                self._run(group, end_ms, settle, drain_at)
        return Worked([delivery.id for delivery in settle.unsettled], settle.counts)

    def _sort(
        self, deliveries: Sequence[Delivery], settle: Settle
    ) -> tuple[list[tuple[Delivery, Job]], list[tuple[Delivery, Job]]]:
        """Read the messages, put aside what cannot run now, and part the fresh from the suspects."""
        now_ms = self._ports.effects.now_ms()
        newest: dict[str, tuple[Delivery, Job]] = {}
        for delivery in deliveries:
            try:
                job = from_body(delivery.body)
            except UnreadableMessageError:
                # It stays, and SQS redrive takes it to the dead-letter queue: nothing a user sent is dropped.
                settle.unsettled.append(delivery)
                settle.counts["unreadable"] += 1
                continue
            if job.due_at > now_ms:
                self._hold(delivery, job, now_ms, settle)
            elif job.id not in newest or newest[job.id][1].generation < job.generation:
                newest[job.id] = (delivery, job)
        settled = len(deliveries) - len(newest) - len(settle.unsettled)
        settle.counts += Counter(duplicate=settled)
        runnable = list(newest.values())
        return [one for one in runnable if not _suspect(*one)], [one for one in runnable if _suspect(*one)]

    def _hold(self, delivery: Delivery, job: Job, now_ms: int, settle: Settle) -> None:
        """Hide a message that came early until its job is due (guarantee G6)."""
        wait_s = min(-(-(job.due_at - now_ms) // 1000), SQS_MAX_VISIBILITY_S)
        with suppress(UnavailableError):
            self._ports.queue.hold(delivery.queue, [delivery.receipt], wait_s)
        settle.unsettled.append(delivery)
        settle.counts["early"] += 1

    def _run(
        self, group: Sequence[tuple[Delivery, Job]], end_ms: int, settle: Settle, drain_at: DrainAt | None
    ) -> None:
        batch = self._claim(self._unpaused(group, settle), end_ms, settle)
        if batch:
            Batch(self._ports, self._composites, batch, end_ms, drain_at).run(settle)

    def _unpaused(self, group: Sequence[tuple[Delivery, Job]], settle: Settle) -> list[tuple[Delivery, Job]]:
        """Let go of the messages of paused jobs, unclaimed: after the resume the jobs' alarms bring new ones.

        Where nobody knows of pauses, nothing is claimed: the messages stay, as when the claim is not answered.
        """
        try:
            held = self._pauses.held([job for _, job in group])
        except UnavailableError:
            settle.unsettled += [delivery for delivery, _ in group]
            return []
        free = [(delivery, job) for delivery, job in group if job.id not in held]
        settle.counts += Counter(paused=len(group) - len(free))
        return free

    def _claim(self, group: Sequence[tuple[Delivery, Job]], end_ms: int, settle: Settle) -> list[Claimed]:
        """Claim a group in one call; what is refused needs nothing more, or is ended if its workers died too often."""
        if not group:
            return []
        group = [(delivery, self._profiles.followed(job)) for delivery, job in group]
        now_ms = self._ports.effects.now_ms()
        admission = self._limits.admit(group, now_ms)
        settle.unsettled += admission.unsettled
        settle.counts += admission.counts
        claims = [claim(one.job, self._ports.effects.new_id(), now_ms) for one in admission.admitted]
        batch, unused = [], []
        outcomes = self._ports.store.apply(claims)
        self._ports.tally.note(zip(claims, outcomes, strict=True))
        for one, taken, outcome in zip(admission.admitted, claims, outcomes, strict=True):
            if outcome.done:
                batch.append(claimed(self._ports, one.delivery, taken.job, end_ms, one.slot))
                continue
            unused += [(one.slot, one.job)] if one.slot else []
            if outcome.applied is Applied.UNAVAILABLE or not self._end_if_lost(outcome, now_ms):
                settle.unsettled.append(one.delivery)
            else:
                settle.counts["refused"] += 1
        self._limits.release(unused)
        return batch

    def _end_if_lost(self, refused: Outcome, now_ms: int) -> bool:
        """Look at the job that refused a claim, and end it if nobody may claim it again; False if that is unknown."""
        end = ended_by_loss(from_item(refused.old), now_ms) if refused.old else None
        if end is None:
            return True
        [outcome] = record_and_send(self._ports, [end], now_ms)
        return outcome.applied is not Applied.UNAVAILABLE


def _suspect(delivery: Delivery, job: Job) -> bool:
    return delivery.receive_count > 1 or job.state is State.RUNNING or job.lost > 0
