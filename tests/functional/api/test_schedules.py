"""Schedules over HTTP: put, read, list, change with optimistic locking, pause, trigger, backfill, preview, fires."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from functions.api.http.times import read, to_timestamp
from tests.builders.api import a_token, api_of
from tests.builders.gateway import Answer, Client, Shape
from tests.builders.world import TENANT, World
from whendue.aws_quotas import WRITE_UNIT_BYTES
from whendue.jobs.model import item_bytes
from whendue.quotas import SUBJECT_BYTES
from whendue.schedules.model import schedule_key

EVERY_MINUTE: dict[str, Any] = {"cron": "* * * * *", "job": {"type": "ok", "payload": {"n": 1}}}


@pytest.fixture
def put(client: Client) -> Callable[..., Answer]:
    """Put the schedule `nightly`, which fires each minute unless told."""

    def send(headers: dict[str, str] | None = None, path: str = "nightly", **wanted: Any) -> Answer:
        return client.send("PUT", f"/schedules/{path}", EVERY_MINUTE | wanted, headers)

    return send


def fires(client: Client, **query: Any) -> list[dict[str, Any]]:
    """Read the whole fire history of `nightly`, page by page."""
    found: list[dict[str, Any]] = []
    while True:
        answer = client.send("GET", "/schedules/nightly/fires", **query)
        assert answer.status == 200, answer.text
        found += answer.json["items"]
        if answer.json["cursor"] is None:
            return found
        query["cursor"] = answer.json["cursor"]


def at(world: World, seconds: float = 0) -> str:
    """Write the time so many seconds from now."""
    return to_timestamp(world.clock.now_ms() + round(seconds * 1000)) or ""


def test_a_schedule_is_created_read_and_shown_as_it_was_put(world: World, shape: Shape) -> None:
    """With its ETag and where it is, at both kinds of gateway."""
    client = Client(api_of(world), a_token(), shape)
    body: dict[str, Any] = EVERY_MINUTE | {
        "name": "nightly",
        "start": at(world, 60),
        "end": at(world, 86_400),
        "exclude": ["2031-01-01"],
        "misfire": {"policy": "catch_up", "limit": 7, "graceSeconds": 30, "maxAgeSeconds": 7200},
        "overlap": "skip",
        "pauseAfterFailures": 3,
        "job": {"type": "ok", "payload": {"n": 1}, "maxAttempts": 2, "priority": "high", "tags": {"a": "b"}},
    }
    made = client.send("PUT", "/schedules/nightly", body)
    assert (made.status, made.headers["location"]) == (201, "/schedules/nightly")
    shown = client.send("GET", "/schedules/nightly")
    assert (shown.status, shown.headers["etag"]) == (200, made.headers["etag"])
    shown_now = shown.json
    assert {name: shown_now[name] for name in body if name != "job"} == {n: v for n, v in body.items() if n != "job"}
    assert shown_now["job"] == body["job"] | {"profile": "default"}
    assert (shown_now["state"], shown_now["timezone"], shown_now["jitterSeconds"]) == ("active", "UTC", 0)
    again = client.send("PUT", "/schedules/nightly", {n: shown_now[n] for n in (*body, "jitterSeconds", "timezone")})
    assert (again.status, again.headers["etag"]) == (200, made.headers["etag"])


@pytest.mark.parametrize(
    ("wanted", "status", "code"),
    [
        ({"cron": None}, 400, "invalid_schedule"),
        ({"every": "PT1M"}, 400, "invalid_schedule"),
        ({"cron": "* * * *"}, 400, "invalid_schedule"),
        ({"cron": None, "every": "P1M"}, 400, "invalid_schedule"),
        ({"cron": None, "every": "P1Y"}, 400, "invalid_schedule"),
        ({"cron": None, "every": "PT0S"}, 400, "invalid_schedule"),
        ({"cron": None, "every": "PT1.5S"}, 400, "invalid_schedule"),
        ({"cron": None, "every": "-PT5S"}, 400, "invalid_schedule"),
        ({"cron": None, "every": "90"}, 400, "invalid_schedule"),
        ({"cron": None, "every": "soon"}, 400, "invalid_schedule"),
        ({"cron": None, "at": "2001-01-01T00:00:00Z"}, 400, "invalid_schedule"),
        ({"end": "2001-01-01T00:00:00Z"}, 400, "invalid_schedule"),
        ({"timezone": "Mars/Olympus"}, 400, "invalid_schedule"),
        ({"job": {"type": "none"}}, 422, "unknown_task"),
        ({"job": {"type": "ok", "payload": 5}}, 422, "invalid_payload"),
        ({"job": {"type": "ok", "profile": "none"}}, 422, "unknown_profile"),
        ({"job": {"type": "ok", "delaySeconds": 5}}, 422, "invalid_request"),
        ({"job": {"type": "ok", "dueAt": "2031-01-01T00:00:00Z"}}, 422, "invalid_request"),
        ({"job": {"type": "ok", "payload": {"text": "x" * 9000}}}, 422, "invalid_request"),
        ({"name": 5}, 422, "invalid_request"),
        ({"overlap": "never"}, 422, "invalid_request"),
        ({"overlap": "skip", "job": {"type": "ok", "limits": {"concurrency": 2}}}, 422, "invalid_request"),
        ({"misfire": {"policy": "hope"}}, 422, "invalid_request"),
        ({"misfire": {"graceSeconds": 1}}, 422, "invalid_request"),
        ({"jitterSeconds": -1}, 422, "invalid_request"),
        ({"pauseAfterFailures": 0}, 422, "invalid_request"),
        ({"novelty": 1}, 422, "invalid_request"),
    ],
)
def test_what_is_wrong_is_refused_with_a_problem(
    put: Callable[..., Answer], client: Client, wanted: dict[str, Any], status: int, code: str
) -> None:
    """And nothing is created."""
    answer = put(**wanted)
    assert (answer.status, answer.code) == (status, code)
    assert client.send("GET", "/schedules/nightly").code == "schedule_not_found"


@pytest.mark.parametrize("name", ["a%20b", "x" * 65, "a~b", "ü"])
def test_a_name_that_cannot_be_is_refused_or_unknown(client: Client, name: str) -> None:
    """No key is made from it."""
    assert client.send("PUT", f"/schedules/{name}", EVERY_MINUTE).status in (404, 422)
    assert client.send("GET", f"/schedules/{name}").status in (404, 422)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", ""), ("DELETE", ""), ("POST", "/pause"), ("POST", "/resume"), ("POST", "/trigger"), ("GET", "/preview"),
        ("GET", "/fires"), ("GET", "/backfills/1"),
    ],
)  # fmt: skip
def test_a_schedule_of_another_tenant_answers_like_an_unknown_one(
    put: Callable[..., Answer], client_of: Callable[..., Client], method: str, path: str
) -> None:
    """In every route."""
    assert put().status == 201
    other = client_of("other").send(method, f"/schedules/nightly{path}")
    unknown = client_of().send(method, f"/schedules/unknown{path}")
    # To the letter, but for the name that was asked for.
    assert (other.status, other.text) == (404, unknown.text.replace("unknown", "nightly"))
    assert unknown.status == 404
    assert other.code == "schedule_not_found"


def test_reading_needs_a_scope_and_changing_another(client_of: Callable[..., Client]) -> None:
    """As of jobs."""
    reader, writer = client_of(scopes="jobs:read"), client_of(scopes="jobs:write")
    assert reader.send("PUT", "/schedules/a", EVERY_MINUTE).code == "forbidden"
    assert writer.send("PUT", "/schedules/a", EVERY_MINUTE).status == 201
    assert writer.send("GET", "/schedules/a").code == "forbidden"
    assert reader.send("POST", "/schedules/a/pause").code == "forbidden"
    assert reader.send("GET", "/schedules/a").status == 200


def test_a_list_has_every_schedule_by_name_page_by_page(put: Callable[..., Answer], client: Client) -> None:
    """And no other tenant's; a deleted one is gone."""
    for name in ("b", "a.1", "c", "a"):
        put(path=name)
    assert client.send("DELETE", "/schedules/c").status == 204
    found: list[str] = []
    cursor: dict[str, Any] = {}
    while True:
        page = client.send("GET", "/schedules", limit=1, **cursor).json
        found += [item["name"] for item in page["items"]]
        if page["cursor"] is None:
            break
        cursor = {"cursor": page["cursor"]}
    assert found == ["a", "a.1", "b"]


def test_a_tenant_has_a_limited_number_of_schedules(
    put: Callable[..., Answer], monkeypatch: pytest.MonkeyPatch, client_of: Callable[..., Client]
) -> None:
    """Changing one that is there still works, and other tenants are not held up."""
    monkeypatch.setattr("whendue.schedules.service.SCHEDULES_PER_TENANT", 2)
    assert [put(path=name).status for name in ("a", "b", "c", "a")] == [201, 201, 409, 200]
    assert put(path="c").code == "too_many_schedules"
    assert client_of("other").send("PUT", "/schedules/c", EVERY_MINUTE).status == 201


def test_changes_are_locked_by_etag(put: Callable[..., Answer], client: Client) -> None:
    """If-Match for who has read it, If-None-Match: * for who wants to create."""
    assert put({"If-Match": "*"}).code == "precondition_failed"
    first = put({"If-None-Match": "*"})
    assert first.status == 201
    assert put({"If-None-Match": "*"}).status == 412
    tag = {"If-Match": first.headers["etag"]}
    second = put(tag, cron="*/2 * * * *")
    assert second.status == 200
    assert second.headers["etag"] != first.headers["etag"]
    for method, path in (("DELETE", ""), ("POST", "/pause"), ("POST", "/resume")):
        assert client.send(method, f"/schedules/nightly{path}", headers=tag).code == "precondition_failed"
    assert put(tag, cron="*/3 * * * *").status == 412
    assert put({"If-Match": f"W/{second.headers['etag']}"}, cron="*/3 * * * *").status == 412
    assert put({"If-Match": f'"x", {second.headers["etag"]}'}, cron="*/3 * * * *").status == 200
    assert put({"If-Match": "x"}).code == "invalid_request"
    assert client.send("GET", "/schedules/nightly").json["cron"] == "*/3 * * * *"


def test_a_schedule_fires_on_time_and_the_history_shows_it(
    put: Callable[..., Answer], client: Client, world: World
) -> None:
    """Each nominal time once, with the job that ran for it and how late it began."""
    put(cron="*/5 * * * * *")
    world.pass_time(120)
    found = fires(client, limit=7)
    began = world.clock.start_ms
    assert [read(fire["nominalAt"]) for fire in found] == [began + 5000 * n for n in range(24, 0, -1)]
    assert {fire["outcome"] for fire in found} == {"ran"}
    assert {item["latenessSeconds"] for item in found} == {0}
    jobs = [client.send("GET", f"/jobs/{item['job']['id']}").json for item in found]
    assert [(job["state"], job["schedule"], job["nominalAt"]) for job in jobs] == [
        ("succeeded", "nightly", fire["nominalAt"]) for fire in found
    ]
    assert fires(client, **{"from": at(world, -20), "to": at(world, -10)}) == found[2:5]
    assert fires(client, outcome="missed") == []


def test_a_preview_is_what_then_fires(put: Callable[..., Answer], client: Client, world: World) -> None:
    """With jitter, in both forms."""
    body = {"cron": "*/7 * * * * *", "exclude": ["2031-01-01"]}
    put(**body, jitterSeconds=30)
    items = client.send("GET", "/schedules/nightly/preview", limit=20).json["items"]
    named = client.send("POST", "/schedules/preview", body | {"limit": 20, "name": "nightly", "jitterSeconds": 30})
    assert named.json["items"] == items
    unsaved = client.send("POST", "/schedules/preview", body | {"limit": 20})
    assert unsaved.status == 200, unsaved.text
    for name in ("nominalAt", "local", "note"):
        assert [item[name] for item in unsaved.json["items"]] == [item[name] for item in items]
    world.pass_time(240)
    assert [fire["nominalAt"] for fire in reversed(fires(client))][:20] == [item["nominalAt"] for item in items]
    [offset] = {read(item["dueAt"]) - read(item["nominalAt"]) for item in items}
    assert 0 < offset < 30_000
    began = sorted(began for _, _, began in world.ran)[:20]
    assert all(0 <= at - read(item["dueAt"]) <= 1000 for at, item in zip(began, items, strict=True))


def test_a_preview_of_nonsense_is_refused(client: Client) -> None:
    """As a put would be."""
    assert client.send("POST", "/schedules/preview", {"cron": "x"}).code == "invalid_schedule"
    assert client.send("POST", "/schedules/preview", {"cron": "* * * * *", "limit": 0}).code == "invalid_request"


def test_nothing_fires_while_paused_and_what_passed_is_skipped(
    put: Callable[..., Answer], client: Client, world: World
) -> None:
    """With who paused it and why; what was planned ahead is withdrawn."""
    put(cron="*/10 * * * * *")
    world.pass_time(60)
    paused = client.send("POST", "/schedules/nightly/pause", {"reason": "the bank is closed"})
    assert (paused.status, paused.json["state"]) == (200, "paused")
    assert paused.json["paused"]["reason"] == "the bank is closed"
    ran = len(world.ran)
    world.pass_time(300)
    assert len(world.ran) == ran == 6
    assert client.send("POST", "/schedules/nightly/pause").headers["etag"] == paused.headers["etag"]
    resumed = client.send("POST", "/schedules/nightly/resume")
    assert (resumed.json["state"], resumed.json["paused"]) == ("active", None)
    world.pass_time(60)
    assert Counter((fire["outcome"], fire["reason"]) for fire in fires(client, limit=9)) == {
        ("ran", None): 12,
        ("skipped", "paused"): 30,
    }
    assert len(world.ran) == 12


def test_an_edit_holds_from_now_on(put: Callable[..., Answer], client: Client, world: World) -> None:
    """The past as it was decided, the future as it is wanted, no time twice."""
    put(cron="*/10 * * * * *")
    world.pass_time(65)
    put(cron="*/15 * * * * *", job={"type": "ok", "payload": {"n": 2}})
    world.pass_time(60)
    found = fires(client)
    times = [(read(fire["nominalAt"]) - world.clock.start_ms) // 1000 for fire in reversed(found)]
    assert times == [10, 20, 30, 40, 50, 60, 75, 90, 105, 120]
    payloads = [client.send("GET", f"/jobs/{item['job']['id']}").json["payload"]["n"] for item in reversed(found)]
    assert payloads == [1] * 6 + [2] * 4
    assert len(world.ran) == 10


def test_a_deleted_schedule_is_gone_and_its_name_is_free(
    put: Callable[..., Answer], client: Client, world: World
) -> None:
    """Nothing of it runs; a new one of the same name sees the old one's history."""
    put(cron="*/10 * * * * *")
    world.pass_time(30)
    assert client.send("DELETE", "/schedules/nightly").status == 204
    assert client.send("DELETE", "/schedules/nightly").status == 404
    world.pass_time(120)
    assert len(world.ran) == 3
    assert put().status == 201
    assert len(fires(client)) == 3


def test_a_trigger_runs_the_job_at_once_and_is_no_fire(
    put: Callable[..., Answer], client: Client, world: World
) -> None:
    """Also while paused; a repeated one with the same key is the same job."""
    put()
    client.send("POST", "/schedules/nightly/pause")
    first = client.send("POST", "/schedules/nightly/trigger", headers={"Idempotency-Key": "k"})
    assert (first.status, first.json["schedule"], first.json["nominalAt"]) == (202, "nightly", None)
    world.clock.advance(1)
    again = client.send("POST", "/schedules/nightly/trigger", headers={"Idempotency-Key": "k"})
    assert (again.status, again.json["id"]) == (200, first.json["id"])
    assert (first.headers.get("idempotency-replayed"), again.headers["idempotency-replayed"]) == (None, "true")
    assert again.headers["location"] == f"/jobs/{first.json['id']}"
    assert client.send("POST", "/schedules/nightly/trigger").status == 202
    world.pass_time(2)
    assert len(world.ran) == 2
    found = fires(client)
    assert [(fire["outcome"], fire["nominalAt"]) for fire in found] == [("triggered", None)] * 2
    assert found[1]["job"] == {"id": first.json["id"], "state": "succeeded"}


def test_a_trigger_with_a_body_changes_that_run_alone(put: Callable[..., Answer], client: Client, world: World) -> None:
    """Each field replaces the template's, and one that is left out is the template's."""
    put(job={"type": "ok", "payload": {"n": 1}, "priority": "low", "tags": {"a": "b"}})
    path = "/schedules/nightly/trigger"
    body = {"payload": {"n": 2}, "priority": "high", "tags": {"by": "hand"}}
    key = {"Idempotency-Key": "k"}
    whole = client.send("POST", path, body, key)
    assert (whole.status, whole.json["priority"], whole.json["tags"]) == (202, "high", {"by": "hand"})
    assert client.send("POST", path, body, key).json["id"] == whole.json["id"]
    assert client.send("POST", path, {"payload": {"n": 3}}, key).code == "idempotency_conflict"
    assert client.send("POST", path, headers=key).code == "idempotency_conflict"
    part = client.send("POST", path, {"payload": {}}).json
    assert (part["priority"], part["tags"]) == ("low", {"a": "b"})
    assert client.send("GET", f"/jobs/{part['id']}").json["payload"] == {}
    tagged = client.send("POST", path, {"tags": {}}).json
    assert tagged["tags"] == {}
    assert client.send("GET", f"/jobs/{tagged['id']}").json["payload"] == {"n": 1}
    assert client.send("GET", "/schedules/nightly").json["job"]["payload"] == {"n": 1}
    world.pass_time(2)
    assert {job_id for job_id, _, _ in world.ran} == {whole.json["id"], part["id"], tagged["id"]}
    assert client.send("GET", f"/jobs/{whole.json['id']}").json["payload"] == {"n": 2}


def test_a_triggered_fire_says_who_triggered_it_and_why(
    put: Callable[..., Answer], client: Client, world: World
) -> None:
    """Without a reason, too; a fire of the schedule itself names nobody. An entry stays within one write unit."""
    put(cron="*/10 * * * * *")
    path, reason = "/schedules/nightly/trigger", "é" * 128
    assert client.send("POST", path).status == 202
    assert client.send("POST", path, {"reason": reason}).status == 202
    entries = [item for key, item in world.table.items().items() if key.sk.startswith("fire#")]
    assert max(map(item_bytes, entries)) + SUBJECT_BYTES < WRITE_UNIT_BYTES
    world.clock.advance(1)
    found = [fire for fire in fires(client) if fire["outcome"] == "triggered"]
    assert {(fire["by"], fire["reason"]) for fire in found} == {("developer", None), ("developer", reason)}
    assert all(fire["decidedAt"] for fire in found)
    world.pass_time(30)
    ran = [fire for fire in fires(client) if fire["outcome"] == "ran"]
    assert {(fire["by"], fire["reason"]) for fire in ran} == {(None, None)}


def test_fires_and_backfills_of_a_deleted_schedule_can_be_read_and_not_changed(
    put: Callable[..., Answer], client: Client, client_of: Callable[..., Client], world: World
) -> None:
    """As long as they are kept, also once the schedule's own item is gone."""
    put(cron="*/10 * * * * *")
    world.pass_time(30)
    now_ms = world.clock.now_ms()
    body = {"from": to_timestamp(now_ms - 30_000), "to": to_timestamp(now_ms), "force": True}
    begun = client.send("POST", "/schedules/nightly/backfill", body).json
    path = f"/schedules/nightly/backfills/{begun['id']}"
    world.pass_time(120)
    listed = client.send("GET", "/schedules/nightly/backfills").json["items"]
    assert client.send("DELETE", "/schedules/nightly").status == 204
    world.pass_time(5)
    shown = fires(client)
    assert {fire["outcome"] for fire in shown} == {"ran", "caught_up"}
    for _ in range(2):
        assert fires(client) == shown
        assert client.send("GET", "/schedules/nightly/backfills").json["items"] == listed
        assert client.send("GET", path).json == listed[0]
        assert client.send("GET", "/schedules/nightly/backfills/none").code == "backfill_not_found"
        for change in ("pause", "resume", "cancel"):
            assert client.send("POST", f"{path}/{change}").code == "schedule_not_found"
        assert client.send("GET", "/schedules/nightly").code == "schedule_not_found"
        assert client_of("other").send("GET", "/schedules/nightly/fires").code == "schedule_not_found"
        world.pass_time(300)
    assert schedule_key(TENANT, "nightly") not in world.table.items()
    for what in ("fires", "backfills", "backfills/none"):
        assert client.send("GET", f"/schedules/never/{what}").code == "schedule_not_found"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"reason": "é" * 129}, "invalid_request"),
        ({"reason": 1}, "invalid_request"),
        ({"payLoad": {}}, "invalid_request"),
        ({"type": "ok"}, "invalid_request"),
        ({"dueAt": "2031-01-01T00:00:00Z"}, "invalid_request"),
        ({"priority": "urgent"}, "invalid_request"),
        ({"tags": {"": "x"}}, "invalid_request"),
        ({"tags": {str(n): "x" for n in range(100)}}, "invalid_request"),
        ([], "invalid_request"),
        ({"payload": {"x": "x" * 2**20}}, "payload_too_large"),
        ({"payload": "x"}, "invalid_payload"),
    ],
)
def test_a_trigger_that_would_not_run_as_asked_is_refused(
    put: Callable[..., Answer], client: Client, body: Any, code: str
) -> None:
    """And creates no job."""
    put(cron="0 0 1 1 *")
    assert client.send("POST", "/schedules/nightly/trigger", body).code == code
    assert client.send("GET", "/jobs").json["items"] == []


def test_a_workflow_is_triggered_as_it_is(put: Callable[..., Answer], client: Client) -> None:
    """It has a payload of its own kind."""
    put(job=None, workflow={"nodes": {"a": {"type": "ok"}}})
    refused: tuple[dict[str, Any], ...] = ({"payload": {}}, {"priority": "low"}, {"tags": {}})
    for body in refused:
        assert client.send("POST", "/schedules/nightly/trigger", body).code == "invalid_request"
    assert client.send("POST", "/schedules/nightly/trigger", {}).status == 202
    assert client.send("POST", "/schedules/nightly/trigger", {"reason": "by hand"}).status == 202


def test_a_one_shot_fires_once_and_has_ended(put: Callable[..., Answer], client: Client, world: World) -> None:
    """To the second, and it leaves the due index."""
    put(cron=None, at=at(world, 200))
    world.pass_time(199)
    assert world.ran == []
    world.pass_time(200)
    assert [(time - world.clock.start_ms) // 1000 for _, _, time in world.ran] == [200]
    shown_now = client.send("GET", "/schedules/nightly").json
    assert (shown_now["state"], shown_now["nextAt"]) == ("ended", None)
    assert "due_pk" not in next(item for key, item in world.table.items().items() if key.sk == "schedule#nightly")


def test_a_schedule_pauses_after_so_many_failures_in_a_row(
    put: Callable[..., Answer], client: Client, world: World
) -> None:
    """And says so; resumed, it counts anew."""
    put(pauseAfterFailures=3, job={"type": "bad", "maxAttempts": 1})
    world.pass_time(600)
    shown_now = client.send("GET", "/schedules/nightly").json
    assert (shown_now["state"], shown_now["paused"]["by"]) == ("paused", "whendue")
    assert shown_now["paused"]["reason"] == "its last 3 fires ended dead"
    assert 3 <= len(world.ran) <= 4
    client.send("POST", "/schedules/nightly/resume")
    world.pass_time(130)
    assert client.send("GET", "/schedules/nightly").json["state"] == "active"


def test_a_success_in_between_is_no_failure_in_a_row(put: Callable[..., Answer], client: Client, world: World) -> None:
    """Two of three are not three."""
    outcomes = iter([True, True, False] * 10)

    def now_and_then(payload: Any, ctx: Any) -> None:
        if next(outcomes):
            raise RuntimeError("bad")

    world.task("sometimes", now_and_then)
    put(pauseAfterFailures=3, job={"type": "sometimes", "maxAttempts": 1})
    world.pass_time(900)
    assert client.send("GET", "/schedules/nightly").json["state"] == "active"


def test_a_job_that_can_no_longer_be_made_is_skipped_and_the_schedule_says_why(
    put: Callable[..., Answer], client: Client, world: World
) -> None:
    """Its task was taken out of the code; put back, it runs again."""
    put()
    world.pass_time(240)
    definition = world.registry.remove("ok")
    world.pass_time(240)
    assert "unknown_task" in client.send("GET", "/schedules/nightly").json["lastError"]
    assert {(fire["outcome"], fire["reason"], fire["job"]) for fire in fires(client)[:1]} == {
        ("skipped", "unknown_task", None)
    }
    world.registry.add(definition)
    world.pass_time(180)
    assert client.send("GET", "/schedules/nightly").json["lastError"] is None
    assert fires(client)[0]["outcome"] == "ran"


def test_a_backfill_from_the_year_1_is_refused(put: Callable[..., Answer], client: Client) -> None:
    """Schedules fire from 1970 on; a limit of 10,000 jobs would not have stopped it before year 1 was over."""
    put()
    for first in ("0001-01-01T00:00:00Z", "1969-12-31T23:59:59.999Z"):
        answer = client.send("POST", "/schedules/nightly/backfill", {"from": first, "to": "2026-01-01T00:00:00Z"})
        assert (answer.status, answer.code) == (422, "invalid_request")
    taken = {"from": "1970-01-01T00:00:00Z", "to": "1970-01-01T00:10:00Z"}
    assert client.send("POST", "/schedules/nightly/backfill", taken).status == 202


def test_a_backfill_runs_what_has_not_run(put: Callable[..., Answer], client: Client, world: World) -> None:
    """Fires that ran are left alone; what was skipped or never decided becomes caught up."""
    world.clock.advance(3600)
    put()
    world.pass_time(180)
    client.send("POST", "/schedules/nightly/pause")
    world.pass_time(180)
    client.send("POST", "/schedules/nightly/resume")
    body = {"from": at(world, -600), "to": at(world)}
    begun = client.send("POST", "/schedules/nightly/backfill", body)
    assert begun.status == 202, begun.text
    world.pass_time(60)
    shown_now = client.send("GET", begun.headers["location"]).json
    assert (shown_now["state"], shown_now["createdJobs"], shown_now["skippedFires"]) == ("finished", 8, 3)
    found = fires(client, **body)
    assert Counter(fire["outcome"] for fire in found) == {"ran": 3, "caught_up": 8}
    assert len({fire["nominalAt"] for fire in found}) == 11
    assert {fire["backfill"] for fire in found if fire["outcome"] == "caught_up"} == {shown_now["id"]}
    again = client.send("POST", "/schedules/nightly/backfill", body).json
    world.pass_time(60)
    path = f"/schedules/nightly/backfills/{again['id']}"
    assert client.send("GET", path).json["createdJobs"] == 0
    forced = client.send("POST", "/schedules/nightly/backfill", body | {"force": True, "limit": 2}).json
    world.pass_time(60)
    shown_now = client.send("GET", f"/schedules/nightly/backfills/{forced['id']}").json
    assert (shown_now["state"], shown_now["createdJobs"]) == ("finished", 2)


def test_a_long_backfill_goes_on_with_the_timer(put: Callable[..., Answer], client: Client, world: World) -> None:
    """The request does the first chunk alone."""
    world.clock.advance(90_000)
    put()
    body = {"from": at(world, -86_400), "to": at(world, -1), "limit": 1150}
    begun = client.send("POST", "/schedules/nightly/backfill", body).json
    assert (begun["state"], begun["createdJobs"]) == ("running", 100)
    world.tick()
    path = f"/schedules/nightly/backfills/{begun['id']}"
    assert client.send("GET", path).json["createdJobs"] == 1100
    world.tick()
    assert client.send("GET", path).json["createdJobs"] == 1150
    assert client.send("GET", path).json["state"] == "finished"
    assert client.send("GET", "/schedules/nightly/backfills/none").code == "backfill_not_found"


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"from": "2031-01-01T00:00:00Z", "to": "2031-01-02T00:00:00Z"},
        {"from": "2021-01-02T00:00:00Z", "to": "2021-01-01T00:00:00Z"},
        {"from": "2021-01-01T00:00:00Z", "to": "2021-01-02T00:00:00Z", "limit": 0},
    ],
)
def test_a_backfill_of_no_past_range_is_refused(
    put: Callable[..., Answer], client: Client, body: dict[str, Any]
) -> None:
    """The future fires by itself."""
    put()
    assert client.send("POST", "/schedules/nightly/backfill", body).code == "invalid_request"


@pytest.mark.parametrize(
    "query",
    [{"outcome": "withdrawn"}, {"from": "yesterday"}, {"limit": "0"}, {"cursor": "x"}, {"cursor": "é"}, {"until": "x"}],
)
def test_a_question_about_fires_that_makes_no_sense_is_refused(
    put: Callable[..., Answer], client: Client, query: dict[str, Any]
) -> None:
    """With the place."""
    put()
    assert client.send("GET", "/schedules/nightly/fires", **query).code in ("invalid_request", "invalid_cursor")
