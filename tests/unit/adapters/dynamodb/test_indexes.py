"""Queries to the indexes, and their replies, as DynamoDB has them."""

from dataclasses import replace

import pytest

from whendue.adapters.dynamodb.attribute_values import to_attribute
from whendue.adapters.dynamodb.indexes import newest, page
from whendue.table.index import Index, IndexEntry, IndexPage, IndexQuery, Position
from whendue.table.writes import Is, MapIs

QUERY = IndexQuery(Index.TENANT, "TENANT#acme#0", limit=7, first_ms=1000, last_ms=2000)
KEY = {"pk": to_attribute("JOB#1"), "sk": to_attribute("job")}
PLACE = {"tenant_pk": to_attribute("TENANT#acme#0"), "created_at": to_attribute(1500)} | KEY


def test_a_query_asks_for_the_newest_entries_of_a_range() -> None:
    """Nothing that it does not need: DynamoDB refuses names and values that no expression uses."""
    assert newest(QUERY) == {
        "IndexName": "tenant",
        "KeyConditionExpression": "#pk = :pk AND #at BETWEEN :first AND :last",
        "ScanIndexForward": False,
        "Limit": 7,
        "ExpressionAttributeNames": {"#pk": "tenant_pk", "#at": "created_at"},
        "ExpressionAttributeValues": {
            ":pk": to_attribute("TENANT#acme#0"),
            ":first": to_attribute(1000),
            ":last": to_attribute(2000),
        },
    }


@pytest.mark.parametrize(
    ("at_ms", "continues"), [(1999, True), (2000, True), (2001, False)], ids=["before the end", "at the end", "after"]
)
def test_a_query_continues_after_a_position_that_its_condition_allows(at_ms: int, continues: bool) -> None:
    """DynamoDB refuses another one; the range begins anew then, since all of it comes after the position."""
    asked = newest(replace(QUERY, after=Position(at_ms, "JOB#1", "job")))
    start = {"tenant_pk": to_attribute("TENANT#acme#0"), "created_at": to_attribute(at_ms)} | KEY
    assert asked.get("ExclusiveStartKey") == (start if continues else None)


def test_filters_are_all_asked_for() -> None:
    """A field, and an entry of a map."""
    asked = newest(replace(QUERY, where=(Is("type", "mail"), MapIs("tags", "team", "a"))))
    assert asked["FilterExpression"] == "#f0 = :v0 AND #f1.#m1 = :v1"
    assert {name: asked["ExpressionAttributeNames"][name] for name in ("#f0", "#f1", "#m1")} == {
        "#f0": "type",
        "#f1": "tags",
        "#m1": "team",
    }
    assert {name: asked["ExpressionAttributeValues"][name] for name in (":v0", ":v1")} == {
        ":v0": to_attribute("mail"),
        ":v1": to_attribute("a"),
    }


@pytest.mark.parametrize("last", [None, Position(1500, "JOB#1", "job")], ids=["the last page", "a page"])
def test_a_reply_shows_what_the_index_carries_and_where_it_continues(last: Position | None) -> None:
    """Of an item without a schedule none is shown."""
    items = [PLACE | {"type": to_attribute("mail"), "not_carried": to_attribute(1)}]
    reply = {"Items": items, "ScannedCount": 5} | ({"LastEvaluatedKey": PLACE} if last else {})
    entry = IndexEntry(Position(1500, "JOB#1", "job"), {"type": "mail"})
    assert page(QUERY, reply) == IndexPage([entry], 5, last)
