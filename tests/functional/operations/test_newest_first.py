"""NewestFirst: partitions merged by time; a page may stop anywhere, and the next one continues there."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whendue.adapters.memory import MemoryStore
from whendue.operations.newest_first import NewestFirst
from whendue.table.index import Index, IndexQuery, Position
from whendue.table.keys import job_key
from whendue.table.writes import Is, insert

PARTITIONS = ["p0", "p1", "p2"]
entries = st.lists(st.tuples(st.sampled_from(PARTITIONS), st.integers(0, 5), st.booleans()), max_size=30)
QUERY = IndexQuery(Index.TENANT, "", 1, where=(Is("type", "good"),))
QUERIES = [replace(QUERY, partition=name) for name in PARTITIONS]


def filled(rows: list[tuple[str, int, bool]]) -> tuple[MemoryStore, list[Position]]:
    """Return a table, and what of it is wanted, newest first."""
    store, wanted = MemoryStore(), list[Position]()
    for number, (partition, at_ms, good) in enumerate(rows):
        key = job_key(f"{number:03d}")
        kind = "good" if good else "bad"
        store.apply([insert("row", key, {"tenant_pk": partition, "created_at": at_ms, "type": kind})])
        wanted += [Position(at_ms, *key)] if good else []
    return store, sorted(wanted, reverse=True)


@given(
    rows=entries,
    take=st.integers(1, 7),
    keep=st.integers(1, 7),
    page=st.integers(1, 4),
    budget=st.integers(1, 9),
    oldest_first=st.booleans(),
)
def test_pages_hold_each_entry_once_in_order(
    rows: list[tuple[str, int, bool]], take: int, keep: int, page: int, budget: int, *, oldest_first: bool
) -> None:
    """Whatever is put back, and wherever the budget ends a page."""
    store, wanted = filled(rows)
    queries = [replace(query, oldest_first=oldest_first) for query in QUERIES]
    found: list[Position] = []
    positions: dict[int, Position | None] = {}
    for _ in range(10 * len(rows) + 10):
        merged = NewestFirst(store, queries, positions, page, budget)
        taken = merged.take(take)
        kept = min(keep, len(taken))
        merged.keep(taken, kept)
        found += [entry.position for _, entry in taken[:kept]]
        positions = merged.positions
        if merged.has_ended:
            break
    assert found == (wanted[::-1] if oldest_first else wanted)


def test_the_budget_bounds_what_is_looked_at() -> None:
    """However few entries pass the filter."""
    store, _ = filled([(PARTITIONS[n % 3], n, False) for n in range(300)])
    looked_at = [0]

    class Watched(MemoryStore):
        def query_newest(self, queries):  # type: ignore[no-untyped-def]
            pages = store.query_newest(queries)
            looked_at[0] += sum(page.looked_at for page in pages)
            return pages

    merged = NewestFirst(Watched(), QUERIES, {}, 10, 100)
    assert (merged.take(10), merged.has_ended) == ([], False)
    assert 100 <= looked_at[0] < 103


@pytest.mark.parametrize("gone", [0, 1, 2])
def test_a_partition_at_its_end_is_not_read_again(gone: int) -> None:
    """A new job there is on the first page of the next list, not on a later page of this one."""
    store, _ = filled([(PARTITIONS[gone], 1, True)])
    assert NewestFirst(store, QUERIES, dict.fromkeys(range(3)), 10, 100).take(10) == []
    assert NewestFirst(store, QUERIES, dict.fromkeys({0, 1, 2} - {gone}), 10, 100).take(10) != []


def test_a_partition_that_was_not_read_has_yet_to_start() -> None:
    """It is not at its end: the next page begins there."""
    store, _ = filled([(PARTITIONS[0], 1, True)])
    assert NewestFirst(store, QUERIES, {}, 10, 100).positions == {}
