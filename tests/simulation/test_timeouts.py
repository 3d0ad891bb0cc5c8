"""What runs away or dies is told from what was looked at and found good or bad."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.simulation.covering_tests import failing, in_session
from tests.simulation.explore import play
from tests.simulation.faults import Plan
from tests.simulation.mutants import mutants
from tests.simulation.ports import WiredStore
from tests.simulation.scenarios.base import Scenario
from tests.simulation.timeouts import Answer, Broken, HangError, forked, limited
from tests.simulation.world import CALLS_AT_ONCE, World
from whendue.table.keys import job_key


def test_an_endless_loop_is_ended() -> None:
    """A mutant that loops must not hold up the gate, nor pass for one that is well."""
    with pytest.raises(HangError), limited(cpu_s=0.05):
        _endless()


def test_a_world_that_crashes_is_a_finding() -> None:
    """Code under test that raises has violated something."""

    def crash(world: object) -> None:
        raise RuntimeError("broken")

    scenario = Scenario("crash", lambda world: world.client(1, lambda: crash(world)))
    assert play(scenario, Plan()).monitor.violations == ["crashed: RuntimeError: broken"]


def test_a_world_that_reads_for_ever_is_a_finding() -> None:
    """Reads take no virtual time: nothing else would stop it but its CPU, after a million calls."""

    def read(world: World) -> None:
        store = WiredStore(world, world.process("reader", 1000))
        while True:
            store.get([job_key("x")])

    world = play(Scenario("reader", lambda world: world.client(1, lambda: read(world))), Plan())
    assert world.monitor.violations == ["hangs: reader-2 goes on with 'get', and no time passes"]
    assert len(world.calls) < 2 * CALLS_AT_ONCE


@pytest.mark.thorough
def test_a_functional_test_that_does_not_end_has_failed(tmp_path: Path) -> None:
    """Of a mutant that loops in memory, where no virtual time limits it."""
    endless = tmp_path / "test_endless.py"
    endless.write_text("def test_endless():\n    while True:\n        pass\n")
    found = forked(lambda: in_session([str(endless)], lambda items: next(failing(items, cpu_s=1), None)), cpu_s=20)
    assert isinstance(found, Answer)
    assert found.value is not None
    assert found.value.endswith("test_endless.py::test_endless")


@pytest.mark.thorough
def test_a_functional_test_that_ends_the_session_has_failed(tmp_path: Path) -> None:
    """As where a mutant lets through what a task has raised."""
    interrupting = tmp_path / "test_interrupting.py"
    interrupting.write_text("def test_interrupting():\n    raise KeyboardInterrupt\n")
    found = forked(lambda: in_session([str(interrupting)], lambda items: list(failing(items))), cpu_s=20)
    assert isinstance(found, Answer)
    assert [name.rpartition("::")[2] for name in found.value] == ["test_interrupting"]


@pytest.mark.thorough
def test_every_mutant_stands_in_a_function() -> None:
    """The gate tries it in the runs that pass through there: one without a place would be tried in none."""
    assert [mutant.name for mutant in mutants() if mutant.function is None] == []


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
