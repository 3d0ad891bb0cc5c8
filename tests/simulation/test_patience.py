"""What runs away or dies is told from what was looked at and found good or bad."""

import os
from collections.abc import Callable

import pytest

from tests.simulation.explore import play
from tests.simulation.fates import Plan
from tests.simulation.patience import Answer, Broken, HangError, forked, limited
from tests.simulation.stories.base import Scenario


def test_an_endless_loop_is_ended() -> None:
    """A mutant that loops must not hold up the gate, nor pass for one that is well."""
    with pytest.raises(HangError), limited(cpu_s=0.05):
        _endless()


def test_a_world_that_crashes_is_a_finding() -> None:
    """Code under test that raises has violated something."""

    def crash(world: object) -> None:
        raise RuntimeError("broken")

    story = Scenario("crash", lambda world: world.client(1, lambda: crash(world)))
    assert play(story, Plan()).monitor.violations == ["crashed: RuntimeError: broken"]


@pytest.mark.parametrize("work", [lambda: os._exit(3), lambda: int("no number")], ids=["dies", "raises"])
def test_work_that_breaks_gives_no_answer(work: Callable[[], int]) -> None:
    """A harness that breaks has judged nothing."""
    assert isinstance(forked(work, cpu_s=5), Broken)


def test_work_that_takes_too_long_gives_no_answer() -> None:
    """In seconds of CPU."""
    assert isinstance(forked(_endless, cpu_s=1), Broken)


def test_an_answer_comes_back() -> None:
    """From the other process, whole."""
    assert forked(lambda: ("a", 1), cpu_s=5) == Answer(("a", 1))


def _endless() -> None:
    while True:
        pass
