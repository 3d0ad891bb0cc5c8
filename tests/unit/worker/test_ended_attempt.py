"""Each end of an attempt as its job's next transition."""

import pytest

from tests.builders.world import World
from whendue.engine.payload_store import StoredPayload
from whendue.engine.ports import ReceivedMessage
from whendue.jobs.model import Job, State
from whendue.jobs.outcomes import Ended, Expanded, Failed, Stopped, Succeeded
from whendue.jobs.transition import Transition
from whendue.jobs.transitions import claim
from whendue.worker.claimed_job import DRAINED, ClaimedJob, claimed
from whendue.worker.ended_attempt import cause_of, outcome_name, to_transition

WORLD = World()
NOW_MS = WORLD.clock.now_ms()
TIMING = WORLD.app.runtime.settings.timing
MESSAGE = ReceivedMessage("1", "receipt", "", 1, "normal")


def claimed_job(**policy: object) -> ClaimedJob:
    job: Job = claim(WORLD.submit(policy=policy), "fence", NOW_MS).job
    return claimed(WORLD.app.runtime, MESSAGE, job, NOW_MS + 60_000)


def next_step(one: ClaimedJob, end: Ended, result: StoredPayload | None = None) -> Transition:
    return to_transition(one, end, result or StoredPayload(), NOW_MS, TIMING, 0.5)


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
    step = next_step(claimed_job(), end)
    assert (step.name, step.job.state, outcome_name(step)) == (name, state, counted)


def test_a_success_points_to_its_result() -> None:
    step = next_step(claimed_job(), Succeeded("[1]"), StoredPayload(inline="[1]"))
    assert step.job.result == "[1]"


def test_a_job_of_a_process_that_goes_down_is_given_back_and_no_attempt_is_used_up() -> None:
    one = claimed_job()
    one.cause = DRAINED
    step = next_step(one, Failed("timeout", "interrupted"))
    assert (step.name, step.job.state, step.job.failures) == ("requeue", State.PENDING, 0)
    assert (step.job.due_at, outcome_name(step)) == (NOW_MS, "given_back")


def test_a_task_that_did_not_stop_runs_again_only_when_its_lease_is_over() -> None:
    one = claimed_job()
    one.cause, one.owned = "timeout", False
    step = next_step(one, Failed("timeout", "it did not stop"))
    assert step.job.due_at == one.lease_until + 1


def test_the_least_delay_that_a_task_asks_for_is_kept() -> None:
    assert next_step(claimed_job(), Failed("Retry", "later", after_s=7200)).job.due_at >= NOW_MS + 7_200_000


def test_an_interrupted_attempt_failed_for_what_it_was_interrupted_for() -> None:
    one = claimed_job()
    assert cause_of(one, Failed("timeout", "")) == "timeout"
    one.cause = "function_timeout"
    assert cause_of(one, Failed("timeout", "")) == "function_timeout"
    assert cause_of(one, Failed("ValueError", "")) == "ValueError"
