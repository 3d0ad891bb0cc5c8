"""Jobs of a key that is limited: they wait for each other, whatever becomes of those before them."""

import json
from typing import Any, Final

from tests.builders.gateway import Answer
from tests.simulation.scenarios.base import OK, QUICK, Scenario, submit, submitting
from tests.simulation.world import Nature, World

ONE: Final[dict[str, Any]] = {"limits": {"concurrency": 1, "key": "k"}}
TWO: Final[dict[str, Any]] = {"limits": {"concurrency": 2, "key": "k"}}
FAST: Final[dict[str, Any]] = {"limits": {"ratePerSecond": 0.5, "key": "k"}}


def _several(world: World) -> None:
    for number in range(3):
        world.client(1 + number / 10, submitting(world, f"key-{number}", takes_s=2, **ONE))


def _two_at_once(world: World) -> None:
    for number in range(4):
        world.client(1 + number / 10, submitting(world, f"key-{number}", takes_s=3, maxAttempts=6, **TWO))


def _mixed(world: World) -> None:
    wanted: list[dict[str, Any]] = [
        {"do": "flaky", "takes_s": 1, "maxAttempts": 6, "backoff": QUICK},
        {"takes_s": 9, "leaseSeconds": 6, "maxAttempts": 6},
        {"do": "once", "maxAttempts": 6},
    ]
    for number, item in enumerate(wanted):
        world.client(1 + number / 10, submitting(world, f"key-{number}", **item, **ONE))


def _poison(world: World) -> None:
    world.client(1, submitting(world, "a", "dead", do="poison", leaseSeconds=5, **ONE))
    world.client(1.1, submitting(world, "b", takes_s=1, **ONE))


def _stuck(world: World) -> None:
    """It does not stop when it is interrupted, and its process goes on: its slot is kept until its lease is over."""
    stuck = {"timeoutSeconds": 5, "leaseSeconds": 12, "maxAttempts": 1, **ONE}
    jobs: list[dict[str, Any]] = [
        {"type": "sim", "payload": {"do": "stuck", "takes_s": 25}, "idempotencyKey": "a", **stuck},
        {
            "type": "sim",
            "payload": {"takes_s": 30},
            "idempotencyKey": "b",
            "leaseSeconds": 12,
            "timeoutSeconds": 50,
        },
    ]

    def script() -> None:
        while True:
            answer = world.insist("POST", "/jobs/batch", {"jobs": jobs})
            if all(item["status"] in (200, 202) for item in answer.json["items"]):
                break
        for item, expected in zip(answer.json["items"], ("dead", OK), strict=True):
            world.monitor.accept(Answer(item["status"], {}, json.dumps(item["job"])), expected)
        submit(world, "c", takes_s=1, **ONE)

    world.client(1, script)


def _cancelled(world: World) -> None:
    def script() -> None:
        submit(world, "a", takes_s=20, leaseSeconds=9, **ONE)
        world.scheduler.sleep(1000)
        job_id = submit(world, "b", "cancelled succeeded", takes_s=1, **ONE)
        submit(world, "c", takes_s=1, **ONE)
        world.scheduler.sleep(3000)
        answer = world.insist("POST", f"/jobs/{job_id}/cancel")
        if answer.status == 200 and answer.json["state"] == "cancelled":
            world.monitor.cancelled(job_id)

    world.client(1, script)


def _rescheduled(world: World) -> None:
    def script() -> None:
        submit(world, "a", takes_s=20, leaseSeconds=9, **ONE)
        world.scheduler.sleep(1000)
        ids = [submit(world, key, takes_s=1, **ONE) for key in ("b", "c")]
        world.scheduler.sleep(3000)
        world.insist("PATCH", f"/jobs/{ids[0]}", {"dueAt": "2027-01-15T08:00:40Z"})
        world.insist("PATCH", f"/jobs/{ids[1]}", {"priority": "high"})

    world.client(1, script)


def _rated(world: World) -> None:
    for number in range(4):
        world.client(1 + number / 10, submitting(world, f"key-{number}", **FAST))


def _rated_retries(world: World) -> None:
    """Each start takes a token, a retry's too; a job that was put off may be rescheduled and cancelled."""
    flaky: dict[str, Any] = {"do": "flaky", "maxAttempts": 6, "backoff": QUICK}
    for number in range(2):
        world.client(1 + number / 10, submitting(world, f"key-{number}", **flaky, **FAST))

    def script() -> None:
        job_id = submit(world, "later", "cancelled succeeded", **FAST)
        world.insist("PATCH", f"/jobs/{job_id}", {"dueAt": "2027-01-15T08:00:12Z"})
        world.scheduler.sleep(2000)
        world.insist("POST", f"/jobs/{job_id}/cancel")

    world.client(1.5, script)


def _both(world: World) -> None:
    wanted: dict[str, Any] = {"limits": {"concurrency": 1, "ratePerSecond": 0.25, "key": "k"}}
    for number in range(3):
        world.client(1 + number / 10, submitting(world, f"key-{number}", takes_s=1, **wanted))


def _lowered(world: World) -> None:
    """An edit of the profile governs the next claim: what runs goes on, what waits does by the new limit."""
    _edited(world, 2, 1, takes_s=6)


def _raised(world: World) -> None:
    _edited(world, 1, 3, takes_s=4)


def _edited(world: World, before: int, after: int, takes_s: int) -> None:
    def script() -> None:
        world.insist("PUT", "/profiles/limited", {"limits": {"concurrency": before}})
        for number in range(4):
            submit(world, f"key-{number}", takes_s=takes_s, profile="limited")
        world.scheduler.sleep(2500)
        world.insist("PUT", "/profiles/limited", {"limits": {"concurrency": after}})

    world.client(1, script)


SCENARIOS: Final = (
    Scenario("limited to one", _several),
    Scenario("limited to two", _two_at_once),
    Scenario("limited, mixed with retries and heartbeats", _mixed),
    Scenario("limited, killed holding a slot", _poison),
    Scenario("limited, stuck in a slot", _stuck),
    Scenario("limited, cancelled in the line", _cancelled),
    Scenario("limited, rescheduled in the line", _rescheduled),
    Scenario("limited, clocks that differ", _two_at_once, Nature(skew_ms=5000)),
    Scenario("limited by a profile that is lowered", _lowered),
    Scenario("limited by a profile that is raised", _raised),
    Scenario("rated", _rated),
    Scenario("rated, retried, rescheduled", _rated_retries),
    Scenario("limited and rated", _both),
)
