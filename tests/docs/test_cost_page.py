"""The page about cost: every price has a source and a date, and what it counts is what is deployed."""

import json
import re
from datetime import date

import pytest

from scripts import costs
from tests.docs.pages import text_of
from whendue.metrics.prices import PRICE_LIST, entries, price_list

PAGE = text_of("docs/operations/cost.md")
OBSERVABILITY = text_of("infra/terraform/modules/observability/main.tf")
# What a `for` in the alarms' metrics goes over -> how many there are.
LOOPS = {
    "var.queues": len(costs.TOPOLOGY["queues"]["priorities"]) + 1,
    "var.dead_letter_queues": 2,
    "local.lambda": len(costs.TOPOLOGY["functions"]),
    # The table, and each of its indexes.
    "local.on_table": 1 + len(costs.TOPOLOGY["table"]["indexes"]),
}


@pytest.mark.parametrize("name", entries()["prices"])
def test_a_price_has_a_source_and_says_what_confirms_it(name: str) -> None:
    """A number that nobody has seen says so."""
    price = entries()["prices"][name]
    assert price["usd"] > 0
    assert price["source"].startswith("https://")
    assert price["confirmed_by"] in ("vendor", "third party", "nobody")
    if price["confirmed_by"] == "nobody":
        assert price["seen"] is None
        assert price["note"]
    else:
        assert price["seen"].startswith("https://")
        assert price["seen_on"]


def test_the_page_says_when_the_prices_were_looked_up() -> None:
    """The same day as the list."""
    assert date.fromisoformat(price_list().checked)
    assert f"looked up on {price_list().checked}" in PAGE


def test_the_price_list_is_packaged() -> None:
    """An installed worker has no repository beside it."""
    assert '"metrics/prices.json"' in text_of("pyproject.toml")
    assert json.loads(PRICE_LIST.read_text())["region"] == "us-east-1"


def test_the_alarms_that_the_page_prices_are_those_that_terraform_makes() -> None:
    """CloudWatch bills each metric that an alarm reads."""
    begun = OBSERVABILITY.index("  alarms = {")
    alarms = OBSERVABILITY[begun : OBSERVABILITY.index('resource "aws_cloudwatch_metric_alarm"')]
    metrics, loop = 0, 1
    for line in alarms.splitlines():
        found = re.search(r"for \w+, \w+ in ([\w.]+)", line)
        loop = LOOPS[found[1]] if found else loop
        if "namespace =" in line:
            metrics += loop
            loop = 1
    assert metrics == costs.COUNTS["alarm_metrics"]
    assert len(costs.TOPOLOGY["alarms"]) == 8, "the page's row says so"


def test_what_the_page_assumes_is_what_the_file_assumes() -> None:
    """Assumptions are easy to overlook in a file."""
    assumed = costs.COUNTS["assumed"]
    words = " ".join(PAGE[PAGE.index("## What is assumed") :].split())
    for wanted in (
        f"{assumed['worker_ms']['full']} ms for ten jobs and {assumed['worker_ms']['alone']} ms for one",
        f"notifier's {assumed['notifier_ms']['full']} and {assumed['notifier_ms']['alone']} ms",
        f"API's {assumed['api_ms']} ms",
        f"{assumed['tick_ms']} ms and {assumed['tick_call_ms']} ms for each call",
        f"{assumed['platform_log_bytes']} bytes",
        f"{assumed['api_log_bytes']} bytes",
    ):
        assert wanted in words


def test_every_service_that_is_compared_says_what_is_counted() -> None:
    """A number without its operations cannot be checked."""
    for service in costs.services(price_list().usd):
        assert len(re.findall(rf"^\| {re.escape(service.name)} \|", PAGE, re.MULTILINE)) == 2


def test_where_others_are_cheaper_the_page_says_so() -> None:
    """It stays true when numbers change."""
    usd = price_list().usd
    services = {service.name: service for service in costs.services(usd)}
    delayed = costs.job_cost("delayed", "full").total
    for name in ("EventBridge Scheduler", "Cloud Tasks"):
        bare = services[name].bare[0]
        assert bare is not None
        record = costs.COUNTS["jobs"]["bulk"]["full"]["write_units"] * usd["dynamodb_write"]
        assert bare + record < delayed
        assert 4.5 < delayed / bare < 7.5, "the page says five to seven times"
    step = services["Lambda durable functions"].bare[3]
    assert step is not None
    assert step < costs.job_cost("node", "full").total


def test_twice_the_assumed_time_costs_no_more_than_the_page_says() -> None:
    """Of a million immediate jobs in full batches that are submitted in bulk."""
    functions = costs.job_cost("bulk", "full").functions * costs.MILLION
    assert functions < 0.15
