"""A line of the log for each failed attempt and each dead job, with what the error says: for developers alone.

The text of an error may quote a payload or a secret, so no deployment logs it; it is in the job. `whendue dev` sets
WHENDUE_LOG_FAILURES for its processes, and they log it.
"""

import json
import sys
from collections.abc import Iterable, Mapping
from typing import Any, Final

from whendue.engine.ports import WriteResult
from whendue.engine.runtime import TransitionObserver
from whendue.jobs.failures import causes_of, stack_of
from whendue.jobs.model import Failure, Job, State
from whendue.jobs.transition import Transition, is_end, is_failed_attempt

FAILED: Final = "attempt failed"
DEAD: Final = "job dead"


class FailureLog:
    """Writes failures to the log, and hands everything on to another observer.

    Args:
        observer: records the metrics.
    """

    def __init__(self, observer: TransitionObserver) -> None:
        """Write nothing yet."""
        self._observer = observer

    def note(self, done: Iterable[tuple[Transition, WriteResult]]) -> None:
        """Log the failures among the transitions whose writes hold."""
        written = list(done)
        for step, result in written:
            if result.done and (line := log_line(step)):
                # One write: lines of several threads do not mix.
                sys.stdout.write(f"{line}\n")
                sys.stdout.flush()
        self._observer.note(written)

    def answered(self, answer: str) -> None:
        """Count a submit that met a holder."""
        self._observer.answered(answer)

    def tick(self, *, planned: int, promoted: int, rescued: Mapping[str, int]) -> None:
        """Hand on the counts of a tick."""
        self._observer.tick(planned=planned, promoted=promoted, rescued=rescued)


def log_line(step: Transition) -> str | None:
    """Return the line about a transition; None if it is neither a failed attempt nor the end of a dead job."""
    job = step.job
    is_dead = is_end(step) and job.state is State.DEAD
    if not is_dead and not is_failed_attempt(step):
        return None
    head = {"level": "ERROR", "message": DEAD} if is_dead else {"level": "WARNING", "message": FAILED}
    return json.dumps(head | {"service": "whendue"} | _facts(job))


def _facts(job: Job) -> dict[str, Any]:
    facts: dict[str, Any] = {"task": job.type, "job": job.id}
    failure = job.last
    if failure is None:
        return facts
    facts |= {"attempt": failure.attempt, "max_attempts": job.run_policy.max_attempts}
    facts |= {"error_type": failure.type, "error": failure.message, "where": failure.where}
    return facts | ({"exception": trace} if (trace := _trace(failure)) else {})


def _trace(failure: Failure) -> str:
    """Return the frames of a failure and its causes, a line each; nothing if that is no more than its place."""
    frames = stack_of(failure)
    lines = [f"  at {frame}" for frame in frames] if len(frames) > 1 else []
    lines += [
        f"  from {cause.type}: {cause.message}{f' at {cause.where}' if cause.where else ''}"
        for cause in causes_of(failure)
    ]
    return "\n".join(lines)
