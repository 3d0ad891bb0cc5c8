"""Ends and failed attempts that somebody wants to hear of."""

from collections.abc import Callable
from typing import Any, Final

from tests.simulation.receiver import CHANNEL
from tests.simulation.stories.base import OK, QUICK, Scenario, submit
from tests.simulation.stories.dependencies import ONCE
from tests.simulation.world import World
from whendue.limits import SUBSCRIPTIONS_AGE_MS

ENDS: Final = ("succeeded", "dead", "cancelled")
EVERYTHING: Final = (*ENDS, "attempt_failed")


def subscribe(world: World, events: tuple[str, ...] = EVERYTHING, refuses: int = 0) -> None:
    """Subscribe to events of all jobs, and wait until every process knows."""
    body = {"channel": CHANNEL, "config": {"refuses": refuses}, "events": list(events)}
    answer = world.insist("PUT", "/subscriptions/all", body)
    assert answer.status in (200, 201), answer.text
    if set(events) == set(EVERYTHING):
        world.monitor.subscribed_ms = world.hub.now_ms
    world.hub.sleep(SUBSCRIPTIONS_AGE_MS + 100)


def _subscribed(then: Callable[[World], Any], **how: Any) -> Callable[[World], None]:
    """Give a story of one client that subscribes first."""

    def play(world: World) -> None:
        def script() -> None:
            subscribe(world, **how)
            then(world)

        world.client(1, script)

    return play


def _succeeds(world: World) -> None:
    submit(world, "a")


def _fails_once(world: World) -> None:
    submit(world, "a", do="flaky", times=1, maxAttempts=6, backoff=QUICK)


def _dies(world: World) -> None:
    submit(world, "a", "dead", do="bad", **ONCE)


def _is_cancelled(world: World) -> None:
    job_id = submit(world, "a", f"cancelled {OK}", delaySeconds=20)
    answer = world.insist("POST", f"/jobs/{job_id}/cancel")
    if answer.status == 200 and answer.json["state"] == "cancelled":
        world.monitor.cancelled(job_id)


def _has_a_child(world: World) -> None:
    parent = submit(world, "parent", takes_s=1, maxAttempts=6)
    submit(world, "child", dependsOn=[parent])


def _unsubscribes(world: World) -> None:
    submit(world, "a", takes_s=2, maxAttempts=6)
    world.monitor.subscribed_ms = None
    world.insist("DELETE", "/subscriptions/all")


STORIES: Final = (
    Scenario("told of a success", _subscribed(_succeeds)),
    Scenario("told of a failed attempt", _subscribed(_fails_once)),
    Scenario("told of a death", _subscribed(_dies)),
    Scenario("told of a cancel", _subscribed(_is_cancelled)),
    Scenario("told a receiver that refuses twice", _subscribed(_succeeds, refuses=2)),
    Scenario("told, and a dependent released", _subscribed(_has_a_child)),
    Scenario("unsubscribed meanwhile", _subscribed(_unsubscribes)),
)
