"""How long a schedule fires: created paused, paused until a time, a maximum of runs; and what is read, put again."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from functions.api.http.times import read, to_timestamp
from tests.builders.faults import Refusing
from tests.builders.gateway import Answer, Client
from tests.builders.world import World
from whendue.table.keys import Key

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


def shown(client: Client) -> Any:
    answer = client.send("GET", PATH)
    assert answer.status == 200, answer.text
    return answer.json


def fires(client: Client, world: World) -> dict[int, str]:
    """Return the outcome of each fire, by seconds after the world's beginning."""
    items = client.send("GET", f"{PATH}/fires", limit=200).json["items"]
    return {(read(item["nominalAt"]) - world.clock.start_ms) // 1000: item["outcome"] for item in items}


def ran(world: World) -> list[int]:
    """Return when jobs ran, in seconds after the world's beginning."""
    return [(began - world.clock.start_ms) // 1000 for _, _, began in world.ran]


# --- paused ------------------------------------------------------------------------------------------------------


def test_a_schedule_is_created_paused_and_put_again_stays_as_it_is(
    put: Callable[..., Answer], client: Client, world: World
) -> None:
    """Its own requests pause and resume it; a `PUT` does neither."""
    made = put(paused={"reason": "not yet"})
    assert (made.status, made.json["state"]) == (201, "paused")
    assert made.json["paused"] | {"by": "", "since": ""} == {"by": "", "since": "", "reason": "not yet", "until": None}
    world.pass_time(60)
    assert put().headers["etag"] == made.headers["etag"]
    assert put(cron="*/20 * * * * *").json["state"] == "paused"
    assert world.ran == []
    assert client.send("POST", f"{PATH}/resume").json["state"] == "active"
    assert put(cron="*/20 * * * * *", paused={}).json["state"] == "active"
    world.pass_time(60)
    assert ran(world) == [80, 100, 120]
    assert fires(client, world) == dict.fromkeys([10, 20, 30, 40, 50, 60], "skipped") | dict.fromkeys(
        [80, 100, 120], "ran"
    )


@pytest.mark.parametrize("tick_s", [1, 60])
def test_a_pause_with_an_end_is_over_by_itself_and_the_first_fire_after_it_is_on_time(
    put: Callable[..., Answer], client: Client, world: World, tick_s: int
) -> None:
    """The fire at the end itself runs; all before it are skipped, each once."""
    put()
    world.pass_time(30)
    paused = client.send("POST", f"{PATH}/pause", {"reason": "upkeep", "until": at(world, 300)})
    assert (paused.status, paused.json["paused"]["until"]) == (200, at(world, 300))
    assert paused.json["nextAt"] == at(world, 300)
    world.pass_time(269)
    assert shown(client)["state"] == "paused"
    world.pass_time(1)
    assert (shown(client)["state"], shown(client)["paused"]) == ("active", None)
    assert shown(client)["nextAt"] == at(world, 310)
    world.pass_time(60)
    assert ran(world) == [10, 20, 30, *range(300, 361, 10)]
    outcomes = fires(client, world)
    assert sorted(outcomes) == list(range(10, 361, 10))
    assert {second for second, outcome in outcomes.items() if outcome == "skipped"} == set(range(40, 300, 10))
    resumed = client.send("POST", f"{PATH}/resume")
    assert resumed.headers["etag"] == paused.headers["etag"], "it is active already"


def test_a_resume_before_the_end_fires_from_then_on(put: Callable[..., Answer], client: Client, world: World) -> None:
    """Also those that the timer has skipped ahead."""
    put(paused={"until": at(world, 100)})
    world.pass_time(45)
    assert client.send("POST", f"{PATH}/resume").json["paused"] is None
    world.pass_time(75)
    assert ran(world) == [*range(50, 121, 10)]
    assert Counter(fires(client, world).values()) == {"skipped": 4, "ran": 8}


def test_another_end_replaces_the_first(put: Callable[..., Answer], client: Client, world: World) -> None:
    """Sooner, later, or none; the same one changes nothing."""
    put(paused={"until": at(world, 100)})
    world.pass_time(15)
    later = client.send("POST", f"{PATH}/pause", {"until": at(world, 150)})
    again = client.send("POST", f"{PATH}/pause", {"reason": "x", "until": at(world, 150)})
    assert again.headers["etag"] == later.headers["etag"]
    world.pass_time(120)
    assert world.ran == []
    world.pass_time(30)
    assert ran(world) == [150, 160]
    assert client.send("POST", f"{PATH}/pause", {"until": at(world, 10_000)}).json["state"] == "paused"
    assert client.send("POST", f"{PATH}/pause").json["paused"]["until"] is None
    world.pass_time(200)
    assert ran(world) == [150, 160]


def test_a_pause_that_ends_while_no_timer_runs_is_over_all_the_same(
    put: Callable[..., Answer], client: Client, world: World
) -> None:
    """What was to fire after it is missed, what was to fire in it is skipped."""
    put(paused={"until": at(world, 300)}, misfire={"policy": "skip", "graceSeconds": 30})
    world.clock.advance(400)
    world.pass_time(60)
    outcomes = fires(client, world)
    missed = [second for second in sorted(outcomes) if outcomes[second] == "missed"]
    assert missed == list(range(300, missed[-1] + 1, 10))
    assert 370 <= missed[-1] < 400
    assert {second for second in outcomes if outcomes[second] == "skipped"} == set(range(10, 300, 10))
    assert sorted(outcomes) == list(range(10, 461, 10))
    assert shown(client)["state"] == "active"


@pytest.mark.parametrize("until", ["1970-01-01T00:00:00Z", "2021-01-01T00:00:00Z", "2200-01-01T00:00:00Z"])
def test_an_end_that_has_passed_is_refused(put: Callable[..., Answer], client: Client, until: str) -> None:
    """With its place, at creation as later."""
    refused = put(paused={"until": until})
    assert (refused.status, refused.code) == (400, "invalid_schedule")
    assert refused.json["errors"][0]["where"] == "paused.until"
    put()
    refused = client.send("POST", f"{PATH}/pause", {"until": until})
    assert (refused.code, refused.json["errors"][0]["where"]) == ("invalid_schedule", "until")
    assert put(paused={"until": until}).status == 200, "of one that exists it is ignored"


# --- a maximum of runs -------------------------------------------------------------------------------------------


def test_a_schedule_with_a_maximum_of_runs_ends_with_the_last(
    put: Callable[..., Answer], client: Client, world: World
) -> None:
    """And leaves the due index; a larger maximum starts it again."""
    assert put(maxRuns=5).json["remainingRuns"] == 5
    assert len(client.send("GET", f"{PATH}/preview", limit=100).json["items"]) == 5
    world.pass_time(25)
    assert shown(client)["remainingRuns"] == 3
    assert len(client.send("GET", f"{PATH}/preview", limit=100).json["items"]) == 3
    world.pass_time(200)
    ended = shown(client)
    assert (ended["state"], ended["nextAt"], ended["remainingRuns"]) == ("ended", None, 0)
    assert ran(world) == [10, 20, 30, 40, 50]
    assert sorted(fires(client, world)) == [10, 20, 30, 40, 50]
    assert "due_pk" not in next(item for key, item in world.table.items().items() if key.sk == "schedule#s")
    refused = put(maxRuns=4)
    assert (refused.code, refused.json["errors"][0]["where"]) == ("invalid_schedule", "maxRuns")
    assert put(maxRuns=7).json["remainingRuns"] == 2
    world.pass_time(100)
    assert ran(world)[5:] == [230, 240]


def test_what_is_withdrawn_is_not_counted(put: Callable[..., Answer], client: Client, world: World) -> None:
    """Fires are planned two minutes ahead: a change gives them back, and a pause skips without counting."""
    put(maxRuns=9)
    world.pass_time(35)
    put(maxRuns=9, job={"type": "ok", "payload": {"n": 2}})
    assert shown(client)["remainingRuns"] == 6
    client.send("POST", f"{PATH}/pause", {"until": at(world, 200)})
    world.pass_time(300)
    assert ran(world) == [10, 20, 30, 200, 210, 220, 230, 240, 250]


def test_the_maximum_is_counted_from_the_change_that_sets_it(
    put: Callable[..., Answer], client: Client, world: World
) -> None:
    """Taken out and set again, it starts anew."""
    put()
    world.pass_time(35)
    assert put(maxRuns=3).json["remainingRuns"] == 3
    world.pass_time(10)
    assert put().json["remainingRuns"] is None
    assert put(maxRuns=3).json["remainingRuns"] == 3
    world.pass_time(100)
    assert ran(world) == [10, 20, 30, 40, 50, 60, 70]


@pytest.mark.parametrize("max_runs", [0, -1, 10_001, 10**17, 1.5, "1", True])
def test_a_maximum_that_is_none_is_refused(put: Callable[..., Answer], max_runs: Any) -> None:
    """With its place."""
    refused = put(maxRuns=max_runs)
    assert (refused.code, refused.json["errors"][0]["where"]) == ("invalid_request", "body.maxRuns")


# --- what is read, put again -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "wanted",
    [
        {},
        {"cron": None, "every": "PT1H30M", "pauseAfterFailures": 3, "maxRuns": 4},
        {"job": None, "workflow": {"chain": [{"type": "ok"}, {"type": "ok"}], "tags": {"a": "b"}}},
        {"paused": {"reason": "r", "until": "2199-01-01T00:00:00Z"}, "exclude": ["2031-01-01"]},
    ],
)
def test_what_is_read_can_be_put_again_and_changes_nothing(
    put: Callable[..., Answer], client: Client, wanted: dict[str, Any]
) -> None:
    """Not even the version; and put under another name, it is a copy."""
    made = put(**wanted)
    assert made.status == 201, made.text
    again = client.send("PUT", PATH, made.json)
    assert (again.status, again.headers["etag"]) == (200, made.headers["etag"])
    assert again.json == made.json
    copied = client.send("PUT", "/schedules/copy", made.json)
    assert copied.status == 201, copied.text
    assert (copied.json["name"], copied.json["state"]) == ("copy", made.json["state"])
    assert client.send("POST", "/schedules/preview", made.json).status == 200


def test_one_that_has_ended_can_be_put_again(put: Callable[..., Answer], client: Client, world: World) -> None:
    """As it was put once, although it would not be accepted now."""
    put(cron=None, at=at(world, 30))
    world.pass_time(60)
    before = client.send("GET", PATH)
    after = client.send("PUT", PATH, before.json)
    assert (after.status, after.json, after.json["state"]) == (200, before.json, "ended")


# --- several expressions, and previews of other times ------------------------------------------------------------


def test_a_schedule_of_several_expressions_fires_once_where_several_match(
    put: Callable[..., Answer], client: Client, world: World
) -> None:
    """And its history has each nominal time once."""
    made = put(cron=None, crons=["*/20 * * * * *", "*/30 * * * * *"])
    assert (made.status, made.json["cron"], made.json["crons"]) == (201, None, ["*/20 * * * * *", "*/30 * * * * *"])
    world.pass_time(120)
    assert ran(world) == [20, 30, 40, 60, 80, 90, 100, 120]
    assert fires(client, world) == dict.fromkeys(ran(world), "ran")
    assert client.send("PUT", PATH, made.json).headers["etag"] == made.headers["etag"]
    assert put(cron="0 0 * * *").json["crons"] is None


@pytest.mark.parametrize(
    ("wanted", "code", "where"),
    [
        ({"crons": []}, "invalid_request", "body.crons"),
        ({"crons": ["* * * * *"] * 11}, "invalid_request", "body.crons"),
        ({"crons": ["* * * * *", 5]}, "invalid_request", "body.crons.1"),
        ({"crons": ["* * * * *"], "cron": "* * * * *"}, "invalid_schedule", "cron"),
        ({"crons": ["* * * * *"], "every": "PT5M"}, "invalid_schedule", "cron"),
        ({"crons": ["* * * * *", "61 * * * *"]}, "invalid_schedule", "crons.1"),
        ({"crons": ["* * * * *", "0 0 30 2 *"]}, "invalid_schedule", "crons.1"),
        ({"crons": ["0 0 1 1 *"], "end": "2021-01-01T00:00:00Z"}, "invalid_schedule", "end"),
    ],
)
def test_expressions_that_do_not_work_are_refused_with_their_place(
    put: Callable[..., Answer], wanted: dict[str, Any], code: str, where: str
) -> None:
    """One that never fires beside one that does is a mistake, too."""
    refused = put(**{"cron": None} | wanted)
    assert (refused.code, refused.json["errors"][0]["where"]) == (code, where)


def preview(client: Client, since: dict[str, Any], **query: Any) -> Answer:
    """Ask for a preview; `from` is a word of Python's."""
    return client.send("GET", f"{PATH}/preview", **since | query)


def test_a_preview_can_begin_at_any_date(put: Callable[..., Answer], client: Client) -> None:
    """The change of clocks of years to come; a maximum of runs is counted from now on."""
    berlin = {"cron": "30 2 * * *", "timezone": "Europe/Berlin"}
    put(**berlin)
    since = "2031-03-29T00:00:00Z"
    items = preview(client, {"from": since}, limit=2).json["items"]
    assert [(item["local"], item["note"]) for item in items] == [
        ("2031-03-29T02:30:00+01:00", None),
        ("2031-03-30T03:00:00+02:00", "moved_out_of_gap"),
    ]
    assert client.send("POST", "/schedules/preview", berlin | {"limit": 2, "from": since}).json["items"] == items
    [first] = preview(client, {"from": items[0]["nominalAt"]}, limit=1).json["items"]
    assert first == items[0], "the first nominal time is included"
    assert preview(client, {"from": "2199-12-31T23:59:59Z"}).json["items"] == []
    assert preview(client, {"from": "soon"}).code == "invalid_request"
    assert client.send("POST", "/schedules/preview", berlin | {"from": "soon"}).code == "invalid_request"
    put(maxRuns=3)
    wanted = ["2031-03-29T00:00:00.000Z", "2031-03-29T00:00:10.000Z", "2031-03-29T00:00:20.000Z"]
    unsaved = client.send("POST", "/schedules/preview", BODY | {"maxRuns": 3, "from": since}).json["items"]
    for items in (preview(client, {"from": since}).json["items"], unsaved):
        assert [item["nominalAt"] for item in items] == wanted


def test_a_preview_shows_what_runs_after_a_pause_of_a_schedule_with_a_maximum(
    put: Callable[..., Answer], client: Client, world: World
) -> None:
    """What the pause skips was counted against the maximum, so that nothing seemed to be left."""
    wanted = {
        "cron": None,
        "crons": ["*/10 * * * * *", "5 * * * * *"],
        "maxRuns": 3,
        "paused": {"until": at(world, 75)},
    }
    made = put(**wanted).json
    runs = [at(world, second) for second in (80, 90, 100)]
    assert made["nextAt"] == runs[0]
    for begin in ({}, {"from": at(world, 0)}, {"from": at(world, 75)}):
        assert [item["nominalAt"] for item in preview(client, begin).json["items"]] == runs
    unsaved = client.send("POST", "/schedules/preview", made | {"paused": {"until": at(world, 75)}}).json["items"]
    assert [item["nominalAt"] for item in unsaved] == runs
    assert [item["nominalAt"] for item in preview(client, {"from": at(world, 200)}, limit=1).json["items"]] == [
        at(world, 200)
    ]
    world.pass_time(77)
    assert [item["nominalAt"] for item in preview(client, {}).json["items"]] == runs
    assert shown(client)["nextAt"] == runs[0]
    world.pass_time(60)
    assert ran(world) == [80, 90, 100]


def test_a_pause_without_an_end_has_no_next_fire_and_a_preview_of_what_a_resume_brings(
    put: Callable[..., Answer], client: Client, world: World
) -> None:
    """Neither is its state that of one that has ended."""
    made = put(maxRuns=2, paused={}).json
    assert (made["state"], made["nextAt"], made["remainingRuns"]) == ("paused", None, 2)
    world.pass_time(65)
    assert [item["nominalAt"] for item in preview(client, {}).json["items"]] == [at(world, 70), at(world, 80)]
    assert client.send("POST", f"{PATH}/resume").json["nextAt"] == at(world, 70)


def test_a_change_does_not_begin_the_pause_anew(put: Callable[..., Answer], client: Client, world: World) -> None:
    """It moved `since` to its own time; another pause does begin then, as its reason is another one."""
    made = put(paused={"reason": "a"}).json
    world.pass_time(60)
    changed = put(cron="*/20 * * * * *").json
    assert changed["updatedAt"] != made["updatedAt"]
    assert changed["paused"] == made["paused"] == shown(client)["paused"]
    assert made["paused"]["since"] == at(world, 0)
    other = client.send("POST", f"{PATH}/pause", {"reason": "b", "until": at(world, 600)}).json
    assert (other["paused"]["since"], other["paused"]["reason"]) == (other["updatedAt"], "b")
    world.pass_time(700)
    stored = next(item for key, item in world.table.items().items() if key.sk == "schedule#s")
    assert not {"paused_since", "paused_until"} & stored.keys()


# --- ended -------------------------------------------------------------------------------------------------------


def test_one_that_has_ended_is_removed_by_itself(put: Callable[..., Answer], client: Client, world: World) -> None:
    """So long after its last fire was decided, and its jobs stay."""
    shown_first = put(cron=None, at=at(world, 200), removeAfterSeconds=600).json
    assert shown_first["removeAfterSeconds"] == 600
    assert client.send("PUT", PATH, shown_first).status == 200
    world.pass_time(600)
    assert (shown(client)["state"], ran(world)) == ("ended", [200])
    world.pass_time(1000)
    assert client.send("GET", PATH).code == "schedule_not_found"
    [job] = client.send("GET", "/jobs").json["items"]
    assert job["state"] == "succeeded"


def test_one_that_has_not_ended_or_says_nothing_stays(put: Callable[..., Answer], client: Client, world: World) -> None:
    """A pause without an end is no end; with more runs it fires again and is removed later."""
    put(maxRuns=2, removeAfterSeconds=300)
    client.send("POST", f"{PATH}/pause")
    world.pass_time(1000)
    assert shown(client)["state"] == "paused"
    client.send("POST", f"{PATH}/resume")
    world.pass_time(200)
    assert shown(client)["state"] == "ended"
    assert put(maxRuns=3, removeAfterSeconds=None).status == 200
    world.pass_time(1000)
    assert (shown(client)["state"], len(ran(world))) == ("ended", 3)


def test_one_that_is_paused_and_resumed_after_its_end_stays_for_its_time(
    put: Callable[..., Answer], client: Client, world: World
) -> None:
    """A change looks at it at once, and is not its time."""
    put(cron=None, at=at(world, 60), removeAfterSeconds=3600)
    world.pass_time(300)
    assert client.send("POST", f"{PATH}/pause").json["state"] == "paused"
    assert client.send("POST", f"{PATH}/resume").json["state"] == "ended"
    assert shown(client)["state"] == "ended"
    world.clock.advance(3660)
    world.tick()
    assert client.send("GET", PATH).status == 404


def test_one_that_nobody_has_served_for_long_has_not_ended(
    put: Callable[..., Answer], client: Client, world: World
) -> None:
    """What is decided lies far back then, and fires are left."""
    put(cron="* * * * *", removeAfterSeconds=300, end=at(world, 7200))
    world.clock.advance(3600)
    world.tick()
    assert shown(client)["state"] == "active"
    world.pass_time(3600 + 60)
    assert shown(client)["state"] == "ended"


def test_a_schedule_that_keeps_failing_is_removed_at_its_end_and_not_paused(
    put: Callable[..., Answer], client: Client, world: World
) -> None:
    """There is nothing left to pause."""

    def fails(payload: Any, ctx: Any) -> None:
        raise ValueError

    world.task("fails", fails)
    put(maxRuns=2, removeAfterSeconds=300, pauseAfterFailures=1, job={"type": "fails", "maxAttempts": 1})
    world.pass_time(150)
    assert shown(client)["state"] == "ended"
    world.pass_time(1000)
    assert client.send("GET", PATH).status == 404


def test_what_waits_for_its_removal_costs_a_tick_nothing(
    put: Callable[..., Answer], client: Client, world: World
) -> None:
    """It stands in the due index at that time, and no tick before reads it."""
    put(cron=None, at=at(world, 100), removeAfterSeconds=3600)
    world.pass_time(600)
    reads: list[Key] = []

    def get(keys: Sequence[Key], **named: Any) -> Any:
        reads.extend(keys)
        return world.table.get(keys, **named)

    watching = world.build(store=Refusing(world.table, "get", get))
    for _ in range(20):
        world.clock.advance(60)
        world.tick(watching)
    assert [key for key in reads if key.sk == "schedule#s"] == []
    world.pass_time(3600)
    world.tick(watching)
    assert client.send("GET", PATH).status == 404


def test_ended_schedules_give_way_to_new_ones(client: Client, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The one that ended first; one that has just ended, or not at all, does not."""
    monkeypatch.setattr("whendue.schedules.service.SCHEDULES_PER_TENANT", 2)
    once = BODY | {"cron": None}
    assert client.send("PUT", "/schedules/b", once | {"at": at(world, 10)}).status == 201
    assert client.send("PUT", "/schedules/a", once | {"at": at(world, 300)}).status == 201
    full = client.send("PUT", "/schedules/c", BODY)
    assert (full.status, full.code) == (409, "too_many_schedules")
    world.pass_time(250)
    assert client.send("PUT", "/schedules/c", BODY).code == "too_many_schedules", "it has just ended"
    world.pass_time(1000)
    assert client.send("PUT", "/schedules/c", BODY | {"cron": "0 0 30 2 *"}).code == "invalid_schedule"
    assert client.send("GET", "/schedules/b").json["state"] == "ended", "nothing is removed in vain"
    assert client.send("PUT", "/schedules/c", BODY).status == 201
    assert client.send("GET", "/schedules/b").status == 404
    assert client.send("GET", "/schedules/a").json["state"] == "ended"
    assert client.send("PUT", "/schedules/d", BODY).status == 201
    names = [item["name"] for item in client.send("GET", "/schedules").json["items"]]
    assert names == ["c", "d"]
    client.send("POST", "/schedules/c/pause")
    world.clock.advance(7200)
    assert client.send("PUT", "/schedules/e", BODY).code == "too_many_schedules", "neither has ended, one is paused"
