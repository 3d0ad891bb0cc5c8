"""Bulk operations over HTTP: what is asked, what is refused, and what is shown."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.builders.gateway import Client
from tests.builders.world import World

ONCE = {"type": "bad", "maxAttempts": 1}
LATER = {"type": "ok", "delaySeconds": 3600}


@pytest.fixture
def dead(client: Client, world: World) -> list[str]:
    """The ids of three dead jobs."""
    ids = [client.send("POST", "/jobs", ONCE | {"tags": {"n": str(n)}}).json["id"] for n in range(3)]
    world.work()
    return ids


def test_an_operation_is_accepted_shown_and_listed(client: Client, dead: list[str]) -> None:
    """With who, when, what of which, and how far."""
    body = {"action": "redrive", "filter": {"type": "bad", "tags": {"n": "1"}}, "ratePerSecond": 5, "limit": 10}
    answer = client.send("POST", "/operations", body)
    assert answer.status == 202
    assert answer.headers["location"] == f"/operations/{answer.json['id']}"
    shown = client.send("GET", answer.headers["location"])
    assert shown.status == 200
    assert shown.json == answer.json
    assert shown.json | {"id": "", "createdAt": "", "endedAt": "", "by": ""} == {
        "id": "",
        "action": "redrive",
        "state": "finished",
        "by": "",
        "createdAt": "",
        "endedAt": "",
        "cancelledBy": None,
        "filter": {"state": "dead", "type": "bad", "tags": {"n": "1"}},
        "idCount": None,
        "undoes": None,
        "priority": None,
        "queue": None,
        "dueAt": None,
        "ratePerSecond": 5,
        "limit": 10,
        "counts": {"total": 1, "matched": 1, "changed": 1, "unchanged": 0, "failed": 0},
        "exact": True,
        "scannedThrough": None,
        "failures": [],
        "dryRun": False,
        "examples": [],
    }
    assert shown.json["by"]
    assert client.send("GET", "/operations").json == {"items": [shown.json], "cursor": None}
    events = client.send("GET", f"/jobs/{dead[1]}/events").json["items"]
    assert [(event["type"], event["by"], event["operationId"]) for event in events[:1]] == [
        ("redriven", shown.json["by"], shown.json["id"])
    ]


def test_a_filter_is_shown_as_it_was_sent(client: Client) -> None:
    """All of its fields."""
    sent = {
        "state": "queued",
        "type": "ok",
        "priority": "high",
        "fingerprint": "abc",
        "tags": {"team": "größer"},
        "schedule": "nightly",
        "workflow": "0190a5d2-0000-7000-8000-000000000000",
        "createdAfter": "2026-01-01T00:00:00.000Z",
        "createdBefore": "2026-02-01T00:00:00.000Z",
        "finishedAfter": "2026-01-02T00:00:00.000Z",
        "finishedBefore": "2026-02-02T00:00:00.000Z",
    }
    assert client.send("POST", "/operations", {"action": "cancel", "filter": sent}).json["filter"] == sent
    sent |= {"queue": sent.pop("priority")}
    for queue in ("reports", "high"):
        own = sent | {"queue": queue}
        assert client.send("POST", "/operations", {"action": "cancel", "filter": own}).json["filter"] == own
        counted = client.send("POST", "/operations", {"action": "cancel", "filter": own, "dryRun": True})
        assert counted.json["filter"] == own


@pytest.mark.parametrize(
    ("body", "field", "value"),
    [
        ({"action": "reprioritise", "priority": "high"}, "priority", "high"),
        ({"action": "reschedule", "dueAt": "2027-03-01T00:00:00Z"}, "dueAt", "2027-03-01T00:00:00.000Z"),
    ],
    ids=str,
)
def test_what_is_asked_of_a_job_is_shown_with_the_operation(
    client: Client, body: dict[str, Any], field: str, value: str
) -> None:
    """And done."""
    job = client.send("POST", "/jobs", LATER).json["id"]
    answer = client.send("POST", "/operations", body | {"ids": [job, job]})
    assert (answer.json[field], answer.json["idCount"], answer.json["counts"]["changed"]) == (value, 1, 1)
    assert client.send("GET", f"/jobs/{job}").json[field] == value


def test_a_delay_is_from_now(client: Client, world: World) -> None:
    """As in a submit."""
    job = client.send("POST", "/jobs", LATER).json["id"]
    client.send("POST", "/operations", {"action": "reschedule", "delaySeconds": 60, "all": True})
    stored = world.app.query.get("acme", job).job
    assert stored.due_at == world.clock.now_ms() + 60_000


def test_a_dry_run_says_how_many_and_names_some(client: Client, dead: list[str]) -> None:
    """Nothing is changed, and nothing is to be found later."""
    answer = client.send("POST", "/operations", {"action": "redrive", "all": True, "dryRun": True})
    assert answer.status == 200
    assert "location" not in answer.headers
    found = answer.json
    assert (found["id"], found["state"], found["dryRun"], found["exact"]) == (None, None, True, True)
    assert (found["counts"]["matched"], sorted(found["examples"])) == (3, sorted(dead))
    assert client.send("GET", "/operations").json["items"] == []
    assert client.send("GET", f"/jobs/{dead[0]}").json["state"] == "dead"


def test_a_dry_run_is_honest_about_failures_and_a_limit(client: Client, dead: list[str]) -> None:
    """What could not be changed does not match, and what a limit leaves out makes the number a part."""
    body = {"action": "redrive", "ids": [*dead, "no-job"], "dryRun": True}
    found = client.send("POST", "/operations", body).json
    assert found["counts"] == {"total": 4, "matched": 3, "changed": 0, "unchanged": 0, "failed": 1}
    assert [failure["problem"]["code"] for failure in found["failures"]] == ["job_not_found"]
    assert found["exact"]
    part = client.send("POST", "/operations", {"action": "redrive", "all": True, "limit": 2, "dryRun": True}).json
    assert (part["counts"]["matched"], part["counts"]["total"], part["exact"]) == (2, 2, False)
    assert part["scannedThrough"]


def test_a_running_one_says_how_far_it_is(client: Client, dead: list[str]) -> None:
    """By ids of how many, by a filter down to which time."""
    slow = {"action": "redrive", "ratePerSecond": 0.001}
    of_ids = client.send("POST", "/operations", slow | {"ids": dead}).json
    assert (of_ids["counts"]["total"], of_ids["counts"]["matched"], of_ids["exact"]) == (3, 1, False)
    of_all = client.send("POST", "/operations", slow | {"all": True}).json
    assert (of_all["counts"]["total"], of_all["counts"]["matched"], of_all["exact"]) == (None, 1, False)
    assert of_all["scannedThrough"] <= of_all["createdAt"]
    assert of_ids["scannedThrough"] is None


def test_operations_of_a_state_are_listed(client: Client, dead: list[str]) -> None:
    """Another state is refused."""
    done = client.send("POST", "/operations", {"action": "redrive", "ids": dead[:1]}).json
    slow = client.send("POST", "/operations", {"action": "redrive", "all": True, "ratePerSecond": 0.001}).json
    for state, ids in (("running", [slow["id"]]), ("finished", [done["id"]]), ("cancelled", [])):
        answer = client.send("GET", "/operations", state=state)
        assert [item["id"] for item in answer.json["items"]] == ids
    assert client.send("GET", "/operations", state="asleep").status == 422


def test_a_repeated_request_is_the_same_operation(client: Client, dead: list[str]) -> None:
    """As of `POST /jobs`; a dry run takes no notice of the key."""
    headers = {"Idempotency-Key": "night-7"}
    body = {"action": "redrive", "ids": dead[:1]}
    assert client.send("POST", "/operations", body | {"dryRun": True}, headers=headers).json["id"] is None
    first = client.send("POST", "/operations", body, headers=headers)
    again = client.send("POST", "/operations", body, headers=headers)
    assert (first.status, again.status, again.json) == (202, 200, first.json)
    assert (again.headers["idempotency-replayed"], again.headers["location"]) == ("true", first.headers["location"])
    assert "idempotency-replayed" not in first.headers
    other = client.send("POST", "/operations", body | {"limit": 1}, headers=headers)
    assert (other.status, other.code) == (409, "idempotency_conflict")
    odd = client.send("POST", "/operations", body, headers={"Idempotency-Key": ""})
    assert (odd.status, odd.code) == (422, "invalid_request")
    assert len(client.send("GET", "/operations").json["items"]) == 1


def test_failures_are_problems(client: Client, client_of: Callable[..., Client], dead: list[str]) -> None:
    """Another tenant's job answers like an unknown one."""
    answer = client_of("other").send("POST", "/operations", {"action": "redrive", "ids": dead[:1]})
    [failure] = answer.json["failures"]
    assert (failure["id"], failure["problem"]["code"], failure["problem"]["status"]) == (dead[0], "job_not_found", 404)
    assert client.send("GET", f"/jobs/{dead[0]}").json["state"] == "dead"
    assert client_of("other").send("GET", "/operations").json["items"][0]["id"] == answer.json["id"]
    assert client.send("GET", f"/operations/{answer.json['id']}").code == "operation_not_found"


def test_a_redrive_is_undone(client: Client, dead: list[str], world: World) -> None:
    """And says what it undoes."""
    begun = client.send("POST", "/dead-letters/redrive", {"ratePerSecond": 0.01}).json
    assert sorted(begun["redriven"]) == sorted(dead)
    answer = client.send("POST", f"/operations/{begun['operationId']}/undo")
    assert (answer.status, answer.json["action"], answer.json["undoes"]) == (202, "undo", begun["operationId"])
    assert answer.json["counts"]["changed"] == 3
    assert answer.headers["location"] == f"/operations/{answer.json['id']}"
    assert {client.send("GET", f"/jobs/{job}").json["state"] for job in dead} == {"dead"}
    first = client.send("GET", f"/jobs/{dead[0]}/events").json["items"]
    assert [event["type"] for event in first[:4]] == ["dead", "redrive_undone", "redriven", "dead"]
    assert first[0]["error"] == first[3]["error"]
    assert first[0]["error"]["type"]
    explained = client.send("GET", f"/jobs/{dead[0]}/explain").json["reasons"]
    assert "failed" in {reason["code"] for reason in explained}


def test_a_running_one_is_cancelled_once(client: Client, world: World) -> None:
    """One that has finished says so."""
    for _ in range(3):
        client.send("POST", "/jobs", LATER)
    slow = client.send("POST", "/operations", {"action": "cancel", "all": True, "ratePerSecond": 0.001}).json
    assert slow["state"] == "running"
    answer = client.send("POST", f"/operations/{slow['id']}/cancel")
    assert (answer.status, answer.json["state"], answer.json["counts"]["changed"]) == (200, "cancelled", 1)
    assert answer.json["cancelledBy"] == answer.json["by"]
    done = client.send("POST", "/operations", {"action": "cancel", "all": True}).json
    refused = client.send("POST", f"/operations/{done['id']}/cancel")
    assert (refused.status, refused.code) == (409, "state_conflict")
    not_undone = client.send("POST", f"/operations/{done['id']}/undo")
    assert (not_undone.status, not_undone.code) == (409, "state_conflict")


def test_a_tenant_has_so_many_running_ones(client: Client, client_of: Callable[..., Client]) -> None:
    """Another tenant has its own; one that has ended makes room."""
    for _ in range(2):
        client.send("POST", "/jobs", LATER)
    body = {"action": "reprioritise", "priority": "low", "all": True, "ratePerSecond": 0.001}
    begun = [client.send("POST", "/operations", body | {"priority": p}) for p in ("low", "high") * 10]
    assert {answer.status for answer in begun} == {202}
    assert {answer.json["state"] for answer in begun} == {"running"}
    refused = client.send("POST", "/operations", body)
    assert (refused.status, refused.code) == (409, "too_many_operations")
    assert client.send("POST", "/dead-letters/redrive", {}).code == "too_many_operations"
    assert client_of("other").send("POST", "/operations", body).status == 202
    client.send("POST", f"/operations/{begun[7].json['id']}/cancel")
    assert client.send("POST", "/operations", body).status == 202


BASE: dict[str, Any] = {"action": "cancel"}
REFUSED: dict[str, dict[str, Any]] = {
    "nothing selected": {},
    "an empty filter": {"filter": {}},
    "an empty filter of tags": {"filter": {"tags": {}}},
    "all and ids": {"all": True, "ids": ["a"]},
    "all and a filter": {"all": True, "filter": {"type": "ok"}},
    "no ids": {"ids": []},
    "too many ids": {"ids": [str(number) for number in range(501)]},
    "an odd id": {"ids": ["a b"]},
    "an endless id": {"ids": ["a" * 129]},
    "an unknown action": {"all": True, "action": "explode"},
    "an undo": {"all": True, "action": "undo"},
    "an unknown field of the filter": {"filter": {"id": "1"}},
    "an unknown state": {"filter": {"state": "sleeping"}},
    "a state that no cancel is of": {"filter": {"state": "dead"}},
    "a redrive of what runs": {"action": "redrive", "filter": {"state": "running"}},
    "an unknown priority of the filter": {"filter": {"priority": "urgent"}},
    "no time between": {"filter": {"createdAfter": "2026-02-01T00:00:00Z", "createdBefore": "2026-01-01T00:00:00Z"}},
    "a queue and a priority of the filter": {"filter": {"queue": "high", "priority": "high"}},
    "no end between": {"filter": {"finishedAfter": "2026-02-01T00:00:00Z", "finishedBefore": "2026-01-01T00:00:00Z"}},
    "no priority": {"all": True, "action": "reprioritise"},
    "a queue of a cancel": {"all": True, "queue": "high"},
    "a queue and a priority": {"all": True, "action": "reprioritise", "queue": "high", "priority": "high"},
    "a priority of a cancel": {"all": True, "priority": "high"},
    "no due time": {"all": True, "action": "reschedule"},
    "two due times": {"all": True, "action": "reschedule", "dueAt": "2027-03-01T00:00:00Z", "delaySeconds": 1},
    "a due time of a cancel": {"all": True, "dueAt": "2027-03-01T00:00:00Z"},
    "a rate of nothing": {"all": True, "ratePerSecond": 0},
    "a rate of too much": {"all": True, "ratePerSecond": 1001},
    "a limit of nothing": {"all": True, "limit": 0},
    "a text for a flag": {"all": "yes"},
}


@pytest.mark.parametrize("more", REFUSED.values(), ids=REFUSED)
def test_odd_requests_are_refused_and_nothing_is_stored(client: Client, world: World, more: dict[str, Any]) -> None:
    """Above all one that would select all by mistake."""
    before = world.table.items()
    answer = client.send("POST", "/operations", BASE | more)
    assert (answer.status, answer.code) == (422, "invalid_request")
    assert answer.json["errors"] if "errors" in answer.json else answer.json["detail"]
    assert world.table.items() == before


def test_only_what_ended_in_a_range_of_time_is_selected(client: Client, dead: list[str], world: World) -> None:
    """As a list selects it."""
    now = world.clock.now_ms()
    later = datetime.fromtimestamp(now / 1000 + 60, UTC).isoformat()
    for times, count in (({"finishedBefore": later}, len(dead)), ({"finishedAfter": later}, 0)):
        asked = {"action": "redrive", "filter": times, "dryRun": True}
        assert client.send("POST", "/operations", asked).json["counts"]["matched"] == count


def test_a_queue_that_is_not_there_is_refused(client: Client, world: World) -> None:
    """Once, not for each job."""
    before = world.table.items()
    answer = client.send("POST", "/operations", {"action": "reprioritise", "queue": "reports", "all": True})
    assert (answer.status, answer.code) == (422, "unknown_queue")
    assert world.table.items() == before


def test_a_due_time_beyond_the_horizon_is_each_jobs_own_failure(client: Client) -> None:
    """It counts from each job's submit."""
    job = client.send("POST", "/jobs", LATER).json["id"]
    answer = client.send("POST", "/operations", {"action": "reschedule", "dueAt": "2199-01-01T00:00:00Z", "all": True})
    assert answer.status == 202
    [failure] = answer.json["failures"]
    assert (failure["id"], failure["problem"]["code"]) == (job, "invalid_request")
