"""The timer's thread: it ticks at once, again each minute, soon again while it is behind, and ends when told."""

import json
import threading
from typing import Any

import pytest

from tests.builders.waiting import eventually
from tests.builders.world import RealTime
from whendue.containers.health import Liveness
from whendue.containers.timer import LAST_STEP_S, TICK_S, Timer
from whendue.timer.tick import Ticked

GRACE_S = 20


class Ticks:
    """Ticks that do what the test says, and when each had to end."""

    def __init__(self, *outcomes: Any) -> None:
        self.ends = list(outcomes)
        self.deadlines: list[int] = []

    def run(self, deadline_ms: int) -> Ticked:
        self.deadlines.append(deadline_ms)
        end = self.ends.pop(0) if self.ends else Ticked()
        if isinstance(end, Exception):
            raise end
        return end() if callable(end) else end


def timer_of(world: RealTime, ticks: Ticks, grace_s: int = GRACE_S) -> Timer:
    world.app.tick = ticks  # type: ignore[assignment]
    return Timer(world.app, grace_s, Liveness(world.system.now_ms, 60))


def ended(timer: Timer) -> bool:
    timer.drain()
    return timer.join()


def test_it_promotes_and_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    """With the real tick; a line a tick."""
    world = RealTime()
    world.submit(delay_s=125)
    timer = Timer(world.app, GRACE_S, Liveness(world.system.now_ms, 60))
    timer.start()
    lines: list[str] = []

    def ticks() -> list[Any]:
        lines.extend(capsys.readouterr().out.splitlines())
        return [json.loads(line) for line in lines]

    [tick] = eventually(ticks)
    assert (tick["message"], tick["promoted"], tick["behind"]) == ("tick", 0, [])
    assert ended(timer)


@pytest.mark.parametrize(("grace_s", "lasts_s"), [(20, 20 - LAST_STEP_S), (3600, TICK_S)])
def test_a_tick_that_left_something_is_followed_by_the_next_soon(grace_s: int, lasts_s: int) -> None:
    """Each is short enough for the grace and for a minute, and the work of a busy one gets done all the same."""
    ticks = Ticks(Ticked(behind=["live#low#0"]), Ticked(behind=["live#low#0"]))
    world = RealTime()
    began_ms = world.system.now_ms()
    timer = timer_of(world, ticks, grace_s)
    timer.start()
    eventually(lambda: len(ticks.deadlines) >= 3)
    assert ended(timer)
    assert all(began_ms <= at - lasts_s * 1000 <= world.system.now_ms() for at in ticks.deadlines)


def test_it_survives_a_tick_that_fails(capsys: pytest.CaptureFixture[str]) -> None:
    """The next one does what this one could not; its words may quote a payload."""
    ticks = Ticks(RuntimeError("secret"))
    timer = timer_of(RealTime(), ticks)
    timer.start()
    out = eventually(lambda: capsys.readouterr().out)
    assert "tick failed" in out
    assert "secret" not in out
    assert ended(timer)


def test_it_ends_after_the_tick_that_is_under_way() -> None:
    """Nothing is left half done; were it killed, the next tick would go on all the same."""
    begun, go_on = threading.Event(), threading.Event()

    def slow() -> Ticked:
        begun.set()
        go_on.wait()
        return Ticked(behind=["live#low#0"])

    ticks = Ticks(slow)
    timer = timer_of(RealTime(), ticks)
    timer.start()
    assert begun.wait(120)
    timer.drain()
    go_on.set()
    assert timer.join()
    assert len(ticks.deadlines) == 1
