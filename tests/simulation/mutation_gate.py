"""The mutation gate: every mutant must be caught by the scenarios, the tests of the parts or random worlds."""

import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from itertools import chain

import pytest

from tests.simulation import search
from tests.simulation.allowed_mutants import ALLOWED_MUTANTS
from tests.simulation.coverage import Run, reached, reached_by_worlds
from tests.simulation.covering_tests import TESTS, CoveringTest, failing, in_session, reached_by_tests, split_at
from tests.simulation.explore import Found
from tests.simulation.mutants import Mutant, mutants
from tests.simulation.parts import AREA_OF, PARTS
from tests.simulation.report import write_mutants
from tests.simulation.timeouts import Broken, forked
from tests.simulation.verdicts import CaughtMutants, Verdict, digest_of

KEPT = TESTS / "simulation/caught_mutants.jsonl"
WORLDS = 200
# Of the runs with a single fault, so many are tried first, from all over.
SOME = 400
# Nearly all mutants are caught by tests that take so many seconds of CPU together; others need minutes. 0: these are
# known to be such.
QUICK_S = float(os.environ.get("QUICK_S") or 15)
# Set to stop after the quick stage, while tests are being written.
QUICK_ALONE = os.environ.get("QUICK")
# A survivor needs some minutes of CPU.
CPU_S = 900
PROCESSES = 3
# Its tests set the process's timers, by which tests are limited here.
WITH_TIMERS = "functional/api/test_endless_validators.py"
# Who noticed a mutant, and each thing that did.
Stage = tuple[str, Iterator[str]]
Stages = Callable[[Mutant], list[Stage]]
Tests = Mapping[str, Sequence[CoveringTest]]


def main(wanted: Callable[[Mutant], bool], *, whole: bool, fresh: bool, report: bool) -> int:
    """Judge all mutants that are wanted.

    Args:
        wanted: which.
        whole: whether those are all, so that allowed mutants which do not survive can be named.
        fresh: judge also those again that were caught before.
        report: write the table of tests/simulation/README.md.

    Returns:
        How many stand unexplained, and how many allowed mutants are none.
    """
    chosen = [mutant for mutant in mutants() if wanted(mutant)]
    store = CaughtMutants(KEPT)
    caught = {} if fresh else store.find()
    kept = [Verdict(item, *caught[digest_of(item)]) for item in chosen if digest_of(item) in caught]
    new = [item for item in chosen if digest_of(item) not in caught]
    print(f"{len(chosen)} mutants, {len(kept)} of them caught before", flush=True)
    verdicts = kept + (_judge_all(new, store) if new else [])
    store.tidy()
    for verdict in verdicts:
        if verdict.end in ("survivors", "unjudged"):
            print(f"{verdict.end}: {verdict.mutant.name}\n{verdict.broken or ''}")
    idle = _idle(verdicts) if whole else []
    for name in idle:
        print(f"this allowed mutant does not survive: {name}")
    if report:
        write_mutants(Counter((verdict.mutant.module, verdict.end) for verdict in verdicts))
    counts = Counter(verdict.end for verdict in verdicts)
    print(
        f"{len(verdicts)} mutants, {sum(verdict.by is not None for verdict in verdicts)} caught, "
        f"{counts['explained']} explained, {counts['survivors']} survivors, {counts['unjudged']} unjudged"
    )
    return counts["survivors"] + counts["unjudged"] + len(idle)


def _judge_all(chosen: Sequence[Mutant], store: CaughtMutants) -> list[Verdict]:
    """Judge mutants: by what is cheap first, and those that are left by everything."""
    over_http = [str(path.relative_to(TESTS)) for path in sorted(TESTS.glob("functional/api/test_*.py"))]
    over_http.remove(WITH_TIMERS)
    files = list(dict.fromkeys([*(file for part in PARTS for file in part.tests), *over_http]))
    return in_session(files, lambda items: _judge(chosen, items, store))


def _judge(chosen: Sequence[Mutant], items: Sequence[pytest.Item], store: CaughtMutants) -> list[Verdict]:
    print("which tests can notice what ...", flush=True)
    tests = reached_by_tests(items, {mutant.mark for mutant in chosen})
    quick = _judged(chosen, _quick_stages(tests), store)
    left = [verdict.mutant for verdict in quick if verdict.end in ("survivors", "explained")]
    slow = _judge_slowly(left, tests, store) if left and not QUICK_ALONE else []
    judged = {verdict.mutant for verdict in slow}
    return [verdict for verdict in quick if verdict.mutant not in judged] + slow


def _judge_slowly(left: Sequence[Mutant], tests: Tests, store: CaughtMutants) -> list[Verdict]:
    print(f"{len(left)} mutants are left; which single faults and random worlds can notice what ...", flush=True)
    marks = {mutant.mark for mutant in left}
    names = {scenario.name for item in left for scenario in AREA_OF[item.module].scenarios}
    return _judged(left, _slow_stages(tests, reached(marks, names), reached_by_worlds(marks, WORLDS)), store)


def _judged(chosen: Sequence[Mutant], stages: Stages, store: CaughtMutants) -> list[Verdict]:
    """Judge mutants, some at a time; keep those that are caught."""
    verdicts = []
    with ThreadPoolExecutor(PROCESSES) as pool:
        for number, done in enumerate(as_completed([pool.submit(judge, item, stages) for item in chosen]), 1):
            verdict = done.result()
            store.add(verdict)
            verdicts.append(verdict)
            print(f"[{number}/{len(chosen)}] {verdict.mutant.name[:110]} | {verdict.sentence[:160]}", flush=True)
    return verdicts


def judge(mutant: Mutant, stages: Stages) -> Verdict:
    """Try a mutant in a process of its own."""
    answer = forked(lambda: _caught(mutant, stages), CPU_S)
    if isinstance(answer, Broken):
        return Verdict(mutant, broken=answer.why)
    return Verdict(mutant, *answer.value)


def _caught(mutant: Mutant, stages: Stages) -> tuple[str | None, str]:
    mutant.put_in_place()
    return next(((who, what) for who, stage in stages(mutant) for what in stage), (None, ""))


def _quick_stages(tests: Tests) -> Stages:
    """Return the stage that takes seconds: the quickest tests."""

    def stages(mutant: Mutant) -> list[Stage]:
        quick, _ = split_at(tests.get(mutant.mark, ()), QUICK_S)
        return [("tests", failing(quick))]

    return stages


def _slow_stages(tests: Tests, runs: Mapping[str, Sequence[Run]], worlds: Mapping[str, Sequence[int]]) -> Stages:
    """Return the other stages: the other tests, runs without faults, every single fault, random worlds, overload."""

    def stages(mutant: Mutant) -> list[Stage]:
        _, others = split_at(tests.get(mutant.mark, ()), QUICK_S)
        scenarios = {scenario.name for scenario in AREA_OF[mutant.module].scenarios}
        clean = [run for run in runs.get(mutant.mark, ()) if not run[1]]
        faulty = [run for run in runs.get(mutant.mark, ()) if run[1] and run[0] in scenarios]
        step = 1 + len(faulty) // SOME
        rest = [run for number, run in enumerate(faulty) if number % step]
        return [
            ("tests", failing(others)),
            ("scenarios", map(_description, search.runs([*clean, *faulty[::step]]))),
            ("random worlds", map(_description, search.worlds(worlds.get(mutant.mark, ())))),
            ("scenarios", map(_description, chain(search.runs(rest), search.overloads()))),
        ]

    return stages


def _description(found: Found) -> str:
    faults = ", ".join(f"{number} {fault.name}" for number, fault in found.faults)
    return f"{found.scenario} [{faults}]: {found.violations[0]}"


def _idle(verdicts: Sequence[Verdict]) -> list[str]:
    """List the allowed mutants that explain no survivor."""
    explained = {verdict.mutant.allowed_key for verdict in verdicts if verdict.end == "explained"}
    return sorted(set(ALLOWED_MUTANTS) - explained)


if __name__ == "__main__":
    words = [word for word in sys.argv[1:] if not word.startswith("--")]
    left = main(
        lambda mutant: not words or any(word in mutant.name for word in words),
        whole=not words,
        fresh=bool(os.environ.get("FRESH")),
        report="--report" in sys.argv,
    )
    sys.exit(left > 0)
