"""Complete: record how attempts ended, all of them in one call, each under its fence."""

from collections.abc import Mapping, Sequence
from typing import Final

from whendue.engine.apply import send
from whendue.engine.commit import commit
from whendue.engine.ports import WriteResult, WriteStatus
from whendue.engine.reconcile import DependencyReconciler
from whendue.engine.runtime import Runtime
from whendue.engine.stage import ISOLATED, Left, Stage, done, kept
from whendue.errors import UnavailableError
from whendue.jobs.model import Job
from whendue.jobs.outcomes import Ended, Expanded, Failed, StoredPayload, Succeeded, broken
from whendue.jobs.transition import Transition
from whendue.jobs.transitions import finish_cancelled
from whendue.limits.limiter import Limiter
from whendue.outbound.ssrf import TargetRefusedError
from whendue.worker.claimed_job import ClaimedJob
from whendue.worker.ended_attempt import UNSTORABLE, cause_of, outcome_name, to_transition

UNHELD: Final = Failed(UNSTORABLE, "its end cannot be stored", final=True)

# A claim and the transition that records how its attempt ended.
Step = tuple[ClaimedJob, Transition]
# What became of the write of an end; an error where it could not be tried.
Recorded = WriteResult | BaseException


class Completer:
    """Records ended attempts."""

    def __init__(self, runtime: Runtime, limits: Limiter) -> None:
        """Use this runtime; slots are handed back to these limits."""
        self._runtime = runtime
        self._limits = limits

    def complete(self, ended: Sequence[tuple[ClaimedJob, Ended]]) -> list[Left]:
        """Record how attempts ended; a message whose job the table would not record stays."""
        now_ms = self._runtime.clock.now_ms()
        planned = self._planned(ended, now_ms)
        recorded = self._recorded(planned.passed, now_ms)
        self._start_members(recorded, {one.job.id: end.to_send for one, end in ended if isinstance(end, Expanded)})
        again = self._again(recorded, now_ms)
        left = [*planned.left, *again.left, *(_left(step, end) for step, end in self._recorded(again.passed, now_ms))]
        # A task that did not stop keeps its slot until its lease ends.
        if free := [(one.slot, one.job) for one, _ in ended if one.slot and one.owned]:
            self._limits.release(free)
        return left + [refused for one, end in ended if (refused := _refused_target(one, end))]

    def _planned(self, ended: Sequence[tuple[ClaimedJob, Ended]], now_ms: int) -> Stage[Step]:
        """Turn ends into transitions; a message stays where nobody can say now how its attempt ended."""
        steps = [(one, self._step(one, end, now_ms)) for one, end in ended]
        return Stage(
            [(one, step) for one, step in steps if isinstance(step, Transition)],
            [step for _, step in steps if isinstance(step, Left)],
        )

    def _step(self, one: ClaimedJob, end: Ended, now_ms: int) -> Transition | Left:
        """Turn an end into the job's next transition; where that fails, the attempt has failed."""
        try:
            return self._transition(one, end, now_ms)
        except UnavailableError:
            # Its result cannot be stored now.
            return kept(one.delivery)
        except Exception as error:  # noqa: BLE001 - this job's alone
            self._runtime.bulkhead.note("complete", one.job.id, error)
            failed = broken("its end could not be recorded", error)
        try:
            return self._transition(one, failed, now_ms)
        except Exception as error:  # noqa: BLE001 - nor that it failed: its lease ends, and somebody takes it over
            self._runtime.bulkhead.note("complete", one.job.id, error)
            return kept(one.delivery, ISOLATED)

    def _transition(self, one: ClaimedJob, end: Ended, now_ms: int) -> Transition:
        """Store a result, and return the job's next transition.

        Raises:
            UnavailableError: the result cannot be stored now.
        """
        result = StoredPayload()
        if isinstance(end, Succeeded) and end.result is not None:
            result = self._runtime.payloads.place_result(one.job, end.result)
        draw = self._runtime.clock.random() if isinstance(end, Failed) else 0
        timing = self._runtime.settings.timing
        return to_transition(
            one.job, end, result, now_ms, timing, interrupted=one.cause, free_at=one.free_at, draw=draw
        )

    def _recorded(self, steps: Sequence[Step], now_ms: int) -> Sequence[tuple[Step, Recorded]]:
        """Write in one call; what raises for one of them is that one's alone."""

        def record(some: Sequence[Step]) -> Sequence[WriteResult]:
            return commit(self._runtime, [step for _, step in some], now_ms)

        try:
            return self._runtime.bulkhead.batch(steps, record, stage="record", name=lambda one: one[0].job.id)
        except UnavailableError:
            return [(one, WriteResult(WriteStatus.UNAVAILABLE)) for one in steps]

    def _start_members(self, recorded: Sequence[tuple[Step, Recorded]], to_send: Mapping[str, Sequence[Job]]) -> None:
        """Send the messages of members, now that the jobs that created them wait for them."""
        waiting = [
            step.job
            for (_, step), end in recorded
            if step.name == "expand" and isinstance(end, WriteResult) and end.done
        ]
        members = [member for job in waiting for member in to_send.get(job.id, ())]
        if members:
            send(self._runtime.queue, members, self._runtime.clock.now_ms(), self._runtime.bulkhead)
        # Members that ended before the job waited for them released nothing.
        for job in waiting:
            with self._runtime.bulkhead.around("dependencies", job.id):
                DependencyReconciler(self._runtime).check([job])

    def _again(self, recorded: Sequence[tuple[Step, Recorded]], now_ms: int) -> Stage[Step]:
        """Return what to write in place of ends that were refused for a known reason; the others are left."""
        passed: list[Step] = []
        left: list[Left] = []
        for step, end in recorded:
            other = self._instead(step[0], end, now_ms)
            if isinstance(other, Transition):
                passed.append((step[0], other))
            else:
                left.append(other or _left(step, end))
        return Stage(passed, left)

    def _instead(self, one: ClaimedJob, end: Recorded, now_ms: int) -> Transition | Left | None:
        if isinstance(end, WriteResult) and end.status is WriteStatus.INVALID:
            return self._step(one, UNHELD, now_ms)
        if isinstance(end, WriteResult) and end.status is WriteStatus.REFUSED and _asks_to_cancel(end):
            # Or the claim is lost: then the next write is refused, too.
            return finish_cancelled(one.job, now_ms)
        return None


def _asks_to_cancel(end: WriteResult) -> bool:
    return end.current is not None and bool(end.current.get("cancel_requested"))


def _left(step: Step, end: Recorded) -> Left:
    message, transition = step[0].delivery, step[1]
    if isinstance(end, BaseException) or end.status is WriteStatus.INVALID:
        return kept(message, ISOLATED)
    if end.status is WriteStatus.UNAVAILABLE:
        return kept(message)
    return done(message, outcome_name(transition) if end.done else "superseded")


def _refused_target(one: ClaimedJob, end: Ended) -> Left | None:
    """Count a target that was refused also by its rule: the error's message is one of few."""
    if isinstance(end, Failed) and cause_of(end, one.cause) == TargetRefusedError.code:
        return done(one.delivery, f"{TargetRefusedError.code}: {end.message}")
    return None
