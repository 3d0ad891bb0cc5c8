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

# Says when what still runs is given back, ms UTC; None while the process is to stay.
DrainAt = Callable[[], int | None]
# An end waits this long for its neighbours', so that a batch is recorded in one call.
RECORD_WAIT_MS = 1000
# A batch of a process that can be told to go down looks this often whether it was.
LOOK_MS = 500
# What an interrupted task gets to clean up before it is given up.
INTERRUPT_GRACE_MS = 1000


class BatchRunner:
    """Claimed jobs under way.

    Args:
        runtime: the outside.
        composites: runs jobs that make jobs.
        batch: the claimed jobs, at least one.
        function_deadline_ms: when the process may be stopped, less the time to record, ms UTC.
        drain_at: asked at each look for when what still runs is given back, ms UTC; see `BatchProcessor.handle`.
    """

    def __init__(
        self,
        runtime: Runtime,
        composites: CompositeRunner,
        batch: Sequence[ClaimedJob],
        function_deadline_ms: int,
        drain_at: DrainAt | None = None,
    ) -> None:
        """Make ready; nothing has begun."""
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
            for index, end in running.wait(max(0, self._wake_ms(now_ms) - now_ms) / 1000):
                self._end(index, end)
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
        return [self._made(one, bring) for one, bring in zip(batch, self._inputs_of(batch), strict=True)]

    def _made(self, one: ClaimedJob, bring: Callable[[], Input]) -> Callable[[], Ended]:
        try:
            return self._call(one, bring)
        except Exception as error:  # noqa: BLE001 - this job's alone
            self._runtime.bulkhead.note("attempt", one.job.id, error)
            return partial(broken, "it could not be started", error)

    def _inputs_of(self, batch: Sequence[ClaimedJob]) -> list[Callable[[], Input]]:
        """Return what brings each payload. One read for all; where that fails, each reads its own in its attempt."""
        elsewhere = [one.job for one in batch if one.job.payload_at]
        try:
            texts = self._runtime.payloads.payloads(elsewhere) if elsewhere else {}
        except UnavailableError as error:
            unread = UnavailableError(f"the payload could not be read: {error}")
            return [partial(_raised, unread) for _ in batch]
        except Exception as error:  # noqa: BLE001 - of which of them is seen when each is read alone
            self._runtime.bulkhead.note("inputs", batch[0].job.id, error)
            return [partial(InputResolver(self._runtime).alone, one.job) for one in batch]
        return [self._input(one.job, texts.get(one.job.id, one.job.payload)) for one in batch]

    def _input(self, job: Job, text: str | None) -> Callable[[], Input]:
        if job.has_references:
            return partial(InputResolver(self._runtime).of, job, text)
        return lambda: text

    def _call(self, one: ClaimedJob, bring: Callable[[], Input]) -> Callable[[], Ended]:
        if one.job.expands:
            return lambda: self._composites.run(one.job, bring)
        call = attempt(self._runtime.registry, one.job, bring, one.context)
        return self._traced(one, call) if self._runtime.tracing.on else call

    def _traced(self, one: ClaimedJob, call: Callable[[], Ended]) -> Callable[[], Ended]:
        """Run an attempt in a span; a delivery is one, too."""
        job, tracing = one.job, self._runtime.tracing

        def within() -> Ended:
            about: dict[str, str | int] = {
                "whendue.job": job.id,
                "whendue.queue": job.queue,
                "whendue.attempt": job.attempt,
            }
            end: Ended | None = None
            try:
                with tracing.span(job.type, "CONSUMER", job.traceparent, about) as span:
                    one.context.traceparent = span.traceparent
                    end = call()
                    if isinstance(end, Failed):
                        span.failed(end.type)
            except Exception as error:  # noqa: BLE001 - a span that fails takes no attempt with it
                self._runtime.bulkhead.note("span", job.id, error)
            return end or call()

        return within

    def _wake_ms(self, now_ms: int) -> int:
        """Say when something is to be done even if no job ends."""
        deadlines = [_overdue_ms(one) for one in self._under_way.values()]
        record = [] if self._record_at_ms is None else [self._record_at_ms]
        look = [now_ms + LOOK_MS] if self._drain_at else []
        return min(self._leases.next_ms, *deadlines, *record, *look)

    def _end(self, index: int, end: object) -> None:
        """Note how a call ended; one that raised, or gave nothing that is an end, ends its attempt alone."""
        if (one := self._under_way.pop(index, None)) is not None:
            if not isinstance(end, Succeeded | Failed | Stopped | Expanded):
                error = end if isinstance(end, BaseException) else TypeError("not an end")
                self._runtime.bulkhead.note("attempt", one.job.id, error)
                end = broken("the attempt was lost", error)
            self._ended.append((one, end))
            self._record_at_ms = self._record_at_ms or self._runtime.clock.now_ms() + RECORD_WAIT_MS

    def _drain(self, running: Running, now_ms: int) -> None:
        """Interrupt what is to be given back because the process goes down."""
        drain_ms = self._drain_at() if self._drain_at else None
        if drain_ms is None or now_ms < drain_ms:
            return
        for index, one in self._under_way.items():
            if one.cause is None:
                one.cause, one.deadline_ms = DRAINED, now_ms
                running.interrupt(index, Interrupted)

    def _interrupt_overdue(self, running: Running, now_ms: int) -> None:
        for index, one in list(self._under_way.items()):
            if now_ms < _overdue_ms(one):
                continue
            if one.cause is None:
                # Which of the two limits it was: the task's own, or that of the function it runs in.
                one.cause = "function_timeout" if one.deadline_ms == self._function_deadline_ms else "timeout"
                running.interrupt(index, Interrupted)
            else:
                one.owned = False
                self._end(index, Failed("timeout", "the task did not stop when it was interrupted"))


def _raised(error: UnavailableError) -> Input:
    raise error


def _overdue_ms(one: ClaimedJob) -> int:
    """Say when patience ends: at the deadline, and once interrupted a little later."""
    return one.deadline_ms + (INTERRUPT_GRACE_MS if one.cause else 0)
