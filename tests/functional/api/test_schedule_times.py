"""When a schedule fires, over HTTP: closed times of day, every second week, the age of missed fires, and offsets."""

from collections.abc import Callable
from typing import Any

import pytest

from functions.api.http.times import read, to_timestamp
from tests.builders.gateway import Answer, Client
from tests.builders.world import World

PATH = "/schedules/s"
BODY: dict[str, Any] = {"cron": "*/10 * * * * *", "job": {"type": "ok", "payload": {"n": 1}}}


@pytest.fixture
def put(client: Client) -> Callable[..., Answer]:
    def send(**wanted: Any) -> Answer:
        return client.send("PUT", PATH, BODY | wanted)

    return send


def at(world: World, seconds: float) -> str:
    """Write a time, in seconds after the world's beginning."""
    return to_timestamp(world.clock.start_ms + round(seconds * 1000)) or ""


def previewed(client: Client, body: dict[str, Any], **more: Any) -> list[str]:
    answer = client.send("POST", "/schedules/preview", body | more)
    assert answer.status == 200, answer.text
    return [item["local"] for item in answer.json["items"]]


def fires(client: Client) -> list[Any]:
    items: list[Any] = client.send("GET", f"{PATH}/fires", limit=200).json["items"]
    return items


def test_excluded_times_of_day_are_those_of_the_zone_also_when_clocks_change(client: Client) -> None:
    """On the night in which an hour is skipped, and in which one comes twice."""
    body = {"cron": "30 * * * *", "timezone": "Europe/Berlin", "exclude": ["22:00/02:00", "04:00/21:00"]}
    spring = previewed(client, body, **{"from": "2031-03-29T12:00:00Z", "limit": 3})
    assert spring == ["2031-03-29T21:30:00+01:00", "2031-03-30T03:30:00+02:00", "2031-03-30T21:30:00+02:00"]
    autumn = previewed(client, body, **{"from": "2031-10-25T21:00:00Z", "limit": 4})
    assert autumn == [
        "2031-10-26T02:30:00+02:00",
        "2031-10-26T02:30:00+01:00",
        "2031-10-26T03:30:00+01:00",
        "2031-10-26T21:30:00+01:00",
    ]
    every = {"every": "PT7H", "start": "2031-03-29T00:00:00Z", "timezone": "Europe/Berlin", "exclude": ["00:00/08:00"]}
    assert previewed(client, every, **{"from": "2031-03-29T12:00:00Z", "limit": 3}) == [
        "2031-03-29T15:00:00+01:00",
        "2031-03-29T22:00:00+01:00",
        "2031-03-30T13:00:00+02:00",
    ]


def test_every_second_week_keeps_its_hour_and_its_weeks(client: Client) -> None:
    """Monday and Thursday of one of two weeks, over a change of clocks."""
    body = {"cron": "0 9 * * MON,THU", "timezone": "Europe/Berlin", "everyWeeks": 2, "anchor": "2031-03-19"}
    assert previewed(client, body, **{"from": "2031-03-18T00:00:00Z", "limit": 4}) == [
        "2031-03-20T09:00:00+01:00",
        "2031-03-31T09:00:00+02:00",
        "2031-04-03T09:00:00+02:00",
        "2031-04-14T09:00:00+02:00",
    ]
    several = body | {"cron": None, "crons": ["0 9 * * MON", "0 9 * * THU"]}
    assert previewed(client, several, limit=20) == previewed(client, body, limit=20)


def test_what_is_put_is_shown_and_can_be_put_again(put: Callable[..., Answer], client: Client) -> None:
    """All of the new fields at once."""
    wanted = {
        "exclude": ["2026-12-25", "22:00/06:00"],
        "everyWeeks": 2,
        "anchor": "2026-01-05",
        "jitterSeconds": 60,
        "jitterPer": "fire",
        "misfire": {"policy": "catch_up", "limit": 5, "graceSeconds": 30, "maxAgeSeconds": 7200},
        "removeAfterSeconds": 3600,
    }
    made = put(**wanted)
    assert made.status == 201
    assert {name: made.json[name] for name in wanted} == wanted
    again = client.send("PUT", PATH, client.send("GET", PATH).json)
    assert (again.status, again.headers["etag"]) == (200, made.headers["etag"])
    plain = put().json
    assert (plain["everyWeeks"], plain["anchor"], plain["jitterPer"]) == (None, None, "schedule")
    assert (plain["misfire"]["maxAgeSeconds"], plain["removeAfterSeconds"]) == (None, None)


@pytest.mark.parametrize(
    ("wanted", "code", "where"),
    [
        ({"exclude": ["22:00"]}, "invalid_schedule", "exclude.0"),
        ({"exclude": ["2026-12-25", "22:00/25:00"]}, "invalid_schedule", "exclude.1"),
        ({"exclude": ["08:00/08:00"]}, "invalid_schedule", "exclude.0"),
        ({"exclude": ["24:00/08:00"]}, "invalid_schedule", "exclude.0"),
        ({"exclude": ["8:00/9:00"]}, "invalid_schedule", "exclude.0"),
        ({"exclude": ["08:00/09:00"] * 11}, "invalid_schedule", "exclude"),
        ({"exclude": ["00:00/24:00"]}, "invalid_schedule", "cron"),
        ({"cron": "0 3 * * *", "exclude": ["22:00/06:00"]}, "invalid_schedule", "cron"),
        ({"everyWeeks": 2}, "invalid_schedule", "anchor"),
        ({"everyWeeks": 2, "anchor": "soon"}, "invalid_schedule", "anchor"),
        ({"everyWeeks": 2, "anchor": "2026-01-05/2026-01-06"}, "invalid_schedule", "anchor"),
        ({"everyWeeks": 2, "anchor": "2026-02-30"}, "invalid_schedule", "anchor"),
        ({"everyWeeks": 2, "anchor": "2026-01-05", "cron": None, "every": "PT5M"}, "invalid_schedule", "everyWeeks"),
        ({"anchor": "2026-01-05"}, "invalid_schedule", "anchor"),
        ({"everyWeeks": 0, "anchor": "2026-01-05"}, "invalid_request", "body.everyWeeks"),
        ({"everyWeeks": 53, "anchor": "2026-01-05"}, "invalid_request", "body.everyWeeks"),
        ({"jitterPer": "run"}, "invalid_request", "body.jitterPer"),
        ({"misfire": {"maxAgeSeconds": 60}}, "invalid_request", "body.misfire"),
        ({"misfire": {"maxAgeSeconds": 9, "graceSeconds": 10}}, "invalid_request", "body.misfire.maxAgeSeconds"),
        ({"removeAfterSeconds": 299}, "invalid_request", "body.removeAfterSeconds"),
        ({"removeAfterSeconds": 366 * 86_400 + 1}, "invalid_request", "body.removeAfterSeconds"),
    ],
)
def test_what_would_not_do_what_it_says_is_refused_with_its_place(
    put: Callable[..., Answer], wanted: dict[str, Any], code: str, where: str
) -> None:
    """And what never fires."""
    refused = put(**wanted)
    assert (refused.code, refused.json["errors"][0]["where"]) == (code, where), refused.text


def test_missed_fires_that_are_too_old_do_not_run_and_have_a_reason_of_their_own(
    put: Callable[..., Answer], client: Client, world: World
) -> None:
    """After an hour without a timer, some of the last ten minutes run."""
    put(cron="* * * * *", misfire={"policy": "catch_up", "limit": 5, "maxAgeSeconds": 600})
    world.pass_time(60)
    world.clock.advance(3600)
    world.tick()
    now_ms = world.clock.now_ms()
    ages: dict[str, list[float]] = {outcome: [] for outcome in ("caught_up", "misfired", "too_old")}
    for item in fires(client):
        if item["outcome"] in ("caught_up", "missed"):
            ages[item["reason"] or item["outcome"]].append((now_ms - read(item["nominalAt"])) / 1000)
    assert len(ages["caught_up"]) == 5
    assert max(ages["caught_up"]) < min(ages["misfired"])
    assert max(ages["misfired"]) <= 600 < min(ages["too_old"])
    assert len(ages["misfired"]) == 5
    world.work()
    ran = {job_id for job_id, _, _ in world.ran}
    assert {item["job"]["id"] for item in fires(client) if item["outcome"] == "caught_up"} <= ran
    assert all(item["job"] is None for item in fires(client) if item["outcome"] == "missed")


def test_each_fire_has_an_offset_of_its_own_as_previewed(
    put: Callable[..., Answer], client: Client, world: World
) -> None:
    """Below the bound, always the same; the job says for which time it runs."""
    put(cron="* * * * *", jitterSeconds=30, jitterPer="fire")
    items = client.send("GET", f"{PATH}/preview", limit=20).json["items"]
    due = {item["nominalAt"]: read(item["dueAt"]) for item in items}
    offsets = {due[nominal] - read(nominal) for nominal in due}
    assert len(offsets) > 15
    assert all(0 <= offset < 30_000 for offset in offsets)
    unsaved = BODY | {"cron": "* * * * *", "jitterSeconds": 30, "jitterPer": "fire", "name": "s", "limit": 20}
    assert client.send("POST", "/schedules/preview", unsaved).json["items"] == items
    fixed = client.send("POST", "/schedules/preview", unsaved | {"jitterPer": "schedule"}).json["items"]
    assert len({read(item["dueAt"]) - read(item["nominalAt"]) for item in fixed}) == 1
    put(cron="*/30 * * * * *", jitterSeconds=30, jitterPer="fire")
    world.pass_time(300)
    jobs = [client.send("GET", f"/jobs/{job_id}").json for job_id, _, _ in world.ran]
    same = [job for job in jobs if job["nominalAt"] in due]
    assert len(same) >= 4
    assert all(read(job["dueAt"]) == due[job["nominalAt"]] for job in same), "another plan gives the same"
    assert all(began >= read(job["dueAt"]) for job, (_, _, began) in zip(jobs, world.ran, strict=True))


def test_explain_says_for_which_time_a_job_runs_that_a_jitter_delays(
    put: Callable[..., Answer], client: Client, world: World
) -> None:
    """Otherwise nobody knows why the job of nine o'clock is not due at nine."""
    put(cron="* * * * *", jitterSeconds=3600, jitterPer="fire")
    jobs = client.send("GET", "/jobs", schedule="s").json["items"]
    delayed = next(job for job in jobs if read(job["dueAt"]) > read(job["nominalAt"]))
    [reason] = [
        reason
        for reason in client.send("GET", f"/jobs/{delayed['id']}/explain").json["reasons"]
        if reason["code"] == "not_due"
    ]
    assert "jitter" in reason["text"]
    assert reason["facts"] == {"dueAt": delayed["dueAt"], "nominalAt": delayed["nominalAt"], "schedule": "s"}
    put(cron="0 0 1 1 *")


@pytest.mark.parametrize(
    ("wanted", "where", "problem"),
    [
        ({"cron": "0 0 30 2 *"}, "cron", "never fires: no date matches"),
        ({"crons": ["0 0 * * *", "0 0 30 2 *"], "end": "2199-01-01T00:00:00Z"}, "crons.1", "no date matches"),
        ({"cron": "0 0 1 1 *", "start": "2199-02-01T00:00:00Z"}, "cron", "the other fields"),
    ],
)
def test_what_never_fires_is_blamed_on_what_was_sent(
    client: Client, wanted: dict[str, object], where: str, problem: str
) -> None:
    """It named start, end and exclude, though none was sent."""
    refused = client.send("PUT", "/schedules/s", wanted | {"job": {"type": "ok"}})
    [error] = refused.json["errors"]
    assert (refused.code, error["where"]) == ("invalid_schedule", where)
    assert problem in error["problem"]
