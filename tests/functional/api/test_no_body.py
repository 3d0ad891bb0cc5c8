"""Requests that take no fields refuse a body with some, everywhere alike; no body, and an empty object, are fine."""

import json
from typing import Any

import pytest

from functions.api.app import make_resolver, routes_of
from functions.api.http.body import room_of
from tests.builders.api import a_token, api_of
from tests.builders.gateway import Client, Shape
from tests.builders.world import World

SAFE = {"GET", "HEAD", "OPTIONS"}
# Every route that changes something and takes no body.
ROUTES = [
    ("DELETE", "/jobs/<job_id>"),
    ("DELETE", "/pauses/tenant"),
    ("DELETE", "/pauses/types/<type>"),
    ("DELETE", "/profiles/<name>"),
    ("DELETE", "/schedules/<name>"),
    ("DELETE", "/subscriptions/<name>"),
    ("POST", "/jobs/<job_id>/cancel"),
    ("POST", "/jobs/<job_id>/redrive"),
    ("POST", "/operations/<operation_id>/cancel"),
    ("POST", "/operations/<operation_id>/undo"),
    ("POST", "/queues/<name>/resume"),
    ("POST", "/schedules/<name>/backfills/<backfill_id>/cancel"),
    ("POST", "/schedules/<name>/backfills/<backfill_id>/pause"),
    ("POST", "/schedules/<name>/backfills/<backfill_id>/resume"),
    ("POST", "/schedules/<name>/resume"),
    ("POST", "/subscriptions/<name>/deliveries/<delivery_id>/replay"),
    ("POST", "/subscriptions/<name>/enable"),
    ("POST", "/subscriptions/<name>/rotate-secret"),
    ("POST", "/subscriptions/<name>/test"),
    ("POST", "/workflows/<workflow_id>/cancel"),
    ("POST", "/workflows/<workflow_id>/retry"),
]


def path_of(pattern: str) -> str:
    """Fill a pattern in; what is named need not be there."""
    return "/".join("normal" if part.startswith("<") else part for part in pattern.split("/"))


def test_the_list_is_whole() -> None:
    """A new route without a body joins it."""
    found = {
        (route.method, route.path)
        for route in routes_of(make_resolver())
        if route.method not in SAFE and room_of(route).bytes and not route.dependant.body_params
    }
    assert found == set(ROUTES)


@pytest.mark.parametrize(("method", "pattern"), ROUTES)
@pytest.mark.parametrize("body", [{"payload": {}}, {"reason": "x", "force": True}])
def test_fields_are_refused_with_their_places(
    world: World, shape: Shape, method: str, pattern: str, body: dict[str, Any]
) -> None:
    """Whoever sends a field expects it to do something."""
    client = Client(api_of(world), a_token(), shape)
    answer = client.send(method, path_of(pattern), body)
    assert (answer.status, answer.code) == (422, "invalid_request")
    assert [error["where"] for error in answer.json["errors"]] == [f"body.{name}" for name in sorted(body)]


@pytest.mark.parametrize(("method", "pattern"), ROUTES)
@pytest.mark.parametrize("body", ["[]", "[1]", "5", '"x"', "true"])
def test_what_is_no_object_is_refused(client: Client, method: str, pattern: str, body: str) -> None:
    """Likewise."""
    answer = client.send(method, path_of(pattern), body)
    assert (answer.status, answer.code) == (422, "invalid_request")
    assert [error["where"] for error in answer.json["errors"]] == ["body"]


@pytest.mark.parametrize(("method", "pattern"), ROUTES)
@pytest.mark.parametrize("body", [None, "", " ", "{}", " { } ", "null"])
def test_nothing_is_nothing(client: Client, method: str, pattern: str, body: str | None) -> None:
    """Clients that always send a body send an empty one."""
    assert client.send(method, path_of(pattern), body).status in (200, 202, 204, 404, 409)


def test_many_fields_are_named_up_to_a_bound(client: Client) -> None:
    """An answer is not as large as what was sent."""
    answer = client.send("POST", "/schedules/x/resume", json.dumps({f"{number:0200}": 1 for number in range(300)}))
    assert answer.status == 422
    assert len(answer.json["errors"]) <= 20
    assert len(answer.text) < 10_000


def test_resume_says_so_of_a_schedule_that_is_there(client: Client) -> None:
    """And an empty object is fine."""
    assert client.send("PUT", "/schedules/x", {"cron": "0 0 1 1 *", "job": {"type": "ok"}}).status == 201
    answer = client.send("POST", "/schedules/x/resume", {"payload": {"n": 2}})
    assert (answer.status, answer.code) == (422, "invalid_request")
    assert client.send("POST", "/schedules/x/resume", {}).status == 200
