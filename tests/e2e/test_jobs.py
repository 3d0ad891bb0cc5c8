"""Jobs through HTTP -> DynamoDB -> SQS -> Lambda -> dead letter, as a user sees them."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from statistics import quantiles
from typing import Any

import httpx
import pytest

from functions.api.app import make_resolver, routes_of
from localstack.topology import topology
from tests.builders.waiting import eventually
from tests.e2e.homes import Home
from tests.e2e.stage import VISIBILITY_S, Http, Stage, at

QUICK = {"baseSeconds": 1, "factor": 2, "jitter": "none"}


def test_two_hundred_delayed_jobs_none_early(http: Http, capsys: pytest.CaptureFixture[str]) -> None:
    """G6: second precision; lateness is measured and printed, not asserted."""
    wanted = [
        {"type": "demo.greet", "payload": {"name": str(n)}, "delaySeconds": n % 21, "tags": {"n": str(n)}}
        for n in range(200)
    ]
    jobs = http.ended(http.batch(wanted))
    assert {job["state"] for job in jobs} == {"succeeded"}
    assert all(job["attempt"] == 1 for job in jobs)
    late = [at(job["startedAt"]) - at(job["dueAt"]) for job in jobs]
    assert min(late) >= 0
    cuts = quantiles(late, n=100)
    with capsys.disabled():
        print(f"\n200 jobs: lateness p50 {cuts[49]:.2f} s, p99 {cuts[98]:.2f} s, max {max(late):.2f} s")


def test_a_request_waits_for_the_end_of_a_job(http: Http) -> None:
    """`GET /jobs/{id}?wait=20`: its answer has the result, and comes before the time is over."""
    job = http.submit("demo.greet", {"name": "Ada"}, delaySeconds=3)
    ended = http.client.get(f"/jobs/{job['id']}?wait=20", timeout=60).json()
    assert (ended["state"], ended["result"]) == ("succeeded", {"greeting": "Hello, Ada!", "attempt": 1})
    later = http.submit("demo.greet", {"name": "Ada"}, delaySeconds=3000)
    assert http.client.get(f"/jobs/{later['id']}?wait=1", timeout=60).json()["state"] == "scheduled"


def test_bytes_that_are_not_utf_8_are_refused(http: Http) -> None:
    """Also where the gateway puts U+FFFD for them: a payload would be another one than was sent."""
    body = b'{"type":"demo.greet","payload":{"name":"\xff"}}'
    refused = http.client.post("/jobs", content=body, headers={"Content-Type": "application/json"})
    assert (refused.status_code, refused.json()["code"]) == (400, "malformed_request")
    later = http.submit("demo.greet", {"name": "\ufffd"}, delaySeconds=3000)
    assert http.client.get(f"/jobs/{later['id']}").json()["payload"] == {"name": "\ufffd"}


def test_a_failing_job_is_retried_at_its_backoff_until_it_is_dead_with_all_its_errors(http: Http) -> None:
    """The dead job's timeline says everything that happened."""
    job = http.submit("demo.broken", {"reason": "as always"}, retries=2, backoff=QUICK)
    [dead] = http.ended([job])
    assert dead["state"] == "dead"
    assert [attempt["error"]["message"] for attempt in dead["attempts"]] == ["as always"] * 3
    assert [attempt["attempt"] for attempt in dead["attempts"]] == [1, 2, 3]
    gaps = [at(b["startedAt"]) - at(a["endedAt"]) for a, b in pairwise(dead["attempts"])]
    assert gaps[0] >= 1
    assert gaps[1] >= 2
    groups = http.client.get("/dead-letters").json()["items"]
    [group] = [group for group in groups if group["fingerprint"] == dead["error"]["fingerprint"]]
    assert job["id"] in group["sample"]


def test_a_job_that_fails_first_succeeds_later(http: Http) -> None:
    """A retry is the ordinary way out of a passing failure."""
    [job] = http.ended([http.submit("demo.flaky", {"failures": 2}, retries=3, backoff=QUICK)])
    assert (job["state"], job["attempt"], job["result"]) == ("succeeded", 3, {"attempts": 3})
    assert [attempt["state"] for attempt in job["attempts"]] == ["failed", "failed", "succeeded"]


def test_a_task_that_kills_its_process_ends_dead_and_its_nine_neighbours_succeed(http: Http) -> None:
    """G10 on real processes: nine jobs of the same batch are neither lost nor charged a failed attempt."""
    wanted: list[dict[str, Any]] = [
        {"type": "demo.greet", "payload": {"name": str(n)}, "delaySeconds": 3, "priority": "critical"} for n in range(9)
    ]
    wanted.insert(4, {"type": "e2e.crash", "payload": {}, "delaySeconds": 3, "priority": "critical"})
    jobs = http.ended(http.batch(wanted))
    poison = jobs.pop(4)
    assert (poison["state"], poison["error"]["type"], poison["lost"]) == ("dead", "worker_lost", 3)
    assert {job["state"] for job in jobs} == {"succeeded"}
    assert all([attempt["state"] for attempt in job["attempts"]] == ["succeeded"] for job in jobs)


def test_a_message_that_is_never_deleted_ends_as_a_dead_job(stage: Stage, http: Http) -> None:
    """SQS redrive is the net, and what falls into it says so."""
    with stage.no_workers("low"):
        job = http.submit(priority="low")
        sqs, url = stage.clients.sqs, stage.stack.queues["low"]

        def fell() -> bool:
            for message in sqs.receive_message(QueueUrl=url, WaitTimeSeconds=1).get("Messages", []):
                receipt = message["ReceiptHandle"]
                sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=receipt, VisibilityTimeout=0)
            return bool(http.job(job)["state"] == "dead")

        eventually(fell)
    dead = http.job(job)
    assert (dead["error"]["type"], dead["attempt"], dead["lost"]) == ("dead_letter", 0, 0)


def test_a_redrive_runs_a_dead_job_again(http: Http) -> None:
    """One job by its id, many by a filter after a dry run."""
    jobs = http.ended([http.submit("e2e.mended", {}) for _ in range(3)])
    assert {job["state"] for job in jobs} == {"dead"}
    first = http.client.post(f"/jobs/{jobs[0]['id']}/redrive")
    assert first.status_code == 200
    assert [job["result"] for job in http.ended(jobs[:1])] == ["mended"]
    body: dict[str, Any] = {"filter": {"type": "e2e.mended"}, "dryRun": True}
    seen = eventually(
        lambda: http.client.post("/dead-letters/redrive", json=body).json(), lambda got: got["matched"] == 2
    )
    assert seen["redriven"] == []
    done = http.client.post("/dead-letters/redrive", json=body | {"dryRun": False, "ratePerSecond": 10}).json()
    assert sorted(done["redriven"]) == sorted(job["id"] for job in jobs[1:])
    assert [job["result"] for job in http.ended(jobs[1:])] == ["mended"] * 2


def test_a_cancel_before_the_claim_means_it_never_runs(http: Http) -> None:
    """G9: also when its message is on its way already."""
    job = http.submit(delaySeconds=3)
    assert http.client.post(f"/jobs/{job['id']}/cancel").json()["state"] == "cancelled"
    http.ended([http.submit(delaySeconds=5)])
    after = http.job(job)
    assert (after["state"], after["startedAt"], after["attempts"]) == ("cancelled", None, [])


def test_a_running_job_learns_of_its_cancel(http: Http) -> None:
    """Cooperative: the caller sees the request at once and the outcome when the task has given way."""
    job = http.submit("e2e.wait", {"seconds": 30})
    eventually(lambda: http.job(job)["state"] == "running")
    asked = http.client.post(f"/jobs/{job['id']}/cancel").json()
    assert asked["cancelRequested"]
    [after] = http.ended([job])
    assert after["state"] == "cancelled"


def test_a_job_longer_than_lease_and_visibility_runs_once(http: Http) -> None:
    """Heartbeats keep both: nobody takes over from a worker that is alive."""
    job = http.submit("e2e.wait", {"seconds": VISIBILITY_S + 4})
    [after] = http.ended([job])
    assert (after["state"], after["attempt"], after["lost"]) == ("succeeded", 1, 0)
    assert after["progress"]["left_s"] < VISIBILITY_S


def test_one_idempotency_key_from_twenty_threads_is_one_job(stage: Stage) -> None:
    """G2: whoever asks first makes it, everybody gets it; another body is a conflict."""
    with stage.http() as http:

        def post(name: str) -> httpx.Response:
            body = {"type": "demo.greet", "payload": {"name": name}}
            return http.client.post("/jobs", json=body, headers={"Idempotency-Key": "twenty"})

        with ThreadPoolExecutor(20) as pool:
            replies = list(pool.map(lambda _: post("same"), range(20)))
        assert len({reply.json()["id"] for reply in replies}) == 1
        assert sorted(reply.status_code for reply in replies) == [200] * 19 + [202]
        other = post("other")
        assert (other.status_code, other.json()["code"]) == (409, "idempotency_conflict")
        [job] = http.ended([replies[0].json()])
        assert (job["attempt"], job["state"]) == (1, "succeeded")


def test_another_tenants_job_is_404_on_every_route(stage: Stage, http: Http) -> None:
    """Every route with a job's id, found by itself, so that a new one is covered too."""
    job = http.submit(delaySeconds=600)
    routes = [route for route in routes_of(make_resolver()) if "<job_id>" in route.path]
    assert len(routes) >= 5
    ids = (job["id"], "00000000-0000-7000-8000-000000000000")
    with stage.http(tenant="other") as other:
        for route in routes:
            body = {"priority": "high"} if route.method == "PATCH" else None
            answers = [
                other.client.request(route.method, route.path.replace("<job_id>", job_id), json=body) for job_id in ids
            ]
            assert [answer.status_code for answer in answers] == [404, 404]
            # The detail names the id that was asked for; nothing else tells them apart.
            same = [answer.text.replace(job_id, "ID") for answer, job_id in zip(answers, ids, strict=True)]
            assert same[0] == same[1]
        assert other.client.get("/jobs").json()["items"] == []
    http.client.post(f"/jobs/{job['id']}/cancel")


@pytest.mark.parametrize("size", [1_000, 300_000])
def test_large_payloads_and_results_come_through(http: Http, size: int) -> None:
    """An item of its own, or S3: the user sees no difference."""
    reply = http.client.post("/jobs", json={"type": "e2e.echo", "payload": {"text": "é" * (size // 2)}})
    assert reply.status_code == 202, reply.text
    [job] = http.ended([reply.json()])
    assert job["result"] == job["payload"] == {"text": "é" * (size // 2)}


def test_the_brief_works_verbatim_on_a_rest_api_too(stage_named: Callable[..., Stage], home: Home) -> None:
    """LocalStack without a licence has REST APIs only; the same function serves both shapes."""
    if not home.functions:
        pytest.skip("the API is a process, and behind no API Gateway")
    rest = stage_named("rest", schedule_timer=False, api_flavor="rest")
    with rest.http() as http:
        body = {"type": "demo.greet", "payload": {"name": "Ada"}, "delaySeconds": 1, "retries": 3}
        reply = http.client.post("/tasks/schedule", json=body)
        assert reply.status_code == 202
        # With the stage: it is a part of the path on AWS.
        assert reply.headers["location"].endswith(f"/{topology().api.rest_stage}/jobs/{reply.json()['id']}")
        [job] = http.ended([reply.json()])
        assert job["result"] == {"greeting": "Hello, Ada!", "attempt": 1}
        assert http.client.get("/jobs", params={"state": "succeeded", "limit": 1}).json()["items"][0]["id"] == job["id"]
        due = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
        later = http.submit(dueAt=due)
        assert http.client.patch(f"/jobs/{later['id']}", json={"priority": "high"}).json()["priority"] == "high"
