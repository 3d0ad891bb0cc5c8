"""JobStore.query_due: order, ties, positions, bounds, both directions."""

import pytest

from tests.builders.samples import LIVE, insert_of, key_of, listed
from whendue.engine.ports import DueEntry, JobStore
from whendue.table.writes import REMOVE, Write, delete, insert

ALARMS = {"a": 300, "b": 100, "c": 200, "d": 200, "e": 200, "f": 200, "g": 200, "h": 400}


@pytest.fixture
def full(store: JobStore) -> JobStore:
    """A store with five ties among its next checks, another partition, and an item that has no alarm."""
    store.apply([listed(name, check_at) for name, check_at in ALARMS.items()])
    store.apply([listed("x", 150, "live#normal#4"), insert_of("y")])
    return store


def page(
    store: JobStore, after: DueEntry | None = None, *, until: int = 1000, limit: int = 50, newest: bool = False
) -> list[DueEntry]:
    return store.query_due(LIVE, after=after, until_ms=until, limit=limit, newest_first=newest)


def names(entries: list[DueEntry]) -> list[str]:
    return [entry.pk.removeprefix("JOB#") for entry in entries]


def walk(store: JobStore, step: int, *, newest: bool) -> list[DueEntry]:
    walked: list[DueEntry] = []
    while entries := page(store, walked[-1] if walked else None, limit=step, newest=newest):
        assert len(entries) <= step
        walked += entries
        if len(entries) < step:
            break
    return walked


def test_entries_come_by_next_check_and_carry_key_and_due_time(full: JobStore) -> None:
    """Promote sees what is next, and needs no read to know where it is."""
    entries = page(full)
    assert [entry.check_at for entry in entries] == sorted(ALARMS.values())
    assert sorted(names(entries)) == sorted(ALARMS)
    assert {entry: ALARMS[entry.pk.removeprefix("JOB#")] for entry in entries} == {e: e.check_at for e in entries}
    assert all(entry.due_at == entry.check_at + 7 and entry.key == key_of(entry.pk[4:]) for entry in entries)


@pytest.mark.sampled(5)
@pytest.mark.parametrize("step", [1, 2, 3, 8, 9])
@pytest.mark.parametrize("newest", [False, True])
def test_pages_of_any_size_show_every_entry_once(full: JobStore, step: int, newest: bool) -> None:
    """A position among ties goes on behind exactly that entry: none twice, none left out."""
    walked = walk(full, step, newest=newest)
    assert walked == page(full, newest=newest)
    assert sorted(names(walked)) == sorted(ALARMS)


def test_newest_first_is_the_same_order_backwards(full: JobStore) -> None:
    """Lists of finished jobs show the latest first."""
    assert page(full, newest=True) == page(full)[::-1]


@pytest.mark.sampled(5)
@pytest.mark.parametrize(("until", "expected"), [(99, 0), (100, 1), (199, 1), (200, 6), (299, 6), (400, 8)])
@pytest.mark.parametrize("newest", [False, True])
def test_the_bound_is_inclusive_in_both_directions(
    full: JobStore,
    until: int,
    expected: int,
    newest: bool,
) -> None:
    """An next check rings at its millisecond, not after it."""
    assert sorted(names(page(full, until=until, newest=newest))) == sorted(names(page(full)[:expected]))


def test_a_limit_cuts_and_a_short_page_means_the_end(full: JobStore) -> None:
    """Callers stop at a short page without asking again."""
    assert page(full, limit=3) == page(full)[:3]
    assert page(full, limit=3, newest=True) == page(full, newest=True)[:3]
    assert page(full, limit=0) == []
    assert page(full, page(full)[-1], limit=3) == []


@pytest.mark.parametrize("newest", [False, True])
def test_a_position_stays_good_when_its_entry_has_gone(full: JobStore, newest: bool) -> None:
    """The cursor stands on a job that has finished meanwhile; others around it as well."""
    before = page(full, newest=newest)
    position = before[3]
    gone = [before[2].key, position.key]
    full.apply([Write("finish", key, [], {"due_pk": "dead#acme#0", "check_at": 999}) for key in gone])
    assert page(full, position, newest=newest) == before[4:]


def test_a_position_past_the_bound_has_nothing_behind_it(full: JobStore) -> None:
    """Two timers' clocks differ: the cursor may stand later than this one's now."""
    assert page(full, page(full)[-1], until=150) == []
    assert page(full, page(full)[4], until=199) == []


def test_newest_first_a_position_past_the_bound_has_everything_behind_it(full: JobStore) -> None:
    """The same, walked backwards."""
    assert page(full, page(full)[-1], until=250, newest=True) == page(full, until=250, newest=True)


def test_an_item_without_a_check_is_not_in_the_due_index(full: JobStore) -> None:
    """The index is sparse; an item enters and leaves it with its alarm."""
    full.apply([Write("leave", key_of("b"), [], {"due_pk": REMOVE, "check_at": REMOVE})])
    full.apply([Write("enter", key_of("y"), [], {"due_pk": LIVE, "check_at": 50, "due_at": 170})])
    assert names(page(full, until=150)) == ["y"]
    assert page(full, until=150)[0].due_at == 170


def test_a_partition_that_nobody_uses_is_empty(store: JobStore) -> None:
    """The timer asks all of them."""
    assert page(store) == []


@pytest.mark.parametrize("key", [{"due_pk": LIVE}, {"check_at": 50}], ids=["partition", "time"])
def test_an_item_with_one_of_the_indexs_keys_is_not_listed(full: JobStore, key: dict[str, object]) -> None:
    """A secondary index holds the items that have all of its keys; such an item is changed and deleted like others.

    Source: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/bp-indexes-general-sparse-indexes.html
    """
    both = {"due_pk": LIVE, "check_at": 50, "due_at": 170}
    before = page(full)
    full.apply([insert("enter", key_of("half"), key)])
    assert page(full) == before
    full.apply([Write("complete", key_of("half"), [], both)])
    assert names(page(full))[0] == "half"
    full.apply([Write("leave", key_of("half"), [], dict.fromkeys(both.keys() - key.keys(), REMOVE))])
    assert page(full) == before
    full.apply([delete("delete", key_of("half"))])
    assert page(full) == before
