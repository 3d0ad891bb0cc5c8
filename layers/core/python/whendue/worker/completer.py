"""Complete: record how attempts ended, all of them in one call, each under its fence."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Final

from whendue.engine.apply import send
from whendue.engine.commit import commit
from whendue.engine.ports import WriteResult, WriteStatus
from whendue.engine.reconcile import DependencyReconciler
from whendue.engine.runtime import Runtime
from whendue.engine.stage import ISOLATED, Left, Stage, done, kept
from whendue.errors import UnavailableError
from whendue.jobs.model import Job, evolve
from whendue.jobs.outcomes import Ended, Expanded, Failed, StoredPayload, Succeeded, broken
from whendue.jobs.transition import Transition, with_progress
from whendue.jobs.transitions import finish_cancelled
from whendue.limits.limiter import Limiter
from whendue.outbound.ssrf import TargetRefusedError
from whendue.table.writes import Write
from whendue.worker.claimed_job import ClaimedJob, log_write
from whendue.worker.ended_attempt import UNSTORABLE, cause_of, outcome_name, to_transition

UNHELD: Final = Failed(UNSTORABLE, "its end cannot be stored", final=True)

# A claim and the transition that records how its attempt ended.
Step = tuple[ClaimedJob, Transition]
# The result of the write; an error where it could not be tried.
Recorded = WriteResult | BaseException


class Completer:
    """Records ended attempts."""

    def __init__(self, runtime: Runtime, limits: Limiter) -> None:
        """Use this runtime; slots are released through these limits."""
        self._runtime = runtime
        self._limits = limits

    def complete(self, ended: Sequence[tuple[ClaimedJob, Ended]]) -> list[Left]:
        """Record how attempts ended; a message whose job the table would not record stays."""
        now_ms = self._runtime.clock.now_ms()
        self._keep_logs([claimed_job for claimed_job, _ in ended], now_ms)
        planned = self._planned(ended, now_ms)
        recorded = self._recorded(planned.passed, now_ms)
        members = {claimed.job.id: outcome.to_send for claimed, outcome in ended if isinstance(outcome, Expanded)}
        self._start_members(recorded, members)
        again = self._again(recorded, now_ms)
        retried = [_left(step, result) for step, result in self._recorded(again.passed, now_ms)]
        left = [*planned.left, *again.left, *retried]
        # A task that did not stop keeps its slot until its lease ends.
        if free := [(claimed.slot, claimed.job) for claimed, _ in ended if claimed.slot and claimed.owned]:
            self._limits.release(free)
        return left + [refused for claimed, outcome in ended if (refused := _refused_target(claimed, outcome))]

    def _keep_logs(self, claimed_jobs: Sequence[ClaimedJob], now_ms: int) -> None:
        """Store what the attempts have logged, in one call if there is anything; a log that is lost stops no end."""
        writes = [write for claimed_job in claimed_jobs if (write := log_write(claimed_job, now_ms))]
        if writes:
            with suppress(UnavailableError):
                self._runtime.bulkhead.batch(writes, self._runtime.store.apply, stage="log", name=_pk)

    def _planned(self, ended: Sequence[tuple[ClaimedJob, Ended]], now_ms: int) -> Stage[Step]:
        """Turn outcomes into transitions; a message stays where the outcome cannot be stored now."""
        steps = [(claimed_job, self._step(claimed_job, outcome, now_ms)) for claimed_job, outcome in ended]
        return Stage(
            [(claimed_job, step) for claimed_job, step in steps if isinstance(step, Transition)],
            [step for _, step in steps if isinstance(step, Left)],
        )

    def _step(self, claimed_job: ClaimedJob, outcome: Ended, now_ms: int) -> Transition | Left:
        """Turn an outcome into the job's next transition; where that fails, the attempt has failed."""
        try:
            return self._transition(claimed_job, outcome, now_ms)
        except UnavailableError:
            # Its result cannot be stored now.
            return kept(claimed_job.message)
        except Exception as error:  # noqa: BLE001 - this job's alone
            self._runtime.bulkhead.note("complete", claimed_job.job.id, error)
            failed = broken("its end could not be recorded", error)
        try:
            return self._transition(claimed_job, failed, now_ms)
        except Exception as error:  # noqa: BLE001 - nor its failure: the lease expires, and another worker claims it
            self._runtime.bulkhead.note("complete", claimed_job.job.id, error)
            return kept(claimed_job.message, ISOLATED)

    def _transition(self, claimed_job: ClaimedJob, outcome: Ended, now_ms: int) -> Transition:
        """Store a result, and return the job's next transition.

        Raises:
            UnavailableError: the result cannot be stored now.
        """
        result, progress = StoredPayload(), claimed_job.context.last_progress
        if isinstance(outcome, Succeeded) and outcome.result is not None:
            # Beside the progress, which takes of the same room.
            job = evolve(claimed_job.job, progress=progress) if progress else claimed_job.job
            result = self._runtime.payloads.place_result(job, outcome.result)
        draw = self._runtime.clock.random() if isinstance(outcome, Failed) else 0
        timing = self._runtime.settings.timing
        over = to_transition(
            claimed_job.job,
            outcome,
            result,
            now_ms,
            timing,
            interrupted=claimed_job.cause,
            free_at=claimed_job.free_at,
            draw=draw,
        )
        return with_progress(over, progress)

    def _recorded(self, steps: Sequence[Step], now_ms: int) -> Sequence[tuple[Step, Recorded]]:
        """Write in one call; an error of one job affects no other."""

        def record(batch: Sequence[Step]) -> Sequence[WriteResult]:
            return commit(self._runtime, [step for _, step in batch], now_ms)

        try:
            return self._runtime.bulkhead.batch(steps, record, stage="record", name=lambda step: step[0].job.id)
        except UnavailableError:
            return [(step, WriteResult(WriteStatus.UNAVAILABLE)) for step in steps]

    def _start_members(self, recorded: Sequence[tuple[Step, Recorded]], to_send: Mapping[str, Sequence[Job]]) -> None:
        """Send the messages of members, now that the jobs that created them wait for them."""
        waiting = [
            step.job
            for (_, step), result in recorded
            if step.name == "expand" and isinstance(result, WriteResult) and result.done
        ]
        members = [member for job in waiting for member in to_send.get(job.id, ())]
        if members:
            send(self._runtime.queue, members, self._runtime.clock.now_ms(), self._runtime.bulkhead)
        # Members that ended before the job waited for them released nothing.
        for job in waiting:
            with self._runtime.bulkhead.around("dependencies", job.id):
                DependencyReconciler(self._runtime).reconcile([job])

    def _again(self, recorded: Sequence[tuple[Step, Recorded]], now_ms: int) -> Stage[Step]:
        """Return what to write instead where a write was refused for a known reason; the other messages are left."""
        passed: list[Step] = []
        left: list[Left] = []
        for step, result in recorded:
            other = self._instead(step[0], result, now_ms)
            if isinstance(other, Transition):
                passed.append((step[0], other))
            else:
                left.append(_left(step, result))
        return Stage(passed, left)

    def _instead(self, claimed_job: ClaimedJob, result: Recorded, now_ms: int) -> Transition | Left | None:
        if isinstance(result, WriteResult) and result.status is WriteStatus.INVALID:
            return self._step(claimed_job, UNHELD, now_ms)
        if isinstance(result, WriteResult) and _asks_to_cancel(result):
            # Or the claim is lost: then the next write is refused, too.
            return with_progress(finish_cancelled(claimed_job.job, now_ms), claimed_job.context.last_progress)
        return None


def _pk(write: Write) -> str:
    return write.key.pk


def _asks_to_cancel(result: WriteResult) -> bool:
    """Return whether a write was refused by a job whose cancel was requested: no other result shows the item."""
    return result.current is not None and bool(result.current.get("cancel_requested"))


def _left(step: Step, result: Recorded) -> Left:
    message, transition = step[0].message, step[1]
    if isinstance(result, BaseException) or result.status is WriteStatus.INVALID:
        return kept(message, ISOLATED)
    if result.status is WriteStatus.UNAVAILABLE:
        return kept(message)
    return done(message, outcome_name(transition) if result.done else "superseded")


def _refused_target(claimed_job: ClaimedJob, outcome: Ended) -> Left | None:
    """Count a refused target by its rule, too: the error's message is one of a few."""
    if isinstance(outcome, Failed) and cause_of(outcome, claimed_job.cause) == TargetRefusedError.code:
        return done(claimed_job.message, f"{TargetRefusedError.code}: {outcome.message}")
    return None
