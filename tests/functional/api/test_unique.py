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


def outcomes(client: Client, unique: dict[str, Any], *, times: int = 2, **wanted: Any) -> list[dict[str, Any]]:
    return [client.send("POST", "/jobs", job(unique, **wanted)).json for _ in range(times)]


def test_the_answer_says_what_became_of_the_request(client: Client) -> None:
    """And each job shows its key, and which one it replaced."""
    first, second = outcomes(client, {"key": "k"})
    assert [first["outcome"], second["outcome"]] == ["created", "returned"]
    assert first["unique"]["held"]
    assert first["unique"]["scope"] == "running"
    third = client.send("POST", "/jobs", job({"key": "k", "onConflict": "replace"})).json
    assert (third["outcome"], third["unique"]["replacedId"]) == ("replaced", first["id"])
    assert third["unique"]["keyId"] == first["unique"]["keyId"]
    old = client.send("GET", f"/jobs/{first['id']}").json
    assert not old["unique"]["held"]
    assert third["id"] in old["error"]["message"]
    assert client.send("POST", "/jobs", {"type": "ok"}).json["unique"] is None


def test_a_postponed_job_says_since_when_and_up_to_when(client: Client, world: World) -> None:
    """The first submit counts for all of them."""
    debounced = {"key": "k", "scope": "pending", "onConflict": "postpone", "maxWaitSeconds": 100}
    first = client.send("POST", "/jobs", job(debounced)).json
    world.clock.advance(30)
    second = client.send("POST", "/jobs", job(debounced)).json
    assert [first["outcome"], second["outcome"]] == ["created", "postponed"]
    assert second["unique"]["firstSubmittedAt"] == first["createdAt"]
    assert second["unique"]["latestDueAt"] == first["unique"]["latestDueAt"]
    [reason] = [
        reason
        for reason in client.send("GET", f"/jobs/{second['id']}/explain").json["reasons"]
        if reason["code"] == "holds_unique_key"
    ]
    assert reason["facts"]["replacedId"] == first["id"]
    assert reason["facts"]["latestDueAt"] == first["unique"]["latestDueAt"]
    why = client.send("GET", f"/jobs/{first['id']}/explain").json["reasons"]
    assert any(second["id"] in reason["text"] for reason in why)


def test_a_repeated_request_is_replayed_whatever_the_first_answer_was(client: Client) -> None:
    """The header says the same of the Idempotency-Key alone, and not of a holder that is returned."""
    created = [client.send("POST", "/jobs", job({"key": "k"}), {"Idempotency-Key": "a"}) for _ in range(2)]
    assert [answer.json["outcome"] for answer in created] == ["created", "replayed"]
    assert [answer.headers.get("idempotency-replayed") for answer in created] == [None, "true"]
    returned = [client.send("POST", "/jobs", job({"key": "k"}), {"Idempotency-Key": "b"}) for _ in range(2)]
    assert [answer.json["outcome"] for answer in returned] == ["returned"] * 2
    assert [answer.headers.get("idempotency-replayed") for answer in returned] == [None] * 2


def test_each_job_of_a_batch_says_what_became_of_it(client: Client) -> None:
    """Null for one that is refused."""
    wanted = [job({"key": "k", "onConflict": how}) for how in ("return", "return", "replace", "reject")]
    items = client.send("POST", "/jobs/batch", {"jobs": wanted}).json["items"]
    assert [item["outcome"] for item in items] == ["created", "returned", "replaced", None]


def test_the_holder_of_a_key_is_found_and_nothing_else(client: Client, world: World, shape: Shape) -> None:
    """By the words of a submit; a key that is free, or is another tenant's, has no holder."""

    def found(who: Client, payload: Any, **unique: Any) -> Any:
        answer = who.send("POST", "/unique/holder", {"type": "ok", "payload": payload, "unique": unique})
        assert answer.status == 200, answer.text
        return answer.json["job"] and answer.json["job"]["id"]

    named = client.send("POST", "/jobs", job({"key": "k"})).json["id"]
    valued = client.send("POST", "/jobs", job({"byPayload": ["n"]}, payload={"n": 1})).json["id"]
    assert found(client, {}, key="k") == named
    assert found(client, {"n": 1, "m": 2}, byPayload=["n"]) == valued
    assert found(client, {"n": 2}, byPayload=["n"]) is None
    assert found(Client(api_of(world), a_token("rival"), shape), {}, key="k") is None
    world.pass_time(61)
    assert found(client, {}, key="k") is None
    assert client.send("POST", "/unique/holder", {"type": "ok", "unique": {}}).json["code"] == "invalid_request"


def test_what_became_of_submits_is_counted(client: Client, world: World, shape: Shape) -> None:
    """By answer; one that met nobody is no answer."""
    outcomes(client, {"key": "k"}, times=3)
    for how, times in (("reject", 2), ("replace", 1)):
        outcomes(client, {"key": "k", "onConflict": how}, times=times)
    outcomes(client, {"key": "l", "scope": "pending", "onConflict": "postpone", "maxWaitSeconds": 90})
    world.app.counters.keep(world.app.metrics.take())
    text = Client(api_of(world), a_token(scopes="metrics:read"), shape).send("GET", "/actuator/prometheus").text
    for answer, number in (("returned", 2), ("rejected", 2), ("replaced", 1), ("postponed", 1)):
        assert f'whendue_unique_submits_total{{answer="{answer}"}} {number}.0' in text


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
        {"key": "k", "onConflict": "postpone", "maxWaitSeconds": 59},
        {"byPayload": ["nam"]},
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


def test_a_node_of_a_workflow_takes_no_key(client: Client) -> None:
    """The refusal says what to do instead."""
    answer = client.send("POST", "/workflows", {"nodes": {"a": {"type": "ok", "unique": {"key": "k"}}}})
    assert (answer.status, answer.json["code"]) == (422, "invalid_request")
    assert "takes no unique key" in answer.text


def test_a_trigger_meets_a_holder_as_a_submit_does(client: Client) -> None:
    """By the key of the schedule's job."""
    held = client.send("POST", "/jobs", job({"key": "k"})).json["id"]
    for how, status in (("return", 200), ("reject", 409)):
        body = {"cron": "0 0 * * * *", "job": {"type": "ok", "unique": {"key": "k", "onConflict": how}}}
        client.send("PUT", "/schedules/s", body)
        answer = client.send("POST", "/schedules/s/trigger")
        assert answer.status == status
        assert held in answer.text
        assert "idempotency-replayed" not in answer.headers


def test_a_schedule_shows_its_key_as_it_was_put(client: Client) -> None:
    """What GET returns can be PUT again."""
    unique = {"byPayload": ["n"], "scope": "for_seconds", "forSeconds": 60, "onConflict": "replace"}
    body = {"cron": "0 0 * * * *", "job": {"type": "ok", "payload": {"n": 1}, "unique": unique}}
    assert client.send("PUT", "/schedules/s", body).status == 201
    shown = client.send("GET", "/schedules/s").json
    assert shown["job"]["unique"] == unique
    often = client.send("PUT", "/schedules/t", body | {"cron": "0 * * * * *"})
    assert (often.status, often.json["code"]) == (422, "invalid_request")


def test_no_job_of_a_batch_depends_on_one_that_may_be_another(client: Client) -> None:
    """The holder may be the answer to `ref`."""
    answer = client.send("POST", "/jobs/batch", {"jobs": [job({"key": "k"}, ref="a")]})
    assert answer.json["items"][0]["problem"]["code"] == "invalid_request"
