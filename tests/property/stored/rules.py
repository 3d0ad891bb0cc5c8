"""What AWS's table refuses and emulators take: numbers, nesting, sizes and keys of items."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from botocore.exceptions import ClientError

from whendue.adapters.dynamodb.attribute_values import from_item, to_attribute
from whendue.adapters.dynamodb.partiql import put, remove, statement, update
from whendue.adapters.memory import MemoryStore
from whendue.engine.ports import Item, WriteResult
from whendue.table.keys import Key
from whendue.table.writes import Write

# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html
LEAST, MOST = Decimal("1e-130"), Decimal("9.9999999999999999999999999999999999999e125")
DIGITS = 38
NESTING = 32
ITEM_BYTES = 400 * 1024
PARTITION_KEY_BYTES, SORT_KEY_BYTES = 2048, 1024
KINDS = {"S", "N", "BOOL", "NULL", "M", "L", "NS", "SS", "B", "BS"}


class RulesOfAws:
    """A client that refuses, as AWS does, what the emulator behind it would take."""

    def __init__(self, client: Any) -> None:
        """Stand before a client."""
        self._client = client

    def __getattr__(self, name: str) -> Any:
        """Check the values of a call before it is made."""
        real: Callable[..., Any] = getattr(self._client, name)
        if name == "exceptions":
            return real

        def call(**arguments: Any) -> Any:
            insist(name, arguments)
            return real(**arguments)

        return call


class WireStore(MemoryStore):
    """The store in memory behind the other adapter's coding: values go out and come back as DynamoDB has them.

    A hundred times as fast as an emulator, so that it can be asked a hundred times as much.
    """

    def apply(self, writes: Sequence[Write]) -> list[WriteResult]:
        """Write each as a call of its own and as a statement; then carry it out."""
        for write in writes:
            operation = put if write.inserts else remove if write.deletes else update
            insist("write", operation("table", write))
            insist("statement", statement("table", write))
        return super().apply(writes)

    def get(self, keys: Sequence[Key], *, consistent: bool = True) -> list[Item | None]:
        """Read as from the wire."""
        return [item and _over_the_wire(item) for item in super().get(keys, consistent=consistent)]

    def query(self, pk: str) -> list[Item]:
        """Read as from the wire."""
        return [_over_the_wire(item) for item in super().query(pk)]

    def query_range(self, pk: str, *, first: str, last: str, limit: int, newest_first: bool = False) -> list[Item]:
        """Read as from the wire."""
        items = super().query_range(pk, first=first, last=last, limit=limit, newest_first=newest_first)
        return [_over_the_wire(item) for item in items]


def insist(name: str, arguments: Mapping[str, Any]) -> None:
    """Refuse a call as AWS does.

    Raises:
        ClientError: it holds what AWS's table does not.
    """
    for problem in _problems(arguments):
        error = {"Code": "ValidationException", "Message": problem}
        raise ClientError({"Error": error}, name)  # type: ignore[typeddict-item]


def _over_the_wire(item: Item) -> Item:
    attributes = {name: to_attribute(value) for name, value in item.items()}
    if problem := next(_of_item(attributes), None):
        raise AssertionError(problem)
    return from_item(attributes)


def _problems(value: Any, depth: int = 0) -> Iterator[str]:
    """Find what AWS would refuse in the attribute values anywhere in a call."""
    if isinstance(value, list):
        for part in value:
            yield from _problems(part, depth)
    if not isinstance(value, Mapping):
        return
    if "Item" in value:
        yield from _of_item(value["Item"])
    for name, part in value.items():
        if name in KINDS and len(value) == 1:
            yield from _of_attribute(name, part, depth + 1)
        else:
            yield from _problems(part, depth)


def _of_attribute(kind: str, value: Any, depth: int) -> Iterator[str]:
    if depth > NESTING:
        yield "nesting"
    if kind in ("N", "NS"):
        for text in [value] if kind == "N" else value:
            number = Decimal(text)
            if number and not LEAST <= abs(number) <= MOST:
                yield "a number over- or underflows"
            if len(number.normalize().as_tuple().digits) > DIGITS:
                yield "a number with more than 38 significant digits"
    if kind == "S":
        value.encode()
    if kind in ("M", "L"):
        parts = value.values() if kind == "M" else value
        for part in parts:
            [(inner, held)] = part.items()
            yield from _of_attribute(inner, held, depth + 1)


def _of_item(item: Mapping[str, Any]) -> Iterator[str]:
    for key, limit in (("pk", PARTITION_KEY_BYTES), ("sk", SORT_KEY_BYTES)):
        if not 0 < len(item[key]["S"].encode()) <= limit:
            yield f"the size of {key}"
    if sum(len(name.encode()) + _size(part) for name, part in item.items()) > ITEM_BYTES:
        yield "an item over 400 KB"


def _size(attribute: Mapping[str, Any]) -> int:
    [(kind, value)] = attribute.items()
    if kind == "M":
        return sum(len(name.encode()) + _size(part) + 1 for name, part in value.items()) + 3
    if kind == "NS":
        return sum(len(text) for text in value)
    return len(value.encode()) if isinstance(value, str) else 1
