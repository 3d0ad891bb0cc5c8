"""What ran: each attempt with its payload, its time and its error, also where the worker has recorded the error."""

import copy
import json
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Final

from whendue.declarations.context import Context
from whendue.jobs.outcomes import Succeeded, succeeded
from whendue.support.timestamps import EPOCH

# Errors that a text shows, the newest ones, and the characters of each, from its end: what pytest's report can hold.
ERRORS_SHOWN: Final = 5
ERROR_CHARACTERS: Final = 4000
_WHENDUE: Final = str(Path(__file__).parents[1])


def moment(at_ms: int) -> datetime:
    """Return a time, ms UTC, as a datetime in UTC."""
    return EPOCH + timedelta(milliseconds=at_ms)


@dataclass(slots=True)
class Run:
    """One attempt.

    Args:
        task: the task's name.
        payload: a JSON value, as it was submitted, with references resolved.
        attempt: which attempt of the job, from 1.
        at: when it began, UTC.
        job_id: the job.
        tenant: whose job.
        result: the result as it is stored, a JSON value; None until then, and for one that cannot be stored.
        error: what it raised, with its traceback; None where it raised nothing.
    """

    task: str
    payload: Any
    attempt: int
    at: datetime
    job_id: str
    tenant: str
    result: Any = None
    error: BaseException | None = None


class Runs:
    """The attempts of a whendue in memory, in the order in which they began.

    Args:
        now_ms: the clock, ms UTC.
    """

    def __init__(self, now_ms: Callable[[], int]) -> None:
        """Start with none."""
        self._now_ms = now_ms
        self._interrupt: BaseException | None = None
        self.every: list[Run] = []

    def record(self, task: str, payload: Any, context: Context, call: Callable[[], Any]) -> Any:
        """Make a call and note what came of it; what it raises is raised."""
        # A validator may change what it is given.
        kept = copy.deepcopy(payload)
        run = Run(task, kept, context.attempt, moment(self._now_ms()), context.job_id, context.tenant)
        self.every.append(run)
        try:
            run.result, returned = _stored(call())
        except BaseException as error:
            run.error = error
            if _is_for_the_test(error):
                self._interrupt = error
            raise
        return returned

    @property
    def failed(self) -> list[Run]:
        """The attempts that raised."""
        return [run for run in self.every if run.error is not None]

    def raise_interrupt(self) -> None:
        """Raise what was not for the worker: Ctrl-C, or `pytest.fail` inside of a task."""
        interrupt, self._interrupt = self._interrupt, None
        if interrupt is not None:
            raise interrupt


def _stored(returned: object) -> tuple[Any, object]:
    """Return a result as it is stored, and what the worker gets: the same, or a value that it refuses to store.

    It is written once: what a model yields while it is written may not be there a second time.
    """
    ended = succeeded(returned)
    if not isinstance(ended, Succeeded):
        return None, returned
    stored = None if ended.result is None else json.loads(ended.result)
    return stored, stored


def _is_for_the_test(error: BaseException) -> bool:
    """Return whether an error ends a test and is no failure of the task: Ctrl-C, `pytest.fail`, `pytest.skip`."""
    bases = {base.__module__ for base in type(error).__mro__}
    return isinstance(error, KeyboardInterrupt) or "_pytest.outcomes" in bases


def errors_text(failed: list[Run]) -> str:
    """Return the tracebacks of the newest failed attempts; empty where none failed."""
    if not failed:
        return ""
    shown = failed[-ERRORS_SHOWN:]
    left_out = [f"({len(failed) - len(shown)} earlier errors)"] if len(failed) > len(shown) else []
    return "\n\n".join([*left_out, *map(_error_text, shown)])


def _error_text(run: Run) -> str:
    error = run.error
    if error is None:
        return ""
    lines = traceback.format_exception(type(error), error, _of_users(error.__traceback__))
    return f"{run.task}, attempt {run.attempt} at {run.at.isoformat()}:\n{''.join(lines)[-ERROR_CHARACTERS:]}"


def _of_users(frames: TracebackType | None) -> TracebackType | None:
    """Leave out the frames of whendue that called the task."""
    while frames and frames.tb_next and frames.tb_frame.f_code.co_filename.startswith(_WHENDUE):
        frames = frames.tb_next
    return frames
