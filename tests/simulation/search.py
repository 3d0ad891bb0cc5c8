"""Look for a violation: no fault, every single fault, overload, random worlds."""

from collections.abc import Iterable, Iterator

from tests.simulation.chance import chance_of, scenario_of
from tests.simulation.explore import Found, next_faults, play
from tests.simulation.faults import Fault, Plan
from tests.simulation.loads import overload
from tests.simulation.scenarios.registry import SCENARIOS


def scenarios(names: Iterable[str] = SCENARIOS) -> Iterator[Found]:
    """Run scenarios without faults, then with every single one."""
    clean = {name: play(SCENARIOS[name], Plan()) for name in names}
    for name, world in clean.items():
        if world.monitor.violations:
            yield Found(name, (), tuple(world.monitor.violations))
    for name, world in clean.items():
        for fault in next_faults(world):
            run = play(SCENARIOS[name], Plan(dict([fault])))
            if run.monitor.violations:
                yield Found(name, (fault,), tuple(run.monitor.violations))


def runs(some: Iterable[tuple[str, tuple[int, Fault] | None]]) -> Iterator[Found]:
    """Run scenarios, each without a fault or with a certain one."""
    for name, fault in some:
        faults = (fault,) if fault else ()
        if violations := play(SCENARIOS[name], Plan(dict(faults))).monitor.violations:
            yield Found(name, faults, tuple(violations))


def overloads() -> Iterator[Found]:
    """Run the backlog."""
    if violations := overload()[1]:
        yield Found("overload", (), tuple(violations))


def worlds(seeds: Iterable[int]) -> Iterator[Found]:
    """Run the random worlds of these seeds."""
    for seed in seeds:
        plan = chance_of(seed)
        run = play(scenario_of(seed), plan)
        if run.monitor.violations:
            yield Found(f"seed {seed}", tuple(sorted(plan.faults.items())), tuple(run.monitor.violations), seed)
