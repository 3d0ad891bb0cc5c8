"""Writes as values: key, what is expected there, what changes. An adapter carries them out, each on its own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final, NamedTuple

from whendue.table.keys import Key


class Is(NamedTuple):
    """The field equals the value."""

    field: str
    value: Any


class In(NamedTuple):
    """The field equals one of the values."""

    field: str
    values: tuple[Any, ...]


class Below(NamedTuple):
    """The field is less than the value."""

    field: str
    value: int


class Has(NamedTuple):
    """The item has the field."""

    field: str


class Lacks(NamedTuple):
    """The item has no such field."""

    field: str


class MapIs(NamedTuple):
    """The field is a map that has the value under the name; entries of an index are filtered by it."""

    field: str
    name: str
    value: Any


class Absent(NamedTuple):
    """There is no item here yet."""


class Plus(NamedTuple):
    """A change that adds to a number."""

    amount: int


class Less(NamedTuple):
    """A change that takes members out of a set of numbers that is there; the field goes with the last of them."""

    members: frozenset[int]


class Remove(Enum):
    """The type of REMOVE."""

    REMOVE = "remove"


REMOVE: Final = Remove.REMOVE
Condition = Is | In | Below | Has | Lacks | Absent
Filter = Is | MapIs


@dataclass(frozen=True, slots=True)
class Write:
    """One conditional write of one item.

    Args:
        name: what it does, for messages and metrics.
        key: the item.
        expected: all must hold (a conjunction); `(Absent(),)` makes it an insert of `changes` as the whole item.
        changes: field -> new value, `Plus(n)`, `Less(...)` or `REMOVE`.
        deletes: the whole item goes.
    """

    name: str
    key: Key
    expected: Sequence[Condition]
    changes: Mapping[str, Any]
    deletes: bool = False

    @property
    def inserts(self) -> bool:
        """Whether it creates the item."""
        return any(isinstance(condition, Absent) for condition in self.expected)


def insert(name: str, key: Key, values: Mapping[str, Any]) -> Write:
    """Create an item where none is."""
    return Write(name, key, (Absent(),), values)


def delete(name: str, key: Key, *expected: Condition) -> Write:
    """Delete an item; one that is gone already is done."""
    return Write(name, key, expected, {}, deletes=True)


def holds(condition: Condition, item: Mapping[str, Any] | None) -> bool:
    """Evaluate a condition as DynamoDB does: a missing field fails every comparison."""
    match condition:
        case Absent():
            return item is None
        case Has(field) | Lacks(field):
            return item is not None and (field in item) == isinstance(condition, Has)
        case _ if item is None or condition.field not in item:
            return False
        case Is(field, value):
            return bool(item[field] == value)
        case In(field, values):
            return item[field] in values
        case Below(field, value):
            return _is_number(item[field]) and bool(item[field] < value)


def passes(condition: Filter, entry: Mapping[str, Any]) -> bool:
    """Evaluate a filter of an index's entries, as `holds`."""
    if isinstance(condition, Is):
        return holds(condition, entry)
    values = entry.get(condition.field)
    return isinstance(values, Mapping) and bool(values.get(condition.name) == condition.value)


def _is_number(value: object) -> bool:
    """Return whether DynamoDB stores a value as a number: values of other types are never less."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def applied_to(write: Write, item: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the item as it is after the write."""
    after = {"pk": write.key.pk, "sk": write.key.sk} | dict(item or {})
    for field, change in write.changes.items():
        value = _changed(after.get(field), change)
        if value is None:
            after.pop(field, None)
        else:
            after[field] = value
    return after


def _changed(value: Any, change: Any) -> Any:
    """Return a field's value after a change; None if it is removed."""
    match change:
        case Plus(amount):
            return value + amount
        case Less(members):
            return (value - members) or None
        case Remove():
            return None
        case _:
            return change


def already_done(write: Write, old: Mapping[str, Any] | None) -> bool:
    """Return whether a refused write was ours and done before: a success whose reply was lost.

    The item then carries everything that the write sets, and what it expected of fields that it leaves alone.
    """
    if old is None:
        return write.deletes
    if write.deletes:
        return False
    kept = [c for c in write.expected if isinstance(c, Is) and c.field not in write.changes]
    return all(holds(condition, old) for condition in kept) and all(
        old.get(field) == (None if change is REMOVE else change)
        for field, change in write.changes.items()
        if not isinstance(change, Plus | Less)
    )
