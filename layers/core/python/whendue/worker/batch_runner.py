"""Claimed jobs under way: kept alive, interrupted when over time; and a batch of them, recorded as they end."""

from collections.abc import Callable, Iterable, Sequence
from itertools import count
from typing import Final

from whendue.engine.runtime import Runtime
from whendue.engine.stage import Left
from whendue.errors import Interrupted
from whendue.jobs.outcomes import Ended, Expanded, Failed, Stopped, Succeeded, broken
from whendue.worker.claimed_job import ClaimedJob
from whendue.worker.completer import Completer
from whendue.worker.ended_attempt import DRAINED
from whendue.worker.executor import AttemptCalls
from whendue.worker.heartbeat import Heartbeater

# Returns when running jobs are requeued because the process stops, ms UTC; None while it keeps running.
DrainAt = Callable[[], int | None]
# The outcome of an attempt is held this long for others, so that a batch is recorded in one call.
RECORD_WAIT_MS = 1000
# How often a worker checks whether its process is to stop, if the process can be stopped. Not above the shortest
# timeout, 1 s: a job that is added between two checks is interrupted in time.
LOOK_MS = 500
# Time that an interrupted task has to clean up before its attempt is abandoned.
INTERRUPT_GRACE_MS = 1000
ABANDONED: Final = Failed("timeout", "the task did not stop when it was interrupted")

# A job and its outcome, not recorded yet.
EndedJob = tuple[ClaimedJob, Ended]
# Raises an error inside the call of a job, by its number.
Interrupt = Callable[[int, type[BaseException]], None]


class RunningJobs:
    """Jobs under way, by numbers that are given in the order in which they begin.

    Threads may share it: a job ends once, by the first thread that ends it.

    Args:
        runtime: the outside.
        function_deadline_ms: when the process may be stopped, less the time to record outcomes, ms UTC.
        drain_at: returns when running jobs are requeued, ms UTC; see `BatchProcessor.handle`.
    """

    def __init__(self, runtime: Runtime, function_deadline_ms: int, drain_at: DrainAt | None = None) -> None:
        """Begin with none."""
        self._runtime = runtime
        self._function_deadline_ms = function_deadline_ms
        self._drain_at = drain_at
        self._under_way: dict[int, ClaimedJob] = {}
        self._numbers = count()
        self._leases = Heartbeater(runtime)

    def __len__(self) -> int:
        """Return the number of jobs under way."""
        return len(self._under_way)

    def add(self, batch: Iterable[ClaimedJob]) -> list[int]:
        """Look after claimed jobs from now on; return their numbers."""
        numbered = {next(self._numbers): claimed_job for claimed_job in batch}
        self._under_way.update(numbered)
        return list(numbered)

    def end(self, number: int, outcome: object) -> EndedJob | None:
        """Take a job out with its outcome; None if it has ended before.

        A call that raised, or returned no outcome, fails its attempt alone.
        """
        claimed_job = self._under_way.pop(number, None)
        if claimed_job is None:
            return None
        claimed_job.ended = True
        claimed_job.context.end()
        if not isinstance(outcome, Succeeded | Failed | Stopped | Expanded):
            error = outcome if isinstance(outcome, BaseException) else TypeError("not an end")
            self._runtime.bulkhead.note("attempt", claimed_job.job.id, error)
            outcome = broken("the attempt was lost", error)
        return claimed_job, outcome

    def end_all(self, outcomes: Iterable[tuple[int, object]]) -> list[EndedJob]:
        """Take jobs out by number with their outcomes; leave out those that have ended before."""
        return [ended for number, outcome in outcomes if (ended := self.end(number, outcome))]

    def wake_ms(self, now_ms: int) -> int:
        """Return when `keep` has to be called next even if no job ends, ms UTC."""
        under_way = list(self._under_way.values())
        deadlines = [_overdue_ms(claimed_job) for claimed_job in under_way]
        beats = [claimed_job.beat_at_ms for claimed_job in under_way]
        look = [now_ms + LOOK_MS] if self._drain_at else []
        return min(deadlines + beats + look, default=now_ms)

    def keep(self, interrupt: Interrupt, now_ms: int) -> list[tuple[int, Ended]]:
        """Interrupt what is over its time, renew leases; return the jobs that did not stop, with their outcome."""
        self._drain(interrupt, now_ms)
        abandoned = self._interrupt_overdue(interrupt, now_ms)
        self._leases.keep(list(self._under_way.values()), now_ms)
        return [(number, ABANDONED) for number in abandoned]

    def _drain(self, interrupt: Interrupt, now_ms: int) -> None:
        """Interrupt the jobs that are to be requeued because the process stops."""
        drain_ms = self._drain_at() if self._drain_at else None
        if drain_ms is None or now_ms < drain_ms:
            return
        for number, claimed_job in list(self._under_way.items()):
            if claimed_job.cause is None:
                claimed_job.cause, claimed_job.deadline_ms = DRAINED, now_ms
                interrupt(number, Interrupted)

    def _interrupt_overdue(self, interrupt: Interrupt, now_ms: int) -> list[int]:
        """Interrupt jobs that are over their time; return the numbers of those that did not stop in time."""
        abandoned = []
        for number, claimed_job in list(self._under_way.items()):
            if now_ms < _overdue_ms(claimed_job):
                continue
            if claimed_job.cause is None:
                # Which of the two timeouts it was: the task's own, or that of the function it runs in.
                claimed_job.cause = (
                    "function_timeout" if claimed_job.deadline_ms == self._function_deadline_ms else "timeout"
                )
                interrupt(number, Interrupted)
            else:
                claimed_job.owned = False
                abandoned.append(number)
        return abandoned


class BatchRunner:
    """Runs batches of claimed jobs.

    Args:
        runtime: the outside.
        calls: makes the calls of the jobs.
        completer: records how they ended.
    """

    def __init__(self, runtime: Runtime, calls: AttemptCalls, completer: Completer) -> None:
        """Use this runtime."""
        self._runtime = runtime
        self._calls = calls
        self._completer = completer

    def run(self, batch: Sequence[ClaimedJob], function_deadline_ms: int, drain_at: DrainAt | None) -> list[Left]:
        """Run until every job has ended and is recorded.

        Args:
            batch: the claimed jobs.
            function_deadline_ms: when the process may be stopped, less the time to record outcomes, ms UTC.
            drain_at: returns when running jobs are requeued, ms UTC; see `BatchProcessor.handle`.
        """
        jobs = RunningJobs(self._runtime, function_deadline_ms, drain_at)
        jobs.add(batch)
        left: list[Left] = []
        ended: list[EndedJob] = []
        record_at_ms: int | None = None
        running = self._runtime.runner.start(self._calls.of(batch))
        while jobs:
            now_ms = self._runtime.clock.now_ms()
            wake_ms = jobs.wake_ms(now_ms) if record_at_ms is None else min(jobs.wake_ms(now_ms), record_at_ms)
            ended += jobs.end_all(running.wait(max(0, wake_ms - now_ms) / 1000))
            now_ms = self._runtime.clock.now_ms()
            ended += jobs.end_all(jobs.keep(running.interrupt, now_ms))
            if ended and record_at_ms is None:
                record_at_ms = now_ms + RECORD_WAIT_MS
            if record_at_ms is not None and (not jobs or now_ms >= record_at_ms):
                left += self._completer.complete(ended)
                ended, record_at_ms = [], None
        return left


def _overdue_ms(claimed_job: ClaimedJob) -> int:
    """Return when an attempt is interrupted, or given up if it was interrupted already, ms UTC."""
    return claimed_job.deadline_ms + (INTERRUPT_GRACE_MS if claimed_job.cause else 0)
