"""Process a batch of messages: claim their jobs, run them and record their outcomes, each job for itself."""

from collections.abc import Sequence
from contextlib import suppress

from whendue.aws_quotas import SQS_MAX_VISIBILITY_S
from whendue.engine.message import UnreadableMessageError, from_body
from whendue.engine.ports import BatchResult, ReceivedMessage
from whendue.engine.runtime import Runtime
from whendue.engine.stage import ISOLATED, Left, Stage, batch_result, done, kept
from whendue.errors import UnavailableError
from whendue.jobs.model import Job
from whendue.limits.limiter import Limiter
from whendue.pauses.service import PauseService
from whendue.profiles.lookup import ProfileLookup
from whendue.submission.submit import Submit
from whendue.worker.batch_runner import INTERRUPT_GRACE_MS, BatchRunner, DrainAt
from whendue.worker.claimed_job import Received
from whendue.worker.claimer import Claimer
from whendue.worker.completer import Completer
from whendue.worker.executor import AttemptCalls
from whendue.worker.suspects import KillerTypes, Suspects, split_suspects
from whendue.workflows.runner import CompositeRunner

# Time that a worker keeps before its deadline to record outcomes.
RECORD_MS = 2000


class BatchProcessor:
    """Handles batches of messages."""

    def __init__(
        self,
        runtime: Runtime,
        profiles: ProfileLookup,
        pauses: PauseService,
        composites: CompositeRunner,
        submit: Submit,
    ) -> None:
        """Use this runtime."""
        limits = Limiter(runtime, profiles)
        self._runtime = runtime
        self._claimer = Claimer(runtime, profiles, pauses, limits)
        self._runner = BatchRunner(runtime, AttemptCalls(runtime, composites, submit), Completer(runtime, limits))
        self._killers = KillerTypes()

    def handle(
        self, messages: Sequence[ReceivedMessage], deadline_ms: int, drain_at: DrainAt | None = None
    ) -> BatchResult:
        """Run the jobs behind messages.

        Suspects (jobs whose worker died) run in processes of their own, or here, one at a time, after the rest is
        recorded: a poison job takes no neighbour with it (guarantee G10).

        Args:
            messages: all others than the `unsettled` ones may be deleted afterwards.
            deadline_ms: when the process may be stopped, ms UTC.
            drain_at: for a process that can be stopped; called twice a second. Returns when running jobs are to be
                requeued, ms UTC, or None. Once it returns a time, nothing more is claimed.
        """
        decoded = decode(self._runtime, messages, self._runtime.clock.now_ms())
        together, suspects = split_suspects(self._runtime, decoded.passed, self._killers)
        end_ms = deadline_ms - RECORD_MS - INTERRUPT_GRACE_MS
        if isolation := self._runtime.isolation:
            apart = Suspects(self._runtime, isolation, self._killers, deadline_ms, drain_at)
            apart.begin(suspects)
            left = self._run(together, end_ms, drain_at) + apart.finish()
        else:
            groups = [together, *([suspect] for suspect in suspects)]
            left = [message_left for group in groups for message_left in self._run(group, end_ms, drain_at)]
        return batch_result(decoded.left + left)

    def _run(self, group: Sequence[Received], end_ms: int, drain_at: DrainAt | None) -> list[Left]:
        """Run jobs side by side, unless the process ends; an unexpected error leaves their messages."""
        if not group:
            return []
        if self._runtime.clock.now_ms() >= end_ms or (drain_at and drain_at() is not None):
            return [kept(message) for message, _ in group]
        try:
            return self._staged(group, end_ms, drain_at)
        except Exception as error:  # noqa: BLE001 - the net: what is recorded comes again and is found settled
            self._runtime.bulkhead.note("batch", group[0][1].id, error)
            return [kept(message, ISOLATED) for message, _ in group]

    def _staged(self, group: Sequence[Received], end_ms: int, drain_at: DrainAt | None) -> list[Left]:
        claimed = self._claimer.take(group, end_ms)
        return claimed.left + (self._runner.run(claimed.passed, end_ms, drain_at) if claimed.passed else [])


def decode(runtime: Runtime, messages: Sequence[ReceivedMessage], now_ms: int) -> Stage[Received]:
    """Read messages; one that came early, is a duplicate or cannot be read is left."""
    newest: dict[str, Received] = {}
    left: list[Left] = []
    for message in messages:
        job = _read(runtime, message)
        if isinstance(job, Left):
            left.append(job)
        elif job.due_at > now_ms:
            left.append(_hidden(runtime, message, job, now_ms))
        elif job.id not in newest:
            newest[job.id] = (message, job)
        elif newest[job.id][1].generation < job.generation:
            left.append(done(newest[job.id][0], "duplicate"))
            newest[job.id] = (message, job)
        else:
            left.append(done(message, "duplicate"))
    return Stage(list(newest.values()), left)


def _read(runtime: Runtime, message: ReceivedMessage) -> Job | Left:
    """Read a message. An unreadable one stays, and SQS redrive moves it to the dead-letter queue.

    Nothing that a user sent is dropped.
    """
    try:
        return from_body(message.body)
    except UnreadableMessageError:
        return kept(message, "unreadable")
    except Exception as error:  # noqa: BLE001 - this message's alone
        runtime.bulkhead.note("decode", message.id, error)
        return kept(message, ISOLATED)


def _hidden(runtime: Runtime, message: ReceivedMessage, job: Job, now_ms: int) -> Left:
    """Hide a message that came early until its job is due (guarantee G6)."""
    wait_s = min(-(-(job.due_at - now_ms) // 1000), SQS_MAX_VISIBILITY_S)
    with suppress(UnavailableError), runtime.bulkhead.around("hold", job.id):
        runtime.queue.change_visibility(message.queue, [message.receipt], wait_s)
    return kept(message, "early")
