"""An item that cannot be read, and that a request names: an error with a code of its own, which shows nothing of it."""

from collections.abc import Callable
from io import StringIO
from typing import Any

import pytest

from tests.builders.api import a_token, api_of
from tests.builders.gateway import Client
from tests.builders.world import World
from whendue.declarations.channel import Attempt, ChannelConfig, Event
from whendue.declarations.registry import channel
from whendue.table.keys import Key

SECRET = "hunter2"
SCHEDULE = {"cron": "0 * * * *", "job": {"type": "ok", "payload": {}}}
PAST = {"from": "2026-01-01T00:00:00Z", "to": "2026-01-01T01:00:00Z"}


def a_path(client: Client, method: str, path: str, body: Any, shown: str) -> str:
    """Create something; return its path."""
    answer = client.send(method, path, body)
    assert answer.status in (200, 201, 202), answer.text
    return shown.format(id=answer.json.get("id"))


def a_subscription(client: Client) -> str:
    return a_path(
        client, "PUT", "/subscriptions/s", {"channel": "plain", "config": {}, "events": ["dead"]}, "/subscriptions/s"
    )


def a_job(client: Client, shown: str = "/jobs/{id}") -> str:
    return a_path(client, "POST", "/jobs", {"type": "ok", "payload": {}}, shown)


def a_workflow(client: Client) -> str:
    return a_path(client, "POST", "/workflows", {"nodes": {"a": {"type": "ok"}}}, "/workflows/{id}")


def a_profile(client: Client, shown: str = "/profiles/mine") -> str:
    return a_path(client, "PUT", "/profiles/mine", {"retries": 2}, shown)


def a_backfill(client: Client) -> str:
    a_path(client, "PUT", "/schedules/s", SCHEDULE, "")
    return a_path(client, "POST", "/schedules/s/backfill", PAST, "/schedules/s/backfills/{id}")


def everything(client: Client, world: World) -> None:
    """Break every item of the table: one of its attributes is gone, and others have other types."""
    for key, row in list(world.table.rows.items()):
        world.table.rows[key] = _broken(key, row)


def _broken(key: Key, row: dict[str, Any]) -> dict[str, Any]:
    odd = {
        "policy": {"max_attempts": SECRET},
        "channel": None,
        "content": SECRET,
        "definition": SECRET,
        "counts": SECRET,
    }
    broken = row | {name: value for name, value in odd.items() if name in row}
    broken.pop("channel", None)
    return broken


def an_operation(client: Client, shown: str = "/operations/{id}") -> str:
    return a_path(client, "POST", "/operations", {"action": "redrive", "all": True}, shown)


ASKED: dict[str, tuple[Callable[[Client], str], str, Any]] = {
    "a job": (a_job, "GET", None),
    "explain": (lambda client: a_job(client, "/jobs/{id}/explain"), "GET", None),
    "attempts": (lambda client: a_job(client, "/jobs/{id}/attempts"), "GET", None),
    "events": (lambda client: a_job(client, "/jobs/{id}/events"), "GET", None),
    "logs": (lambda client: a_job(client, "/jobs/{id}/logs"), "GET", None),
    "payload": (lambda client: a_job(client, "/jobs/{id}/payload"), "GET", None),
    "cancel": (lambda client: a_job(client, "/jobs/{id}/cancel"), "POST", None),
    "redrive": (lambda client: a_job(client, "/jobs/{id}/redrive"), "POST", None),
    "erase": (a_job, "DELETE", None),
    "change": (a_job, "PATCH", {"priority": "high"}),
    "a workflow": (a_workflow, "GET", None),
    "a profile": (a_profile, "GET", None),
    "a version of a profile": (lambda client: a_profile(client, "/profiles/mine/versions/1"), "GET", None),
    "a subscription": (a_subscription, "GET", None),
    "enable": (lambda client: a_subscription(client) + "/enable", "POST", None),
    "an operation": (an_operation, "GET", None),
    "undo": (lambda client: an_operation(client, "/operations/{id}/undo"), "POST", None),
    "a backfill": (a_backfill, "GET", None),
}


@pytest.mark.parametrize(("create", "method", "body"), ASKED.values(), ids=ASKED)
def test_an_item_that_cannot_be_read_is_an_error_that_says_so(
    world: World, client: Client, logged: StringIO, create: Callable[[Client], str], method: str, body: Any
) -> None:
    """The log has its key and where it was found; neither has a value. Another tenant learns nothing of it."""

    def send(event: Event, config: ChannelConfig, attempt: Attempt) -> None:
        """Send nothing."""

    channel("plain", registry=world.registry)(send)
    path = create(client)
    everything(client, world)
    answer = client.send(method, path, body)
    assert (answer.status, answer.code) == (500, "unreadable"), answer.text
    assert '"item":' in logged.getvalue()
    assert '"where":' in logged.getvalue()
    assert SECRET not in answer.text + logged.getvalue()
    other = Client(api_of(world), a_token("other")).send(method, path, body)
    assert other.status == 404, other.text


def test_a_repeated_request_whose_job_cannot_be_read_is_such_an_error(world: World, client: Client) -> None:
    """It is not known whether it was the same request."""
    body, key = {"type": "ok", "payload": {}}, {"Idempotency-Key": "k"}
    assert client.send("POST", "/jobs", body, key).status == 202
    everything(client, world)
    answer = client.send("POST", "/jobs", body, key)
    assert (answer.status, answer.code) == (500, "unreadable"), answer.text
