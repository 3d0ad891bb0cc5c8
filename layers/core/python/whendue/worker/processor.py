"""Work: a batch of messages becomes claimed jobs, runs, and is recorded; each job for itself."""

from collections import Counter
from collections.abc import Sequence
from contextlib import suppress

from whendue.engine.commit import record_and_send
from whendue.engine.message import UnreadableMessageError, from_body
from whendue.engine.ports import Applied, Delivery, Outcome, Worked
from whendue.engine.runtime import Ports
from whendue.errors import UnavailableError
from whendue.jobs.model import Job, from_item
from whendue.jobs.rescue_policy import ended_by_loss
from whendue.jobs.transition import Transition
from whendue.jobs.transitions import claim, die
from whendue.limits.admission import ISOLATED, Admitted
from whendue.limits.limiter import Limits
from whendue.pauses.service import Pauses
from whendue.profiles.lookup import Profiles
from whendue.quotas import SQS_MAX_VISIBILITY_S
from whendue.worker.batch_runner import INTERRUPT_GRACE_MS, Batch, DrainAt
from whendue.worker.claimed_job import Claimed, claimed
from whendue.worker.completer import UNSTORABLE, Settle
from whendue.worker.deadly import Deadly
from whendue.worker.suspects import Suspects, split_suspects
from whendue.workflows.runner import Composites

# What a worker keeps of its time to record what it ran.
RECORD_MS = 2000


class Work:
    """Handles batches of messages."""

    def __init__(self, ports: Ports, profiles: Profiles, pauses: Pauses, composites: Composites) -> None:
        """Use these ports."""
        self._ports = ports
        self._profiles = profiles
        self._pauses = pauses
        self._composites = composites
        self._limits = Limits(ports, profiles)
        self._deadly = Deadly()

    def handle(self, deliveries: Sequence[Delivery], deadline_ms: int, drain_at: DrainAt | None = None) -> Worked:
        """Run the jobs behind messages.

        Suspects (jobs whose worker died) run in processes of their own, or here, one at a time, after the rest is
        recorded: a poison job takes no neighbour with it (design section 3).

        Args:
            deliveries: the messages; all others than the `unsettled` ones may be deleted afterwards.
            deadline_ms: when the process may be stopped, ms UTC.
            drain_at: for a process that is told to go down; asked twice a second for when what still runs is to be
                given back. Once there is a time, nothing more is claimed.
        """
        settle = Settle(self._ports, self._limits)
        together, suspects = split_suspects(self._ports, self._runnable(deliveries, settle), self._deadly)
        groups = [together]
        isolation = self._ports.isolation
        isolated = Suspects(self._ports, settle, self._deadly, deadline_ms, drain_at)
        if isolation:
            isolated.begin(suspects, isolation)
        else:
            groups += [[suspect] for suspect in suspects]
        end_ms = deadline_ms - RECORD_MS - INTERRUPT_GRACE_MS
        for group in groups:
            if self._ports.effects.now_ms() >= end_ms or (drain_at and drain_at() is not None):
                settle.unsettled += [delivery for delivery, _ in group]
            elif group:
                self._run(group, end_ms, settle, drain_at)
        if isolation:
            isolated.finish(isolation)
        return Worked([delivery.id for delivery in settle.unsettled], settle.counts)

    def _runnable(self, deliveries: Sequence[Delivery], settle: Settle) -> list[tuple[Delivery, Job]]:
        """Read the messages, and put aside what cannot run now."""
        now_ms = self._ports.effects.now_ms()
        newest: dict[str, tuple[Delivery, Job]] = {}
        for delivery in deliveries:
            job = self._read(delivery, settle)
            if job is None:
                continue
            if job.due_at > now_ms:
                self._hold(delivery, job, now_ms, settle)
            elif job.id not in newest or newest[job.id][1].generation < job.generation:
                newest[job.id] = (delivery, job)
        settled = len(deliveries) - len(newest) - len(settle.unsettled)
        settle.counts += Counter(duplicate=settled)
        return list(newest.values())

    def _read(self, delivery: Delivery, settle: Settle) -> Job | None:
        """Read a message. One that nobody can stays, and SQS redrive takes it to the dead-letter queue.

        Nothing that a user sent is dropped.
        """
        try:
            return from_body(delivery.body)
        except UnreadableMessageError:
            settle.leave(delivery, "unreadable")
        except Exception as error:  # noqa: BLE001 - this message's alone
            self._ports.bulkhead.note("decode", delivery.id, error)
            settle.leave(delivery, ISOLATED)
        return None

    def _hold(self, delivery: Delivery, job: Job, now_ms: int, settle: Settle) -> None:
        """Hide a message that came early until its job is due (guarantee G6)."""
        wait_s = min(-(-(job.due_at - now_ms) // 1000), SQS_MAX_VISIBILITY_S)
        with suppress(UnavailableError), self._ports.bulkhead.around("hold", job.id):
            self._ports.queue.hold(delivery.queue, [delivery.receipt], wait_s)
        settle.leave(delivery, "early")

    def _run(
        self, group: Sequence[tuple[Delivery, Job]], end_ms: int, settle: Settle, drain_at: DrainAt | None
    ) -> None:
        try:
            batch = self._claim(self._unpaused(group, settle), end_ms, settle)
            if batch:
                Batch(self._ports, self._composites, batch, end_ms, drain_at).run(settle)
        except Exception as error:  # noqa: BLE001 - the net: what is recorded comes again and is found settled
            self._ports.bulkhead.note("batch", group[0][1].id, error)
            for delivery, _ in group:
                if delivery not in settle.unsettled:
                    settle.leave(delivery, ISOLATED)

    def _unpaused(self, group: Sequence[tuple[Delivery, Job]], settle: Settle) -> list[tuple[Delivery, Job]]:
        """Let go of the messages of paused jobs, unclaimed: after the resume the jobs' alarms bring new ones.

        Where nobody knows of pauses, nothing is claimed: the messages stay, as when the claim is not answered.
        """

        def held(part: Sequence[tuple[Delivery, Job]]) -> Sequence[bool]:
            found = self._pauses.held([job for _, job in part])
            return [job.id in found for _, job in part]

        try:
            known = self._ports.bulkhead.batch(group, held, stage="paused", name=_job_id)
        except UnavailableError:
            settle.unsettled += [delivery for delivery, _ in group]
            return []
        for (delivery, _), is_held in known:
            if isinstance(is_held, BaseException):
                settle.leave(delivery, ISOLATED)
        settle.counts += Counter(paused=sum(is_held is True for _, is_held in known))
        return [one for one, is_held in known if is_held is False]

    def _claim(self, group: Sequence[tuple[Delivery, Job]], end_ms: int, settle: Settle) -> list[Claimed]:
        """Claim a group in one call; what is refused needs nothing more, or is ended if its workers died too often."""
        if not group:
            return []
        group = [(delivery, self._profiles.followed(job)) for delivery, job in group]
        now_ms = self._ports.effects.now_ms()
        admission = self._limits.admit(group, now_ms)
        settle.unsettled += admission.unsettled
        settle.counts += admission.counts
        batch, unused = [], []
        for one, taken, outcome in self._taken(admission.admitted, now_ms):
            won = taken if isinstance(outcome, Outcome) and outcome.done else None
            if won and (mine := self._claimed(one, won, end_ms)):
                batch.append(mine)
                continue
            unused += [(one.slot, one.job)] if one.slot else []
            self._refused(one, outcome, now_ms, settle)
        self._limits.release(unused)
        return batch

    def _taken(
        self, admitted: Sequence[Admitted], now_ms: int
    ) -> list[tuple[Admitted, Transition | None, Outcome | BaseException]]:
        """Claim jobs in one call; what raises for one of them is that one's alone."""

        def made(part: Sequence[Admitted]) -> Sequence[Transition]:
            return [claim(one.job, self._ports.effects.new_id(), now_ms) for one in part]

        steps = self._ports.bulkhead.batch(admitted, made, stage="claim", name=lambda one: one.job.id)
        claims = [(one, step) for one, step in steps if isinstance(step, Transition)]

        def apply(part: Sequence[tuple[Admitted, Transition]]) -> Sequence[Outcome]:
            # A claim that is repeated is recognised by its fence.
            return self._ports.store.apply([step for _, step in part])

        try:
            ends = self._ports.bulkhead.batch(claims, apply, stage="claim", name=lambda one: one[0].job.id)
        except UnavailableError:
            ends = [(one, Outcome(Applied.UNAVAILABLE)) for one in claims]
        for (one, step), end in ends:
            if isinstance(end, Outcome):
                with self._ports.bulkhead.around("tally", one.job.id):
                    self._ports.tally.note([(step, end)])
        unmade = [(one, None, error) for one, error in steps if isinstance(error, BaseException)]
        return [*unmade, *((one, step, end) for (one, step), end in ends)]

    def _claimed(self, one: Admitted, taken: Transition, end_ms: int) -> Claimed | None:
        """Make ready a claimed job; None where that fails: whoever gets its message next takes it over."""
        with self._ports.bulkhead.around("claimed", one.job.id):
            return claimed(self._ports, one.delivery, taken.job, end_ms, one.slot)
        return None

    def _refused(self, one: Admitted, outcome: Outcome | BaseException, now_ms: int, settle: Settle) -> None:
        """See to a job that is not ours; its message is done with unless nobody knows."""
        if isinstance(outcome, Outcome) and outcome.applied is Applied.UNAVAILABLE:
            settle.unsettled.append(one.delivery)
            return
        if isinstance(outcome, Outcome) and not outcome.done:
            with self._ports.bulkhead.around("refused", one.job.id):
                if self._end_if_over(one.job, outcome, now_ms):
                    settle.counts["refused"] += 1
                else:
                    settle.unsettled.append(one.delivery)
                return
        settle.leave(one.delivery, ISOLATED)

    def _end_if_over(self, job: Job, refused: Outcome, now_ms: int) -> bool:
        """Look at the job that refused a claim, and end it if nobody may claim it again; False if that is unknown."""
        if refused.applied is Applied.INVALID:
            end: Transition | None = die(job, UNSTORABLE, "the table cannot hold its claim", now_ms)
        else:
            end = ended_by_loss(from_item(refused.old), now_ms) if refused.old else None
        if end is None:
            return True
        [outcome] = record_and_send(self._ports, [end], now_ms)
        return outcome.applied not in (Applied.UNAVAILABLE, Applied.INVALID)


def _job_id(one: tuple[Delivery, Job]) -> str:
    return one[1].id
