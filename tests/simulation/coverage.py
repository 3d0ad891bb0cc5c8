"""Which runs of the scenarios pass through which function: a mutant is tried there first."""

import ast
import importlib
import inspect
from collections import defaultdict
from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor

from tests.simulation.explore import next_faults, play
from tests.simulation.faults import Fault, Plan
from tests.simulation.mutants import functions_of, put_in_place
from tests.simulation.parts import AREA_OF
from tests.simulation.scenarios.registry import SCENARIOS
from tests.simulation.timeouts import forked, value_of

# A scenario, and its single fault if there is one.
Run = tuple[str, tuple[int, Fault] | None]
NOTE = "_reached"
CPU_S = 600


def reached(faulty: Collection[str] = ()) -> Mapping[str, list[Run]]:
    """Run scenarios without a fault, the `faulty` ones with each single one; return the runs by `module:function`."""
    with ThreadPoolExecutor(2) as pool:
        parts = list(pool.map(lambda name: forked(lambda: _runs(name, with_faults=name in faulty), CPU_S), SCENARIOS))
    runs: defaultdict[str, list[Run]] = defaultdict(list)
    for part in parts:
        for run, places in value_of(part):
            for location in places:
                runs[location].append(run)
    return runs


def _runs(name: str, *, with_faults: bool) -> list[tuple[Run, set[str]]]:
    seen: set[str] = set()
    watch(seen)
    clean = play(SCENARIOS[name], Plan())
    runs: list[tuple[Run, set[str]]] = [((name, None), set(seen))]
    for fault in next_faults(clean) if with_faults else ():
        seen.clear()
        play(SCENARIOS[name], Plan(dict([fault])))
        runs.append(((name, fault), set(seen)))
    return runs


def watch(seen: set[str]) -> None:
    """Let every function that has mutants add its `module:function` when it is called, in this process from now on."""
    for name in AREA_OF:
        module = importlib.import_module(name)
        tree = ast.parse(inspect.getsource(module))
        for location, function in functions_of(tree):
            note = ast.parse(f"{NOTE}({f'{name}:{location}'!r})").body
            after_docstring = 1 if ast.get_docstring(function) else 0
            function.body[after_docstring:after_docstring] = note
        put_in_place(module, ast.unparse(ast.fix_missing_locations(tree)), **{NOTE: seen.add})
