"""JobStore.query_newest and scan: order, ties, filters, ranges, positions, several partitions at once."""

from dataclasses import replace
from itertools import count
from typing import Any

import pytest

from tests.builders.samples import LIVE, insert_of, key_of, listed
from whendue.engine.ports import JobStore
from whendue.table.index import Index, IndexEntry, IndexQuery, Position
from whendue.table.keys import Key
from whendue.table.writes import REMOVE, Is, MapIs, Write

TENANT = "TENANT#acme#0"
CREATED = {"a": 100, "b": 150, "c": 200, "d": 300, "e": 310, "f": 320, "g": 400}
NEWEST = ["g", "f", "e", "d", "c", "b", "a"]
TAGGED = {"a": {"team": "billing"}, "c": {"team": "billing", "a:b": "c,d"}, "d": {"team": "sales"}, "e": {"other": "x"}}


@pytest.fixture
def full(store: JobStore) -> JobStore:
    """Seven jobs of a tenant, and one of another."""
    writes = [
        insert_of(
            name,
            tenant_pk=TENANT,
            created_at=at_ms,
            type="good" if name in "aceg" else "bad",
            state="pending",
            **({"tags": TAGGED[name]} if name in TAGGED else {}),
        )
        for name, at_ms in CREATED.items()
    ]
    store.apply([*writes, insert_of("z", tenant_pk="TENANT#other#0", created_at=250, type="good")])
    return store


def names(entries: list[IndexEntry]) -> list[str]:
    return [entry.key.pk.removeprefix("JOB#") for entry in entries]


def walk(store: JobStore, query: IndexQuery) -> list[IndexEntry]:
    """Read a partition to its end."""
    found: list[IndexEntry] = []
    for _ in count():
        [page] = store.query_newest([query])
        assert page.looked_at <= query.limit
        found += page.entries
        if page.position is None:
            return found
        query = replace(query, after=page.position)
    raise AssertionError


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 8, 100])
def test_entries_come_newest_first_whatever_the_page(full: JobStore, limit: int) -> None:
    """Each once."""
    assert names(walk(full, IndexQuery(Index.TENANT, TENANT, limit))) == NEWEST


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 8, 100])
def test_entries_come_oldest_first_if_asked_for(full: JobStore, limit: int) -> None:
    """Each once."""
    assert names(walk(full, IndexQuery(Index.TENANT, TENANT, limit, oldest_first=True))) == NEWEST[::-1]


@pytest.mark.parametrize("limit", [1, 2, 3, 100])
def test_entries_of_one_moment_come_once_each(full: JobStore, limit: int) -> None:
    """Jobs of a batch have one time; DynamoDB says nothing about their order, but it has one."""
    full.apply([insert_of(f"t{number}", tenant_pk=TENANT, created_at=250, type="good") for number in range(5)])
    found = names(walk(full, IndexQuery(Index.TENANT, TENANT, limit)))
    assert (found[:4], found[9:]) == (NEWEST[:4], NEWEST[4:])
    assert sorted(found[4:9]) == [f"t{number}" for number in range(5)]


def test_an_entry_has_what_its_index_carries(full: JobStore) -> None:
    """And nothing that changes: each change would cost a write."""
    [*_, entry] = walk(full, IndexQuery(Index.TENANT, TENANT, 10))
    assert entry == IndexEntry(Position(100, *key_of("a")), {"type": "good", "tags": {"team": "billing"}})


FILTERS: dict[str, tuple[dict[str, Any], list[str]]] = {
    "a type": ({"where": (Is("type", "good"),)}, ["g", "e", "c", "a"]),
    "a tag": ({"where": (MapIs("tags", "team", "billing"),)}, ["c", "a"]),
    "a tag with signs": ({"where": (MapIs("tags", "a:b", "c,d"),)}, ["c"]),
    "two tags": ({"where": (MapIs("tags", "team", "billing"), MapIs("tags", "a:b", "c,d"))}, ["c"]),
    "a tag and a type": ({"where": (MapIs("tags", "team", "sales"), Is("type", "good"))}, []),
    "a field that none has": ({"where": (Is("schedule", "nightly"),)}, []),
    "from a time on": ({"first_ms": 300}, ["g", "f", "e", "d"]),
    "up to a time": ({"last_ms": 200}, ["c", "b", "a"]),
    "a range": ({"first_ms": 101, "last_ms": 320}, ["f", "e", "d", "c", "b"]),
    "a range and a type": ({"first_ms": 101, "last_ms": 320, "where": (Is("type", "good"),)}, ["e", "c"]),
    "a range without a time": ({"first_ms": 300, "last_ms": 299}, []),
    "a moment": ({"first_ms": 150, "last_ms": 150}, ["b"]),
}


@pytest.mark.sampled(5)
@pytest.mark.parametrize("name", FILTERS)
@pytest.mark.parametrize("limit", [1, 3, 100])
def test_filters_and_ranges(full: JobStore, name: str, limit: int) -> None:
    """What a filter leaves out counts against the limit, and is passed by."""
    options, expected = FILTERS[name]
    assert names(walk(full, IndexQuery(Index.TENANT, TENANT, limit, **options))) == expected
    assert names(walk(full, IndexQuery(Index.TENANT, TENANT, limit, **options, oldest_first=True))) == expected[::-1]


def test_what_was_left_out_was_looked_at(full: JobStore) -> None:
    """A list bounds what it reads, not what it finds."""
    [page] = full.query_newest([IndexQuery(Index.TENANT, TENANT, 4, where=(Is("type", "bad"),))])
    assert (names(page.entries), page.looked_at, page.position) == (["f", "d"], 4, Position(300, *key_of("d")))


def test_a_position_stays_good_when_its_item_has_gone(full: JobStore) -> None:
    """A job is erased between two pages; and a position may be out of the range that is asked for."""
    [page] = full.query_newest([IndexQuery(Index.TENANT, TENANT, 3)])
    assert page.position
    full.apply([Write("leave", Key(page.position.pk, page.position.sk), [], {"tenant_pk": REMOVE})])
    assert names(walk(full, IndexQuery(Index.TENANT, TENANT, 2, after=page.position))) == NEWEST[3:]
    assert names(walk(full, IndexQuery(Index.TENANT, TENANT, 2, after=page.position, last_ms=200))) == NEWEST[4:]
    assert walk(full, IndexQuery(Index.TENANT, TENANT, 2, after=page.position, first_ms=311)) == []
    oldest = IndexQuery(Index.TENANT, TENANT, 2, after=page.position, oldest_first=True)
    assert names(walk(full, oldest)) == NEWEST[1::-1]
    assert names(walk(full, replace(oldest, first_ms=311))) == NEWEST[1::-1]
    assert names(walk(full, replace(oldest, first_ms=400))) == NEWEST[:1]
    assert walk(full, replace(oldest, last_ms=200)) == []


def test_partitions_are_answered_in_the_order_of_the_questions(full: JobStore) -> None:
    """They are read side by side."""
    full.apply([listed("due", 50)])
    questions = [
        IndexQuery(Index.TENANT, "TENANT#other#0", 5),
        IndexQuery(Index.TENANT, TENANT, 1),
        IndexQuery(Index.TENANT, "TENANT#nobody#0", 5),
        IndexQuery(Index.DUE, LIVE, 5),
        *(IndexQuery(Index.TENANT, TENANT, number) for number in range(1, 8)),
    ]
    pages = full.query_newest(questions)
    assert [names(page.entries) for page in pages[:4]] == [["z"], ["g"], [], ["due"]]
    assert [names(page.entries) for page in pages[4:]] == [NEWEST[:number] for number in range(1, 8)]
    assert full.query_newest([]) == []


def test_a_scan_reads_the_whole_table_once(full: JobStore) -> None:
    """In pieces, in any order."""
    wanted = {key_of(name) for name in (*CREATED, "z")}
    for limit in (1, 3, 100):
        found: list[Key] = []
        position: Key | None = None
        for _ in range(100):
            items, position = full.scan(position, limit)
            assert len(items) <= limit
            found += [Key(item["pk"], item["sk"]) for item in items]
            if position is None:
                break
        assert len(found) == len(set(found))
        assert wanted <= set(found)
