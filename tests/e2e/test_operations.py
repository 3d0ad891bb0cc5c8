"""Bulk operations over HTTP: on a real table, begun in a request and continued by the timer; a redrive is undone."""

from typing import Any

from tests.builders.waiting import eventually
from tests.e2e.stage import Http

# Two jobs have their turn within a minute; the third is the timer's.
TWO_AT_FIRST = 0.03


def begun(http: Http, headers: dict[str, str] | None = None, **body: Any) -> dict[str, Any]:
    answer = http.client.post("/operations", json=body, headers=headers)
    assert answer.status_code == 202, answer.text
    operation: dict[str, Any] = answer.json()
    assert answer.headers["location"] == f"/operations/{operation['id']}"
    return operation


def read(http: Http, operation: dict[str, Any]) -> dict[str, Any]:
    shown: dict[str, Any] = http.client.get(f"/operations/{operation['id']}").json()
    return shown


def test_an_operation_goes_on_in_the_timer_and_changes_each_job_once(http: Http) -> None:
    """By a filter: what it finds is in an index a moment after the submit."""
    wanted = {"tags": {"bulk": "cancel"}, "state": "scheduled"}
    jobs = [http.submit(delaySeconds=3600, tags={"bulk": "cancel"}) for _ in range(3)]
    other = http.submit(delaySeconds=3600)

    def matched() -> int:
        answer = http.client.post("/operations", json={"action": "cancel", "filter": wanted, "dryRun": True})
        assert answer.status_code == 200
        return int(answer.json()["counts"]["matched"])

    eventually(lambda: matched() == 3)
    body = {"action": "cancel", "filter": wanted, "ratePerSecond": TWO_AT_FIRST}
    key = {"Idempotency-Key": f"cancel-{jobs[0]['id']}"}
    operation = begun(http, key, **body)
    assert (operation["state"], operation["counts"]["changed"]) == ("running", 2)
    assert operation["scannedThrough"]
    assert http.client.post("/operations", json=body, headers=key).json()["id"] == operation["id"]
    running = http.client.get("/operations", params={"state": "running"}).json()["items"]
    assert operation["id"] in {item["id"] for item in running}
    eventually(lambda: read(http, operation)["state"] == "finished")
    assert read(http, operation)["counts"] == {"total": 3, "matched": 3, "changed": 3, "unchanged": 0, "failed": 0}
    assert {http.job(job)["state"] for job in jobs} == {"cancelled"}
    assert http.job(other)["state"] == "scheduled"
    for job in jobs:
        events = http.client.get(f"/jobs/{job['id']}/events").json()["items"]
        assert [event["operationId"] for event in events if event["type"] == "cancel_requested"] == [operation["id"]]
    assert operation["id"] in {item["id"] for item in http.client.get("/operations").json()["items"]}


def test_a_redrive_is_undone_and_what_ended_is_deleted(http: Http) -> None:
    """Jobs that had not begun are dead again, with their error; then they go."""
    jobs = [http.submit("e2e.mended", {}, maxAttempts=1) for _ in range(2)]
    assert {job["state"] for job in http.ended(jobs)} == {"dead"}
    ids = [job["id"] for job in jobs]
    redriven = begun(http, action="redrive", ids=[*ids, "unknown"], ratePerSecond=0.001)
    assert redriven["counts"]["changed"] == 1
    # At this rate the second one's turn is later than its undo.
    answer = http.client.post(f"/operations/{redriven['id']}/undo")
    assert (answer.status_code, answer.json()["undoes"]) == (202, redriven["id"])
    assert read(http, redriven)["state"] == "cancelled"
    eventually(lambda: {http.job(job)["state"] for job in jobs} <= {"dead", "succeeded"})
    begun(http, action="delete", ids=ids)
    assert {http.client.get(f"/jobs/{job_id}").status_code for job_id in ids} == {404}
