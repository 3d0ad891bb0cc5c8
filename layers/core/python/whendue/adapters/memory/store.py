"""JobStore in memory. It refuses what DynamoDB refuses."""

import bisect
import threading
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from whendue.adapters.dynamodb.attribute_values import check, check_size
from whendue.adapters.dynamodb.indexes import INDEXES, entry_of
from whendue.engine.ports import DueEntry, Item, WriteResult, WriteStatus
from whendue.errors import UnstorableError
from whendue.table.index import Index, IndexEntry, IndexPage, IndexQuery, Position
from whendue.table.keys import Key
from whendue.table.writes import Write, already_done, applied_to, holds, passes

_MUTABLE = (dict, list)


class MemoryStore:
    """Items by key and the two indexes, kept at once (a lagging index is the simulator's business)."""

    def __init__(self) -> None:
        """Start empty."""
        self._items: dict[Key, dict[str, Any]] = {}
        self._indexes: dict[Index, defaultdict[str, list[IndexEntry]]] = {index: defaultdict(list) for index in Index}
        self._lock = threading.RLock()

    @property
    def rows(self) -> dict[Key, dict[str, Any]]:
        """The items as they are stored, by key: a test may change them here, past every condition and index."""
        return self._items

    @property
    def indexes(self) -> dict[Index, defaultdict[str, list[IndexEntry]]]:
        """The entries of each index, by partition, the oldest first."""
        return self._indexes

    def apply(self, writes: Sequence[Write]) -> list[WriteResult]:
        """Carry out writes, each on its own."""
        if len({write.key for write in writes}) != len(writes):
            raise ValueError("an item appears twice in one batch of writes")
        with self._lock:
            return [self._apply(write) for write in writes]

    def apply_together(self, writes: Sequence[Write]) -> list[WriteResult]:
        """Carry out writes, all or none."""
        with self._lock:
            refusals = [self._refusal_of(write) for write in writes]
            if not any(refusals):
                return [self._apply(write) for write in writes]
        if WriteResult(WriteStatus.INVALID) in refusals:
            return [WriteResult(WriteStatus.INVALID)] * len(writes)
        if all(refusal and refusal.done for refusal in refusals):
            return [WriteResult(WriteStatus.DONE)] * len(writes)
        return [WriteResult(WriteStatus.REFUSED, refusal.current if refusal else None) for refusal in refusals]

    def _refusal_of(self, write: Write) -> WriteResult | None:
        """Return what a write that must not hold alone would be answered with; None where nothing refuses it."""
        old = self._items.get(write.key)
        try:
            check(write)
            if (refusal := _refusal(write, old)) is None and not write.deletes:
                _after(write, old)
        except UnstorableError:
            return WriteResult(WriteStatus.INVALID)
        return refusal

    def _apply(self, write: Write) -> WriteResult:
        try:
            check(write)
            return self._carry_out(write)
        except UnstorableError:
            return WriteResult(WriteStatus.INVALID)

    def _carry_out(self, write: Write) -> WriteResult:
        old = self._items.get(write.key)
        if refusal := _refusal(write, old):
            return refusal
        then = None if write.deletes else _copied(_after(write, old))
        self._unlist(write.key, old)
        if then is None:
            del self._items[write.key]
            return WriteResult(WriteStatus.DONE)
        self._items[write.key] = then
        self._list(write.key, then)
        return WriteResult(WriteStatus.DONE)

    def _unlist(self, key: Key, item: Item | None) -> None:
        for index in Index:
            self._unlist_in(index, key, item)

    def _list(self, key: Key, item: Item) -> None:
        for index in Index:
            self._list_in(index, key, item)

    def _unlist_in(self, index: Index, key: Key, item: Item | None) -> None:
        if item and (entry := entry_of(index, key, item)):
            entries = self._indexes[index][item[INDEXES[index].partition]]
            del entries[bisect.bisect_left(entries, entry.position, key=_position)]

    def _list_in(self, index: Index, key: Key, item: Item) -> None:
        if entry := entry_of(index, key, item):
            bisect.insort(self._indexes[index][item[INDEXES[index].partition]], entry, key=_position)

    def get(self, keys: Sequence[Key], *, consistent: bool = True) -> list[Item | None]:  # noqa: ARG002
        """Read items."""
        with self._lock:
            return [_copied(self._items.get(key)) for key in keys]

    def query(self, pk: str) -> list[Item]:
        """Read every item under a partition key, ordered by `sk`."""
        with self._lock:
            return [_copied(self._items[key]) for key in sorted(key for key in self._items if key.pk == pk)]

    def query_range(self, pk: str, *, first: str, last: str, limit: int, newest_first: bool = False) -> list[Item]:
        """Read a range of the items of one `pk`, ordered by `sk`."""
        if not "" < first <= last:
            raise ValueError(f"a table takes no range from {first!r} to {last!r}")
        items = [item for item in self.query(pk) if first <= item["sk"] <= last]
        return (items[::-1] if newest_first else items)[:limit]

    def query_due(
        self, partition: str, *, after: DueEntry | None, until_ms: int, limit: int, newest_first: bool = False
    ) -> list[DueEntry]:
        """List a partition's entries by (next check, key)."""
        with self._lock:
            entries = self._indexes[Index.DUE][partition]
            end = bisect.bisect_right(entries, until_ms, key=_time)
            at = None if after is None else Position(*after[:3])
            if newest_first:
                end = end if at is None else min(end, bisect.bisect_left(entries, at, key=_position))
                return [*map(_due_entry, entries[max(0, end - limit) : end][::-1])]
            start = 0 if at is None else bisect.bisect_right(entries, at, key=_position)
            return [*map(_due_entry, entries[start : min(end, start + limit)])]

    def query_newest(self, queries: Sequence[IndexQuery]) -> list[IndexPage]:
        """Read partitions of an index."""
        with self._lock:
            return [self._newest(query) for query in queries]

    def _newest(self, query: IndexQuery) -> IndexPage:
        entries = self._indexes[query.index][query.partition]
        low = bisect.bisect_left(entries, query.first_ms, key=_time)
        end = bisect.bisect_right(entries, query.last_ms, key=_time)
        if query.oldest_first:
            start = low if query.after is None else max(low, bisect.bisect_right(entries, query.after, key=_position))
            looked_at = entries[start : min(end, start + query.limit)]
        else:
            if query.after is not None:
                end = min(end, bisect.bisect_left(entries, query.after, key=_position))
            start = max(low, end - query.limit)
            looked_at = entries[start:end][::-1] if start < end else []
        kept = [entry for entry in looked_at if all(passes(condition, entry.values) for condition in query.where)]
        # As DynamoDB has it: where it stops at the limit, it does not know whether anything is behind it.
        position = looked_at[-1].position if len(looked_at) == query.limit else None
        copies = [IndexEntry(entry.position, _copied(entry.values)) for entry in kept]
        return IndexPage(copies, len(looked_at), position)

    def scan(self, after: Key | None, limit: int) -> tuple[list[Item], Key | None]:
        """Read the next items of the whole table, ordered by key."""
        with self._lock:
            keys = sorted(key for key in self._items if after is None or key > after)[:limit]
            return [_copied(self._items[key]) for key in keys], keys[-1] if len(keys) == limit else None

    def items(self) -> Mapping[Key, Item]:
        """Show a copy of the whole table, for assertions."""
        with self._lock:
            return {key: _copied(item) for key, item in self._items.items()}


def _refusal(write: Write, old: Item | None) -> WriteResult | None:
    """Return the result of a write that a condition refuses: DONE where it was carried out before."""
    # An update never creates an item: DynamoDB gets attribute_exists(pk).
    missing = old is None and not write.inserts
    if not missing and all(holds(condition, old) for condition in write.expected):
        return None
    done = already_done(write, old)
    return WriteResult(WriteStatus.DONE if done else WriteStatus.REFUSED, _copied(old))


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


def _position(entry: IndexEntry) -> Position:
    return entry.position


def _time(entry: IndexEntry) -> int:
    return entry.position.at_ms


def _due_entry(entry: IndexEntry) -> DueEntry:
    return DueEntry(*entry.position, entry.values.get("due_at", 0))


def _copied(value: Any) -> Any:
    """Copy a value of the table; its texts and numbers need none."""
    if isinstance(value, dict):
        return {name: _copied(part) if type(part) in _MUTABLE else part for name, part in value.items()}
    return [_copied(part) for part in value] if isinstance(value, list) else value
