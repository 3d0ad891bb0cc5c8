"""The mutation gate: every mutant must be caught by the scenarios, by random worlds, or by the laws."""

import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tests.simulation.chance import chance_of, scenario_of
from tests.simulation.explore import next_faults, play
from tests.simulation.fates import Plan
from tests.simulation.mutants import Mutant, mutants
from tests.simulation.scenarios import SCENARIOS

ROOT = Path(__file__).parents[2]
LAWS = ["tests/property/test_laws.py", "tests/unit/test_transitions.py"]
WORLDS = 1500
PATIENCE_S = 90


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a mutant: who caught it, and by what; `by` None for a survivor."""

    mutant: Mutant
    by: str | None
    what: str = ""


def judge(mutant: Mutant) -> Verdict:
    """Try a mutant in a process of its own."""
    ours, theirs = multiprocessing.Pipe(duplex=False)
    child = os.fork()
    if child == 0:
        with suppress(BaseException):
            theirs.send(_caught(mutant))
        os._exit(0)
    theirs.close()
    until = time.monotonic() + PATIENCE_S
    answer: tuple[str, str] | None = ("hang", f"it runs for over {PATIENCE_S} s")
    if ours.poll(max(0, until - time.monotonic())):
        with suppress(EOFError):
            answer = ours.recv()
    with suppress(ProcessLookupError):
        os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return Verdict(mutant, *answer) if answer else Verdict(mutant, None)


def _caught(mutant: Mutant) -> tuple[str, str] | None:
    """Give who caught the mutant, and by what."""
    mutant.put_in_place()
    for name, hunt in (("scenarios", _scenarios), ("laws", _laws), ("random worlds", _worlds)):
        for what in hunt():
            return name, what
    return None


def _scenarios() -> Iterator[str]:
    clean = {name: play(scenario, Plan()) for name, scenario in SCENARIOS.items()}
    for name, world in clean.items():
        yield from (f"{name}, no fault: {what}" for what in world.monitor.violations[:1])
    for name, world in clean.items():
        for number, fate in next_faults(world):
            run = play(SCENARIOS[name], Plan({number: fate}))
            yield from (f"{name}, call {number} {fate.name}: {what}" for what in run.monitor.violations[:1])


def _worlds() -> Iterator[str]:
    for seed in range(WORLDS):
        world = play(scenario_of(seed), chance_of(seed))
        yield from (f"seed {seed}: {what}" for what in world.monitor.violations[:1])


def _laws() -> Iterator[str]:
    import pytest

    with Path(os.devnull).open("w") as nowhere:
        os.dup2(nowhere.fileno(), 1)
        os.dup2(nowhere.fileno(), 2)
        code = pytest.main(["-q", "-x", "-p", "no:cacheprovider", "-p", "no:xdist", *(str(ROOT / law) for law in LAWS)])
    if code != 0:
        yield "a law or a transition's test fails"


def main(wanted: Callable[[Mutant], bool]) -> int:
    """Judge all mutants that are wanted; gives the number of survivors."""
    chosen = [mutant for mutant in mutants() if wanted(mutant)]
    survivors = 0
    with ThreadPoolExecutor(2) as pool:
        for number, verdict in enumerate(pool.map(judge, chosen), 1):
            survivors += verdict.by is None
            fate = f"caught by {verdict.by}: {verdict.what}" if verdict.by else "SURVIVES"
            print(f"[{number}/{len(chosen)}] {verdict.mutant.name[:110]} | {fate[:120]}", flush=True)
    print(f"{len(chosen)} mutants, {len(chosen) - survivors} caught, {survivors} survivors")
    return survivors


if __name__ == "__main__":
    words = sys.argv[1:]
    sys.exit(main(lambda mutant: not words or any(word in mutant.name for word in words)) > 0)
