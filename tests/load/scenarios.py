"""What the scenarios post, and how fast. Pure: the n-th request of a scenario is always the same."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Body = dict[str, Any]
PRIORITIES = ("critical", "high", "normal", "low")
QUICK = {"baseSeconds": 1, "factor": 2, "capSeconds": 4, "jitter": "none"}
BULK = 100
BURST = 20
# What is cancelled is due late enough that the cancel comes first.
CANCELLED_DELAY_S = 60


@dataclass(frozen=True, slots=True)
class Post:
    """One request: a job, or a batch of them.

    Args:
        jobs: the bodies; more than one are a batch.
        cancel: cancel it at once.
    """

    jobs: list[Body]
    cancel: bool = False


@dataclass(frozen=True, slots=True)
class Scenario:
    """A kind of load.

    Args:
        post: gives the n-th request of the run.
        pause_s: how long a user waits after its n-th request.
    """

    post: Callable[[int], Post]
    pause_s: Callable[[int], float]


def greet(n: int, **wanted: Any) -> Body:
    """Return a job that succeeds at once."""
    return {"type": "demo.greet", "payload": {"name": f"number {n}"}, **wanted}


def _one(n: int) -> Post:
    return Post([greet(n)])


def _bulk(n: int) -> Post:
    return Post([greet(n * BULK + i) for i in range(BULK)])


def _mixed(n: int) -> Post:
    """Of twenty: one that dies, one that is cancelled, two that fail once, five later, eleven now in all priorities."""
    turn = n % 20
    if turn == 0:
        return Post([{"type": "demo.broken", "payload": {}, "retries": 1, "backoff": QUICK}])
    if turn == 1:
        return Post([greet(n, delaySeconds=CANCELLED_DELAY_S)], cancel=True)
    if turn < 4:
        return Post([{"type": "demo.flaky", "payload": {"failures": 1}, "retries": 2, "backoff": QUICK}])
    if turn < 9:
        return Post([greet(n, delaySeconds=2 * (turn - 3))])
    return Post([greet(n, priority=PRIORITIES[n % len(PRIORITIES)])])


SCENARIOS = {
    # One job a second and user.
    "steady": Scenario(_one, lambda _: 1),
    # Twenty jobs as fast as they are taken, then ten seconds of nothing.
    "burst": Scenario(_one, lambda n: 0 if n % BURST else 10),
    # A hundred jobs a request, a request a second.
    "bulk": Scenario(_bulk, lambda _: 1),
    "mixed": Scenario(_mixed, lambda _: 0.5),
    # As mixed, slow enough to be left alone for hours.
    "soak": Scenario(_mixed, lambda _: 5),
}
