"""Searches over HTTP: on a real table and its indexes, with real queues and workers."""

import uuid
from typing import Any

from tests.builders.waiting import eventually
from tests.e2e.stage import Http


def ids(http: Http, **query: Any) -> list[str]:
    """Follow the cursors, two jobs at a time."""
    found: list[str] = []
    query["limit"] = 2
    while True:
        answer = http.client.get("/jobs", params=query)
        assert answer.status_code == 200, answer.text
        page = answer.json()
        found += [job["id"] for job in page["items"]]
        if page["cursor"] is None:
            return found
        query["cursor"] = page["cursor"]


def test_jobs_are_found_by_tag_error_queue_and_end(http: Http) -> None:
    """In both orders, over pages."""
    run = uuid.uuid4().hex
    jobs = [http.submit(tags={"run": run, "n": str(number % 2)}) for number in range(3)]
    jobs += [http.submit("demo.broken", {"reason": "as always"}, maxAttempts=1, tags={"run": run}, priority="high")]
    ended = http.ended(jobs)
    dead = jobs[-1]["id"]
    fingerprint = next(job["error"]["fingerprint"] for job in ended if job["id"] == dead)
    tag = f"run:{run}"
    made = [job["id"] for job in jobs]
    eventually(lambda: len(ids(http, tag=tag, finishedAfter="2020-01-01T00:00:00Z")) == len(jobs))
    eventually(lambda: ids(http, tag=tag, state="dead") == [dead])
    assert sorted(ids(http, tag=tag)) == sorted(made)
    assert ids(http, tag=tag, order="oldest") == ids(http, tag=tag)[::-1]
    assert set(ids(http, tag=[tag, "n:0"])) == {made[0], made[2]}
    assert ids(http, tag=tag, queue="high", fingerprint=fingerprint) == [dead]
    assert ids(http, tag=tag, state="dead", fingerprint=fingerprint, order="oldest") == [dead]
    assert ids(http, tag=tag, finishedBefore="2020-01-01T00:00:00Z") == []
    refused = http.client.get("/jobs", params={"finished_after": "2020-01-01T00:00:00Z"})
    assert refused.status_code == 422
    assert "did you mean finishedAfter?" in refused.json()["errors"][0]["problem"]


def test_operators_find_the_dead_letters_of_a_tenant(http: Http) -> None:
    """The note of the tenant is written by the worker that lets its job die."""
    job = http.submit("demo.broken", {"reason": "as always"}, maxAttempts=1)
    [ended] = http.ended([job])
    assert ended["state"] == "dead"

    def seen() -> bool:
        answer = http.client.get("/dead-letters/by-tenant", params={"type": "demo.broken"})
        assert answer.status_code == 200, answer.text
        tenants = {item["tenant"]: item for item in answer.json()["items"]}
        return job["tenant"] in tenants and tenants[job["tenant"]]["jobs"] > 0

    eventually(seen)
