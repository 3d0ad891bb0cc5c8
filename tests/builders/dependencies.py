"""Jobs that wait for others, and what became of them."""

from collections.abc import Callable, Sequence
from typing import Any

from tests.builders.faults import Refusing
from tests.builders.limits import Metered
from tests.builders.world import TENANT, World
from whendue.bootstrap.application import App
from whendue.engine.commit import commit_unsent
from whendue.engine.ports import WriteResult, WriteStatus
from whendue.engine.release import DependencyReleaser, Released
from whendue.jobs.dependencies import Ending, UpstreamEnd
from whendue.jobs.model import Job
from whendue.jobs.transitions import claim
from whendue.submission.request import Dependency, JobRequest
from whendue.submission.submit import Submitted
from whendue.table.writes import Write


def after(*dependencies: Job | str, on: Any = "success") -> tuple[Dependency, ...]:
    """Wait for jobs, or for refs of the same request."""
    return tuple(
        Dependency(ref=dependency, on=on, name=dependency)
        if isinstance(dependency, str)
        else Dependency(job=dependency.id, on=on)
        for dependency in dependencies
    )


def many(world: World, *requests: JobRequest) -> list[Job]:
    """Submit jobs in one request."""
    results = world.app.submit.many(TENANT, requests)
    assert all(isinstance(end, Submitted) for end in results), results
    return [end.job for end in results if isinstance(end, Submitted)]


def states(world: World, *jobs: Job) -> list[str]:
    """Read states."""
    return [world.job(job).state.value for job in jobs]


def cause(world: World, job: Job) -> str | None:
    """Read why a job ended."""
    last = world.job(job).last
    return last.type if last else None


class Costed(World):
    """A world that counts calls of its table, and writes by name."""

    def __init__(self) -> None:
        super().__init__()
        self.table = self.meter = Metered()
        self.app = self.build()

    def writes(self, do: Callable[[], object]) -> dict[str, int]:
        """Do something; say what was written."""
        self.meter.calls.clear()
        self.meter.writes.clear()
        do()
        return dict(self.meter.writes)

    def calls(self, do: Callable[[], object]) -> dict[str, int]:
        """Do something; say how the table was called."""
        self.writes(do)
        return dict(self.meter.calls)


def claimed(world: World, fence: str = "f", **wanted: Any) -> Job:
    """Submit a job and let a worker claim it that says nothing more."""
    step = claim(world.submit(**wanted), fence, world.clock.now_ms())
    [end] = commit_unsent(world.app.runtime, [step])
    assert end.done
    return step.job


def unavailable(world: World, name: str) -> App:
    """Make a process for which writes of one kind never come through."""

    def deaf(writes: Sequence[Write]) -> list[WriteResult]:
        return [
            WriteResult(WriteStatus.UNAVAILABLE) if write.name == name else world.table.apply([write])[0]
            for write in writes
        ]

    return world.build(store=Refusing(world.table, "apply", deaf))


def heard(app: App, dependent: Job, *numbers: int, ending: Ending = "succeeded") -> Released:
    """Tell a job that dependencies of it have ended."""
    results = [UpstreamEnd(number, "success", "dependency", 1, ending, dependent.request_hash) for number in numbers]
    return DependencyReleaser(app.runtime).release({dependent.id: results})


def a_child(world: World, **wanted: Any) -> Job:
    """Submit a job that waits for two others that are not due yet."""
    return world.submit(depends_on=after(world.submit(delay_s=3600), world.submit(delay_s=3600)), **wanted)
