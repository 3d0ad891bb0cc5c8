"""Reading items: of many, one that cannot be read is left out and noted; alone, it is an error of its own."""

from collections.abc import Callable, Iterable
from typing import TypeVar

from whendue.engine.ports import Item
from whendue.engine.runtime import Runtime
from whendue.errors import UnreadableError, WhendueError

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


def read_one(item: Item, read: Callable[[Item], T], what: str) -> T:
    """Read the item that a request names.

    Args:
        item: as stored.
        read: reads it.
        what: what the request has asked for, as in "the job 0190".

    Raises:
        UnreadableError: it cannot be read; the cause says why.
        WhendueError: what `read` raises of ours.
    """
    try:
        return read(item)
    except WhendueError:
        raise
    except Exception as error:
        raise UnreadableError(
            f"{what} is stored in a form that cannot be read; the log says why", item=_key_text(item)
        ) from error


def _key_text(item: Item) -> str:
    return f"{item.get('pk')} {item.get('sk')}"
