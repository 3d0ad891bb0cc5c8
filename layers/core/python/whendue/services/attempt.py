"""One attempt: call the task with its payload and put what came of it into one of a few values. Never raises."""

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from whendue.context import Context
from whendue.domain.fingerprint import said, type_name, where_raised
from whendue.domain.job import Job
from whendue.domain.values import NotJsonError, to_text
from whendue.errors import Interrupted, InvalidPayloadError, WhendueError
from whendue.limits import HORIZON_S, RESULT_BYTES, RESULT_DEPTH
from whendue.registry import Cancel, GiveUp, Registry, Retry

# An error of our own code in what belongs to one job.
INTERNAL: Final = WhendueError.code
# A payload as JSON; None where it is gone, an error where it cannot be made.
Input = str | WhendueError | None


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
        to_send: those whose messages go out as soon as the job waits.
    """

    parts: int
    awaits: frozenset[int]
    deadline_at: int | None = None
    to_send: Sequence[Job] = ()


Ended = Succeeded | Failed | Stopped | Expanded


def attempt(registry: Registry, job: Job, bring: Callable[[], Input], context: Context) -> Callable[[], Ended]:
    """Give the call that runs the job's task once.

    Args:
        registry: where the task is.
        job: the claimed job.
        bring: gives the payload; what it raises ends this attempt alone.
        context: handed to the task.
    """

    def call() -> Ended:
        never_retry: tuple[type[BaseException], ...] = (GiveUp, InvalidPayloadError)
        try:
            payload = brought(bring)
            if isinstance(payload, Failed):
                return payload
            definition = registry.get(job.type)
            never_retry += tuple(definition.never_retry)
            return succeeded(definition.call(json.loads(payload), context))
        except Cancel:
            return Stopped()
        except Interrupted:
            return Failed("timeout", "the attempt's time was over")
        except BaseException as error:  # noqa: BLE001 - whatever a task raises, SystemExit included, ends this attempt alone
            return _failed(error, never_retry)

    return call


def brought(bring: Callable[[], Input]) -> str | Failed:
    """Bring a payload, or say why the attempt ends without it."""
    try:
        payload = bring()
    except WhendueError as error:
        return Failed(error.code, str(error))
    except Exception as error:  # noqa: BLE001 - an item that nobody can read is the matter of who refers to it
        return broken("its payload could not be made", error)
    if payload is None:
        return Failed("payload_missing", "the payload is gone", final=True)
    return Failed(payload.code, str(payload), final=True) if isinstance(payload, WhendueError) else payload


def broken(what: str, error: BaseException) -> Failed:
    """Give the end of an attempt that an error of our own ended; what the error says is for the log of nobody."""
    return Failed(INTERNAL, f"{what}: {type_name(error)}", where_raised(error))


def succeeded(value: object) -> Ended:
    """Turn what a task returned into its end."""
    if value is None:
        return Succeeded(None)
    try:
        return Succeeded(to_text(value, most_bytes=RESULT_BYTES, most_levels=RESULT_DEPTH))
    except NotJsonError as error:
        return Failed(f"result_{error.problem}", f"the task returned what cannot be kept: {error}", final=True)


def _failed(error: BaseException, never_retry: tuple[type[BaseException], ...]) -> Failed:
    return Failed(
        type=_named(error),
        message=said(error),
        where=where_raised(error),
        final=_is(error, never_retry),
        after_s=_after_s(error) if _is(error, (Retry,)) else 0,
    )


def _is(error: BaseException, kinds: tuple[type[BaseException], ...]) -> bool:
    """Say whether an error is of some kinds. Not by `isinstance`: an error may lie about its class, or raise."""
    try:
        return any(issubclass(type(error), kind) for kind in kinds)
    except Exception:  # noqa: BLE001 - a class of users' code may have its own idea of subclasses
        return False


def _named(error: BaseException) -> str:
    code = getattr(type(error), "code", None) if _is(error, (WhendueError,)) else None
    return str.__str__(code) if isinstance(code, str) else type_name(error)


def _after_s(error: BaseException) -> float:
    """Give the delay that a task asks for: a number of seconds up to the horizon, 0 for what is none."""
    try:
        asked = float(getattr(error, "after_s"))  # noqa: B009 - a subclass may have put anything there
    except Exception:  # noqa: BLE001 - or nothing
        return 0
    return 0 if math.isnan(asked) else min(max(0.0, asked), float(HORIZON_S))
