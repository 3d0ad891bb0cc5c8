"""GET /usage: a tenant sees its own consumption and cost, an operator everybody's."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from functions.api.schemas.shared.usage import OTHERS, ranked
from tests.builders.gateway import Client
from tests.builders.world import TENANT, World
from whendue.metrics.prices import price_list
from whendue.metrics.usage import FIELDS, OTHER, WRITES, Consumer, Usage, month_of
from whendue.quotas import USAGE_EVERY_MS, USAGE_NAMED

PATH = "/usage"


def used(ended: int, write_units: int) -> Counter[str]:
    return Counter({"submitted": ended, "attempts": ended, "ended": ended, WRITES: write_units * 1000})


USAGE: Usage = {
    Consumer(TENANT, "mail"): used(10, 70),
    Consumer(TENANT, "report"): used(10, 600),
    Consumer("omega", "report"): used(1_000, 6_000),
}


@pytest.fixture
def world(world: World) -> World:
    """A world in which two tenants have used something in this month."""
    world.app.counters.keep({}, 0, USAGE)
    return world


def send(client: Client, **query: Any) -> Any:
    answer = client.send("GET", PATH, **query)
    assert answer.status == 200, answer.text
    return answer.json


def test_a_tenant_sees_its_own_by_type_the_dearest_first(client_of: Callable[..., Client], world: World) -> None:
    """With what a million jobs like these cost."""
    shown = send(client_of(scopes="jobs:read"))
    assert shown["month"] == month_of(world.clock.now_ms())
    assert (shown["region"], shown["pricesChecked"]) == (price_list().region, price_list().checked)
    assert shown["tenants"] is None
    assert [(each["type"], each["writeUnits"]) for each in shown["types"]] == [("report", 600), ("mail", 70)]
    assert (shown["total"]["ended"], shown["total"]["writeUnits"]) == (20, 670)
    [report, _] = shown["types"]
    assert report["cost"] == pytest.approx(600 * 0.625e-6)
    assert report["costPerMillion"] == pytest.approx(60 * 0.625)


def test_no_tenant_sees_anything_of_another_one(client_of: Callable[..., Client], world: World) -> None:
    """Neither its name nor its share of a total; also not with every scope that a tenant can have."""
    shown = send(client_of("stranger", "jobs:read jobs:write admin"))
    assert shown["types"] == []
    assert shown["total"]["ended"] == 0
    assert shown["total"]["costPerMillion"] is None
    assert "omega" not in str(shown)


def test_an_operator_sees_all_tenants(client_of: Callable[..., Client], world: World) -> None:
    """Its scope is enough; it belongs to no tenant's jobs."""
    shown = send(client_of("nobody", "operator"))
    assert [(each["tenant"], each["ended"]) for each in shown["tenants"]] == [("omega", 1_000), (TENANT, 20)]
    assert [(each["type"], each["ended"]) for each in shown["types"]] == [("report", 1_010), ("mail", 10)]
    assert shown["total"]["ended"] == 1_020


@pytest.mark.parametrize("scopes", ["metrics:read", "jobs:write", ""])
def test_other_scopes_see_no_usage(client_of: Callable[..., Client], scopes: str) -> None:
    """A scraper has the metrics."""
    assert client_of(scopes=scopes).send("GET", PATH).status == 403


def test_a_month_can_be_asked_for(client_of: Callable[..., Client], world: World) -> None:
    """One in which nothing ran is empty; what is no month is refused, and says where."""
    client = client_of(scopes="jobs:read")
    assert send(client, month="2026-01")["types"] == []
    assert send(client, month=month_of(world.clock.now_ms()))["total"]["ended"] == 20
    for wrong in ("2026-13", "2026-1", "november", "1999-01"):
        answer = client.send("GET", PATH, month=wrong)
        assert answer.status == 422
        assert "month" in answer.text


def test_types_behind_the_first_are_summed_up(world: World) -> None:
    """The answer is bounded, and its parts add up to its total."""
    many: Usage = {Consumer(TENANT, f"t{number:03d}"): used(1, number) for number in range(USAGE_NAMED + 7)}
    many[OTHER] = used(5, 1)
    shown = ranked(many, lambda consumer: consumer.type, price_list(), USAGE_NAMED)
    assert len(shown) == USAGE_NAMED + 1
    assert list(shown)[-1] == OTHERS
    assert shown[OTHERS]["ended"] == 7 + 5
    assert sum(each[WRITES] for each in shown.values()) == sum(each[WRITES] for each in many.values())


def test_what_the_api_itself_counts_is_there_when_it_is_written(client: Client, world: World) -> None:
    """A submit is a request of this tenant; it is written once a minute, or when it is of 50 submits and attempts."""
    client.submit()
    world.clock.advance(USAGE_EVERY_MS / 1000)
    client.submit()
    types = {each["type"]: each for each in send(client)["types"]}
    assert types["ok"]["submitted"] == 2


def test_a_scrape_shows_what_types_and_tenants_cost(client_of: Callable[..., Client], world: World) -> None:
    """For alerts on a budget; a few series, however many tenants there are."""
    text = client_of(scopes="metrics:read").send("GET", "/actuator/prometheus").text
    lines = dict(line.rsplit(" ", 1) for line in text.splitlines() if line.startswith("whendue_") and "cost" in line)
    assert float(lines['whendue_cost_usd_total{type="report"}']) == pytest.approx(6_600 * 0.625e-6)
    assert float(lines['whendue_tenant_cost_usd_total{tenant="omega"}']) == pytest.approx(6_000 * 0.625e-6)
    assert float(lines['whendue_job_cost_usd_per_million{type="mail"}']) == pytest.approx(7 * 0.625)


def test_all_fields_are_shown() -> None:
    """A quantity that is kept and not shown would be paid for by nobody's notice."""
    assert set(FIELDS) == set(used(1, 1)) | {
        "read_thousandths",
        "request_thousandths",
        "invocation_thousandths",
        "compute_mb_ms",
    }
