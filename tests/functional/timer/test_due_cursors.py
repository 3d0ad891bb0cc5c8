"""How far the timer got in a partition: a cursor that two timers move is moved by one, one that is broken is mended."""

from tests.builders.world import World
from whendue.engine.ports import DueEntry
from whendue.table.keys import cursor_key
from whendue.table.writes import insert
from whendue.timer.due_cursors import Cursor, read_cursors

PARTITION = "live#normal#0"
FIRST, SECOND = DueEntry(100, "JOB#a", "job", 220), DueEntry(200, "JOB#b", "job", 320)


def read(world: World) -> Cursor:
    [cursor] = read_cursors(world.table, "promote", [PARTITION])
    return cursor


def test_of_two_timers_one_moves_a_cursor() -> None:
    """Also one that stands at the beginning, to which it was moved back."""
    world = World()
    assert read(world).move(FIRST)
    assert read(world).move(None)
    ours, theirs = read(world), read(world)
    assert ours.position is None
    assert ours.move(SECOND)
    assert not theirs.move(FIRST)
    assert read(world).position == SECOND


def test_a_cursor_that_cannot_be_read_is_written_anew_wherever_it_is_moved() -> None:
    """At the beginning, too: otherwise each tick would find it broken."""
    world = World()
    world.table.apply([insert("odd", cursor_key("promote", PARTITION), {"at_check": 1, "at_pk": 5})])
    broken = read(world)
    assert broken.position is None
    assert broken.move(None)
    item = world.table.items()[cursor_key("promote", PARTITION)]
    assert {name: item.get(name) for name in ("at_check", "at_pk")} == {"at_check": 0, "at_pk": None}
    assert read(world).move(FIRST)
