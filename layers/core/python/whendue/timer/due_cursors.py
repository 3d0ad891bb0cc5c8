"""The timer's positions in the due index: one item per partition and purpose, moved forward by compare-and-set."""

from collections.abc import Sequence
from typing import Literal

from whendue.engine.ports import DueEntry, Item, JobStore
from whendue.table.keys import cursor_key
from whendue.table.writes import REMOVE, Is, Write, insert

Purpose = Literal["promote", "rescue"]


class Cursor:
    """One position, as last read or written; None is the partition's beginning."""

    def __init__(self, store: JobStore, purpose: Purpose, partition: str, item: Item | None) -> None:
        """Start from what the table holds."""
        self._store = store
        self._key = cursor_key(purpose, partition)
        self._exists = item is not None
        self.partition = partition
        self._readable = True
        try:
            self.position = _position(item)
        except (KeyError, TypeError, ValueError):
            # Read the partition from its beginning, and overwrite the item.
            self._readable, self.position = False, None

    def move(self, position: DueEntry | None) -> bool:
        """Move to a position; False if another timer moved it meanwhile, or if the result is unknown."""
        if position == self.position and self._readable:
            return True
        [result] = self._store.apply([self._write(position)])
        if result.done:
            self._exists, self._readable, self.position = True, True, position
        return result.done

    def _write(self, position: DueEntry | None) -> Write:
        values = _fields(position)
        if not self._exists:
            return insert("move_cursor", self._key, values)
        changes = {name: REMOVE if value is None else value for name, value in values.items()}
        if not self._readable:
            return Write("move_cursor", self._key, (), changes)
        # A position at the beginning has no next check: at_check is 0 then, so that it can always be compared.
        return Write(
            "move_cursor", self._key, [Is("at_check", self.position.check_at if self.position else 0)], changes
        )


def read_cursors(store: JobStore, purpose: Purpose, partitions: Sequence[str]) -> list[Cursor]:
    """Read the positions of many partitions at once."""
    items = store.get([cursor_key(purpose, partition) for partition in partitions])
    return [Cursor(store, purpose, partition, item) for partition, item in zip(partitions, items, strict=True)]


def _fields(position: DueEntry | None) -> dict[str, str | int | None]:
    if position is None:
        return {"at_check": 0, "at_pk": None, "at_sk": None, "at_due": None}
    return {"at_check": position.check_at, "at_pk": position.pk, "at_sk": position.sk, "at_due": position.due_at}


def _position(item: Item | None) -> DueEntry | None:
    if item is None or "at_pk" not in item:
        return None
    return _entry(item)


def _entry(item: Item) -> DueEntry:
    """Read a position.

    Raises:
        KeyError, TypeError: the item holds no position.
    """
    entry = DueEntry(item["at_check"], item["at_pk"], item["at_sk"], item["at_due"])
    kinds = (int, str, str, int)
    if not all(isinstance(part, kind) for part, kind in zip(entry, kinds, strict=True)):
        raise TypeError("a position has another type")
    return entry
