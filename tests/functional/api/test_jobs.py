"""Every job route, on both event shapes: what is sent is stored, what is stored is shown."""

from typing import Any

import pytest

from tests.builders.api import a_token, api_of
from tests.builders.gateway import Client, Shape
from tests.builders.world import World
from whendue.quotas import BULK_JOBS


@pytest.fixture
def client(world: World, shape: Shape) -> Client:
    return Client(api_of(world), a_token(), shape)


def test_a_submitted_job_is_found_where_location_points(client: Client) -> None:
    """202 means: it is stored."""
    answer = client.send("POST", "/jobs", {"type": "ok", "payload": {"text": "grün"}, "tags": {"team": "a"}})
    assert answer.status == 202
    job = answer.json
    assert answer.headers["location"] == f"/jobs/{job['id']}"
    assert job.pop("outcome") == "created"
    assert client.send("GET", answer.headers["location"]).json == job | {
        "payload": {"text": "grün"},
        "payloadUrl": None,
        "payloadBytes": None,
        "resultUrl": None,
        "resultBytes": None,
        "attempts": [],
    }
    shown = {name: job[name] for name in ("state", "type", "tenant", "priority", "attempt", "maxAttempts", "tags")}
    assert shown == {
        "state": "queued",
        "type": "ok",
        "tenant": "acme",
        "priority": "normal",
        "attempt": 0,
        "maxAttempts": 4,
        "tags": {"team": "a"},
    }


def test_the_briefs_request_works_verbatim(client: Client, world: World) -> None:
    """`retries` are attempts after the first."""
    body = {"type": "ok", "payload": {"to": "a"}, "delaySeconds": 30, "retries": 3}
    answer = client.send("POST", "/tasks/schedule", body)
    assert answer.status == 202
    assert (answer.json["state"], answer.json["maxAttempts"]) == ("scheduled", 4)
    world.clock.advance(29)
    assert world.work() == []
    world.clock.advance(1)
    world.work()
    assert client.send("GET", answer.headers["location"]).json["state"] == "succeeded"


def test_everything_that_can_be_asked_for_is_stored(client: Client, world: World) -> None:
    """A field that is taken and forgotten would be worse than one that is refused."""
    backoff = {"baseSeconds": 2.5, "factor": 3, "capSeconds": 60, "jitter": "none"}
    wanted: dict[str, Any] = {
        "timeoutSeconds": 7,
        "leaseSeconds": 9,
        "retentionSeconds": 3600,
        "maxAttempts": 2,
        "backoff": backoff,
    }
    job = client.submit(dueAt="2027-01-15T09:00:00+01:00", priority="high", profile="patient", **wanted)
    assert (job["dueAt"], job["priority"], job["profile"]) == ("2027-01-15T08:00:00.000Z", "high", "patient")
    policy = world.app.query.get("acme", job["id"]).job.policy
    assert (policy.timeout_s, policy.lease_s, policy.retention_s, policy.max_attempts) == (7, 9, 3600, 2)
    assert (policy.base_s, policy.factor, policy.cap_s, policy.jitter) == (2.5, 3, 60, "none")


def test_the_timeline_shows_every_attempt_and_its_error(client: Client, world: World) -> None:
    """Run history: what happened, when, and why."""
    job = client.submit("bad", maxAttempts=2, backoff={"baseSeconds": 5, "jitter": "none"})
    world.pass_time(10)
    shown = client.send("GET", f"/jobs/{job['id']}").json
    assert (shown["state"], shown["error"]["type"]) == ("dead", "RuntimeError")
    assert [(attempt["attempt"], attempt["state"], attempt["error"]["message"]) for attempt in shown["attempts"]] == [
        (1, "failed", "attempt 1 is bad"),
        (2, "failed", "attempt 2 is bad"),
    ]
    assert shown["attempts"][0]["endedAt"] < shown["attempts"][1]["startedAt"] <= shown["finishedAt"]


def test_a_success_shows_its_result_and_attempt(client: Client, world: World) -> None:
    """The result is the task's return value."""
    job = client.submit(payload={"n": 1})
    world.work()
    shown = client.send("GET", f"/jobs/{job['id']}").json
    assert shown["result"] == {"n": 1, "attempt": 1}
    assert [(attempt["attempt"], attempt["state"]) for attempt in shown["attempts"]] == [(1, "succeeded")]


def test_the_same_idempotency_key_gives_the_same_job(client: Client, world: World) -> None:
    """A client that got no answer asks again."""
    key = {"Idempotency-Key": "order-7"}
    job = client.submit(headers=key)
    again = client.send("POST", "/jobs", {"type": "ok"}, key)
    assert (again.status, again.json["id"]) == (200, job["id"])
    assert again.headers["idempotency-replayed"] == "true"
    other = client.send("POST", "/jobs", {"type": "ok", "payload": {"n": 2}}, key)
    assert (other.status, other.code) == (409, "idempotency_conflict")
    world.work()
    assert len(world.ran) == 1


def test_a_batch_judges_each_job_on_its_own(client: Client) -> None:
    """One bad job does not cost its neighbours."""
    jobs = [
        {"type": "ok", "idempotencyKey": "k"},
        {"type": "none"},
        {"type": "ok", "unknown": 1},
        "not an object",
        {"type": "ok", "idempotencyKey": "k"},
        {"type": "ok", "idempotencyKey": "k", "priority": "low"},
    ]
    answer = client.send("POST", "/jobs/batch", {"jobs": jobs})
    assert answer.status == 207
    items = answer.json["items"]
    assert [item["status"] for item in items] == [202, 422, 422, 422, 200, 409]
    assert items[4]["job"]["id"] == items[0]["job"]["id"]
    assert [item["problem"]["code"] for item in items if item["problem"]] == [
        "unknown_task",
        "invalid_request",
        "invalid_request",
        "idempotency_conflict",
    ]
    assert items[2]["problem"]["errors"][0]["where"] == "unknown"


def test_the_largest_batch_is_accepted_whole(client: Client, world: World) -> None:
    """And every job of it runs."""
    answer = client.send("POST", "/jobs/batch", {"jobs": [{"type": "ok"}] * BULK_JOBS})
    assert {item["status"] for item in answer.json["items"]} == {202}
    world.work()
    assert len(world.ran) == BULK_JOBS


def test_a_pending_job_is_rescheduled_reprioritised_and_cancelled(client: Client, world: World) -> None:
    """Control over what has not begun."""
    job = client.submit(delaySeconds=3600)
    path = f"/jobs/{job['id']}"
    changed = client.send("PATCH", path, {"dueAt": "2027-06-01T00:00:00Z", "priority": "critical"}).json
    assert (changed["dueAt"], changed["priority"]) == ("2027-06-01T00:00:00.000Z", "critical")
    assert client.send("POST", f"{path}/cancel").json["state"] == "cancelled"
    late = client.send("PATCH", path, {"priority": "low"})
    assert (late.status, late.code, late.json["state"]) == (409, "state_conflict", "cancelled")
    assert client.send("POST", f"{path}/redrive").json["state"] == "queued"
    world.work()
    assert client.send("GET", path).json["state"] == "succeeded"


def test_a_job_says_why_it_has_not_run_yet(client: Client) -> None:
    """The question that every user of a scheduler asks."""
    job = client.submit(delaySeconds=3600)
    explained = client.send("GET", f"/jobs/{job['id']}/explain").json
    assert (explained["id"], explained["state"]) == (job["id"], "scheduled")
    assert [reason["code"] for reason in explained["reasons"]] == ["not_due", "not_promoted"]
    assert explained["reasons"][0]["text"]


def test_lists_are_filtered_and_paged_to_the_end(client: Client, world: World) -> None:
    """Every job is listed once, whatever the page's size."""
    live = {client.submit(delaySeconds=3600 + n)["id"] for n in range(5)}
    done = {client.submit()["id"] for _ in range(4)}
    world.work()

    def ids(**query: Any) -> list[str]:
        found: list[str] = []
        page = client.send("GET", "/jobs", limit=2, **query).json
        while True:
            found += [job["id"] for job in page["items"]]
            if page["cursor"] is None:
                return found
            page = client.send("GET", "/jobs", limit=2, cursor=page["cursor"], **query).json

    assert sorted(ids()) == sorted(live | done)
    assert set(ids(state="succeeded")) == done
    assert set(ids(state="scheduled")) == live
    assert set(ids(type="ok", priority="normal")) == live | done
    assert ids(type="bad") == []


def test_dead_letters_are_grouped_and_redriven_in_bulk(client: Client, world: World) -> None:
    """A dry run counts, the real one runs them."""
    jobs = [client.submit("bad", maxAttempts=1) for _ in range(3)]
    world.work()
    [group] = client.send("GET", "/dead-letters").json["items"]
    assert (group["count"], group["types"], group["error"]["type"]) == (3, ["bad"], "RuntimeError")
    body = {"filter": {"fingerprint": group["fingerprint"]}, "dryRun": True}
    dry = client.send("POST", "/dead-letters/redrive", body).json
    assert (dry["matched"], dry["redriven"], dry["dryRun"]) == (3, [], True)
    real = client.send("POST", "/dead-letters/redrive", body | {"dryRun": False, "ratePerSecond": 1}).json
    assert sorted(real["redriven"]) == sorted(job["id"] for job in jobs)
    runs = len(world.ran)
    world.work()
    assert len(world.ran) == runs + 1, "at one per second, one is due at once"


def test_health_answers_without_a_token(world: World, shape: Shape) -> None:
    """Probes have none."""
    anyone = Client(api_of(world), None, shape)
    assert anyone.send("GET", "/health").json == {"status": "UP"}
    for path in ("/health/ready", "/actuator/health"):
        answer = anyone.send("GET", path)
        assert (answer.status, answer.json["status"], set(answer.json["components"])) == (
            200,
            "UP",
            {"table", "queues", "tasks"},
        )


def test_a_finished_job_is_erased_at_once_and_a_live_one_is_not(world: World, shape: Shape) -> None:
    """409 with a stable code says to cancel it first; what is not there, or another tenant's, is 404."""
    client = Client(api_of(world), a_token(), shape)
    job = client.send("POST", "/jobs", {"type": "ok", "payload": {"text": "x" * 1000}, "delaySeconds": 60}).json
    refused = client.send("DELETE", f"/jobs/{job['id']}")
    assert (refused.status, refused.json["code"], refused.json["state"]) == (409, "state_conflict", "scheduled")
    client.send("POST", f"/jobs/{job['id']}/cancel")
    other = Client(api_of(world), a_token(tenant="other"), shape)
    assert other.send("DELETE", f"/jobs/{job['id']}").status == 404
    assert client.send("DELETE", f"/jobs/{job['id']}").status == 204
    assert client.send("GET", f"/jobs/{job['id']}").status == 404
    assert client.send("DELETE", f"/jobs/{job['id']}").status == 404
    assert [key for key in world.table.items() if key.pk.startswith("JOB#")] == []


def test_an_idempotency_key_of_a_batch_holds_for_each_of_its_jobs(client: Client, world: World) -> None:
    """It was ignored: whoever sent a batch again made all its jobs again."""
    jobs = [{"type": "ok", "ref": "a"}, {"type": "ok", "dependsOn": [{"ref": "a"}]}, {"type": "ok"}, {"type": "?"}]
    key = {"Idempotency-Key": "import-7"}
    first = client.send("POST", "/jobs/batch", {"jobs": jobs}, key).json["items"]
    again = client.send("POST", "/jobs/batch", {"jobs": jobs}, key).json["items"]
    assert [item["status"] for item in first] == [202, 202, 202, 422]
    assert [item["status"] for item in again] == [200, 200, 200, 422]
    ids = [item["job"]["id"] for item in first[:3]]
    assert [item["job"]["id"] for item in again[:3]] == ids
    assert len(set(ids)) == 3
    world.work()
    assert len(world.ran) == 3
    jobs[2] = {"type": "ok", "idempotencyKey": "own"}
    jobs[0] = {"type": "ok", "payload": {"n": 2}}
    third = client.send("POST", "/jobs/batch", {"jobs": jobs[:1] + jobs[2:3]}, key).json["items"]
    assert [item["status"] for item in third] == [409, 202]
    assert client.send("POST", "/jobs/batch", {"jobs": jobs}, {"Idempotency-Key": ""}).code == "invalid_request"


@pytest.mark.parametrize(
    "path",
    [
        "/dead-letters/redrive",
        "/schedules/s/backfill",
        "/subscriptions/s/test",
        "/subscriptions/s/rotate-secret",
        "/subscriptions/s/deliveries/d/replay",
    ],
)
def test_an_idempotency_key_that_would_be_ignored_is_refused(client: Client, path: str) -> None:
    """Whoever sends one relies on it."""
    answer = client.send("POST", path, {}, {"Idempotency-Key": "k"})
    assert (answer.status, answer.code) == (422, "invalid_request")
    assert "Idempotency-Key" in answer.json["detail"]


@pytest.mark.parametrize(
    ("body", "where"),
    [
        ({"filter": {"tags": {"team": "x"}}}, "body.filter.tags"),
        ({"filter": {"createdAfter": "2026-01-01T00:00:00Z"}}, "body.filter.createdAfter"),
        ({"ids": ["a"]}, "body.ids"),
    ],
)
def test_a_bulk_redrive_names_the_request_that_selects_more(client: Client, body: dict[str, Any], where: str) -> None:
    """What this one does not know, an operation does."""
    answer = client.send("POST", "/dead-letters/redrive", body)
    assert (answer.status, answer.code) == (422, "invalid_request")
    [error] = answer.json["errors"]
    assert error["where"] == where
    assert "POST /operations" in error["problem"]
