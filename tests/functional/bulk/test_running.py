"""The quota of running operations: marks are taken, and free again whatever became of their operation."""

from contextlib import suppress

import pytest

from tests.builders.bulk import begin as begin_bulk
from tests.builders.bulk import dead_jobs
from tests.builders.world import TENANT, World
from whendue.bulk.model import Action, Operation, OperationState, create, operation_key
from whendue.bulk.quotas import OPERATIONS_RUNNING, OPERATIONS_UNDOING
from whendue.bulk.running import RunningMarks
from whendue.errors import TooManyOperationsError
from whendue.schedule_quotas import IN_FLIGHT_S
from whendue.table.writes import Write


def an_operation(world: World, number: int, tenant: str = TENANT, action: Action = Action.CANCEL) -> Operation:
    return Operation(
        tenant=tenant, id=f"o{number}", action=action, created_at=world.clock.now_ms(), by="ada", wanted="{}"
    )


def begin(world: World, number: int, action: Action = Action.CANCEL) -> Operation:
    operation = an_operation(world, number, action=action)
    RunningMarks(world.app.runtime).take(operation)
    world.table.apply([create(operation, 1)])
    return operation


def test_a_tenant_has_so_many_and_each_tenant_its_own() -> None:
    """The next one is refused until one has ended."""
    world = World()
    operations = [begin(world, number) for number in range(OPERATIONS_RUNNING)]
    with pytest.raises(TooManyOperationsError):
        begin(world, 99)
    RunningMarks(world.app.runtime).take(an_operation(world, 99, tenant="other"))
    ended = Write("end", operations[3].key, (), {"state": OperationState.FINISHED.value})
    world.table.apply([ended])
    begin(world, 100)
    with pytest.raises(TooManyOperationsError):
        begin(world, 101)


def test_what_runs_keeps_nobody_from_an_undo() -> None:
    """Seen before: with 20 slow operations nobody could stop the jobs of a redrive; undos have a quota of their own."""
    world = World()
    dead_jobs(world, 1)
    redriven = begin_bulk(world, Action.REDRIVE, rate_per_s=0.001)
    for number in range(OPERATIONS_RUNNING):
        with suppress(TooManyOperationsError):
            begin(world, number)
    undone = world.app.bulk.undo(TENANT, redriven.id, "bob")
    assert undone.counts.changed == 1
    for number in range(OPERATIONS_UNDOING - 1):
        begin(world, 200 + number, Action.UNDO)
    with pytest.raises(TooManyOperationsError, match=f"at most {OPERATIONS_UNDOING} running undos"):
        begin(world, 300, Action.UNDO)


def test_a_mark_whose_operation_was_never_created_is_free_after_a_while() -> None:
    """The process died between the two writes; another one may still be at it."""
    world = World()
    marks = RunningMarks(world.app.runtime)
    for number in range(OPERATIONS_RUNNING):
        marks.take(an_operation(world, number))
    with pytest.raises(TooManyOperationsError):
        begin(world, 99)
    world.clock.advance(IN_FLIGHT_S + 1)
    begin(world, 99)
    assert world.table.get([operation_key(TENANT, "o99")])[0]


def test_a_mark_is_taken_by_one_of_two() -> None:
    """The last one that is free."""
    world = World()
    for number in range(OPERATIONS_RUNNING - 1):
        begin(world, number)
    first, second = an_operation(world, 50), an_operation(world, 51)
    items = world.table.query_range
    marks = RunningMarks(world.app.runtime)

    def before_the_other(*arguments: object, **named: object) -> object:
        found = items(*arguments, **named)  # type: ignore[arg-type]
        if named["first"] == "running#" and not taken:
            taken.append(1)
            marks.take(first)
        return found

    taken: list[int] = []
    world.table.query_range = before_the_other  # type: ignore[method-assign, assignment]
    with pytest.raises(TooManyOperationsError):
        marks.take(second)
