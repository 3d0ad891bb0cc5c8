"""Fairness: whose turn is it, among tenants and among priorities?"""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import TypeVar

from whendue.quotas import AGEING_S

T = TypeVar("T")


def take_turns(items: Sequence[T], owner: Callable[[T], str]) -> list[T]:
    """Deal items out in rounds, one of each owner a round; an owner's own stay in their order.

    This is deficit round robin where everything costs one, so that a quantum of one leaves no deficit.
    Source: M. Shreedhar, G. Varghese, Efficient Fair Queuing Using Deficit Round-Robin, 1996.
    """
    dealt: Counter[str] = Counter()
    rounds: list[tuple[int, T]] = []
    for item in items:
        rounds.append((dealt[owner(item)], item))
        dealt[owner(item)] += 1
    return [item for _, item in sorted(rounds, key=lambda round_: round_[0])]


def virtual_deadline(check_at: int, rank: float) -> float:
    """Return the virtual deadline of work: the earliest goes first, so that no work starves.

    Args:
        check_at: the next check of the oldest work that waits, ms UTC.
        rank: 0 for the highest priority; each rank counts as so much age that the work does not have.
    """
    return check_at + rank * AGEING_S * 1000
