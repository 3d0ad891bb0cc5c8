"""Histories over HTTP: on a real table, with real queues and workers."""

from typing import Any

from tests.builders.waiting import eventually
from tests.e2e.stage import Http


def events(http: Http, job: dict[str, Any]) -> list[dict[str, Any]]:
    """Follow the cursors, two at a time; return all events, oldest first."""
    found: list[dict[str, Any]] = []
    query: dict[str, Any] = {"limit": 2}
    while True:
        page = http.client.get(f"/jobs/{job['id']}/events", params=query).json()
        assert page["complete"] is True
        found += page["items"]
        if page["cursor"] is None:
            return found[::-1]
        query["cursor"] = page["cursor"]


def test_what_was_asked_of_a_job_and_what_came_of_it(http: Http) -> None:
    """Two changes before it runs: the first one has moved to an item of its own; a redrive keeps all."""
    job = http.submit("e2e.mended", {}, delaySeconds=3600)
    for body in ({"priority": "high"}, {"dueAt": "2020-01-01T00:00:00Z"}):
        assert http.client.patch(f"/jobs/{job['id']}", json=body).status_code == 200
    assert [ended["state"] for ended in http.ended([job])] == ["dead"]
    assert http.client.post(f"/jobs/{job['id']}/redrive").status_code == 200
    eventually(lambda: http.job(job)["state"] == "succeeded")
    found = events(http, job)
    kinds = [event["type"] for event in found]
    first_end = kinds.index("dead")
    assert kinds[:3] == ["submitted", "reprioritised", "rescheduled"]
    assert kinds[first_end - 2 : first_end + 1] == ["started", "failed", "dead"]
    assert kinds[first_end + 1] == "redriven"
    assert kinds[-2:] == ["started", "succeeded"]
    assert all(event["by"] for event in found if event["type"] in ("reprioritised", "rescheduled", "redriven"))
    assert [event["previousPriority"] for event in found if event["priority"]] == ["normal"]
