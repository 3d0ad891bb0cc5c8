"""JobStore in memory. It refuses what DynamoDB refuses."""

import bisect
import threading
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from whendue.adapters.attribute_values import check, check_size
from whendue.engine.ports import DueEntry, Item, WriteResult, WriteStatus
from whendue.errors import UnstorableError
from whendue.table.keys import Key
from whendue.table.writes import Write, already_done, applied_to, holds

_MUTABLE = (dict, list)


class MemoryStore:
    """Items by key and the due index, kept at once (a lagging index is the simulator's business)."""

    def __init__(self) -> None:
        """Start empty."""
        self._items: dict[Key, dict[str, Any]] = {}
        self._due_index: defaultdict[str, list[DueEntry]] = defaultdict(list)
        self._lock = threading.RLock()

    @property
    def rows(self) -> dict[Key, dict[str, Any]]:
        """The items as they are stored, by key: a test may change them here, past every condition and index."""
        return self._items

    @property
    def due_index(self) -> defaultdict[str, list[DueEntry]]:
        """The entries of the due index, by partition, ordered as they are read."""
        return self._due_index

    def apply(self, writes: Sequence[Write]) -> list[WriteResult]:
        """Carry out writes, each on its own."""
        if len({write.key for write in writes}) != len(writes):
            raise ValueError("an item appears twice in one batch of writes")
        with self._lock:
            return [self._apply(write) for write in writes]

    def _apply(self, write: Write) -> WriteResult:
        try:
            check(write)
            return self._carry_out(write)
        except UnstorableError:
            return WriteResult(WriteStatus.INVALID)

    def _carry_out(self, write: Write) -> WriteResult:
        old = self._items.get(write.key)
        # An update never creates an item: DynamoDB gets attribute_exists(pk).
        missing = old is None and not write.inserts
        if missing or not all(holds(condition, old) for condition in write.expected):
            done = already_done(write, old)
            return WriteResult(WriteStatus.DONE if done else WriteStatus.REFUSED, _copied(old))
        then = None if write.deletes else _copied(_after(write, old))
        self._unlist(write.key, old)
        if then is None:
            del self._items[write.key]
            return WriteResult(WriteStatus.DONE)
        self._items[write.key] = then
        self._list(write.key, then)
        return WriteResult(WriteStatus.DONE)

    def _unlist(self, key: Key, item: Item | None) -> None:
        if item and _is_listed(item):
            self._due_index[item["due_pk"]].remove(_entry(key, item))

    def _list(self, key: Key, item: Item) -> None:
        if _is_listed(item):
            bisect.insort(self._due_index[item["due_pk"]], _entry(key, item))

    def get(self, keys: Sequence[Key]) -> list[Item | None]:
        """Read items."""
        with self._lock:
            return [_copied(self._items.get(key)) for key in keys]

    def query(self, pk: str) -> list[Item]:
        """Read every item under a partition key, ordered by `sk`."""
        with self._lock:
            return [_copied(self._items[key]) for key in sorted(key for key in self._items if key.pk == pk)]

    def query_range(self, pk: str, *, first: str, last: str, limit: int, newest_first: bool = False) -> list[Item]:
        """Read a range of the items of one `pk`, ordered by `sk`."""
        items = [item for item in self.query(pk) if first <= item["sk"] <= last]
        return (items[::-1] if newest_first else items)[:limit]

    def query_due(
        self, partition: str, *, after: DueEntry | None, until_ms: int, limit: int, newest_first: bool = False
    ) -> list[DueEntry]:
        """List a partition's entries by (next check, key)."""
        with self._lock:
            entries = self._due_index[partition]
            end = bisect.bisect_right(entries, until_ms, key=lambda entry: entry.check_at)
            if newest_first:
                end = end if after is None else min(end, bisect.bisect_left(entries, after))
                return entries[max(0, end - limit) : end][::-1]
            start = 0 if after is None else bisect.bisect_right(entries, after)
            return entries[start : min(end, start + limit)]

    def items(self) -> Mapping[Key, Item]:
        """Show a copy of the whole table, for assertions."""
        with self._lock:
            return {key: _copied(item) for key, item in self._items.items()}


def _after(write: Write, old: Item | None) -> dict[str, Any]:
    """Return the item after an update.

    Raises:
        UnstorableError: it would be too large, or adds to what is no number.
    """
    try:
        then = applied_to(write, old)
    except TypeError as error:
        raise UnstorableError from error
    if old:
        check_size(then)
    return then


def _is_listed(item: Item) -> bool:
    """Return whether an item has both keys of the index."""
    return "due_pk" in item and "check_at" in item


def _entry(key: Key, item: Item) -> DueEntry:
    return DueEntry(item["check_at"], key.pk, key.sk, item.get("due_at", 0))


def _copied(value: Any) -> Any:
    """Copy a value of the table; its texts and numbers need none."""
    if isinstance(value, dict):
        return {name: _copied(part) if type(part) in _MUTABLE else part for name, part in value.items()}
    return [_copied(part) for part in value] if isinstance(value, list) else value
