"""Pause and resume on a real table, real queues and real workers."""

from typing import Any

from tests.builders.waiting import eventually
from tests.e2e.stage import Http, Stage, at

JOBS = 1000
PROMISED = 5
AHEAD_S = 190


def jobs_of(http: Http) -> list[dict[str, Any]]:
    """List all jobs of the tenant; one that ends meanwhile may be shown twice, its end is the later one."""
    found: dict[str, dict[str, Any]] = {}
    cursor: str | None = None
    while True:
        query = {"limit": 200} | ({"cursor": cursor} if cursor else {})
        page = http.client.get("/jobs", params=query).raise_for_status().json()
        found |= {job["id"]: job for job in page["items"]}
        if not (cursor := page["cursor"]):
            return list(found.values())


def test_a_pause_of_a_queue_with_a_thousand_waiting_jobs_stops_claims_and_a_resume_completes_all(
    timeless: Stage,
) -> None:
    """Within 5 s of the reply nothing starts any more; no attempt is burnt; dropped jobs come back by rescue."""
    with timeless.http() as http:
        for start in range(0, JOBS, 500):
            http.batch(
                [
                    {"type": "e2e.wait", "payload": {"seconds": 1}, "priority": "low", "tags": {"n": str(start + n)}}
                    for n in range(500)
                ]
            )
        eventually(lambda: any(job["state"] == "succeeded" for job in jobs_of(http)))
        reply = http.client.post("/queues/low/pause", json={"reason": "a rehearsal"})
        assert reply.status_code == 200, reply.text
        # Noted before the reply: a stricter beginning than the 2xx.
        since = at(reply.json()["since"])
        eventually(lambda: sum(timeless.counts("low")) == 0)
        held = jobs_of(http)
        assert len(held) == JOBS
        started = [at(job["startedAt"]) for job in held if job["startedAt"]]
        waiting = [job for job in held if job["state"] == "queued"]
        assert started
        assert waiting
        assert max(started) <= since + PROMISED
        [low] = [item for item in http.client.get("/queues").json()["items"] if item["name"] == "low"]
        assert low["paused"]["reason"] == "a rehearsal"
        assert low["oldestDueAt"] is not None
        reasons = http.client.get(f"/jobs/{waiting[0]['id']}/explain").json()["reasons"]
        assert reasons[0]["code"] == "paused"
        assert http.client.post("/queues/low/resume").status_code == 204
        print(f"\n{len(waiting)} of {JOBS} jobs waited; the last claim was {max(started) - since} after the pause")
        _tick_until_all_have_ended(timeless, http)
        ended = jobs_of(http)
        assert [(job["state"], job["attempt"], job["lost"]) for job in ended] == [("succeeded", 1, 0)] * JOBS


def _tick_until_all_have_ended(stage: Stage, http: Http) -> None:
    """Tick with a clock that is three minutes ahead: jobs must have been silent for a while to count as lost."""
    ahead_s = float(AHEAD_S)

    def all_ended() -> bool:
        nonlocal ahead_s
        app = stage.app(lambda: ahead_s)
        app.tick.run(app.clock.now_ms() + 60_000)
        # A tick brings back a bounded number, and waits while there is a backlog.
        ahead_s += 5
        return all(job["state"] == "succeeded" for job in jobs_of(http))

    eventually(all_ended, every_s=1)
