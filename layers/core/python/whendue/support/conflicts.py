"""Optimistic concurrency: read, decide, write on a condition, and start again when another process wrote first."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Final, Generic, TypeVar

from whendue.quotas import CONFLICT_TRIES

Read = TypeVar("Read")
Plan = TypeVar("Plan")
Result = TypeVar("Result")


class Conflict(Enum):
    """The type of CONFLICT."""

    CONFLICT = "conflict"


# Another write came between the read and ours.
CONFLICT: Final = Conflict.CONFLICT


@dataclass(frozen=True, slots=True)
class NoWrite(Generic[Result]):
    """A decision that there is nothing to write.

    Args:
        result: what is returned at once.
    """

    result: Result


def retry_on_conflict(
    read: Callable[[], Read],
    decide: Callable[[Read], Plan | NoWrite[Result]],
    apply: Callable[[Plan], Result | Conflict],
    *,
    exhausted: Callable[[], Result],
    tries: int = CONFLICT_TRIES,
) -> Result:
    """Read, decide and write; after a conflict read and decide again. What any of the three raises ends it at once.

    Args:
        read: returns the current state.
        decide: turns it into a plan for the write, or `NoWrite`; it may raise to refuse.
        apply: writes on the condition that nothing has changed since the read; returns the result, or CONFLICT.
        exhausted: returns the result if every round met a conflict, or raises.
        tries: maximum number of rounds, at least 1.
    """
    for _ in range(tries):
        plan = decide(read())
        if isinstance(plan, NoWrite):
            return plan.result
        result = apply(plan)
        if result is not CONFLICT:
            return result
    return exhausted()
