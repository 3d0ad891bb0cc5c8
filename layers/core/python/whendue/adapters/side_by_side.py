"""Table and queues whose large batches are carried out side by side, as many items a call as AWS takes."""

from collections.abc import Sequence
from functools import partial
from itertools import chain
from typing import Any, TypeVar

from whendue.aws_quotas import DYNAMODB_MAX_BATCH_GET, DYNAMODB_MAX_STATEMENTS, SQS_MAX_BATCH
from whendue.engine.ports import Item, JobQueue, JobStore, Outgoing, Pool, WriteResult
from whendue.table.keys import Key
from whendue.table.writes import Write

T = TypeVar("T")


class WideStore:
    """A table; what fits one call is one call, as it is without this.

    Args:
        store: the table.
        pool: what runs the calls of a larger batch.
    """

    def __init__(self, store: JobStore, pool: Pool) -> None:
        """Use this table and this pool."""
        self._store = store
        self._pool = pool

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def apply(self, writes: Sequence[Write]) -> list[WriteResult]:
        """Carry out writes, 25 in a call."""
        if len({write.key for write in writes}) != len(writes):
            raise ValueError("an item appears twice in one batch of writes")
        parts = _parts(writes, DYNAMODB_MAX_STATEMENTS)
        return list(chain(*self._pool.run([partial(self._store.apply, part) for part in parts])))

    def get(self, keys: Sequence[Key], *, consistent: bool = True) -> list[Item | None]:
        """Read items, 100 in a call."""
        unique = list(dict.fromkeys(keys))
        parts = _parts(unique, DYNAMODB_MAX_BATCH_GET)
        calls = [partial(self._store.get, part, consistent=consistent) for part in parts]
        items = chain(*self._pool.run(calls))
        found = dict(zip(unique, items, strict=True))
        return [found[key] for key in keys]


class WideQueue:
    """Queues; what fits one call is one call, as it is without this.

    Args:
        queue: the queues.
        pool: what runs the calls of a larger batch.
    """

    def __init__(self, queue: JobQueue, pool: Pool) -> None:
        """Use these queues and this pool."""
        self._queue = queue
        self._pool = pool

    def __getattr__(self, name: str) -> Any:
        return getattr(self._queue, name)

    def send(self, queue: str, messages: Sequence[Outgoing]) -> list[bool | None]:
        """Send messages, ten in a call."""
        parts = _parts(messages, SQS_MAX_BATCH)
        return list(chain(*self._pool.run([partial(self._queue.send, queue, part) for part in parts])))


def _parts(items: Sequence[T], size: int) -> list[Sequence[T]]:
    return [items[start : start + size] for start in range(0, len(items), size)]
