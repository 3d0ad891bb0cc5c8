"""Unique jobs, as the API takes them, and what it answers on a conflict."""

from typing import Any

import pytest

from tests.builders.api import a_token, api_of
from tests.builders.gateway import Client, Shape
from tests.builders.world import World
from whendue.quotas import HORIZON_S, UNIQUE_KEY_BYTES, UNIQUE_PATHS


@pytest.fixture
def client(world: World, shape: Shape) -> Client:
    return Client(api_of(world), a_token(), shape)


def job(unique: dict[str, Any], **wanted: Any) -> dict[str, Any]:
    return {"type": "ok", "delaySeconds": 60, "unique": unique, **wanted}


def test_a_job_that_holds_the_key_is_the_answer(client: Client) -> None:
    """200 says that nothing was created, as for an Idempotency-Key."""
    first = client.send("POST", "/jobs", job({"key": "k"}))
    second = client.send("POST", "/jobs", job({"key": "k"}))
    assert (first.status, second.status) == (202, 200)
    assert second.json["id"] == first.json["id"]
    assert second.headers["location"] == first.headers["location"]


def test_a_conflict_names_the_job(client: Client) -> None:
    """`jobId` is a member of the problem."""
    holder = client.send("POST", "/jobs", job({"key": "k"})).json["id"]
    answer = client.send("POST", "/jobs", job({"key": "k", "onConflict": "reject"}))
    assert (answer.status, answer.json["code"], answer.json["jobId"]) == (409, "unique_conflict", holder)


def test_another_tenant_meets_no_conflict(world: World, shape: Shape) -> None:
    """Nothing of one shows in the other's answers."""
    own, other = (Client(api_of(world), a_token(tenant), shape) for tenant in ("acme", "rival"))
    assert own.send("POST", "/jobs", job({"key": "k", "onConflict": "reject"})).status == 202
    assert other.send("POST", "/jobs", job({"key": "k", "onConflict": "reject"})).status == 202


def test_each_job_of_a_batch_is_answered_on_its_own(client: Client) -> None:
    """In order: the second meets the first."""
    unique = {"byPayload": ["order.id"], "onConflict": "reject"}
    answer = client.send(
        "POST", "/jobs/batch", {"jobs": [job(unique, payload={"order": {"id": number}}) for number in (1, 2, 1)]}
    )
    items = answer.json["items"]
    assert [item["status"] for item in items] == [202, 202, 409]
    assert items[2]["problem"]["jobId"] == items[0]["job"]["id"]


def test_debounce_runs_the_last_one_after_the_longest_wait_at_the_latest(client: Client, world: World) -> None:
    """Four submits in a minute, each put off by half a minute, with 45 s at most."""
    unique = {"key": "k", "scope": "pending", "onConflict": "postpone", "maxWaitSeconds": 45}
    made = []
    for number in range(3):
        made.append(client.send("POST", "/jobs", job(unique, delaySeconds=30, payload={"n": number})).json["id"])
        world.clock.advance(14)
    world.pass_time(60)
    shown = [client.send("GET", f"/jobs/{each}").json for each in made]
    assert [each["state"] for each in shown] == ["cancelled", "cancelled", "succeeded"]
    assert shown[0]["error"]["type"] == "replaced"


@pytest.mark.parametrize(
    "unique",
    [
        {},
        {"key": ""},
        {"key": "k" * (UNIQUE_KEY_BYTES + 1)},
        {"key": "two\nlines"},
        {"key": "k", "byPayload": []},
        {"byPayload": ["a"] * (UNIQUE_PATHS + 1)},
        {"byPayload": ["a..b"]},
        {"byPayload": [""]},
        {"byPayload": "a"},
        {"key": "k", "scope": "ever"},
        {"key": "k", "scope": "for_seconds"},
        {"key": "k", "forSeconds": 10},
        {"key": "k", "scope": "for_seconds", "forSeconds": 0},
        {"key": "k", "scope": "for_seconds", "forSeconds": HORIZON_S + 1},
        {"key": "k", "scope": "for_seconds", "forSeconds": HORIZON_S},
        {"key": "k", "onConflict": "ignore"},
        {"key": "k", "onConflict": "postpone"},
        {"key": "k", "maxWaitSeconds": 10},
        {"key": "k", "until": "success"},
    ],
)
def test_a_key_that_cannot_be_is_refused(client: Client, unique: dict[str, Any]) -> None:
    """Before anything is written."""
    answer = client.send("POST", "/jobs", job(unique))
    assert (answer.status, answer.json["code"]) == (422, "invalid_request")


@pytest.mark.parametrize(
    "wanted", [{"delaySeconds": None}, {"dependsOn": ["0198f0c2-6d5e-7c43-9c1f-1f0a8f6b2a11"]}], ids=str
)
def test_what_is_postponed_has_a_delay_and_waits_for_nothing_else(client: Client, wanted: dict[str, Any]) -> None:
    """Its due time must be known."""
    unique = {"key": "k", "onConflict": "postpone", "maxWaitSeconds": 10}
    body = {name: value for name, value in job(unique, **wanted).items() if value is not None}
    assert client.send("POST", "/jobs", body).json["code"] == "invalid_request"


def test_no_job_of_a_batch_depends_on_one_that_may_be_another(client: Client) -> None:
    """The holder may be the answer to `ref`."""
    answer = client.send("POST", "/jobs/batch", {"jobs": [job({"key": "k"}, ref="a")]})
    assert answer.json["items"][0]["problem"]["code"] == "invalid_request"
