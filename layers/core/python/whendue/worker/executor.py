"""One attempt: call the task with its payload and put what came of it into one of a few values. Never raises."""

import json
import math
from collections.abc import Callable

from whendue.declarations.context import Context
from whendue.declarations.registry import Cancel, GiveUp, Registry, Retry
from whendue.errors import Interrupted, InvalidPayloadError, WhendueError
from whendue.jobs.failures import said, type_name, where_raised
from whendue.jobs.model import Job
from whendue.jobs.outcomes import Ended, Failed, Input, Stopped, brought, succeeded
from whendue.quotas import HORIZON_S


def attempt(registry: Registry, job: Job, bring: Callable[[], Input], context: Context) -> Callable[[], Ended]:
    """Return the call that runs the job's task once.

    Args:
        registry: where the task is.
        job: the claimed job.
        bring: returns the payload; what it raises fails this attempt alone.
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
            return Failed("timeout", "the attempt exceeded its timeout")
        except BaseException as error:  # noqa: BLE001 - whatever a task raises, SystemExit included, ends this attempt alone
            return _failed(error, never_retry)

    return call


def _failed(error: BaseException, never_retry: tuple[type[BaseException], ...]) -> Failed:
    return Failed(
        type=_named(error),
        message=said(error),
        where=where_raised(error),
        final=_is(error, never_retry),
        after_s=_after_s(error) if _is(error, (Retry,)) else 0,
    )


def _is(error: BaseException, kinds: tuple[type[BaseException], ...]) -> bool:
    """Return whether an error is of some kinds. Not by `isinstance`: an error may lie about its class, or raise."""
    try:
        return any(issubclass(type(error), kind) for kind in kinds)
    except Exception:  # noqa: BLE001 - a class of users' code may have its own idea of subclasses
        return False


def _named(error: BaseException) -> str:
    code = getattr(type(error), "code", None) if _is(error, (WhendueError,)) else None
    return str.__str__(code) if isinstance(code, str) else type_name(error)


def _after_s(error: BaseException) -> float:
    """Return the delay that a task asks for: seconds, at most the horizon; 0 for what is not a number."""
    try:
        asked = float(getattr(error, "after_s"))  # noqa: B009 - a subclass may have put anything there
    except Exception:  # noqa: BLE001 - or nothing
        return 0
    return 0 if math.isnan(asked) else min(max(0.0, asked), float(HORIZON_S))
