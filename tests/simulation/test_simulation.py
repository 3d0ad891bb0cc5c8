"""The simulator in the fast suite: scenarios without faults, planted bugs found, worlds repeatable."""

import re

import pytest

from tests.simulation import search
from tests.simulation.chance import chance_of, is_lasting, roam, scenario_of
from tests.simulation.explore import explore, play, singles
from tests.simulation.fairness import AT_ONCE, LATER_S, fairness
from tests.simulation.faults import Plan
from tests.simulation.interleavings import interleavings
from tests.simulation.loads import OVERLOAD, overload
from tests.simulation.scenarios.registry import SCENARIOS
from tests.simulation.seeded_bugs import SEEDED_BUGS, SeededBug
from tests.simulation.timeouts import Answer, forked


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_scenario_without_faults_ends_as_it_should(name: str) -> None:
    """What is wrong without any fault needs no exploring."""
    assert play(SCENARIOS[name], Plan()).monitor.violations == []


@pytest.mark.sampled(2)
@pytest.mark.parametrize("name", ["now", "retried", "cancelled while it runs", "told of a success"])
def test_every_single_fault_heals(name: str) -> None:
    """The rest of the scenarios, and the pairs, are `make sim`."""
    assert [found for fault in singles(name) for found in explore(name, fault, keep=0).found] == []


def test_healing_does_not_amplify_an_overload() -> None:
    """G11: late is not lost."""
    per_job, violations = overload()
    assert violations == []
    assert per_job >= 1


@pytest.mark.parametrize("due_s", [AT_ONCE, LATER_S])
def test_a_noisy_tenant_makes_a_quiet_ones_jobs_less_than_twice_as_slow(due_s: int | None) -> None:
    """With a thousand jobs of noise; `make sim` makes it five thousand. Without the fair queue it is seven times."""
    slower, wrong = fairness(due_s, noise=1000)
    assert wrong == []
    assert slower < 2


def test_random_worlds_hold() -> None:
    """A few; `make sim` runs a hundred thousand."""
    assert roam(range(200)).found == []


@pytest.mark.sampled(5)
@pytest.mark.parametrize("seed", [1286, 2925, 3319, 4358, 5373])
def test_after_all_retentions_nothing_is_left(seed: int) -> None:
    """Of jobs that wait for hours, with faults and TTL; and nothing went before. Three in a thousand worlds are so."""
    assert is_lasting(seed)
    assert roam(range(seed, seed + 1)).found == []


@pytest.mark.parametrize("seed", [3, 44, 101])
def test_a_world_is_the_same_each_time(seed: int) -> None:
    """A seed that fails must fail again, to the letter."""
    first, second = (play(scenario_of(seed), chance_of(seed), traced=True).trace for _ in range(2))
    assert first
    assert first == second


def test_a_world_replayed_from_its_faults_alone_is_the_same() -> None:
    """Shrinking stands on this."""
    replayed = 0
    for seed in range(20):
        plan = chance_of(seed)
        first = play(scenario_of(seed), plan, traced=True)
        if plan.faults:
            # A plan knows no time: it is over with its last fault, so the world may settle earlier.
            again = play(scenario_of(seed), Plan(plan.faults), traced=True)
            assert again.trace == (first.trace or [])[: len(again.trace or [])]
            replayed += 1
    assert replayed > 5


@pytest.mark.sampled(9)
@pytest.mark.parametrize("bug", SEEDED_BUGS, ids=lambda bug: bug.name)
def test_a_planted_bug_is_found_with_a_readable_trace(bug: SeededBug) -> None:
    """The monitors can see."""

    def look() -> tuple[tuple[str, ...], list[str]] | None:
        bug.put_in_place()
        for found in search.overloads() if bug.where == OVERLOAD.name else search.scenarios([bug.where]):
            if any(re.search(bug.found, what) for what in found.violations):
                scenario = SCENARIOS.get(found.scenario, OVERLOAD)
                return found.violations, play(scenario, Plan(dict(found.faults)), traced=True).trace or []
        return None

    answer = forked(look, cpu_s=120)
    assert isinstance(answer, Answer), answer
    assert answer.value, "nobody saw it"
    violations, trace = answer.value
    assert any(re.search(bug.found, what) for what in violations)
    assert any("MONITOR" in line for line in trace) or bug.found == "G11"
    assert any("write claim" in line for line in trace)


@pytest.mark.thorough
def test_a_dependent_submitted_as_its_dependency_ends_is_released() -> None:
    """Some are in time to be told by their dependencies, some come late and see for themselves."""
    pairs, in_time, wrong = interleavings(range(25))
    assert not wrong
    assert pairs / 10 < in_time < pairs * 9 / 10
