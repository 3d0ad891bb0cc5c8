"""Which runs can notice which mutant: those that reach its mark. A mutant is tried on no other."""

import importlib
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar

from tests.simulation.chance import chance_of, scenario_of
from tests.simulation.explore import next_faults, play
from tests.simulation.faults import Fault, Plan
from tests.simulation.mutants import MARK, marked, put_in_place
from tests.simulation.parts import AREA_OF
from tests.simulation.scenarios.registry import SCENARIOS
from tests.simulation.timeouts import forked, value_of

# A scenario, and its single fault if there is one.
Run = tuple[str, tuple[int, Fault] | None]
R = TypeVar("R")
CPU_S = 900
# Random worlds of one process.
WORLDS = 100


def reached(marks: Collection[str], faulty: Collection[str] = ()) -> Mapping[str, list[Run]]:
    """Run scenarios without a fault, the `faulty` ones with each single one; return the runs by the marks reached."""
    return _by_mark([partial(_runs, name, marks, with_faults=name in faulty) for name in SCENARIOS])


def reached_by_worlds(marks: Collection[str], number: int) -> Mapping[str, list[int]]:
    """Run so many random worlds; return their seeds by the marks they reach."""
    starts = range(0, number, WORLDS)
    return _by_mark([partial(_worlds, range(start, min(start + WORLDS, number)), marks) for start in starts])


def _by_mark(works: Sequence[Callable[[], list[tuple[R, set[str]]]]]) -> Mapping[str, list[R]]:
    with ThreadPoolExecutor(2) as pool:
        parts = list(pool.map(lambda work: forked(work, CPU_S), works))
    runs: defaultdict[str, list[R]] = defaultdict(list)
    for part in parts:
        for run, seen in value_of(part):
            for mark in seen:
                runs[mark].append(run)
    return runs


def _runs(name: str, marks: Collection[str], *, with_faults: bool) -> list[tuple[Run, set[str]]]:
    seen: set[str] = set()
    watch(seen, marks)
    clean = play(SCENARIOS[name], Plan())
    runs: list[tuple[Run, set[str]]] = [((name, None), set(seen))]
    for fault in next_faults(clean) if with_faults else ():
        seen.clear()
        play(SCENARIOS[name], Plan(dict([fault])))
        runs.append(((name, fault), set(seen)))
    return runs


def _worlds(seeds: range, marks: Collection[str]) -> list[tuple[int, set[str]]]:
    seen: set[str] = set()
    watch(seen, marks)
    runs = []
    for seed in seeds:
        seen.clear()
        play(scenario_of(seed), chance_of(seed))
        runs.append((seed, set(seen)))
    return runs


def watch(seen: set[str], marks: Collection[str]) -> None:
    """Let the guarded modules add each of the marks that is reached, in this process from now on."""

    def reach(mark: str, value: object = None, when: bool | None = None) -> object:
        if when is None or bool(value) is when:
            seen.add(mark)
        return value

    for name in AREA_OF:
        put_in_place(importlib.import_module(name), marked(name, marks), **{MARK: reach})
