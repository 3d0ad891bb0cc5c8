"""JobStore.apply_together: all or none, whatever refuses one of them, and recognised where it is repeated."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from tests.builders.samples import insert_of, key_of
from whendue.engine.ports import JobStore, WriteStatus
from whendue.table.writes import Is, Plus, Write, delete

REFUSED, DONE = WriteStatus.REFUSED, WriteStatus.DONE


def test_all_kinds_of_writes_hold_together(store: JobStore) -> None:
    """A takeover of a key changes one item and creates another."""
    store.apply([insert_of("old", state="pending"), insert_of("gone")])
    writes = [
        Write("change", key_of("old"), [Is("state", "pending")], {"state": "cancelled", "n": Plus(1)}),
        insert_of("new"),
        delete("delete", key_of("gone"), Is("n", 1)),
    ]
    assert [result.status for result in store.apply_together(writes)] == [DONE] * 3
    old, new, gone = store.get([write.key for write in writes])
    assert old is not None
    assert (old["state"], old["n"]) == ("cancelled", 2)
    assert new is not None
    assert gone is None


def test_one_that_is_refused_keeps_all_from_being_written(store: JobStore) -> None:
    """The caller learns what is in its way, and nothing of the others is there."""
    store.apply([insert_of("taken", hash="theirs")])
    results = store.apply_together([insert_of("free"), insert_of("taken", hash="mine")])
    assert [result.status for result in results] == [REFUSED, REFUSED]
    assert results[0].current is None
    assert results[1].current == {"pk": "JOB#taken", "sk": "job", "n": 1, "hash": "theirs"}
    assert store.get([key_of("free")]) == [None]


def test_several_refusals_show_each_item(store: JobStore) -> None:
    """A submit under a used Idempotency-Key meets its own job and the holder of the key."""
    store.apply([insert_of("a", hash="theirs"), insert_of("b", hash="theirs")])
    results = store.apply_together([insert_of("a", hash="mine"), insert_of("b", hash="mine")])
    assert [result.current and result.current["pk"] for result in results] == ["JOB#a", "JOB#b"]


def test_a_repetition_is_done(store: JobStore) -> None:
    """The reply of the first try may be lost."""
    store.apply([insert_of("old", state="pending")])
    writes = [Write("change", key_of("old"), [Is("state", "pending")], {"state": "moved"}), insert_of("new")]
    for _ in range(2):
        assert [result.status for result in store.apply_together(writes)] == [DONE, DONE]


def test_half_of_it_done_by_another_is_refused(store: JobStore) -> None:
    """What is there is as one of them would leave it, but the other is not."""
    store.apply([insert_of("a")])
    results = store.apply_together([insert_of("a"), insert_of("b")])
    assert [result.status for result in results] == [REFUSED, REFUSED]
    assert store.get([key_of("b")]) == [None]


def test_an_update_of_a_missing_item_is_refused(store: JobStore) -> None:
    """An update creates nothing, as alone."""
    results = store.apply_together([Write("change", key_of("a"), [], {"n": 2}), insert_of("b")])
    assert [result.status for result in results] == [REFUSED, REFUSED]
    assert store.get([key_of("a"), key_of("b")]) == [None, None]


def test_what_the_table_cannot_hold_writes_nothing(store: JobStore) -> None:
    """It is found before it is sent."""
    wrong = replace(insert_of("a"), changes={"text": "x" * 500_000})
    results = store.apply_together([wrong, insert_of("b")])
    assert {result.status for result in results} == {WriteStatus.INVALID}
    assert store.get([key_of("b")]) == [None]


def test_of_many_at_once_one_wins(store: JobStore) -> None:
    """Two transactions on one item conflict: the loser is refused by what the winner wrote."""
    bids = [[insert_of("key", winner=number), insert_of(f"job-{number}")] for number in range(8)]
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(store.apply_together, bids))
    won = [number for number, (first, _) in enumerate(results) if first.done]
    assert len(won) == 1
    [key, *jobs] = store.get([key_of("key"), *(key_of(f"job-{number}") for number in range(8))])
    assert key is not None
    assert key["winner"] == won[0]
    assert [number for number, job in enumerate(jobs) if job] == won
