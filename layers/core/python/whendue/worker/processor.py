"""Work: a batch of messages becomes claimed jobs, runs, and is recorded; each job for itself."""

from collections import Counter
from collections.abc import Sequence
from contextlib import suppress

from whendue.engine.commit import commit
from whendue.engine.message import UnreadableMessageError, from_body
from whendue.engine.ports import BatchResult, ReceivedMessage, WriteResult, WriteStatus
from whendue.engine.runtime import Runtime
from whendue.errors import UnavailableError
from whendue.jobs.model import Job, from_item
from whendue.jobs.rescue_policy import ended_by_loss
from whendue.jobs.transition import Transition
from whendue.jobs.transitions import claim, mark_dead
from whendue.limits.admission import ISOLATED, Admitted
from whendue.limits.limiter import Limiter
from whendue.pauses.service import PauseService
from whendue.profiles.lookup import ProfileLookup
from whendue.quotas import SQS_MAX_VISIBILITY_S
from whendue.worker.batch_runner import INTERRUPT_GRACE_MS, BatchRunner, DrainAt
from whendue.worker.claimed_job import ClaimedJob, claimed
from whendue.worker.completer import UNSTORABLE, Completer
from whendue.worker.deadly import KillerTypes
from whendue.worker.suspects import Suspects, split_suspects
from whendue.workflows.runner import CompositeRunner

# What a worker keeps of its time to record what it ran.
RECORD_MS = 2000


class BatchProcessor:
    """Handles batches of messages."""

    def __init__(
        self, runtime: Runtime, profiles: ProfileLookup, pauses: PauseService, composites: CompositeRunner
    ) -> None:
        """Use this runtime."""
        self._runtime = runtime
        self._profiles = profiles
        self._pauses = pauses
        self._composites = composites
        self._limits = Limiter(runtime, profiles)
        self._deadly = KillerTypes()

    def handle(
        self, deliveries: Sequence[ReceivedMessage], deadline_ms: int, drain_at: DrainAt | None = None
    ) -> BatchResult:
        """Run the jobs behind messages.

        Suspects (jobs whose worker died) run in processes of their own, or here, one at a time, after the rest is
        recorded: a poison job takes no neighbour with it (guarantee G10).

        Args:
            deliveries: the messages; all others than the `unsettled` ones may be deleted afterwards.
            deadline_ms: when the process may be stopped, ms UTC.
            drain_at: for a process that is told to go down; asked twice a second for when what still runs is to be
                given back. Once there is a time, nothing more is claimed.
        """
        settle = Completer(self._runtime, self._limits)
        together, suspects = split_suspects(self._runtime, self._runnable(deliveries, settle), self._deadly)
        groups = [together]
        isolation = self._runtime.isolation
        isolated = Suspects(self._runtime, settle, self._deadly, deadline_ms, drain_at)
        if isolation:
            isolated.begin(suspects, isolation)
        else:
            groups += [[suspect] for suspect in suspects]
        end_ms = deadline_ms - RECORD_MS - INTERRUPT_GRACE_MS
        for group in groups:
            if self._runtime.clock.now_ms() >= end_ms or (drain_at and drain_at() is not None):
                settle.unsettled += [delivery for delivery, _ in group]
            elif group:
                self._run(group, end_ms, settle, drain_at)
        if isolation:
            isolated.finish(isolation)
        return BatchResult([delivery.id for delivery in settle.unsettled], settle.counts)

    def _runnable(self, deliveries: Sequence[ReceivedMessage], settle: Completer) -> list[tuple[ReceivedMessage, Job]]:
        """Read the messages, and put aside what cannot run now."""
        now_ms = self._runtime.clock.now_ms()
        newest: dict[str, tuple[ReceivedMessage, Job]] = {}
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

    def _read(self, delivery: ReceivedMessage, settle: Completer) -> Job | None:
        """Read a message. One that nobody can stays, and SQS redrive takes it to the dead-letter queue.

        Nothing that a user sent is dropped.
        """
        try:
            return from_body(delivery.body)
        except UnreadableMessageError:
            settle.leave(delivery, "unreadable")
        except Exception as error:  # noqa: BLE001 - this message's alone
            self._runtime.bulkhead.note("decode", delivery.id, error)
            settle.leave(delivery, ISOLATED)
        return None

    def _hold(self, delivery: ReceivedMessage, job: Job, now_ms: int, settle: Completer) -> None:
        """Hide a message that came early until its job is due (guarantee G6)."""
        wait_s = min(-(-(job.due_at - now_ms) // 1000), SQS_MAX_VISIBILITY_S)
        with suppress(UnavailableError), self._runtime.bulkhead.around("hold", job.id):
            self._runtime.queue.change_visibility(delivery.queue, [delivery.receipt], wait_s)
        settle.leave(delivery, "early")

    def _run(
        self, group: Sequence[tuple[ReceivedMessage, Job]], end_ms: int, settle: Completer, drain_at: DrainAt | None
    ) -> None:
        try:
            batch = self._claim(self._unpaused(group, settle), end_ms, settle)
            if batch:
                BatchRunner(self._runtime, self._composites, batch, end_ms, drain_at).run(settle)
        except Exception as error:  # noqa: BLE001 - the net: what is recorded comes again and is found settled
            self._runtime.bulkhead.note("batch", group[0][1].id, error)
            for delivery, _ in group:
                if delivery not in settle.unsettled:
                    settle.leave(delivery, ISOLATED)

    def _unpaused(
        self, group: Sequence[tuple[ReceivedMessage, Job]], settle: Completer
    ) -> list[tuple[ReceivedMessage, Job]]:
        """Let go of the messages of paused jobs, unclaimed: after the resume the jobs' next checks bring new ones.

        Where nobody knows of pauses, nothing is claimed: the messages stay, as when the claim is not answered.
        """

        def held(part: Sequence[tuple[ReceivedMessage, Job]]) -> Sequence[bool]:
            found = self._pauses.held([job for _, job in part])
            return [job.id in found for _, job in part]

        try:
            known = self._runtime.bulkhead.batch(group, held, stage="paused", name=_job_id)
        except UnavailableError:
            settle.unsettled += [delivery for delivery, _ in group]
            return []
        for (delivery, _), is_held in known:
            if isinstance(is_held, BaseException):
                settle.leave(delivery, ISOLATED)
        settle.counts += Counter(paused=sum(is_held is True for _, is_held in known))
        return [one for one, is_held in known if is_held is False]

    def _claim(self, group: Sequence[tuple[ReceivedMessage, Job]], end_ms: int, settle: Completer) -> list[ClaimedJob]:
        """Claim a group in one call; what is refused needs nothing more, or is ended if its workers died too often."""
        if not group:
            return []
        group = [(delivery, self._profiles.followed(job)) for delivery, job in group]
        now_ms = self._runtime.clock.now_ms()
        admission = self._limits.admit(group, now_ms)
        settle.unsettled += admission.unsettled
        settle.counts += admission.counts
        batch, unused = [], []
        for one, taken, outcome in self._taken(admission.admitted, now_ms):
            won = taken if isinstance(outcome, WriteResult) and outcome.done else None
            if won and (mine := self._claimed(one, won, end_ms)):
                batch.append(mine)
                continue
            unused += [(one.slot, one.job)] if one.slot else []
            self._refused(one, outcome, now_ms, settle)
        self._limits.release(unused)
        return batch

    def _taken(
        self, admitted: Sequence[Admitted], now_ms: int
    ) -> list[tuple[Admitted, Transition | None, WriteResult | BaseException]]:
        """Claim jobs in one call; what raises for one of them is that one's alone."""

        def made(part: Sequence[Admitted]) -> Sequence[Transition]:
            return [claim(one.job, self._runtime.clock.new_id(), now_ms) for one in part]

        steps = self._runtime.bulkhead.batch(admitted, made, stage="claim", name=lambda one: one.job.id)
        claims = [(one, step) for one, step in steps if isinstance(step, Transition)]

        def apply(part: Sequence[tuple[Admitted, Transition]]) -> Sequence[WriteResult]:
            # A claim that is repeated is recognised by its fence.
            return self._runtime.store.apply([step for _, step in part])

        try:
            ends = self._runtime.bulkhead.batch(claims, apply, stage="claim", name=lambda one: one[0].job.id)
        except UnavailableError:
            ends = [(one, WriteResult(WriteStatus.UNAVAILABLE)) for one in claims]
        for (one, step), end in ends:
            if isinstance(end, WriteResult):
                with self._runtime.bulkhead.around("tally", one.job.id):
                    self._runtime.metrics.note([(step, end)])
        unmade = [(one, None, error) for one, error in steps if isinstance(error, BaseException)]
        return [*unmade, *((one, step, end) for (one, step), end in ends)]

    def _claimed(self, one: Admitted, taken: Transition, end_ms: int) -> ClaimedJob | None:
        """Make ready a claimed job; None where that fails: whoever gets its message next takes it over."""
        with self._runtime.bulkhead.around("claimed", one.job.id):
            return claimed(self._runtime, one.delivery, taken.job, end_ms, one.slot)
        return None

    def _refused(self, one: Admitted, outcome: WriteResult | BaseException, now_ms: int, settle: Completer) -> None:
        """See to a job that is not ours; its message is done with unless nobody knows."""
        if isinstance(outcome, WriteResult) and outcome.status is WriteStatus.UNAVAILABLE:
            settle.unsettled.append(one.delivery)
            return
        if isinstance(outcome, WriteResult) and not outcome.done:
            with self._runtime.bulkhead.around("refused", one.job.id):
                if self._end_if_over(one.job, outcome, now_ms):
                    settle.counts["refused"] += 1
                else:
                    settle.unsettled.append(one.delivery)
                return
        settle.leave(one.delivery, ISOLATED)

    def _end_if_over(self, job: Job, refused: WriteResult, now_ms: int) -> bool:
        """Look at the job that refused a claim, and end it if nobody may claim it again; False if that is unknown."""
        if refused.status is WriteStatus.INVALID:
            end: Transition | None = mark_dead(job, UNSTORABLE, "its claim cannot be stored", now_ms)
        else:
            end = ended_by_loss(from_item(refused.current), now_ms) if refused.current else None
        if end is None:
            return True
        [outcome] = commit(self._runtime, [end], now_ms)
        return outcome.status not in (WriteStatus.UNAVAILABLE, WriteStatus.INVALID)


def _job_id(one: tuple[ReceivedMessage, Job]) -> str:
    return one[1].id
