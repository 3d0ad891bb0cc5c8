"""What somebody wants to hear of: ends, failed attempts, missed fires, pauses; told to receivers of all kinds."""

from collections.abc import Callable
from typing import Any, Final

from tests.simulation.receiver import CHANNEL
from tests.simulation.scenarios import schedules
from tests.simulation.scenarios.base import OK, QUICK, Scenario, submit
from tests.simulation.scenarios.dependencies import ONCE
from tests.simulation.watch_notifications import NotificationWatcher
from tests.simulation.world import Nature, World
from whendue.quotas import SUBSCRIPTIONS_AGE_MS

NAME: Final = "all"
PATH: Final = f"/subscriptions/{NAME}"
EVERYTHING: Final = ("succeeded", "dead", "cancelled", "expired", "attempt_failed")
# Long enough to be told, cancelled or rescheduled in.
SLOW: Final = {"baseSeconds": 30, "factor": 1, "jitter": "none"}


def subscribe(world: World, events: tuple[str, ...] = EVERYTHING, **config: Any) -> None:
    """Subscribe to events, and wait until every process knows."""
    body = {"channel": CHANNEL, "config": config, "events": list(events)}
    answer = world.insist("PUT", PATH, body)
    assert answer.status in (200, 201), answer.text
    watcher_of(world).acknowledged(NAME, events)
    world.scheduler.sleep(SUBSCRIPTIONS_AGE_MS + 100)


def watcher_of(world: World) -> NotificationWatcher:
    """Return who must know what clients were told."""
    [watcher] = [watcher for watcher in world.monitor.watchers if isinstance(watcher, NotificationWatcher)]
    return watcher


def _subscribed(then: Callable[[World], Any], **how: Any) -> Callable[[World], None]:
    """Return a scenario of one client that subscribes first."""

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
    _cancel(world, submit(world, "a", f"cancelled {OK}", delaySeconds=20))


def _is_cancelled_between_attempts(world: World) -> None:
    job_id = submit(world, "a", f"cancelled {OK}", do="flaky", times=1, maxAttempts=6, backoff=SLOW)
    world.scheduler.sleep(200)
    _cancel(world, job_id)


def _cancel(world: World, job_id: str) -> None:
    answer = world.insist("POST", f"/jobs/{job_id}/cancel")
    if answer.status == 200 and answer.json["state"] == "cancelled":
        world.monitor.cancelled(job_id)


def _is_rescheduled_between_attempts(world: World) -> None:
    """Whoever recorded the failure may have died before telling it."""
    job_id = submit(world, "a", do="flaky", times=1, maxAttempts=6, backoff=SLOW)
    world.scheduler.sleep(200)
    world.insist("PATCH", f"/jobs/{job_id}", {"dueAt": schedules.at(40)})


def _has_a_child(world: World) -> None:
    dependency = submit(world, "dependency", takes_s=1, maxAttempts=6)
    submit(world, "dependent", dependsOn=[dependency])


def _unsubscribes(world: World) -> None:
    submit(world, "a", takes_s=2, maxAttempts=6)
    watcher_of(world).withdrawn(NAME)
    world.insist("DELETE", PATH)


def _is_gone(world: World) -> None:
    submit(world, "a")
    world.scheduler.sleep(SUBSCRIPTIONS_AGE_MS + 1000)
    submit(world, "b")


def _pauses(world: World) -> None:
    assert world.insist("POST", "/queues/low/pause", {"reason": "why"}).status == 200


def _misses(world: World) -> None:
    """No timer ticks from before its first fire until after its last."""
    schedules.put(world, cron=schedules.HALF, end=schedules.at(100))


SCENARIOS: Final = (
    Scenario("told of a success", _subscribed(_succeeds)),
    Scenario("told of a failed attempt", _subscribed(_fails_once)),
    Scenario("told of a failed attempt, by frozen workers", _subscribed(_fails_once), Nature(worker_ms=300_000)),
    Scenario("told of a death", _subscribed(_dies)),
    Scenario("told of a cancel", _subscribed(_is_cancelled)),
    Scenario("told of a failed attempt and a cancel", _subscribed(_is_cancelled_between_attempts)),
    Scenario("told of a failed attempt, rescheduled", _subscribed(_is_rescheduled_between_attempts)),
    Scenario("told of missed fires", _subscribed(_misses, events=("schedule_missed",)), Nature(outage_s=(5, 130))),
    Scenario("told of a pause", _subscribed(_pauses, events=("queue_paused",))),
    Scenario("told a receiver that refuses twice", _subscribed(_succeeds, refuses=2)),
    Scenario("told a receiver that is gone", _subscribed(_is_gone, gone=True)),
    Scenario("told, and a dependent released", _subscribed(_has_a_child)),
    Scenario("unsubscribed meanwhile", _subscribed(_unsubscribes)),
)
