"""docs/guide/unique.md: what its examples send does what the page says."""

import ast
import re
from functools import partial
from typing import Final

from tests.builders.api import a_token, api_of
from tests.builders.gateway import Client
from tests.builders.world import World
from tests.docs.pages import json_example_of, text_of
from whendue.jobs.limit_spec import UNIQUE_FIELDS
from whendue.quotas import HORIZON_S, UNIQUE_FIRES_APART_S, UNIQUE_HELD_S, UNIQUE_KEY_BYTES

PAGE: Final = "docs/guide/unique.md"
example = partial(json_example_of, PAGE)


def a_client(world: World) -> Client:
    world.task("demo.greet", lambda payload, ctx: None)
    return Client(api_of(world), a_token())


def test_the_second_request_is_answered_with_the_first_job_until_that_has_ended() -> None:
    """With 202 and 200."""
    world = World()
    client = a_client(world)
    first, second = (client.send("POST", "/jobs", example("submit")) for _ in range(2))
    assert (first.status, second.status, second.json["id"]) == (202, 200, first.json["id"])
    world.pass_time(61, step_s=1)
    assert client.send("POST", "/jobs", example("submit")).status == 202


def test_the_holder_is_found_as_the_page_says() -> None:
    """Of the same words that a submit has."""
    world = World()
    client = a_client(world)
    assert client.send("POST", "/unique/holder", example("holder")).json["job"] is None
    job_id = client.send("POST", "/jobs", example("submit")).json["id"]
    assert client.send("POST", "/unique/holder", example("holder")).json["job"]["id"] == job_id


def test_one_job_runs_in_ten_minutes() -> None:
    """However soon it has ended."""
    world = World()
    client, statuses = a_client(world), []
    for _ in range(5):
        statuses.append(client.send("POST", "/jobs", example("throttle")).status)
        world.pass_time(150, step_s=10)
    assert statuses == [202, 200, 200, 200, 202]


def test_a_burst_ends_in_one_run_within_the_longest_wait() -> None:
    """Requests every 20 seconds would put it off for ever."""
    world = World()
    client, made = a_client(world), []
    began = world.clock.now_ms()
    for _ in range(14):
        made.append(client.send("POST", "/jobs", example("debounce")).json["id"])
        world.pass_time(20, step_s=1)
    world.pass_time(60)
    states = [client.send("GET", f"/jobs/{each}").json["state"] for each in made]
    assert states == ["cancelled"] * 13 + ["succeeded"]
    assert max(at for _, _, at in world.ran) - began <= 301_000


def test_a_fire_whose_key_is_held_is_skipped_and_the_next_one_runs() -> None:
    """The holder is a job from elsewhere."""
    world = World()
    client = a_client(world)
    asked = example("schedule")
    held = client.send("POST", "/jobs", {**asked["job"], "delaySeconds": 1000}).json["id"]
    assert client.send("PUT", "/schedules/s", asked).status == 201
    world.pass_time(1900, step_s=10)
    fires = client.send("GET", "/schedules/s/fires").json["items"]
    assert {(fire["outcome"], fire["reason"]) for fire in fires} == {("skipped", "unique_conflict"), ("ran", None)}
    assert client.send("GET", f"/jobs/{held}").json["state"] == "succeeded"


def test_the_page_declares_a_key_that_a_task_can_have() -> None:
    """With the words that the page lists."""
    [declared] = re.findall(r"^@task\(.*, unique=(.*)\)$", text_of(PAGE), re.MULTILINE)
    world = World()
    world.task("search.index", lambda payload, ctx: None, unique=ast.literal_eval(declared))
    client = Client(api_of(world), a_token())
    body = {"type": "search.index", "payload": {"id": 7}, "delaySeconds": 60}
    assert [client.send("POST", "/jobs", body).json["outcome"] for _ in range(2)] == ["created", "returned"]
    assert all(f"`{name}`" in text_of(PAGE) for name in UNIQUE_FIELDS)
    assert f"{UNIQUE_FIRES_APART_S} seconds apart" in text_of(PAGE)


def test_the_page_has_the_bounds() -> None:
    """Of key and times."""
    text = text_of(PAGE)
    assert f"up to {UNIQUE_KEY_BYTES} characters" in text
    assert f"1 s to {HORIZON_S // 86_400} days" in text
    assert f"until {UNIQUE_HELD_S // 86_400} days after" in text
