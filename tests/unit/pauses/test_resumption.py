"""A resumption is read as it was written, and moved by condition."""

from dataclasses import replace

import pytest

from whendue.adapters.memory import MemoryStore
from whendue.engine.ports import DueEntry
from whendue.pauses.resumption import RESUMPTIONS, begin, end, from_item, move, of_pause, queues_of, with_backlogs
from whendue.table.keys import Key

PAUSE = Key("PAUSE#acme", "tenant")
ENTRY = DueEntry(1, "JOB#a", "job", 2)
BEGUN = of_pause("id", PAUSE, 1000, ["high", "low"], 2)


def test_it_is_read_as_it_was_written_and_found_from_its_time_on() -> None:
    """The timer needs no more than the due index to find it."""
    store = MemoryStore()
    moved = with_backlogs(replace(BEGUN, positions={"live#high#1": ENTRY, "live#low#0": None}), ["low"])
    assert all(result.done for write in (begin(BEGUN), move(BEGUN, moved)) for result in store.apply([write]))
    assert store.query_due(RESUMPTIONS, after=None, until_ms=999, limit=9) == []
    [entry] = store.query_due(RESUMPTIONS, after=None, until_ms=1000, limit=9)
    [item] = store.get([entry.key])
    assert item
    assert from_item(item) == moved
    assert queues_of(moved) == ["high", "low"]
    store.apply([end(moved)])
    assert store.items() == {}


def test_of_two_processes_one_moves_it() -> None:
    """The other one's positions are old."""
    store = MemoryStore()
    store.apply([begin(BEGUN)])
    ours, theirs = (replace(BEGUN, positions={name: ENTRY}) for name in ("live#high#0", "live#high#1"))
    assert [store.apply([move(BEGUN, after)])[0].done for after in (ours, theirs)] == [True, False]
    assert not store.apply([move(BEGUN, with_backlogs(BEGUN, []))])[0].done


def test_of_two_processes_one_begins_it() -> None:
    """Neither has looked at any job yet: the other one's backlogs are older."""
    store = MemoryStore()
    store.apply([begin(BEGUN)])
    moves = [move(BEGUN, with_backlogs(BEGUN, queues)) for queues in ([], ["high"])]
    assert [store.apply([write])[0].done for write in moves] == [True, False]


@pytest.mark.parametrize("broken", [{"positions": "{"}, {"positions": None}, {"backed_up": "?"}])
def test_what_is_none_raises(broken: dict[str, object]) -> None:
    """It ends alone, visibly."""
    item = dict(begin(BEGUN).changes) | {"pk": "RESUMPTION#id", "sk": "resumption"} | broken
    with pytest.raises((TypeError, ValueError)):
        from_item(item)
