"""Lists of operations: page by page, and by their state with a bounded number of reads."""

import pytest

from tests.builders.bulk import UNKNOWN, begin
from tests.builders.faults import Counted
from tests.builders.world import TENANT, World
from whendue.bulk.model import Action, OperationState
from whendue.bulk.service import BulkService
from whendue.errors import InvalidCursorError, OperationNotFoundError


def test_operations_are_listed_newest_first_page_by_page() -> None:
    """Of one's own tenant alone."""
    world = World()
    begun = []
    for _ in range(5):
        begun.append(begin(world, Action.CANCEL).id)
        world.clock.advance(1)
    listed, cursor = [], None
    while True:
        page = world.app.bulk.page(TENANT, 2, cursor)
        listed += [operation.id for operation in page.operations]
        if page.cursor is None:
            break
        cursor = page.cursor
    assert listed == begun[::-1]
    assert world.app.bulk.page("other", 2, None).operations == []
    with pytest.raises(OperationNotFoundError):
        world.app.bulk.get("other", begun[0])
    with pytest.raises(InvalidCursorError):
        world.app.bulk.page("other", 2, cursor)


def listed_ids(bulk: BulkService, state: OperationState, limit: int) -> list[str]:
    ids, cursor = [], None
    while True:
        page = bulk.page(TENANT, limit, cursor, state)
        assert len(page.operations) <= limit
        ids += [operation.id for operation in page.operations]
        if page.cursor is None:
            return ids
        cursor = page.cursor


@pytest.mark.parametrize("limit", [1, 2, 50])
def test_operations_of_a_state_are_listed(limit: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Newest first, each once; those that run without reading those that have ended."""
    monkeypatch.setattr("whendue.bulk.listed.OPERATIONS_LOOKED_AT", 3)
    world = World()
    for _ in range(3):
        world.submit("ok", delay_s=86_400)
    begun: dict[OperationState, list[str]] = {state: [] for state in OperationState}
    for number in range(9):
        if number % 3 == 0:
            operation = begin(world, Action.CANCEL, None, ids=[UNKNOWN])
        else:
            operation = begin(world, Action.REPRIORITISE, queue=("low", "high")[number % 2], rate_per_s=0.001)
            if number % 3 == 1:
                operation = world.app.bulk.cancel(TENANT, operation.id, "bob")
        begun[operation.state].append(operation.id)
        world.clock.advance(1)
    assert [len(ids) for ids in begun.values()] == [3, 3, 3]
    for state, ids in begun.items():
        assert listed_ids(world.app.bulk, state, limit) == ids[::-1]


def test_the_running_ones_are_two_reads_however_many_have_ended() -> None:
    """Their marks, and what these name."""
    world = World()
    for _ in range(30):
        begin(world, Action.CANCEL, None, ids=[UNKNOWN])
    calls: list[str] = []
    bulk = world.build(store=Counted(world.table, calls)).bulk
    assert bulk.page(TENANT, 50, None, OperationState.RUNNING).operations == []
    assert calls == ["query_range", "get"]


def test_a_page_of_a_state_looks_at_a_bounded_number(monkeypatch: pytest.MonkeyPatch) -> None:
    """It may be empty before the end; its cursor is of that state."""
    monkeypatch.setattr("whendue.bulk.listed.OPERATIONS_LOOKED_AT", 3)
    world = World()
    for _ in range(9):
        begin(world, Action.CANCEL, None, ids=[UNKNOWN])
        world.clock.advance(1)
    page = world.app.bulk.page(TENANT, 2, None, OperationState.CANCELLED)
    assert (page.operations, page.cursor is None) == ([], False)
    with pytest.raises(InvalidCursorError):
        world.app.bulk.page(TENANT, 2, page.cursor, OperationState.FINISHED)
    assert listed_ids(world.app.bulk, OperationState.CANCELLED, 2) == []
