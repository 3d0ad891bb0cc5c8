"""What users' code hands us: JSON text that reads back as the same value, or a reason why not."""

import json
from collections import Counter, OrderedDict, defaultdict
from collections.abc import Callable
from enum import IntEnum, StrEnum
from itertools import count
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whendue.errors import Interrupted
from whendue.jobs.json_values import NotJsonError, to_text, weigh
from whendue.quotas import RESULT_DEPTH


def text(value: Any, most_bytes: int = 1000, most_levels: int = RESULT_DEPTH) -> str:
    return to_text(value, most_bytes=most_bytes, most_levels=most_levels)


def nested(levels: int, inside: Any = None) -> Any:
    for _ in range(levels):
        inside = [inside] if levels % 2 else {"x": inside}
    return inside


class Number(IntEnum):
    """One."""

    ONE = 1


class Word(StrEnum):
    """One."""

    A = "a"


@pytest.mark.parametrize(
    ("value", "read"),
    [
        (None, None),
        ((1, 2.5, True, "é"), [1, 2.5, True, "é"]),
        ({1: "a", None: "b", False: "c", 2.5: "d"}, {"1": "a", "null": "b", "false": "c", "2.5": "d"}),
        (OrderedDict(a=1), {"a": 1}),
        (Counter("aab"), {"a": 2, "b": 1}),
        (defaultdict(list, a=[1]), {"a": [1]}),
        ([Number.ONE, Word.A], [1, "a"]),
        ({Word.A: Number.ONE}, {"a": 1}),
        ([2**63 - 1, -(2**63), 2**64 - 1, 10**400], [2**63 - 1, -(2**63), 2**64 - 1, 10**400]),
        ("\0\x1f\u2028", "\0\x1f\u2028"),
    ],
)
def test_what_json_can_hold_reads_back(value: Any, read: Any) -> None:
    """Integers of 64 bits and more exactly."""
    assert json.loads(text(value)) == read


def test_a_boolean_stays_one() -> None:
    """Python takes it for a number, too; JSON does not."""
    assert text([True, False, 1, 0]) == "[true,false,1,0]"


@pytest.mark.parametrize(
    ("value", "problem", "said"),
    [
        (float("nan"), "not_json", "cannot hold NaN"),
        ([float("inf")], "not_json", "cannot hold NaN"),
        ({float("nan"): 1}, "not_json", "cannot hold NaN"),
        ("\ud800", "not_json", "surrogate"),
        ({"\udfff": 1}, "not_json", "surrogate"),
        ({1: "a", "1": "b"}, "not_json", "same text"),
        ({True: "a", "true": "b"}, "not_json", "same text"),
        ({(1, 2): "a"}, "not_json", "cannot hold keys of type tuple"),
        ({1, 2}, "not_json", "type set (turn it into a list)"),
        (b"x", "not_json", "type bytes"),
        (object(), "not_json", "type object"),
        (10**5000, "not_json", "more digits"),
        ((n for n in "ab"), "not_json", "`yield`"),
        (nested(RESULT_DEPTH + 1), "too_deep", "deeper than 100 levels"),
        (nested(253), "too_deep", "deeper than"),
        (nested(990), "too_deep", "deeper than"),
        (nested(100_000), "too_deep", "deeper than"),
        ("x" * 1000, "too_large", "over 1000 bytes"),
        ("é" * 500, "too_large", "over 1000 bytes"),
        ([0] * 600, "too_large", "over 1000 bytes"),
    ],
    ids=lambda value: value if isinstance(value, str) and len(value) < 40 and value.isprintable() else "",
)
def test_what_it_cannot_is_refused_with_its_reason(value: Any, problem: str, said: str) -> None:
    """The reason goes to whoever may read the job; no value does."""
    with pytest.raises(NotJsonError) as caught:
        text(value)
    assert (caught.value.problem, said in str(caught.value)) == (problem, True), str(caught.value)


def test_so_many_levels_are_taken() -> None:
    """The bound itself is within."""
    assert json.loads(text(nested(RESULT_DEPTH), 10_000)) == nested(RESULT_DEPTH)


def test_a_coroutine_is_refused_with_a_hint_and_closed() -> None:
    """Python would warn of it at some later time, in somebody else's job."""

    async def later() -> None:
        """Do nothing."""

    with pytest.raises(NotJsonError, match="not awaited; write `await`"):
        text(later())


def test_a_small_object_that_is_large_as_json_costs_no_more_than_its_bound() -> None:
    """Lists that hold each other twice double at each level: sixty of them are 10^18 values."""
    value: list[Any] = []
    for _ in range(60):
        value = [value, value]
    with pytest.raises(NotJsonError, match="over"):
        text(value, 100_000)


def test_a_list_that_holds_itself_ends() -> None:
    """Too deep, as it has no end."""
    value: list[Any] = []
    value.append(value)
    with pytest.raises(NotJsonError, match="deeper"):
        text(value)


def test_an_endless_mapping_ends() -> None:
    """Its methods are users' code."""

    class Endless(dict[str, int]):
        def items(self) -> Any:
            return ((str(number), number) for number in count())

    with pytest.raises(NotJsonError, match="over"):
        text(Endless(), 1000)


def test_an_interrupt_is_no_reason_that_a_value_cannot_be_stored() -> None:
    """The attempt's time is over: it says so itself."""

    class Slow(dict[str, int]):
        def items(self) -> Any:
            raise Interrupted

    with pytest.raises(Interrupted):
        text(Slow())


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda parts: st.lists(parts, max_size=4) | st.dictionaries(st.text(), parts, max_size=4),
    max_leaves=20,
)


@given(PLAIN)
def test_whatever_is_taken_reads_back(value: Any) -> None:
    """The law that all others are examples of."""
    try:
        taken = text(value, 100_000)
    except NotJsonError as error:
        # Hypothesis makes no surrogates, and nothing that large.
        raise AssertionError(str(error)) from None
    assert json.loads(taken) == value
    assert taken.encode().decode() == taken


@given(PLAIN)
def test_weight_and_levels_are_those_of_the_value(value: Any) -> None:
    """What a path may cost is counted in it."""

    def levels(item: Any) -> int:
        parts = item.values() if isinstance(item, dict) else item if isinstance(item, list) else None
        return 0 if parts is None else 1 + max(map(levels, parts), default=0)

    def weight(item: Any) -> int:
        parts = item.values() if isinstance(item, dict) else item if isinstance(item, list) else ()
        return 1 + sum(map(weight, parts)) + (len(item) // 100 if isinstance(item, str) else 0)

    assert weigh(value, 10**9) == (weight(value), levels(value))


@pytest.mark.parametrize("make", [lambda n: [0] * n, lambda n: {str(i): 0 for i in range(n)}, lambda n: [[0]] * n])
def test_weighing_ends_once_there_is_too_much(make: Callable[[int], Any]) -> None:
    """Who weighs a large value for a small budget looks at little of it."""
    steps, _ = weigh(make(1000), 10)
    assert steps > 10
