"""Requests that one process serves by turns: a route reads what stands beside its request before it asks the table.

Powertools' resolver holds one request at a time; here another one has come and gone at each call to the table.
"""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from functions.api.app import PUBLIC, make_resolver, routes_of
from tests.functional.api.conftest import a_token, api_of
from tests.functional.api.gateway import Answer, Client
from tests.functional.notifications.notified import Notified, fresh_resources
from whendue.effects import ManualEffects

JOB: dict[str, Any] = {"type": "ok", "payload": {}, "delaySeconds": 600}
DAILY: dict[str, Any] = {"cron": "0 3 * * *", "job": {"type": "ok", "payload": {}}}
HOOK: dict[str, Any] = {"channel": "webhook", "config": {"url": "https://hooks.example.com/"}, "events": ["dead"]}


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
    world = Notified(ManualEffects())
    between: Any = Between(world.table)
    fresh_resources(monkeypatch).provide("notify", lambda: world.app.notify)
    return Client(api_of(world, store=between), a_token())


def served(client: Client) -> Iterator[tuple[str, Answer]]:
    """Send a request to every route that needs a token."""

    def send(method: str, path: str, body: Any = None, **parts: str) -> Answer:
        return client.send(method, path.format(**parts), body)

    def sent(method: str, path: str, body: Any = None, **parts: str) -> tuple[str, Answer]:
        pattern = path.replace("{", "<").replace("}", ">")
        return f"{method} {pattern}", send(method, path, body, **parts)

    job = send("POST", "/jobs", JOB).json["id"]
    other = send("POST", "/tasks/schedule", JOB).json["id"]
    yield sent("POST", "/jobs", JOB)
    yield sent("POST", "/tasks/schedule", JOB)
    yield sent("POST", "/jobs/batch", {"jobs": [JOB, {"type": "none"}]})
    yield sent("GET", "/jobs")
    for path in ("", "/payload", "/explain"):
        yield sent("GET", "/jobs/{job_id}" + path, job_id=job)
    yield sent("GET", "/jobs/{job_id}/result", job_id=job)
    yield sent("PATCH", "/jobs/{job_id}", {"priority": "high"}, job_id=job)
    yield sent("POST", "/jobs/{job_id}/cancel", job_id=other)
    yield sent("POST", "/jobs/{job_id}/redrive", job_id=other)

    whole = send("POST", "/workflows", {"nodes": {"a": {"type": "ok"}}}).json["id"]
    yield sent("POST", "/workflows", {"nodes": {"a": {"type": "ok"}}})
    yield sent("GET", "/workflows")
    yield sent("GET", "/workflows/{workflow_id}", workflow_id=whole)
    yield sent("POST", "/workflows/{workflow_id}/cancel", workflow_id=whole)
    yield sent("POST", "/workflows/{workflow_id}/retry", workflow_id=whole)

    yield sent("PUT", "/schedules/{name}", DAILY, name="s")
    yield sent("GET", "/schedules")
    yield sent("POST", "/schedules/preview", DAILY | {"job": {"type": "ok"}})
    for path in ("", "/fires", "/preview"):
        yield sent("GET", "/schedules/{name}" + path, name="s")
    for path in ("pause", "resume", "trigger"):
        yield sent("POST", "/schedules/{name}/" + path, name="s")
    past = {"from": "2020-01-01T00:00:00Z", "to": "2020-01-03T00:00:00Z"}
    begun = sent("POST", "/schedules/{name}/backfill", past, name="s")
    yield begun
    yield sent("GET", "/schedules/{name}/backfills/{backfill_id}", name="s", backfill_id=begun[1].json["id"])
    yield sent("DELETE", "/schedules/{name}", name="s")

    yield sent("GET", "/dead-letters")
    yield sent("POST", "/dead-letters/redrive", {})
    yield sent("PUT", "/profiles/{name}", {"retries": 1}, name="p")
    yield sent("GET", "/profiles")
    yield sent("GET", "/profiles/{name}", name="p")
    yield sent("GET", "/profiles/{name}/versions/{version}", name="p", version="1")
    yield sent("DELETE", "/profiles/{name}", name="p")

    yield sent("GET", "/queues")
    yield sent("POST", "/queues/{name}/pause", {}, name="low")
    yield sent("POST", "/queues/{name}/resume", name="low")
    yield sent("GET", "/pauses")
    yield sent("POST", "/pauses", {"type": "ok"})
    yield sent("DELETE", "/pauses")
    yield sent("GET", "/actuator/prometheus")

    yield sent("PUT", "/subscriptions/{name}", HOOK, name="h")
    yield sent("GET", "/subscriptions")
    yield sent("GET", "/subscriptions/{name}", name="h")
    for path in ("test", "enable", "rotate-secret"):
        yield sent("POST", "/subscriptions/{name}/" + path, name="h")
    yield sent("GET", "/subscriptions/{name}/deliveries", name="h")
    delivery = send("GET", "/subscriptions/h/deliveries").json["items"][0]["id"]
    yield sent("POST", "/subscriptions/{name}/deliveries/{delivery_id}/replay", name="h", delivery_id=delivery)
    yield sent("DELETE", "/subscriptions/{name}", name="h")


def test_no_route_reads_its_request_after_it_has_asked_the_table(client: Client) -> None:
    """The simulator found `PATCH /jobs` answering 500 after its change was made."""
    answers = list(served(client))
    assert {pattern: answer.text for pattern, answer in answers if answer.status >= 500} == {}
    asked = {f"{route.method} {route.path}" for route in routes_of(make_resolver()) if route.path not in PUBLIC}
    assert asked == {pattern for pattern, _ in answers}
