"""What the mutation gate keeps of a run: what was caught, as long as that is still so."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from tests.simulation import verdicts
from tests.simulation.covering_tests import CPU_S, CoveringTest, in_session, reached_by_tests
from tests.simulation.mutants import Mutant, mutants
from tests.simulation.timeouts import forked, value_of
from tests.simulation.verdicts import CaughtMutants, Verdict, digest_of

MUTANT = Mutant("whendue.jobs.transitions", 7, "claim", "without x", "the source")
BY_A_TEST = ("tests", "tests/unit/jobs/test_transitions.py::test_one")


@pytest.fixture
def kept(tmp_path: Path) -> CaughtMutants:
    return CaughtMutants(tmp_path / "below" / "caught.jsonl")


@pytest.mark.parametrize(("by", "what"), [BY_A_TEST, ("scenarios", "now []: it is lost"), ("random worlds", "seed 3")])
def test_a_caught_mutant_is_not_judged_again(kept: CaughtMutants, by: str, what: str) -> None:
    """Nothing is kept at first; of two runs both count."""
    assert kept.find() == {}
    kept.add(Verdict(MUTANT, by, what))
    kept.add(Verdict(Mutant("whendue.jobs.transitions", 8, "claim", "without y", "another source"), by, what))
    assert kept.find()[digest_of(MUTANT)] == (by, what)
    assert len(kept.find()) == 2


@pytest.mark.parametrize(
    "verdict",
    [
        Verdict(MUTANT),
        Verdict(MUTANT, broken="the judge died"),
        Verdict(MUTANT, "tests", "a test cannot be collected"),
        Verdict(MUTANT, "tests", "tests/unit/test_that_is_gone.py::test_one"),
    ],
    ids=["a survivor", "unjudged", "no test", "no file"],
)
def test_all_others_are_judged_again(kept: CaughtMutants, verdict: Verdict) -> None:
    """What caught it must be there to look at."""
    kept.add(verdict)
    assert kept.find() == {}


def test_a_tidy_file_has_each_mutant_once_and_nothing_that_is_over(tmp_path: Path) -> None:
    """In an order of its own: two runs of the same gate write the same file."""
    path = tmp_path / "caught.jsonl"
    kept = CaughtMutants(path)
    others = [Mutant("whendue.jobs.transitions", 8, "claim", f"without {name}", name) for name in "abc"]
    for mutant in (*others, MUTANT, *reversed(others)):
        kept.add(Verdict(mutant, *BY_A_TEST))
    kept.add(
        Verdict(Mutant("whendue.jobs.model", 1, None, "without d", "d"), "tests", "tests/unit/test_gone.py::test_one")
    )
    kept.tidy()
    lines = path.read_text().splitlines()
    assert len(lines) == 4
    assert lines == sorted(lines)
    assert kept.find() == dict.fromkeys(map(digest_of, (MUTANT, *others)), BY_A_TEST)


@pytest.mark.parametrize("changed", ["unit/jobs/test_transitions.py", "builders/world.py"])
def test_a_changed_test_is_asked_again(
    kept: CaughtMutants, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, changed: str
) -> None:
    """It may catch less now; so may a builder that it uses."""
    for name in ("unit/jobs/test_transitions.py", "builders/world.py", "unit/jobs/test_other.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("as it was")
    monkeypatch.setattr(verdicts, "TESTS", tmp_path)
    _forget()
    kept.add(Verdict(MUTANT, *BY_A_TEST))
    (tmp_path / "unit/jobs/test_other.py").write_text("changed")
    _forget()
    assert digest_of(MUTANT) in kept.find()
    (tmp_path / changed).write_text("changed")
    _forget()
    assert kept.find() == {}


@pytest.fixture(autouse=True)
def _forget_afterwards() -> Iterator[None]:
    yield
    _forget()


def _forget() -> None:
    verdicts._digest_of_test.cache_clear()
    verdicts._digest_below.cache_clear()


@pytest.mark.thorough
def test_a_mutant_is_tried_on_the_tests_that_can_notice_it() -> None:
    """And on no other."""
    file = "unit/timer/test_lateness.py"
    chosen = [mutant for mutant in mutants() if mutant.module in ("whendue.timer.lateness", "whendue.limits.limiter")]
    marks = {mutant.mark for mutant in chosen}
    answer = forked(lambda: in_session([file], lambda items: _names(reached_by_tests(items, marks))), CPU_S)
    found = value_of(answer)
    assert all(name.startswith(f"tests/{file}::") for names in found.values() for name in names)
    assert {mark.partition(":")[0] for mark in found} == {"whendue.timer.lateness"}


def _names(found: Mapping[str, Sequence[CoveringTest]]) -> dict[str, list[str]]:
    return {mark: [test.item.nodeid for test in tests] for mark, tests in found.items()}
