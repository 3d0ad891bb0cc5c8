"""What PartiQL writes cost, by DynamoDB's rules: the emulator would bill one unit for each."""

import pytest

from tests.load.bench.write_units import Index, Item, Table, key_of, table_name, table_of, units

TABLE = Table(("pk", "sk"), [Index(("due_pk", "check_at"), frozenset({"pk", "sk", "due_pk", "check_at", "due_at"}))])
KEY = {"pk": {"S": "JOB#1"}, "sk": {"S": "job"}}
LIVE = KEY | {"due_pk": {"S": "live#normal#1"}, "check_at": {"N": "5"}, "state": {"S": "pending"}}


def test_a_description_is_read() -> None:
    """Keys and projection of every index; an index that holds everything says so."""
    named = [{"AttributeName": "pk"}, {"AttributeName": "sk"}]
    described = {
        "KeySchema": named,
        "GlobalSecondaryIndexes": [
            {
                "KeySchema": [{"AttributeName": "due_pk"}, {"AttributeName": "check_at"}],
                "Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["due_at"]},
            },
            {"KeySchema": [{"AttributeName": "tenant"}], "Projection": {"ProjectionType": "ALL"}},
        ],
    }
    assert table_of(described) == Table(("pk", "sk"), [*TABLE.indexes, Index(("tenant",), None)])
    assert table_of({"KeySchema": named}) == Table(("pk", "sk"), [])


@pytest.mark.parametrize(
    ("before", "after", "cost"),
    [
        (None, LIVE, 2),
        (LIVE, LIVE | {"state": {"S": "running"}}, 1),
        (LIVE, LIVE | {"due_at": {"N": "7"}}, 2),
        (LIVE, LIVE | {"check_at": {"N": "6"}}, 3),
        (LIVE, {name: LIVE[name] for name in ("pk", "sk", "state")}, 2),
        (LIVE, None, 2),
        (LIVE, LIVE, 1),
        (None, None, 1),
        (None, LIVE | {"body": {"S": "x" * 1500}}, 3),
    ],
    ids=["insert", "update", "projected", "moved", "removed", "deleted", "refused", "missing", "two KB"],
)
def test_an_index_costs_only_what_it_changes(before: Item | None, after: Item | None, cost: int) -> None:
    """One unit to make or remove an entry, two to move it."""
    assert units(before, after, TABLE) == cost


def test_every_kind_of_value_has_a_size() -> None:
    """Each adds to the item: here beyond one KB, and so to a second unit."""
    long = "x" * 600
    item = KEY | {
        "map": {"M": {"a": {"S": long}}},
        "list": {"L": [{"S": long}]},
        "set": {"SS": [long]},
        "yes": {"BOOL": True},
        "number": {"N": "-12.5"},
    }
    assert units(None, item, Table(("pk", "sk"), [])) == 2


@pytest.mark.parametrize(
    ("statement", "parameters"),
    [
        ("INSERT INTO \"t\" VALUE {'pk': ?, 'sk': ?, 'state': ?}", ["p", "s", "x"]),
        ('UPDATE "t" SET "pk_of" = ? SET "n" = "n" + ? WHERE pk = ? AND sk = ? AND "f" = ?', [1, 2, "p", "s", 3]),
        ('UPDATE "t" SET "a"=? REMOVE "b" WHERE "pk"=? AND "sk"=? AND "s" IN [?, ?]', [1, "p", "s", 2, 3]),
        ('UPDATE "t" SET "w" = set_delete("w", ?) WHERE pk = ? AND sk = ?', [1, "p", "s"]),
        ('DELETE FROM "t" WHERE pk = ? AND sk = ?', ["p", "s"]),
    ],
)
def test_the_key_is_found_in_statements_of_all_kinds(statement: str, parameters: list[object]) -> None:
    """Whatever stands before it."""
    assert table_name(statement) == "t"
    assert key_of(statement, parameters, ("pk", "sk")) == {"pk": "p", "sk": "s"}


def test_a_statement_that_only_reads_writes_to_no_table_and_one_without_its_key_is_an_error() -> None:
    """A unit that is not counted would look like a saving."""
    assert table_name('SELECT * FROM "t" WHERE pk = ?') is None
    with pytest.raises(ValueError, match="no sk"):
        key_of('DELETE FROM "t" WHERE pk = ?', ["p"], ("pk", "sk"))
