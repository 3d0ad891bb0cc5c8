"""Reconciliation: check whether the dependencies of a waiting job have ended.

The process that makes a job wait reconciles it once afterwards: a dependency may have ended in between. The next check
does it again, in case that process died.
"""

import json
from collections.abc import Mapping, Sequence

from whendue.engine.cancel_members import cancel_members
from whendue.engine.fan_out import CompletionFanOut
from whendue.engine.release import DependencyReleaser
from whendue.engine.runtime import Runtime
from whendue.errors import UnavailableError
from whendue.jobs.dependencies import (
    Upstream,
    UpstreamEnd,
    missing_end,
    orphaned_end,
    upstream_end,
    upstream_numbers,
    upstreams_from,
)
from whendue.jobs.model import Job, State, from_item
from whendue.quotas import DEPENDENCY_MISSING_S
from whendue.table.keys import dependencies_key, job_key


class DependencyReconciler:
    """Reconciles waiting jobs with their dependencies."""

    def __init__(self, runtime: Runtime) -> None:
        """Use this runtime."""
        self._runtime = runtime
        self._dependents = DependencyReleaser(runtime)
        self._fan_out = CompletionFanOut(runtime)

    def reconcile(self, waiting: Sequence[Job]) -> None:
        """Reconcile waiting jobs with ended dependencies; what is unknown now is left to their next checks."""
        for job in waiting:
            try:
                self._reconcile(job)
            except UnavailableError:
                continue
            except Exception as error:  # noqa: BLE001 - it is this job's alone
                self._runtime.bulkhead.note("dependencies", job.id, error)

    def _reconcile(self, job: Job) -> None:
        dependencies = self.of(job) if job.unmet_dependencies else {}
        # After a year and more of waiting the list is gone, and nothing else will release the job.
        awaited = [number for number in upstream_numbers(job.unmet_dependencies) if number in dependencies]
        jobs = self._read(awaited, dependencies)
        if must_stop_members(job, self._runtime.clock.now_ms()):
            self._fan_out.run(cancel_members(self._runtime, [member for member in jobs.values() if member]).pending)
            jobs = self._read(awaited, dependencies)
            self.reconcile([member for member in jobs.values() if member and member.state is State.WAITING])
        known = [(number, dependencies[number], found) for number, found in jobs.items() if found and found.terminal]
        upstream_ends = [
            upstream_end(number, dependency.on, found, job.request_hash) for number, dependency, found in known
        ]
        upstream_ends += self._never(
            [(number, dependencies[number]) for number, found in jobs.items() if found is None], job
        )
        released = self._dependents.release({job.id: upstream_ends})
        self._fan_out.run(released.pending)

    def _read(self, awaited: Sequence[int], dependencies: Mapping[int, Upstream]) -> dict[int, Job | None]:
        """Read jobs by their numbers, None for one that does not exist; one that cannot be read is left out."""
        items = self._runtime.store.get([job_key(dependencies[number].id) for number in awaited])
        read = self._runtime.bulkhead.each(
            zip(awaited, items, strict=True),
            lambda pair: from_item(pair[1]) if pair[1] else None,
            stage="dependencies",
            name=lambda pair: dependencies[pair[0]].id,
        )
        return {number: job for (number, _), job in read}

    def of(self, job: Job) -> dict[int, Upstream]:
        """Return the dependencies of a job, by their numbers.

        Raises:
            UnavailableError: they cannot be read.
        """
        if job.member_count is not None:
            return {
                number: Upstream(self._runtime.ids.of_member(job.member_id_base, number), "done")
                for number in range(job.member_count)
            }
        [item] = self._runtime.store.get([dependencies_key(job.id, job.request_hash, job.life)])
        return dict(enumerate(upstreams_from(json.loads(item["dependencies"])))) if item else {}

    def _never(self, absent: Sequence[tuple[int, Upstream]], job: Job) -> list[UpstreamEnd]:
        """Describe the ends of dependencies that are not there, once it is clear that they never will be."""
        if not absent:
            return []
        if job.parent_id is not None:
            # The process that creates both jobs may still be running, or be repeated.
            [item] = self._runtime.store.get([job_key(job.parent_id)])
            over = item is None or from_item(item).terminal
            upstream_ends = [
                orphaned_end(number, dependency.on, job.parent_id, job.request_hash) for number, dependency in absent
            ]
        else:
            over = self._runtime.clock.now_ms() > job.scheduled_at + DEPENDENCY_MISSING_S * 1000
            upstream_ends = [
                missing_end(number, dependency.on, dependency.id, job.request_hash) for number, dependency in absent
            ]
        return upstream_ends if over else []


def must_stop_members(job: Job, now_ms: int) -> bool:
    """Return whether the members that a job waits for are to be cancelled: it was, or its deadline is past."""
    return job.member_count is not None and (
        job.cancel_requested or (job.deadline_at is not None and job.deadline_at <= now_ms)
    )
