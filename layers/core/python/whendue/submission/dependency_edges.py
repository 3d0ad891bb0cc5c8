"""Dependency edges: items that bind the jobs of one request to the dependencies that they wait for.

Existing dependencies are marked first as having dependents; then the edges are written, and last the jobs themselves. A
process that dies in between leaves only edges of a job that does not exist.
"""

import json
from collections.abc import Collection, Sequence
from itertools import chain

from whendue.engine.apply import apply
from whendue.engine.ports import WriteResult, WriteStatus
from whendue.engine.reconcile import DependencyReconciler
from whendue.engine.runtime import Runtime
from whendue.errors import UnavailableError, UnknownDependencyError, UnstorableError, WhendueError
from whendue.jobs.dependencies import Upstream, upstreams_value
from whendue.jobs.dependency_transitions import add_dependent
from whendue.jobs.lifetime import edge, is_over, list_of_dependencies
from whendue.jobs.model import Job, from_item
from whendue.submission.request import Dependency, JobRequest, request_hash
from whendue.table.ids import ID_LENGTH
from whendue.table.keys import dependencies_key, dependent_key, job_key
from whendue.table.writes import Write, insert

# The stage in the log of unexpected errors.
STAGE = "link_dependencies"


def read_edges(runtime: Runtime, tenant: str, requests: Sequence[JobRequest]) -> "DependencyEdges":
    """Read the jobs that requests depend on; if they cannot be read, only those requests are refused.

    Args:
        runtime: the outside.
        tenant: the tenant of the jobs.
        requests: all jobs of one request.
    """
    wanted = {link.job for request in requests for link in request.depends_on if link.job}
    # A ref may name a job that an earlier request with the same Idempotency-Key created.
    wanted |= {runtime.ids.of_key(tenant, r.idempotency_key) for r in requests if r.ref and r.idempotency_key}
    keys = [job_key(job_id) for job_id in sorted(wanted) if len(job_id) == ID_LENGTH]
    unread: WhendueError | None = None
    try:
        items = runtime.store.get(keys) if keys else []
    except UnavailableError as error:
        unread, items = error, []
    except Exception as error:  # noqa: BLE001 - requests that depend on nothing go on
        runtime.bulkhead.note("read_dependencies", tenant, error)
        unread, items = WhendueError(), []
    now_ms = runtime.clock.now_ms()
    existing = [item for item in items if item]
    read = runtime.bulkhead.each(existing, from_item, stage="read_dependency", name=lambda item: str(item["pk"]))
    jobs = [job for _, job in read]
    return DependencyEdges(
        runtime, {job.id: job for job in jobs if job.tenant == tenant and not is_over(job, now_ms)}, unread
    )


class DependencyEdges:
    """The edges between the jobs of one request and the jobs that they depend on.

    Args:
        runtime: the outside.
        existing: the dependencies of earlier requests, by id.
        unread: the error if they could not be read; jobs with dependencies are refused then, others are not.
    """

    def __init__(self, runtime: Runtime, existing: dict[str, Job], unread: WhendueError | None) -> None:
        """Start with what was read; nothing is written yet."""
        self._runtime = runtime
        self._existing = existing
        self._unread = unread
        # By ref; those without one are never looked up.
        self._made: dict[str | None, str] = {}
        self._dependents: dict[str, tuple[Job, list[Upstream]]] = {}
        self._depended_on: set[str] = set()
        self._planned: set[str] = set()

    def upstreams_of(self, request: JobRequest) -> list[Upstream]:
        """Return the dependencies of a request's job.

        Raises:
            UnknownDependencyError: a dependency does not exist, or was refused itself.
            UnavailableError: they could not be read.
        """
        if request.depends_on and self._unread:
            raise self._unread
        return [Upstream(self._find(link), link.on, link.name) for link in request.depends_on]

    def _find(self, link: Dependency) -> str:
        if link.ref is not None:
            if link.ref not in self._made:
                raise UnknownDependencyError(
                    f"dependsOn names the ref {link.ref!r}, but no earlier job of the batch that was accepted has it"
                )
            return self._made[link.ref]
        if link.job not in self._existing:
            known = f'; the ref of an earlier job is {{"ref": "{link.job}"}}' if link.job in self._made else ""
            raise UnknownDependencyError(f"dependsOn names {link.job!r}, but no job has this id{known}")
        return link.job

    def made(self, request: JobRequest, job: Job, dependencies: Sequence[Upstream]) -> None:
        """Note a job that was planned for a request; of several with one Idempotency-Key the first counts."""
        if job.id in self._planned:
            return
        self._planned.add(job.id)
        before = self._existing.get(job.id)
        if before is None or before.request_hash == request_hash(request):
            self._made[request.ref] = job.id
        # Also by a job that an earlier try created, although not this dependency of it.
        self._depended_on |= {dependency.id for dependency in dependencies}
        if dependencies and before is None:
            self._dependents[job.id] = (job, list(dependencies))

    @property
    def new_upstreams(self) -> set[str]:
        """The jobs of this request that others of it wait for, and that do not exist yet."""
        return self._depended_on - self._existing.keys()

    def reconcile(self, created: Collection[str]) -> None:
        """Check those of the created jobs whose dependencies may have ended before they were written."""
        late = [
            job
            for job, upstreams in self._dependents.values()
            if job.id in created and any(upstream.id in self._existing for upstream in upstreams)
        ]
        DependencyReconciler(self._runtime).reconcile(late)

    def made_here_for(self, job_id: str) -> list[str]:
        """Return the new jobs of this request that one of its jobs waits for."""
        _, dependencies = self._dependents.get(job_id, (None, []))
        return [dependency.id for dependency in dependencies if dependency.id not in self._existing]

    @property
    def _all_upstreams(self) -> list[Upstream]:
        return list(chain.from_iterable(dependencies for _, dependencies in self._dependents.values()))

    def write(self) -> dict[str, WhendueError]:
        """Mark existing dependencies and write the edges; return the jobs that must not be written, with the errors."""
        unknown = self._mark_upstreams()
        writes = [
            (job.id, write) for job, dependencies in self._dependents.values() for write in edges_of(job, dependencies)
        ]
        results = self._runtime.bulkhead.batch(writes, self._apply, stage=STAGE, name=lambda write: write[0])
        failed = {job_id: _known_error(error) for (job_id, _), error in results if error is not None}
        lost = {
            job.id: next(unknown[dependency.id] for dependency in dependencies if dependency.id in unknown)
            for job, dependencies in self._dependents.values()
            if any(dependency.id in unknown for dependency in dependencies)
        }
        return lost | failed

    def _apply(self, writes: Sequence[tuple[str, Write]]) -> list[WhendueError | None]:
        return [_error(result) for result in self._runtime.store.apply([write for _, write in writes])]

    def _mark_upstreams(self) -> dict[str, WhendueError]:
        """Mark existing dependencies; one that refuses has ended. Return those whose result is unknown, with errors."""
        wanted = {dependency.id for dependency in self._all_upstreams}
        live = [job for job in self._existing.values() if job.id in wanted and not (job.terminal or job.has_dependents)]
        results = self._runtime.bulkhead.batch(live, self._add_dependents, stage=STAGE, name=lambda job: job.id)
        return {job.id: _known_error(error) for job, error in results if error is not None}

    def _add_dependents(self, jobs: Sequence[Job]) -> list[WhendueError | None]:
        return [_error(result) for _, result in apply(self._runtime, [add_dependent(job) for job in jobs])]


def _known_error(error: BaseException) -> WhendueError:
    """Return an unexpected error as a `WhendueError`; the log has its name."""
    return error if isinstance(error, WhendueError) else WhendueError()


def _error(result: WriteResult) -> WhendueError | None:
    """Return the error of an edge that is not written; one that is refused exists already."""
    if result.status is WriteStatus.INVALID:
        return UnstorableError()
    if result.status is WriteStatus.UNAVAILABLE:
        return UnavailableError("the job was not accepted; send the same request again")
    return None


def edges_of(job: Job, dependencies: Sequence[Upstream]) -> list[Write]:
    """Return the writes that bind a job to its dependencies: an edge for each of them, and its own list."""
    text = json.dumps(upstreams_value(dependencies), separators=(",", ":"))
    key = dependencies_key(job.id, job.request_hash, job.life)
    own_list = insert("dependencies", key, list_of_dependencies(job, {"dependencies": text}))
    return [own_list] + [
        insert(
            "dependent",
            dependent_key(dependency.id, job.id, job.request_hash),
            edge(job, {"number": number, "on": dependency.on}),
        )
        for number, dependency in enumerate(dependencies)
    ]
