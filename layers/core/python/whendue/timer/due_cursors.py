"""The timer's positions in the due index: one item per queue and purpose, a field for each of the queue's partitions.

Each field is moved by compare-and-set, so that of two timers that move one position the first succeeds. All positions
of a window are moved by one write; where another timer has moved some of them, a second write moves the others.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

from whendue.bulkhead import Bulkhead
from whendue.engine.ports import DueEntry, Item, JobStore
from whendue.jobs.due_index import live_partition
from whendue.quotas import CURSORS_PER_WRITE, SHARDS_BEFORE
from whendue.table.keys import Key, cursor_key, cursors_key
from whendue.table.writes import REMOVE, Condition, Is, Lacks, Write, insert

Purpose = Literal["promote", "rescue"]
Moves = Mapping[str, DueEntry | None]
# The kinds of the parts of a position.
KINDS: Final = (int, str, str, int)


class CursorItem:
    """The positions of one queue, as last read or written.

    Args:
        store: the table.
        key: the item's key.
        fields: field -> what is stored there.
        exists: whether the item is in the table; else the first write stores all fields.
    """

    def __init__(self, store: JobStore, key: Key, fields: Mapping[str, Any], *, exists: bool) -> None:
        """Start from what was read."""
        self._store = store
        self._key = key
        self._fields = dict(fields)
        self._exists = exists

    def position(self, field: str) -> DueEntry | None:
        """Return a position; None is the partition's beginning, also where the field cannot be read."""
        return _position(self._fields.get(field))

    def move(self, moves: Moves) -> set[str]:
        """Move fields to positions; return those that are there now.

        A field is left out if another timer has moved it meanwhile, or if the result is unknown.
        """
        changes = {field: _stored(position) for field, position in moves.items()}
        needed = {field: value for field, value in changes.items() if value != self._fields.get(field)}
        done = changes.keys() - needed.keys()
        for start in range(0, len(needed), CURSORS_PER_WRITE):
            done |= self._written(dict(list(needed.items())[start : start + CURSORS_PER_WRITE]))
        return done

    def _written(self, changes: Mapping[str, str | None]) -> set[str]:
        [result] = self._store.apply([self._write(changes)])
        if result.done:
            self._remember(changes)
            return set(changes)
        if result.current is None:
            return set()
        self._exists, current = True, result.current
        done = {field for field, value in changes.items() if current.get(field) == value}
        others = {field: value for field, value in changes.items() if current.get(field) == self._fields.get(field)}
        if others:
            [again] = self._store.apply([self._write(others)])
            done |= set(others) if again.done else set()
        self._remember({field: changes[field] for field in done})
        return done

    def _remember(self, changes: Mapping[str, str | None]) -> None:
        self._exists = True
        self._fields.update(changes)

    def _write(self, changes: Mapping[str, str | None]) -> Write:
        if not self._exists:
            values = {**self._fields, **changes}
            return insert("move_cursor", self._key, {field: value for field, value in values.items() if value})
        expected: list[Condition] = [
            Lacks(field) if self._fields.get(field) is None else Is(field, self._fields[field]) for field in changes
        ]
        values = {field: REMOVE if value is None else value for field, value in changes.items()}
        return Write("move_cursor", self._key, expected, values)


class Cursor:
    """One partition's position.

    Args:
        item: the queue's positions.
        partition: the partition of the due index.
    """

    def __init__(self, item: CursorItem, partition: str) -> None:
        """Use this item."""
        self.item = item
        self.partition = partition
        self.field = _field(partition)

    @property
    def position(self) -> DueEntry | None:
        """The last entry that was passed; None at the partition's beginning."""
        return self.item.position(self.field)


def read_cursors(store: JobStore, purpose: Purpose, partitions: Sequence[str]) -> list[Cursor]:
    """Read the positions of many partitions at once: one item per queue.

    Raises:
        UnavailableError: the table does not answer.
    """
    queues = list(dict.fromkeys(_queue(partition) for partition in partitions))
    found = dict(zip(queues, store.get([cursors_key(purpose, queue) for queue in queues]), strict=True))
    items = {
        queue: CursorItem(store, cursors_key(purpose, queue), item, exists=True)
        for queue, item in found.items()
        if item is not None
    }
    items |= _begun(store, purpose, [queue for queue in queues if queue not in items])
    return [Cursor(items[_queue(partition)], partition) for partition in partitions]


def move_cursors(bulkhead: Bulkhead, moves: Sequence[tuple[Cursor, DueEntry | None]]) -> list[bool]:
    """Move cursors, those of a queue by one write; False for one that another timer moved, or that cannot be moved."""
    by_item: dict[CursorItem, dict[str, DueEntry | None]] = {}
    for cursor, position in moves:
        by_item.setdefault(cursor.item, {})[cursor.field] = position
    moved: dict[CursorItem, set[str]] = {}
    for item, positions in by_item.items():
        try:
            moved[item] = item.move(positions)
        except Exception as error:  # noqa: BLE001 - it is this queue's alone
            bulkhead.note("cursor", next(c.partition for c, _ in moves if c.item is item), error)
    return [cursor.field in moved.get(cursor.item, ()) for cursor, _ in moves]


def _begun(store: JobStore, purpose: Purpose, queues: Sequence[str]) -> dict[str, CursorItem]:
    """Begin the items of queues that have none, where an earlier version stopped: later ticks need not look there."""
    before = _read_before(store, purpose, queues)
    writes = [insert("begin_cursors", cursors_key(purpose, queue), before.get(queue, {})) for queue in queues]
    items: dict[str, CursorItem] = {}
    for queue, write, result in zip(queues, writes, store.apply(writes) if writes else [], strict=True):
        # Another timer may have begun it, and moved it since.
        fields = before.get(queue, {}) if result.current is None else result.current
        items[queue] = CursorItem(store, write.key, fields, exists=result.done or result.current is not None)
    return items


def _read_before(store: JobStore, purpose: Purpose, queues: Sequence[str]) -> dict[str, dict[str, str]]:
    """Read the positions of queues as they were stored once: an item per partition."""
    places = [(queue, shard) for queue in queues for shard in range(SHARDS_BEFORE)]
    keys = [cursor_key(purpose, live_partition(queue, shard)) for queue, shard in places]
    fields: dict[str, dict[str, str]] = {}
    for (queue, shard), item in zip(places, store.get(keys) if keys else [], strict=True):
        if stored := _stored(_position_before(item)):
            fields.setdefault(queue, {})[f"at_{shard}"] = stored
    return fields


def _position_before(item: Item | None) -> DueEntry | None:
    parts = [] if item is None else [item.get(name) for name in ("at_check", "at_pk", "at_sk", "at_due")]
    return _position(json.dumps(parts)) if all(isinstance(part, int | str) for part in parts) else None


def _queue(partition: str) -> str:
    return partition.split("#")[1]


def _field(partition: str) -> str:
    return f"at_{partition.split('#')[2]}"


def _stored(position: DueEntry | None) -> str | None:
    return None if position is None else json.dumps(position, separators=(",", ":"))


def _position(stored: Any) -> DueEntry | None:
    """Read a position; None for what is none: the partition is read from its beginning."""
    try:
        entry = DueEntry(*json.loads(stored))
    except (TypeError, ValueError):
        return None
    return entry if all(isinstance(part, kind) for part, kind in zip(entry, KINDS, strict=True)) else None
