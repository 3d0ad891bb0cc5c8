"""The indexes as DynamoDB and the memory store know them: names, keys, and what each entry carries. Pure functions."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from whendue.adapters.dynamodb.attribute_values import from_item, to_attribute
from whendue.engine.ports import Item
from whendue.table.index import Index, IndexEntry, IndexPage, IndexQuery, Position
from whendue.table.keys import Key
from whendue.table.writes import Filter, Is, MapIs


class Described(NamedTuple):
    """An index of the table (infra/topology.yaml).

    Args:
        name: its name.
        partition: the attribute that is its partition key.
        carries: the attributes that its entries have besides the keys.
    """

    name: str
    partition: str
    carries: tuple[str, ...]


INDEXES: Final[Mapping[Index, Described]] = {
    Index.DUE: Described("due_2", "due_pk", ("due_at", "tenant", "type", "queue", "fingerprint", "expires_at")),
    Index.TENANT: Described("tenant", "tenant_pk", ("type", "schedule", "parent_id", "tags")),
}


def entry_of(index: Index, key: Key, item: Item) -> IndexEntry | None:
    """Return an item's entry in an index; None if it is not in there: it lacks one of the keys."""
    described = INDEXES[index]
    if described.partition not in item or index.value not in item:
        return None
    values = {name: item[name] for name in described.carries if name in item}
    return IndexEntry(Position(item[index.value], *key), values)


def position_key(index: Index, partition: str, position: Position) -> dict[str, Any]:
    """Return the ExclusiveStartKey of a position."""
    names = (INDEXES[index].partition, index.value, "pk", "sk")
    return {name: to_attribute(value) for name, value in zip(names, (partition, *position), strict=True)}


def is_empty(query: IndexQuery) -> bool:
    """Return whether nothing can be left: DynamoDB refuses a range without a time, and a start behind the range."""
    if query.first_ms > query.last_ms or query.after is None:
        return query.first_ms > query.last_ms
    return query.after.at_ms > query.last_ms if query.oldest_first else query.after.at_ms < query.first_ms


def newest(query: IndexQuery) -> dict[str, Any]:
    """Return the arguments of Query, but for the table's name."""
    after = query.after
    if after and (after.at_ms < query.first_ms if query.oldest_first else after.at_ms > query.last_ms):
        # A position outside of the condition is refused; all that it allows comes after this one.
        after = None
    names = {"#pk": INDEXES[query.index].partition, "#at": query.index.value}
    values = {":pk": query.partition, ":first": query.first_ms, ":last": query.last_ms}
    tests = [_test(number, condition, names, values) for number, condition in enumerate(query.where)]
    return {
        "IndexName": INDEXES[query.index].name,
        "KeyConditionExpression": "#pk = :pk AND #at BETWEEN :first AND :last",
        "ScanIndexForward": query.oldest_first,
        "Limit": query.limit,
        "ExpressionAttributeNames": names,
        "ExpressionAttributeValues": {name: to_attribute(value) for name, value in values.items()},
        **({"FilterExpression": " AND ".join(tests)} if tests else {}),
        **({"ExclusiveStartKey": position_key(query.index, query.partition, after)} if after else {}),
    }


def _test(number: int, condition: Filter, names: dict[str, str], values: dict[str, Any]) -> str:
    """Write a condition, and note the names and values that it uses."""
    names[f"#f{number}"], values[f":v{number}"] = condition.field, condition.value
    match condition:
        case Is():
            return f"#f{number} = :v{number}"
        case MapIs(_, name, _):
            names[f"#m{number}"] = name
            return f"#f{number}.#m{number} = :v{number}"


def page(query: IndexQuery, reply: Mapping[str, Any]) -> IndexPage:
    """Read the reply of Query."""
    index, carries = query.index, INDEXES[query.index].carries
    items = [from_item(attributes) for attributes in reply["Items"]]
    entries = [
        IndexEntry(_position(index, item), {name: item[name] for name in carries if name in item}) for item in items
    ]
    last = reply.get("LastEvaluatedKey")
    position = _position(index, from_item(last)) if last else None
    return IndexPage(entries, reply.get("ScannedCount", len(entries)), position)


def _position(index: Index, item: Item) -> Position:
    return Position(item[index.value], item["pk"], item["sk"])
