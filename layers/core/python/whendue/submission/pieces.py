"""Pieces of a bulk, handled side by side: few rounds of calls, on a bounded number of threads."""

from collections.abc import Callable, Sequence
from typing import Final, TypeVar

from whendue.engine.ports import Runner
from whendue.errors import UnavailableError
from whendue.quotas import BULK_JOBS, SUBMIT_PIECE

T = TypeVar("T")
R = TypeVar("R")

# Pieces that are handled at once, a thread each: as many as the largest bulk has.
SUBMITS_AT_ONCE: Final = BULK_JOBS // SUBMIT_PIECE
# Longer than any piece takes: the calls to AWS end by themselves (adapters/aws.py).
_WAIT_S: Final = 300


def pieces(items: Sequence[T]) -> list[Sequence[T]]:
    """Cut items into pieces that fill the batches of a write and of a send, at most `SUBMITS_AT_ONCE` of them."""
    size = max(SUBMIT_PIECE, -(-len(items) // SUBMITS_AT_ONCE))
    return [items[start : start + size] for start in range(0, len(items), size)]


def side_by_side(
    runner: Runner, parts: Sequence[Sequence[T]], handle: Callable[[Sequence[T]], R]
) -> list[R | BaseException]:
    """Call a function for each piece, all at once; return the results in order.

    The result of a piece whose call raises is what it raised; of one whose call does not end, an `UnavailableError`.
    """
    running = runner.start([_calling(handle, part) for part in parts])
    outcomes: dict[int, R | BaseException] = {}
    while len(outcomes) < len(parts) and (finished := running.wait(_WAIT_S)):
        outcomes.update(finished)
    return [outcomes.get(number, UnavailableError()) for number in range(len(parts))]


def _calling(handle: Callable[[Sequence[T]], R], part: Sequence[T]) -> Callable[[], R]:
    return lambda: handle(part)
