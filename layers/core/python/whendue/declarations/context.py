"""What a task can read while it runs, and what it may report."""

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from whendue.aws_quotas import PROGRESS_BYTES
from whendue.declarations.log_capture import AttemptLogger
from whendue.jobs.json_values import NotJsonError, to_text
from whendue.jobs.model import Job

if TYPE_CHECKING:
    # Most attempts log nothing.
    from whendue.declarations.attempt_log import AttemptLog, KeptLines


class Context:
    """One attempt's context, handed to the task as its second argument.

    Args:
        job: the running job.
        deadline_ms: when the soft timeout ends the attempt, ms UTC.
        now_ms: the clock.
        first_time: durably notes a key, True the first time.
        publish: stores a progress at once, and says whether it did; without it, the next heartbeat stores it.

    `traceparent` (W3C Trace Context) is the header for what the task calls, None where the job belongs to no trace.
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
        self.deadline_ms = deadline_ms
        self.traceparent = job.traceparent

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
