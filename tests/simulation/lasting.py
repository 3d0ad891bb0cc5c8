"""Clients of random worlds in which jobs wait for hours, and go when their retention is over."""

import random
from collections.abc import Callable
from typing import Any, Final

from tests.simulation.scenarios.base import submit
from tests.simulation.scenarios.dependencies import start
from tests.simulation.world import World

ANY: Final = "succeeded dead cancelled"
HOUR_S: Final = 3600
DELAYS_S: Final = (0, 0, 60, 2 * HOUR_S, 30 * HOUR_S)
DOINGS: Final = ("ok", "bad", "flaky", "reborn", "once", "bulky", "huge", "poisonous")
# All of it is over by then: the longest wait, a dependent's after it, and what a look puts off for a day.
HORIZON_S: Final = 14 * 24 * HOUR_S
TIMEOUT_S: Final = 60.0


def lasting(world: World, chance: random.Random, deed: Callable[[str, str], None]) -> Callable[[], None]:
    """Return a client's script: a job, one that depends on it, or a workflow, and things done to them hours later.

    Args:
        world: where it happens.
        chance: of everything.
        deed: does something of a name to a job, by its id.
    """
    first, second = _job(chance), _job(chance)
    shape = chance.choice(["one", "dependent", "workflow"])
    done = (chance.choice(["cancel", "redrive", "delay", "erase"]), chance.choice([0, 2, 60, 2 * HOUR_S, 26 * HOUR_S]))
    deeds = [done] * chance.choice([0, 1, 1]) + [("erase", 60)] * chance.choice([0, 0, 1])
    paused_s = chance.choice([0, 0, 0, 5 * HOUR_S])

    def made() -> list[str]:
        if shape == "workflow":
            nodes = {"a": first, "b": second | {"dependsOn": ["a"]}, "c": _soon(second)}
            world.insist("PUT", "/profiles/brief", {"retentionSeconds": 60})
            return [start(world, nodes, ANY, "lasting", profile="brief")]
        wanted = dict(first)
        jobs = [submit(world, "first", ANY, **wanted.pop("payload"), **wanted)]
        if shape == "dependent":
            wanted = second | {"dependsOn": [{"job": jobs[0], "on": "done"}]}
            jobs.append(submit(world, "second", ANY, **wanted.pop("payload"), **wanted))
        return jobs

    def script() -> None:
        jobs = made()
        if paused_s:
            world.insist("POST", "/queues/normal/pause", {"reason": "a long one"})
            world.scheduler.sleep(1000 * paused_s)
            world.insist("POST", "/queues/normal/resume")
        for name, pause_s in deeds:
            world.scheduler.sleep(1000 * pause_s)
            deed(jobs[-1], name)

    return script


def _job(chance: random.Random) -> dict[str, Any]:
    payload = {"do": chance.choice(DOINGS), "bulk": "p" * chance.choice([0, 1000, 300_000])}
    policy = {"maxAttempts": chance.choice([1, 3]), "retentionSeconds": 60, "leaseSeconds": 20}
    backoff = {"baseSeconds": chance.choice([2, HOUR_S]), "capSeconds": HOUR_S, "jitter": "none"}
    return {
        "type": "sim",
        "payload": payload,
        "delaySeconds": chance.choice(DELAYS_S),
        "backoff": backoff,
        **policy,
    }


def _soon(job: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in job.items() if name != "delaySeconds"}
