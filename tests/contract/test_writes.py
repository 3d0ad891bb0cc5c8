"""JobStore.apply and get: conditional writes, each on its own, with outcomes that tell what refused them."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.builders.samples import LIVE, Apply, insert_of, key_of, listed
from whendue.aws_quotas import PAYLOAD_ITEM_BYTES
from whendue.engine.ports import JobStore, WriteStatus
from whendue.table.keys import Key
from whendue.table.writes import REMOVE, Below, Condition, In, Is, Plus, Write, delete, insert


def update(name: str, expected: list[Condition], **changes: Any) -> Write:
    return Write("update", key_of(name), expected, changes)


def values_of(store: JobStore, name: str) -> dict[str, Any]:
    [item] = store.get([key_of(name)])
    assert item is not None
    return {field: value for field, value in item.items() if field not in ("pk", "sk")}


def test_an_insert_is_read_back_as_it_was_written(store: JobStore, apply: Apply) -> None:
    """Numbers, truth, text and maps survive the table's own types."""
    values = {
        "text": "grün \"quoted\" 'single' ? :a #b",
        "empty": "",
        "whole": 1_800_000_000_123,
        "zero": 0,
        "negative": -3,
        "part": 0.1,
        "tiny": 1e-12,
        "yes": True,
        "no": False,
        "map": {"a": 1, "b": {"c": False, "d": 2.5}, "ключ": "x"},
        "nothing": {},
    }
    assert apply(store, insert_of("a", **values)).status is WriteStatus.DONE
    read = values_of(store, "a")
    assert read == {"n": 1} | values
    assert [type(read[field]) for field in values] == [type(value) for value in values.values()]


def test_a_whole_float_comes_back_as_the_same_number(store: JobStore, apply: Apply) -> None:
    """The table has one kind of number: 2.0 is 2, and equal."""
    apply(store, insert_of("a", base_s=2.0))
    assert values_of(store, "a")["base_s"] == 2


def test_an_insert_where_something_else_is_gets_refused_and_shown_what(store: JobStore, apply: Apply) -> None:
    """Idempotent creation compares the request hash of what is there."""
    apply(store, insert_of("a", hash="mine"))
    end = store.apply([insert_of("a", hash="other")])[0]
    assert end.status is WriteStatus.REFUSED
    assert end.current == {"pk": "JOB#a", "sk": "job", "n": 1, "hash": "mine"}
    assert values_of(store, "a")["hash"] == "mine"


def test_a_refused_insert_in_a_batch_shows_what_is_there(store: JobStore) -> None:
    """AWS's DuplicateItem error brings no item along: the adapter has to look."""
    store.apply([insert_of("a", hash="mine"), insert_of("b", hash="mine")])
    results = store.apply([insert_of("a", hash="other"), insert_of("b", hash="mine"), insert_of("c")])
    assert [end.status for end in results] == [WriteStatus.REFUSED, WriteStatus.DONE, WriteStatus.DONE]
    assert results[0].current == {"pk": "JOB#a", "sk": "job", "n": 1, "hash": "mine"}


def test_the_same_insert_again_is_done(store: JobStore, apply: Apply) -> None:
    """A lost reply makes us send it twice."""
    apply(store, insert_of("a", hash="mine"))
    [end] = store.apply([insert_of("a", hash="mine")])
    assert end.status is WriteStatus.DONE


PASSING: dict[str, list[Condition]] = {
    "no condition": [],
    "Is text": [Is("state", "pending")],
    "Is number": [Is("n", 1)],
    "Is truth": [Is("cancel", False)],
    "In": [In("state", ("running", "pending"))],
    "In of one": [In("state", ("pending",))],
    "Below": [Below("n", 2)],
    "all kinds": [Is("cancel", False), In("state", ("pending", "running")), Below("n", 2)],
    "two on one field": [Below("n", 5), Is("n", 1)],
    "a reserved word": [Is("state", "pending"), Is("count", 4)],
}


@pytest.mark.sampled(5)
@pytest.mark.parametrize("kind", PASSING)
def test_an_update_goes_through_when_all_conditions_hold(store: JobStore, apply: Apply, kind: str) -> None:
    """Transitions are conjunctions of these kinds."""
    store.apply([insert_of("a", state="pending", cancel=False, count=4)])
    assert apply(store, update("a", PASSING[kind], state="moved", count=5)).status is WriteStatus.DONE
    assert values_of(store, "a") == {"n": 1, "state": "moved", "cancel": False, "count": 5}


FAILING: dict[str, list[Condition]] = {
    "Is other text": [Is("state", "running")],
    "Is other number": [Is("n", 2)],
    "Is other truth": [Is("cancel", True)],
    "In others": [In("state", ("running", "dead"))],
    "Below itself": [Below("n", 1)],
    "Below less": [Below("n", 0)],
    "first of two": [Is("n", 2), Is("state", "pending")],
    "last of three": [Is("n", 1), Is("state", "pending"), Below("n", 1)],
    "Is on a missing field": [Is("fence", "f")],
    "In on a missing field": [In("fence", ("f", "g"))],
    "Below on a missing field": [Below("lease", 10)],
    "text that would be an expression": [Is("state", "pending' OR 'a'='a")],
}


@pytest.mark.sampled(5)
@pytest.mark.parametrize("kind", FAILING)
def test_an_update_is_refused_when_one_condition_fails(store: JobStore, apply: Apply, kind: str) -> None:
    """A missing field fails every comparison; nothing of the write is done."""
    store.apply([insert_of("a", state="pending", cancel=False)])
    end = apply(store, update("a", FAILING[kind], state="moved", n=Plus(1), cancel=REMOVE))
    assert end.status is WriteStatus.REFUSED
    assert end.current == {"pk": "JOB#a", "sk": "job", "n": 1, "state": "pending", "cancel": False}
    assert values_of(store, "a") == {"n": 1, "state": "pending", "cancel": False}


@pytest.mark.parametrize("expected", [[], [Is("n", 1)], [Below("n", 9)]])
def test_an_update_of_a_missing_item_is_refused_and_creates_nothing(
    store: JobStore, apply: Apply, expected: list[Condition]
) -> None:
    """UpdateItem is an upsert on AWS: the adapter has to say that the item must exist."""
    end = apply(store, update("a", expected, state="moved"))
    assert end == (WriteStatus.REFUSED, None)
    assert store.get([key_of("a")]) == [None]


def test_plus_adds_remove_removes_and_other_fields_stay(store: JobStore, apply: Apply) -> None:
    """The three kinds of change, together in one write; removing what is not there is no error."""
    store.apply([insert_of("a", claims=2, gone="x", kept={"a": 1}, part=1.5)])
    end = apply(store, update("a", [], claims=Plus(3), part=Plus(-1), gone=REMOVE, never=REMOVE, fresh="f"))
    assert end.done
    assert values_of(store, "a") == {"n": 1, "claims": 5, "kept": {"a": 1}, "part": 0.5, "fresh": "f"}


def test_a_replayed_update_is_done_and_happens_once(store: JobStore, apply: Apply) -> None:
    """A refusal by our own mark is a success whose reply was lost: its sums are not added again."""
    claim = update("a", [Is("state", "pending")], state="running", fence="mine", claims=Plus(1))
    store.apply([insert_of("a", state="pending", claims=0)])
    assert apply(store, claim).status is WriteStatus.DONE
    [again] = store.apply([claim])
    assert again.status is WriteStatus.DONE
    assert values_of(store, "a")["claims"] == 1


def test_another_ones_update_is_not_taken_for_ours(store: JobStore, apply: Apply) -> None:
    """The same claim under another fence is a refusal, and shows who holds it."""
    store.apply([insert_of("a", state="pending")])
    store.apply([update("a", [Is("state", "pending")], state="running", fence="theirs")])
    end = apply(store, update("a", [Is("state", "pending")], state="running", fence="mine"))
    assert end.status is WriteStatus.REFUSED
    assert end.current is not None
    assert end.current["fence"] == "theirs"


def test_a_large_batch_answers_each_write_in_order(store: JobStore) -> None:
    """Over two limits of a batch (25), with done, refused and missing mixed."""
    store.apply([insert_of(f"have-{number}", state="pending") for number in range(70)])
    kinds: list[Callable[[int], tuple[Write, WriteStatus, bool]]] = [
        lambda name: (insert_of(f"new-{name}"), WriteStatus.DONE, False),
        lambda name: (insert_of(f"have-{name}", state="other"), WriteStatus.REFUSED, True),
        lambda name: (update(f"have-{name}", [Is("state", "pending")], state="moved"), WriteStatus.DONE, False),
        lambda name: (update(f"have-{name}", [Is("state", "dead")], state="moved"), WriteStatus.REFUSED, True),
        lambda name: (update(f"none-{name}", [], state="moved"), WriteStatus.REFUSED, False),
    ]
    cases = [kinds[number % len(kinds)](number) for number in range(70)]
    results = store.apply([write for write, _, _ in cases])
    assert [end.status for end in results] == [applied for _, applied, _ in cases]
    for (write, _, shown), end in zip(cases, results, strict=True):
        assert (end.current["pk"] if end.current else None) == (write.key.pk if shown else None)
    moved = [values_of(store, f"have-{number}")["state"] for number in range(70)]
    assert moved == ["moved" if number % 5 == 2 else "pending" for number in range(70)]


def test_an_item_may_not_appear_twice_in_one_batch(store: JobStore) -> None:
    """AWS refuses the whole batch then: a caller's mistake, told before anything is written."""
    with pytest.raises(ValueError, match="twice"):
        store.apply([insert_of("a"), insert_of("b"), update("a", [], n=2)])
    assert store.get([key_of("a"), key_of("b")]) == [None, None]


def test_nothing_to_write_is_nothing(store: JobStore) -> None:
    """Callers hand over what they have."""
    assert store.apply([]) == []
    assert store.get([]) == []


def test_get_answers_each_key_in_order(store: JobStore) -> None:
    """More than one batch of 100, missing ones and repeated ones among them."""
    names = [f"have-{number}" for number in range(0, 130, 2)]
    store.apply([insert_of(name) for name in names])
    keys = [key_of(f"have-{number}") for number in range(129, -1, -1)] + [key_of("have-0")]
    read = store.get(keys)
    assert [item["pk"] if item else None for item in read] == [
        key.pk if int(key.pk.rpartition("-")[2]) % 2 == 0 else None for key in keys
    ]


def test_a_family_is_read_whole_and_in_order(store: JobStore) -> None:
    """Over the megabyte at which AWS ends a page; other families are not in it."""
    text = "x" * 250_000
    for sk in ["payload#h", "attempt#000010", "job", "attempt#000002", "once#ä", "once#z"]:
        store.apply([Write("insert", Key("JOB#a", sk), insert_of("").expected, {"text": text})])
    store.apply([insert_of("aa"), insert_of("b")])
    family = store.query("JOB#a")
    assert [item["sk"] for item in family] == [
        "attempt#000002",
        "attempt#000010",
        "job",
        "once#z",
        "once#ä",
        "payload#h",
    ]
    assert all(item["text"] == text for item in family)
    assert store.query("JOB#none") == []


def test_the_largest_payload_fits_an_item(store: JobStore, apply: Apply) -> None:
    """Payloads up to this size stay in the table."""
    text = "ü" * (PAYLOAD_ITEM_BYTES // 2)
    assert apply(store, insert_of("a", payload=text)).done
    assert values_of(store, "a")["payload"] == text


def test_a_delete_takes_the_item_and_its_place_in_the_due_index(store: JobStore, apply: Apply) -> None:
    """What is no longer owed must not ring."""
    apply(store, listed("a", 100))
    assert apply(store, delete("delete", key_of("a"), Is("n", 1))).status is WriteStatus.DONE
    assert store.get([key_of("a")]) == [None]
    assert store.query_due(LIVE, after=None, until_ms=1000, limit=9) == []


def test_a_delete_is_refused_by_its_condition_and_shown_by_what(store: JobStore, apply: Apply) -> None:
    """Somebody has changed the item meanwhile."""
    apply(store, insert_of("a"))
    end = apply(store, delete("delete", key_of("a"), Is("n", 2)))
    assert end.status is WriteStatus.REFUSED
    assert end.current == {"pk": "JOB#a", "sk": "job", "n": 1}
    assert values_of(store, "a") == {"n": 1}


@pytest.mark.parametrize("expected", [[], [Is("n", 1)]])
def test_deleting_what_is_gone_is_done(store: JobStore, apply: Apply, expected: list[Condition]) -> None:
    """A lost reply makes us send it twice."""
    assert apply(store, delete("delete", key_of("a"), *expected)).status is WriteStatus.DONE
    assert store.get([key_of("a")]) == [None]


def test_what_was_read_is_a_copy(store: JobStore) -> None:
    """Whatever a reader does to it, the table stays as it is."""
    store.apply([insert("insert", key_of("a"), {"map": {"inner": {"n": 1}}})])
    [item] = store.get([key_of("a")])
    assert item is not None
    item["map"]["inner"]["n"] = 2
    assert store.get([key_of("a")]) == [{"pk": "JOB#a", "sk": "job", "map": {"inner": {"n": 1}}}]
