"""Release dependents: apply the ends of dependencies to the jobs that wait for them."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from whendue.engine.apply import apply, send
from whendue.engine.ports import Item, WriteStatus
from whendue.engine.runtime import Runtime
from whendue.jobs.dependencies import UpstreamEnd, decide
from whendue.jobs.model import Job, from_item
from whendue.jobs.transition import Transition
from whendue.quotas import RELEASE_TRIES
from whendue.support.conflicts import CONFLICT, Conflict, retry_on_conflict
from whendue.table.keys import job_id_of, job_key


class Released(NamedTuple):
    """The result of a release.

    Args:
        unknown: ids of dependents that may not have been released.
        pending: jobs that ended by it, with their own fan-out pending.
    """

    unknown: set[str]
    pending: list[Job]


class DependencyReleaser:
    """Applies the ends of dependencies to waiting jobs."""

    def __init__(self, runtime: Runtime) -> None:
        """Use this runtime."""
        self._runtime = runtime

    def release(self, upstream_ends: Mapping[str, Sequence[UpstreamEnd]]) -> Released:
        """Apply ends to waiting jobs; a job with no unmet dependency left is released, once (guarantee G7).

        Args:
            upstream_ends: by the dependent's id; without any, it is only checked whether the job still waits.
        """
        remaining, unknown, pending = list(upstream_ends), set[str](), list[Job]()

        def write(steps: list[Transition]) -> Released | Conflict:
            nonlocal remaining
            now_ms = self._runtime.clock.now_ms()
            done = apply(self._runtime, steps)
            held = [step for step, result in done if result.done]
            send(self._runtime.queue, [step.job for step in held if step.send], now_ms, self._runtime.bulkhead)
            pending.extend(step.job for step in held if step.job.pending_fan_out is not None)
            unknown.update(step.job.id for step, result in done if result.status is WriteStatus.UNAVAILABLE)
            # After a dependency is met, check whether it was the last; after a refusal, decide again.
            to_retry = {
                step.job.id
                for step, result in done
                if result.status is WriteStatus.REFUSED or (result.done and step.name == "satisfy")
            }
            remaining = [job_id for job_id in remaining if job_id in to_retry]
            return CONFLICT if remaining else Released(unknown, pending)

        return retry_on_conflict(
            lambda: self._read(remaining),
            lambda read: self._steps(upstream_ends, *read),
            write,
            exhausted=lambda: Released(unknown | set(remaining), pending),
            tries=RELEASE_TRIES,
        )

    def _read(self, job_ids: Sequence[str]) -> tuple[list[Item | None], int]:
        """Read jobs, and the time before (ms UTC)."""
        now_ms = self._runtime.clock.now_ms()
        return self._runtime.store.get([job_key(job_id) for job_id in job_ids]) if job_ids else [], now_ms

    def _steps(
        self, upstream_ends: Mapping[str, Sequence[UpstreamEnd]], items: Sequence[Item | None], now_ms: int
    ) -> list[Transition]:
        """Decide what ends change in dependents; one that cannot be read or decided delays no other."""
        timing = self._runtime.settings.timing
        decided = self._runtime.bulkhead.each(
            [item for item in items if item],
            lambda item: decide(job := from_item(item), upstream_ends[job.id], now_ms, timing),
            stage="dependents",
            name=lambda item: job_id_of(item["pk"]),
        )
        return [step for _, step in decided if step]
