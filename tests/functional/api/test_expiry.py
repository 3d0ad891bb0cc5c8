"""Expiry, as the API takes and shows it."""

from typing import Any

import pytest

from tests.builders.api import a_token, api_of
from tests.builders.gateway import Client, Shape
from tests.builders.world import World
from whendue.quotas import HORIZON_S
from whendue.support.timestamps import to_timestamp


@pytest.fixture
def client(world: World, shape: Shape) -> Client:
    return Client(api_of(world), a_token(), shape)


def at(world: World, seconds: float) -> str:
    """Return a time so far from now."""
    return str(to_timestamp(world.clock.now_ms() + round(seconds * 1000)))


def submitted(client: Client, **wanted: Any) -> dict[str, Any]:
    answer = client.send("POST", "/jobs", {"type": "ok", **wanted})
    assert answer.status == 202, answer.json
    job: dict[str, Any] = answer.json
    return job


def test_an_expiry_is_a_time_or_counts_from_the_due_time(client: Client, world: World) -> None:
    """It is shown as the time that comes of it; a job without says null."""
    assert submitted(client, expiresAt=at(world, 60))["expiresAt"] == at(world, 60)
    assert submitted(client, expiresSeconds=60)["expiresAt"] == at(world, 60)
    assert submitted(client, expiresSeconds=1.0001, delaySeconds=100)["expiresAt"] == at(world, 101.001)
    assert submitted(client, expiresSeconds=60, dueAt=at(world, 1000))["expiresAt"] == at(world, 1060)
    assert submitted(client)["expiresAt"] is None


@pytest.mark.parametrize(
    ("wanted", "code"),
    [
        ({"expiresAt": 0}, "invalid_request"),
        ({"expiresAt": "tomorrow"}, "invalid_request"),
        ({"expiresAt": -1.0}, "invalid_expiry"),
        ({"expiresAt": 0.0}, "invalid_expiry"),
        ({"expiresAt": 60.0, "delaySeconds": 60}, "invalid_expiry"),
        ({"expiresAt": 60.0, "dueAt": 61.0}, "invalid_expiry"),
        ({"expiresAt": HORIZON_S + 1.0}, "invalid_expiry"),
        ({"expiresAt": 60.0, "expiresSeconds": 60}, "invalid_request"),
        ({"expiresSeconds": 0}, "invalid_request"),
        ({"expiresSeconds": 0.999}, "invalid_request"),
        ({"expiresSeconds": -5}, "invalid_request"),
        ({"expiresSeconds": HORIZON_S + 1}, "invalid_request"),
        ({"expiresSeconds": 1e300}, "invalid_request"),
        ({"expiresSeconds": "60"}, "invalid_request"),
        ({"expiresSeconds": True}, "invalid_request"),
    ],
)
def test_an_expiry_that_cannot_be_is_refused(client: Client, world: World, wanted: dict[str, Any], code: str) -> None:
    """Floats of times are seconds from now; each refusal says what to send."""
    times = ("expiresAt", "dueAt")
    body = {
        name: at(world, value) if name in times and isinstance(value, float) else value
        for name, value in wanted.items()
    }
    answer = client.send("POST", "/jobs", {"type": "ok", **body})
    assert (answer.status, answer.json["code"]) == (422, code)
    assert "expires" in str(answer.json)
    [item] = client.send("POST", "/jobs/batch", {"jobs": [{"type": "ok", **body}]}).json["items"]
    assert (item["status"], item["problem"]["code"]) == (422, code)


def test_a_request_that_is_repeated_after_its_expiry_is_answered_with_its_job(client: Client, world: World) -> None:
    """G2: the same key is the same job while that is kept."""
    body, headers = {"type": "ok", "expiresAt": at(world, 10)}, {"Idempotency-Key": "k"}
    first = client.send("POST", "/jobs", body, headers=headers)
    world.clock.advance(60)
    again = client.send("POST", "/jobs", body, headers=headers)
    assert (again.status, again.json["id"]) == (200, first.json["id"])
    other = client.send("POST", "/jobs", body | {"expiresAt": at(world, 20)}, headers=headers)
    assert other.json["code"] == "idempotency_conflict"


def test_an_expired_job_says_so_and_can_be_redriven(client: Client, world: World) -> None:
    """It is found by its state, explained, can no more be cancelled, and runs again without an expiry."""
    job = submitted(client, expiresSeconds=10)
    path = f"/jobs/{job['id']}"
    reasons = client.send("GET", f"{path}/explain").json["reasons"]
    assert (reasons[-1]["code"], reasons[-1]["facts"]["expiresAt"]) == ("expires", job["expiresAt"])
    world.clock.advance(11)
    assert client.send("GET", f"{path}/explain").json["reasons"][0]["code"] == "expires"
    world.work()
    found = client.send("GET", path).json
    assert (found["state"], found["startedAt"], found["error"], found["attempts"]) == ("expired", None, None, [])
    assert found["finishedAt"] == at(world, 0)
    [listed] = client.send("GET", "/jobs", state="expired").json["items"]
    assert listed["id"] == job["id"]
    codes = [reason["code"] for reason in client.send("GET", f"{path}/explain").json["reasons"]]
    assert codes == ["finished", "expired", "redrivable"]
    assert client.send("POST", f"{path}/cancel").json["code"] == "state_conflict"
    assert client.send("GET", "/dead-letters").json["items"] == []
    again = client.send("POST", f"{path}/redrive")
    assert (again.status, again.json["state"], again.json["expiresAt"]) == (200, "queued", None)
    world.work()
    assert client.send("GET", path).json["state"] == "succeeded"


def test_a_job_is_not_rescheduled_past_its_expiry(client: Client, world: World) -> None:
    """It could never run; sooner is possible, and the expiry stays."""
    job = submitted(client, delaySeconds=600, expiresSeconds=60)
    path = f"/jobs/{job['id']}"
    refused = client.send("PATCH", path, {"dueAt": at(world, 660)})
    assert (refused.status, refused.json["code"]) == (422, "invalid_expiry")
    moved = client.send("PATCH", path, {"dueAt": at(world, 659)}).json
    assert (moved["dueAt"], moved["expiresAt"]) == (at(world, 659), job["expiresAt"])


def test_seconds_count_from_the_end_of_the_last_dependency(client: Client, world: World) -> None:
    """Until then only they are known."""
    first = submitted(client, delaySeconds=30)
    second = submitted(client, dependsOn=[first["id"]], delaySeconds=5, expiresSeconds=20)
    assert (second["expiresAt"], second["expiresSeconds"]) == (None, 20)
    world.clock.advance(30)
    world.work()
    found = client.send("GET", f"/jobs/{second['id']}").json
    assert (found["expiresAt"], found["expiresSeconds"]) == (at(world, 25), None)


def test_a_profile_has_an_expiry_for_jobs_that_ask_for_none(client: Client, world: World) -> None:
    """Seconds after each of them is due; one that asks for its own has that."""
    put = client.send("PUT", "/profiles/fresh", {"expiresSeconds": 30})
    assert put.json["expiresSeconds"] == 30
    assert client.send("GET", "/profiles/fresh").json["expiresSeconds"] == 30
    assert submitted(client, profile="fresh", delaySeconds=10)["expiresAt"] == at(world, 40)
    assert submitted(client, profile="fresh", expiresSeconds=5)["expiresAt"] == at(world, 5)
    assert submitted(client, profile="fresh", expiresAt=at(world, 7))["expiresAt"] == at(world, 7)
    assert client.send("PUT", "/profiles/fresh", {"expiresSeconds": 0}).status == 422


def test_nodes_and_whole_workflows_expire(client: Client, world: World) -> None:
    """A node counts from when it could begin; its dependents follow their policy, and the workflow is dead."""
    nodes = {
        "first": {"type": "ok", "delaySeconds": 60, "expiresSeconds": 10},
        "then": {"type": "ok", "dependsOn": ["first"]},
    }
    flow = client.send("POST", "/workflows", {"nodes": nodes}).json
    world.work()
    world.clock.advance(80)
    world.work()
    world.work()
    found = client.send("GET", f"/workflows/{flow['id']}").json
    states = {node["name"]: node["state"] for node in found["nodes"]}
    assert (found["state"], states) == ("dead", {"first": "expired", "then": "cancelled"})
    assert client.send("POST", f"/workflows/{flow['id']}/retry").status == 200
    world.work()
    world.work()
    world.work()
    assert client.send("GET", f"/workflows/{flow['id']}").json["state"] == "succeeded"
    late = client.send("POST", "/workflows", {"chain": [{"type": "ok"}], "expiresSeconds": 5}).json
    assert late["expiresAt"] == at(world, 5)
    world.clock.advance(6)
    world.work()
    assert client.send("GET", f"/workflows/{late['id']}").json["state"] == "expired"


def test_the_jobs_of_a_schedule_expire_after_each_fire(client: Client, world: World) -> None:
    """A schedule's job has no time of its own: seconds count from each fire's."""
    body = {"every": "PT1H", "job": {"type": "ok", "expiresSeconds": 30}}
    made = client.send("PUT", "/schedules/hourly", body)
    assert (made.status, made.json["job"]["expiresSeconds"]) == (201, 30)
    refused = client.send(
        "PUT", "/schedules/other", {"every": "PT1H", "job": {"type": "ok", "expiresAt": at(world, 9)}}
    )
    assert refused.status == 422
    assert "expiresSeconds" in str(refused.json)


def test_the_job_of_a_fire_can_expire_at_the_next_fire(client: Client, world: World) -> None:
    """While no worker comes, one job waits at a time; jobs that were asked for by a trigger do not expire so."""
    made = client.send("PUT", "/schedules/often", {"every": "PT2M", "expires": "next_fire", "job": {"type": "ok"}})
    assert (made.status, made.json["expires"]) == (201, "next_fire")
    assert client.send("POST", "/schedules/often/trigger").json["expiresAt"] is None
    for _ in range(10):
        world.clock.advance(60)
        world.tick()
    jobs = client.send("GET", "/jobs", schedule="often").json["items"]
    fires = sorted((job for job in jobs if job["nominalAt"]), key=lambda job: str(job["nominalAt"]))
    assert len(fires) >= 4
    assert [job["expiresAt"] for job in fires[:-1]] == [job["nominalAt"] for job in fires[1:]]
    world.work()
    states = [client.send("GET", f"/jobs/{job['id']}").json["state"] for job in fires]
    due = [job for job in fires if job["dueAt"] <= at(world, 0)]
    assert states[: len(due)] == ["expired"] * (len(due) - 1) + ["succeeded"]
    shown = client.send("GET", "/schedules/often/fires").json["items"]
    assert {fire["job"]["state"] for fire in shown if fire["job"]} == {"expired", "succeeded"}


def test_a_schedule_expires_its_jobs_in_one_way(client: Client) -> None:
    """Two that disagree would hide one of them."""
    body = {"every": "PT1H", "expires": "next_fire", "job": {"type": "ok", "expiresSeconds": 30}}
    refused = client.send("PUT", "/schedules/both", body)
    assert (refused.status, refused.json["code"]) == (422, "invalid_request")
    for wrong in ("never", 30, True):
        refused = client.send("PUT", "/schedules/wrong", {"every": "PT1H", "expires": wrong, "job": {"type": "ok"}})
        assert refused.status == 422
