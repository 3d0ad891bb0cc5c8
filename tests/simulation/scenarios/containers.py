"""Workers in containers: prefetched messages, claims and records in groups, and processes that last."""

from functools import partial
from typing import Any, Final

from tests.simulation.scenarios.base import QUICK, Scenario, submit, submitting
from tests.simulation.world import Nature, World

# More jobs at once than threads: some are claimed together, some wait as messages.
CONTAINERS: Final = Nature(threads=3, latency_ms=(3, 9))
# At eight seconds the workers are told to go; what still runs five seconds later is given back.
GOING: Final = Nature(threads=3, goes_s=8, latency_ms=(3, 9))
PRIORITIES: Final = ("normal", "normal", "high", "critical")


def _several(world: World, count: int = 8, **wanted: Any) -> None:
    def script(number: int) -> None:
        submit(world, f"key-{number}", priority=PRIORITIES[number % len(PRIORITIES)], **wanted)

    for number in range(count):
        world.client(1 + number % 2 / 100, partial(script, number))


def _mixed(world: World) -> None:
    """Ends of every kind are recorded together."""
    wanted: list[dict[str, Any]] = [
        {"do": "flaky", "maxAttempts": 6, "backoff": QUICK},
        {"do": "once", "maxAttempts": 6},
        {"do": "bulky", "maxAttempts": 6},
        {"do": "bad", "maxAttempts": 1, "expected": "dead"},
        {"takes_s": 15, "leaseSeconds": 6, "maxAttempts": 6},
        {"do": "stuck", "takes_s": 20, "timeoutSeconds": 5, "leaseSeconds": 9, "maxAttempts": 1, "expected": "dead"},
    ]
    for number, item in enumerate(wanted):
        world.client(1, submitting(world, f"key-{number}", **item))


def _long(world: World) -> None:
    """It is still running when rescue looks at it."""
    world.client(1, submitting(world, "long", takes_s=150, leaseSeconds=20, timeoutSeconds=600, maxAttempts=6))
    _several(world, 3, takes_s=1)


def _poison(world: World) -> None:
    """It takes those with it that run, that wait, and that have ended and are not recorded yet."""
    world.client(1, submitting(world, "poison", "dead", do="poison", leaseSeconds=5))
    _several(world, 4, takes_s=1, leaseSeconds=5)


def _held(world: World) -> None:
    """Every thread is busy for longer than a message waits: it goes back, and another worker may have it."""
    _several(world, 8, takes_s=14, leaseSeconds=20, timeoutSeconds=60)


def _changed_while_it_waits(world: World) -> None:
    """Jobs are cancelled and put off while their messages wait for a thread."""
    _several(world, 6, takes_s=4)

    def cancelled() -> None:
        job_id = submit(world, "cancelled", "cancelled succeeded", takes_s=1)
        answer = world.insist("POST", f"/jobs/{job_id}/cancel")
        if answer.status == 200 and answer.json["state"] == "cancelled":
            world.monitor.cancelled(job_id)

    def put_off() -> None:
        job_id = submit(world, "put-off", takes_s=1)
        world.ask("PATCH", f"/jobs/{job_id}", {"dueAt": "2027-01-15T08:00:40Z"})

    world.client(1.1, cancelled)
    world.client(1.1, put_off)


def _given_back(world: World) -> None:
    """One that ends in time, one that does not, one that does not even stop, and more than there are threads."""
    world.client(1, submitting(world, "short", takes_s=9))
    world.client(1, submitting(world, "long", takes_s=30, timeoutSeconds=60, maxAttempts=1))
    world.client(1, submitting(world, "stuck", do="stuck", takes_s=30, timeoutSeconds=60, leaseSeconds=20))
    _several(world, 6, takes_s=6)


SCENARIOS: Final = (
    Scenario("containers: more jobs than threads", partial(_several, takes_s=1), CONTAINERS),
    Scenario("containers: ends of every kind", _mixed, CONTAINERS),
    Scenario("containers: long, kept by heartbeats", _long, CONTAINERS),
    Scenario("containers: poison among others", _poison, CONTAINERS),
    Scenario("containers: messages that wait for too long", _held, CONTAINERS),
    Scenario("containers: changed while they wait", _changed_while_it_waits, CONTAINERS),
    Scenario(
        "containers: limited",
        partial(_several, count=6, takes_s=2, maxAttempts=6, limits={"concurrency": 2, "key": "k"}),
        CONTAINERS,
    ),
    Scenario("containers: workers that go down", _given_back, GOING),
)
