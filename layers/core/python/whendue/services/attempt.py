"""One attempt: call the task with its payload and put what came of it into one of a few values. Never raises."""

import json
import math
from collections.abc import Callable
from dataclasses import dataclass

from whendue.context import Context
from whendue.domain.fingerprint import where_raised
from whendue.domain.job import Job
from whendue.errors import Interrupted, InvalidPayloadError, WhendueError
from whendue.limits import BACKOFF_CAP_S, RESULT_BYTES
from whendue.registry import Cancel, GiveUp, Registry, Retry


@dataclass(frozen=True, slots=True)
class Succeeded:
    """The task returned; `result` is JSON text, None for a task that returned None."""

    result: str | None


@dataclass(frozen=True, slots=True)
class Failed:
    """The attempt failed.

    Args:
        type: the error's class name, or a cause of ours.
        message: what it said.
        where: the innermost frame.
        final: no further attempt can help.
        after_s: the least delay before the next attempt.
    """

    type: str
    message: str
    where: str = ""
    final: bool = False
    after_s: float = 0


@dataclass(frozen=True, slots=True)
class Stopped:
    """The task chose to end as cancelled."""


@dataclass(frozen=True, slots=True)
class Expanded:
    """The run made jobs, and the job is to wait for them.

    Args:
        parts: how many.
        awaits: whose ends it waits for, see `whendue.domain.dependency`.
        deadline_at: when they are cancelled, ms UTC.
    """

    parts: int
    awaits: frozenset[int]
    deadline_at: int | None = None


Ended = Succeeded | Failed | Stopped | Expanded


def attempt(registry: Registry, job: Job, payload: str | WhendueError | None, context: Context) -> Callable[[], Ended]:
    """Give the call that runs the job's task once.

    Args:
        registry: where the task is.
        job: the claimed job.
        payload: its JSON text; None where it is gone, an error where it cannot be made.
        context: handed to the task.
    """

    def call() -> Ended:
        never_retry: tuple[type[BaseException], ...] = (GiveUp, InvalidPayloadError)
        try:
            if payload is None:
                return Failed("payload_missing", "the payload is gone", final=True)
            if isinstance(payload, WhendueError):
                return Failed(payload.code, str(payload), final=True)
            definition = registry.get(job.type)
            never_retry += definition.never_retry
            return succeeded(definition.call(json.loads(payload), context))
        except Cancel:
            return Stopped()
        except Interrupted:
            return Failed("timeout", "the attempt's time was over")
        except BaseException as error:  # noqa: BLE001 - whatever a task raises, SystemExit included, ends this attempt alone
            return _failed(error, never_retry)

    return call


def succeeded(value: object) -> Ended:
    """Turn what a task returned into its end."""
    if value is None:
        return Succeeded(None)
    try:
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        size = len(text.encode())
    except (TypeError, ValueError, RecursionError) as error:
        return Failed("result_not_json", f"the task returned what JSON cannot hold: {type(error).__name__}", final=True)
    if size > RESULT_BYTES:
        return Failed("result_too_large", f"the result is over {RESULT_BYTES} bytes of JSON", final=True)
    return Succeeded(text)


def _failed(error: BaseException, never_retry: tuple[type[BaseException], ...]) -> Failed:
    name = error.code if isinstance(error, WhendueError) else type(error).__name__
    after_s = error.after_s if isinstance(error, Retry) and math.isfinite(error.after_s) else 0
    return Failed(
        type=name,
        message=_said(error),
        where=where_raised(error),
        final=isinstance(error, never_retry),
        after_s=min(max(0.0, after_s), BACKOFF_CAP_S),
    )


def _said(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:  # noqa: BLE001 - a task's error may be broken itself
        return "(the error cannot be shown)"
