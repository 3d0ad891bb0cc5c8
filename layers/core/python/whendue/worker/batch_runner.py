"""A batch of claimed jobs: run side by side, kept alive, interrupted when over time, recorded as they end."""

from collections.abc import Callable, Sequence
from functools import partial

from whendue.engine.ports import Running
from whendue.engine.runtime import Runtime
from whendue.engine.stage import Left
from whendue.errors import Interrupted, UnavailableError
from whendue.jobs.model import Job
from whendue.jobs.outcomes import Ended, Expanded, Failed, Input, Stopped, Succeeded, broken
from whendue.references.resolver import InputResolver
from whendue.worker.claimed_job import ClaimedJob
from whendue.worker.completer import Completer
from whendue.worker.ended_attempt import DRAINED
from whendue.worker.executor import attempt
from whendue.worker.heartbeat import Heartbeater
from whendue.workflows.runner import CompositeRunner

# Returns when running jobs are requeued because the process stops, ms UTC; None while it keeps running.
DrainAt = Callable[[], int | None]
# The outcome of an attempt is held this long for others, so that a batch is recorded in one call.
RECORD_WAIT_MS = 1000
# How often a batch checks whether its process is to stop, if the process can be stopped.
LOOK_MS = 500
# Time that an interrupted task has to clean up before its attempt is abandoned.
INTERRUPT_GRACE_MS = 1000


class BatchRunner:
    """Claimed jobs under way.

    Args:
        runtime: the outside.
        composites: runs composite jobs.
        batch: the claimed jobs, at least one.
        function_deadline_ms: when the process may be stopped, less the time to record outcomes, ms UTC.
        drain_at: returns when running jobs are requeued, ms UTC; see `BatchProcessor.handle`.
    """

    def __init__(
        self,
        runtime: Runtime,
        composites: CompositeRunner,
        batch: Sequence[ClaimedJob],
        function_deadline_ms: int,
        drain_at: DrainAt | None = None,
    ) -> None:
        """Prepare the batch; nothing runs yet."""
        self._runtime = runtime
        self._composites = composites
        self._function_deadline_ms = function_deadline_ms
        self._drain_at = drain_at
        self._under_way = dict(enumerate(batch))
        self._ended: list[tuple[ClaimedJob, Ended]] = []
        self._record_at_ms: int | None = None
        self._leases = Heartbeater(runtime, batch)

    def run(self, completer: Completer) -> list[Left]:
        """Run until every job has ended and the completer has recorded it."""
        left: list[Left] = []
        running = self._runtime.runner.start(self._calls())
        while self._under_way:
            now_ms = self._runtime.clock.now_ms()
            for index, outcome in running.wait(max(0, self._wake_ms(now_ms) - now_ms) / 1000):
                self._end(index, outcome)
            now_ms = self._runtime.clock.now_ms()
            self._drain(running, now_ms)
            self._interrupt_overdue(running, now_ms)
            if self._under_way and now_ms >= self._leases.next_ms:
                self._leases.keep(list(self._under_way.values()), now_ms)
            if self._record_at_ms is not None and (not self._under_way or now_ms >= self._record_at_ms):
                left += completer.complete(self._ended)
                self._ended, self._record_at_ms = [], None
        return left

    def _calls(self) -> list[Callable[[], Ended]]:
        batch = list(self._under_way.values())
        return [
            self._made(claimed_job, bring) for claimed_job, bring in zip(batch, self._inputs_of(batch), strict=True)
        ]

    def _made(self, claimed_job: ClaimedJob, bring: Callable[[], Input]) -> Callable[[], Ended]:
        try:
            return self._call(claimed_job, bring)
        except Exception as error:  # noqa: BLE001 - this job's alone
            self._runtime.bulkhead.note("attempt", claimed_job.job.id, error)
            return partial(broken, "it could not be started", error)

    def _inputs_of(self, batch: Sequence[ClaimedJob]) -> list[Callable[[], Input]]:
        """Return a function per job that returns its payload. One read for all; if it fails, each job reads its own."""
        stored_elsewhere = [claimed_job.job for claimed_job in batch if claimed_job.job.payload_at]
        try:
            texts = self._runtime.payloads.payloads(stored_elsewhere) if stored_elsewhere else {}
        except UnavailableError as error:
            unread = UnavailableError(f"the payload could not be read: {error}")
            return [
                partial(_raised, unread) if claimed_job.job.payload_at else self._input(claimed_job.job)
                for claimed_job in batch
            ]
        except Exception as error:  # noqa: BLE001 - which job it is of shows when each is read alone
            self._runtime.bulkhead.note("inputs", batch[0].job.id, error)
            return [partial(InputResolver(self._runtime).alone, claimed_job.job) for claimed_job in batch]
        return [self._input(claimed_job.job, texts.get(claimed_job.job.id)) for claimed_job in batch]

    def _input(self, job: Job, stored: str | None = None) -> Callable[[], Input]:
        """Return a function that returns a job's payload: its own text, or the one that is stored elsewhere."""
        text = stored if job.payload_at else job.payload
        if job.has_references:
            return partial(InputResolver(self._runtime).of, job, text)
        return lambda: text

    def _call(self, claimed_job: ClaimedJob, bring: Callable[[], Input]) -> Callable[[], Ended]:
        if claimed_job.job.expands:
            return lambda: self._composites.run(claimed_job.job, bring)
        call = attempt(self._runtime.registry, claimed_job.job, bring, claimed_job.context)
        return self._traced(claimed_job, call) if self._runtime.tracing.on else call

    def _traced(self, claimed_job: ClaimedJob, call: Callable[[], Ended]) -> Callable[[], Ended]:
        """Run an attempt in a span; the attempt of a delivery has one, too."""
        job, tracing = claimed_job.job, self._runtime.tracing

        def within() -> Ended:
            attributes: dict[str, str | int] = {
                "whendue.job": job.id,
                "whendue.queue": job.queue,
                "whendue.attempt": job.attempt,
            }
            outcome: Ended | None = None
            try:
                with tracing.span(job.type, "CONSUMER", job.traceparent, attributes) as span:
                    claimed_job.context.traceparent = span.traceparent
                    outcome = call()
                    if isinstance(outcome, Failed):
                        span.failed(outcome.type)
            except Exception as error:  # noqa: BLE001 - a span that fails takes no attempt with it
                self._runtime.bulkhead.note("span", job.id, error)
            return outcome or call()

        return within

    def _wake_ms(self, now_ms: int) -> int:
        """Return when the batch has to act even if no attempt ends, ms UTC."""
        deadlines = [_overdue_ms(claimed_job) for claimed_job in self._under_way.values()]
        record = [] if self._record_at_ms is None else [self._record_at_ms]
        look = [now_ms + LOOK_MS] if self._drain_at else []
        return min(self._leases.next_ms, *deadlines, *record, *look)

    def _end(self, index: int, outcome: object) -> None:
        """Note a call's outcome; a call that raised, or returned no outcome, fails its attempt alone."""
        if (claimed_job := self._under_way.pop(index, None)) is not None:
            if not isinstance(outcome, Succeeded | Failed | Stopped | Expanded):
                error = outcome if isinstance(outcome, BaseException) else TypeError("not an end")
                self._runtime.bulkhead.note("attempt", claimed_job.job.id, error)
                outcome = broken("the attempt was lost", error)
            self._ended.append((claimed_job, outcome))
            self._record_at_ms = self._record_at_ms or self._runtime.clock.now_ms() + RECORD_WAIT_MS

    def _drain(self, running: Running, now_ms: int) -> None:
        """Interrupt the jobs that are to be requeued because the process stops."""
        drain_ms = self._drain_at() if self._drain_at else None
        if drain_ms is None or now_ms < drain_ms:
            return
        for index, claimed_job in self._under_way.items():
            if claimed_job.cause is None:
                claimed_job.cause, claimed_job.deadline_ms = DRAINED, now_ms
                running.interrupt(index, Interrupted)

    def _interrupt_overdue(self, running: Running, now_ms: int) -> None:
        for index, claimed_job in list(self._under_way.items()):
            if now_ms < _overdue_ms(claimed_job):
                continue
            if claimed_job.cause is None:
                # Which of the two timeouts it was: the task's own, or that of the function it runs in.
                claimed_job.cause = (
                    "function_timeout" if claimed_job.deadline_ms == self._function_deadline_ms else "timeout"
                )
                running.interrupt(index, Interrupted)
            else:
                claimed_job.owned = False
                self._end(index, Failed("timeout", "the task did not stop when it was interrupted"))


def _raised(error: UnavailableError) -> Input:
    raise error


def _overdue_ms(claimed_job: ClaimedJob) -> int:
    """Return when an attempt is interrupted, or given up if it was interrupted already, ms UTC."""
    return claimed_job.deadline_ms + (INTERRUPT_GRACE_MS if claimed_job.cause else 0)
