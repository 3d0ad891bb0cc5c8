"""Isolate: do something with many items in one call; where that raises, find the item that is to blame."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from whendue.errors import UnavailableError

T = TypeVar("T")
R = TypeVar("R")


def isolated(
    items: Sequence[T], call: Callable[[Sequence[T]], Sequence[R]], failed: Callable[[T, Exception], R]
) -> list[R]:
    """Call a function with all items; if it raises, with each half of them, down to single ones.

    So one item in n that raises costs about 2 log2(n) calls more, and no neighbour anything.

    Args:
        items: what is handled together; nothing is called for none.
        call: returns one result per item, in order; doing an item twice must do no harm.
        failed: gives the result of the one item for which the call raised.

    Raises:
        UnavailableError: a service refused for now, which is no fault of one item.
    """
    if not items:
        return []
    try:
        return list(call(items))
    except UnavailableError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever it is, it is one item's alone
        if len(items) == 1:
            return [failed(items[0], error)]
    half = len(items) // 2
    return isolated(items[:half], call, failed) + isolated(items[half:], call, failed)
