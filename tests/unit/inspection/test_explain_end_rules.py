"""What `explain` says of every way in which a job can end."""

import pytest

from tests.builders.samples import a_job
from whendue.inspection.explain_rules import explain
from whendue.jobs.model import Failure, Job, State, evolve
from whendue.quotas import REDRIVE_AGE_S
from whendue.settings import Timing

NOW = 1_800_000_000_000
DAY_MS = 86_400_000


def ended(state: State, cause: str | None = None, **more: object) -> Job:
    """Make a job that has ended so."""
    job = evolve(a_job("0" * 36), state=state, finished_at=NOW - 1, created_at=NOW - DAY_MS, **more)
    if cause is None:
        return job
    error = Failure(cause, f"because of {cause}", "tasks:run:7", "f", 1, job.generation, NOW - 1)
    return evolve(job, last=error)


CASES = {
    "success": (ended(State.SUCCEEDED), ["finished"], ""),
    "success after a failure": (ended(State.SUCCEEDED, "ValueError"), ["finished"], ""),
    "an error": (ended(State.DEAD, "ValueError"), ["finished", "failed", "redrivable"], "ValueError"),
    "an error with attempts left": (
        ended(State.DEAD, "ValueError", failures=1),
        ["finished", "failed", "redrivable"],
        "failed with ValueError, which is never retried: because of ValueError",
    ),
    "the last attempt": (
        ended(State.DEAD, "ValueError", failures=a_job().policy.max_attempts),
        ["finished", "failed", "redrivable"],
        "failed with ValueError: because of ValueError",
    ),
    "a workflow": (
        ended(State.DEAD, "workflow_failed", type="workflow"),
        ["finished", "failed", "redrivable"],
        "/retry runs it again from the nodes that failed",
    ),
    "a poison job": (
        ended(State.DEAD, "worker_lost", claims=3),
        ["finished", "failed", "redrivable"],
        "memory or the time of its process",
    ),
    "a node": (ended(State.DEAD, "workflow_failed"), ["finished", "failed", "redrivable"], "One of its nodes"),
    "a dependency": (
        ended(State.CANCELLED, "dependency_failed"),
        ["finished", "cancelled_for", "redrivable"],
        "because",
    ),
    "an expiry": (
        ended(State.EXPIRED, begin_by=NOW - 1),
        ["finished", "expired", "redrivable"],
        "It expired: it had not begun by its expiry.",
    ),
    "an attempt that was stopped": (
        ended(State.DEAD, "expired"),
        ["finished", "failed", "redrivable"],
        "An attempt was stopped, and none followed it in time: because of expired",
    ),
    "a request": (ended(State.CANCELLED), ["finished", "cancelled", "redrivable"], "on request"),
    "a bulk operation": (
        ended(State.CANCELLED, change={"number": 1, "kind": "cancel_requested", "by": "ada", "operation": "o1"}),
        ["finished", "cancelled", "redrivable"],
        "on request of ada, by a bulk operation",
    ),
    "an undone redrive": (
        ended(State.DEAD, "ValueError", change={"number": 2, "kind": "redrive_undone", "by": "bob", "operation": "o2"}),
        ["finished", "failed", "redrivable"],
        "that was undone before it began. Before: ValueError: because of ValueError",
    ),
    "too old": (
        evolve(ended(State.DEAD, "ValueError"), created_at=NOW - REDRIVE_AGE_S * 1000 - 1),
        ["finished", "failed", "too_old"],
        "ValueError",
    ),
    "fan-out": (
        ended(State.DEAD, "ValueError", pending_fan_out=""),
        ["finished", "failed", "fan_out_pending", "redrivable"],
        "ValueError",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_a_finished_job_says_why_and_what_can_be_done(name: str) -> None:
    """It said only that it had finished."""
    job, codes, words = CASES[name]
    reasons = explain(job, NOW, Timing())
    assert [reason.code for reason in reasons] == codes
    assert words in " ".join(reason.text for reason in reasons)


@pytest.mark.parametrize("name", ["a bulk operation", "an undone redrive"])
def test_who_asked_for_an_end_is_a_fact(name: str) -> None:
    """With the operation that they asked with."""
    job = CASES[name][0]
    facts = explain(job, NOW, Timing())[1].facts
    assert job.change
    assert (facts["by"], facts["operation_id"]) == (job.change["by"], job.change["operation"])
