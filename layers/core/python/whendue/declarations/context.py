"""What a task can read while it runs, what it may report, and the jobs that it creates."""

import logging
from collections.abc import Callable
from functools import partial
from itertools import count
from typing import TYPE_CHECKING, Any, Protocol, Unpack

from whendue.aws_quotas import PROGRESS_BYTES
from whendue.declarations.log_capture import AttemptLogger
from whendue.errors import ConfigurationError, InvalidRequestError, StateConflictError
from whendue.jobs.json_values import NotJsonError, to_text
from whendue.jobs.model import Job
from whendue.quotas import SUBMITS_PER_ATTEMPT

if TYPE_CHECKING:
    # Most attempts log nothing, and submit no jobs.
    from whendue.declarations.attempt_log import AttemptLog, KeptLines
    from whendue.declarations.calls.model import Call, Named, Options, WorkflowCall


class Creator(Protocol):
    """Creates the jobs that an attempt asks for."""

    def __call__(self, call: "Call | WorkflowCall", name: str, traceparent: str | None) -> str:
        """Create what is asked for, unless an attempt of the same job has done so under this name; return its id.

        Args:
            call: what is asked for.
            name: of the call among those of the job.
            traceparent: the trace that it belongs to.
        """


class Context:
    """One attempt's context, handed to the task as its second argument.

    Args:
        job: the running job.
        deadline_ms: when the soft timeout ends the attempt, ms UTC.
        now_ms: the clock.
        first_time: durably notes a key, True the first time.
        publish: stores a progress at once, and says whether it did; without it, the next heartbeat stores it.

    `traceparent` (W3C Trace Context) is the header for what the task calls, None where the job belongs to no trace.
    `create` creates the jobs that the task submits; the worker sets it, None where no jobs can be submitted.
    """

    # Made when the first line is logged: most attempts log none.
    _lines: "AttemptLog"

    def __init__(
        self,
        job: Job,
        deadline_ms: int,
        now_ms: Callable[[], int],
        first_time: Callable[[str], bool],
        publish: Callable[[str], bool] = lambda _: False,
    ) -> None:
        """Begin an attempt."""
        self._job = job
        self._now_ms = now_ms
        self._first_time = first_time
        self._publish = publish
        self._progress: str | None = None
        self._is_stored = True
        self._cancelled = False
        self._has_ended = False
        self._submits = count(1)
        self.deadline_ms = deadline_ms
        self.traceparent = job.traceparent
        self.create: Creator | None = None

    @property
    def job_id(self) -> str:
        """The job's id, the same for all its attempts."""
        return self._job.id

    @property
    def tenant(self) -> str:
        """Whose job it is."""
        return self._job.tenant

    @property
    def subscription(self) -> str | None:
        """The subscription that the job is a delivery to, None for any other job."""
        return self._job.subscription

    @property
    def schedule(self) -> str | None:
        """The schedule that made the job, None where none did."""
        return self._job.schedule

    @property
    def nominal_at_ms(self) -> int | None:
        """The time for which the schedule made the job, ms UTC; None for a job that was submitted or triggered."""
        return self._job.nominal_at

    @property
    def attempt(self) -> int:
        """Which attempt this is, from 1."""
        return self._job.attempt

    @property
    def fence(self) -> str:
        """This claim's mark, ordered by time: hand it to systems that can refuse an older one (a fencing token)."""
        return self._job.fence or ""

    @property
    def remaining_s(self) -> float:
        """Seconds left before the soft timeout."""
        return max(0.0, (self.deadline_ms - self._now_ms()) / 1000)

    @property
    def cancelled(self) -> bool:
        """Whether someone asked the job to stop; raise `Cancel` to follow. Learned at the next heartbeat."""
        return self._cancelled

    def progress(self, value: Any) -> None:
        """Publish how far the task is: any JSON value of up to 128 bytes.

        The first value is stored at once, later ones with the next heartbeat, and the last one with the attempt's end.

        Raises:
            ValueError: it is longer, or JSON has nothing for it.
        """
        try:
            text = to_text(value, most_bytes=PROGRESS_BYTES, most_levels=PROGRESS_BYTES, name="progress")
        except NotJsonError as error:
            raise ValueError(f"the progress cannot be stored: {error}") from None
        is_first = self._progress is None
        self._is_stored, self._progress = False, text
        if is_first and self._publish(text) and self._progress is text:
            self._is_stored = True

    @property
    def log(self) -> logging.LoggerAdapter[logging.Logger]:
        """A logger of this attempt: `GET /jobs/{id}/logs` shows what it logs, and nothing else prints it.

        What the task logs with the standard `logging` is kept, too, but only in the task's own thread and coroutines.
        """
        return AttemptLogger(self)

    def once(self, key: str) -> bool:
        """Return True the first time any attempt of this job asks for this key (any text), False from then on.

        The note is written before the side effect that it guards, so that the effect happens at most once. This claim
        gets True again if it repeats the question.

        Raises:
            UnavailableError: the note could not be written.
        """
        return self._first_time(str.__str__(key) if isinstance(key, str) else str(key))

    # --- jobs of the same tenant ---------------------------------------------------------------------------------

    def submit(
        self, task: "Named | str", payload: Any = ..., *, key: str | None = None, **options: "Unpack[Options]"
    ) -> str:
        """Create a job of the same tenant, once for all attempts of this job; return its id.

        The job belongs to the key. Another attempt, or another worker with the same job, gets the id of the first one.
        Calls without a key are identified by their order in the attempt: give a key where that may change.

        Args:
            task: a task, or its name.
            payload: what fits the task's model: JSON, or the model itself. Default: `{}`.
            key: what makes it the same job for all attempts. Default: the number of the call in this attempt.
            options: fields of the job, see `Options`.

        Raises:
            InvalidRequestError, PayloadTooLargeError: the job is refused; InvalidPayloadError for its payload.
            IdempotencyConflictError: the key was used for another request.
            StateConflictError: the attempt has ended.
            ConfigurationError: this context has no worker.
            UnavailableError: it is unknown whether the job exists, or the payload's validator did not end; another
                attempt will find the job, or create it.
        """
        from whendue.declarations.calls.model import call_of

        return self.submit_call(call_of(task, payload, key, options))

    async def submit_async(
        self, task: "Named | str", payload: Any = ..., *, key: str | None = None, **options: "Unpack[Options]"
    ) -> str:
        """Create a job as `submit` does, in a thread: the coroutine's loop goes on."""
        from whendue.declarations.calls.model import call_of

        return await self.submit_call_async(call_of(task, payload, key, options))

    def submit_call(self, call: "Call | WorkflowCall") -> str:
        """Create what code asks for; arguments, result and errors as of `submit`."""
        return self._creation(call)()

    async def submit_call_async(self, call: "Call | WorkflowCall") -> str:
        """Create what code asks for in a thread."""
        import asyncio

        # Its number is taken here: threads begin in any order.
        return await asyncio.to_thread(self._creation(call))

    def _creation(self, call: "Call | WorkflowCall") -> Callable[[], str]:
        """Return what creates a job or workflow, under the name that it has in all attempts."""
        if self._has_ended:
            raise StateConflictError("the attempt has ended: submit jobs before the task returns")
        if self.create is None:
            raise ConfigurationError("no jobs can be submitted here: tasks submit them, in a worker")
        number = next(self._submits)
        if number > SUBMITS_PER_ATTEMPT:
            raise InvalidRequestError(
                f"an attempt may submit at most {SUBMITS_PER_ATTEMPT} jobs: let jobs that it submits submit the others"
            )
        name = f"call {number}" if call.key is None else f"key {call.key}"
        return partial(self.create, call, name, self.traceparent)

    def end(self) -> None:
        """Note that the attempt has ended: it submits no more jobs."""
        self._has_ended = True

    # --- for the worker ------------------------------------------------------------------------------------------

    def take_progress(self) -> str | None:
        """Return the latest progress, once: the heartbeat stores it."""
        value = None if self._is_stored else self._progress
        self._is_stored = True
        return value

    @property
    def last_progress(self) -> str | None:
        """The latest progress, stored or not; None where there was none: the attempt's end stores it."""
        return self._progress

    def note(self, record: logging.LogRecord) -> None:
        """Keep a record of the attempt."""
        from whendue.declarations.attempt_log import AttemptLog, line_of_record

        # Of two threads that log the first line, both get the same log.
        vars(self).setdefault("_lines", AttemptLog()).add(line_of_record(record, self._now_ms()))

    def close_log(self) -> "KeptLines | None":
        """End the attempt's log; None where nothing was logged."""
        lines: AttemptLog | None = vars(self).get("_lines")
        return lines.close() if lines else None

    def mark_cancelled(self) -> None:
        """Note that a cancel was requested."""
        self._cancelled = True
