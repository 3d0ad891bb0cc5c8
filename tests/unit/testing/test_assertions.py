"""whendue.testing.assertions: what an expected part of a payload matches, and messages that stay short."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whendue.testing.assertions import (
    LISTED,
    contains,
    expectation,
    is_expected,
    matching_jobs,
    matching_runs,
    ran_text,
    submitted_text,
    unfinished_text,
)
from whendue.testing.job_record import JobRecord
from whendue.testing.runs import Run

AT = datetime(2027, 1, 15, 8, tzinfo=UTC)
JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=3),
    max_leaves=8,
)


def a_job(task: str = "a", payload: Any = None, delay_s: float = 0, state: str = "queued") -> JobRecord:
    due_at = AT + timedelta(seconds=delay_s)
    return JobRecord("id", task, state, payload, None, 0, (), AT, due_at, "test", "normal", {}, None, None, None)


def a_run(task: str = "a", payload: Any = None, attempt: int = 1, error: BaseException | None = None) -> Run:
    return Run(task, payload, attempt, AT, "id", "test", None, error)


@given(JSON)
def test_a_value_contains_itself(value: Any) -> None:
    """The law of equality."""
    assert contains(value, value)


@given(st.dictionaries(st.text(max_size=2), JSON), st.dictionaries(st.text(max_size=2), JSON))
def test_an_object_contains_a_part_of_it(first: dict[str, Any], second: dict[str, Any]) -> None:
    """Members that are not expected do not matter."""
    assert contains(first | second, second)


@pytest.mark.parametrize(
    ("actual", "expected"),
    [
        ({"a": 1}, {"b": 1}),
        ({"a": 1}, {"a": 2}),
        ({"a": 1}, {"a": True}),
        ({"a": None}, {"a": False}),
        ({}, {"a": None}),
        ([1, 2], [1]),
        ([1], [1, 2]),
        ([1, 2], [2, 1]),
        ({"a": [{"b": 1}]}, {"a": [{"b": 2}]}),
        (None, {}),
        ("ab", ["a", "b"]),
        ({}, []),
    ],
)
def test_what_differs_is_not_contained(actual: Any, expected: Any) -> None:
    """At each level."""
    assert not contains(actual, expected)


def test_members_of_objects_in_lists_may_be_more() -> None:
    """As at the top."""
    assert contains({"a": [{"b": 1, "c": 2}]}, {"a": [{"b": 1}]})


def test_jobs_match_by_each_condition() -> None:
    """None stands for any."""
    first, second = a_job("a", {"n": 1}, 60), a_job("b", {"n": 2}, 90)
    jobs = [first, second]
    assert matching_jobs(jobs, "a", None, None, None) == [first]
    assert matching_jobs(jobs, "b", {"n": 2}, 90, second.due_at) == [second]
    assert matching_jobs(jobs, "b", {"n": 1}, None, None) == []
    assert matching_jobs(jobs, "b", None, 60, None) == []
    assert matching_jobs(jobs, "b", None, None, first.due_at) == []


def test_runs_match_by_each_condition() -> None:
    """As jobs do."""
    first, second = a_run("a", {"n": 1}), a_run("a", {"n": 1}, 2)
    assert matching_runs([first, second], "a", {"n": 1}, None) == [first, second]
    assert matching_runs([first, second], "a", None, 2) == [second]
    assert matching_runs([first, second], "b", None, None) == []


@pytest.mark.parametrize(
    ("count", "times", "expected"), [(0, None, False), (1, None, True), (2, None, True), (0, 0, True), (2, 1, False)]
)
def test_a_number_is_exact_and_none_is_at_least_once(count: int, times: int | None, *, expected: bool) -> None:
    """As the assertions say."""
    assert is_expected(count, times) == expected


def test_an_expectation_is_said_in_words() -> None:
    """With the conditions that it has."""
    assert expectation("job", "a", None, None, {"in_s": None}) == "expected at least 1 job of a"
    assert expectation("job", "a", {"n": 1}, 2, {"in_s": 3.0}) == 'expected 2 jobs of a with payload {"n": 1}, in_s 3.0'


def test_messages_list_the_newest_and_cut_payloads() -> None:
    """However many there are, and however large."""
    jobs = [a_job(payload={"n": number, "text": "x" * 10_000}) for number in range(1000)]
    text = submitted_text("expected 1 job of b", 0, jobs)
    assert text.startswith(f"expected 1 job of b, found 0; 1000 submitted:\n  ({1000 - LISTED} earlier)\n")
    assert '"n": 999' in text
    assert '"n": 979,' not in text
    assert len(text) < LISTED * 400
    assert len(ran_text("expected", 0, [a_run(payload="x" * 10_000) for _ in range(1000)])) < LISTED * 400


def test_a_message_about_runs_has_the_errors_of_tasks() -> None:
    """A task that failed would look as if it was never called."""
    text = ran_text("expected 1 attempt of b", 0, [a_run(error=ValueError("bad")), a_run()])
    assert text.endswith("ValueError: bad\n")


def test_jobs_that_have_ended_are_not_listed_as_unfinished() -> None:
    """And what is left may be no job of the test at all."""
    jobs = [a_job(state=state) for state in ("succeeded", "dead", "cancelled", "expired")]
    assert "work of whendue itself" in unfinished_text(5, jobs, [])
    assert "  a null waiting" in unfinished_text(5, [*jobs, a_job(state="waiting")], [])
