"""Backfills and bulk operations in the timer: tenants take turns, and one that cannot be read ends alone."""

import pytest

from tests.builders.world import TENANT, World
from whendue.bulk.model import Action, Operation, OperationState
from whendue.bulk.service import Asked
from whendue.operations.listing import JobFilter
from whendue.submission.request import JobRequest
from whendue.table.writes import Write


def begin(world: World, tenant: str, jobs: int) -> Operation:
    for _ in range(jobs):
        world.app.submit.one(tenant, JobRequest("ok", {}, delay_s=86_400))
    return world.app.bulk.begin(tenant, Asked(Action.CANCEL, "ada", wanted=JobFilter()))


def test_tenants_take_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    """One with a large operation does not keep another's from going on: a piece each, until the time is over."""
    monkeypatch.setattr("whendue.bulk.service.OPERATION_PIECE", 1)
    world = World()
    large, small = begin(world, "large", 40), begin(world, "small", 5)
    pieces: list[str] = []
    real = world.app.bulk.further

    def counted(operation: Operation) -> Operation:
        pieces.append(operation.tenant)
        world.clock.advance(1)
        return real(operation)

    monkeypatch.setattr(world.app.bulk, "further", counted)
    world.app.tick.run(world.clock.now_ms() + 20_000)
    assert pieces[:8] == [pieces[0], pieces[1]] * 4
    assert set(pieces[:2]) == {"large", "small"}
    assert world.app.bulk.get("small", small.id).state is OperationState.FINISHED
    assert world.app.bulk.get("large", large.id).is_running


def test_a_tick_does_so_many_pieces_of_each(monkeypatch: pytest.MonkeyPatch) -> None:
    """The next one goes on."""
    monkeypatch.setattr("whendue.bulk.service.OPERATION_PIECE", 1)
    monkeypatch.setattr("whendue.schedules.ticks.continued.OPERATION_PIECES_PER_TICK", 3)
    world = World()
    operation = begin(world, TENANT, 10)
    world.tick()
    assert world.app.bulk.get(TENANT, operation.id).counts.changed == 4


def test_one_that_cannot_be_read_keeps_no_other_from_going_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is looked at again later, at growing intervals."""
    monkeypatch.setattr("whendue.bulk.service.OPERATION_PIECE", 1)
    world = World()
    bad, good = begin(world, "bad", 2), begin(world, "good", 2)
    world.table.apply([Write("odd", bad.key, (), {"counts": "none"})])
    world.tick()
    assert world.app.bulk.get("good", good.id).state is OperationState.FINISHED
    [item] = world.table.get([bad.key])
    assert item
    assert item["check_at"] > world.clock.now_ms()
    assert world.app.bulkhead.take()["isolated"][0]["stage"] == "operation"


def test_one_that_raises_keeps_no_other_from_going_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """An unexpected error is that operation's alone."""
    monkeypatch.setattr("whendue.bulk.service.OPERATION_PIECE", 1)
    world = World()
    bad, good = begin(world, "bad", 2), begin(world, "good", 2)
    real = world.app.bulk.further

    def raising(operation: Operation) -> Operation:
        if operation.id == bad.id:
            raise ZeroDivisionError
        return real(operation)

    monkeypatch.setattr(world.app.bulk, "further", raising)
    world.tick()
    assert world.app.bulk.get("good", good.id).state is OperationState.FINISHED
    assert world.app.bulk.get("bad", bad.id).is_running
