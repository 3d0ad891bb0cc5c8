"""What bulk operations do, leave alone, keep to, and show."""

from collections import Counter
from itertools import pairwise
from typing import Any

import pytest

from tests.builders.bulk import ALL, ONCE, UNKNOWN, begin, dead_jobs, events, get, to_the_end, touches
from tests.builders.faults import Counted, Refusing
from tests.builders.world import TENANT, World
from whendue.bulk.model import Action, OperationState
from whendue.bulk.quotas import OPERATION_FAILURES, OPERATION_IDS
from whendue.bulk.service import Asked
from whendue.errors import (
    InvalidRequestError,
    StateConflictError,
    UnavailableError,
)
from whendue.history.events import EventType
from whendue.jobs.due_index import dead_partition
from whendue.jobs.model import State
from whendue.metrics.model import Counts
from whendue.operations.listing import JobFilter
from whendue.submission.request import JobRequest
from whendue.table.writes import Write


def test_a_redrive_runs_dead_jobs_again_and_their_history_names_it() -> None:
    """Who asked, and with which operation."""
    world = World()
    jobs, other = dead_jobs(world, 3), world.submit("ok", delay_s=3600)
    operation = begin(world, Action.REDRIVE)
    assert (operation.state, operation.counts.changed, operation.counts.failed) == (OperationState.FINISHED, 3, 0)
    assert all(world.job(job).state is State.PENDING for job in jobs)
    assert events(world, jobs[0]) == [("redriven", "ada", operation.id)]
    assert events(world, other) == []


def test_each_action_does_what_it_does_to_one_job() -> None:
    """As the requests of a single job."""
    world = World()
    jobs = [world.submit("ok", delay_s=3600) for _ in range(3)]
    begin(world, Action.REPRIORITISE, queue="high")
    assert [world.job(job).queue for job in jobs] == ["high"] * 3
    due_at = world.clock.now_ms() + 7_200_000
    begin(world, Action.RESCHEDULE, due_at=due_at)
    assert [world.job(job).due_at for job in jobs] == [due_at] * 3
    begin(world, Action.CANCEL)
    assert [world.job(job).state for job in jobs] == [State.CANCELLED] * 3
    kinds = [kind for kind, by, _ in events(world, jobs[0])]
    assert kinds == ["cancelled", "cancel_requested", "rescheduled", "reprioritised"]
    operation = begin(world, Action.DELETE)
    assert operation.counts.changed == 3
    assert [key for key in world.table.items() if key.pk.startswith("JOB#")] == []


def test_a_filter_selects_and_what_does_not_apply_is_left_alone() -> None:
    """A cancel of all jobs of a type does not count those that have ended."""
    world = World()
    ended, other = world.submit("ok"), world.submit("bad", delay_s=3600)
    world.work()
    tagged = world.submit("ok", delay_s=3600, tags={"team": "x"})
    world.submit("ok", delay_s=3600, tags={"team": "y"})
    operation = begin(world, Action.CANCEL, JobFilter(type="ok", tags=(("team", "x"),)))
    assert operation.counts.all == 1
    assert world.job(tagged).state is State.CANCELLED
    assert (world.job(ended).state, world.job(other).state) == (State.SUCCEEDED, State.PENDING)


def test_ids_name_jobs_and_each_that_cannot_be_changed_is_a_failure() -> None:
    """Another tenant's job is not found, like one that does not exist."""
    world = World()
    mine, ended, gone = world.submit("ok", delay_s=3600), world.submit("ok"), world.submit("ok", delay_s=60)
    world.work(queue="normal")
    theirs = world.app.submit.one("other", JobRequest("ok", {}, delay_s=3600)).job
    world.app.control.cancel(TENANT, gone.id)
    odd = world.submit("ok", delay_s=3600)
    world.table.apply([Write("odd", odd.key, (), {"state": "x"})])
    ids = [mine.id, ended.id, gone.id, theirs.id, UNKNOWN, odd.id, mine.id]
    operation = begin(world, Action.CANCEL, None, ids=ids)
    assert (operation.counts.changed, operation.counts.unchanged, operation.counts.failed) == (1, 1, 4)
    failures = {failure.id: failure.code for failure in operation.failures}
    assert failures == {
        ended.id: "state_conflict",
        theirs.id: "job_not_found",
        UNKNOWN: "job_not_found",
        odd.id: "unreadable",
    }
    [item] = world.table.get([theirs.key])
    assert item
    assert item["state"] == "pending"


def test_more_jobs_than_a_piece_are_done_by_the_timer(monkeypatch: pytest.MonkeyPatch) -> None:
    """The request does the first piece; each tick goes on."""
    monkeypatch.setattr("whendue.bulk.service.OPERATION_PIECE", 2)
    monkeypatch.setattr("whendue.schedules.ticks.continued.OPERATION_PIECES_PER_TICK", 2)
    world = World()
    jobs = [world.submit("ok", delay_s=86_400) for _ in range(9)]
    operation = begin(world, Action.CANCEL)
    assert (operation.state, operation.counts.changed) == (OperationState.RUNNING, 2)
    world.tick()
    assert get(world, operation).counts.changed == 6
    done = to_the_end(world, operation)
    assert (done.state, done.counts.changed) == (OperationState.FINISHED, 9)
    assert all(world.job(job).state is State.CANCELLED for job in jobs)
    assert touches(world, operation) == Counter({job.id: 1 for job in jobs})


def test_an_idle_tick_asks_nothing_for_operations(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither without any, nor once they have ended: they stand where schedules stand."""
    world = World()
    calls: list[str] = []
    app = world.build(store=Counted(world.table, calls))
    app.tick.run(world.clock.now_ms() + 60_000)
    app.tick.run(world.clock.now_ms() + 60_000)
    before = len(calls)
    app.tick.run(world.clock.now_ms() + 60_000)
    idle = len(calls) - before
    dead_jobs(world, 1)
    assert begin(world, Action.DELETE).state is OperationState.FINISHED
    before = len(calls)
    app.tick.run(world.clock.now_ms() + 60_000)
    assert len(calls) - before == idle


# --- what it leaves alone -------------------------------------------------------------------------------------------


def test_jobs_that_are_submitted_later_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """The selection is of the jobs that there were."""
    monkeypatch.setattr("whendue.bulk.service.OPERATION_PIECE", 1)
    world = World()
    [world.submit("ok", delay_s=86_400) for _ in range(3)]
    operation = begin(world, Action.CANCEL)
    world.clock.advance(1)
    later = world.submit("ok", delay_s=86_400)
    assert to_the_end(world, operation).counts.all == 3
    assert world.job(later).state is State.PENDING


def test_a_job_that_dies_again_is_not_redriven_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else an operation over a broken task would never end."""
    monkeypatch.setattr("whendue.bulk.service.OPERATION_PIECE", 1)
    monkeypatch.setattr("whendue.schedules.ticks.continued.OPERATION_PIECES_PER_TICK", 1)
    world = World()
    jobs = dead_jobs(world, 4)
    operation = begin(world, Action.REDRIVE)
    for _ in range(10):
        world.clock.advance(60)
        world.tick()
        world.work()
    assert get(world, operation).counts.all == 4
    assert all((world.job(job).redrives, world.job(job).state) == (1, State.DEAD) for job in jobs)


def test_a_cancel_stops_it_and_keeps_what_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    """It may be asked for again; one that has finished says so."""
    monkeypatch.setattr("whendue.bulk.service.OPERATION_PIECE", 2)
    world = World()
    [world.submit("ok", delay_s=86_400) for _ in range(5)]
    operation = begin(world, Action.CANCEL)
    cancelled = world.app.bulk.cancel(TENANT, operation.id, "bob")
    assert (cancelled.state, cancelled.cancelled_by) == (OperationState.CANCELLED, "bob")
    assert world.app.bulk.cancel(TENANT, operation.id, "eve").cancelled_by == "bob"
    world.clock.advance(60)
    world.tick()
    assert get(world, operation).counts.changed == 2
    finished = begin(world, Action.CANCEL)
    to_the_end(world, finished)
    with pytest.raises(StateConflictError):
        world.app.bulk.cancel(TENANT, finished.id, "bob")


def test_a_cancel_that_meets_a_piece_halfway_counts_it() -> None:
    """Its jobs are changed."""
    world = World()
    [world.submit("ok", delay_s=86_400) for _ in range(3)]

    def cancelled_meanwhile(writes: list[Write]) -> Any:
        if writes[0].name == "plan_piece":
            [operation] = world.app.bulk.page(TENANT, 1, None).operations
            world.app.bulk.cancel(TENANT, operation.id, "bob")
        return world.table.apply(writes)

    app = world.build(store=Refusing(world.table, "apply", cancelled_meanwhile))
    operation = app.bulk.begin(TENANT, Asked(Action.CANCEL, "ada", wanted=ALL))
    for seen in (operation, get(world, operation)):
        assert (seen.state, seen.cancelled_by, seen.counts.changed) == (OperationState.CANCELLED, "bob", 3)


# --- rate, limit -----------------------------------------------------------------------------------------------------


def test_the_rate_is_kept_in_the_timer_and_by_due_times() -> None:
    """Two a second are 121 in the first minute, and no more after an outage of the timer."""
    world = World()
    [world.submit("bad", policy=ONCE) for _ in range(400)]
    world.work()
    operation = begin(world, Action.REDRIVE, rate_per_s=2)
    assert operation.counts.changed == 100
    world.tick()
    assert get(world, operation).counts.changed == 121
    world.tick()
    assert get(world, operation).counts.changed == 121
    world.clock.advance(60)
    world.tick()
    assert get(world, operation).counts.changed == 241
    world.clock.advance(3600)
    world.tick()
    assert get(world, operation).counts.changed <= 241 + 121
    due = sorted(item["due_at"] for key, item in world.table.items().items() if key.sk == "job" and "redrives" in item)
    assert all(later - earlier >= 499 for earlier, later in pairwise(due))
    assert to_the_end(world, operation).counts.changed == 400


def test_a_rate_below_one_a_minute_waits_without_being_read() -> None:
    """The next look at it is when its next job is due."""
    world = World()
    [world.submit("ok", delay_s=86_400) for _ in range(2)]
    operation = begin(world, Action.CANCEL, rate_per_s=0.001)
    assert operation.counts.changed == 1
    world.clock.advance(900)
    world.tick()
    assert get(world, operation).counts.changed == 1
    world.clock.advance(60)
    world.tick()
    assert get(world, operation).counts.changed == 2


def test_it_says_down_to_which_time_it_has_come(monkeypatch: pytest.MonkeyPatch) -> None:
    """Jobs after that time are done, those before it are not; at the end nothing is left to say."""
    monkeypatch.setattr("whendue.bulk.service.OPERATION_PIECE", 2)
    monkeypatch.setattr("whendue.schedules.ticks.continued.OPERATION_PIECES_PER_TICK", 1)
    world = World()
    jobs = []
    for _ in range(7):
        jobs.append(world.submit("ok", delay_s=86_400))
        world.clock.advance(1)
    operation = begin(world, Action.CANCEL)
    while operation.is_running:
        done = {job.created_at for job in jobs if world.job(job).state is State.CANCELLED}
        assert operation.passed_ms is not None
        assert {job.created_at for job in jobs if job.created_at > operation.passed_ms} <= done
        assert min(done) >= operation.passed_ms
        assert (operation.is_complete, operation.total) == (False, None)
        world.clock.advance(60)
        world.tick()
        operation = get(world, operation)
    assert (operation.is_complete, operation.total, operation.counts.matched) == (True, 7, 7)


def test_of_dead_jobs_it_has_come_down_to_an_end() -> None:
    """They are listed by their ends."""
    world = World()
    late = world.submit("bad", policy=ONCE, delay_s=60)
    world.clock.advance(1)
    dead_jobs(world, 2)
    world.clock.advance(60)
    world.work()
    operation = begin(world, Action.REDRIVE, rate_per_s=0.001)
    assert world.job(late).state is State.PENDING
    assert operation.passed_ms == world.clock.now_ms() > late.created_at


@pytest.mark.parametrize("limit", [1, 2, 3, 5])
def test_a_limit_is_kept(limit: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Over pieces as well."""
    monkeypatch.setattr("whendue.bulk.service.OPERATION_PIECE", 2)
    world = World()
    [world.submit("ok", delay_s=86_400) for _ in range(4)]
    done = to_the_end(world, begin(world, Action.CANCEL, limit=limit))
    assert (done.state, done.counts.changed) == (OperationState.FINISHED, min(limit, 4))


# --- shown ----------------------------------------------------------------------------------------------------------


def test_failures_that_are_named_are_bounded() -> None:
    """All are counted."""
    world = World()
    ids = [f"{UNKNOWN[:-4]}{number:04}" for number in range(OPERATION_FAILURES + 30)]
    operation = begin(world, Action.CANCEL, None, ids=ids)
    assert (operation.counts.failed, len(operation.failures)) == (len(ids), OPERATION_FAILURES)


@pytest.mark.parametrize(
    "asked",
    [
        Asked(Action.REDRIVE, "ada", wanted=JobFilter(state="succeeded")),
        Asked(Action.CANCEL, "ada", wanted=JobFilter(state="dead")),
        Asked(Action.CANCEL, "ada", wanted=JobFilter(created_from=10, created_until=9)),
        Asked(Action.CANCEL, "ada", ids=[]),
        Asked(Action.CANCEL, "ada", ids=[f"{number}" for number in range(OPERATION_IDS + 1)]),
    ],
    ids=str,
)
def test_what_could_be_of_no_job_is_refused_and_nothing_is_stored(asked: Asked) -> None:
    """Not an operation that has found nothing."""
    world = World()
    before = world.table.items()
    with pytest.raises(InvalidRequestError):
        world.app.bulk.begin(TENANT, asked)
    assert world.table.items() == before


def test_a_running_job_is_asked_to_stop_once() -> None:
    """Its history says by which operation."""
    world = World()
    found = []

    def run(payload: Any, ctx: Any) -> None:
        found.append(begin(world, Action.CANCEL))
        found.append(begin(world, Action.CANCEL))

    world.task("long", run)
    job = world.submit("long")
    world.work()
    assert [operation.counts.all for operation in found] == [1, 0]
    assert events(world, job) == [(EventType.CANCEL_REQUESTED.value, "ada", found[0].id)]


def test_changes_are_counted_as_such() -> None:
    """In a series of their own, beside what became of the jobs; an undone redrive is no second death."""
    world = World()
    dead_jobs(world, 2)
    world.app.metrics.take()
    operation = begin(world, Action.REDRIVE, rate_per_s=0.001)
    world.app.bulk.undo(TENANT, operation.id, "bob")
    taken = world.app.metrics.take()
    assert taken["bulk"].numbers == {"bulk_redrive": 1, "bulk_undo": 1, "redriven": 1}
    assert "dead" not in +taken.get("jobs#normal#bad", Counts()).numbers


def test_a_job_that_dies_after_the_begin_is_left_alone() -> None:
    """Also in a part of the index that the operation has not come to."""
    world = World()
    [dead] = dead_jobs(world, 1)
    late = world.submit("bad", policy=ONCE, delay_s=1)
    store = Refusing(world.table, "query_newest", unavailable)
    operation = world.build(store=store).bulk.begin(TENANT, Asked(Action.REDRIVE, "ada", wanted=ALL))
    world.clock.advance(2)
    world.work()
    assert world.job(late).state is State.DEAD
    assert to_the_end(world, operation).counts.all == 1
    assert (world.job(dead).redrives, world.job(late).redrives) == (1, None)


def test_a_job_that_dies_again_by_a_clock_that_is_behind_is_not_redriven_again() -> None:
    """Its end is earlier than the begin by that clock, and it stands where the operation has yet to come."""
    world = World()
    jobs = dead_jobs(world, 3)
    world.clock.advance(60)
    operation = begin(world, Action.REDRIVE, rate_per_s=0.001)
    [again] = [job for job in jobs if world.job(job).state is State.PENDING]
    before = world.job(again)
    earlier = {
        "state": "dead",
        "finished_at": operation.created_at - 120_000,
        "check_at": operation.created_at - 120_000,
    }
    partition = {"due_pk": dead_partition(TENANT, before.shard), "live_shard": before.shard, "fingerprint": ""}
    world.table.apply([Write("odd", again.key, (), earlier | partition)])
    done = to_the_end(world, operation, ticks=60)
    assert (done.counts.changed, done.counts.failed) == (3, 0)
    assert touches(world, operation) == Counter({job.id: 1 for job in jobs})


def unavailable(*_: object, **__: object) -> Any:
    raise UnavailableError
