"""`make sim`: every single fault, pairs of faults and random worlds; the last line says what was run and found.

`make sim SEED=17` replays a random world with its trace, `make sim SEED='now 3=KILL_AFTER'` a scenario with faults.
`make sim-long` runs every pair and ten million random worlds.
"""

import argparse
import gc
import os
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor

from rich.console import Console

from tests.simulation.chance import chance_of, roam, scenario_in, scenario_of, shrunk
from tests.simulation.explore import Found, Summary, explore, outlook, play
from tests.simulation.fairness import AT_ONCE, LATER_S, fairness
from tests.simulation.faults import Fault, Plan
from tests.simulation.interleavings import WORLDS, interleavings
from tests.simulation.loads import OVERLOAD, overload
from tests.simulation.report import write_report
from tests.simulation.scenarios.base import Scenario
from tests.simulation.scenarios.registry import SCENARIOS

WORLDS_A_TASK = 250
SHOWN = 3


def main() -> int:
    """Explore, or replay; the exit code says whether anything was found."""
    parser = argparse.ArgumentParser(prog="make sim", description=__doc__)
    parser.add_argument("--seed", default=os.environ.get("SEED") or None, help="replay this world")
    parser.add_argument("--worlds", type=int, default=100_000, help="random worlds")
    parser.add_argument("--one-of", type=int, default=1, help="run one of so many single faults; otherwise all")
    parser.add_argument("--all-pairs", action="store_true", help="run every pair of every scenario")
    parser.add_argument("--first", type=int, default=0, help="the first world's seed")
    parser.add_argument("--report", action="store_true", help="write the numbers into tests/simulation/README.md")
    options = parser.parse_args()
    if options.seed is not None:
        return replay(options.seed)
    console = Console(highlight=False)
    began = time.monotonic()
    with ProcessPoolExecutor(os.cpu_count(), initializer=_begin) as pool:
        summaries = _scenarios(pool, console, one_of=options.one_of, all_pairs=options.all_pairs)
        per_job, amplified = overload()
        console.print(f"overload: {per_job:.2f} messages per job, {len(amplified)} violations")
        slower, unfair = zip(*pool.map(fairness, (AT_ONCE, LATER_S)), strict=True)
        console.print(
            f"a quiet tenant beside a noisy one: {max(slower):.2f} times slower, {sum(map(len, unfair))} violations"
        )
        interleaved, mixed_up = _interleavings(pool)
        console.print(interleaved)
        random_summary = _worlds(pool, range(options.first, options.first + options.worlds), console)
    whole = Summary()
    for summary in (*summaries.values(), random_summary):
        whole.add(summary)
    whole.found += [Found(OVERLOAD.name, (), tuple(amplified))] if amplified else []
    for wrong in filter(None, (*unfair, mixed_up)):
        print("\n".join(("\nVIOLATION", *wrong)))
    for found in whole.found[:SHOWN]:
        _show(found)
    if options.report:
        write_report(summaries, random_summary)
    faults = "all" if options.one_of == 1 else f"one of {options.one_of}"
    minutes = (time.monotonic() - began) / 60
    console.print(f"{whole.calls:,} calls to the outside in {minutes:.1f} minutes")
    console.print(
        f"{len(SCENARIOS)} scenarios, {whole.singles:,} single faults ({faults}), {whole.pairs:,} pairs of "
        f"{whole.pairs_of:,} ({whole.pairs / whole.pairs_of:.2%}), {whole.worlds:,} random worlds "
        f"({whole.restless:,} of safety alone), "
        f"{len(whole.found) + sum(map(len, unfair)) + len(mixed_up)} violations",
        soft_wrap=True,
    )
    return 1 if whole.found or any(unfair) or mixed_up else 0


def _scenarios(pool: ProcessPoolExecutor, console: Console, *, one_of: int, all_pairs: bool) -> dict[str, Summary]:
    """Run every single fault of every scenario, or one of so many, and its pairs: all of them, or a sample."""
    tasks: list[tuple[str, tuple[int, Fault], float]] = []
    ahead: Counter[str] = Counter()
    for name, (faults, keep) in zip(SCENARIOS, pool.map(outlook, SCENARIOS), strict=True):
        chosen = faults[::one_of]
        tasks += [(name, fault, 1.0 if all_pairs else keep) for fault in chosen]
        ahead[name] = len(chosen)
    summaries = {name: Summary() for name in SCENARIOS}
    for (name, _, _), part in zip(tasks, pool.map(_explored, tasks, chunksize=8), strict=True):
        summaries[name].add(part)
        ahead[name] -= 1
        if not ahead[name]:
            _print(name, summaries[name], console)
    return summaries


def _interleavings(pool: ProcessPoolExecutor) -> tuple[str, list[str]]:
    """Submit dependents at the very moments at which their dependencies end."""
    parts = list(pool.map(interleavings, (range(start, start + 25) for start in range(0, WORLDS, 25))))
    wrong = [violation for part in parts for violation in part.wrong]
    pairs, in_time = sum(part.pairs for part in parts), sum(part.in_time for part in parts)
    summary = (
        f"{pairs:,} children submitted as their parents end: {in_time:,} in time to be told, {len(wrong)} violations"
    )
    return summary, wrong


def _print(name: str, summary: Summary, console: Console) -> None:
    part_run = "all" if summary.pairs == summary.pairs_of else f"{summary.pairs / summary.pairs_of:.1%}"
    console.print(
        f"{name:36} {summary.singles:5} single faults, {summary.pairs:6} pairs of {summary.pairs_of:6} ({part_run}), "
        f"{len(summary.found)} violations",
        soft_wrap=True,
    )


def _begin() -> None:
    """Collect garbage seldom: worlds are short-lived and full of circles."""
    gc.freeze()
    gc.set_threshold(200_000, 5, 100)


def _explored(task: tuple[str, tuple[int, Fault], float]) -> Summary:
    return explore(*task)


def _worlds(pool: ProcessPoolExecutor, seeds: range, console: Console) -> Summary:
    summary, printed = Summary(), 0
    for part in pool.map(roam, _parts(seeds)):
        summary.add(part)
        if summary.worlds - printed >= len(seeds) / 10 or summary.worlds == len(seeds):
            printed = summary.worlds
            console.print(f"random worlds: {summary.worlds:,} of {len(seeds):,}, {len(summary.found)} violations")
    return summary


def _parts(seeds: range) -> Iterable[range]:
    return (seeds[start : start + WORLDS_A_TASK] for start in range(0, len(seeds), WORLDS_A_TASK))


def _show(found: Found) -> None:
    """Print the smallest form of what was found, with its trace."""
    small = found if found.scenario == OVERLOAD.name else shrunk(found)
    print(f"\nVIOLATION in {small.scenario}; replay with: make sim SEED={seed_of(small)!r}")
    _trace(small)


def seed_of(found: Found) -> str:
    """Write a world so that `replay` can read it."""
    name = found.scenario.removeprefix("seed ")
    return " ".join(
        [name, *(f"{number}={fault.name}" for number, fault in found.faults), *(["."] if found.faults else [])]
    )


def replay(text: str) -> int:
    """Run one world again, to the letter, with its trace."""
    name, faults = _read(text)
    if name.isdigit() and not faults and not text.endswith("."):
        plan: Plan = chance_of(int(name))
        world = play(scenario_of(int(name)), plan, traced=True)
        print("\n".join(world.trace or []))
        return _verdict(world.monitor.violations)
    return _trace(Found(name if name in SCENARIOS else f"seed {name}", tuple(faults.items()), (), _number(name)))


def _read(text: str) -> tuple[str, dict[int, Fault]]:
    words = text.removesuffix(" .").split(" ")
    faults = {int(word.partition("=")[0]): Fault[word.partition("=")[2]] for word in words if "=" in word}
    return " ".join(word for word in words if "=" not in word), faults


def _number(name: str) -> int | None:
    return int(name) if name.isdigit() else None


def _trace(found: Found) -> int:
    scenario = _scenario_named(found)
    world = play(scenario, Plan(dict(found.faults)), traced=True)
    print("\n".join(world.trace or []))
    return _verdict(world.monitor.violations)


def _scenario_named(found: Found) -> Scenario:
    return OVERLOAD if found.scenario == OVERLOAD.name else scenario_in(found)


def _verdict(violations: Iterable[str]) -> int:
    wrong: Iterator[str] = iter(violations)
    first = next(wrong, None)
    print(f"violation: {first}" if first else "no violation")
    return 1 if first else 0


if __name__ == "__main__":
    sys.exit(main())
