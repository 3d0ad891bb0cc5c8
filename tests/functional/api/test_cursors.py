"""Cursors of every list over HTTP: opaque, bound to tenant, list and filter; whatever else is sent is a 400."""

import base64
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

import pytest

from functions.api.app import make_resolver, routes_of
from tests.builders.gateway import Answer, Client
from tests.builders.world import SETTINGS, World
from whendue.errors import InvalidCursorError
from whendue.operations.listing import _opened, _value
from whendue.quotas import CURSOR_BYTES, LIST_PARTITIONS
from whendue.table.index import Position

# Every list with a cursor, as it is asked for the next page; a filter that fits all entries is another list.
LISTS: dict[str, tuple[str, dict[str, Any]]] = {
    "/jobs": ("/jobs", {"type": "ok"}),
    "/workflows": ("/workflows", {"state": "scheduled"}),
    "/schedules": ("/schedules", {}),
    "/dead-letters": ("/dead-letters", {"type": "bad"}),
    "/dead-letters/by-tenant": ("/dead-letters/by-tenant", {"type": "bad"}),
    "/operations": ("/operations", {}),
    "/schedules/<name>/backfills": ("/schedules/s0/backfills", {}),
    "/subscriptions/<name>/deliveries": ("/subscriptions/hook/deliveries", {"state": "succeeded"}),
    "/schedules/<name>/fires": ("/schedules/s0/fires", {"outcome": "ran"}),
}
WHOLE = {"/subscriptions", "/profiles", "/pauses", "/queues"}
WORKFLOW = {"nodes": {"a": {"type": "ok"}}, "delaySeconds": 3600}


def test_every_list_is_here() -> None:
    """A new one with a cursor has to be added."""
    with_cursor = {
        route.path
        for route in routes_of(make_resolver())
        if "cursor" in {p.alias for p in route.dependant.query_params}
    }
    # Those of a job have their own tests: test_attempts.py, test_job_logs.py and history/test_reader.py.
    assert with_cursor == set(LISTS) | {"/jobs/<job_id>/attempts", "/jobs/<job_id>/events", "/jobs/<job_id>/logs"}


@pytest.fixture
def full(world: World, client: Client) -> Client:
    """More in each list than one page."""
    for number in range(3):
        client.submit(delaySeconds=3600 + number)
        assert client.send("POST", "/workflows", WORKFLOW).status == 202
        assert client.send("POST", "/operations", {"action": "delete", "all": True}).status == 202
        schedule = {"every": "PT1S", "job": {"type": "ok"}}
        assert client.send("PUT", f"/schedules/s{number}", schedule).status == 201
    world.pass_time(4)
    return client


def first_cursor(client: Client, path: str, **query: Any) -> str:
    """Get a cursor of a list, a page of one."""
    cursor: str | None = client.send("GET", path, limit=1, **query).json["cursor"]
    assert cursor
    return cursor


PAGED = ["/jobs", "/operations", "/workflows", "/schedules", "/schedules/<name>/fires"]


@pytest.mark.parametrize("pattern", PAGED)
def test_a_cursor_is_good_for_its_own_list_alone(
    full: Client, world: World, client_of: Callable[..., Client], pattern: str
) -> None:
    """Not for another tenant, list or filter."""
    path, filtered = LISTS[pattern]
    cursor = first_cursor(full, path)
    assert full.send("GET", path, limit=1, cursor=cursor).status == 200
    other = client_of("other")
    other.send("PUT", "/schedules/s0", {"every": "PT1S", "job": {"type": "ok"}})
    wrong = [other.send("GET", path, cursor=cursor)]
    wrong += [full.send("GET", path, cursor=cursor, **filtered)] if filtered else []
    subscribed(world)
    wrong += [
        full.send("GET", LISTS[other_pattern][0], cursor=cursor) for other_pattern in LISTS if other_pattern != pattern
    ]
    wrong += [full.send("POST", "/dead-letters/redrive", {"cursor": cursor})]
    if pattern == "/schedules/<name>/fires":
        wrong += [full.send("GET", "/schedules/s1/fires", cursor=cursor)]
    assert {(answer.status, answer.code) for answer in wrong} == {(400, "invalid_cursor")}


def subscribed(world: World) -> None:
    from whendue.notifications.subscription import Subscription, Terms, subscribe

    made = Subscription("acme", "hook", Terms("webhook", "{}", ("dead",)), "m", 1, 1, "m")
    world.table.apply([subscribe(made)])


FORGED = {
    "none": "",
    "a letter that is not ASCII": "Ö",
    "to the letter": unquote("%C3%96"),
    "half a pair": "\udcd6",
    "an invented one": "abc",
    "base64 of nothing": "====",
    "what it once was": base64.urlsafe_b64encode(json.dumps(["0" * 12, "live", {}]).encode()).decode().rstrip("="),
    "a list that is deep": base64.urlsafe_b64encode(b"[" * 4000).decode().rstrip("="),
    "a name": "s0",
    "too long": "A" * (CURSOR_BYTES + 1),
    "a NUL": "\0",
    "a space": " ",
}


def answer_of(client: Client, pattern: str, cursor: str) -> Answer:
    return client.send("GET", LISTS[pattern][0], cursor=cursor.encode(errors="surrogateescape"))


@pytest.mark.sampled(5)
@pytest.mark.parametrize("name", FORGED)
@pytest.mark.parametrize("pattern", LISTS)
def test_a_forged_cursor_is_a_400_of_its_own(full_once: Client, pattern: str, name: str) -> None:
    """Also `GET /schedules?cursor=%C3%96`, which was a 500."""
    answer = answer_of(full_once, pattern, FORGED[name])
    # What no text may hold is refused before anybody asks what it is for.
    earlier = {"half a pair": (400, "malformed_request"), "a NUL": (422, "invalid_request")}
    assert (answer.status, answer.code) == earlier.get(name, (400, "invalid_cursor"))


@pytest.mark.parametrize("name", FORGED)
def test_a_forged_cursor_of_a_bulk_redrive_is_a_400_of_its_own(client: Client, name: str) -> None:
    """It comes in the body."""
    cursor = FORGED[name].encode(errors="surrogateescape").decode(errors="replace")
    answer = client.send("POST", "/dead-letters/redrive", {"cursor": cursor})
    assert answer.status in (400, 422)
    assert answer.code in ("invalid_cursor", "malformed_request")


@pytest.fixture
def full_once(world: World, client: Client) -> Client:
    """What the lists that have a name in their path need."""
    subscribed(world)
    client.send("PUT", "/schedules/s0", {"every": "PT1S", "job": {"type": "ok"}})
    return client


def test_schedules_asked_for_to_the_letter(client: Client) -> None:
    """The request of the report."""
    from tests.builders.gateway import Request

    headers = {"Authorization": f"Bearer {client.token}"}
    event = Request("GET", "/schedules", headers, query="cursor=%C3%96").event("http")
    answer = client.event(event)
    assert (answer.status, answer.code) == (400, "invalid_cursor")


def test_a_cursor_of_jobs_shows_nothing_of_other_tenants(client_of: Callable[..., Client], world: World) -> None:
    """Live jobs of all tenants share partitions: the position of a list may be another tenant's job."""
    foreign = [client_of("other").submit(delaySeconds=60 + n)["id"] for n in range(20)]
    own = [client_of().submit(delaySeconds=100 + n)["id"] for n in range(3)]
    cursor = first_cursor(client_of(), "/jobs")
    raw = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
    now = str(world.clock.now_ms())[:6].encode()
    for text in (*[item.encode() for item in foreign + own], b"live", b"normal", b"other", now):
        assert text not in raw
        assert base64.b64encode(text)[:-4] not in cursor.encode()


def test_the_largest_cursor_is_one_that_is_taken(world: World) -> None:
    """Each partition left at a job of its own, and one at its end; the longest names."""
    tenant, name = "t" * 64, "s" * 64
    positions = {n: Position(1 << 43, "JOB#" + "f" * 36, "job") for n in range(LIST_PARTITIONS - 1)} | {99: None}
    value = _value(positions, 1 << 44)
    bound = ("deliveries", tenant, False, None, None, None, None, name)
    cursors = world.app.runtime.cursors
    cursor = cursors.seal(value, bound)
    assert len(cursor) <= CURSOR_BYTES
    read, until_ms = _opened(cursors.open(cursor, bound))
    assert until_ms == 1 << 44
    assert (len(read), read[99]) == (LIST_PARTITIONS, None)
    assert read[0] == Position(1 << 43, "JOB#" + "f" * 36, "job")


@pytest.mark.parametrize("value", [["live", {}], {"a": None}, {"0": 7}, {"0": []}, {"0": [1]}, 3, None])
def test_a_cursor_of_another_version_is_refused(value: object) -> None:
    """It was sealed by us, and means something else."""
    with pytest.raises(InvalidCursorError):
        _opened(value)


def test_pages_go_on_when_partitions_are_added(client: Client, world: World) -> None:
    """Shards may grow while somebody reads."""
    from dataclasses import replace

    from tests.builders.api import a_token, api_of
    from whendue.bootstrap.application import build

    made = {client.submit(delaySeconds=60 + n)["id"] for n in range(6)}
    page = client.send("GET", "/jobs", limit=2).json
    ports = (world.table, world.queues, world.blobs, world.runner, world.registry)
    world.app = build(replace(SETTINGS, shards=SETTINGS.shards + 3), world.system, *ports)
    grown = Client(api_of(world), a_token())
    found = {job["id"] for job in page["items"]}
    while page["cursor"]:
        page = grown.send("GET", "/jobs", limit=2, cursor=page["cursor"]).json
        found |= {job["id"] for job in page["items"]}
    assert found == made
