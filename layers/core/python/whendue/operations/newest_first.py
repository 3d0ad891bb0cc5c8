"""Partitions of an index merged by time, the newest or the oldest first; a page may stop anywhere."""

import math
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, NamedTuple

from whendue.engine.ports import JobStore
from whendue.quotas import LIST_ENTRIES_AT_ONCE
from whendue.table.index import IndexEntry, IndexQuery, Position

# Where the filters leave in fewer, no more entries are read at once; and no fewer than this, wherever the end is near.
RAREST: Final = 1 / 100
FEWEST: Final = 50


class Taken(NamedTuple):
    """An entry, and the number of the partition that it is in."""

    partition: int
    entry: IndexEntry


@dataclass(slots=True)
class _Partition:
    """How far one partition was read, and how far its entries were kept."""

    query: IndexQuery
    kept: Position | None = None
    read: Position | None = None
    is_open: bool = True
    head: deque[IndexEntry] = field(default_factory=deque)

    @property
    def is_done(self) -> bool:
        """Whether nothing is left of it."""
        return not (self.is_open or self.head)

    @property
    def is_started(self) -> bool:
        """Whether anything of it was kept, or passed by."""
        return self.reached is not None or self.is_done

    @property
    def reached(self) -> Position | None:
        """The position to continue after."""
        if self.head:
            return self.kept
        return self.read if self.is_open else None


class NewestFirst:
    """Reads partitions side by side, a bounded number of entries; remembers how far each was kept.

    Args:
        store: the table.
        queries: one for each partition, in the same order; their `after` and `limit` are not looked at.
        positions: number of a partition -> where a page before stopped, None at its end.
        page: number of entries that are wanted at first; then as many are read as hold what is missing.
        budget: maximum number of entries to look at.
    """

    def __init__(
        self,
        store: JobStore,
        queries: Sequence[IndexQuery],
        positions: Mapping[int, Position | None],
        page: int,
        budget: int,
    ) -> None:
        """Start with nothing read."""
        self._store = store
        self._budget = budget
        self._page = page
        self._looked_at = self._found = 0
        self._first = min if any(query.oldest_first for query in queries) else max
        self._partitions = [
            _Partition(
                query, positions.get(number), positions.get(number), is_open=positions.get(number, query) is not None
            )
            for number, query in enumerate(queries)
        ]

    @property
    def has_ended(self) -> bool:
        """Whether nothing is left in any partition."""
        return all(part.is_done for part in self._partitions)

    @property
    def positions(self) -> dict[int, Position | None]:
        """Where the next page continues in each partition, None at its end; one that is left out has yet to start."""
        return {number: part.reached for number, part in enumerate(self._partitions) if part.is_started}

    @property
    def until_ms(self) -> int | None:
        """The time at which the oldest come to an end, ms UTC; None if the newest come first."""
        oldest_first = [part.query.last_ms for part in self._partitions if part.query.oldest_first]
        return min(oldest_first, default=None)

    @property
    def passed_ms(self) -> int | None:
        """The time after which all entries, newest first, were kept or passed by, ms UTC; None at the end.

        None as well where a partition has not been read yet.
        """
        edges = [part.head[0].position if part.head else part.read for part in self._partitions if not part.is_done]
        known = [edge.at_ms for edge in edges if edge]
        return max(known, default=None) if len(known) == len(edges) else None

    def take(self, limit: int) -> list[Taken]:
        """Take the next entries in order; none at the end, or when the budget is spent."""
        taken: list[Taken] = []
        while len(taken) < limit and self._is_filled(limit - len(taken)):
            heads = [number for number, part in enumerate(self._partitions) if part.head]
            if not heads:
                break
            number = self._first(heads, key=lambda number: self._partitions[number].head[0].position)
            taken.append(Taken(number, self._partitions[number].head.popleft()))
        return taken

    def keep(self, taken: Sequence[Taken], number: int) -> None:
        """Let the first `number` of the entries taken last be part of the page, and put the others back."""
        for partition, entry in taken[:number]:
            self._partitions[partition].kept = entry.position
        for partition, entry in reversed(taken[number:]):
            self._partitions[partition].head.appendleft(entry)

    def _is_filled(self, missing: int) -> bool:
        """Read until each open partition shows its next entry; return whether that was within the budget."""
        while needy := [part for part in self._partitions if part.is_open and not part.head]:
            if self._budget <= 0:
                return False
            self._read(needy, missing)
        return True

    def _read(self, parts: Sequence[_Partition], missing: int) -> None:
        limit = min(self._size(missing), LIST_ENTRIES_AT_ONCE, math.ceil(self._budget / len(parts)))
        pages = self._store.query_newest([replace(part.query, after=part.read, limit=limit) for part in parts])
        for part, page in zip(parts, pages, strict=True):
            self._budget -= page.looked_at
            self._looked_at += page.looked_at
            self._found += len(page.entries)
            part.head.extend(page.entries)
            part.is_open, part.read = page.position is not None, page.position

    def _size(self, missing: int) -> int:
        """Return how many entries of each partition to read next, if the filters leave out as many as before."""
        if not self._looked_at:
            return self._page
        share = max(self._found / self._looked_at, RAREST)
        return max(FEWEST, math.ceil(missing / share / len(self._partitions)))
