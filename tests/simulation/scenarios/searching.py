"""Lists that clients read page by page while jobs come, change and go."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any, Final

from tests.simulation.scenarios.base import Scenario, submit, submitting
from tests.simulation.world import Nature, World

# Longer than the index lags.
LAG_MS: Final = 3000


def _pages(world: World, path: str, **query: str) -> list[dict[str, Any]]:
    """Read a list to its end."""
    items: list[dict[str, Any]] = []
    while True:
        answer = world.ask("GET", path, query=query)
        if answer is None or answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            world.scheduler.sleep(1000)
            continue
        page = answer.json
        items += page["items"]
        if page["cursor"] is None:
            return items
        query["cursor"] = page["cursor"]


def _list(world: World, kept: Sequence[str], **query: str) -> None:
    """Insist that each of the jobs that match all the time is listed once, and no other one twice."""
    found = [item["id"] for item in _pages(world, "/jobs", limit="1", **query)]
    if len(found) != len(set(found)):
        world.monitor.wrong("a job is listed twice")
    if not set(kept) <= set(found):
        world.monitor.wrong("a job that matches all the time is not listed")


def _jobs(world: World) -> None:
    def script() -> None:
        kept = [submit(world, f"kept-{number}", delaySeconds=600) for number in range(3)]
        world.scheduler.sleep(LAG_MS)
        _list(world, kept)
        _list(world, kept, order="oldest")
        _list(world, kept, state="scheduled")

    world.client(1, script)
    for number in range(3):
        world.client(4 + number / 2, submitting(world, f"other-{number}"))


def _dead(world: World) -> None:
    def script() -> None:
        dead = [submit(world, f"dead-{number}", "dead", do="bad", maxAttempts=1) for number in range(2)]
        for job_id in dead:
            while world.insist("GET", f"/jobs/{job_id}").json["state"] != "dead":
                world.scheduler.sleep(1000)
        world.scheduler.sleep(LAG_MS)
        _list(world, dead, state="dead")
        _list(world, dead, state="dead", order="oldest")
        tenants = _pages(world, "/dead-letters/by-tenant")
        if [tenant["tenant"] for tenant in tenants] != ["sim"] or tenants[0]["jobs"] < len(dead):
            world.monitor.wrong("operators do not see all dead letters")

    world.client(1, script)
    for number in range(2):
        world.client(6 + number, submitting(world, f"other-{number}", "dead", do="bad", maxAttempts=1))


SKEWED: Final = Nature(skew_ms=5000)
SCENARIOS: Final = (
    Scenario("listed as others come and go", _jobs),
    Scenario("listed by clocks that differ", _jobs, SKEWED),
    Scenario("dead, and listed", _dead),
)
