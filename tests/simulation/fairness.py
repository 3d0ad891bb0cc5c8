"""A noisy tenant and a quiet one in the same queue: what the quiet one notices."""

from collections.abc import Callable
from typing import Any, Final

from localstack import token
from tests.simulation.explore import play
from tests.simulation.faults import Plan
from tests.simulation.scenarios.base import Scenario
from tests.simulation.secrets import SECRET
from tests.simulation.world import Nature, World

NOISE: Final = 5000
# The quiet tenant's jobs, one every so often, from when the noise is all there until it is nearly worked off.
QUIET: Final = 20
EVERY_S: Final = 4
# Of a job that is alone: what the noise may make of its latency.
SLOWER: Final = 2.0
# As on AWS by infra/topology.yaml, where batches are ten: half of it, and still 250 in flight.
WORKERS: Final = 25


# It takes 15 s of CPU on a slow machine.
TIMEOUT_S: Final = 120


# When the noise is due, and the quiet tenant's jobs from just after that on.
AT_ONCE: Final = None
LATER_S: Final = 600


def _job(number: int, due_s: int | None) -> dict[str, Any]:
    """A job that takes two to four seconds, due so many seconds after the world's beginning, or at once."""
    takes_s = 2 + (number * 7919) % 2000 / 1000
    due = {} if due_s is None else {"dueAt": f"2027-01-15T08:{due_s // 60:02}:{due_s % 60:02}Z"}
    return {"type": "sim", "payload": {"do": "ok", "takes_s": takes_s}, **due}


def _script(noise: int, due_s: int | None) -> Callable[[World], None]:
    noisy, quiet = (token.make(tenant, token.SCOPES, SECRET) for tenant in ("noisy", "quiet"))

    def submit(world: World, jobs: list[dict[str, Any]], whose: str) -> None:
        answer = world.ask("POST", "/jobs/batch", {"jobs": jobs}, token=whose)
        assert answer is not None
        assert {item["status"] for item in answer.json["items"]} == {202}

    def noisy_client(world: World) -> None:
        for start in range(0, noise, 500):
            submit(world, [_job(number, due_s) for number in range(start, start + 500)], noisy)

    def quiet_client(world: World) -> None:
        for number in range(QUIET):
            submit(world, [_job(number, None if due_s is None else due_s + (number + 1) * EVERY_S)], quiet)
            world.scheduler.sleep(EVERY_S * 1000)

    def play_clients(world: World) -> None:
        world.client(1, lambda: noisy_client(world))
        world.client(3, lambda: quiet_client(world))

    return play_clients


def latencies(noise: int, due_s: int | None) -> tuple[list[float], list[str]]:
    """Run it; return the seconds from due (or submit) to end of each of the quiet tenant's jobs, and what was wrong."""
    scenario = Scenario("fairness", _script(noise, due_s), Nature(workers=WORKERS), 4 * 3600, timeout_s=TIMEOUT_S)
    world = play(scenario, Plan())
    jobs = [item for key, item in world.store.live() if key.sk == "job" and item["tenant"] == "quiet"]
    jobs.sort(key=lambda job: job["created_at"])
    never = float("inf")
    return [(job.get("finished_at", never) - job["due_at"]) / 1000 for job in jobs], world.monitor.violations


def fairness(due_s: int | None, noise: int = NOISE) -> tuple[float, list[str]]:
    """Run it with and without the noise; return how many times slower the slowest quiet job was, and what was wrong."""
    alone, wrong_alone = latencies(0, due_s)
    beside, wrong_beside = latencies(noise, due_s)
    slower = max(loud / quiet for loud, quiet in zip(beside, alone, strict=True))
    wrong = [*wrong_alone, *wrong_beside]
    if slower >= SLOWER:
        wrong.append(f"a quiet tenant's job took {slower:.2f} times as long beside a noisy tenant")
    return slower, wrong
