"""Backfills over HTTP: listed, paused, resumed and cancelled, also while a chunk of them is being made."""

from collections.abc import Callable
from typing import Any

import pytest

from functions.api.http.times import to_timestamp
from tests.builders.api import api_of
from tests.builders.faults import Refusing
from tests.builders.gateway import Answer, Client
from tests.builders.world import World
from whendue.engine.ports import WriteResult
from whendue.schedule_quotas import IN_FLIGHT_S
from whendue.table.writes import Write

PATH = "/schedules/nightly"
EVERY_MINUTE: dict[str, Any] = {"cron": "* * * * *", "job": {"type": "ok", "payload": {"n": 1}}}


@pytest.fixture
def begin(client: Client, world: World) -> Callable[..., Answer]:
    """Begin a backfill of a day of minutes, of a schedule that is there."""
    world.clock.advance(90_000)
    assert client.send("PUT", PATH, EVERY_MINUTE).status == 201
    now_ms = world.clock.now_ms()
    body = {"from": to_timestamp(now_ms - 86_400_000), "to": to_timestamp(now_ms - 1000)}

    def send(**wanted: Any) -> Answer:
        answer = client.send("POST", f"{PATH}/backfill", body | wanted)
        assert answer.status == 202, answer.text
        return answer

    return send


def backfills(world: World) -> int:
    """Count the jobs that backfills have created."""
    fires = [item for key, item in world.table.items().items() if key.sk.startswith("fire#") and item.get("backfill")]
    return len(fires)


def due(world: World) -> list[str]:
    return [key.sk for key, item in world.table.items().items() if key.sk.startswith("backfill#") and "due_pk" in item]


def test_backfills_are_listed_the_newest_first_page_by_page(
    begin: Callable[..., Answer], client: Client, world: World
) -> None:
    """Those of this schedule alone."""
    begun: list[str] = []
    for _ in range(5):
        begun.append(begin(limit=1).json["id"])
        world.clock.advance(1)
    assert client.send("PUT", "/schedules/nightly.2", EVERY_MINUTE).status == 201
    found, cursor = list[str](), dict[str, Any]()
    while True:
        page = client.send("GET", f"{PATH}/backfills", limit=2, **cursor).json
        assert len(page["items"]) <= 2
        found += [item["id"] for item in page["items"]]
        if page["cursor"] is None:
            break
        cursor = {"cursor": page["cursor"]}
    assert found == begun[::-1]
    assert client.send("GET", "/schedules/nightly.2/backfills").json == {"items": [], "cursor": None}
    assert client.send("GET", "/schedules/nightly.2/backfills", **cursor).code == "invalid_cursor"
    assert client.send("GET", "/schedules/none/backfills").code == "schedule_not_found"
    assert client.send("GET", f"{PATH}/backfills", limit=0).code == "invalid_request"


def test_a_paused_backfill_goes_on_where_it_was_once_it_is_resumed(
    begin: Callable[..., Answer], client: Client, world: World
) -> None:
    """The timer looks at it once, for what a dead process may have begun, and each fire has one job."""
    path = begin().headers["location"]
    paused = client.send("POST", f"{path}/pause")
    assert (paused.status, paused.json["state"], paused.json["createdJobs"]) == (200, "paused", 100)
    assert client.send("POST", f"{path}/pause").json == paused.json
    world.tick()
    world.clock.advance(IN_FLIGHT_S)
    world.tick()
    assert due(world) == []
    for _ in range(3):
        world.tick()
    assert client.send("GET", path).json == paused.json
    assert client.send("POST", f"{path}/resume").json["state"] == "running"
    assert client.send("POST", f"{path}/resume").json["state"] == "running"
    world.tick()
    world.tick()
    ended = client.send("GET", path).json
    assert (ended["state"], ended["createdJobs"], backfills(world)) == ("finished", 1440, 1440)
    assert due(world) == []


@pytest.mark.parametrize("first", [[], ["pause"]])
def test_a_cancelled_backfill_creates_nothing_more(
    begin: Callable[..., Answer], client: Client, world: World, first: list[str]
) -> None:
    """Running or paused; its jobs stay, and it cannot be taken up again."""
    path = begin().headers["location"]
    for verb in (*first, "cancel"):
        assert client.send("POST", f"{path}/{verb}").status == 200
    for _ in range(2):
        world.tick()
        world.clock.advance(IN_FLIGHT_S)
    world.tick()
    assert client.send("GET", path).json["state"] == "cancelled"
    assert backfills(world) == 100
    assert due(world) == []
    assert client.send("POST", f"{path}/cancel").status == 200
    for verb in ("pause", "resume"):
        assert client.send("POST", f"{path}/{verb}").code == "state_conflict"


@pytest.mark.parametrize("verb", ["pause", "cancel"])
def test_what_is_stopped_in_the_middle_of_a_chunk_counts_it(
    begin: Callable[..., Answer], client: Client, world: World, verb: str
) -> None:
    """The request comes after the chunk's jobs are created and before its progress is written."""
    path = begin().headers["location"]

    def apply(writes: list[Write]) -> list[WriteResult]:
        if table.on and any(write.name == "move_backfill" for write in writes):
            table.on = False
            assert client.send("POST", f"{path}/{verb}").status == 200
        return world.table.apply(writes)

    table = Refusing(world.table, "apply", apply)
    world.build(store=table).schedule_runner.run(world.clock.now_ms() + 60_000)
    stopped = client.send("GET", path).json
    assert stopped["state"] == {"pause": "paused", "cancel": "cancelled"}[verb]
    assert stopped["createdJobs"] == backfills(world) == 200
    if verb == "pause":
        client.send("POST", f"{path}/resume")
        world.tick()
        world.tick()
        assert client.send("GET", path).json["createdJobs"] == backfills(world) == 1440


def test_nobody_stops_what_has_ended_or_is_not_there(begin: Callable[..., Answer], client: Client) -> None:
    """With codes of their own."""
    ended = begin(limit=1)
    path = ended.headers["location"]
    assert ended.json["state"] in ("running", "finished")
    client.send("POST", f"{path}/cancel")
    assert client.send("POST", f"{path}/resume").code == "state_conflict"
    assert client.send("POST", f"{PATH}/backfills/none/cancel").code == "backfill_not_found"
    assert client.send("POST", "/schedules/none/backfills/x/pause").code == "schedule_not_found"


def test_a_backfill_says_who_asked_for_it_when_and_why(
    begin: Callable[..., Answer], client: Client, world: World
) -> None:
    """From its beginning to its end, wherever it is shown; the reason is bounded."""
    now = to_timestamp(world.clock.now_ms())
    for reason in (None, "é" * 128):
        given = {} if reason is None else {"reason": reason}
        begun = begin(limit=1, **given)
        world.pass_time(120)
        for shown in (begun.json, client.send("GET", begun.headers["location"]).json):
            assert (shown["by"], shown["reason"]) == ("developer", reason)
            assert shown["createdAt"] == begun.json["createdAt"] >= now
    [latest, _] = client.send("GET", f"{PATH}/backfills").json["items"]
    assert (latest["state"], latest["by"], latest["reason"]) == ("finished", "developer", "é" * 128)
    body = {"from": "2020-01-01T00:00:00Z", "to": "2021-01-01T00:00:00Z", "reason": "é" * 129}
    assert client.send("POST", f"{PATH}/backfill", body).code == "invalid_request"


def test_a_tenant_sees_and_stops_its_own_alone(
    begin: Callable[..., Answer], client_of: Callable[..., Client], world: World
) -> None:
    """As with everything else."""
    path = begin().headers["location"]
    assert api_of(world)
    other = client_of("other")
    assert other.send("GET", f"{PATH}/backfills").code == "schedule_not_found"
    assert other.send("POST", f"{path}/cancel").code == "schedule_not_found"


@pytest.mark.parametrize("wanted", [{"every": "PT1H"}, {"cron": "0 * * * *", "start": "2040-01-01T00:00:00Z"}])
def test_a_range_before_the_schedule_fires_is_refused_with_its_beginning(
    client: Client, world: World, wanted: dict[str, str]
) -> None:
    """It was accepted, and made no job: an interval without a start counts from the schedule's creation."""
    world.clock.advance(86_400)
    made = client.send("PUT", "/schedules/late", wanted | {"job": {"type": "ok"}}).json
    day = {"from": to_timestamp(world.clock.now_ms() - 80_000_000), "to": to_timestamp(world.clock.now_ms() - 1)}
    refused = client.send("POST", "/schedules/late/backfill", day)
    assert (refused.code, made["start"] in refused.json["detail"]) == ("invalid_request", True)
    assert client.send("GET", "/schedules/late/backfills").json["items"] == []


def test_a_range_without_a_fire_is_refused(client: Client, world: World) -> None:
    """Nothing would come of it."""
    client.send("PUT", "/schedules/yearly", {"cron": "0 0 1 1 *", "job": {"type": "ok"}})
    minute = {"from": to_timestamp(world.clock.now_ms() - 60_000), "to": to_timestamp(world.clock.now_ms())}
    refused = client.send("POST", "/schedules/yearly/backfill", minute)
    assert (refused.code, "no nominal time" in refused.json["detail"]) == ("invalid_request", True)
