"""GET /actuator/prometheus: whole, well-formed, and only for whoever may see all tenants."""

from collections import Counter
from collections.abc import Callable
from io import StringIO

import pytest
from prometheus_client.parser import text_string_to_metric_families

from functions.api.schemas.metrics import METRICS, exposition
from tests.builders.emf import lines, metrics_of
from tests.builders.gateway import Client, Shape
from tests.builders.world import World
from whendue.inspection.gauges import Measured
from whendue.metrics.model import series_of

PATH = "/actuator/prometheus"


def test_it_is_prometheus_text_with_every_metric_and_its_description(
    client_of: Callable[..., Client], world: World
) -> None:
    """A metric without help, or one that is promised and missing, is of no use on a dashboard."""
    client_of(scopes="jobs:write").submit()
    answer = client_of(scopes="metrics:read").send("GET", PATH)
    assert answer.status == 200
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    families = {family.name: family for family in text_string_to_metric_families(answer.text)}
    assert set(families) == set(METRICS)
    assert {name: family.documentation for name, family in families.items()} == {
        name: metric.description for name, metric in METRICS.items()
    }
    submitted = [sample for sample in families["whendue_jobs_submitted"].samples if sample.labels["type"] == "ok"]
    assert [item.value for item in submitted] == [1]


def test_notifications_are_counted_by_channel_and_outcome() -> None:
    """They are jobs of the notifier's queue."""
    sums = {series_of("notifications", "notify.webhook"): Counter(succeeded=3, dead=1)}
    text = exposition(sums, Measured([], 0, 0))
    assert 'whendue_notifications_ended_total{channel="webhook",state="succeeded"} 3.0' in text
    assert 'whendue_notifications_ended_total{channel="webhook",state="dead"} 1.0' in text


@pytest.mark.parametrize("scopes", ["jobs:read jobs:write", "", "metrics"])
def test_a_tenants_token_does_not_show_all_tenants(client_of: Callable[..., Client], scopes: str) -> None:
    """Queues and task types are everybody's."""
    assert client_of(scopes=scopes).send("GET", PATH).status == 403


def test_without_a_token_there_are_no_metrics(client_of: Callable[..., Client]) -> None:
    """Unlike health, numbers tell something."""
    client = client_of(scopes="metrics:read")
    client.token = None
    assert client.send("GET", PATH).status == 401


def test_the_token_of_a_scraper_reads_nothing_else(client_of: Callable[..., Client]) -> None:
    """It lies on a monitoring host, in a file."""
    client = client_of(scopes="metrics:read")
    for method, path in [("GET", "/jobs"), ("GET", "/queues"), ("POST", "/jobs"), ("POST", "/queues/normal/pause")]:
        assert client.send(method, path, {} if method == "POST" else None).status == 403


def test_a_request_is_one_line_with_what_it_counted(client: Client, logged: StringIO) -> None:
    """Submits are counted where they are accepted."""
    client.submit()
    client.send("GET", "/jobs")
    first, second = lines(logged)
    assert metrics_of(first) == {"jobs_submitted": ("Count", [1])}
    assert metrics_of(second) == {}


def test_an_operator_may_look_too(client_of: Callable[..., Client], shape: Shape) -> None:
    """Its scope is everybody's; a tenant's admin has only what is the tenant's."""
    assert client_of(scopes="operator").send("GET", PATH).status == 200
    assert client_of(scopes="admin").send("GET", PATH).status == 403
