"""Expiry over HTTP: on a real table, with real queues and workers that come too late."""

from typing import Any

from tests.builders.waiting import eventually
from tests.e2e.stage import Http, Stage, at


def listed(http: Http, state: str) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = http.client.get("/jobs", params={"state": state}).json()["items"]
    return items


def test_a_job_that_no_worker_takes_in_time_expires_and_one_without_an_expiry_runs(stage: Stage) -> None:
    """Its dependents end as those of a dead job, and a redrive runs it after all."""
    with stage.http() as http:
        with stage.no_workers("low"):
            late = http.submit(priority="low", expiresSeconds=1)
            other = http.submit(priority="low")
            after = http.submit(dependsOn=[late["id"]])
            failure = http.submit(dependsOn=[{"job": late["id"], "on": "failure"}])
            assert at(late["expiresAt"]) - at(late["dueAt"]) == 1
            explain = f"/jobs/{late['id']}/explain"
            eventually(lambda: http.client.get(explain).json()["reasons"][0]["code"] == "expires")
        ended = http.ended([late, other, after, failure])
        assert [job["state"] for job in ended] == ["expired", "succeeded", "cancelled", "succeeded"]
        assert ended[0]["startedAt"] is None
        # A list may be a second behind.
        eventually(lambda: late["id"] in {job["id"] for job in listed(http, "expired")})
        again = http.client.post(f"/jobs/{late['id']}/redrive")
        assert again.status_code == 200
        assert again.json()["expiresAt"] is None
        eventually(lambda: http.job(late)["state"] == "succeeded")


def test_an_expiry_that_has_passed_is_refused(http: Http) -> None:
    """With a stable code, and nothing is stored."""
    body = {"type": "demo.greet", "payload": {"name": "e2e"}, "expiresAt": "2020-01-01T00:00:00Z"}
    refused = http.client.post("/jobs", json=body)
    assert (refused.status_code, refused.json()["code"]) == (422, "invalid_expiry")
