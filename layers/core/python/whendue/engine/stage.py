"""Stages: each takes a list and returns the items that passed to the next one, and the messages that were left."""

from collections import Counter
from collections.abc import Iterable
from typing import Final, Generic, NamedTuple, TypeVar

from whendue.engine.ports import BatchResult, ReceivedMessage

T = TypeVar("T")

# The outcome of a message whose handling an unexpected error ended; the message is received again.
ISOLATED: Final = "isolated"


class Left(NamedTuple):
    """A message that goes no further.

    Args:
        message: the message.
        outcome: the outcome to count; None for none.
        keep: True if it stays in its queue and is received again; otherwise it may be deleted.
    """

    message: ReceivedMessage
    outcome: str | None
    keep: bool


class Stage(NamedTuple, Generic[T]):
    """The result of a stage.

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
    parts = list(stages)
    return Stage([item for stage in parts for item in stage.passed], [left for stage in parts for left in stage.left])


def batch_result(left: Iterable[Left]) -> BatchResult:
    """Return the result of a whole batch: the messages that stay, and the number of messages per outcome."""
    messages_left = list(left)
    counts = Counter(message_left.outcome for message_left in messages_left if message_left.outcome is not None)
    return BatchResult([message_left.message.id for message_left in messages_left if message_left.keep], counts)
