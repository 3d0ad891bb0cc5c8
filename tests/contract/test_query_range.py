"""JobStore.span: a part of a family, in both directions."""

import pytest
from botocore.exceptions import ClientError

from whendue.adapters.memory import MemoryStore
from whendue.engine.ports import JobStore
from whendue.table.keys import Key
from whendue.table.writes import insert

NAMES = ["fire#1", "fire#2", "fire#3", "schedule", "ünder"]


@pytest.fixture
def full(store: JobStore) -> JobStore:
    """A store with a family, and a neighbour."""
    store.apply([insert("insert", Key("A", name), {"n": 1}) for name in NAMES])
    store.apply([insert("insert", Key("B", "fire#2"), {"n": 2})])
    return store


@pytest.mark.parametrize(
    ("first", "last", "expected"),
    [
        ("fire#1", "fire#3", NAMES[:3]),
        ("fire#2", "fire#2", ["fire#2"]),
        ("fire#", "fire#~", NAMES[:3]),
        ("fire#2", "z", NAMES[1:4]),
        ("x", "y", []),
    ],
)
def test_both_ends_are_inclusive(full: JobStore, first: str, last: str, expected: list[str]) -> None:
    """In either direction, and whole items."""
    for newest, names in ((False, expected), (True, expected[::-1])):
        items = full.query_range("A", first=first, last=last, limit=9, newest_first=newest)
        assert items == [{"pk": "A", "sk": name, "n": 1} for name in names]


def test_a_range_from_nothing_is_an_error(full: JobStore) -> None:
    """Seen before: an empty name was the first of all in memory, and a 500 on a table."""
    with pytest.raises((ValueError, ClientError)):
        full.query_range("A", first="", last="z", limit=9)


def test_a_range_backwards_is_an_error_in_memory_as_on_a_table() -> None:
    """Moto answers with nothing."""
    with pytest.raises(ValueError, match="from 'z' to 'a'"):
        MemoryStore().query_range("A", first="z", last="a", limit=9)


def test_a_limit_cuts_at_the_far_end(full: JobStore) -> None:
    """The latest few of a long history."""
    assert [item["sk"] for item in full.query_range("A", first="fire#", last="fire#~", limit=2)] == NAMES[:2]
    newest = full.query_range("A", first="fire#", last="fire#~", limit=2, newest_first=True)
    assert [item["sk"] for item in newest] == ["fire#3", "fire#2"]
