"""What a step leaves behind: who is live and owes news, who is put away, what a new due time and a new wait are."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.builders.samples import LATER, LIVE, NOW, TIMING, a_job, an_error, running
from whendue.jobs import dependency_transitions as waiting
from whendue.jobs import transitions
from whendue.jobs.dependencies import NOT_TAKEN, element
from whendue.jobs.failures import failure
from whendue.jobs.members import resets
from whendue.jobs.model import Job, State, evolve
from whendue.jobs.transition import Transition, redrive_undone_at, with_pending_fan_out
from whendue.quotas import DEPENDED_ON_S, FAN_OUT_CHECK_S, WAITING_CHECK_S

WEEK_S = 7 * 86_400
WITH_FAN_OUT: dict[str, Job] = {
    "has_dependents": running(has_dependents=True),
    "a whole": running(parent_id="whole", member_number=2),
    "a failed attempt": running(pending_fan_out=""),
}


def retried(job: Job, after_s: float = 0) -> Transition:
    """Let an attempt fail; the next one may start after a while."""
    return transitions.fail(
        job, an_error(job), NOW, TIMING, draw=0, not_before=NOW + round(after_s * 1000) if after_s else 0
    )


# --- ends --------------------------------------------------------------------------------------------------------


def test_an_end_that_nobody_waits_for_is_put_away_at_once() -> None:
    """It leaves the due index, is kept until its retention is over, and no worker holds it."""
    job = transitions.succeed(running(), NOW, None).job
    assert (job.state, job.finished_at, job.lease_until) == (State.SUCCEEDED, NOW, 0)
    assert (job.due_pk, job.check_at, job.expires_at) == (LIVE, None, NOW // 1000 + WEEK_S)
    assert job.pending_fan_out is None


@pytest.mark.parametrize("name", WITH_FAN_OUT)
def test_an_end_that_a_subscription_wants_stays_live(name: str) -> None:
    """Its next check finds it if whoever recorded it dies before they told it; TTL does not take it meanwhile."""
    job = transitions.succeed(WITH_FAN_OUT[name], NOW, None).job
    assert (job.pending_fan_out, job.due_pk, job.expires_at) == ("", LIVE, None)
    assert job.check_at == NOW + FAN_OUT_CHECK_S * 1000


@pytest.mark.parametrize(
    ("changes", "pending_fan_out"),
    [
        ({"expands": "workflow", "claims": 1}, True),
        ({"expands": "workflow", "redrives": 1}, True),
        ({"expands": "workflow"}, False),
        ({"expands": "workflow", "claims": 1, "member_count": 2}, False),
        ({"claims": 1}, False),
    ],
)
def test_who_may_have_left_parts_stays_live_until_they_are_stopped(
    changes: dict[str, Any], pending_fan_out: bool
) -> None:
    """A run has made some of them, and never came to wait for them."""
    assert (transitions.cancel(a_job(**changes), NOW).job.pending_fan_out is not None) is pending_fan_out


def test_a_waiting_job_that_ends_waits_for_nobody_any_more() -> None:
    """It is shown with its end, not with whom it waits for."""
    job = a_job(state=State.WAITING, unmet_dependencies=frozenset({1}))
    assert transitions.cancel(job, NOW).job.unmet_dependencies is None


def test_a_job_without_dependencies_has_no_list_of_them() -> None:
    """An end writes no more than it has to."""
    assert "unmet_dependencies" not in transitions.succeed(running(), NOW, None).changes


def test_a_retry_with_a_pending_failed_attempt_is_not_sent_before_its_fan_out() -> None:
    """Nobody could claim it."""
    step = retried(running(), 1)
    assert step.send
    assert (with_pending_fan_out(step).send, with_pending_fan_out(step).job.pending_fan_out) == (False, "")
    assert with_pending_fan_out(step).job.check_at == step.job.check_at


# --- due times ---------------------------------------------------------------------------------------------------


def test_a_new_due_time_is_decided_now_in_a_generation_of_its_own() -> None:
    """Whether its writer sends it, and since when it waits, is counted from then on."""
    step = transitions.reschedule(a_job(rescues=3), LATER, "normal", NOW + 5, TIMING)
    assert (step.job.due_at, step.job.scheduled_at) == (LATER, NOW + 5)
    assert (step.job.generation, step.job.rescues) == (2, 0)
    assert step.job.check_at == LATER - TIMING.lookahead_ms


def test_a_job_waits_on_for_those_that_have_not_arrived() -> None:
    """Once nobody is left it waits for nobody."""
    job = a_job(state=State.WAITING, unmet_dependencies=frozenset({0, 1, 2}))
    assert waiting.satisfy(job, frozenset({0, 2})).job.unmet_dependencies == frozenset({1})
    assert waiting.satisfy(job, frozenset({0, 1, 2})).job.unmet_dependencies is None


# --- waiting -----------------------------------------------------------------------------------------------------


def expanded(job: Job, deadline_at: int | None = None) -> Job:
    return waiting.expand(job, 2, frozenset({0, 1}), NOW, deadline_at).job


def test_a_job_that_waits_for_its_parts_is_held_by_nobody_and_has_lost_no_worker() -> None:
    """The run that made them counts neither as an attempt nor as one that died."""
    job = expanded(running(rescues=2))
    assert (job.state, job.lease_until, job.rescues) == (State.WAITING, 0, 0)
    assert (job.claims, job.lost, job.generation) == (0, 0, 2)


@pytest.mark.parametrize(
    ("deadline_s", "alarm_s"), [(None, WAITING_CHECK_S), (9, 9), (WAITING_CHECK_S + 9, WAITING_CHECK_S)]
)
def test_it_looks_for_itself_after_a_minute_or_at_its_deadline(deadline_s: int | None, alarm_s: int) -> None:
    """Whatever comes first."""
    job = expanded(running(), None if deadline_s is None else NOW + deadline_s * 1000)
    assert job.check_at == NOW + alarm_s * 1000


def test_an_end_is_archived_as_of_its_finish_when_its_fan_out_is_done() -> None:
    """However late that is; who has dependents is kept until somebody has looked at them."""
    finished = waiting.finish_fan_out(transitions.succeed(running(has_dependents=True), NOW, None).job, LATER, TIMING)
    assert (finished.job.due_pk, finished.job.check_at, finished.job.expires_at) == (
        LIVE,
        None,
        NOW // 1000 + WEEK_S + DEPENDED_ON_S,
    )
    assert (finished.job.pending_fan_out, finished.send) == (None, False)


FAR_S = 600


@pytest.mark.parametrize(
    ("after_s", "fan_out_s", "sent"),
    [
        # Its next check is close: promote leaves it to whoever decided the time.
        ((TIMING.lookahead_ms + TIMING.margin_ms) / 1000, 0, True),
        # Promote comes to it in time.
        (FAR_S, 0, False),
        # Promote has passed it by while it owed.
        (FAR_S, FAR_S, True),
    ],
)
def test_a_retry_is_sent_by_the_fan_out_of_its_failure_unless_promote_will(
    after_s: float, fan_out_s: int, sent: bool
) -> None:
    """Nobody else would; it stays in the live due index either way."""
    pending_fan_out = with_pending_fan_out(retried(running(), after_s)).job
    finished = waiting.finish_fan_out(pending_fan_out, NOW + fan_out_s * 1000, TIMING)
    assert (finished.send, finished.job.pending_fan_out, finished.job.due_pk, finished.job.state) == (
        sent,
        None,
        LIVE,
        State.PENDING,
    )


def test_a_retry_that_no_timer_would_find_is_sent_by_the_fan_out_of_its_failure() -> None:
    """Otherwise it would never run again."""
    pending_fan_out = evolve(with_pending_fan_out(retried(running(), FAR_S)).job, check_at=None)
    assert waiting.finish_fan_out(pending_fan_out, NOW, TIMING).send


# --- parts of a whole that is redriven ---------------------------------------------------------------------------


def part(number: int, state: State, cause: str | None = None, **changes: Any) -> Job:
    """Return a part that has ended so."""
    job = a_job(f"part-{number}", state=state, member_number=number, parent_id="whole", **changes)
    return evolve(job, last=failure(job, cause, "", failed_at=NOW)) if cause else job


def begun_again(
    parts: list[Job], dependencies: dict[int, list[int]], parent_redrive: int = 1
) -> dict[int, frozenset[int]]:
    """Return the parts that begin again, and what they wait for."""
    steps = resets(dict(enumerate(parts)), dependencies, parent_redrive, LATER, TIMING)
    return {number: step.job.unmet_dependencies or frozenset() for number, step in steps.items()}


Ended = Callable[[int], Job]
OK: Ended = lambda number: part(number, State.SUCCEEDED)  # noqa: E731
DEAD: Ended = lambda number: part(number, State.DEAD, "RuntimeError")  # noqa: E731
CANCELLED: Ended = lambda number: part(number, State.CANCELLED)  # noqa: E731
BYPASSED: Ended = lambda number: part(number, State.CANCELLED, NOT_TAKEN)  # noqa: E731
RUNS: Ended = lambda number: part(number, State.RUNNING)  # noqa: E731


@pytest.mark.parametrize(
    ("first", "second", "again"),
    [
        (OK, OK, set()),
        (DEAD, OK, {0}),
        (CANCELLED, OK, {0}),
        (BYPASSED, OK, set()),
        (RUNS, RUNS, set()),
        # A branch that was not taken may be another time, if what it hung on begins again.
        (DEAD, BYPASSED, {0, 1}),
        (OK, BYPASSED, set()),
        (BYPASSED, BYPASSED, set()),
    ],
)
def test_what_failed_begins_again_and_what_was_not_taken_for_it(first: Ended, second: Ended, again: set[int]) -> None:
    """The second one waits for the first. What has succeeded is left alone."""
    assert begun_again([first(0), second(1)], {1: [0]}).keys() == again


def test_a_member_waits_for_the_generations_that_its_dependencies_begin_with() -> None:
    """An old end of theirs, told late, is none that it waits for; the end of one that is left alone still counts."""
    parts = [evolve(DEAD(0), generation=4), evolve(OK(1), generation=3), evolve(CANCELLED(2), generation=1)]
    assert begun_again(parts, {2: [1, 0]}) == {0: frozenset(), 2: frozenset({element(0, 3), element(1, 5)})}


def test_a_part_that_has_begun_again_is_not_begun_again_by_whoever_goes_on() -> None:
    """The one who reset it has died; it has failed once more since. With the next redrive it begins again."""
    parts = [evolve(DEAD(0), parent_redrive=1), DEAD(1)]
    assert begun_again(parts, {}, 1).keys() == {1}
    assert begun_again(parts, {}, 2).keys() == {0, 1}


def test_a_redrive_that_was_undone_is_known_until_something_else_is_asked() -> None:
    """Only then does its time count."""
    dead = transitions.mark_dead(running(claims=3), "worker_lost", "its workers died", LATER).job
    again = transitions.redrive(dead, LATER, LATER + 1, TIMING, by="ada").job
    undone = transitions.undo_redrive(again, LATER + 2, "bob").job
    assert [redrive_undone_at(job) for job in (dead, again, undone)] == [0, 0, LATER + 2]
    assert (undone.finished_at, undone.check_at) == (LATER, LATER)
    assert undone.expires_at == (LATER + 2) // 1000 + undone.policy.retention_s
