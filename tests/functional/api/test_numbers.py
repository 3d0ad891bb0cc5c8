"""Numbers: what a request says has bounds that make sense, and whatever is accepted can be stored, run and read."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tests.builders.gateway import Answer, Client
from tests.builders.world import TENANT, World
from whendue.operations.listing import JobFilter
from whendue.quotas import HORIZON_S
from whendue.submission.request import JobRequest

REFUSED = [1e-300, 5e-324, 1e-131, 1e-130, 1e-12, 1e-7, 0.0, -0.0, -1.0, True, "1", 2**53 + 1, 1e126]
HOLD: dict[str, Any] = {"cron": "* * * * *", "job": {"type": "ok", "payload": {}}}


def send_job(client: Client, policy: dict[str, Any]) -> Answer:
    return client.send("POST", "/jobs", {"type": "ok", "payload": {}, **policy})


def send_batch(client: Client, policy: dict[str, Any]) -> Answer:
    answer = client.send("POST", "/jobs/batch", {"jobs": [{"type": "ok", "payload": {}, **policy}]})
    assert answer.status == 207, answer.text
    [item] = answer.json["items"]
    return Answer(item["status"], answer.headers, "")


def put_profile(client: Client, policy: dict[str, Any]) -> Answer:
    return client.send("PUT", "/profiles/mine", policy)


def put_schedule(client: Client, policy: dict[str, Any]) -> Answer:
    return client.send("PUT", "/schedules/x", {**HOLD, "job": {"type": "ok", "payload": {}, **policy}})


def start_workflow(client: Client, policy: dict[str, Any]) -> Answer:
    return client.send("POST", "/workflows", {"nodes": {"a": {"type": "ok", "payload": {}, **policy}}})


WAYS: dict[str, Callable[[Client, dict[str, Any]], Answer]] = {
    "a job": send_job,
    "a batch": send_batch,
    "a profile": put_profile,
    "a schedule": put_schedule,
    "a workflow": start_workflow,
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", ["baseSeconds", "capSeconds", "factor"])
def test_a_backoff_out_of_its_bounds_is_refused(client: Client, way: str, name: str) -> None:
    """`{"backoff":{"baseSeconds":1e-300}}` stopped the timer for all tenants."""
    for number in REFUSED:
        answer = WAYS[way](client, {"backoff": {name: number}})
        assert answer.status == 422, (number, answer.text)


@pytest.mark.parametrize("way", WAYS)
def test_a_backoff_within_its_bounds_is_taken(client: Client, way: str) -> None:
    """To the millisecond."""
    for number in (0.001, 1, 86_400, 0.0015):
        assert WAYS[way](client, {"backoff": {"baseSeconds": number, "capSeconds": number}}).status < 300


def test_a_rate_out_of_its_bounds_is_refused(client: Client) -> None:
    """Of a limit, and of a bulk redrive: `1e-12` gave jobs due in the year 10,000."""
    for number in REFUSED:
        assert send_job(client, {"limits": {"ratePerSecond": number}}).status == 422
        assert put_profile(client, {"limits": {"ratePerSecond": number}}).status == 422
        answer = client.send("POST", "/dead-letters/redrive", {"ratePerSecond": number})
        assert answer.status == 422, answer.text


@pytest.mark.parametrize("number", [1e-300, 5e-324, 1e-12, -0.0, 0, 0.0004])
def test_a_delay_is_in_whole_milliseconds(client: Client, world: World, number: float) -> None:
    """A delay after a dependency is stored: `1e-300` was a 500 then."""
    [first] = [client.submit(delaySeconds=number)["id"]]
    answer = client.send("POST", "/jobs", {"type": "ok", "delaySeconds": number, "dependsOn": [first]})
    assert answer.status == 202, answer.text
    nodes = {"a": {"type": "ok"}, "b": {"type": "ok", "dependsOn": ["a"], "delaySeconds": number}}
    assert client.send("POST", "/workflows", {"nodes": nodes}).status == 202
    world.pass_time(10)
    assert {job["state"] for job in client.send("GET", "/jobs").json["items"]} == {"succeeded"}


def test_what_a_task_wants_is_bounded(world: World, client: Client) -> None:
    """It is stored with each job; a definition made by hand is not checked earlier."""
    for number, value in enumerate([1e-300, 5e-324, -1.0, float("inf"), float("nan"), 1e300]):
        world.task(f"odd-{number}", lambda payload, ctx: None)
        odd = replace(world.registry.get(f"odd-{number}"), policy=dict.fromkeys(("base_s", "cap_s", "factor"), value))
        world.registry.remove(odd.name)
        world.registry.add(odd)
        assert client.submit(f"odd-{number}")["state"] == "queued"


def test_a_schedule_of_an_older_version_fires_with_bounded_numbers(world: World, client: Client) -> None:
    """`PUT /schedules/x {"cron":"* * * * *","job":{...,"backoff":{"baseSeconds":1e-300}}}` was a 201 once."""
    assert put_schedule(client, {}).status == 201
    [key] = [key for key in world.table.items() if key.sk == "schedule#x"]
    [item] = world.table.get([key])
    assert item is not None
    text = item["definition"].replace('"policy":{}', '"policy":{"base_s":1e-300}')
    assert text != item["definition"]
    world.table.rows[key]["definition"] = text  # as an older version has written it
    world.pass_time(240)
    jobs = client.send("GET", "/jobs").json["items"]
    assert len(jobs) >= 2
    assert {item["policy"]["base_s"] for key, item in world.table.items().items() if key.sk == "job"} == {5, 0.001}
    for answer in (
        client.send("GET", "/schedules/x"),
        client.send("POST", "/schedules/x/pause", {"reason": "why"}),
        client.send("POST", "/schedules/x/resume"),
        put_schedule(client, {}),
        client.send("DELETE", "/schedules/x"),
    ):
        assert answer.status < 300, answer.text


def test_a_bulk_redrive_stays_within_the_horizon(world: World, client: Client) -> None:
    """The slowest rate that is taken, and one that no request can give."""
    for _ in range(3):
        world.submit("bad", policy={"max_attempts": 1})
    world.work()
    answer = client.send("POST", "/dead-letters/redrive", {"ratePerSecond": 0.001})
    assert answer.status == 200, answer.text
    assert client.send("GET", "/jobs").status == 200
    world.pass_time(4000, step_s=10)
    done = world.app.dead_letter_redrive.redrive(
        TENANT, JobFilter(), dry_run=False, rate_per_s=1e-12, limit=100, cursor=None, by="ada"
    )
    assert len(done.redriven) == 3
    latest_ms = world.clock.now_ms() + HORIZON_S * 1000
    assert all(item["due_at"] <= latest_ms for key, item in world.table.items().items() if key.sk == "job")
    assert client.send("GET", "/jobs").status == 200


@pytest.mark.parametrize("field", ["due_at", "created_at", "scheduled_at"])
@pytest.mark.parametrize("at_ms", [253_402_300_800_000, 10**18, -(10**18), 0])
def test_whatever_time_is_stored_is_shown(world: World, client: Client, field: str, at_ms: int) -> None:
    """One job of the year 10,000 made a 500 of the whole list."""
    made = client.submit(delaySeconds=60)
    [key] = [key for key in world.table.items() if key.sk == "job"]
    world.table.rows[key][field] = at_ms
    assert client.send("GET", f"/jobs/{made['id']}").status == 200
    assert client.send("GET", "/jobs").status == 200


def test_what_no_table_can_hold_is_refused_with_a_code(world: World, client: Client) -> None:
    """Whatever finds its way past the door: that one alone, and no 500."""
    results = world.app.submit.many(TENANT, [JobRequest("ok", {}, tags={"a": text}) for text in ("\ud800", "fine")])
    assert [getattr(end, "code", "made") for end in results] == ["unstorable", "made"]
