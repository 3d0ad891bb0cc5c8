"""References to results: what is refused, and what they give."""

from typing import Any

import pytest

from whendue.errors import BadReferenceError, InvalidReferenceError
from whendue.jobs.dependencies import On
from whendue.quotas import JSON_DEPTH, PAYLOAD_BYTES, REFERENCE_PATH_BYTES, REFERENCE_STEPS, REFERENCES
from whendue.references.interpreter import Budget
from whendue.references.syntax import MISSING, faults, find, list_faults, listed, resolve

DEPENDENCIES: dict[str, On] = {"a": "success", "b": "done", "f": "failure"}


@pytest.mark.parametrize(
    "reference",
    [
        {"$from": ""},
        {"$from": 1},
        {"$from": None},
        {"$from": []},
        {"$from": ["a", 1]},
        {"$from": {"$from": "a"}},
        {"$from": "a", "paths": "x"},
        {"$from": "a", "path": None},
        {"$from": "a", "path": 1},
        {"$from": "a", "path": ""},
        {"$from": "a", "path": "x" * (REFERENCE_PATH_BYTES + 1)},
        {"$from": "a", "path": "a b"},
        {"$from": "a", "path": "nothing(@)"},
        {"$from": "a", "path": "join(', ', @)"},
        {"$from": "a", "path": "&a"},
        {"$from": "a", "path": '`"\\ud800"`'},
        {"$from": "a", "path": "'\ud800'"},
        {"$from": "a", "path": '"\\ud800"'},
        {"$from": "a", "path": "a.\ud800"},
        {"$from": "a", "path": "[&a]"},
        {"$from": "a", "path": "{map: &a}"},
        {"$from": "a", "path": "a == &b"},
        {"$from": "a", "path": "not_null(&a)"},
        {"$from": "a", "path": "map(a, b)"},
        {"$from": "a", "path": "sort_by(&a, b)"},
        {"$from": "a", "path": "abs()"},
        {"$from": "a", "path": "abs(a, b)"},
        {"$from": "a", "path": "not_null()"},
        {"$from": "a", "path": "a[::0]"},
        {"$from": "a", "path": "`NaN`"},
        {"$from": "a", "path": "`1e999`"},
        {"$from": "a", "path": "!" * 60 + "a"},
        {"$from": "a", "path": "(" * 255},
        {"$item": 1},
        {"$item": ""},
        {"$item": "x", "path": "y"},
        {"$item": "x", "$from": "a"},
    ],
)
def test_a_malformed_reference_is_refused_where_it_stands(reference: Any) -> None:
    """The answer names the place."""
    with pytest.raises(InvalidReferenceError) as caught:
        find({"deep": [0, reference]})
    places: Any = caught.value.details["errors"]
    assert [error["where"] for error in places] == ["deep.1"]
    assert faults({"deep": [0, reference]}, DEPENDENCIES, "payload", item=True)[0][0] == "payload.deep.1"


def test_references_are_found_in_their_order() -> None:
    """With all that they say."""
    payload = {"x": {"$from": "a"}, "y": [{"$from": ["a", "b"], "path": "[0]", "default": None}, {"$item": "@"}]}
    first, second, third = find(payload)
    assert (first.where, first.names, first.several, first.path, first.default) == ("x", ("a",), False, None, MISSING)
    assert (second.where, second.names, second.several, second.path) == ("y.0", ("a", "b"), True, "[0]")
    assert second.default is None
    assert (third.where, third.to_item, third.path) == ("y.1", True, "@")


def test_a_payload_may_have_so_many_references() -> None:
    """Each may bring a result of a megabyte."""
    assert len(find([{"$from": "a"}] * REFERENCES)) == REFERENCES
    with pytest.raises(InvalidReferenceError):
        find([{"$from": "a"}] * (REFERENCES + 1))


def test_a_payload_may_be_so_deep() -> None:
    """The walk must not be what ends the process."""
    deep: Any = {"$from": "a"}
    for _ in range(JSON_DEPTH + 1):
        deep = [deep]
    for use in (find, lambda payload: resolve(payload, {"a": 1})):
        with pytest.raises(InvalidReferenceError):
            use(deep)


@pytest.mark.parametrize(
    ("payload", "item", "problem"),
    [
        ({"$from": "a"}, False, None),
        ({"$from": ["a", "b"]}, False, None),
        ({"$from": "f", "default": 1}, False, None),
        ({"$item": "@"}, True, None),
        ({"$from": "x"}, False, "x is not in dependsOn"),
        ({"$from": ["a", "x"]}, False, "x is not in dependsOn"),
        ({"$from": "f"}, False, "f has no result when it fails"),
        ({"$from": ["a", "f"]}, False, "f has no result when it fails"),
        ({"$item": "@"}, False, "only in the payload of a node with forEach"),
    ],
)
def test_what_can_never_be_resolved_is_known_at_submit(payload: Any, item: bool, problem: str | None) -> None:
    """As far as names and edges tell."""
    found = faults({"p": payload}, DEPENDENCIES, "payload", item=item)
    assert [where for where, _ in found] == (["payload.p"] if problem else [])
    assert all(problem and problem in text for _, text in found)


def test_a_payload_that_is_a_reference_as_a_whole_is_the_place_itself() -> None:
    """There is nothing inside of it to name."""
    assert [where for where, _ in faults({"$from": "x"}, DEPENDENCIES, "payload")] == ["payload"]
    assert [where for where, _ in list_faults({"$from": "x"}, DEPENDENCIES, "forEach")] == ["forEach"]


@pytest.mark.parametrize("value", [[1], "a", 5, {}, {"x": {"$from": "a"}}, [{"$from": "a"}]])
def test_a_for_each_takes_a_reference_and_nothing_else(value: Any) -> None:
    """A list in the request is a group."""
    assert list_faults(value, DEPENDENCIES, "forEach")
    assert list_faults({"$from": "a", "path": "x"}, DEPENDENCIES, "forEach") == []


RESULTS: dict[str, Any] = {"a": {"n": 1, "none": None, "l": [{"u": "x"}, {"u": "y"}]}, "null": None, "b": MISSING}


@pytest.mark.parametrize(
    ("payload", "resolved"),
    [
        ({"$from": "a", "path": "n"}, 1),
        ({"x": [{"$from": "a", "path": "l[].u"}, 2]}, {"x": [["x", "y"], 2]}),
        ({"$from": ["a", "null"], "path": "[0].n"}, 1),
        ({"$from": "null"}, None),
        ({"$from": "a", "path": "none", "default": 7}, 7),
        ({"$from": "b", "default": None}, None),
        ({"$from": "stranger", "default": 0}, 0),
        ({"$from": ["a", "b"], "path": "[].n", "default": {"n": 9}}, [1, 9]),
        ({"$from": "b", "default": {"$from": "a"}}, {"$from": "a"}),
        ({"from": "a"}, {"from": "a"}),
    ],
)
def test_a_reference_gives_what_stands_there_or_its_default(payload: Any, resolved: Any) -> None:
    """Null is a result; nothing at the end of a path is none."""
    assert resolve(payload, RESULTS) == resolved


@pytest.mark.parametrize(
    ("payload", "named"),
    [
        ({"x": {"$from": "a", "path": "gone"}}, "x ($from: a)"),
        ({"x": {"$from": "a", "path": "none"}}, "x ($from: a)"),
        ({"x": {"$from": "b"}}, "x ($from: b)"),
        ({"x": {"$from": ["a", "b"]}}, "x ($from: a, b)"),
        ({"x": {"$from": "a", "path": "sum(l)"}}, "x ($from: a)"),
        ({"x": {"$from": "a", "path": "l < `1`"}}, "x ($from: a)"),
        ({"x": {"$item": "@"}}, "x ($item)"),
        ({"$from": ["a", "b", "c", "d"]}, "payload ($from: a, b, c, ...)"),
    ],
)
def test_a_reference_to_nothing_is_named_without_any_value(payload: Any, named: str) -> None:
    """The error is kept with the job and shown to whoever may read it."""
    with pytest.raises(BadReferenceError) as caught:
        resolve(payload, RESULTS)
    assert named in str(caught.value)
    assert "'x'" not in str(caught.value)


def test_an_item_is_put_in_place_beside_results() -> None:
    """Whatever is in it is data."""
    payload = {"all": {"$item": "@"}, "u": {"$item": "u"}, "d": {"$item": "d", "default": 3}, "r": {"$from": "a"}}
    item = {"u": {"$from": "a"}}
    assert resolve(payload, {"a": {"$item": "u"}}, item) == {
        "all": item,
        "u": {"$from": "a"},
        "d": 3,
        "r": {"$item": "u"},
    }
    assert resolve({"$item": "@"}, {}, None) is None
    with pytest.raises(BadReferenceError):
        resolve({"$item": "gone"}, {}, item)


def test_a_for_each_runs_over_lists_alone() -> None:
    """Anything else is a mistake of who made the result, or of the path."""
    assert listed({"$from": "a", "path": "l"}, RESULTS) == RESULTS["a"]["l"]
    assert listed({"$from": "b", "default": []}, RESULTS) == []
    for path in ("n", "gone", "l[0]"):
        with pytest.raises(BadReferenceError):
            listed({"$from": "a", "path": path}, RESULTS)


def test_a_resolved_payload_has_the_size_of_a_payload() -> None:
    """A hundred references to one result of a megabyte would not fit in the worker."""
    half = "x" * (PAYLOAD_BYTES // 2)
    assert len(resolve([{"$from": "a"}], {"a": half})[0]) == len(half)
    with pytest.raises(BadReferenceError, match="larger than"):
        resolve([{"$from": "a"}] * 2, {"a": half})


def test_the_references_of_a_payload_have_one_budget() -> None:
    """A hundred of them cost no hundred times as much; whoever selects less goes on."""
    value = {"l": [{"a": n} for n in range(REFERENCE_STEPS // 100)]}
    payload = [{"$from": "v", "path": "l[?a == `-1`]"}] * REFERENCES
    with pytest.raises(BadReferenceError, match="too many values"):
        resolve(payload, {"v": value})
    assert resolve(payload[:5], {"v": value}) == [[]] * 5


def test_a_result_as_a_whole_is_looked_at_once() -> None:
    """Also what no path has touched must be JSON, and costs steps."""
    budget = Budget(1000)
    with pytest.raises(BadReferenceError, match="too many values"):
        resolve({"$from": "v"}, {"v": list(range(100_000))}, budget=budget)
