"""Schedules on a running stack, its timer ticking by itself."""

from datetime import UTC, datetime
from typing import Any

from tests.builders.waiting import eventually
from tests.e2e import five_seconds
from tests.e2e.stage import Http, Stage, at

FOR_S = 120


def test_an_every_five_seconds_schedule_misses_none_and_none_twice(stage: Stage) -> None:
    """Over two minutes, by the fire history and by what the jobs received; with a timer that comes each minute."""
    with stage.http(tenant=five_seconds.TENANT) as http:
        created_s = at(http.client.get(five_seconds.PATH).raise_for_status().json()["createdAt"])
        first_s = (created_s // five_seconds.EVERY_S + 1) * five_seconds.EVERY_S

        def fires() -> list[dict[str, Any]]:
            until = datetime.fromtimestamp(first_s + FOR_S, UTC).isoformat()
            reply = http.client.get(f"{five_seconds.PATH}/fires", params={"limit": "200", "to": until})
            items = reply.raise_for_status().json()["items"]
            return [item for item in reversed(items) if at(item["nominalAt"]) < first_s + FOR_S]

        def all_ended() -> bool:
            found = fires()
            return len(found) >= FOR_S // five_seconds.EVERY_S and all(_state(item) == "succeeded" for item in found)

        eventually(all_ended, every_s=2)
        found = fires()
        jobs = [http.job(item["job"]) for item in found]
        assert http.client.delete(five_seconds.PATH).status_code == 204
        assert [item["nominalAt"] for item in fires()] == [item["nominalAt"] for item in found]
        assert http.client.get("/schedules/never/fires").json()["code"] == "schedule_not_found"
    expected = [first_s + five_seconds.EVERY_S * number for number in range(FOR_S // five_seconds.EVERY_S)]
    assert [at(fire["nominalAt"]) for fire in found] == expected
    assert {fire["outcome"] for fire in found} == {"ran"}
    assert [job["result"]["nominal_at_ms"] / 1000 for job in jobs] == expected
    assert {job["result"]["schedule"] for job in jobs} == {five_seconds.NAME}
    assert all(item["latenessSeconds"] >= 0 for item in found)


def _state(fire: dict[str, Any]) -> Any:
    return fire["job"] and fire["job"]["state"]


def test_a_schedule_that_is_created_paused_runs_as_often_as_it_may_once_its_pause_is_over(http: Http) -> None:
    """By the timer itself; what is read can be put again through a real gateway."""
    until_s = int(datetime.now(UTC).timestamp()) + 12
    until = datetime.fromtimestamp(until_s, UTC).isoformat()
    body = {"cron": "*/2 * * * * *", "job": {"type": "demo.greet", "payload": {"name": "e2e"}}, "maxRuns": 3}
    path = "/schedules/few"
    made = http.client.put(path, json=body | {"paused": {"reason": "soon", "until": until}})
    assert (made.status_code, made.json()["state"]) == (201, "paused")
    assert http.client.put(path, json=made.json()).headers["etag"] == made.headers["etag"]

    def ran() -> list[float]:
        items = http.client.get(f"{path}/fires", params={"outcome": "ran"}).raise_for_status().json()["items"]
        return sorted(at(item["nominalAt"]) for item in items if _state(item) == "succeeded")

    eventually(lambda: len(ran()) == 3, every_s=1)
    first_s = until_s + until_s % 2
    assert ran() == [first_s, first_s + 2, first_s + 4]
    assert http.client.get(path).json()["state"] == "ended"
    triggered = http.client.post(f"{path}/trigger", json={"payload": {"name": "Grace"}}).raise_for_status().json()
    assert http.job(triggered)["payload"] == {"name": "Grace"}
    assert http.client.delete(path).status_code == 204


def test_a_schedule_fires_when_all_of_its_fields_say_so(http: Http) -> None:
    """An offset for each fire, as previewed, and an end; a backfill is listed; a preview of weeks and closed times."""
    path = "/schedules/exact"
    body: dict[str, Any] = {
        "cron": "*/2 * * * * *",
        "jitterSeconds": 3,
        "jitterPer": "fire",
        "maxRuns": 3,
        "misfire": {"policy": "catch_up", "limit": 3, "maxAgeSeconds": 600},
        "removeAfterSeconds": 300,
        "job": {"type": "demo.greet", "payload": {"name": "e2e"}},
    }
    made = http.client.put(path, json=body)
    assert made.status_code == 201
    created = made.json()["createdAt"]
    more = {"name": "exact", "from": created, "limit": 100, "maxRuns": None}
    previewed = http.client.post("/schedules/preview", json=body | more).raise_for_status().json()["items"]
    due = {item["nominalAt"]: item["dueAt"] for item in previewed}

    def ran() -> list[Any]:
        items = http.client.get(f"{path}/fires").raise_for_status().json()["items"]
        return [item for item in items if item["outcome"] in ("ran", "caught_up") and _state(item) == "succeeded"]

    eventually(lambda: len(ran()) == 3, every_s=1)
    for item in ran():
        assert item["outcome"] != "ran" or http.job(item["job"])["dueAt"] == due[item["nominalAt"]]
    ended = http.client.get(path)
    assert (ended.json()["state"], ended.json()["remainingRuns"]) == ("ended", 0)
    assert http.client.put(path, json=ended.json()).headers["etag"] == ended.headers["etag"]
    past = {"from": "2026-01-01T00:00:00Z", "to": "2026-01-01T00:00:02Z"}
    backfill = http.client.post(f"{path}/backfill", json=past).raise_for_status().json()
    assert [item["id"] for item in http.client.get(f"{path}/backfills").json()["items"]] == [backfill["id"]]
    at_backfill = f"{path}/backfills/{backfill['id']}"
    eventually(lambda: http.client.get(at_backfill).json()["state"] == "finished", every_s=1)
    stopped = http.client.post(f"{at_backfill}/cancel")
    assert (stopped.status_code, stopped.json()["code"]) == (409, "state_conflict")
    weekly = {"cron": "30 2 * * SUN", "timezone": "Europe/Berlin", "everyWeeks": 2, "anchor": "2031-03-30"}
    open_at_night = {"exclude": ["04:00/24:00"], "from": "2031-03-29T00:00:00Z", "limit": 2}
    shown = http.client.post("/schedules/preview", json=weekly | open_at_night).raise_for_status().json()["items"]
    assert [item["local"] for item in shown] == ["2031-03-30T03:00:00+02:00", "2031-04-13T02:30:00+02:00"]
    assert http.client.delete(path).status_code == 204


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
