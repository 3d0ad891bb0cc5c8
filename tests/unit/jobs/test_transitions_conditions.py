"""Every condition of every transition keeps something away, alone: the job is as read, but for that one thing."""

from collections.abc import Callable
from typing import Any

import pytest

from scripts.state_diagram import ARROWS
from tests.builders.samples import LATER, NOW, THEIRS, TIMING, a_job, an_error, dead, running
from whendue.adapters.memory import MemoryStore
from whendue.engine.ports import WriteStatus
from whendue.jobs import dependency_transitions as waiting
from whendue.jobs import transitions
from whendue.jobs.limit_spec import Wait
from whendue.jobs.model import Job, State, evolve, from_item, to_item
from whendue.jobs.transition import Transition, with_dependents, with_pending_fan_out
from whendue.quotas import MAX_LOST
from whendue.table.writes import Absent, Below, Condition, Has, Is, Lacks, holds, insert

Step = Callable[[Job], Transition]
PENDING, RUNNING, ENDED = {"state": "pending"}, {"state": "running"}, {"state": "succeeded"}
RETRIED, ANOTHERS, LEASED = {"generation": 2}, {"fence": THEIRS}, {"lease_until": LATER + 1}
CANCELLED = {"cancel_requested": True}
WAIT = Wait("slot", "k", 1, NOW)
ABANDONED = (RETRIED, ENDED, LEASED)
DEPENDED_ON, FAN_OUT_PENDING, GROWN = (
    {"has_dependents": True},
    {"pending_fan_out": ""},
    {"unmet_dependencies": frozenset({1, 2})},
)
FANNING_OUT = evolve(dead(), has_dependents=True, pending_fan_out="")
AWAITING = a_job(state=State.WAITING, unmet_dependencies=frozenset({1}))
# The transition, the job it was decided on, and each change that must refuse it.
TABLE: dict[str, tuple[Step, Job, tuple[dict[str, Any], ...]]] = {
    "claim": (
        lambda job: transitions.claim(job, "new", LATER),
        a_job(),
        (RETRIED, ENDED, LEASED, {"claims": MAX_LOST}, CANCELLED, FAN_OUT_PENDING),
    ),
    "heartbeat": (lambda job: transitions.heartbeat(job, LATER, None), running(), (PENDING, ANOTHERS, CANCELLED)),
    "heartbeat of a task that has seen the cancel": (
        lambda job: transitions.heartbeat(job, LATER, None, cancel_seen=True),
        running(cancel_requested=True),
        (PENDING, ANOTHERS),
    ),
    "succeed": (lambda job: transitions.succeed(job, NOW, None), running(), (PENDING, ANOTHERS, DEPENDED_ON)),
    "succeed with dependents": (
        lambda job: transitions.succeed(job, NOW, None),
        running(has_dependents=True),
        (PENDING, ANOTHERS),
    ),
    "succeed with dependents that came since": (
        lambda job: with_dependents(transitions.succeed(evolve(job, has_dependents=None), NOW, None)),
        running(has_dependents=True),
        (PENDING, ANOTHERS),
    ),
    "fail": (
        lambda job: transitions.fail(job, an_error(job), NOW, TIMING, draw=0.5),
        running(),
        (PENDING, ANOTHERS, CANCELLED),
    ),
    "fail for good": (
        lambda job: transitions.fail(job, an_error(job), NOW, TIMING, draw=0.5, final=True),
        running(),
        (PENDING, ANOTHERS, CANCELLED, DEPENDED_ON),
    ),
    "requeue": (
        lambda job: transitions.requeue(job, NOW, NOW, TIMING),
        running(),
        (PENDING, ANOTHERS, CANCELLED),
    ),
    "finish_cancelled": (
        lambda job: transitions.finish_cancelled(job, NOW),
        running(cancel_requested=True),
        (PENDING, ANOTHERS, DEPENDED_ON),
    ),
    "cancel": (lambda job: transitions.cancel(job, NOW), a_job(), (RETRIED, RUNNING, DEPENDED_ON)),
    "cancel while waiting": (lambda job: transitions.cancel(job, NOW), AWAITING, (RETRIED, PENDING, DEPENDED_ON)),
    "expire": (lambda job: transitions.expire(job, NOW), a_job(), (RETRIED, RUNNING, DEPENDED_ON)),
    "expire while waiting": (lambda job: transitions.expire(job, NOW), AWAITING, (RETRIED, PENDING, DEPENDED_ON)),
    "end_retries": (
        lambda job: transitions.end_retries(job, "", NOW),
        a_job(),
        (RETRIED, RUNNING, DEPENDED_ON, FAN_OUT_PENDING),
    ),
    "undo_redrive": (
        lambda job: transitions.undo_redrive(job, LATER, "ada"),
        a_job(change={"number": 1, "kind": "redriven", "was": {"state": "dead"}}),
        (RETRIED, RUNNING, DEPENDED_ON, FAN_OUT_PENDING),
    ),
    "request_cancel": (lambda job: transitions.request_cancel(job, LATER), running(), (PENDING, ANOTHERS, CANCELLED)),
    "request_cancel while waiting": (
        lambda job: transitions.request_cancel(job, LATER),
        AWAITING,
        (RETRIED, PENDING, CANCELLED),
    ),
    "mark_dead": (
        lambda job: transitions.mark_dead(job, "lost", "", LATER),
        running(),
        (*ABANDONED, PENDING, ANOTHERS, DEPENDED_ON),
    ),
    "mark_dead while pending": (
        lambda job: transitions.mark_dead(job, "lost", "", LATER),
        a_job(),
        (*ABANDONED, RUNNING, DEPENDED_ON),
    ),
    "cancel_lost": (
        lambda job: transitions.cancel_lost(job, LATER),
        running(cancel_requested=True),
        (*ABANDONED, ANOTHERS, DEPENDED_ON),
    ),
    "redrive": (
        lambda job: transitions.redrive(job, LATER, LATER, TIMING),
        dead(),
        (RETRIED, PENDING, FAN_OUT_PENDING),
    ),
    "replay": (
        lambda job: transitions.replay(job, LATER, LATER, TIMING),
        transitions.succeed(running(), NOW, '{"status":204}').job,
        (RETRIED, PENDING, FAN_OUT_PENDING),
    ),
    "reschedule": (
        lambda job: transitions.reschedule(job, LATER, "high", NOW, TIMING),
        a_job(),
        (RETRIED, RUNNING, FAN_OUT_PENDING),
    ),
    "skip": (
        lambda job: transitions.skip(job, "overlap", "", LATER),
        a_job(schedule="s", nominal_at=NOW, overlap="skip"),
        (RETRIED, RUNNING, DEPENDED_ON),
    ),
    "succeed as a part": (
        lambda job: transitions.succeed(job, NOW, None),
        running(parent_id="0189", member_number=2),
        (PENDING, ANOTHERS, DEPENDED_ON),
    ),
    "cancel what owes a failed attempt": (
        lambda job: transitions.cancel(job, NOW),
        a_job(pending_fan_out="", failures=1),
        (RETRIED, RUNNING, DEPENDED_ON),
    ),
    "satisfy of some": (
        lambda job: waiting.satisfy(job, frozenset({1})),
        evolve(AWAITING, unmet_dependencies=frozenset({1, 2})),
        (RETRIED, PENDING),
    ),
    "add_dependent": (waiting.add_dependent, running(), (ENDED,)),
    "satisfy": (lambda job: waiting.satisfy(job, frozenset({1})), AWAITING, (RETRIED, PENDING)),
    "release": (
        lambda job: waiting.release(job, LATER, TIMING),
        AWAITING,
        (RETRIED, PENDING, GROWN, {"unmet_dependencies": None}, CANCELLED),
    ),
    "release the last": (
        lambda job: waiting.release(job, LATER, TIMING),
        evolve(AWAITING, unmet_dependencies=None),
        (RETRIED, PENDING, GROWN, CANCELLED),
    ),
    "cancel_unsatisfied": (
        lambda job: waiting.cancel_unsatisfied(job, "dependency_failed", "", LATER),
        AWAITING,
        (RETRIED, PENDING, DEPENDED_ON),
    ),
    "expand": (
        lambda job: waiting.expand(job, 2, frozenset({0, 1}), LATER, None),
        running(),
        (PENDING, ANOTHERS, CANCELLED),
    ),
    "advance_fan_out": (
        lambda job: waiting.advance_fan_out(job, "dependent#x"),
        FANNING_OUT,
        (RETRIED, PENDING, {"pending_fan_out": "dependent#y"}),
    ),
    "finish_fan_out": (
        lambda job: waiting.finish_fan_out(job, LATER, TIMING),
        FANNING_OUT,
        (RETRIED, PENDING, {"pending_fan_out": "dependent#y"}),
    ),
    "defer": (
        lambda job: transitions.defer(job, WAIT, LATER, NOW, TIMING),
        a_job(),
        (RETRIED, RUNNING, {"lease_until": NOW + 1}, CANCELLED),
    ),
    "defer a lost one": (
        lambda job: transitions.defer(job, WAIT, LATER + 1, LATER, TIMING),
        running(),
        (*ABANDONED, PENDING, ANOTHERS, CANCELLED),
    ),
    "wake": (lambda job: transitions.wake(job, LATER, TIMING), a_job(waits_for=WAIT), (RETRIED, RUNNING)),
    "postpone_check": (
        lambda job: transitions.postpone_check(job, LATER, send=True),
        running(),
        (RETRIED, {"lease_until": NOW + 1}, {"check_at": NOW}),
    ),
}
CASES = [(name, change) for name, (_, _, changes) in TABLE.items() for change in changes]


def applied(standing: Job, step: Transition) -> WriteStatus:
    store = MemoryStore()
    store.apply([insert("stands", standing.key, to_item(standing))])
    [end] = store.apply([step])
    return end.status


@pytest.mark.parametrize(("name", "change"), CASES, ids=lambda value: value if isinstance(value, str) else str(value))
def test_one_change_since_it_was_read_refuses_the_step(name: str, change: dict[str, Any]) -> None:
    """A decision holds for the job it was made on, and for no other."""
    make, job, _ = TABLE[name]
    assert applied(evolve(job, **change), make(job)) is WriteStatus.REFUSED


@pytest.mark.parametrize("name", TABLE)
def test_a_job_that_stands_as_it_was_read_is_let_through(name: str) -> None:
    """Otherwise the refusals above would prove nothing."""
    make, job, _ = TABLE[name]
    assert applied(job, make(job)) is WriteStatus.DONE


@pytest.mark.parametrize("name", TABLE)
def test_a_step_that_is_sent_again_is_done(name: str) -> None:
    """A lost reply makes us send it twice; what refuses the second one carries our own mark."""
    make, job, _ = TABLE[name]
    store = MemoryStore()
    store.apply([insert("stands", job.key, to_item(job))])
    step = make(job)
    assert [store.apply([step])[0].status for _ in range(2)] == [WriteStatus.DONE, WriteStatus.DONE]
    assert from_item(store.items()[job.key]) == step.job


def test_every_transition_is_in_the_table() -> None:
    """But for submit, whose only condition is that nothing is there."""
    assert {name.split(" ")[0] for name in TABLE} | {"submit"} == {edge.name for edge in ARROWS}


@pytest.mark.parametrize("name", ["succeed with dependents", "succeed as a part", "cancel what owes a failed attempt"])
def test_an_end_with_a_pending_fan_out_stays_live(name: str) -> None:
    """Until then it has a next check to come, and is kept."""
    make, job, _ = TABLE[name]
    over = make(job).job
    assert over.terminal
    assert (over.pending_fan_out, over.expires_at) == ("", None)
    assert over.due_pk.startswith("live#")
    assert (over.check_at or 0) > (over.finished_at or 0)


def test_a_retry_whose_failed_attempt_is_pending_is_not_sent() -> None:
    """Whoever tells it sends it."""
    job = running()
    failed = transitions.fail(job, an_error(job), NOW, TIMING, draw=0)
    assert (failed.send, with_pending_fan_out(failed).send) == (True, False)


def test_what_waited_and_has_ended_waits_for_nobody() -> None:
    """Its item says so, too."""
    over = waiting.cancel_unsatisfied(AWAITING, "dependency_failed", "", NOW)
    assert over.job.unmet_dependencies is None
    assert "unmet_dependencies" in over.changes
    assert "unmet_dependencies" not in transitions.succeed(running(), NOW, None).changes


@pytest.mark.parametrize("condition", [Has("has_dependents"), Lacks("has_dependents"), Is("state", "pending")])
def test_what_is_not_there_fulfils_no_condition_but_absence(condition: Condition) -> None:
    """An UPDATE in PartiQL makes no item, whatever its conditions say."""
    assert not holds(condition, None)
    assert holds(Absent(), None)


@pytest.mark.parametrize(
    ("value", "is_below"), [(9, True), (10, False), (9.5, True), ("a text", False), (True, False), ({1}, False)]
)
def test_only_a_smaller_number_is_below(value: object, is_below: bool) -> None:
    """DynamoDB compares values of one type alone; moto raises where they differ, so this is no test of the contract.

    Source: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.OperatorsAndFunctions.html
    """
    assert holds(Below("value", 10), {"value": value}) is is_below
