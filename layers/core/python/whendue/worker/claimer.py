"""Claim: take those jobs of a batch for this worker that are not paused and within their limits."""

from collections.abc import Sequence

from whendue.engine.commit import commit
from whendue.engine.ports import WriteResult, WriteStatus
from whendue.engine.runtime import Runtime
from whendue.engine.stage import ISOLATED, Left, Stage, done, kept
from whendue.errors import UnavailableError
from whendue.jobs.model import Job, from_item
from whendue.jobs.rescue_policy import ended_by_expiry, ended_by_loss
from whendue.jobs.transition import Transition
from whendue.jobs.transitions import claim, mark_dead
from whendue.limits.admission import Admitted
from whendue.limits.limiter import Limiter
from whendue.limits.overlap_policy import may_be_limited
from whendue.pauses.service import PauseService
from whendue.profiles.lookup import ProfileLookup
from whendue.worker.claimed_job import ClaimedJob, Received, claimed
from whendue.worker.ended_attempt import UNSTORABLE

# What became of a claim; an error where it could not be made or tried.
Claim = WriteResult | BaseException


class Claimer:
    """Claims the jobs of batches."""

    def __init__(self, runtime: Runtime, profiles: ProfileLookup, pauses: PauseService, limits: Limiter) -> None:
        """Use this runtime."""
        self._runtime = runtime
        self._profiles = profiles
        self._pauses = pauses
        self._limits = limits

    def take(self, group: Sequence[Received], end_ms: int) -> Stage[ClaimedJob]:
        """Claim the jobs that are neither paused nor over their limits.

        Args:
            group: messages and the jobs that they carry, each job once.
            end_ms: when their attempts end at the latest, ms UTC.
        """
        unpaused = self.drop_paused(group)
        now_ms = self._runtime.clock.now_ms()
        timely = self.end_expired(unpaused.passed, now_ms)
        admitted = self.admit(timely.passed, now_ms)
        taken = self.claim(admitted.passed, end_ms, now_ms)
        return Stage(taken.passed, unpaused.left + timely.left + admitted.left + taken.left)

    def drop_paused(self, group: Sequence[Received]) -> Stage[Received]:
        """Drop the messages of paused jobs, unclaimed: after the resume the jobs' next checks send new ones.

        If the pauses are unknown, nothing is claimed: the messages stay, as when the claim is not answered.
        """

        def paused(messages: Sequence[Received]) -> Sequence[bool]:
            held = self._pauses.held([job for _, job in messages])
            return [job.id in held for _, job in messages]

        try:
            known = self._runtime.bulkhead.batch(group, paused, stage="paused", name=lambda received: received[1].id)
        except UnavailableError:
            return Stage([], [kept(message) for message, _ in group])
        passed, left = [], []
        for (message, job), is_paused in known:
            if is_paused is False:
                passed.append((message, job))
            else:
                left.append(done(message, "paused") if is_paused is True else kept(message, ISOLATED))
        return Stage(passed, left)

    def end_expired(self, group: Sequence[Received], now_ms: int) -> Stage[Received]:
        """End the jobs of which no attempt may begin any more, in one call; a group without any costs no call.

        Args:
            group: messages and the jobs that they carry.
            now_ms: the claims' time, so that no claim is later than its job's expiry.
        """
        expired = [job for _, job in group if job.is_past_expiry(now_ms)]
        last_steps = {job.id: ended_by_expiry(job, now_ms) or ended_by_loss(job, now_ms) for job in expired}
        late = [(Admitted(message, job), end) for message, job in group if (end := last_steps.get(job.id))]
        if not late:
            return Stage(list(group), [])

        def end_all(some: Sequence[tuple[Admitted, Transition]]) -> Sequence[WriteResult]:
            return commit(self._runtime, [step for _, step in some], now_ms)

        try:
            results = self._runtime.bulkhead.batch(late, end_all, stage="expire", name=lambda pair: pair[0].job.id)
        except UnavailableError:
            results = [(pair, WriteResult(WriteStatus.UNAVAILABLE)) for pair in late]
        left = [
            done(admitted.message, step.job.state.value)
            if isinstance(result, WriteResult) and result.done
            else self._refused(admitted, result, now_ms)
            for (admitted, step), result in results
        ]
        return Stage([(message, job) for message, job in group if not last_steps.get(job.id)], left)

    def admit(self, group: Sequence[Received], now_ms: int) -> Stage[Admitted]:
        """Apply limits to jobs, by the profiles that they follow; jobs without a limit pass."""
        current = [(message, self._profiles.followed(job) if job.follow else job) for message, job in group]
        free = [Admitted(message, job) for message, job in current if not may_be_limited(job)]
        if len(free) == len(group):
            return Stage(free, [])
        limited = self._limits.admit([received for received in current if may_be_limited(received[1])], now_ms)
        return Stage(free + limited.passed, limited.left)

    def claim(self, admitted: Sequence[Admitted], end_ms: int, now_ms: int) -> Stage[ClaimedJob]:
        """Claim jobs in one call; a refused job needs nothing more, or is ended if its workers died too often.

        Args:
            admitted: the jobs.
            end_ms: when their attempts end at the latest, ms UTC.
            now_ms: the claims' time.
        """
        passed: list[ClaimedJob] = []
        refused: list[tuple[Admitted, Transition | Claim]] = []
        for admitted_job, result in self._taken(admitted, now_ms):
            job = self._ready(admitted_job, result, end_ms) if isinstance(result, Transition) else None
            if job:
                passed.append(job)
            else:
                refused.append((admitted_job, result))
        left = [self._refused(admitted_job, result, now_ms) for admitted_job, result in refused]
        if unused := [(admitted_job.slot, admitted_job.job) for admitted_job, _ in refused if admitted_job.slot]:
            self._limits.release(unused)
        return Stage(passed, left)

    def _taken(self, admitted: Sequence[Admitted], now_ms: int) -> list[tuple[Admitted, Transition | Claim]]:
        """Claim jobs in one call; return the step of each that was claimed. An error of one job affects no other."""

        def to_steps(jobs: Sequence[Admitted]) -> Sequence[Transition]:
            return [claim(admitted_job.job, self._runtime.clock.new_id(), now_ms) for admitted_job in jobs]

        steps = self._runtime.bulkhead.batch(
            admitted, to_steps, stage="claim", name=lambda admitted_job: admitted_job.job.id
        )
        claims = [(admitted_job, step) for admitted_job, step in steps if isinstance(step, Transition)]
        written = [
            (admitted_job, step if _is_done(result) else result)
            for (admitted_job, step), result in self._written(claims)
        ]
        failed = [(admitted_job, error) for admitted_job, error in steps if isinstance(error, BaseException)]
        return [*failed, *written]

    def _written(
        self, claims: Sequence[tuple[Admitted, Transition]]
    ) -> Sequence[tuple[tuple[Admitted, Transition], Claim]]:
        def apply(steps: Sequence[tuple[Admitted, Transition]]) -> Sequence[WriteResult]:
            # A claim that is repeated is recognised by its fence.
            return self._runtime.store.apply([step for _, step in steps])

        try:
            results = self._runtime.bulkhead.batch(claims, apply, stage="claim", name=lambda pair: pair[0].job.id)
        except UnavailableError:
            return [(pair, WriteResult(WriteStatus.UNAVAILABLE)) for pair in claims]
        for (admitted_job, step), result in results:
            if isinstance(result, WriteResult):
                with self._runtime.bulkhead.around("count", admitted_job.job.id):
                    self._runtime.metrics.note([(step, result)])
        return results

    def _ready(self, admitted_job: Admitted, taken: Transition, end_ms: int) -> ClaimedJob | None:
        """Prepare the run of a claimed job; None if that fails: the next worker to receive its message claims it."""
        with self._runtime.bulkhead.around("claimed", admitted_job.job.id):
            return claimed(self._runtime, admitted_job.message, taken.job, end_ms, admitted_job.slot)
        return None

    def _refused(self, admitted_job: Admitted, result: Transition | Claim, now_ms: int) -> Left:
        """Handle a job whose claim was refused; its message is done with unless the result is unknown."""
        if not isinstance(result, WriteResult):
            return kept(admitted_job.message, ISOLATED)
        if result.status is WriteStatus.UNAVAILABLE:
            return kept(admitted_job.message)
        with self._runtime.bulkhead.around("refused", admitted_job.job.id):
            over = self._is_over(admitted_job.job, result, now_ms)
            return done(admitted_job.message, "refused") if over else kept(admitted_job.message)
        return kept(admitted_job.message, ISOLATED)

    def _is_over(self, job: Job, refused: WriteResult, now_ms: int) -> bool:
        """End a job that refused its claim, if it may not be claimed again; False if the write's result is unknown."""
        if refused.status is WriteStatus.INVALID:
            final_step: Transition | None = mark_dead(job, UNSTORABLE, "its claim cannot be stored", now_ms)
        else:
            final_step = ended_by_loss(from_item(refused.current), now_ms) if refused.current else None
        if final_step is None:
            return True
        [result] = commit(self._runtime, [final_step], now_ms)
        return not result.failed


def _is_done(result: Claim) -> bool:
    return isinstance(result, WriteResult) and result.done
