"""What the table cannot hold: INVALID, for that write alone, whatever the store; and what it only just can."""

from typing import Any

import pytest

from tests.builders.samples import Apply, insert_of, key_of
from whendue.adapters.memory import MemoryStore
from whendue.aws_quotas import DYNAMODB_ITEM_BYTES, DYNAMODB_PARTITION_KEY_BYTES, DYNAMODB_SORT_KEY_BYTES
from whendue.engine.ports import JobStore, WriteStatus
from whendue.table.keys import Key
from whendue.table.writes import Absent, Below, Is, Less, Plus, Write


def nested(depth: int) -> dict[str, Any]:
    value: dict[str, Any] = {}
    for _ in range(depth - 1):
        value = {"a": value}
    return value


UNSTORABLE: dict[str, Any] = {
    "the number of a schedule that stopped a timer": 1e-300,
    "a number just too small": 9.9e-131,
    "a negative number just too small": -9.9e-131,
    "the smallest denormal": 5e-324,
    "a number too large": 1e126,
    "a whole number too large": 10**126,
    "a whole number far too large": 10**5000,
    "39 digits": 10**38 + 1,
    "not a number": float("nan"),
    "infinity": float("inf"),
    "minus infinity": float("-inf"),
    "half of a surrogate pair": "\ud800",
    "half of a pair in a map": {"a": {"\udfff": 1}},
    "a set without members": frozenset(),
    "a set with a number too large": frozenset({1, 10**126}),
    "maps 33 deep": nested(33),
    "nothing": None,
    "bytes": b"a",
    "a list": ["a"],
    "an object": object(),
    "a small number in a map": {"base_s": 1e-300},
}
STORABLE: dict[str, Any] = {
    "the smallest number": 1e-130,
    "the largest number": 9e125,
    "a large whole number": 10**125,
    "38 digits": 10**38 - 1,
    "beyond the numbers that a float holds": 2**53 + 1,
    "64 bits": -(2**63),
    "zero": 0.0,
    "zero of the other sign": -0.0,
    "written with an exponent": 1e-7,
    "maps 31 deep": nested(31),
    "an empty text": "",
    "a NUL": "a\x00b",
    "a whole pair": "😀",
}


@pytest.mark.sampled(5)
@pytest.mark.parametrize("kind", UNSTORABLE)
def test_what_the_table_cannot_hold_is_invalid(store: JobStore, apply: Apply, kind: str) -> None:
    """Not an exception of the whole batch; and nothing of it is there."""
    assert apply(store, insert_of("a", value=UNSTORABLE[kind])) == (WriteStatus.INVALID, None)
    assert store.get([key_of("a")]) == [None]


@pytest.mark.sampled(5)
@pytest.mark.parametrize("kind", STORABLE)
def test_what_the_table_just_can_hold_is_held(store: JobStore, apply: Apply, kind: str) -> None:
    """It is read back as it was."""
    assert apply(store, insert_of("a", value=STORABLE[kind])).done
    [item] = store.get([key_of("a")])
    assert item is not None
    assert item["value"] == STORABLE[kind] or ("number" in kind and float(item["value"]) == float(STORABLE[kind]))


CHANGES: dict[str, Write] = {
    "a change": Write("update", key_of("a"), (), {"value": 1e-300}),
    "a sum": Write("update", key_of("a"), (), {"n": Plus(10**126)}),
    "what is taken from a set": Write("update", key_of("a"), (), {"set": Less(frozenset())}),
    "a sum with what is not there": Write("update", key_of("a"), (), {"missing": Plus(1)}),
    "an expected value": Write("update", key_of("a"), (Is("n", 1e-300),), {"n": 2}),
    "a bound": Write("update", key_of("a"), (Below("n", 10**126),), {"n": 2}),
    "a field without a name": Write("insert", key_of("new"), (Absent(),), {"": 1}),
    "a due index that has no name": Write("update", key_of("a"), (), {"due_pk": ""}),
    "a due index that is a number": Write("update", key_of("a"), (), {"due_pk": 1}),
    "a next check that is a truth": Write("update", key_of("a"), (), {"check_at": True}),
    "a next check that is a text": Write("update", key_of("a"), (), {"check_at": "now"}),
    "more than an item may have": Write("update", key_of("a"), (), {"value": "x" * DYNAMODB_ITEM_BYTES}),
    "a key without a partition": Write("insert", Key("", "job"), (Absent(),), {"n": 1}),
    "a key without a sort key": Write("insert", Key("JOB#b", ""), (Absent(),), {"n": 1}),
    "a partition key too long": Write("insert", Key("x" * (DYNAMODB_PARTITION_KEY_BYTES + 1), "job"), (Absent(),), {}),
    "a sort key too long": Write("insert", Key("JOB#b", "x" * (DYNAMODB_SORT_KEY_BYTES + 1)), (Absent(),), {}),
    "a key that is no text": Write("insert", Key("JOB#\ud800", "job"), (Absent(),), {}),
}


@pytest.mark.sampled(5)
@pytest.mark.parametrize("kind", CHANGES)
def test_a_write_that_no_table_takes_is_invalid(store: JobStore, apply: Apply, kind: str) -> None:
    """Its item stays as it was."""
    store.apply([insert_of("a", text="text", set=frozenset({1}))])
    before = store.get([key_of("a")])
    assert apply(store, CHANGES[kind]) == (WriteStatus.INVALID, None)
    assert store.get([key_of("a")]) == before


def test_an_update_that_makes_an_item_too_large_is_invalid(store: JobStore, apply: Apply) -> None:
    """Neither what is there nor what is added is too large."""
    store.apply([insert_of("a", large="x" * (DYNAMODB_ITEM_BYTES // 2))])
    write = Write("update", key_of("a"), (), {"two": "x" * (DYNAMODB_ITEM_BYTES // 2)})
    assert apply(store, write) == (WriteStatus.INVALID, None)


def test_the_other_24_of_a_batch_are_done(store: JobStore) -> None:
    """One bad statement is its own business."""
    writes = [insert_of(f"job-{number}", base_s=1e-300 if number == 7 else 5) for number in range(25)]
    results = [end.status for end in store.apply(writes)]
    assert results == [WriteStatus.INVALID if number == 7 else WriteStatus.DONE for number in range(25)]


def test_two_of_which_one_is_wrong(store: JobStore) -> None:
    """What is left is one write: it is a call of its own."""
    assert [end.status for end in store.apply([insert_of("a", n=1e-300), insert_of("b")])] == [
        WriteStatus.INVALID,
        WriteStatus.DONE,
    ]


def test_under_a_key_that_no_item_can_have_there_is_none(store: JobStore) -> None:
    """Nor does it keep others from being read."""
    store.apply([insert_of("a")])
    strange = [Key("", "job"), Key("JOB#a", ""), Key("JOB#\ud800", "job"), Key("x" * 5000, "job")]
    assert [item is not None for item in store.get([*strange, key_of("a")])] == [False] * 4 + [True]


def test_a_text_is_neither_added_to_nor_below_a_number() -> None:
    """So does AWS; moto fails at the comparison, and MiniStack adds to a text."""
    store = MemoryStore()
    store.apply([insert_of("a", text="text")])
    [end] = store.apply([Write("update", key_of("a"), (), {"text": Plus(1)})])
    assert end.status is WriteStatus.INVALID
    [end] = store.apply([Write("update", key_of("a"), (Below("text", 5),), {"m": 1})])
    assert end.status is WriteStatus.REFUSED
