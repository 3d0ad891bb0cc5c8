"""Reading many items at once: one that cannot be read is left out, noted for the log, and hides none of the others."""

from collections.abc import Callable, Iterable
from typing import TypeVar

from whendue.engine.ports import Item
from whendue.engine.runtime import Runtime

T = TypeVar("T")


def readable(runtime: Runtime, items: Iterable[Item | None], read: Callable[[Item], T], stage: str) -> list[T]:
    """Read the items that exist and can be read, in order.

    Args:
        runtime: its bulkhead notes what could not be read.
        items: None for an item that does not exist.
        read: reads one item.
        stage: what is being done, for the log.
    """
    found = runtime.bulkhead.each(filter(None, items), read, stage=stage, name=_key_text)
    return [value for _, value in found]


def _key_text(item: Item) -> str:
    return f"{item.get('pk')} {item.get('sk')}"
