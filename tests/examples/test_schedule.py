"""examples/schedule.py: what it puts fires at half past two in Berlin."""

from collections.abc import Callable
from datetime import datetime

from tests.builders.gateway import Client
from tests.builders.world import World

DAY_S = 86_400


def test_the_schedule_is_put_and_fires_when_it_says(
    run_against: Callable[[World, str], str], client: Client, world: World
) -> None:
    """And putting it twice is putting it once."""
    printed = run_against(world, "schedule")
    assert run_against(world, "schedule") == printed
    first, *previewed = printed.splitlines()
    assert first.startswith("nightly-greeting is active, next at ")
    assert [line.split("T")[-1][:5] for line in previewed] == ["02:30"] * 3
    next_ms = datetime.fromisoformat(first.split()[-1]).timestamp() * 1000
    world.clock.advance((next_ms - world.clock.now_ms()) / 1000 - 150)
    world.pass_time(180)
    [fire] = client.send("GET", "/schedules/nightly-greeting/fires").json["items"]
    assert (fire["outcome"], fire["job"]["state"]) == ("ran", "succeeded")
