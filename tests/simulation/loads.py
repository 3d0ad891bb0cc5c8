"""A backlog: ten times more work than workers. Nothing fails here; healing must know late from lost."""

from typing import Final

from tests.simulation.explore import play
from tests.simulation.faults import Plan
from tests.simulation.scenarios.base import Scenario
from tests.simulation.world import Nature, World

JOBS: Final = 1500
# Guarantee G11.
MESSAGES_PER_JOB: Final = 1.1


def _overload(world: World) -> None:
    def script() -> None:
        for start in range(0, JOBS, 500):
            jobs = [
                {
                    "type": "sim",
                    "payload": {"do": "ok", "takes_s": 4},
                    "idempotencyKey": f"{start}-{number}",
                }
                for number in range(500)
            ]
            answer = world.insist("POST", "/jobs/batch", {"jobs": jobs})
            assert {item["status"] for item in answer.json["items"]} == {202}

    world.client(1, script)


OVERLOAD: Final = Scenario("overload", _overload, Nature(workers=1), 4 * 3600)


def overload() -> tuple[float, list[str]]:
    """Run it; return the messages per job, and what was wrong."""
    world = play(OVERLOAD, Plan())
    per_job = len(world.monitor.bodies) / JOBS
    if per_job > MESSAGES_PER_JOB:
        world.monitor.wrong(f"G11: {per_job:.2f} messages per job")
    return per_job, world.monitor.violations
