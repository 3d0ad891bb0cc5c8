"""The mutation gate: every mutant must be caught by the scenarios, by random worlds, or by the laws."""

import os
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from tests.simulation import hunt
from tests.simulation.hunt import forked
from tests.simulation.mutants import Mutant, mutants

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
    by, what = forked(lambda: _caught(mutant), PATIENCE_S) or ("hang", f"it runs for over {PATIENCE_S} s, or dies")
    return Verdict(mutant, by, what)


def _caught(mutant: Mutant) -> tuple[str | None, str]:
    """Give who caught the mutant, and by what."""
    mutant.put_in_place()
    for found in chain(hunt.scenarios(), hunt.overloads()):
        faults = ", ".join(f"{number} {fate.name}" for number, fate in found.fates)
        return "scenarios", f"{found.scenario} [{faults}]: {found.violations[0]}"
    for what in _laws():
        return "laws", what
    for found in hunt.worlds(WORLDS):
        return "random worlds", f"{found.scenario}: {found.violations[0]}"
    return None, ""


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
