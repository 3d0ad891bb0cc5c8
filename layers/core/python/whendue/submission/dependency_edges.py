"""Links: what binds the jobs of one request to the dependencies that they wait for.

An existing dependency is marked first as one with dependents; then the edges are written, and last the
jobs themselves. Whoever dies on the way leaves notes about a job that never was, and nothing else.
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

# For the log, of errors that nobody expected.
STAGE = "link_dependencies"


def read_edges(runtime: Runtime, tenant: str, requests: Sequence[JobRequest]) -> "DependencyEdges":
    """Read the jobs that requests depend on; what cannot be read refuses those requests alone.

    Args:
        runtime: the outside.
        tenant: whose jobs they are.
        requests: all jobs of one request.
    """
    wanted = {link.job for request in requests for link in request.depends_on if link.job}
    # A ref may be to a job that an earlier request under the same Idempotency-Key has made.
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
        existing: the jobs of other requests that are depended on, by id.
        unread: why they could not be read; jobs that depend on some are refused, all others go on.
    """

    def __init__(self, runtime: Runtime, existing: dict[str, Job], unread: WhendueError | None) -> None:
        """Start with what was read; nothing is written yet."""
        self._runtime = runtime
        self._existing = existing
        self._unread = unread
        # By their refs; nobody asks for one that has none.
        self._made: dict[str | None, str] = {}
        self._dependents: dict[str, tuple[Job, list[Upstream]]] = {}
        self._depended_on: set[str] = set()
        self._planned: set[str] = set()

    def upstreams_of(self, request: JobRequest) -> list[Upstream]:
        """Give whom a request's job waits for.

        Raises:
            UnknownParentError: one is not there, or was refused itself.
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
            raise UnknownDependencyError(f"dependsOn names {link.job!r}, but no job has this id")
        return link.job

    def made(self, request: JobRequest, job: Job, dependencies: Sequence[Upstream]) -> None:
        """Note a job that was planned for a request; of several under one Idempotency-Key the first counts."""
        if job.id in self._planned:
            return
        self._planned.add(job.id)
        before = self._existing.get(job.id)
        if before is None or before.request_hash == request_hash(request):
            self._made[request.ref] = job.id
        # Also by a job that an earlier try has made, though not this dependency of it.
        self._depended_on |= {dependency.id for dependency in dependencies}
        if dependencies and before is None:
            self._dependents[job.id] = (job, list(dependencies))

    @property
    def new_upstreams(self) -> set[str]:
        """The jobs of this request that others of it wait for, and that are not there yet."""
        return self._depended_on - self._existing.keys()

    def reconcile(self, created: Collection[str]) -> None:
        """Check those of the created jobs whose dependencies may have ended before they were written."""
        late = [
            job
            for job, upstreams in self._dependents.values()
            if job.id in created and any(upstream.id in self._existing for upstream in upstreams)
        ]
        DependencyReconciler(self._runtime).check(late)

    def made_here_for(self, job_id: str) -> list[str]:
        """Give the new jobs of this request that one of it waits for."""
        _, dependencies = self._dependents.get(job_id, (None, []))
        return [dependency.id for dependency in dependencies if dependency.id not in self._existing]

    @property
    def _all_upstreams(self) -> list[Upstream]:
        return list(chain.from_iterable(dependencies for _, dependencies in self._dependents.values()))

    def write(self) -> dict[str, WhendueError]:
        """Tell dependencies that are there, and write the notes; gives the jobs that must not be written, and why."""
        unknown = self._adopt()
        writes = [
            (job.id, write) for job, dependencies in self._dependents.values() for write in edges_of(job, dependencies)
        ]
        ends = self._runtime.bulkhead.batch(writes, self._apply, stage=STAGE, name=lambda write: write[0])
        failed = {job_id: _ours(end) for (job_id, _), end in ends if end is not None}
        lost = {
            job.id: next(unknown[dependency.id] for dependency in dependencies if dependency.id in unknown)
            for job, dependencies in self._dependents.values()
            if any(dependency.id in unknown for dependency in dependencies)
        }
        return lost | failed

    def _apply(self, writes: Sequence[tuple[str, Write]]) -> list[WhendueError | None]:
        return [_error(end) for end in self._runtime.store.apply([write for _, write in writes])]

    def _adopt(self) -> dict[str, WhendueError]:
        """Tell dependencies that are there; who refuses has ended. Gives those of whom nobody knows, and why."""
        wanted = {dependency.id for dependency in self._all_upstreams}
        live = [job for job in self._existing.values() if job.id in wanted and not (job.terminal or job.has_dependents)]
        ends = self._runtime.bulkhead.batch(live, self._adopted, stage=STAGE, name=lambda job: job.id)
        return {job.id: _ours(end) for job, end in ends if end is not None}

    def _adopted(self, jobs: Sequence[Job]) -> list[WhendueError | None]:
        return [_error(end) for _, end in apply(self._runtime, [add_dependent(job) for job in jobs])]


def _ours(error: BaseException) -> WhendueError:
    """Show an error that nobody expected as one of ours; the log has its name."""
    return error if isinstance(error, WhendueError) else WhendueError()


def _error(end: WriteResult) -> WhendueError | None:
    """Give why a note is not written; one that is refused is there already."""
    if end.status is WriteStatus.INVALID:
        return UnstorableError()
    if end.status is WriteStatus.UNAVAILABLE:
        return UnavailableError("the job was not accepted; send the same request again")
    return None


def edges_of(job: Job, dependencies: Sequence[Upstream]) -> list[Write]:
    """Give the notes that bind a job to its dependencies: one with each of them, and its own list."""
    text = json.dumps(upstreams_value(dependencies), separators=(",", ":"))
    key = dependencies_key(job.id, job.request_hash, job.life)
    mine = insert("dependencies", key, list_of_dependencies(job, {"dependencies": text}))
    return [mine] + [
        insert(
            "dependent",
            dependent_key(dependency.id, job.id, job.request_hash),
            edge(job, {"number": number, "on": dependency.on}),
        )
        for number, dependency in enumerate(dependencies)
    ]
