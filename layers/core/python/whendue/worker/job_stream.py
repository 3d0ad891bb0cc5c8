"""Handle messages as they come: claim their jobs in groups, look after all that run, record them in groups.

The same stages as those of a batch (`worker/processor.py`), for a process that keeps running. The threads are the
caller's: one may begin jobs while others record, or look after leases.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple, Protocol

from whendue.engine.ports import ReceivedMessage
from whendue.engine.runtime import Runtime
from whendue.engine.stage import ISOLATED, Left, Stage, kept
from whendue.jobs.outcomes import Ended
from whendue.limits.limiter import Limiter
from whendue.pauses.service import PauseService
from whendue.profiles.lookup import ProfileLookup
from whendue.submission.submit import Submit
from whendue.worker.batch_runner import DrainAt, EndedJob, RunningJobs
from whendue.worker.claimed_job import ClaimedJob, Received
from whendue.worker.claimer import Claimer
from whendue.worker.completer import Completer
from whendue.worker.executor import AttemptCalls
from whendue.worker.processor import decode
from whendue.worker.suspects import KillerTypes, split_suspects
from whendue.workflows.runner import CompositeRunner

# No function's deadline: a job's own timeout is what ends it. 2100-01-01 in ms.
NEVER_MS: Final = 4_102_444_800_000


class Calls(Protocol):
    """Where calls run."""

    def run(self, number: int, call: Callable[[], Any]) -> None:
        """Start a call."""

    def interrupt(self, number: int, error: type[BaseException]) -> None:
        """Raise an error inside a call, if it still runs."""


class Begun(NamedTuple):
    """What became of messages.

    Args:
        started: the number of jobs that run now.
        left: the messages that go no further.
        suspects: those of jobs whose worker died: they are the caller's to run apart.
    """

    started: int
    left: list[Left]
    suspects: list[Received]


class JobStream:
    """The jobs of a process that keeps running.

    Args:
        runtime: the outside.
        profiles: of jobs that follow theirs.
        pauses: of queues, tenants and types.
        composites: runs composite jobs.
        submit: accepts the jobs that tasks create.
        calls: where the jobs run.
        drain_at: as in `BatchProcessor.handle`.
    """

    def __init__(
        self,
        runtime: Runtime,
        profiles: ProfileLookup,
        pauses: PauseService,
        composites: CompositeRunner,
        submit: Submit,
        calls: Calls,
        drain_at: DrainAt,
    ) -> None:
        """Begin with none."""
        limits = Limiter(runtime, profiles)
        self._runtime = runtime
        self._claimer = Claimer(runtime, profiles, pauses, limits)
        self._attempts = AttemptCalls(runtime, composites, submit)
        self._completer = Completer(runtime, limits)
        self._calls = calls
        self.jobs = RunningJobs(runtime, NEVER_MS, drain_at)
        self.killers = KillerTypes()

    def begin(self, messages: Sequence[ReceivedMessage]) -> Begun:
        """Claim the jobs behind messages and start them; an unexpected error leaves the messages."""
        try:
            decoded = decode(self._runtime, messages, self._runtime.clock.now_ms())
            together, suspects = split_suspects(self._runtime, decoded.passed, self.killers)
            claimed = self._claimer.take(together, NEVER_MS) if together else Stage([], [])
        except Exception as error:  # noqa: BLE001 - the net: what is claimed comes again when its lease has ended
            self._runtime.bulkhead.note("begin", messages[0].id, error)
            return Begun(0, [kept(message, ISOLATED) for message in messages], [])
        self._start(claimed.passed)
        return Begun(len(claimed.passed), decoded.left + claimed.left, suspects)

    def _start(self, claimed: Sequence[ClaimedJob]) -> None:
        # Before their payloads are read: that may take longer than a lease.
        numbers = self.jobs.add(claimed)
        for number, call in zip(numbers, self._attempts.of(claimed), strict=True):
            self._calls.run(number, call)

    def keep(self) -> list[tuple[int, Ended]]:
        """Renew leases, interrupt jobs over their time; return those that did not stop, to be recorded."""
        return self.jobs.keep(self._calls.interrupt, self._runtime.clock.now_ms())

    def record(self, ended: Sequence[EndedJob]) -> list[Left]:
        """Record how jobs ended; an unexpected error leaves the messages."""
        left: list[Left] = []
        for group in _distinct(ended):
            try:
                left += self._completer.complete(group)
            except Exception as error:  # noqa: BLE001 - the net: what is recorded comes again and is found settled
                self._runtime.bulkhead.note("record", group[0][0].job.id, error)
                left += [kept(claimed_job.message, ISOLATED) for claimed_job, _ in group]
        return left


def _distinct(ended: Sequence[EndedJob]) -> list[list[EndedJob]]:
    """Group outcomes so that no job is twice in one group: a job whose lease was lost may be claimed here again."""
    groups: list[dict[str, EndedJob]] = []
    for claimed_job, outcome in ended:
        job_id = claimed_job.job.id
        group = next((group for group in groups if job_id not in group), None)
        if group is None:
            group = {}
            groups.append(group)
        group[job_id] = (claimed_job, outcome)
    return [list(group.values()) for group in groups]
