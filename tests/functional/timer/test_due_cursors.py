"""How far the timer got in a queue: a cursor that two timers move is moved by one, one that is broken is mended."""

from typing import Any

import pytest

from tests.builders.faults import Counted, Refusing
from tests.builders.world import World
from whendue.bulkhead import Bulkhead
from whendue.engine.ports import DueEntry, WriteResult, WriteStatus
from whendue.quotas import CURSORS_PER_WRITE
from whendue.table.keys import cursor_key, cursors_key
from whendue.table.writes import insert
from whendue.timer.due_cursors import Cursor, move_cursors, read_cursors

PARTITION = "live#normal#0"
FIRST, SECOND = DueEntry(100, "JOB#a", "job", 220), DueEntry(200, "JOB#b", "job", 320)


def read(world: World, store: Any = None) -> Cursor:
    [cursor] = read_cursors(store or world.table, "promote", [PARTITION])
    return cursor


def read_all(world: World, count: int, store: Any = None) -> list[Cursor]:
    return read_cursors(store or world.table, "promote", [f"live#normal#{shard}" for shard in range(count)])


def move(cursor: Cursor, position: DueEntry | None) -> bool:
    [moved] = move_cursors(Bulkhead(), [(cursor, position)])
    return moved


def test_of_two_timers_one_moves_a_cursor() -> None:
    """Also one that stands at the beginning, to which it was moved back."""
    world = World()
    assert move(read(world), FIRST)
    assert move(read(world), None)
    ours, theirs = read(world), read(world)
    assert ours.position is None
    assert move(ours, SECOND)
    assert not move(theirs, FIRST)
    assert read(world).position == SECOND


def test_the_very_first_moves_of_two_timers_do_not_undo_each_other() -> None:
    """Both find no item, and both create it."""
    world = World()
    ours, theirs = read_all(world, 3), read_all(world, 3)
    assert move_cursors(Bulkhead(), [(ours[0], FIRST), (ours[1], FIRST)]) == [True, True]
    assert move_cursors(Bulkhead(), [(theirs[1], SECOND), (theirs[2], SECOND)]) == [False, True]
    assert [cursor.position for cursor in read_all(world, 3)] == [FIRST, FIRST, SECOND]


@pytest.mark.parametrize("stored", [5, "{", "[1,2]", '["a","b","c","d"]', "null"])
def test_a_cursor_that_cannot_be_read_is_written_anew_wherever_it_is_moved(stored: Any) -> None:
    """At the beginning, too: otherwise each tick would find it broken."""
    world = World()
    world.table.apply([insert("odd", cursors_key("promote", "normal"), {"at_0": stored})])
    broken = read(world)
    assert broken.position is None
    assert move(broken, None)
    assert "at_0" not in world.table.items()[cursors_key("promote", "normal")]
    assert move(read(world), FIRST)
    assert read(world).position == FIRST


def test_all_cursors_of_a_queue_are_moved_by_one_write_and_those_of_50_by_one_update() -> None:
    """AWS takes expressions of a bounded size."""
    world = World()
    calls: list[str] = []
    for count, writes in ((4, 1), (CURSORS_PER_WRITE + 1, 2), (256, 6)):
        cursors = read_all(world, count, Counted(world.table, calls))
        calls.clear()
        position = DueEntry(count, *FIRST[1:])
        assert all(move_cursors(Bulkhead(), [(cursor, position) for cursor in cursors]))
        assert calls == ["apply"] * writes
        assert {cursor.position for cursor in read_all(world, count)} == {position}


def test_a_cursor_that_another_timer_has_moved_keeps_no_other_from_moving() -> None:
    """A second write moves the others; one that stands where it was to be moved to counts as moved."""
    world = World()
    ours, theirs = read_all(world, 4), read_all(world, 4)
    assert all(move_cursors(Bulkhead(), [(cursor, FIRST) for cursor in ours]))
    theirs = read_all(world, 4)
    assert move_cursors(Bulkhead(), [(ours[0], SECOND), (ours[1], DueEntry(300, *FIRST[1:]))]) == [True, True]
    moves = [(cursor, SECOND) for cursor in theirs]
    assert move_cursors(Bulkhead(), moves) == [True, False, True, True]
    assert [cursor.position == SECOND for cursor in read_all(world, 4)] == [True, False, True, True]


def test_an_unknown_result_is_no_move_and_the_next_one_finds_out() -> None:
    """The write may have been done: then the repeated one finds what it writes."""
    world = World()
    lossy = Refusing(world.table, "apply", lambda writes: [WriteResult(WriteStatus.UNAVAILABLE)])
    cursor = read(world, lossy)
    assert not move(cursor, FIRST)
    assert cursor.position is None
    assert move(read(world), FIRST)
    lossy.on = False
    assert move(cursor, FIRST)


def test_positions_of_the_version_before_are_taken_over_all_at_once() -> None:
    """They had an item each: the first move stores those of all partitions, also of those that another timer serves."""
    world = World()
    for shard in range(4):
        old = {"at_check": 100 + shard, "at_pk": "JOB#a", "at_sk": "job", "at_due": 220}
        world.table.apply([insert("old", cursor_key("promote", f"live#normal#{shard}"), old)])
    world.table.apply([insert("odd", cursor_key("promote", "live#normal#4"), {"at_check": 1, "at_pk": 5})])
    world.table.apply([insert("start", cursor_key("promote", "live#normal#5"), {"at_check": 0})])
    before = read_all(world, 6)
    old_positions = [DueEntry(100 + shard, *FIRST[1:]) for shard in range(4)]
    assert [cursor.position for cursor in before] == [*old_positions, None, None]
    assert move(read(world), SECOND)
    assert [cursor.position for cursor in read_all(world, 6)] == [SECOND, *old_positions[1:], None, None]


def test_positions_of_the_version_before_are_looked_for_once() -> None:
    """A tick of an idle queue reads one item, also where nothing was promoted yet."""
    world = World()
    world.table.apply([insert("old", cursor_key("promote", PARTITION), {"at_check": 0})])
    read_all(world, 6)
    reads: list[int] = []

    def get(keys: Any) -> Any:
        reads.append(len(keys))
        return world.table.get(keys)

    assert {cursor.position for cursor in read_all(world, 6, Refusing(world.table, "get", get))} == {None}
    assert reads == [1]


@pytest.mark.parametrize("by_another", [True, False])
def test_a_queue_whose_item_cannot_be_begun_has_the_positions_all_the_same(by_another: bool) -> None:
    """Another timer has begun it meanwhile, and moved it; or the table does not answer."""
    world = World()

    old = {"at_check": 50, "at_pk": "JOB#a", "at_sk": "job", "at_due": 220}
    world.table.apply([insert("old", cursor_key("promote", PARTITION), old)])

    def apply(writes: Any) -> Any:
        if not by_another:
            return [WriteResult(WriteStatus.UNAVAILABLE)] * len(writes)
        assert move(read(world), FIRST)
        return world.table.apply(writes)

    store = Refusing(world.table, "apply", apply)
    calls: list[str] = []
    cursor = read(world, Counted(store, calls))
    assert cursor.position == (FIRST if by_another else DueEntry(50, *FIRST[1:]))
    store.on = False
    calls.clear()
    assert move(cursor, SECOND)
    assert calls == ["apply"]


def test_a_position_at_the_beginning_is_stored_as_none_at_all() -> None:
    """Where the positions of the version before could not be stored at once, the first move stores those that are."""
    world = World()
    for shard in range(2):
        old = {"at_check": 100, "at_pk": "JOB#a", "at_sk": "job", "at_due": 220}
        world.table.apply([insert("old", cursor_key("promote", f"live#normal#{shard}"), old)])
    store = Refusing(world.table, "apply", lambda writes: [WriteResult(WriteStatus.UNAVAILABLE)] * len(writes))
    first, _ = read_all(world, 2, store)
    store.on = False
    assert move(first, None)
    item = world.table.items()[cursors_key("promote", "normal")]
    assert [name for name in item if name.startswith("at_")] == ["at_1"]


def test_an_error_of_one_queue_is_its_own() -> None:
    """The cursors of the others move."""
    world = World()

    def apply(writes: Any) -> Any:
        if "low" in writes[0].key.pk:
            raise ValueError("?")
        return world.table.apply(writes)

    partitions = ["live#high#0", "live#low#3"]
    read_cursors(world.table, "promote", partitions)
    cursors = read_cursors(Refusing(world.table, "apply", apply), "promote", partitions)
    bulkhead = Bulkhead()
    assert move_cursors(bulkhead, [(cursor, FIRST) for cursor in cursors]) == [True, False]
    noted = bulkhead.take()
    assert noted["isolated_errors"] == 1
    assert [error["item"] for error in noted["isolated"]] == ["live#low#3"]
