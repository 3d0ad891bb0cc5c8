"""Record how attempts ended: all of them in one call, each under its fence."""

from collections import Counter
from collections.abc import Sequence
from typing import Final

from whendue.engine.apply import send
from whendue.engine.commit import commit
from whendue.engine.ports import ReceivedMessage, WriteResult, WriteStatus
from whendue.engine.reconcile import DependencyReconciler
from whendue.engine.runtime import Runtime
from whendue.errors import UnavailableError
from whendue.jobs.dependency_transitions import expand
from whendue.jobs.failures import failure
from whendue.jobs.model import Job, State
from whendue.jobs.outcomes import Ended, Expanded, Failed, Stopped, Succeeded, broken
from whendue.jobs.transition import Transition
from whendue.jobs.transitions import fail, finish_cancelled, requeue, succeed
from whendue.limits.admission import ISOLATED
from whendue.limits.limiter import Limiter
from whendue.outbound.ssrf import TargetRefusedError
from whendue.worker.claimed_job import DRAINED, ClaimedJob

# Why a job is dead whose end, or claim, the table can hold in no way.
UNSTORABLE: Final = "unstorable"

UNHELD: Final = Failed(UNSTORABLE, "its end cannot be stored", final=True)

Step = tuple[ClaimedJob, Transition | None]


class Completer:
    """Records ended attempts and counts what became of them."""

    def __init__(self, runtime: Runtime, limits: Limiter) -> None:
        """Start with nothing recorded."""
        self._runtime = runtime
        self._limits = limits
        self.counts: Counter[str] = Counter()
        self.unsettled: list[ReceivedMessage] = []
        # The parts that a job has made, by its id: they are sent once it waits for them.
        self._to_send: dict[str, Sequence[Job]] = {}

    def leave(self, delivery: ReceivedMessage, outcome: str) -> None:
        """Let a message stay in its queue, and count why."""
        self.unsettled.append(delivery)
        self.counts[outcome] += 1

    def settle(self, ended: Sequence[tuple[ClaimedJob, Ended]]) -> None:
        """Record ends; a message whose job the table would not record is `unsettled`: it will be delivered again."""
        now_ms = self._runtime.clock.now_ms()
        steps: list[Step] = [(one, self._step(one, end, now_ms)) for one, end in ended]
        self._to_send = {one.job.id: end.to_send for one, end in ended if isinstance(end, Expanded)}
        cancelled, invalid = self._record(steps, now_ms)
        again: list[Step] = [(one, finish_cancelled(one.job, now_ms)) for one in cancelled]
        again += [(one, self._step(one, UNHELD, now_ms)) for one in invalid]
        if again:
            _, lost = self._record(again, now_ms)
            for one in lost:
                self.leave(one.delivery, ISOLATED)
        # A task that did not stop keeps its slot until its lease ends.
        self._limits.release([(one.slot, one.job) for one, _ in ended if one.slot and one.owned])

    def _record(self, steps: Sequence[Step], now_ms: int) -> tuple[list[ClaimedJob], list[ClaimedJob]]:
        """Carry out transitions.

        Gives the claims whose failure was refused because a cancel was requested, and those whose end the table can
        hold in no way.
        """
        known = [(one, step) for one, step in steps if step is not None]
        self.unsettled += [one.delivery for one, step in steps if step is None]
        cancelled, invalid, expanded = [], [], []
        for (one, step), outcome in self._recorded(known, now_ms):
            if isinstance(outcome, BaseException):
                self.leave(one.delivery, ISOLATED)
            elif outcome.done:
                self.counts[_named(step)] += 1
                expanded += [step.job] if step.name == "expand" else []
            elif outcome.status is WriteStatus.UNAVAILABLE:
                self.unsettled.append(one.delivery)
            elif outcome.status is WriteStatus.INVALID:
                invalid.append(one)
            elif outcome.current is not None and outcome.current.get("cancel_requested"):
                # Or the claim is lost: then the next write is refused, too.
                cancelled.append(one)
            else:
                self.counts["superseded"] += 1
        parts = [part for job in expanded for part in self._to_send.get(job.id, ())]
        send(self._runtime.queue, parts, now_ms, self._runtime.bulkhead)
        # Parts that ended before the job waited for them told nobody.
        for job in expanded:
            with self._runtime.bulkhead.around("dependencies", job.id):
                DependencyReconciler(self._runtime).check([job])
        return cancelled, invalid

    def _recorded(
        self, known: Sequence[tuple[ClaimedJob, Transition]], now_ms: int
    ) -> Sequence[tuple[tuple[ClaimedJob, Transition], WriteResult | BaseException]]:
        """Write in one call; what raises for one of them is that one's alone."""

        def record(part: Sequence[tuple[ClaimedJob, Transition]]) -> Sequence[WriteResult]:
            return commit(self._runtime, [step for _, step in part], now_ms)

        try:
            return self._runtime.bulkhead.batch(known, record, stage="record", name=lambda one: one[0].job.id)
        except UnavailableError:
            return [(one, WriteResult(WriteStatus.UNAVAILABLE)) for one in known]

    def _step(self, one: ClaimedJob, end: Ended, now_ms: int) -> Transition | None:
        """Turn an end into the job's next transition; where that fails, the attempt has failed.

        Gives None where nobody can say now how it ended.
        """
        try:
            return self._transition(one, end, now_ms)
        except Exception as error:  # noqa: BLE001 - this job's alone
            self._runtime.bulkhead.note("settle", one.job.id, error)
            failed = broken("its end could not be recorded", error)
        try:
            return self._failure(one, failed, now_ms)
        except Exception as error:  # noqa: BLE001 - nor that it failed: its lease ends, and somebody takes it over
            self._runtime.bulkhead.note("settle", one.job.id, error)
            self.counts[ISOLATED] += 1
        return None

    def _transition(self, one: ClaimedJob, end: Ended, now_ms: int) -> Transition | None:
        """Turn an end into the job's next transition, None while its result has no place to go."""
        match end:
            case Succeeded():
                return self._success(one, end, now_ms)
            case Stopped():
                return finish_cancelled(one.job, now_ms)
            case Expanded(parts, unmet_dependencies, deadline_at):
                return expand(one.job, parts, unmet_dependencies, now_ms, deadline_at)
            case Failed("timeout") if one.cause == DRAINED:
                return requeue(one.job, max(now_ms, _free_at(one)), now_ms, self._runtime.settings.timing)
            case Failed():
                return self._failure(one, end, now_ms)

    def _success(self, one: ClaimedJob, end: Succeeded, now_ms: int) -> Transition | None:
        if end.result is None:
            return succeed(one.job, now_ms, None)
        try:
            placed = self._runtime.payloads.place_result(one.job, end.result)
        except UnavailableError:
            return None
        return succeed(one.job, now_ms, placed.inline, placed.at, placed.write)

    def _failure(self, one: ClaimedJob, end: Failed, now_ms: int) -> Transition:
        cause = one.cause if one.cause and end.type == "timeout" else end.type
        error = failure(one.job, cause, end.message, failed_at=now_ms, where=end.where)
        if cause == TargetRefusedError.code:
            # The message is one of few: it names the rule.
            self.counts[f"{cause}: {error.message}"] += 1
        return fail(
            one.job,
            error,
            now_ms,
            self._runtime.settings.timing,
            draw=self._runtime.clock.random(),
            final=end.final,
            not_before=max(_free_at(one), now_ms + round(end.after_s * 1000) if end.after_s else 0),
        )


def _free_at(one: ClaimedJob) -> int:
    """Say from when on another may run it: a task that did not stop may go on until its lease has expired (G4)."""
    return 0 if one.owned else one.lease_until + 1


def _named(step: Transition) -> str:
    """Name an outcome, as it is counted."""
    if step.job.state is not State.PENDING:
        return step.job.state.value
    return "given_back" if step.name == "requeue" else "retried"
