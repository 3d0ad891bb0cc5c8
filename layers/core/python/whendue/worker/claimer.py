"""Claim: of the jobs of a batch, those that are not paused and within their limits, taken for this worker."""

from collections.abc import Sequence

from whendue.engine.commit import commit
from whendue.engine.ports import WriteResult, WriteStatus
from whendue.engine.runtime import Runtime
from whendue.engine.stage import ISOLATED, Left, Stage, done, kept
from whendue.errors import UnavailableError
from whendue.jobs.model import Job, from_item
from whendue.jobs.rescue_policy import ended_by_loss
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

    def drop_paused(self, group: Sequence[Received]) -> Stage[Received]:
        """Let go of the messages of paused jobs, unclaimed: after the resume the jobs' next checks bring new ones.

        Where nobody knows of pauses, nothing is claimed: the messages stay, as when the claim is not answered.
        """

        def paused(some: Sequence[Received]) -> Sequence[bool]:
            held = self._pauses.held([job for _, job in some])
            return [job.id in held for _, job in some]

        try:
            known = self._runtime.bulkhead.batch(group, paused, stage="paused", name=lambda one: one[1].id)
        except UnavailableError:
            return Stage([], [kept(message) for message, _ in group])
        passed, left = [], []
        for (message, job), is_paused in known:
            if is_paused is False:
                passed.append((message, job))
            else:
                left.append(done(message, "paused") if is_paused is True else kept(message, ISOLATED))
        return Stage(passed, left)

    def admit(self, group: Sequence[Received], now_ms: int) -> Stage[Admitted]:
        """Hold jobs to their limits, by the profiles that they follow; those that nothing limits pass."""
        current = [(message, self._profiles.followed(job) if job.follow else job) for message, job in group]
        free = [Admitted(message, job) for message, job in current if not may_be_limited(job)]
        if len(free) == len(group):
            return Stage(free, [])
        limited = self._limits.admit([one for one in current if may_be_limited(one[1])], now_ms)
        return Stage(free + limited.passed, limited.left)

    def claim(self, admitted: Sequence[Admitted], end_ms: int, now_ms: int) -> Stage[ClaimedJob]:
        """Claim jobs in one call; one that is refused needs nothing more, or is ended if its workers died too often.

        Args:
            admitted: the jobs.
            end_ms: when their attempts end at the latest, ms UTC.
            now_ms: the claims' time.
        """
        passed: list[ClaimedJob] = []
        refused: list[tuple[Admitted, Claim]] = []
        for one, taken, outcome in self._taken(admitted, now_ms):
            job = self._ready(one, taken, end_ms) if _is_done(outcome) and taken else None
            if job:
                passed.append(job)
            else:
                refused.append((one, outcome))
        left = [self._refused(one, outcome, now_ms) for one, outcome in refused]
        if unused := [(one.slot, one.job) for one, _ in refused if one.slot]:
            self._limits.release(unused)
        return Stage(passed, left)

    def _taken(self, admitted: Sequence[Admitted], now_ms: int) -> list[tuple[Admitted, Transition | None, Claim]]:
        """Claim jobs in one call; what raises for one of them is that one's alone."""

        def made(some: Sequence[Admitted]) -> Sequence[Transition]:
            return [claim(one.job, self._runtime.clock.new_id(), now_ms) for one in some]

        steps = self._runtime.bulkhead.batch(admitted, made, stage="claim", name=lambda one: one.job.id)
        claims = [(one, step) for one, step in steps if isinstance(step, Transition)]
        written = [(one, step, outcome) for (one, step), outcome in self._written(claims)]
        return [*((one, None, error) for one, error in steps if isinstance(error, BaseException)), *written]

    def _written(
        self, claims: Sequence[tuple[Admitted, Transition]]
    ) -> Sequence[tuple[tuple[Admitted, Transition], Claim]]:
        def apply(some: Sequence[tuple[Admitted, Transition]]) -> Sequence[WriteResult]:
            # A claim that is repeated is recognised by its fence.
            return self._runtime.store.apply([step for _, step in some])

        try:
            ends = self._runtime.bulkhead.batch(claims, apply, stage="claim", name=lambda one: one[0].job.id)
        except UnavailableError:
            return [(one, WriteResult(WriteStatus.UNAVAILABLE)) for one in claims]
        for (one, step), end in ends:
            if isinstance(end, WriteResult):
                with self._runtime.bulkhead.around("count", one.job.id):
                    self._runtime.metrics.note([(step, end)])
        return ends

    def _ready(self, one: Admitted, taken: Transition, end_ms: int) -> ClaimedJob | None:
        """Make ready a claimed job; None where that fails: whoever gets its message next takes it over."""
        with self._runtime.bulkhead.around("claimed", one.job.id):
            return claimed(self._runtime, one.delivery, taken.job, end_ms, one.slot)
        return None

    def _refused(self, one: Admitted, outcome: Claim, now_ms: int) -> Left:
        """See to a job that is not ours; its message is done with unless nobody knows."""
        if isinstance(outcome, BaseException) or outcome.done:
            return kept(one.delivery, ISOLATED)
        if outcome.status is WriteStatus.UNAVAILABLE:
            return kept(one.delivery)
        with self._runtime.bulkhead.around("refused", one.job.id):
            return done(one.delivery, "refused") if self._is_over(one.job, outcome, now_ms) else kept(one.delivery)
        return kept(one.delivery, ISOLATED)

    def _is_over(self, job: Job, refused: WriteResult, now_ms: int) -> bool:
        """Look at the job that refused a claim, and end it if nobody may claim it again; False if that is unknown."""
        if refused.status is WriteStatus.INVALID:
            end: Transition | None = mark_dead(job, UNSTORABLE, "its claim cannot be stored", now_ms)
        else:
            end = ended_by_loss(from_item(refused.current), now_ms) if refused.current else None
        if end is None:
            return True
        [outcome] = commit(self._runtime, [end], now_ms)
        return not outcome.failed


def _is_done(outcome: Claim) -> bool:
    return isinstance(outcome, WriteResult) and outcome.done
