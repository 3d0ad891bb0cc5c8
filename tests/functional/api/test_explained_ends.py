"""What explain, history and attempts say of a job whose end had a cause beyond its own code."""

from typing import Any

import pytest

from tests.builders.api import a_token, api_of
from tests.builders.gateway import Client
from tests.builders.jobs import claimed
from tests.builders.world import TENANT, World
from whendue.support.timestamps import to_timestamp

BY = "developer"
BACKOFF = {"baseSeconds": 20, "jitter": "none"}


@pytest.fixture
def client(world: World) -> Client:
    return Client(api_of(world), a_token())


def submitted(client: Client, kind: str = "ok", **wanted: Any) -> str:
    answer = client.send("POST", "/jobs", {"type": kind, **wanted})
    assert answer.status == 202, answer.json
    return str(answer.json["id"])


def reasons(client: Client, job_id: str) -> dict[str, dict[str, Any]]:
    found = client.send("GET", f"/jobs/{job_id}/explain").json["reasons"]
    return {reason["code"]: reason for reason in found}


def last_event(client: Client, job_id: str) -> dict[str, Any]:
    event: dict[str, Any] = client.send("GET", f"/jobs/{job_id}/events").json["items"][0]
    return event


def attempts(client: Client, job_id: str) -> list[tuple[int, str]]:
    """Return the attempts, which both of their lists name alike."""
    shown = client.send("GET", f"/jobs/{job_id}").json
    listed = client.send("GET", f"/jobs/{job_id}/attempts").json["items"]
    failed = [attempt for attempt in shown["attempts"] if attempt["state"] == "failed"]
    assert failed == listed[::-1]
    return [(attempt["attempt"], attempt["state"]) for attempt in shown["attempts"]]


# --- an expiry that ends the retries --------------------------------------------------------------------------------


def expiring(client: Client, world: World) -> str:
    job_id = submitted(client, "bad", retries=5, backoff=BACKOFF, expiresSeconds=30)
    world.work()
    return job_id


def test_an_expiry_that_ends_the_retries_is_the_cause(world: World, client: Client) -> None:
    """It said that the error is never retried."""
    job_id = expiring(client, world)
    expires_at = client.send("GET", f"/jobs/{job_id}").json["expiresAt"]
    world.clock.advance(20)
    world.work()
    failed = reasons(client, job_id)["failed"]
    assert "and the next one would have begun after its expiry: " in failed["text"]
    assert "never retried" not in failed["text"]
    assert (failed["facts"]["expiresAt"], failed["facts"]["attempts"]) == (expires_at, 2)
    assert (last_event(client, job_id)["type"], last_event(client, job_id)["expiresAt"]) == ("dead", expires_at)


def test_a_planned_retry_that_came_too_late_has_the_same_cause(world: World, client: Client) -> None:
    """No worker was there in time."""
    job_id = expiring(client, world)
    world.clock.advance(31)
    world.work()
    assert "would have begun after its expiry" in reasons(client, job_id)["failed"]["text"]
    assert last_event(client, job_id)["expiresAt"] is not None
    assert attempts(client, job_id) == [(1, "failed")]


def test_a_worker_that_died_before_the_expiry_is_not_said_to_be_one_of_many(world: World, client: Client) -> None:
    """It said that every worker that ran the job died, and asked about memory."""
    job = world.submit(expires_s=10)
    claimed(world, job)
    world.pass_time(400)
    failed = reasons(client, job.id)["failed"]
    assert "Its worker died, and no other one takes over after its expiry" in failed["text"]
    assert failed["facts"]["expiresAt"] == last_event(client, job.id)["expiresAt"]


def test_an_expiry_is_not_named_where_it_changed_nothing(world: World, client: Client) -> None:
    """The attempts were used up before."""
    job_id = submitted(client, "bad", retries=0, expiresSeconds=30)
    world.work()
    assert "expiresAt" not in reasons(client, job_id)["failed"]["facts"]
    assert last_event(client, job_id)["expiresAt"] is None


def test_what_has_begun_is_not_said_not_to_run(world: World, client: Client) -> None:
    """Between two attempts it has begun."""
    fresh = submitted(client, delaySeconds=10, expiresSeconds=30)
    assert reasons(client, fresh)["expires"]["text"] == "It does not run if it has not begun by its expiry."
    begun = expiring(client, world)
    assert reasons(client, begun)["expires"]["text"] == "It ends dead if its next attempt has not begun by its expiry."


# --- attempts that were none ----------------------------------------------------------------------------------------


def replaced(client: Client, world: World) -> tuple[str, str]:
    """Submit a job and another one that replaces it; return their ids."""
    unique = {"key": "k", "onConflict": "replace"}
    first = submitted(client, "bad", delaySeconds=100, backoff=BACKOFF, unique=unique)
    return first, submitted(client, "bad", delaySeconds=100, unique=unique)


def unsatisfied(client: Client, world: World) -> str:
    top = submitted(client, "bad", retries=0)
    job_id = submitted(client, "bad", backoff=BACKOFF, dependsOn=[top])
    world.work()
    return job_id


def expired(client: Client, world: World) -> str:
    job_id = submitted(client, "bad", backoff=BACKOFF, expiresSeconds=1)
    world.clock.advance(2)
    world.work()
    return job_id


NEVER_BEGAN = {
    "replaced": lambda client, world: replaced(client, world)[0],
    "unsatisfied": unsatisfied,
    "expired": expired,
}


@pytest.mark.parametrize("name", NEVER_BEGAN)
def test_a_job_that_never_began_has_no_attempt(world: World, client: Client, name: str) -> None:
    """The cause of its end was shown as one; after a redrive there were two first attempts."""
    job_id = NEVER_BEGAN[name](client, world)
    shown = client.send("GET", f"/jobs/{job_id}").json
    assert (shown["attempt"], shown["state"] in ("cancelled", "expired")) == (0, True)
    assert attempts(client, job_id) == []
    assert client.send("POST", f"/jobs/{job_id}/redrive").status == 200
    world.work()
    world.clock.advance(20)
    world.work()
    assert attempts(client, job_id) == [(1, "failed"), (2, "failed")]


def test_attempts_before_a_job_was_replaced_are_kept(world: World, client: Client) -> None:
    """The cause took the place of the last one of the run before."""
    unique = {"key": "k", "scope": "until_success", "onConflict": "replace"}
    first = submitted(client, "bad", retries=0, unique=unique)
    world.work()
    client.send("POST", f"/jobs/{first}/redrive")
    submitted(client, "bad", unique=unique)
    assert client.send("GET", f"/jobs/{first}").json["state"] == "cancelled"
    assert attempts(client, first) == [(1, "failed")]
    [attempt] = client.send("GET", f"/jobs/{first}/attempts").json["items"]
    assert attempt["error"]["type"] == "RuntimeError"


def test_a_replaced_job_names_the_one_that_replaced_it(world: World, client: Client) -> None:
    """Nobody could tell which."""
    first, second = replaced(client, world)
    assert second in client.send("GET", f"/jobs/{first}").json["error"]["message"]
    assert second in reasons(client, first)["cancelled_for"]["text"]
    assert second in last_event(client, first)["error"]["message"]


# --- who cancelled --------------------------------------------------------------------------------------------------


def test_a_cancel_says_who_asked_and_when(world: World, client: Client) -> None:
    """The events knew it, explain and the end did not."""
    job_id = submitted(client, delaySeconds=100)
    asked_at = to_timestamp(world.clock.now_ms())
    client.send("POST", f"/jobs/{job_id}/cancel")
    reason = reasons(client, job_id)["cancelled"]
    assert reason["text"] == "It was cancelled on request of developer."
    assert reason["facts"] == {"by": BY, "requestedAt": asked_at}
    assert (last_event(client, job_id)["type"], last_event(client, job_id)["by"]) == ("cancelled", BY)


def test_a_running_job_says_who_asked_for_its_cancel(world: World, client: Client) -> None:
    """It goes on until its task gives way."""
    job = world.submit()
    claimed(world, job)
    client.send("POST", f"/jobs/{job.id}/cancel")
    assert reasons(client, job.id)["cancel_requested"]["facts"]["by"] == BY


def test_each_cancel_has_its_own_asker(world: World, client: Client) -> None:
    """The first one is in the history still."""
    job_id = submitted(client, delaySeconds=100)
    world.app.control.cancel(TENANT, job_id, by="bob")
    for path in ("redrive", "cancel"):
        client.send("POST", f"/jobs/{job_id}/{path}")
    events = client.send("GET", f"/jobs/{job_id}/events").json["items"]
    assert [event["by"] for event in events if event["type"] == "cancelled"] == [BY, "bob"]


SCHEDULE = {"every": "PT10S", "job": {"type": "ok"}}
CHANGES = {
    "schedule_paused": ("POST", "/schedules/s/pause", {"reason": "the till is closed"}, "the till is closed"),
    "schedule_changed": ("PUT", "/schedules/s", {**SCHEDULE, "every": "PT1H"}, "was changed"),
    "schedule_deleted": ("DELETE", "/schedules/s", None, "was deleted"),
}


@pytest.mark.parametrize("cause", CHANGES)
def test_a_job_that_its_schedule_planned_says_why_it_was_cancelled(world: World, client: Client, cause: str) -> None:
    """It said that somebody had asked for it."""
    assert client.send("PUT", "/schedules/s", SCHEDULE).status in (200, 201)
    world.tick()
    planned = [job["id"] for job in client.send("GET", "/jobs", state="scheduled").json["items"]]
    assert planned
    method, path, body, words = CHANGES[cause]
    assert client.send(method, path, body).status in (200, 204)
    job_id = planned[0]
    reason, event = reasons(client, job_id)["cancelled_for"], last_event(client, job_id)
    assert reason["facts"]["errorType"] == cause
    assert "its schedule s" in reason["text"]
    assert words in reason["text"]
    assert (event["type"], event["by"], event["error"]["type"]) == ("cancelled", None, cause)
    assert attempts(client, job_id) == []


def test_a_node_says_that_it_was_cancelled_with_its_workflow(world: World, client: Client) -> None:
    """Somebody asked for the workflow's cancel, not for the node's."""
    nodes = {"first": {"type": "ok", "payload": {}, "delaySeconds": 600}}
    flow = client.send("POST", "/workflows", {"nodes": nodes}).json["id"]
    world.work()
    [node] = client.send("GET", "/jobs", workflow=flow).json["items"]
    assert client.send("POST", f"/workflows/{flow}/cancel").status == 200
    world.work()
    reason, event = reasons(client, node["id"])["cancelled_for"], last_event(client, node["id"])
    assert flow in reason["text"]
    assert (event["type"], event["by"], event["error"]["type"]) == ("cancelled", None, "parent_ended")


# --- a change that is none ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seconds", [100, 0], ids=["scheduled", "queued"])
def test_a_change_to_what_it_is_writes_nothing(world: World, client: Client, seconds: int) -> None:
    """There was an event of nothing, a new version and a new message."""
    job_id = submitted(client, delaySeconds=seconds)
    world.clock.advance(1)
    before = client.send("GET", f"/jobs/{job_id}")
    same = {"dueAt": before.json["dueAt"], "priority": before.json["priority"]}
    for body in (same, {"dueAt": same["dueAt"]}, {"priority": same["priority"]}):
        answer = client.send("PATCH", f"/jobs/{job_id}", body)
        assert (answer.status, answer.json["id"], answer.json["dueAt"]) == (200, job_id, same["dueAt"])
        assert answer.headers["etag"] == before.headers["etag"]
    assert last_event(client, job_id)["type"] == "submitted"
    stale = client.send("PATCH", f"/jobs/{job_id}", same, headers={"If-Match": '"0"'})
    assert stale.status == 412


# --- pauses ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "words", "facts"),
    [
        ({"type": "ok"}, "Jobs of the type ok are paused by developer: all", {"scope": "type", "type": "ok"}),
        ({}, "The tenant acme is paused by developer: all", {"scope": "tenant"}),
    ],
    ids=["type", "tenant"],
)
def test_a_pause_says_what_it_holds(
    world: World, client: Client, body: dict[str, Any], words: str, facts: dict[str, Any]
) -> None:
    """Whoever wants to end it must know which it is."""
    assert client.send("POST", "/pauses", {"reason": "all", **body}).status == 200
    reason = reasons(client, submitted(client))["paused"]
    assert reason["text"] == words
    times = ("by", "reason", "pausedAt", "pausedUntil")
    assert {name: value for name, value in reason["facts"].items() if name not in times} == facts
