"""Lists cost what they show: the counts are the same however many jobs there are."""

import pytest

from tests.growth.lists import SMALL_JOBS, ListCost, measure
from whendue.quotas import PAGE_DEFAULT

FEWEST = 1000


@pytest.fixture(scope="module")
def few() -> list[ListCost]:
    return measure(FEWEST)


def test_each_list_keeps_to_its_budget(few: list[ListCost]) -> None:
    """Calls and read units of a page of 50."""
    assert [cost for cost in few if not cost.holds] == []


def test_the_pages_hold_what_was_asked_for(few: list[ListCost]) -> None:
    """A budget is easily kept by a page with nothing in it."""
    found = {cost.name: (cost.found, cost.more) for cost in few}
    assert found.pop("first page of a new tenant") == (0, False)
    assert found.pop("ten jobs beside all others") == (SMALL_JOBS, False)
    empty = {name for name in found if name.endswith("(none)")}
    assert len(empty) == 6
    assert {found.pop(name)[0] for name in empty} == {0}
    assert {page for page, _ in found.values()} == {PAGE_DEFAULT}


@pytest.mark.parametrize("jobs", [pytest.param(jobs, marks=pytest.mark.thorough) for jobs in (10_000, 100_000)])
def test_a_list_costs_no_more_when_there_are_more_jobs(few: list[ListCost], jobs: int) -> None:
    """The law is a constant; what differs is how the first jobs happen to be spread over the partitions."""
    before = {cost.name: cost for cost in few}
    many = measure(jobs)
    assert [cost for cost in many if not cost.holds] == []
    rare = {"by type and tag", *(name for name in before if name.endswith("(none)"))}
    grown = [cost for cost in many if cost.units > 1.25 * before[cost.name].units + 2 and cost.name not in rare]
    assert grown == []
