"""Clients of random worlds whose jobs wait for each other: small graphs, as batches and as workflows."""

import random
from collections.abc import Callable
from typing import Any, Final

from tests.simulation.scenarios.base import QUICK
from tests.simulation.scenarios.dependencies import batch, start
from tests.simulation.world import World

ANY: Final = "succeeded dead cancelled"
DOINGS: Final = ("ok", "ok", "ok", "ok", "bad", "flaky", "reborn", "poisonous", "list", "bulky")


def linked(world: World, chance: random.Random, key: str, deed: Callable[[str], None]) -> Callable[[], None]:
    """Return a client's script: jobs of which each waits for some before it, and something done to one of them.

    Args:
        world: where it happens.
        chance: of everything.
        key: of its requests.
        deed: does something to a job, by its id.
    """
    count = chance.choice([2, 3, 4])
    jobs = [_job(chance) for _ in range(count)]
    policy = chance.choice(["cancel", "cancel", "run"])
    links = [
        [_link(chance, dependency) for dependency in range(number) if chance.random() < 0.6] for number in range(count)
    ]
    as_workflow, pause_ms = chance.random() < 0.5, chance.choice([0, 10, 1500, 20_000])
    deeds = chance.choice([0, 0, 1, 2])
    chosen = chance.randrange(count)

    def script() -> None:
        if as_workflow:
            nodes = {f"n{number}": job | _after(links[number], "node", policy) for number, job in enumerate(jobs)}
            known = [start(world, nodes, ANY, key)]
        else:
            wanted = [
                job | _after(links[number], "ref", policy) | {"ref": f"n{number}", "idempotencyKey": f"{key}-{number}"}
                for number, job in enumerate(jobs)
            ]
            known = batch(world, wanted, [ANY] * count)
        for _ in range(deeds):
            world.scheduler.sleep(pause_ms)
            deed(known[chosen % len(known)])

    return script


def _job(chance: random.Random) -> dict[str, Any]:
    payload = {"do": chance.choice(DOINGS), "takes_s": chance.choice([0, 0, 0, 1, 8])}
    policy = {"maxAttempts": chance.choice([1, 2]), "backoff": QUICK, "leaseSeconds": chance.choice([5, 20])}
    return {"type": "sim", "payload": payload, **policy}


def _link(chance: random.Random, dependency: int) -> dict[str, Any]:
    return {"name": f"n{dependency}", "on": chance.choice(["success", "success", "success", "done", "failure"])}


def _after(links: list[dict[str, Any]], called: str, policy: str) -> dict[str, Any]:
    if not links:
        return {}
    return {"dependsOn": [{called: link["name"], "on": link["on"]} for link in links], "onDependencyFailure": policy}
