"""Exploration: every single fault of every scenario, every pair where that is feasible, and random worlds."""

import logging
import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from functions import log
from tests.simulation.faults import READ, Fault, Plan
from tests.simulation.scenarios.base import Scenario
from tests.simulation.scenarios.registry import SCENARIOS
from tests.simulation.timeouts import HangError, limited
from tests.simulation.world import Call, World

# A scenario that has no more pairs than this has all of them run; of a larger one's a sample.
PAIRS_WHOLE = 2000
PAIRS_SAMPLE = 10
Faults = tuple[tuple[int, Fault], ...]


@dataclass(frozen=True, slots=True)
class Found:
    """A world in which a guarantee did not hold."""

    scenario: str
    faults: Faults
    violations: tuple[str, ...]
    seed: int | None = None


@dataclass(slots=True)
class Summary:
    """What was run."""

    singles: int = 0
    pairs: int = 0
    pairs_of: int = 0
    worlds: int = 0
    restless: int = 0
    calls: int = 0
    found: list[Found] = field(default_factory=list)

    def add(self, other: "Summary") -> None:
        """Add what another process ran."""
        self.singles += other.singles
        self.pairs += other.pairs
        self.pairs_of += other.pairs_of
        self.worlds += other.worlds
        self.restless += other.restless
        self.calls += other.calls
        self.found += other.found


def play(scenario: Scenario, plan: Plan, *, traced: bool = False) -> World:
    """Run a scenario under a plan; violations are in its monitor."""
    world = World(scenario.nature, plan, traced=traced)
    scenario.play(world)
    try:
        with _silence(), limited(scenario.timeout_s):
            world.run(scenario.horizon_s * 1000)
            world.monitor.conclude(settled=scenario.settles)
    except HangError as error:
        world.monitor.wrong(f"hangs: {error}")
    except Exception as error:  # noqa: BLE001 - a crash of the code under test is a finding
        world.monitor.wrong(f"crashed: {type(error).__name__}: {error}")
    return world


@contextmanager
def _silence() -> Iterator[None]:
    """Let the functions log nothing; other tests of this process read what they log."""
    before = log._logger().log_level
    log._logger().setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        log._logger().setLevel(before)


def next_faults(world: World, after: int = -1) -> Iterator[tuple[int, Fault]]:
    """List every fault that a call of this run could have had.

    A process that is killed before a read, right after another call, is as dead as if it had been killed after that
    one: nothing was done and no time passed in between. Of such a row only the first kill is listed.
    """
    for number, call in enumerate(world.calls):
        if number > after:
            again = number > after + 1 and _goes_on_reading(world.calls[number - 1], call)
            yield from ((number, kind) for kind in call.kinds if not (again and kind is Fault.KILL_BEFORE))
            yield from [(number, Fault.RAISES)] if call.raises else []


def _goes_on_reading(call: Call, then: Call) -> bool:
    known = call.kinds is READ or Fault.KILL_AFTER in call.kinds
    return known and then.kinds is READ and (call.process, call.at_ms) == (then.process, then.at_ms)


def singles(name: str) -> list[tuple[int, Fault]]:
    """List the single faults of a scenario."""
    return list(next_faults(play(SCENARIOS[name], Plan())))


def outlook(name: str) -> tuple[list[tuple[int, Fault]], float]:
    """List the single faults of a scenario; and the part of their pairs that may be run."""
    faults = singles(name)
    # Most faults change little: the pairs of a few tell how many there are in all.
    some = faults[:: max(1, len(faults) // 12)]
    guess = sum(explore(name, fault, 0).pairs_of for fault in some) * len(faults) / len(some)
    return faults, 1.0 if guess <= PAIRS_WHOLE else PAIRS_SAMPLE / guess


def explore(name: str, first: tuple[int, Fault], keep: float) -> Summary:
    """Run one single fault, and its pairs with each fault that comes after it.

    Args:
        name: the scenario.
        first: the single fault.
        keep: the part of the pairs to run.
    """
    scenario, summary = SCENARIOS[name], Summary(singles=1)
    world = play(scenario, Plan(dict([first])))
    _note(summary, world, name, (first,))
    seconds = list(next_faults(world, first[0]))
    summary.pairs_of = len(seconds)
    chance = random.Random(f"{name} {first[0]} {first[1].name}")
    for second in seconds:
        if keep < 1 and chance.random() >= keep:
            continue
        summary.pairs += 1
        _note(summary, play(scenario, Plan(dict([first, second]))), name, (first, second))
    return summary


def _note(summary: Summary, world: World, name: str, faults: Faults) -> None:
    summary.calls += len(world.calls)
    if world.monitor.violations:
        summary.found.append(Found(name, faults, tuple(world.monitor.violations)))
