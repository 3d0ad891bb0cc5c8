"""Each job is changed once, whoever else is at it, and wherever a process dies."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.builders.bulk import ALL, ONCE, begin, dead_jobs, to_the_end, touches
from tests.builders.faults import Counted, KilledError, Refusing
from tests.builders.world import TENANT, World
from whendue.bulk.model import Action, OperationState
from whendue.bulk.service import Asked
from whendue.errors import (
    UnavailableError,
)
from whendue.jobs.model import State
from whendue.table.writes import Write

PREPARED: dict[Action, Callable[[World], object]] = {
    Action.REDRIVE: lambda world: dead_jobs(world, 5),
    Action.DELETE: lambda world: dead_jobs(world, 5),
    Action.CANCEL: lambda world: [world.submit("ok", delay_s=86_400) for _ in range(5)],
    Action.RESCHEDULE: lambda world: [world.submit("ok", delay_s=86_400) for _ in range(5)],
    Action.REPRIORITISE: lambda world: [world.submit("ok", delay_s=86_400) for _ in range(5)],
}
MORE: dict[Action, dict[str, Any]] = {
    Action.REPRIORITISE: {"queue": "low"},
    Action.RESCHEDULE: {"due_at": World().clock.now_ms() + 7_200_000},
}


@pytest.mark.sampled(5)
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("action", PREPARED)
def test_an_operation_killed_at_any_call_resumes_and_changes_each_job_once(
    action: Action, after: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the request or in the timer, at the table or at the queue; and again in what comes after."""
    monkeypatch.setattr("whendue.bulk.service.OPERATION_PIECE", 2)
    kill_at, killed = 0, True
    while killed:
        world = World()
        PREPARED[action](world)
        calls: list[str] = []
        ports = [Counted(port, calls, kill_at, after=after) for port in (world.table, world.queues)]
        dying = world.build(*ports)
        killed = False
        asked = Asked(action, "ada", wanted=ALL, **MORE.get(action, {}))
        try:
            dying.bulk.begin(TENANT, asked)
            dying.tick.run(world.clock.now_ms() + 60_000)
        except KilledError:
            killed = True
        world.clock.advance(60)
        page = world.app.bulk.page(TENANT, 10, None)
        for operation in page.operations:
            done = to_the_end(world, operation)
            assert (done.state, done.counts.changed, done.counts.all) == (OperationState.FINISHED, 5, 5), kill_at
            if action is not Action.DELETE:
                assert sorted(touches(world, operation).values()) == [1] * 5, kill_at
        kill_at += 1
    assert kill_at > 10
    assert len(page.operations) == 1


def test_two_at_the_same_piece_count_it_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The second finds in each job what the first has done, and that the piece is counted."""
    monkeypatch.setattr("whendue.bulk.service.OPERATION_PIECE", 2)
    world = World()
    [world.submit("ok", delay_s=86_400) for _ in range(4)]
    before = begin(world, Action.REPRIORITISE, queue="low")
    first, second = world.app.bulk.further(before), world.app.bulk.further(before)
    assert first.counts.changed == second.counts.changed == 4
    assert set(touches(world, before).values()) == {1}


def test_a_job_that_was_changed_again_is_not_changed_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process dies before it counts; meanwhile somebody moves a job on. The kept changes say who was first."""
    monkeypatch.setattr("whendue.bulk.service.OPERATION_PIECE", 2)
    world = World()
    jobs = [world.submit("ok", delay_s=86_400) for _ in range(2)]

    def dead_before_it_counts(writes: list[Write]) -> Any:
        if writes[0].name == "move_operation":
            raise KilledError
        return world.table.apply(writes)

    app = world.build(store=Refusing(world.table, "apply", dead_before_it_counts))
    with pytest.raises(KilledError):
        app.bulk.begin(TENANT, Asked(Action.REPRIORITISE, "ada", wanted=ALL, queue="low"))
    world.app.control.reschedule(TENANT, jobs[0].id, None, "high", by="bob")
    [operation] = world.app.bulk.page(TENANT, 10, None).operations
    done = to_the_end(world, operation)
    assert (done.counts.changed, done.counts.failed) == (2, 0)
    assert [world.job(job).queue for job in jobs] == ["high", "low"]


def test_what_was_changed_between_plan_and_write_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is no longer the job that was selected."""
    world = World()
    job = world.submit("ok", delay_s=86_400)

    def changed_meanwhile(writes: list[Write]) -> Any:
        results = world.table.apply(writes)
        if writes[0].name == "plan_piece":
            world.app.control.reschedule(TENANT, job.id, None, "high", by="bob")
        return results

    app = world.build(store=Refusing(world.table, "apply", changed_meanwhile))
    operation = app.bulk.begin(TENANT, Asked(Action.REPRIORITISE, "ada", wanted=ALL, queue="low"))
    assert [failure.code for failure in operation.failures] == ["state_conflict"]
    assert world.job(job).queue == "high"


def test_a_retry_between_plan_and_write_is_no_reason_to_leave_a_job_alone() -> None:
    """Nobody asked for it: a cancel is still wanted."""
    world = World()
    job = world.submit("bad", delay_s=1)

    def run_meanwhile(writes: list[Write]) -> Any:
        results = world.table.apply(writes)
        if writes[0].name == "plan_piece":
            world.clock.advance(2)
            world.work()
            assert world.job(job).generation == 2
        return results

    app = world.build(store=Refusing(world.table, "apply", run_meanwhile))
    operation = app.bulk.begin(TENANT, Asked(Action.CANCEL, "ada", wanted=ALL))
    assert operation.counts.changed == 1
    assert world.job(job).state is State.CANCELLED


def test_while_the_table_fails_an_operation_waits() -> None:
    """Nothing is counted that may not be done."""
    world = World()
    jobs = [world.submit("ok", delay_s=86_400) for _ in range(3)]

    def unavailable(*_: object, **__: object) -> Any:
        raise UnavailableError

    store = Refusing(world.table, "query_newest", unavailable)
    app = world.build(store=store)
    operation = app.bulk.begin(TENANT, Asked(Action.CANCEL, "ada", wanted=ALL))
    assert (operation.state, operation.counts.all) == (OperationState.RUNNING, 0)
    assert to_the_end(world, operation).counts.changed == 3
    assert all(world.job(job).state is State.CANCELLED for job in jobs)


def test_deletes_that_take_long_go_on_in_the_timer() -> None:
    """A request has 29 seconds, and a tick other tenants: what was deleted by then is not asked for again."""
    world = World()
    jobs = dead_jobs(world, 4)

    def slow(writes: list[Write]) -> Any:
        world.clock.advance(4 if writes and writes[0].name == "erase" else 0)
        return world.table.apply(writes)

    app = world.build(store=Refusing(world.table, "apply", slow))
    began_ms = world.clock.now_ms()
    operation = app.bulk.begin(TENANT, Asked(Action.DELETE, "ada", wanted=ALL))
    assert world.clock.now_ms() - began_ms < 20_000
    assert operation.state is OperationState.RUNNING
    left = [key for key in world.table.items() if key.sk == "job"]
    assert 0 < len(left) < len(jobs)
    assert to_the_end(world, operation).counts.changed == len(jobs)


@pytest.mark.parametrize("action", [Action.REDRIVE, Action.DELETE])
def test_another_job_that_has_the_id_by_then_is_left_alone(action: Action) -> None:
    """The one that was planned was deleted, and its Idempotency-Key was used again."""
    world = World()
    first = world.submit("bad", policy=ONCE, idempotency_key="k")
    world.work()

    def replaced(writes: list[Write]) -> Any:
        results = world.table.apply(writes)
        if writes[0].name == "plan_piece":
            world.app.erasing.erase(TENANT, first.id)
            world.clock.advance(1)
            assert world.submit("bad", policy=ONCE, idempotency_key="k").id == first.id
            world.work()
        return results

    app = world.build(store=Refusing(world.table, "apply", replaced))
    operation = app.bulk.begin(TENANT, Asked(action, "ada", ids=[first.id]))
    codes = [failure.code for failure in operation.failures]
    assert codes == ([] if action is Action.DELETE else ["job_not_found"])
    assert (world.job(first).state, world.job(first).redrives) == (State.DEAD, None)


def test_a_pending_fan_out_is_finished_before_the_job_runs_again() -> None:
    """Its dependents are released by the end that it has had."""
    world = World()
    [job] = dead_jobs(world, 1)
    world.table.apply([Write("odd", job.key, (), {"pending_fan_out": ""})])
    operation = begin(world, Action.REDRIVE, None, ids=[job.id])
    assert (operation.counts.changed, operation.counts.failed) == (1, 0)
    assert world.job(job).state is State.PENDING


def test_a_job_whose_retention_is_over_is_not_there() -> None:
    """Though the table may still have it for days."""
    world = World()
    [job] = dead_jobs(world, 1)
    world.clock.advance(job.policy.retention_s + 10)
    assert begin(world, Action.DELETE).counts.all == 0
    assert [failure.code for failure in begin(world, Action.DELETE, None, ids=[job.id]).failures] == ["job_not_found"]
