"""Paths into results: what is refused, what they give, and that a path cannot make much of little."""

from typing import Any

import pytest

from tests.builders.exceptions import EXCEPTIONS
from whendue.errors import BadReferenceError, InvalidReferenceError
from whendue.jobs.json_values import weigh
from whendue.references import interpreter
from whendue.references.bounded_jmespath import check_path, new_budget, searched
from whendue.references.interpreter import Budget, Interpreter
from whendue.references.syntax import resolve

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


def test_an_expensive_path_is_ended_at_its_budget() -> None:
    """Counted in steps: the values that it has looked at when it ends."""
    budget = Budget(1000)
    with pytest.raises(BadReferenceError, match="too many values"):
        resolve({"$from": "v", "path": "[*].[@,@,@,@] | [] | [?@ == @]"}, {"v": list(range(100_000))}, budget=budget)
    assert budget.left >= -1


def steps(path: str, value: Any) -> int:
    """Count the steps of a path's evaluation; those to read what it gives are not among them."""
    budget = Budget(10**9)
    searched(path, value, "x", budget)
    return 10**9 - budget.left


@pytest.mark.parametrize(("value", "more"), [([[0] * 80] * 100, 8101 // 8), ("x" * 100_000, 0)], ids=["list", "text"])
def test_contains_costs_more_than_other_functions_by_what_is_within_its_list(value: Any, more: int) -> None:
    """It compares each item as a whole; a text is looked at once, as by every other function."""
    assert steps("contains(@, 'y')", value) - steps("not_null(@, 'y')", value) == more


@pytest.mark.parametrize("path", ["[:]", "[]"])
def test_a_copy_of_a_list_costs_its_length(path: str) -> None:
    """A path of a few bytes can copy a list many times."""
    value = list(range(1000))
    assert steps(path, value) - steps("[*]", value) >= len(value)


@pytest.mark.parametrize("path", ["x[1:]", "x[]"])
def test_what_is_no_list_has_no_part_and_gives_the_default(path: str) -> None:
    """The specification's null is no error."""
    assert resolve({"$from": "a", "path": path, "default": "none"}, {"a": {"x": "text"}}) == "none"


@pytest.mark.parametrize("value", [True, False, [1], {"a": 1}])
def test_only_numbers_and_texts_are_made_numbers(value: Any) -> None:
    """The specification gives null for all others; in Python a truth value is a number, too."""
    assert resolve({"$from": "a", "path": "to_number(@)", "default": "none"}, {"a": value}) == "none"


def test_a_comparison_that_cannot_be_afforded_is_given_up_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its sides are looked at in growing parts: one that is larger than what is left would be work for nothing."""
    looked_at: list[int] = []

    def noted(value: Any, most: int) -> tuple[int, int]:
        looked_at.append(most)
        return weigh(value, most)

    monkeypatch.setattr(interpreter, "weigh", noted)
    with pytest.raises(BadReferenceError, match="too many values"):
        searched("[0] == [1]", [[0] * 100_000] * 2, "x", Budget(100))
    assert max(looked_at) <= 16 * 100


@pytest.mark.parametrize(
    ("path", "problem"),
    [
        ("abs()", "abs needs 1 argument"),
        ("not_null()", "not_null needs at least 1 argument"),
        ("contains(a)", "contains needs 2 arguments"),
    ],
)
def test_a_call_without_its_arguments_is_refused_with_their_number(path: str, problem: str) -> None:
    """So that it can be corrected."""
    with pytest.raises(InvalidReferenceError) as caught:
        check_path(path, "where")
    assert caught.value.details["errors"] == [{"where": "where", "problem": problem}]
