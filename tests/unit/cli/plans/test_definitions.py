"""Schedules as JSON, read as the API reads them."""

import json
from typing import Any

import pytest

from functions.api.schemas.schedule.definitions import PreviewBody
from whendue.cli.plans.definitions import InvalidPlansError, documents, plans_of
from whendue.schedules.calendar.recurrence import anchored

NOW_MS = 1_800_000_000_000
BODIES: list[dict[str, Any]] = [
    {"cron": "30 2 * * *"},
    {"cron": "30 2 * * *", "timezone": "Europe/Berlin", "gap": "skip", "fold": "twice", "exclude": ["2027-12-25"]},
    {"cron": "0 9 * * MON", "everyWeeks": 2, "anchor": "2026-01-05", "exclude": ["22:00/06:00", "2027-12-25"]},
    {"every": "PT15M"},
    {"every": "P1DT12H", "start": "2027-01-01T00:00:00.0004+01:00", "end": "2028-01-01T00:00:00Z"},
    {"at": "2027-06-01T12:00:00.123Z", "timezone": "UTC"},
]


@pytest.mark.parametrize("body", BODIES)
def test_it_is_read_as_the_api_reads_it(body: dict[str, Any]) -> None:
    """Otherwise a review would be about other schedules."""
    plan = plans_of([{"name": "a", "job": {"type": "x"}} | body], NOW_MS)["a"]
    assert plan.recurrence == anchored(PreviewBody.model_validate(body).recurrence(), NOW_MS)


def test_an_interval_counts_from_when_the_schedule_was_created() -> None:
    """As when one is put over itself."""
    item = {"name": "a", "every": "PT15M"}
    created = plans_of([item], NOW_MS, {"a": {"createdAt": "2026-11-23T20:00:01Z"}})["a"].recurrence
    assert created.start_ms == 1_795_464_001_000
    later = item | {"start": "2027-01-01T00:00:00Z"}
    started = plans_of([later], NOW_MS, {"a": {"createdAt": "2026-11-23T20:00:01Z"}})["a"].recurrence
    assert started.start_ms == 1_798_761_600_000


@pytest.mark.parametrize(
    ("item", "named"),
    [
        (3, "schedule 1: name"),
        ({}, "schedule 1: name"),
        ({"name": "a" * 65}, "schedule 1: name"),
        ({"name": "a"}, "a: cron"),
        ({"name": "a", "cron": 3}, "a: cron"),
        ({"name": "a", "cron": "* * *"}, "a: cron"),
        ({"name": "a", "cron": "* * * * *", "gap": "other"}, "a: gap"),
        ({"name": "a", "cron": "* * * * *", "timezone": "Berlin"}, "a: timezone"),
        ({"name": "a", "cron": "* * * * *", "exclude": "2026-12-25"}, "a: exclude"),
        ({"name": "a", "every": "5 months"}, "a: every"),
        ({"name": "a", "cron": "* * * * *", "exclude": ["22:00"]}, "a: exclude.0"),
        ({"name": "a", "cron": "* * * * *", "everyWeeks": 2}, "a: anchor"),
        ({"name": "a", "cron": "* * * * *", "everyWeeks": "2"}, "a: everyWeeks"),
        ({"name": "a", "cron": "* * * * *", "everyWeeks": 2, "anchor": 3}, "a: anchor"),
        ({"name": "a", "cron": "* * * * *", "maxRuns": 0}, "a: maxRuns"),
        ({"name": "a", "at": "2027-06-01T12:00:00"}, "a: at"),
        ({"name": "a", "at": "9999-99-99"}, "a: at"),
    ],
)
def test_what_is_not_valid_is_named(item: Any, named: str) -> None:
    """The schedule and its field; the others are read on."""
    with pytest.raises(InvalidPlansError) as error:
        plans_of([item, {"name": "b", "cron": "no"}], NOW_MS)
    assert error.value.problems[0].startswith(named)
    assert error.value.problems[1].startswith("b: cron")


def test_runs_that_a_schedule_has_had_count() -> None:
    """As when one is put over itself; what is listed says how many are left."""
    item = {"name": "a", "cron": "* * * * *", "maxRuns": 5}
    listed = item | {"remainingRuns": 2}
    assert plans_of([item], NOW_MS)["a"].runs == 5
    assert plans_of([listed], NOW_MS)["a"].runs == 2
    assert plans_of([item | {"maxRuns": 6}], NOW_MS, {"a": listed})["a"].runs == 3
    assert plans_of([listed], NOW_MS, {"a": listed})["a"].runs == 2
    assert plans_of([item], NOW_MS, {"a": {"remainingRuns": None}})["a"].runs == 5
    assert plans_of([{"name": "a", "cron": "* * * * *"}], NOW_MS, {"a": listed})["a"].runs is None


def test_a_name_comes_once() -> None:
    """It is not guessed which is meant."""
    with pytest.raises(InvalidPlansError, match="a: comes twice"):
        plans_of([{"name": "a", "cron": "* * * * *"}] * 2, NOW_MS)


def test_the_forms_of_a_file() -> None:
    """A list, a page of the API, one schedule, one a line; an empty file has none."""
    items = [{"name": "a"}, {"name": "b"}]
    assert documents(json.dumps(items)) == items
    assert documents(json.dumps({"items": items, "cursor": None})) == items
    assert documents(json.dumps(items[0])) == items[:1]
    assert documents("\n".join(map(json.dumps, items)) + "\n\n") == items
    assert documents("\n") == []
