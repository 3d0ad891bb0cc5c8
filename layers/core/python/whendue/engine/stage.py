"""Stages: each takes a list and returns the items that passed to the next one, and the messages that were left."""

from collections import Counter
from collections.abc import Iterable
from typing import Final, Generic, NamedTuple, TypeVar

from whendue.engine.ports import BatchResult, ReceivedMessage

T = TypeVar("T")

# What is counted where an error of one item ended its handling; its message comes again.
ISOLATED: Final = "isolated"


class Left(NamedTuple):
    """A message that goes no further.

    Args:
        message: the message.
        outcome: what is counted; None for nothing.
        keep: it stays in its queue, and is received again; otherwise it is done with.
    """

    message: ReceivedMessage
    outcome: str | None
    keep: bool


class Stage(NamedTuple, Generic[T]):
    """What became of the items of a stage.

    Args:
        passed: the items for the next stage.
        left: the messages of the others.
    """

    passed: list[T]
    left: list[Left]


def done(message: ReceivedMessage, outcome: str | None = None) -> Left:
    """Return that a message is done with."""
    return Left(message, outcome, keep=False)


def kept(message: ReceivedMessage, outcome: str | None = None) -> Left:
    """Return that a message stays in its queue."""
    return Left(message, outcome, keep=True)


def joined(stages: Iterable[Stage[T]]) -> Stage[T]:
    """Return several stages of different items as one."""
    whole = list(stages)
    return Stage([one for stage in whole for one in stage.passed], [left for stage in whole for left in stage.left])


def batch_result(left: Iterable[Left]) -> BatchResult:
    """Return what became of a whole batch: the messages that stay, and how often there was each outcome."""
    whole = list(left)
    counts = Counter(one.outcome for one in whole if one.outcome is not None)
    return BatchResult([one.message.id for one in whole if one.keep], counts)
