"""The events of a job, where its item does not say how it went; the laws are in tests/property/test_history.py."""

from typing import Any

import pytest

from tests.builders.samples import LATER, NOW, TIMING, a_job, an_error, awaiting, dead, running
from whendue.history.events import ENDS, Event, EventType, checked_change, events_of
from whendue.jobs import dependency_transitions as waiting
from whendue.jobs import transitions
from whendue.jobs.failures import failure
from whendue.jobs.limit_spec import Wait
from whendue.jobs.model import Job, State, evolve


def listed(job: Job) -> list[Event]:
    changes = [job.change] if job.change else []
    return events_of(job, changes, [job.last] if job.last else [])


def types(job: Job) -> list[str]:
    return [event.type.value for event in listed(job)]


def test_the_ends_are_the_terminal_states() -> None:
    """A new state needs an event."""
    assert {end.value for end in ENDS} == {state.value for state in State if evolve(a_job(), state=state).terminal}


def test_a_job_that_was_given_up_has_lost_workers_and_no_failed_attempt() -> None:
    """Nothing says how its runs ended; why it ended is with its end."""
    job = transitions.mark_dead(running(claims=3), "worker_lost", "its workers died", LATER).job
    *_, lost, end = listed(job)
    assert types(job) == ["submitted", "started", "lost", "dead"]
    assert (lost.workers, lost.at, end.failure) == (3, LATER, job.last)


def test_a_run_that_gave_way_to_a_cancel_was_not_lost() -> None:
    """It has ended with nothing that is counted."""
    job = transitions.finish_cancelled(running(cancel_requested=True), LATER).job
    assert types(job) == ["submitted", "started", "cancelled"]


def test_a_cause_of_a_cancel_is_no_attempt() -> None:
    """It stands where failed attempts do."""
    job = waiting.cancel_unsatisfied(awaiting(), "dependency_failed", "a failed", LATER).job
    assert types(job) == ["submitted", "cancelled"]
    assert listed(job)[-1].failure == job.last
    again = transitions.redrive(job, LATER + 1, LATER + 1, TIMING, by="ada").job
    assert types(again) == ["submitted", "cancelled", "redriven"]
    assert listed(again)[1].failure == job.last


@pytest.mark.parametrize(
    ("ended", "by"),
    [
        (transitions.mark_dead(running(claims=3), "worker_lost", "its workers died", LATER).job, None),
        (dead(), None),
        (transitions.cancel(a_job(), LATER, by="eve").job, "eve"),
        (waiting.cancel_unsatisfied(awaiting(), "dependency_failed", "a failed", LATER).job, None),
    ],
    ids=["given up", "failed", "cancelled", "dependency"],
)
def test_the_end_of_an_undone_redrive_has_the_cause_of_the_end_before(ended: Job, by: str | None) -> None:
    """The job has neither run nor failed again, and nobody has cancelled it again."""
    again = transitions.redrive(ended, LATER + 1, LATER + 1, TIMING, by="ada").job
    undone = transitions.undo_redrive(again, LATER + 2, "bob").job
    changes = [change for change in (ended.change, again.change, undone.change) if change]
    events = events_of(undone, changes, [undone.last] if undone.last else [])
    first, last = [event for event in events if event.type in ENDS]
    assert first.failure == ended.last
    assert (last.type, last.failure, last.by, last.at) == (first.type, first.failure, by, first.at)


def test_a_cause_of_an_end_does_not_become_an_attempt_of_the_next_run() -> None:
    """That one has more failed attempts than the cause was the number of."""
    given_up = transitions.mark_dead(running(), "worker_lost", "its workers died", LATER).job
    again = transitions.redrive(given_up, LATER, LATER, TIMING).job
    claimed = transitions.claim(again, "f", LATER).job
    error = failure(claimed, "ValueError", "no", failed_at=LATER + 1)
    failed = transitions.fail(claimed, error, LATER + 1, TIMING, draw=0.5).job
    assert given_up.last
    assert failed.change
    found = events_of(failed, [failed.change], [given_up.last, error])
    kinds = ["submitted", "started", "lost", "dead", "redriven", "started", "failed"]
    assert [event.type.value for event in found] == kinds
    assert [event.failure for event in found if event.failure] == [given_up.last, error]


def test_a_failed_attempt_is_no_cause_of_a_cancel_after_it() -> None:
    """All in the same millisecond: the run is listed once."""
    job = running()
    failed = transitions.fail(job, an_error(job), NOW, TIMING, draw=0.5).job
    ended = transitions.cancel(failed, NOW, "ada").job
    assert types(ended) == ["submitted", "started", "failed", "cancel_requested", "cancelled"]
    assert listed(ended)[-1].failure is None


@pytest.mark.parametrize(
    ("of", "unasked"), [({"schedule": "s"}, "superseded"), ({"parent_id": "0190-parent"}, "parent_ended"), ({}, None)]
)
def test_a_cancel_that_somebody_asked_for_has_no_other_cause(of: dict[str, str], unasked: str | None) -> None:
    """A later fire, or the end of the job's parent, is the cause only where nobody asked."""
    for by, cause in (("ada", None), (None, unasked)):
        asked = transitions.request_cancel(running(**of), NOW, by).job
        end = listed(transitions.finish_cancelled(asked, LATER).job)[-1]
        assert (end.type, end.by) == (EventType.CANCELLED, by)
        assert (end.failure and end.failure.type) == cause


def test_the_end_of_retries_has_the_last_error() -> None:
    """Of the attempt before."""
    job = running()
    failed = transitions.fail(job, an_error(job), NOW, TIMING, draw=0.5).job
    assert listed(transitions.end_retries(failed, "too late", LATER).job)[-1].failure == failed.last


def test_a_worker_was_lost_before_the_job_waits_or_runs_again() -> None:
    """It is known by then at the latest."""
    wait = Wait("rate", "customer-7", 2.5, LATER, 1)
    waits = transitions.defer(running(lease_until=NOW), wait, LATER, LATER, TIMING).job
    assert [(event.type, event.at) for event in listed(waits)][1:] == [(EventType.LOST, LATER)]
    runs = running(claims=2, started_at=LATER)
    assert [(event.type, event.at) for event in listed(runs)][1:] == [
        (EventType.LOST, LATER),
        (EventType.STARTED, LATER),
    ]


def test_a_redrive_takes_nothing_away() -> None:
    """The end before it, its error and the run are read from what the redrive has noted."""
    before, after = listed(dead()), listed(transitions.redrive(dead(), LATER, LATER, TIMING, by="ada").job)
    assert after[:-1] == before
    assert (after[-1].type, after[-1].by, after[-1].due_at) == (EventType.REDRIVEN, "ada", LATER)


def test_a_redrive_of_a_run_that_was_cancelled_keeps_its_start() -> None:
    """Its item does not have it any more."""
    job = transitions.finish_cancelled(running(cancel_requested=True), LATER).job
    again = transitions.redrive(job, LATER, LATER, TIMING).job
    assert types(again) == ["submitted", "started", "cancelled", "redriven"]


def test_clocks_that_differ_do_not_turn_cause_and_effect() -> None:
    """The worker's is behind that of the API."""
    job = transitions.request_cancel(running(), LATER, "ada").job
    ended = transitions.finish_cancelled(job, NOW + 1).job
    assert types(ended) == ["submitted", "started", "cancel_requested", "cancelled"]


def test_a_job_that_waits_again_has_no_run_of_its_own() -> None:
    """Its worker stopped, and the run counts as none."""
    assert types(transitions.requeue(running(), LATER, LATER, TIMING).job) == ["submitted"]


def test_a_composite_that_waits_for_its_members_has_started() -> None:
    """Its first run has created them."""
    job = waiting.expand(running(expands="workflow"), 2, frozenset({0, 1}), LATER, None).job
    assert types(job) == ["submitted", "started"]


CHANGE = {"number": 1, "kind": "redriven", "at": NOW, "generation": 2, "was": {"state": "dead", "generation": 1}}


@pytest.mark.parametrize(
    "broken", [{"kind": "odd"}, {"at": "x"}, {"number": True}, {"generation": None}, {"was": 7}, {"was": {}}]
)
def test_a_change_of_which_no_event_can_be_made_is_found_first(broken: dict[str, Any]) -> None:
    """It ends no list."""
    assert checked_change(CHANGE) == CHANGE
    with pytest.raises((KeyError, TypeError, ValueError)):
        checked_change(CHANGE | broken)


def test_an_undone_redrive_whose_own_change_is_missing_has_its_end_alone() -> None:
    """As one of before an upgrade, or one that cannot be read: the rest is still listed."""
    again = transitions.redrive(dead(), LATER + 1, LATER + 1, TIMING, by="ada").job
    undone = transitions.undo_redrive(again, LATER + 2, "bob").job
    events = events_of(undone, [undone.change] if undone.change else [], [undone.last] if undone.last else [])
    assert [event.type for event in events if event.type in ENDS] == [EventType.DEAD]
