"""The mutation gate: every mutant must be caught by the scenarios, by random worlds, or by the laws."""

import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from tests.simulation import hunt
from tests.simulation.hunt import forked
from tests.simulation.mutants import Mutant, mutants
from tests.simulation.report import write_mutants

ROOT = Path(__file__).parents[2]
LAWS = ["tests/property/test_laws.py", "tests/unit/test_transitions.py"]
WORLDS = 600
PATIENCE_S = 60


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a mutant: who caught it, and by what; `by` None for a survivor."""

    mutant: Mutant
    by: str | None
    what: str = ""

    @property
    def told(self) -> str:
        """Say it."""
        if self.by:
            return f"caught by {self.by}: {self.what}"
        return f"explained: {self.mutant.excuse}" if self.mutant.excuse else "SURVIVES"


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


def main(wanted: Callable[[Mutant], bool], *, report: bool) -> int:
    """Judge all mutants that are wanted; gives the number of survivors that nobody has explained."""
    chosen = [mutant for mutant in mutants() if wanted(mutant)]
    verdicts: list[Verdict] = []
    with ThreadPoolExecutor(2) as pool:
        for number, verdict in enumerate(pool.map(judge, chosen), 1):
            verdicts.append(verdict)
            print(f"[{number}/{len(chosen)}] {verdict.mutant.name[:110]} | {verdict.told[:120]}", flush=True)
    caught = sum(verdict.by is not None for verdict in verdicts)
    unexplained = [verdict for verdict in verdicts if verdict.by is None and not verdict.mutant.excuse]
    if report:
        write_mutants(Counter((one.mutant.module, one.by or "explained") for one in verdicts))
    explained = len(chosen) - caught - len(unexplained)
    print(f"{len(chosen)} mutants, {caught} caught, {explained} explained, {len(unexplained)} survivors")
    return len(unexplained)


if __name__ == "__main__":
    words = [word for word in sys.argv[1:] if word != "--report"]
    found = main(lambda mutant: not words or any(word in mutant.name for word in words), report="--report" in sys.argv)
    sys.exit(found > 0)
