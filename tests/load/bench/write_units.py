"""What writes by PartiQL cost, from the items before and after them: the emulator bills one unit for each statement.

Rules: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/GSI.html, "Provisioned throughput considerations
for global secondary indexes", and .../CapacityUnitCalculations.html for the sizes of items. Pure.
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Item = Mapping[str, Any]
UNIT_BYTES = 1024
# A name beside the place of its parameter: "pk" = ?, or 'pk': ?. Every other place counts, too.
PLACE = re.compile(r"""(?:["']?(\w+)["']?\s*[=:]\s*)?\?""")
TABLE = re.compile(r'(?:UPDATE|INTO|FROM)\s+"?([\w.-]+)"?', re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Index:
    """A secondary index: the attributes of its key, and all that it holds; None holds everything."""

    key: tuple[str, ...]
    projected: frozenset[str] | None

    def view(self, item: Item | None) -> dict[str, Any] | None:
        """Return what the index holds of an item; None if the item is not in it."""
        if item is None or not all(name in item for name in self.key):
            return None
        return {name: value for name, value in item.items() if self.projected is None or name in self.projected}


@dataclass(frozen=True, slots=True)
class Table:
    """A table's key and its indexes."""

    key: tuple[str, ...]
    indexes: Sequence[Index]


def table_of(description: Mapping[str, Any]) -> Table:
    """Read DescribeTable's answer."""
    key = tuple(part["AttributeName"] for part in description["KeySchema"])
    return Table(key, [_index(index, key) for index in description.get("GlobalSecondaryIndexes", [])])


def _index(index: Mapping[str, Any], table_key: tuple[str, ...]) -> Index:
    own = tuple(part["AttributeName"] for part in index["KeySchema"])
    projection = index["Projection"]
    if projection["ProjectionType"] == "ALL":
        return Index(own, None)
    return Index(own, frozenset((*own, *table_key, *projection.get("NonKeyAttributes", []))))


def table_name(statement: str) -> str | None:
    """Return the table that a statement writes to; None if it only reads."""
    found = TABLE.search(statement)
    return found[1] if found and not statement.lstrip().upper().startswith("SELECT") else None


def key_of(statement: str, parameters: Sequence[Any], key: Sequence[str]) -> dict[str, Any]:
    """Return the key of the item that a statement writes.

    Raises:
        ValueError: it does not name the whole key by parameters.
    """
    head, where, tail = statement.rpartition("WHERE")
    start = head.count("?") if where else 0
    parts = enumerate(PLACE.finditer(tail), start)
    named = {part[1]: parameters[number] for number, part in reversed(list(parts)) if part[1]}
    if missing := [name for name in key if name not in named]:
        raise ValueError(f"no {missing[0]} in {statement}")
    return {name: named[name] for name in key}


def units(before: Item | None, after: Item | None, table: Table) -> int:
    """Return what a write costs: the item, and each index that it changes; a refused one costs one."""
    if before == after:
        return max(1, _kib(after))
    return max(1, _kib(before), _kib(after)) + sum(_index_units(before, after, index) for index in table.indexes)


def _index_units(before: Item | None, after: Item | None, index: Index) -> int:
    old, new = index.view(before), index.view(after)
    if old == new:
        return 0
    if old and new and all(old[name] == new[name] for name in index.key):
        return max(_kib(old), _kib(new))
    # An entry that moves is deleted and made.
    return _kib(old) + _kib(new)


def _kib(item: Item | None) -> int:
    if not item:
        return 0
    return math.ceil(sum(len(name.encode()) + _bytes(value) for name, value in item.items()) / UNIT_BYTES)


def _bytes(value: Mapping[str, Any]) -> int:
    """Return the size of an attribute value in DynamoDB's own notation."""
    [(kind, inner)] = value.items()
    if kind == "M":
        return 3 + sum(1 + len(name.encode()) + _bytes(part) for name, part in inner.items())
    if kind == "L":
        return 3 + sum(1 + _bytes(part) for part in inner)
    if kind in ("SS", "NS", "BS"):
        return sum(len(part) for part in inner)
    if kind == "N":
        return len(inner.strip("-0.")) // 2 + 2
    # A binary value's base64 is a third longer than it: no system here writes enough of them to matter.
    return len(inner.encode()) if isinstance(inner, str) else 1
