"""docs/guide/expiry.md: what its example sends expires as the page says."""

from functools import partial
from typing import Final

from tests.builders.api import a_token, api_of
from tests.builders.gateway import Client
from tests.builders.world import World
from tests.docs.pages import json_example_of, text_of
from whendue.quotas import EXPIRES_MIN_S, HORIZON_S

PAGE: Final = "docs/guide/expiry.md"
example = partial(json_example_of, PAGE)


def a_client(world: World) -> Client:
    world.task("demo.greet", lambda payload, ctx: None)
    return Client(api_of(world), a_token())


def test_the_example_expires_where_no_worker_takes_it() -> None:
    """And its answer is the one on the page."""
    world = World()
    client = a_client(world)
    job = client.send("POST", "/jobs", example("submit")).json
    world.clock.advance(90)
    world.work()
    answer = client.send("GET", f"/jobs/{job['id']}").json
    assert {name: answer[name] for name in example("answer")} == example("answer")


def test_the_example_runs_where_a_worker_takes_it_in_time() -> None:
    """From its due time on, for thirty seconds."""
    world = World()
    client = a_client(world)
    job = client.send("POST", "/jobs", example("submit")).json
    world.clock.advance(89)
    world.work()
    assert client.send("GET", f"/jobs/{job['id']}").json["state"] == "succeeded"


def test_of_the_schedules_fires_one_runs_after_an_outage() -> None:
    """The others have expired."""
    world = World()
    client = a_client(world)
    assert client.send("PUT", "/schedules/often", example("schedule")).status == 201
    for _ in range(30):
        world.clock.advance(60)
        world.tick()
    world.work()
    jobs = client.send("GET", "/jobs", schedule="often").json["items"]
    states = [job["state"] for job in sorted(jobs, key=lambda job: str(job["dueAt"])) if job["state"] != "scheduled"]
    assert len(states) > 4
    assert states == ["expired"] * (len(states) - 1) + ["succeeded"]


def test_the_page_has_the_bounds() -> None:
    """Of both fields."""
    assert f"{EXPIRES_MIN_S} to {HORIZON_S // 86_400} days" in text_of(PAGE)
    assert f"at most {HORIZON_S // 86_400} days after `dueAt`" in text_of(PAGE)
