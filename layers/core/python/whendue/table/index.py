"""Questions to an index of the table, and its answers, as values."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final, NamedTuple

from whendue.table.keys import Key
from whendue.table.writes import Filter

# Later than any time in the table, ms UTC.
END_OF_TIME_MS: Final = 1 << 52


class Index(Enum):
    """An index of which lists are made; its value is the name of the time (ms UTC) that it is sorted by."""

    DUE = "check_at"
    TENANT = "created_at"


class Position(NamedTuple):
    """A position in a partition of an index: its time (ms UTC), and the item's key."""

    at_ms: int
    pk: str
    sk: str


class IndexEntry(NamedTuple):
    """A row of an index: where it is, and the attributes that the index carries."""

    position: Position
    values: Mapping[str, Any]

    @property
    def key(self) -> Key:
        """The item that has this entry."""
        return Key(self.position.pk, self.position.sk)


@dataclass(frozen=True, slots=True)
class IndexQuery:
    """A question for a partition of an index, newest first unless it says otherwise.

    Args:
        index: which index.
        partition: its partition.
        limit: maximum number of entries to look at, those included that the filters leave out.
        after: the position to continue after, exclusive; None starts at the newest, or the oldest.
        first_ms: the lowest time, inclusive, ms UTC.
        last_ms: the highest time, inclusive, ms UTC.
        where: what must hold of an entry; only attributes that the index carries, and none of its keys.
        oldest_first: the other way round.
    """

    index: Index
    partition: str
    limit: int
    after: Position | None = None
    first_ms: int = 0
    last_ms: int = END_OF_TIME_MS
    where: tuple[Filter, ...] = ()
    oldest_first: bool = False


class IndexPage(NamedTuple):
    """Entries in the order of the question, and where to go on.

    Args:
        entries: those for which the filters hold.
        looked_at: number of entries that were read, with those that the filters left out.
        position: the last one that was read; None at the end of the partition.
    """

    entries: list[IndexEntry]
    looked_at: int
    position: Position | None
