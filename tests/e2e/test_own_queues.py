"""Queues of the operator's own over HTTP: made by the deploy, each with a worker that has its own time."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from tests.builders.waiting import eventually
from tests.e2e.stage import Http, Stage

# An attempt has 3 s less: what takes minutes with longer queues takes seconds with this one.
BRIEF_S: Final = 10
OWN: Final = {
    "brief": {"timeout_s": BRIEF_S, "batch_size": 1, "weight": 8},
    "reports": {"timeout_s": 600, "memory_mb": 2048, "maximum_concurrency": 2},
}


@pytest.fixture(scope="module")
def owning(stage_named: Callable[..., Stage]) -> Iterator[Stage]:
    made = stage_named("owning", schedule_timer=False, WHENDUE_OWN_QUEUES=json.dumps(OWN))
    yield made
    made.home.end(made.stack)


@pytest.fixture
def http(owning: Stage) -> Iterator[Http]:
    with owning.http() as client:
        yield client


def refused(http: Http, **wanted: Any) -> dict[str, Any]:
    reply = http.client.post("/jobs", json={"type": "demo.greet", "payload": {"name": "e2e"}, **wanted})
    assert reply.status_code == 422, reply.text
    problem: dict[str, Any] = reply.json()
    return problem


def test_jobs_run_in_the_queue_that_they_name(http: Http) -> None:
    """A single one, those of a profile, and those of a batch."""
    put = http.client.put("/profiles/reporting", json={"queue": "reports", "timeoutSeconds": 590})
    assert put.status_code in (200, 201)
    jobs = [http.submit(queue="brief"), http.submit(profile="reporting"), http.submit(queue="low")]
    assert [job["queue"] for job in jobs] == ["brief", "reports", "low"]
    assert [job["effective"]["timeoutSeconds"]["value"] for job in jobs] == [7, 590, 30]
    assert [job["state"] for job in http.ended(jobs)] == ["succeeded"] * 3


def test_an_attempt_has_its_queues_time_and_not_that_of_another(http: Http, tmp_path: Path) -> None:
    """Nine seconds are too many for one worker and few for the other."""
    wanted: dict[str, Any] = {"payload": {"path": str(tmp_path / "notes"), "seconds": 9}, "retries": 0}
    cut = http.submit("e2e.noted", queue="brief", **wanted)
    whole = http.submit("e2e.noted", queue="reports", timeoutSeconds=60, **wanted)
    [short, long] = http.ended([cut, whole])
    assert short["state"] == "dead"
    # Which of the two comes first depends on how long the function took to begin.
    assert short["error"]["type"] in ("timeout", "function_timeout")
    assert long["state"] == "succeeded"


def test_what_no_worker_of_a_queue_can_keep_is_refused(http: Http) -> None:
    """With the limit, and the queues that could run it."""
    problem = refused(http, queue="brief", timeoutSeconds=58)
    assert (problem["code"], problem["limitSeconds"]) == ("timeout_too_long", BRIEF_S)
    assert problem["queues"] == ["critical", "high", "normal", "low", "reports"]
    assert refused(http, queue="reports", timeoutSeconds=601)["queues"] == ["critical", "high", "normal", "low"]
    assert refused(http, queue="other")["code"] == "unknown_queue"


def test_they_are_listed_paused_and_resumed(http: Http) -> None:
    """As the four priorities are."""
    items = {item["name"]: item for item in http.client.get("/queues").json()["items"]}
    assert (items["brief"]["own"], items["brief"]["weight"], items["brief"]["batchSize"]) == (True, 8, 1)
    assert (items["reports"]["timeoutSeconds"], items["reports"]["memoryMb"], items["reports"]["depth"]) == (
        597,
        2048,
        0,
    )
    assert http.client.post("/queues/reports/pause", json={"reason": "a test"}).status_code == 200
    job, stays = http.submit(queue="reports"), http.submit(queue="reports")
    explain = f"/jobs/{job['id']}/explain"
    eventually(lambda: http.client.get(explain).json()["reasons"][0]["code"] == "paused")
    moved = http.client.patch(f"/jobs/{job['id']}", json={"queue": "normal"})
    assert (moved.status_code, moved.json()["queue"]) == (200, "normal")
    assert [ended["state"] for ended in http.ended([job])] == ["succeeded"]
    assert http.job(stays)["state"] != "succeeded"
    assert http.client.post("/queues/reports/resume").status_code == 204
    assert [ended["state"] for ended in http.ended([stays])] == ["succeeded"]


def test_each_has_a_worker_function_of_its_own(owning: Stage) -> None:
    """With its time and its memory, fed by its queue alone."""
    functions, prefix = owning.clients.functions, owning.stack.functions["worker"].removesuffix("-worker")
    worker = functions.get_function_configuration(FunctionName=f"{prefix}-worker-reports")
    assert (worker["Timeout"], worker["MemorySize"]) == (600, 2048)
    if owning.home.functions:
        mappings = functions.list_event_source_mappings(FunctionName=f"{prefix}-worker-reports")["EventSourceMappings"]
        assert [mapping["EventSourceArn"].rpartition(":")[2] for mapping in mappings] == [f"{prefix}-reports"]
