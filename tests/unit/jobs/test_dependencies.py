"""What a waiting job makes of its dependencies' ends."""

from typing import Any

import pytest

from tests.builders.samples import LATER, NOW, TIMING, a_job
from whendue.jobs.dependencies import (
    DEPENDENCY_FAILED,
    DEPENDENCY_MISSING,
    NOT_TAKEN,
    ORPHANED,
    UpstreamEnd,
    decide,
    element,
    missing_end,
    orphaned_end,
    upstream_end,
    upstream_numbers,
)
from whendue.jobs.failures import failure
from whendue.jobs.model import Job, State, evolve

PARENT = a_job("dependency")
SUCCEEDED = evolve(PARENT, state=State.SUCCEEDED)
DEAD = evolve(PARENT, state=State.DEAD)
CANCELLED = evolve(PARENT, state=State.CANCELLED)
BYPASSED = evolve(CANCELLED, last=failure(PARENT, NOT_TAKEN, "", failed_at=NOW))
ENDS = {"succeeded": SUCCEEDED, "dead": DEAD, "cancelled": CANCELLED, "not taken": BYPASSED}
STAYS, RUNS = "stays", "pending"


def dependent(*awaited: int, **changes: Any) -> Job:
    """Return a job that waits for dependencies with these numbers."""
    return a_job("dependent", state=State.WAITING, unmet_dependencies=frozenset(awaited), **changes)


def becomes(waiting: Job, *upstream_ends: UpstreamEnd) -> str:
    """Say what ends make of a job: the cause it is cancelled for, a state, or that it stays as it is."""
    step = decide(waiting, upstream_ends, LATER, TIMING)
    if step is None:
        return STAYS
    return step.job.last.type if step.job.state is State.CANCELLED and step.job.last else step.job.state.value


TABLE = [
    ("success", "cancel", (RUNS, DEPENDENCY_FAILED, DEPENDENCY_FAILED, NOT_TAKEN)),
    ("success", "run", (RUNS, RUNS, RUNS, NOT_TAKEN)),
    ("success", "hold", (RUNS, STAYS, STAYS, NOT_TAKEN)),
    ("failure", "cancel", (NOT_TAKEN, RUNS, RUNS, NOT_TAKEN)),
    ("failure", "run", (NOT_TAKEN, RUNS, RUNS, NOT_TAKEN)),
    ("failure", "hold", (NOT_TAKEN, RUNS, RUNS, NOT_TAKEN)),
    ("done", "cancel", (RUNS, RUNS, RUNS, RUNS)),
    ("done", "hold", (RUNS, RUNS, RUNS, RUNS)),
]


@pytest.mark.parametrize(("on", "policy", "expected"), TABLE)
def test_each_end_does_what_edge_and_policy_say(on: Any, policy: str, expected: tuple[str, ...]) -> None:
    """The table of docs/guide/workflows.md."""
    reasons = [
        becomes(dependent(0, on_dependency_failure=policy), upstream_end(0, on, dependency))
        for dependency in ENDS.values()
    ]
    assert tuple(reasons) == expected


@pytest.mark.parametrize(
    ("on", "policy", "expected"),
    [
        ("success", "cancel", DEPENDENCY_MISSING),
        ("success", "run", RUNS),
        ("success", "hold", DEPENDENCY_MISSING),
        ("done", None, RUNS),
    ],
)
def test_a_dependency_that_never_was_counts_as_failed(on: Any, policy: str | None, expected: str) -> None:
    """Whoever was writing it has died; its dependent is not left waiting for ever."""
    assert becomes(dependent(0, on_dependency_failure=policy), missing_end(0, on, "gone")) == expected


def test_a_job_waits_until_the_last_of_its_dependencies_has_ended() -> None:
    """G7: after all its dependencies."""
    waiting = dependent(0, 1, 2)
    step = decide(
        waiting, [upstream_end(0, "success", SUCCEEDED), upstream_end(2, "success", SUCCEEDED)], LATER, TIMING
    )
    assert step is not None
    assert step.name == "satisfy"
    assert step.job.unmet_dependencies == frozenset({1})
    assert becomes(step.job, upstream_end(1, "success", SUCCEEDED)) == RUNS


def test_who_has_arrived_already_and_who_was_never_awaited_change_nothing() -> None:
    """Ends are told at least once."""
    assert becomes(dependent(1), upstream_end(0, "success", SUCCEEDED), upstream_end(5, "success", DEAD)) == STAYS


def test_a_job_that_waits_for_nobody_any_more_is_released_by_whoever_looks() -> None:
    """The one who told it last may have died before they released it."""
    assert becomes(evolve(dependent(0), unmet_dependencies=None)) == RUNS
    assert becomes(evolve(dependent(0), unmet_dependencies=None), upstream_end(0, "success", DEAD)) == RUNS


def test_the_failure_of_one_dependency_cancels_at_once() -> None:
    """Nothing that the others do could make it run."""
    assert becomes(dependent(0, 1), upstream_end(0, "success", DEAD)) == DEPENDENCY_FAILED


def test_one_held_dependency_keeps_a_job_waiting_while_the_others_end() -> None:
    """It waits for a redrive."""
    waiting = dependent(0, 1, on_dependency_failure="hold")
    step = decide(waiting, [upstream_end(0, "success", DEAD), upstream_end(1, "success", SUCCEEDED)], LATER, TIMING)
    assert step is not None
    assert step.job.unmet_dependencies == frozenset({0})


def test_an_end_of_an_earlier_generation_is_none_that_is_awaited() -> None:
    """It was told late: the dependency has been redriven since."""
    waiting = dependent(element(0, 4))
    assert becomes(waiting, upstream_end(0, "success", evolve(SUCCEEDED, generation=3))) == STAYS
    assert becomes(waiting, upstream_end(0, "success", evolve(SUCCEEDED, generation=4))) == RUNS
    assert becomes(waiting, upstream_end(0, "success", evolve(SUCCEEDED, generation=9))) == RUNS


@pytest.mark.parametrize("state", [state for state in State if state is not State.WAITING])
def test_only_waiting_jobs_are_released(state: State) -> None:
    """A job that has been released, cancelled or begun is past it."""
    assert becomes(a_job("dependent", state=state), upstream_end(0, "success", DEAD)) == STAYS


def test_a_job_that_is_to_stop_ends_cancelled_with_the_last_of_its_parts() -> None:
    """It does not run again to gather what it was told to stop."""
    waiting = dependent(0, member_count=1, cancel_requested=True)
    assert becomes(waiting, upstream_end(0, "done", CANCELLED)) == "cancelled"


def test_released_it_is_due_after_the_delay_that_it_asked_for() -> None:
    """And not before the time that it asked for."""
    for changes, due_at in (({"after_s": 5}, LATER + 5000), ({"due_at": LATER + 9}, LATER + 9), ({}, LATER)):
        step = decide(dependent(0, **changes), [upstream_end(0, "success", SUCCEEDED)], LATER, TIMING)
        assert step is not None
        assert step.job.due_at == due_at


def test_numbers_are_those_of_the_dependencies_whatever_the_generation() -> None:
    """They are what dependencies are looked up by."""
    assert upstream_numbers(frozenset({element(3, 7), element(12)})) == [3, 12]
    assert upstream_numbers(None) == []


def test_an_end_that_another_request_waits_for_is_none_of_its_own() -> None:
    """A request that is refused for its Idempotency-Key leaves notes behind."""
    waiting = dependent(0)
    assert becomes(waiting, upstream_end(0, "success", SUCCEEDED, "of another request")) == STAYS
    assert becomes(waiting, missing_end(0, "success", "gone", "of another request")) == STAYS
    assert becomes(waiting, upstream_end(0, "success", SUCCEEDED, waiting.request_hash)) == RUNS


def test_only_a_cancelled_job_was_bypassed() -> None:
    """Whatever else failed with an error of that name has failed."""
    named = failure(PARENT, NOT_TAKEN, "", failed_at=NOW)
    other = failure(PARENT, "overlap", "", failed_at=NOW)
    for dependency in (evolve(DEAD, last=named), evolve(CANCELLED, last=other)):
        assert becomes(dependent(0), upstream_end(0, "success", dependency)) == DEPENDENCY_FAILED
        assert becomes(dependent(0), upstream_end(0, "failure", dependency)) == RUNS


def test_who_waits_for_what_never_will_be_made_is_cancelled_whatever_it_waits_for() -> None:
    """The job that was making both has ended."""
    for on in ("success", "failure", "done"):
        for policy in ("cancel", "run", "hold"):
            assert becomes(dependent(0, on_dependency_failure=policy), orphaned_end(0, on, "whole")) == ORPHANED
