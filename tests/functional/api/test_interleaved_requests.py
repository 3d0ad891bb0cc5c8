"""Requests that one process serves by turns: a route reads what stands beside its request before it asks the table.

Powertools' resolver holds one request at a time; here another one has come and gone at each call to the table.
"""

from collections.abc import Callable
from typing import Any

import pytest

from functions.api.app import PUBLIC, make_resolver, routes_of
from tests.builders.api import a_token, api_of
from tests.builders.gateway import Client
from tests.builders.notified import Notified, fresh_resources
from whendue.support.clock import ManualClock

JOB: dict[str, Any] = {"type": "ok", "payload": {}, "delaySeconds": 600}
DAILY: dict[str, Any] = {"cron": "0 3 * * *", "job": {"type": "ok", "payload": {}}}
HOOK: dict[str, Any] = {"channel": "webhook", "config": {"url": "https://hooks.example.com/"}, "events": ["dead"]}
PAST = {"from": "2020-01-01T00:00:00Z", "to": "2020-01-03T00:00:00Z"}
# Of every route that needs a token, in an order in which each is served.
REQUESTS: tuple[tuple[str, str, Any], ...] = (
    ("POST", "/jobs", JOB),
    ("POST", "/tasks/schedule", JOB),
    ("POST", "/jobs/batch", {"jobs": [JOB, {"type": "none"}]}),
    ("GET", "/jobs", None),
    ("GET", "/jobs/{job_id}", None),
    ("GET", "/jobs/{job_id}/payload", None),
    ("GET", "/jobs/{job_id}/result", None),
    ("GET", "/jobs/{job_id}/attempts", None),
    ("GET", "/jobs/{job_id}/events", None),
    ("GET", "/jobs/{job_id}/logs", None),
    ("GET", "/jobs/{job_id}/explain", None),
    ("POST", "/unique/holder", {"type": "ok", "unique": {"key": "k"}}),
    ("PATCH", "/jobs/{job_id}", {"priority": "high"}),
    ("POST", "/jobs/{job_id}/cancel", None),
    ("POST", "/jobs/{job_id}/redrive", None),
    ("POST", "/jobs/{job_id}/cancel", None),
    ("DELETE", "/jobs/{job_id}", None),
    ("POST", "/workflows", {"nodes": {"a": {"type": "ok"}}}),
    ("GET", "/workflows", None),
    ("GET", "/workflows/{workflow_id}", None),
    ("POST", "/workflows/{workflow_id}/cancel", None),
    ("POST", "/workflows/{workflow_id}/retry", None),
    ("PUT", "/schedules/{name}", DAILY),
    ("GET", "/schedules", None),
    ("POST", "/schedules/preview", DAILY | {"job": {"type": "ok"}}),
    ("GET", "/schedules/{name}", None),
    ("GET", "/schedules/{name}/fires", None),
    ("GET", "/schedules/{name}/preview", None),
    ("POST", "/schedules/{name}/pause", None),
    ("POST", "/schedules/{name}/resume", None),
    ("POST", "/schedules/{name}/trigger", None),
    ("POST", "/schedules/{name}/backfill", PAST),
    ("GET", "/schedules/{name}/backfills/{backfill_id}", None),
    ("GET", "/schedules/{name}/backfills", None),
    ("POST", "/schedules/{name}/backfills/{backfill_id}/pause", None),
    ("POST", "/schedules/{name}/backfills/{backfill_id}/resume", None),
    ("POST", "/schedules/{name}/backfills/{backfill_id}/cancel", None),
    ("DELETE", "/schedules/{name}", None),
    ("GET", "/dead-letters", None),
    ("GET", "/dead-letters/by-tenant", None),
    ("POST", "/dead-letters/redrive", {}),
    ("POST", "/operations", {"action": "redrive", "all": True}),
    ("GET", "/operations", None),
    ("GET", "/operations/{operation_id}", None),
    ("POST", "/operations/{operation_id}/undo", None),
    ("POST", "/operations/{operation_id}/cancel", None),
    ("PUT", "/profiles/{name}", {"retries": 1}),
    ("GET", "/profiles", None),
    ("GET", "/profiles/{name}", None),
    ("GET", "/profiles/{name}/versions/{version}", None),
    ("DELETE", "/profiles/{name}", None),
    ("GET", "/queues", None),
    ("POST", "/queues/{name}/pause", {"reason": "a test"}),
    ("POST", "/queues/{name}/resume", None),
    ("GET", "/pauses", None),
    ("POST", "/pauses", {"reason": "a test", "type": "ok"}),
    ("DELETE", "/pauses/types/{type}", None),
    ("DELETE", "/pauses/tenant", None),
    ("GET", "/usage", None),
    ("GET", "/tasks", None),
    ("GET", "/tasks/{name}", None),
    ("GET", "/actuator/prometheus", None),
    ("PUT", "/subscriptions/{name}", HOOK),
    ("GET", "/subscriptions", None),
    ("GET", "/subscriptions/{name}", None),
    ("POST", "/subscriptions/{name}/test", None),
    ("POST", "/subscriptions/{name}/enable", None),
    ("POST", "/subscriptions/{name}/rotate-secret", None),
    ("GET", "/subscriptions/{name}/deliveries", None),
    ("POST", "/subscriptions/{name}/deliveries/{delivery_id}/replay", None),
    ("DELETE", "/subscriptions/{name}", None),
)


class Between:
    """A table beside which another request is served at each call."""

    def __init__(self, table: object) -> None:
        self._table = table

    def __getattr__(self, name: str) -> Callable[..., Any]:
        """Return the table's method; whoever calls it finds the resolver's context empty afterwards."""
        method: Callable[..., Any] = getattr(self._table, name)

        def call(*given: Any, **named: Any) -> Any:
            make_resolver().context.clear()
            return method(*given, **named)

        return call


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Client:
    world = Notified(ManualClock())
    between: Any = Between(world.table)
    fresh_resources(monkeypatch).provide("notify", lambda: world.app.notify)
    return Client(api_of(world, store=between), a_token())


def ids_of(client: Client) -> dict[str, str]:
    """Return what the requests' paths name."""

    def made(path: str, body: Any = None) -> str:
        return str(client.send("POST", path, body).json["id"])

    client.send("PUT", "/schedules/low", DAILY)
    client.send("PUT", "/subscriptions/low", HOOK)
    client.send("POST", "/subscriptions/low/test")
    return {
        # One name for all: that of a queue.
        "name": "low",
        "version": "1",
        "type": "ok",
        "job_id": made("/jobs", JOB),
        "workflow_id": made("/workflows", {"nodes": {"a": {"type": "ok"}}}),
        "backfill_id": made("/schedules/low/backfill", PAST),
        "operation_id": made("/operations", {"action": "redrive", "all": True}),
        "delivery_id": client.send("GET", "/subscriptions/low/deliveries").json["items"][0]["id"],
    }


def test_no_route_reads_its_request_after_it_has_asked_the_table(client: Client) -> None:
    """The simulator found `PATCH /jobs/{id}` answering 500 after its change was made."""
    ids = ids_of(client)
    answers = {
        f"{method} {pattern}": client.send(method, pattern.format(**ids), body) for method, pattern, body in REQUESTS
    }
    assert {request: answer.text for request, answer in answers.items() if answer.status >= 500} == {}
    assert {request for request, answer in answers.items() if answer.status >= 400} <= {
        # It has ended with its first chunk.
        *(f"POST /schedules/{{name}}/backfills/{{backfill_id}}/{verb}" for verb in ("pause", "resume", "cancel")),
        "POST /operations/{operation_id}/cancel",
        "GET /jobs/{job_id}/result",
        "POST /subscriptions/{name}/deliveries/{delivery_id}/replay",
        # No task has the name of a queue.
        "GET /tasks/{name}",
    }


def test_every_route_has_its_request() -> None:
    """A new one needs its own here."""
    routes = [route for route in routes_of(make_resolver()) if route.path not in PUBLIC]
    asked = {(route.method, route.path.replace("<", "{").replace(">", "}")) for route in routes}
    assert asked == {(method, pattern) for method, pattern, _ in REQUESTS}
