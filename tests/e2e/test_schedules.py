"""Schedules on a running stack, its timer ticking by itself."""

from datetime import datetime
from typing import Any

from tests.e2e.stage import Http
from tests.support import eventually

FOR_S = 120


def test_an_every_five_seconds_schedule_misses_none_and_none_twice(http: Http) -> None:
    """Over two minutes, by the ledger and by what the jobs were told; with a timer that comes each minute."""
    job = {"type": "e2e.nominal", "payload": {}}
    made = http.client.put("/schedules/fine", json={"cron": "*/5 * * * * *", "job": job}).raise_for_status().json()
    first = (
        http.client.get("/schedules/fine/preview", params={"n": 1}).raise_for_status().json()["items"][0]["nominalAt"]
    )
    began = datetime.fromisoformat(first).timestamp()

    def fires() -> list[dict[str, Any]]:
        items = http.client.get("/schedules/fine/fires", params={"limit": 200}).raise_for_status().json()["items"]
        return [one for one in items if datetime.fromisoformat(one["nominalAt"]).timestamp() < began + FOR_S]

    def all_ended() -> bool:
        found = fires()
        return len(found) >= FOR_S // 5 and all(one["job"] and one["job"]["state"] == "succeeded" for one in found)

    try:
        eventually(all_ended, timeout_s=FOR_S + 90, every_s=2)
        found = fires()
    finally:
        assert http.client.delete("/schedules/fine").status_code == 204
    expected = [began + 5 * number for number in range(FOR_S // 5)]
    assert made["state"] == "active"
    assert [datetime.fromisoformat(one["nominalAt"]).timestamp() for one in reversed(found)] == expected
    assert {one["outcome"] for one in found} == {"ran"}
    jobs = [http.job(one["job"]) for one in reversed(found)]
    assert [job["result"]["nominal_at_ms"] / 1000 for job in jobs] == expected
    assert {job["result"]["schedule"] for job in jobs} == {"fine"}
    assert all(one["latenessSeconds"] >= 0 for one in found)


def test_a_schedule_that_is_changed_with_an_old_etag_is_left_alone(http: Http) -> None:
    """Optimistic locking through a real gateway."""
    body = {"cron": "0 0 1 1 *", "job": {"type": "demo.greet", "payload": {"name": "e2e"}}}
    first = http.client.put("/schedules/locked", json=body, headers={"If-None-Match": "*"})
    assert first.status_code == 201
    second = http.client.post("/schedules/locked/pause", headers={"If-Match": first.headers["etag"]})
    assert second.status_code == 200
    refused = http.client.put("/schedules/locked", json=body, headers={"If-Match": first.headers["etag"]})
    assert (refused.status_code, refused.json()["code"]) == (412, "precondition_failed")
    assert http.client.get("/schedules/locked").json()["state"] == "paused"
    assert http.client.delete("/schedules/locked", headers={"If-Match": second.headers["etag"]}).status_code == 204
    assert http.client.get("/schedules/locked").status_code == 404
