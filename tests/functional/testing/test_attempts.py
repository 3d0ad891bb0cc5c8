"""whendue.testing.attempts: a task sees what it sees in a worker, and what comes of it is what a worker records."""

import logging
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.builders import kit_tasks as tasks
from whendue import Cancel, GiveUp, Retry
from whendue.errors import InvalidPayloadError, InvalidRequestError, UnknownTaskError
from whendue.support.clock import ManualClock
from whendue.testing import run_attempt, run_task


@pytest.mark.parametrize("task", [tasks.double, "demo.kit.double", tasks.double_async])
@pytest.mark.parametrize("payload", [{"n": 4}, tasks.Number(n=4)])
def test_a_result_is_returned(task: object, payload: object) -> None:
    """Of a function and of a coroutine function, by itself or by its name."""
    assert run_task(task, payload) == {"doubled": 8}


def test_a_result_is_the_json_that_is_stored() -> None:
    """A test that compares tuples would pass, and the reader of the result would get lists."""
    assert run_task(tasks.pair) == [1, {"a": [2]}]


def test_a_result_that_cannot_be_stored_is_found() -> None:
    """The job would be dead."""
    with pytest.raises(ValueError, match=r"result_not_json: .*result.when"):
        run_task(tasks.unstorable)
    outcome = run_attempt(tasks.unstorable)
    assert (outcome.state, outcome.error, outcome.cause) == ("dead", None, "result_not_json")


@pytest.mark.parametrize("payload", [{}, {"n": -1}, {"n": "x"}, [], "n", None])
@pytest.mark.parametrize("run", [run_task, run_attempt])
def test_a_payload_that_does_not_fit_is_refused(run: Any, payload: object) -> None:
    """As a submit refuses it: no worker ever gets such a job."""
    with pytest.raises(InvalidPayloadError):
        run(tasks.double, payload)


def test_a_payload_that_is_not_json_is_refused_with_its_place() -> None:
    """It could not have been submitted."""
    with pytest.raises(ValueError, match=r"payload.n: JSON cannot hold a value of type object"):
        run_task(tasks.double, {"n": object()})


def test_what_is_no_task_is_named() -> None:
    """A misspelt name, and a function without @task."""
    with pytest.raises(UnknownTaskError, match=r"demo.kit.doble"):
        run_task("demo.kit.doble")
    with pytest.raises(TypeError, match="undeclared is not a task"):
        run_task(tasks.undeclared, {"n": 1})


@pytest.mark.parametrize(
    ("how", "error", "state", "retry_in_s"),
    [
        ("raise", ValueError, "retry", 10),
        ("retry", Retry, "retry", 90),
        ("give_up", GiveUp, "dead", None),
        ("cancel", Cancel, "cancelled", None),
        ("exit", SystemExit, "retry", 10),
        ("succeed", type(None), "succeeded", None),
    ],
)
def test_an_outcome_says_what_a_worker_records(
    how: str, error: type[BaseException], state: str, retry_in_s: float | None
) -> None:
    """And `run_task` raises the same error."""
    outcome = run_attempt(tasks.end, {"how": how})
    assert (type(outcome.error), outcome.state, outcome.retry_in_s) == (error, state, retry_in_s)
    if issubclass(error, BaseException):
        with pytest.raises(error):
            run_task(tasks.end, {"how": how})


@pytest.mark.parametrize(("attempt", "state", "retry_in_s"), [(1, "retry", 10), (2, "retry", 20), (3, "dead", None)])
def test_the_policy_of_the_task_decides_about_the_next_attempt(
    attempt: int, state: str, retry_in_s: float | None
) -> None:
    """Its backoff grows, and its last attempt is the last."""
    outcome = run_attempt(tasks.end, {"how": "raise"}, attempt=attempt)
    assert (outcome.state, outcome.retry_in_s) == (state, retry_in_s)
    assert (outcome.cause, outcome.message) == ("ValueError", f"attempt {attempt} is bad")


def test_a_request_may_have_a_policy_of_its_own() -> None:
    """As over HTTP."""
    assert run_attempt(tasks.end, {"how": "raise"}, policy={"max_attempts": 1}).state == "dead"


def test_a_task_sees_the_defaults() -> None:
    """Of an ordinary first attempt."""
    seen = run_task(tasks.look)
    assert (seen["attempt"], seen["tenant"], seen["cancelled"]) == (1, "test", False)
    assert (seen["schedule"], seen["nominal_at_ms"], seen["remaining_s"]) == (None, None, 77)
    assert seen["once"] == [True, True, True]


def test_a_task_sees_what_the_test_says() -> None:
    """Each option is in the context."""
    seen = run_task(
        tasks.look,
        attempt=3,
        tenant="acme",
        job_id="a-job",
        remaining_s=1.5,
        noted=["charge"],
        cancelled=True,
        schedule="nightly",
        nominal_at=datetime(2027, 1, 15, 8, tzinfo=UTC),
    )
    assert seen == {
        "attempt": 3,
        "tenant": "acme",
        "job_id": "a-job",
        "remaining_s": 1.5,
        "cancelled": True,
        "schedule": "nightly",
        "nominal_at_ms": 1_800_000_000_000,
        "once": [False, True, False],
    }


def test_an_attempt_has_no_more_time_than_its_timeout() -> None:
    """Whatever the test says."""
    assert run_task(tasks.look, remaining_s=500)["remaining_s"] == 77


def test_the_context_follows_a_clock_of_the_test() -> None:
    """A task that waits for the end of its time comes to one."""
    clock = ManualClock(start_ms=5_000_000)
    seen = run_task(tasks.look, clock=clock)
    clock.advance(1)
    assert seen["remaining_s"] == 77
    assert clock.now_ms() == 5_001_000


@pytest.mark.parametrize("attempt", [0, -1])
def test_an_attempt_that_does_not_exist_is_refused(attempt: int) -> None:
    """Attempts are counted from 1."""
    with pytest.raises(ValueError, match="the first one is 1"):
        run_attempt(tasks.look, attempt=attempt)


def test_an_option_that_the_api_would_refuse_is_refused() -> None:
    """A policy that no worker can keep."""
    with pytest.raises(InvalidRequestError, match="timeout"):
        run_task(tasks.double, {"n": 1}, policy={"timeout_s": 100_000})


def test_jobs_that_a_task_submits_are_in_the_outcome() -> None:
    """Also where the attempt fails afterwards; none of them runs."""
    outcome = run_attempt(tasks.parent, {"n": 2})
    assert [(job.task, job.payload, job.state) for job in outcome.submitted] == [
        ("demo.kit.double", {"n": 0}, "queued"),
        ("demo.kit.double", {"n": 1}, "queued"),
    ]
    assert outcome.state == "retry"
    [child] = run_attempt(tasks.parent, {"n": 1}, job_id="another").submitted
    assert run_attempt(tasks.double, {"n": 1}).submitted == ()
    assert child.tenant == "test"


@pytest.mark.parametrize("size", [10, 5_000, 500_000])
def test_a_large_payload_arrives(size: int) -> None:
    """Wherever it would be stored, and whatever the job's id is."""
    text = "x" * size
    assert run_task(tasks.echo, {"text": text}) == {"text": text}
    assert run_task(tasks.echo, {"text": text}, job_id="another") == {"text": text}


def test_logs_and_progress_are_kept() -> None:
    """And the `logging` of the test is as before."""
    root = logging.getLogger()
    before = (root.level, list(root.handlers))
    outcome = run_attempt(tasks.talk)
    assert [(line.level, line.message) for line in outcome.logs] == [
        ("INFO", "of the context"),
        ("INFO", "of the standard logging"),
    ]
    assert outcome.progress == {"done": 2}
    assert (root.level, list(root.handlers)) == before


@pytest.mark.parametrize(
    ("how", "error"),
    [("interrupt", KeyboardInterrupt), ("fail", pytest.fail.Exception), ("skip", pytest.skip.Exception)],
)
def test_what_ends_a_test_is_no_failure_of_the_task(how: str, error: type[BaseException]) -> None:
    """Ctrl-C during a task would be a retry."""
    with pytest.raises(error):
        run_attempt(tasks.end, {"how": how})


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists, max_leaves=5))
def test_payloads_arrive_as_they_were(value: object) -> None:
    """Whatever JSON they are."""
    assert run_task(tasks.echo, {"value": value}) == {"value": value}
