"""How an attempt ended: a few values, whatever the task did."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from whendue.errors import WhendueError
from whendue.jobs.failures import type_name, where_raised
from whendue.jobs.json_values import NotJsonError, to_text
from whendue.jobs.model import Job
from whendue.quotas import RESULT_BYTES, RESULT_DEPTH
from whendue.table.writes import Write

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
        backoff_s: the delay that the task's own backoff asks for; None for that of the policy.
        stack, causes: see `whendue.jobs.failures.Raised`.
    """

    type: str
    message: str
    where: str = ""
    final: bool = False
    after_s: float = 0
    backoff_s: float | None = None
    stack: str | None = None
    causes: str | None = None


@dataclass(frozen=True, slots=True)
class Stopped:
    """The task chose to end as cancelled."""


@dataclass(frozen=True, slots=True)
class Expanded:
    """The run made jobs, and the job is to wait for them.

    Args:
        member_count: how many.
        unmet_dependencies: the dependencies that it waits for, see `whendue.jobs.dependencies`.
        deadline_at: when they are cancelled, ms UTC.
        to_send: those whose messages go out as soon as the job waits.
    """

    member_count: int
    unmet_dependencies: frozenset[int]
    deadline_at: int | None = None
    to_send: Sequence[Job] = ()


class StoredPayload(NamedTuple):
    """Where a payload or result is stored.

    Args:
        inline: its text, if it stands in the job's own item.
        at: where else it is: `item`, or an S3 key.
        write: what puts it into an item of its own.
    """

    inline: str | None = None
    at: str | None = None
    write: Write | None = None


Ended = Succeeded | Failed | Stopped | Expanded


def brought(bring: Callable[[], Input]) -> str | Failed:
    """Bring a payload, or say why the attempt ends without it."""
    try:
        payload = bring()
    except WhendueError as error:
        return Failed(error.code, str(error))
    except Exception as error:  # noqa: BLE001 - an unreadable item affects only what refers to it
        return broken("its payload could not be built", error)
    if payload is None:
        return Failed("payload_missing", "the payload is no longer kept", final=True)
    return Failed(payload.code, str(payload), final=True) if isinstance(payload, WhendueError) else payload


def broken(what: str, error: BaseException) -> Failed:
    """Return the outcome of an attempt that an internal error ended; the error's message is not logged."""
    return Failed(INTERNAL, f"{what}: {type_name(error)}", where_raised(error))


def succeeded(value: object) -> Ended:
    """Turn what a task returned into its end."""
    if value is None:
        return Succeeded(None)
    try:
        return Succeeded(to_text(value, most_bytes=RESULT_BYTES, most_levels=RESULT_DEPTH))
    except NotJsonError as error:
        return Failed(
            f"result_{error.problem}", f"the task returned a value that cannot be stored: {error}", final=True
        )
