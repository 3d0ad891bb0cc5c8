"""Each end of an attempt as its job's next transition."""

from typing import Any

import pytest

from tests.builders.transitions import NOW, TIMING, running
from whendue.jobs.model import State
from whendue.jobs.outcomes import Ended, Expanded, Failed, Stopped, StoredPayload, Succeeded
from whendue.jobs.transition import Transition
from whendue.worker.ended_attempt import DRAINED, cause_of, outcome_name, to_transition

JOB = running()


def next_step(end: Ended, result: StoredPayload | None = None, **how: Any) -> Transition:
    return to_transition(JOB, end, result or StoredPayload(), NOW, TIMING, draw=0.5, **how)


@pytest.mark.parametrize(
    ("end", "name", "state", "counted"),
    [
        (Succeeded(None), "succeed", State.SUCCEEDED, "succeeded"),
        (Stopped(), "finish_cancelled", State.CANCELLED, "cancelled"),
        (Failed("ValueError", "no"), "fail", State.PENDING, "retried"),
        (Failed("ValueError", "no", final=True), "fail", State.DEAD, "dead"),
        (Expanded(2, frozenset({0, 1})), "expand", State.WAITING, "waiting"),
    ],
)
def test_an_end_is_a_transition_and_is_counted_by_its_state(end: Ended, name: str, state: State, counted: str) -> None:
    step = next_step(end)
    assert (step.name, step.job.state, outcome_name(step)) == (name, state, counted)


def test_a_success_points_to_its_result() -> None:
    step = next_step(Succeeded("[1]"), StoredPayload(inline="[1]"))
    assert step.job.result == "[1]"


def test_a_job_of_a_process_that_goes_down_is_given_back_and_no_attempt_is_used_up() -> None:
    step = next_step(Failed("timeout", "interrupted"), interrupted=DRAINED)
    assert (step.name, step.job.state, step.job.failures) == ("requeue", State.PENDING, 0)
    assert (step.job.due_at, outcome_name(step)) == (NOW, "given_back")


def test_a_task_that_did_not_stop_runs_again_only_when_its_lease_is_over() -> None:
    free_at = NOW + 3_600_000
    assert next_step(Failed("timeout", "it did not stop"), interrupted="timeout", free_at=free_at).job.due_at == free_at


def test_the_least_delay_that_a_task_asks_for_is_kept() -> None:
    assert next_step(Failed("Retry", "later", after_s=7200)).job.due_at >= NOW + 7_200_000


def test_an_interrupted_attempt_failed_for_what_it_was_interrupted_for() -> None:
    assert cause_of(Failed("timeout", ""), None) == "timeout"
    assert cause_of(Failed("timeout", ""), "function_timeout") == "function_timeout"
    assert cause_of(Failed("ValueError", ""), "function_timeout") == "ValueError"
