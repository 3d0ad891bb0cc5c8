"""Unique keys over HTTP: on a real table, whose transactions decide who has a key, and with real workers."""

import secrets
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from tests.builders.waiting import eventually
from tests.e2e.stage import Http, Stage

Send = Callable[[dict[str, Any]], Any]


def sender(http: Http, **wanted: Any) -> Send:
    """Return what submits a job with a unique key of its own, which no other run of this test has met."""
    key = secrets.token_hex(8)

    def send(more: dict[str, Any]) -> Any:
        unique = {"key": key, **more.pop("unique", {})}
        return http.client.post("/jobs", json={"type": "demo.greet", "unique": unique, **wanted, **more})

    return send


def outcomes(answers: Sequence[Any]) -> dict[str, int]:
    return dict(Counter(answer.json().get("outcome", answer.json().get("code")) for answer in answers))


def test_of_many_submits_at_once_one_makes_the_job_and_its_end_releases_the_key(stage: Stage) -> None:
    """The others are answered with it; the next one after its end is a job of its own."""
    with stage.http() as http:
        send = sender(http, payload={"name": "e2e"})
        with stage.no_workers("low"), ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda _: send({"priority": "low"}), range(24)))
            assert outcomes(answers) == {"created": 1, "returned": 23}
            assert len({answer.json()["id"] for answer in answers}) == 1
            first = answers[0].json()
            conflict = send({"unique": {"onConflict": "reject"}})
            assert (conflict.status_code, conflict.json()["code"]) == (409, "unique_conflict")
            assert conflict.json()["jobId"] == first["id"]
        assert http.ended([first])[0]["state"] == "succeeded"
        assert not http.job(first)["unique"]["held"]
        assert outcomes([send({})]) == {"created": 1}


def test_a_burst_runs_once_with_the_last_payload(stage: Stage) -> None:
    """Each request puts off the one before; those say by which job they were replaced."""
    with stage.http() as http:
        unique = {"scope": "pending", "onConflict": "postpone", "maxWaitSeconds": 60}
        send = sender(http, delaySeconds=3)
        made = [send({"payload": {"name": name}, "unique": dict(unique)}).json() for name in ("a", "b", "c")]
        assert [job["outcome"] for job in made] == ["created", "postponed", "postponed"]
        ended = http.ended(made)
        assert [job["state"] for job in ended] == ["cancelled", "cancelled", "succeeded"]
        assert ended[2]["payload"] == {"name": "c"}
        assert made[2]["id"] in ended[1]["error"]["message"]
        explained = http.client.get(f"/jobs/{made[1]['id']}/explain").json()
        assert "cancelled_for" in {reason["code"] for reason in explained["reasons"]}


def test_the_holder_is_found_until_it_is_cancelled_and_a_redrive_takes_no_key_back(stage: Stage) -> None:
    """By whoever reads; another tenant finds nobody."""
    with stage.http() as http, stage.http(f"rival-{secrets.token_hex(4)}") as rival:
        value = secrets.token_hex(8)
        key = {"type": "demo.greet", "payload": {"name": value}, "unique": {"byPayload": ["name"]}}
        first = http.client.post("/jobs", json=key | {"delaySeconds": 600}).json()

        def held_by(of: Http) -> str | None:
            job = of.client.post("/unique/holder", json=key).raise_for_status().json()["job"]
            return job and str(job["id"])

        assert (held_by(http), held_by(rival)) == (first["id"], None)
        http.client.post(f"/jobs/{first['id']}/cancel").raise_for_status()
        assert held_by(http) is None
        second = http.client.post("/jobs", json=key | {"delaySeconds": 600}).json()
        again = http.client.post(f"/jobs/{first['id']}/redrive").raise_for_status().json()
        assert again["unique"] is None
        eventually(lambda: http.job(first)["state"] == "succeeded")
        assert held_by(http) == second["id"]
        http.client.post(f"/jobs/{second['id']}/cancel").raise_for_status()
