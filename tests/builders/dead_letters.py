"""Dead jobs, of two kinds."""

from tests.builders.world import World
from whendue.jobs.model import Job

ONCE = {"max_attempts": 1}


def dead_jobs(world: World, count: int) -> list[Job]:
    jobs = [world.submit("bad", policy=ONCE) for _ in range(count)]
    world.task("worse", lambda payload, ctx: dict[str, str]()["missing"])
    jobs += [world.submit("worse", policy=ONCE) for _ in range(2)]
    world.work()
    return jobs
