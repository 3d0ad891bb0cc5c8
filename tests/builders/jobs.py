"""Jobs as they stand when something else happens."""

from tests.builders.world import World
from whendue.jobs.model import Job
from whendue.jobs.transitions import claim


def claimed(world: World, job: Job, fence: str = "other-worker") -> None:
    """Let another worker hold the job."""
    [end] = world.table.apply([claim(job, fence, world.clock.now_ms())])
    assert end.done
