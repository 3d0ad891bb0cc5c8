"""Queues of the operator's own: jobs that run there, move there and away, are paused there, and outlive their queue."""

from typing import Any, Final

from tests.simulation.scenarios.base import QUICK, Scenario, submit, submitting
from tests.simulation.world import Nature, World
from whendue.settings import OwnQueue

OWN: Final = {"own": OwnQueue(timeout_s=60, weight=8), "other": OwnQueue(timeout_s=20, weight=1)}
OWNED: Final = Nature(own_queues=OWN)
# Taken away by a deploy, and put back by the next one.
ABSENT: Final = Nature(own_queues=OWN, absent_s=(40, 400))


def _later(world: World) -> None:
    """By the timer, which serves own queues beside the others."""
    for number, queue in enumerate(("own", "other", "normal")):
        world.client(1 + number / 10, submitting(world, queue, queue=queue, delaySeconds=240))


def _retried(world: World) -> None:
    world.client(1, submitting(world, "a", do="flaky", times=2, queue="own", backoff=QUICK, maxAttempts=9))


def _moved(world: World) -> None:
    """Away from an own queue, to one, and between two."""

    def script() -> None:
        wanted: dict[str, Any] = {"delaySeconds": 100, "timeoutSeconds": 15}
        ways = {("own", "normal"), ("normal", "own"), ("own", "other")}
        jobs = {(since, to): submit(world, f"{since}-{to}", queue=since, **wanted) for since, to in sorted(ways)}
        for (_, to), job_id in jobs.items():
            world.insist("PATCH", f"/jobs/{job_id}", {"queue": to})

    world.client(1, script)


def _paused(world: World) -> None:
    def script() -> None:
        world.insist("POST", "/queues/own/pause", {"reason": "a test"})
        submit(world, "held", queue="own")
        submit(world, "free", queue="other")
        world.scheduler.sleep(200_000)
        world.insist("POST", "/queues/own/resume")

    world.client(1, script)


def _worker_dies(world: World) -> None:
    world.client(1, submitting(world, "a", "dead", do="poison", queue="own", leaseSeconds=5))
    world.client(1, submitting(world, "b", queue="own"))


def _outlives_its_queue(world: World) -> None:
    """Due while the queue is away, it runs when that is back; another one is moved meanwhile."""

    def script() -> None:
        submit(world, "stays", queue="own", delaySeconds=90)
        moved = submit(world, "moves", queue="other", delaySeconds=90)
        after = submit(world, "after", dependsOn=[moved])
        world.scheduler.sleep(150_000)
        refused = world.ask("POST", "/jobs", {"type": "sim", "payload": {"do": "ok"}, "queue": "own"})
        assert refused is None or refused.status in (422, 503), refused.text
        world.insist("PATCH", f"/jobs/{moved}", {"queue": "normal"})
        assert after

    world.client(1, script)


SCENARIOS: Final = (
    Scenario("in a queue of one's own", lambda world: world.client(1, submitting(world, "a", queue="own")), OWNED),
    Scenario("later in queues of one's own", _later, OWNED),
    Scenario("retried in a queue of one's own", _retried, OWNED),
    Scenario("moved between queues", _moved, OWNED),
    Scenario("a queue of one's own is paused", _paused, OWNED),
    Scenario("workers of a queue of one's own die", _worker_dies, OWNED),
    Scenario("a queue is removed and put back", _outlives_its_queue, ABSENT),
)
