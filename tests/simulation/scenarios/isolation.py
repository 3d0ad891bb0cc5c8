"""One of several raises: a task's definition, a reference, an item in whatever a worker, a notifier and so on calls."""

from typing import Any, Final

from tests.simulation.scenarios.base import OK, QUICK, Scenario, submit, submitting
from tests.simulation.scenarios.notifications import subscribe
from tests.simulation.world import Nature, World

# More attempts than single faults can cost.
PATIENT: Final[dict[str, Any]] = {"maxAttempts": 6, "backoff": QUICK}
# All in one batch.
SOON: Final[dict[str, Any]] = {"delaySeconds": 8}


def _accepted(world: World, key: str, expected: str, **wanted: Any) -> str:
    answer = world.insist("POST", "/jobs", wanted, key)
    assert answer.status in (200, 202), answer.text
    return world.monitor.accept(answer, expected)


def _three(world: World) -> None:
    """Payloads inline and in an item, results inline and in a blob."""

    def script() -> None:
        submit(world, "a", **PATIENT, **SOON)
        submit(world, "b", do="huge", bulk="p" * 2000, **PATIENT, **SOON)
        submit(world, "c", do="once", **PATIENT, **SOON)

    world.client(1, script)


def _limited(world: World) -> None:
    """They wait for slots and tokens."""

    def script() -> None:
        limits = {"concurrency": 1, "ratePerSecond": 5, "key": "k"}
        for key in ("a", "b", "c"):
            submit(world, key, limits=limits, **PATIENT, **SOON)

    world.client(1, script)


def _long(world: World) -> None:
    """Heartbeats raise."""
    for key in ("a", "b"):
        world.client(1, submitting(world, key, takes_s=20, leaseSeconds=6, **PATIENT))


def _spoilt(world: World) -> None:
    def script() -> None:
        submit(world, "a", **PATIENT, **SOON)
        _accepted(world, "b", "dead", type="spoilt", maxAttempts=2, backoff=QUICK, **SOON)
        submit(world, "c", **PATIENT, **SOON)

    world.client(1, script)


def _referring(world: World) -> None:
    def script() -> None:
        dependency = submit(world, "dependency", **PATIENT)
        submit(world, "a", **PATIENT, dependsOn=[dependency])
        for number, path in enumerate(("floor(to_number('inf'))", "sum(text)")):
            payload = {"do": "ok", "bulk": {"$from": dependency, "path": path}}
            _accepted(world, f"b{number}", "dead", type="sim", payload=payload, dependsOn=[dependency], **PATIENT)
        payload = {"do": "ok", "bulk": {"$from": dependency, "path": "text"}}
        _accepted(world, "c", OK, type="sim", payload=payload, dependsOn=[dependency], **PATIENT)

    world.client(1, script)


def _with_subscriptions(world: World) -> None:
    """Deliveries in one batch, the first of which the receiver refuses."""

    def script() -> None:
        subscribe(world, refuses=1)
        for key in ("a", "b"):
            submit(world, key, **PATIENT, **SOON)

    world.client(1, script)


def _given_up_on(world: World) -> None:
    for key in ("a", "b"):
        world.client(1, submitting(world, key, "dead succeeded", do="poisonous", times=2, leaseSeconds=5))


RAISING: Final = Nature(raises=True)
SCENARIOS: Final = (
    Scenario("one of three raises", _three, RAISING),
    Scenario("one of three that are limited raises", _limited, RAISING),
    Scenario("one of two that are long raises", _long, RAISING),
    Scenario("a definition raises", _spoilt, RAISING),
    Scenario("a reference raises", _referring, RAISING),
    Scenario("one of several deliveries raises", _with_subscriptions, RAISING),
    Scenario("given up on, and one raises", _given_up_on, Nature(max_receive_count=1, visibility_s=70, raises=True)),
)
