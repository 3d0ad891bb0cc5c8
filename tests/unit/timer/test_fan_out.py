"""A further tick gets a part by its event, and only one that may starts any."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from tests.builders.scans import PagesStore, runtime_of, scan_of
from tests.builders.world import World
from whendue.errors import UnavailableError
from whendue.quotas import FAN_OUT_AFTER_MS, TIMERS_AT_ONCE
from whendue.timer.fan_out import PART, FanOut, TickPart, from_event, to_event

ALL = [f"live#queue0#{shard}" for shard in range(20)]


class Invoker:
    """Notes events; answers some of them with an error."""

    def __init__(self, *errors: Exception | None) -> None:
        self.events: list[Mapping[str, Any]] = []
        self._errors = list(errors)

    def invoke(self, event: Mapping[str, Any]) -> None:
        if self._errors and (error := self._errors.pop(0)):
            raise error
        self.events.append(event)


def fan_out_of(world: World, timers: Invoker | None, *, allowed: bool = True) -> FanOut:
    now_ms = world.clock.now_ms()
    runtime = replace(world.app.runtime, timers=timers)
    return FanOut(runtime, now_ms - FAN_OUT_AFTER_MS, now_ms + 50_000, allowed=allowed)


def scan_with_full_pages(count: int) -> Any:
    scan = scan_of(*ALL[: count + 1])
    pages: dict[str, list[list[int]]] = {name: [[1, 2]] for name in ALL[:count]}
    scan.read_window(runtime_of(World(), PagesStore(pages | {ALL[count]: [[3]]})))
    return scan


def test_a_part_survives_its_event() -> None:
    """Lambda carries JSON."""
    part = TickPart({"normal": [0, 3]}, [], 17, {"normal": True, "low": False})
    read = from_event(to_event(part), 4)
    assert read == replace(part, backlogs={"normal": True})
    assert from_event(to_event(TickPart({}, [1, 2], 5)), 4) == TickPart({}, [1, 2], 5)


def test_an_event_of_the_clock_has_no_part() -> None:
    """Whatever EventBridge puts into it."""
    assert from_event({}, 4) is None
    assert from_event({"version": "0", "detail": {}}, 4) is None


def test_shards_and_queues_that_do_not_exist_are_left_out() -> None:
    """An event of a version with more of them."""
    event = {
        PART: {"shards": {"normal": [0, 4, -1], "odd": [0]}, "schedules": [3, 4], "untilMs": 1, "backlogs": {"odd": 1}}
    }
    assert from_event(event, 4) == TickPart({"normal": [0]}, [3], 1)


@pytest.mark.parametrize("part", [None, {}, {"shards": 1, "schedules": [], "untilMs": 1, "backlogs": {}}])
def test_a_part_that_cannot_be_read_raises(part: Any) -> None:
    """Rather than serve everything."""
    with pytest.raises((KeyError, TypeError)):
        from_event({PART: part}, 4)


@pytest.mark.parametrize(("full", "started"), [(0, 0), (1, 0), (2, 1), (5, 4), (19, TIMERS_AT_ONCE - 1)])
def test_partitions_with_more_than_a_page_are_dealt_out_and_one_part_stays(full: int, started: int) -> None:
    """A partition that ends with its page stays, too; each has one owner."""
    world, timers = World(), Invoker()
    scan = scan_with_full_pages(full)
    fan_out = fan_out_of(world, timers)
    assert fan_out.share([scan], {"queue0": True}) == started
    given = [number for event in timers.events for number in event[PART]["shards"]["queue0"]]
    kept = [int(cursor.partition.split("#")[2]) for cursor, _ in scan.window]
    assert sorted(given + kept) == list(range(full + 1))
    assert all(event[PART]["backlogs"] == {"queue0": True} for event in timers.events)
    assert fan_out.share([scan_with_full_pages(9)], {}) == 0, "once in a tick"


def test_not_before_it_has_worked_for_a_while_and_never_in_a_further_tick_or_a_container() -> None:
    """Most ticks can do what they find."""
    world, timers = World(), Invoker()
    scan = scan_with_full_pages(5)
    early = FanOut(replace(world.app.runtime, timers=timers), world.clock.now_ms(), 2**60, allowed=True)
    assert early.share([scan], {}) == 0
    assert fan_out_of(world, timers, allowed=False).share([scan], {}) == 0
    assert fan_out_of(world, None).share([scan], {}) == 0
    assert (timers.events, len(scan.window)) == ([], 6)
    world.clock.advance(FAN_OUT_AFTER_MS / 1000)
    assert early.share([scan], {}) == 4


@pytest.mark.parametrize(("error", "noted"), [(UnavailableError("?"), 0), (ValueError("?"), 1)])
def test_what_cannot_be_given_away_stays(error: Exception, noted: int) -> None:
    """This tick serves it, or the next one does."""
    world, timers = World(), Invoker(error, None)
    scan = scan_with_full_pages(3)
    assert fan_out_of(world, timers).share([scan], {}) == 1
    assert [cursor.partition for cursor, _ in scan.window] == [ALL[0], ALL[1], ALL[3]]
    assert world.app.bulkhead.take().get("isolated_errors", 0) == noted


def test_a_container_keeps_all_and_that_is_no_error() -> None:
    """It has nothing to start further ticks with."""
    world = World()
    scan = scan_with_full_pages(5)
    assert fan_out_of(world, None).share([scan], {}) == 0
    assert len(scan.window) == 6
    assert world.app.bulkhead.take() == {}


def test_schedules_without_time_are_given_away_all_of_them() -> None:
    """This tick goes on with jobs."""
    world = World()
    names = [f"schedules#{shard}" for shard in range(9)]
    timers = Invoker(UnavailableError("?"), None)
    started, left = fan_out_of(world, timers).share_schedules(names)
    assert (started, left) == (TIMERS_AT_ONCE - 2, ["schedules#0", "schedules#7"])
    assert sorted(n for event in timers.events for n in event[PART]["schedules"]) == [1, 2, 3, 4, 5, 6, 8]
    assert fan_out_of(world, None).share_schedules(names) == (0, names)
    assert fan_out_of(world, timers, allowed=False).share_schedules(names) == (0, names)
    assert fan_out_of(world, timers).share_schedules([]) == (0, [])
