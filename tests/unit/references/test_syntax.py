"""References to results: what is refused, what they give, and that a path cannot make much of little."""

from typing import Any

import pytest

from tests.builders.exceptions import EXCEPTIONS
from whendue.errors import BadReferenceError, InvalidReferenceError
from whendue.jobs.dependencies import On
from whendue.quotas import JSON_DEPTH, PAYLOAD_BYTES, REFERENCE_PATH_BYTES, REFERENCE_STEPS, REFERENCES
from whendue.references.bounded_jmespath import check_path, new_budget, searched
from whendue.references.interpreter import Budget, Interpreter
from whendue.references.syntax import MISSING, faults, find, list_faults, listed, resolve

PARENTS: dict[str, On] = {"a": "success", "b": "done", "f": "failure"}


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
    assert [place["where"] for place in places] == ["deep.1"]
    assert faults({"deep": [0, reference]}, PARENTS, "payload", item=True)[0][0] == "payload.deep.1"


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
        ({"$from": "x"}, False, "x is none of the jobs"),
        ({"$from": ["a", "x"]}, False, "x is none of the jobs"),
        ({"$from": "f"}, False, "f has no result when it fails"),
        ({"$from": ["a", "f"]}, False, "f has no result when it fails"),
        ({"$item": "@"}, False, "in the payload of a forEach alone"),
    ],
)
def test_what_can_never_be_resolved_is_known_at_submit(payload: Any, item: bool, problem: str | None) -> None:
    """As far as names and edges tell."""
    found = faults({"p": payload}, PARENTS, "payload", item=item)
    assert [where for where, _ in found] == (["payload.p"] if problem else [])
    assert all(problem and problem in told for _, told in found)


def test_a_payload_that_is_a_reference_as_a_whole_is_the_place_itself() -> None:
    """There is nothing inside of it to name."""
    assert [where for where, _ in faults({"$from": "x"}, PARENTS, "payload")] == ["payload"]
    assert [where for where, _ in list_faults({"$from": "x"}, PARENTS, "forEach")] == ["forEach"]


@pytest.mark.parametrize("value", [[1], "a", 5, {}, {"x": {"$from": "a"}}, [{"$from": "a"}]])
def test_a_for_each_takes_a_reference_and_nothing_else(value: Any) -> None:
    """A list in the request is a group."""
    assert list_faults(value, PARENTS, "forEach")
    assert list_faults({"$from": "a", "path": "x"}, PARENTS, "forEach") == []


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
    with pytest.raises(BadReferenceError, match="over"):
        resolve([{"$from": "a"}] * 2, {"a": half})


DOUBLED = "[@,@]"


@pytest.mark.parametrize(
    "path",
    [
        " | ".join([DOUBLED] * 6),
        "[][]".join([DOUBLED] * 6),
        "[?(" + " | ".join([DOUBLED] * 6) + ") == `1`]",
        "!(" + " | ".join([DOUBLED] * 6) + ")",
        "map(&[@,@,@,@,@,@], map(&[@,@,@,@,@,@], @))",
        "{a:@,b:@,c:@,d:@,e:@,f:@} | {a:@,b:@,c:@,d:@,e:@,f:@}",
        "merge({a:@,b:@,c:@},{d:@,e:@,f:@}) | merge({a:@,b:@,c:@},{d:@,e:@,f:@})",
        "to_string(@)",
        '[*].{a: `"' + "x" * 220 + '"`, b: `1`}',
    ],
)
def test_a_path_that_multiplies_its_input_is_refused(path: str) -> None:
    """A few bytes would fill the memory of a worker that others share."""
    with pytest.raises(InvalidReferenceError):
        check_path(path, "where")


@pytest.mark.parametrize(
    "path",
    [
        "items[?status == 'a rather long word that a user may want to compare with, longer than most']",
        "items[*].{id: id, title: title, links: links[].{href: href, rel: rel}, owner: owner.name}",
        "sort_by(people, &age)[-1].[name, age] | [0]",
        "not_null(a, b, c) || `[]`",
        "map(&name, people[?age > `20` && !retired])",
        "people[1:3].name",
    ],
)
def test_paths_that_people_write_are_taken(path: str) -> None:
    """The bound is far from them."""
    check_path(path, "where")


def test_a_path_finds_what_jmespath_says() -> None:
    """The library does the work."""
    value = {"people": [{"name": "a", "age": 30}, {"name": "b", "age": 10}]}
    assert searched("people[?age > `20`].name", value, "x", new_budget()) == ["a"]
    assert searched("max_by(people, &age).name", value, "x", new_budget()) == "a"


# --- what a path costs, and what it must not give ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    [
        "floor(to_number('inf'))",
        "ceil(to_number('nan'))",
        "to_number('Infinity')",
        "sum([big, big])",
        "avg([big, big])",
        "abs(odd)",
        "deep",
        "text",
        "floor(odd)",
        "avg([whole, `0.5`])",
        "huge[0]",
    ],
)
def test_what_a_path_cannot_give_is_a_bad_reference(path: str) -> None:
    """Whatever its evaluation raises; no NaN, Infinity or half a character reaches a task."""
    deep: Any = 1
    for _ in range(150):
        deep = [deep]
    value = {"big": 1.7e308, "odd": float("nan"), "deep": deep, "text": "\ud800", "whole": 10**400, "huge": [10**5000]}
    with pytest.raises(BadReferenceError):
        resolve({"$from": "a", "path": path}, {"a": value})


@pytest.mark.parametrize(
    "number", ["inf", "-inf", "nan", "NaN", "Infinity", "1_000", " 1", "0x10", "01", "1.", "+1", ""]
)
def test_a_text_that_is_no_number_of_json_gives_none(number: str) -> None:
    """The specification says so; the library takes whatever Python takes."""
    assert resolve({"$from": "a", "path": "to_number(@)", "default": "none"}, {"a": number}) == "none"


@pytest.mark.parametrize(("text", "number"), [("1", 1), ("-0", 0), ("1.5", 1.5), ("1e3", 1000.0), ("-2E-1", -0.2)])
def test_a_text_that_is_one_gives_the_number(text: str, number: float) -> None:
    """As JSON reads it."""
    assert resolve({"$from": "a", "path": "to_number(@)"}, {"a": text}) == number


@pytest.mark.parametrize("error", EXCEPTIONS)
def test_whatever_an_evaluation_raises_is_a_bad_reference(error: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """No list of what a library may raise is ever whole."""

    def raising(*arguments: Any) -> Any:
        raise EXCEPTIONS[error]

    monkeypatch.setattr(Interpreter, "visit", raising)
    with pytest.raises(BadReferenceError):
        resolve({"$from": "a", "path": "b"}, {"a": {}})


def spent(path: str, size: int) -> int:
    """Count the steps that a path takes over a list of so many."""
    budget = Budget(10**9)
    value = {"l": [{"a": n, "b": {"c": "x" * 10}, "d": [n, n]} for n in range(size)]}
    resolve({"$from": "v", "path": path, "default": None}, {"v": value}, budget=budget)
    return 10**9 - budget.left


@pytest.mark.parametrize(
    "path",
    [
        "l[*].a",
        "l[?b.c == 'x'].a",
        "l[?@ == @]",
        "l[].d[]",
        "l[1:]",
        "l[*].[a, a, a, a] | [] | [?@ != `3`]",
        "sort_by(l, &a)",
        "max_by(l, &a)",
        "map(&[a, b.c], l)",
        "l[*].a | sum(@)",
        "l[*].a | contains(@, `-1`)",
        "reverse(l)",
        "l[*].values(@)",
        "l[*].merge(@, {x: a})",
    ],
)
def test_the_work_of_a_path_grows_with_its_input_and_is_counted(path: str) -> None:
    """Ten times the list is about ten times the steps: none of it goes uncounted."""
    few, many = spent(path, 100), spent(path, 1000)
    assert 7 * few <= many <= 12 * few


def test_the_references_of_a_payload_have_one_budget() -> None:
    """A hundred of them cost no hundred times as much; whoever selects less goes on."""
    value = {"l": [{"a": n} for n in range(REFERENCE_STEPS // 100)]}
    payload = [{"$from": "v", "path": "l[?a == `-1`]"}] * REFERENCES
    with pytest.raises(BadReferenceError, match="too many values"):
        resolve(payload, {"v": value})
    assert resolve(payload[:5], {"v": value}) == [[]] * 5


def test_an_expensive_path_is_ended_at_its_budget() -> None:
    """Counted in steps: the values that it has looked at when it ends."""
    budget = Budget(1000)
    with pytest.raises(BadReferenceError, match="too many values"):
        resolve({"$from": "v", "path": "[*].[@,@,@,@] | [] | [?@ == @]"}, {"v": list(range(100_000))}, budget=budget)
    assert budget.left >= -1


def test_a_result_as_a_whole_is_looked_at_once() -> None:
    """Also what no path has touched must be JSON, and costs steps."""
    budget = Budget(1000)
    with pytest.raises(BadReferenceError, match="too many values"):
        resolve({"$from": "v"}, {"v": list(range(100_000))}, budget=budget)
