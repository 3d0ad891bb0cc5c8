"""The mutation gate: every mutant must be caught by the scenarios, the tests of its part or random worlds."""

import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import pytest

from tests.simulation import search
from tests.simulation.allowed_mutants import ALLOWED_MUTANTS
from tests.simulation.coverage import Run, reached
from tests.simulation.explore import Found
from tests.simulation.mutants import Mutant, mutants
from tests.simulation.parts import AREA_OF
from tests.simulation.report import write_mutants
from tests.simulation.timeouts import Broken, forked, limited

TESTS = Path(__file__).parents[1]
# pytest: a test has failed, or could not even be collected.
NOTICED = (1, 2)
WORLDS = 200
# Of the runs with a single fault, so many are tried first, from all over.
SOME = 400
# A survivor needs a minute of CPU.
CPU_S = 400
# A test needs a few seconds at most.
TEST_CPU_S = 30


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a mutant.

    Args:
        mutant: which.
        by: who caught it; None for a survivor.
        what: by what.
        broken: why it could not be judged; such a mutant counts as caught by nobody.
    """

    mutant: Mutant
    by: str | None = None
    what: str = ""
    broken: str | None = None

    @property
    def end(self) -> str:
        """Name the end, as the report counts it."""
        if self.broken:
            return "unjudged"
        return self.by or ("explained" if self.mutant.allowed_because else "survivors")

    @property
    def sentence(self) -> str:
        """Say it."""
        match self.end:
            case "unjudged":
                return f"UNJUDGED: {self.broken}"
            case "explained":
                return f"explained: {self.mutant.allowed_because}"
            case "survivors":
                return "SURVIVES"
        return f"caught by {self.by}: {self.what}"


def judge(mutant: Mutant, runs: Sequence[Run]) -> Verdict:
    """Try a mutant in a process of its own, on those runs of scenarios that pass through it."""
    answer = forked(lambda: _caught(mutant, runs), CPU_S)
    if isinstance(answer, Broken):
        return Verdict(mutant, broken=answer.why)
    return Verdict(mutant, *answer.value)


def _caught(mutant: Mutant, runs: Sequence[Run]) -> tuple[str | None, str]:
    """Give who caught the mutant, and by what: what is cheap is asked first, and everything in the end."""
    mutant.put_in_place()
    part = AREA_OF[mutant.module]
    scenarios = {scenario.name for scenario in part.scenarios}
    clean, faulty = [run for run in runs if not run[1]], [run for run in runs if run[1] and run[0] in scenarios]
    step = 1 + len(faulty) // SOME
    some, rest = faulty[::step], [run for number, run in enumerate(faulty) if number % step]
    stages: list[tuple[str, Iterator[str]]] = [
        ("scenarios", map(_description, search.runs(clean))),
        ("tests", failing(part.tests)),
        ("scenarios", map(_description, search.runs(some))),
        ("random worlds", map(_description, search.worlds(WORLDS))),
        ("scenarios", map(_description, chain(search.runs(rest), search.overloads()))),
    ]
    return next(((who, what) for who, stage in stages for what in stage), (None, ""))


def _description(found: Found) -> str:
    faults = ", ".join(f"{number} {fault.name}" for number, fault in found.faults)
    return f"{found.scenario} [{faults}]: {found.violations[0]}"


class _Failures:
    """A pytest plugin that notes what failed, and lets nothing run for ever."""

    def __init__(self, cpu_s: float) -> None:
        self.names: list[str] = []
        self._cpu_s = cpu_s

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self) -> Iterator[None]:
        with limited(self._cpu_s):
            yield

    def pytest_runtest_logreport(self, report: object) -> None:
        if getattr(report, "failed", False):
            self.names.append(getattr(report, "nodeid", "?"))


def failing(files: Sequence[str], cpu_s: float = TEST_CPU_S) -> Iterator[str]:
    """Run tests in this process, which shows nothing any more; give the first that fails or does not end."""
    with Path(os.devnull).open("w") as nowhere:
        os.dup2(nowhere.fileno(), 1)
        os.dup2(nowhere.fileno(), 2)
    failures = _Failures(cpu_s)
    options = ["-q", "-x", "-p", "no:cacheprovider", "-p", "no:xdist"]
    code = pytest.main([*options, *(str(TESTS / name) for name in files)], plugins=[failures])
    if code in NOTICED:
        yield next(iter(failures.names), "a test cannot be collected")
    elif code != 0:
        raise RuntimeError(f"pytest ended with {code}")


def main(wanted: Callable[[Mutant], bool], *, whole: bool, report: bool) -> int:
    """Judge all mutants that are wanted; gives how many stand unexplained, and how many allowed mutants are none."""
    chosen = [mutant for mutant in mutants() if wanted(mutant)]
    runs = reached({scenario.name for item in chosen for scenario in AREA_OF[item.module].scenarios})
    verdicts: list[Verdict] = []
    with ThreadPoolExecutor(3) as pool:
        judging = [pool.submit(judge, item, runs.get(f"{item.module}:{item.function}", [])) for item in chosen]
        for number, judged in enumerate(as_completed(judging), 1):
            verdict = judged.result()
            verdicts.append(verdict)
            print(f"[{number}/{len(chosen)}] {verdict.mutant.name[:110]} | {verdict.sentence[:160]}", flush=True)
    counts = Counter(verdict.end for verdict in verdicts)
    for entry in verdicts:
        if entry.end in ("survivors", "unjudged"):
            print(f"{entry.end}: {entry.mutant.name}\n{entry.broken or ''}")
    idle = (
        set(ALLOWED_MUTANTS) - {verdict.mutant.allowed_key for verdict in verdicts if verdict.end == "explained"}
        if whole
        else set()
    )
    for name in sorted(idle):
        print(f"this allowed mutant does not survive: {name}")
    if report:
        write_mutants(Counter((verdict.mutant.module, verdict.end) for verdict in verdicts))
    caught = sum(verdict.by is not None for verdict in verdicts)
    print(
        f"{len(chosen)} mutants, {caught} caught, {counts['explained']} explained, "
        f"{counts['survivors']} survivors, {counts['unjudged']} unjudged"
    )
    return counts["survivors"] + counts["unjudged"] + len(idle)


if __name__ == "__main__":
    words = [word for word in sys.argv[1:] if word != "--report"]
    left = main(
        lambda mutant: not words or any(word in mutant.name for word in words),
        whole=not words,
        report="--report" in sys.argv,
    )
    sys.exit(left > 0)
