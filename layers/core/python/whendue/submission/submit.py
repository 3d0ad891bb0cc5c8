"""Submit: accept jobs, one or many, durably, and send the messages of those due soon."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from whendue.engine.commit import commit
from whendue.engine.ports import WriteResult, WriteStatus
from whendue.engine.readable import read_one
from whendue.engine.runtime import Runtime
from whendue.errors import IdempotencyConflictError, UnavailableError, UnstorableError, WhendueError, invalid_at
from whendue.jobs.lifetime import STANDS_FOR, is_over, is_past
from whendue.jobs.model import Job, evolve, from_item
from whendue.jobs.transition import Transition
from whendue.jobs.transitions import submit
from whendue.notifications.publisher import NotificationPublisher
from whendue.profiles.lookup import ProfileLookup
from whendue.profiles.model import Profile
from whendue.quotas import UNIQUE_BATCH_S
from whendue.submission.dependency_edges import DependencyEdges, read_edges
from whendue.submission.plan import ALONE, ExpansionCheck, JobPlanner, Position
from whendue.submission.request import JobRequest, Outcome, UniqueRequest, request_hash
from whendue.table.keys import job_key
from whendue.table.writes import Is, delete

if TYPE_CHECKING:
    from whendue.submission.unique_jobs import Held


class Submitted(NamedTuple):
    """An accepted job.

    Args:
        job: what the request is answered with.
        created: whether this request has created it.
        is_other: it was not created by the same request either: it holds the unique key.
    """

    job: Job
    created: bool
    is_other: bool = False

    @property
    def outcome(self) -> Outcome:
        """What became of the request."""
        if not self.created:
            return "returned" if self.is_other else "replayed"
        if self.job.unique is None or self.job.unique.replaced is None:
            return "created"
        return "replaced" if self.job.unique.latest is None else "postponed"


SubmitResult = Submitted | WhendueError
# The transition that creates a request's job, or the error that refuses it.
Plan = Transition | WhendueError
# The attributes that distinguish one life of an id from the next.
_LIFE = ("created_at", "expires_at")


class Submit:
    """Accepts jobs."""

    def __init__(
        self,
        runtime: Runtime,
        profiles: ProfileLookup,
        notifications: NotificationPublisher,
        expansion_checks: Mapping[str, ExpansionCheck],
    ) -> None:
        """Use this runtime; the other arguments are those of `JobPlanner`."""
        self._runtime = runtime
        self._profiles = profiles
        self._planner = JobPlanner(runtime, profiles, notifications, expansion_checks)

    def one(self, tenant: str, request: JobRequest) -> Submitted:
        """Accept a job: one write and, if it is due soon, one send (plus one write for a payload over 400 bytes).

        The tenant's own profile is read first, unless it was read in the last 5 s; and the dependencies, if any.

        Raises:
            InvalidRequestError, PayloadTooLargeError: the request is refused.
            IdempotencyConflictError: the key was used with another request.
            UnavailableError: nothing was accepted; try again with the same Idempotency-Key.
        """
        [result] = self.many(tenant, [request])
        if isinstance(result, WhendueError):
            raise result
        return result

    def many(self, tenant: str, requests: Sequence[JobRequest]) -> list[SubmitResult]:
        """Accept many jobs, each on its own: one result per request, in order. One may depend on those before it."""
        now_ms = self._runtime.clock.now_ms()
        edges = read_edges(self._runtime, tenant, requests) if any(r.depends_on for r in requests) else None
        profiles = self._profiles.each(tenant, {request.profile for request in requests})
        plans = [self._planned(tenant, request, profiles[request.profile], edges, now_ms) for request in requests]
        uniques: dict[str, JobRequest] = {}
        for plan, request in zip(plans, requests, strict=True):
            if isinstance(plan, Transition) and plan.job.unique:
                # Of several with one Idempotency-Key the first counts.
                uniques.setdefault(plan.job.id, request)
        results = self._written(_first_of_each(plans), uniques, edges, now_ms)
        return self._accepted_before(tenant, requests, _answers(plans, results))

    def _planned(
        self,
        tenant: str,
        request: JobRequest,
        profile: Profile | WhendueError,
        edges: DependencyEdges | None,
        now_ms: int,
    ) -> Plan:
        """Plan a request's job; an error refuses this request alone."""
        try:
            upstreams = edges.upstreams_of(request) if edges else []
            step = self._planner.submission(tenant, request, profile, now_ms, Position(dependencies=upstreams))
            if edges:
                edges.made(request, step.job, upstreams)
        except WhendueError as error:
            return error
        except Exception as error:  # noqa: BLE001 - whatever it is, the other requests go on
            self._runtime.bulkhead.note("submit", request.type, error)
            return WhendueError()
        return step

    def _written(
        self,
        steps: Mapping[str, Transition],
        uniques: Mapping[str, JobRequest],
        edges: DependencyEdges | None,
        now_ms: int,
    ) -> dict[str, SubmitResult]:
        """Write jobs, by their ids, after the edges of those that depend on others."""
        if edges is None:
            return self._committed(list(steps.values()), uniques, now_ms)
        refused, depended_on = edges.write(), edges.new_upstreams
        ready = [
            self._with_dependents(step) if job_id in depended_on else step
            for job_id, step in steps.items()
            if job_id not in refused
        ]
        results: dict[str, SubmitResult] = {**self._committed(ready, uniques, now_ms), **refused}
        for job_id in steps:
            if any(isinstance(results[upstream], WhendueError) for upstream in edges.made_here_for(job_id)):
                results[job_id] = refused.get(job_id) or _unknown()
        created = {job_id for job_id, result in results.items() if isinstance(result, Submitted) and result.created}
        edges.reconcile(created)
        return results

    def _committed(
        self, steps: Sequence[Transition], uniques: Mapping[str, JobRequest], now_ms: int
    ) -> dict[str, SubmitResult]:
        plain = [step for step in steps if step.job.id not in uniques] if uniques else steps
        results = self._runtime.bulkhead.batch(
            plain, lambda batch: self._recorded(batch, now_ms), stage="submit", name=lambda step: step.job.id
        )
        known = {
            step.job.id: result if isinstance(result, Submitted | WhendueError) else WhendueError()
            for step, result in results
        }
        until_ms = self._runtime.clock.now_ms() + 1000 * UNIQUE_BATCH_S
        for step in steps:
            if step.job.id in uniques:
                is_late = self._runtime.clock.now_ms() >= until_ms
                known[step.job.id] = _unknown() if is_late else self._unique(step, uniques[step.job.id], now_ms)
        return known

    def _unique(self, step: Transition, request: JobRequest, now_ms: int) -> SubmitResult:
        """Submit a job with a unique key; an error refuses this one alone."""
        from whendue.submission import unique_jobs  # noqa: PLC0415 - most processes never have one

        try:
            job, unique, jobs = step.job, step.job.unique, unique_jobs.UniqueJobs(self._runtime)
            asked, renewed = self._planner.unique_of(request), partial(self._planner.renewed, step, request)
            if unique is None or asked is None:
                return WhendueError()
            result = jobs.submit(step, unique, asked, renewed)
            if isinstance(result, WriteResult) and self._freed([step], [result], now_ms):
                result = jobs.submit(step, unique, asked, renewed)
            if isinstance(result, unique_jobs.Accepted):
                return Submitted(result.job, result.created, is_other=not result.created)
            if result.current and STANDS_FOR in result.current:
                holder = unique_jobs.stood_for(self._runtime, job, result.current)
                return Submitted(holder, created=False, is_other=True)
            return _end(job, result)
        except WhendueError as error:
            return error
        except Exception as error:  # noqa: BLE001 - whatever it is, the other requests go on
            self._runtime.bulkhead.note("submit", step.job.id, error)
            return WhendueError()

    def _recorded(self, steps: Sequence[Transition], now_ms: int) -> list[SubmitResult]:
        outcomes = commit(self._runtime, steps, now_ms)
        freed = self._freed(steps, outcomes, now_ms)
        retried = iter(commit(self._runtime, [steps[number] for number in freed], now_ms) if freed else [])
        final_outcomes = [next(retried) if number in freed else outcome for number, outcome in enumerate(outcomes)]
        return [_end(step.job, outcome) for step, outcome in zip(steps, final_outcomes, strict=True)]

    def _freed(self, steps: Sequence[Transition], outcomes: Sequence[WriteResult], now_ms: int) -> list[int]:
        """Delete jobs whose retention is over and whose ids new jobs are to have; return the new jobs' numbers.

        DynamoDB's TTL deletes them days later; until then the key would be answered with an expired job.
        """
        expired = {
            number: result.current
            for number, result in enumerate(outcomes)
            if result.current and is_past(result.current.get("expires_at"), now_ms)
        }
        if not expired:
            return []
        writes = [
            delete("forget", steps[number].key, *[Is(name, old[name]) for name in _LIFE])
            for number, old in expired.items()
        ]
        results = self._runtime.store.apply(writes)
        # Items of the old job name its life: they are never taken for the new job's.
        return [number for number, result in zip(expired, results, strict=True) if result.done]

    def _with_dependents(self, step: Transition) -> Transition:
        job = evolve(step.job, has_dependents=True)
        return submit(job, self._runtime.settings.timing, first=step.first)

    def _accepted_before(
        self, tenant: str, requests: Sequence[JobRequest], results: Sequence[SubmitResult]
    ) -> list[SubmitResult]:
        """Answer a request that is refused now with the job that it created when it was still valid."""
        ids = {
            number: self._runtime.ids.of_key(tenant, request.idempotency_key)
            for number, (request, result) in enumerate(zip(requests, results, strict=True))
            if request.idempotency_key is not None and _is_refused(result)
        }
        answers = list(results)
        try:
            items = self._runtime.store.get([job_key(job_id) for job_id in ids.values()]) if ids else []
        except UnavailableError as error:
            return [error if number in ids else result for number, result in enumerate(answers)]
        pairs = [(number, item) for number, item in zip(ids, items, strict=True) if item and STANDS_FOR not in item]
        known = self._runtime.bulkhead.each(
            pairs, lambda pair: from_item(pair[1]), stage="submit", name=lambda pair: ids[pair[0]]
        )
        now_ms = self._runtime.clock.now_ms()
        for (number, _), existing in known:
            if is_over(existing, now_ms):
                continue
            if existing.request_hash == request_hash(requests[number]):
                answers[number] = Submitted(existing, created=False)
        return answers

    def holder(self, tenant: str, request: JobRequest) -> "Held":
        """Return the job that a submit of this request would meet now; changes nothing.

        Raises:
            InvalidRequestError: neither the request nor its task has a unique key, or as `find_holder`.
            UnknownTaskError: the request has no key, and there is no such task.
            UnreadableError, UnavailableError: as `find_holder`.
        """
        from whendue.submission import unique_jobs  # noqa: PLC0415 - few requests ask for one

        unique = self.unique_of(request)
        if unique is None:
            raise invalid_at("unique", f"must be given: the task {request.type!r} declares no unique key")
        return unique_jobs.find_holder(self._runtime, tenant, replace(request, unique=unique))

    def unique_of(self, request: JobRequest) -> UniqueRequest | None:
        """Return the unique key that a request asks for, or its task; None for none."""
        return self._planner.unique_of(request)

    def prepare(self, tenant: str, request: JobRequest, now_ms: int, position: Position = ALONE) -> Transition:
        """Turn a request into the write of its job.

        Raises:
            UnknownTaskError, UnknownProfileError, InvalidRequestError, PayloadTooLargeError: the request is refused.
            UnavailableError: its profile could not be read, or its payload could not be stored.
        """
        return self._planner.submission(tenant, request, self._profiles.find(tenant, request.profile), now_ms, position)


def _end(job: Job, outcome: WriteResult) -> SubmitResult:
    if outcome.done:
        return Submitted(job, created=True)
    if outcome.status is WriteStatus.INVALID:
        return UnstorableError()
    if outcome.status is WriteStatus.UNAVAILABLE or outcome.current is None:
        return _unknown()
    if STANDS_FOR in outcome.current:
        # A request that is answered so has a unique key: this one, which has none, is another.
        return IdempotencyConflictError()
    return _same_request(job, read_one(outcome.current, from_item, f"the job {job.id}"))


def _unknown() -> UnavailableError:
    return UnavailableError("the job was not accepted; send the same request again")


def _first_of_each(plans: Sequence[Plan]) -> dict[str, Transition]:
    """Return the first plan of each job, by id: requests of a batch may have the same Idempotency-Key."""
    first: dict[str, Transition] = {}
    for plan in plans:
        if isinstance(plan, Transition):
            first.setdefault(plan.job.id, plan)
    return first


def _answers(plans: Sequence[Plan], results: Mapping[str, SubmitResult]) -> list[SubmitResult]:
    """Answer each request: with its own result, or with that of the request that had its Idempotency-Key first."""
    answers: list[SubmitResult] = []
    seen: set[str] = set()
    for plan in plans:
        if isinstance(plan, WhendueError):
            answers.append(plan)
            continue
        result = results[plan.job.id]
        if plan.job.id in seen and isinstance(result, Submitted) and result.job.id == plan.job.id:
            result = _same_request(plan.job, result.job)
        answers.append(result)
        seen.add(plan.job.id)
    return answers


def _is_refused(result: SubmitResult) -> bool:
    return isinstance(result, WhendueError) and not isinstance(result, UnavailableError | IdempotencyConflictError)


def _same_request(job: Job, existing: Job) -> SubmitResult:
    if existing.request_hash != job.request_hash:
        return IdempotencyConflictError()
    return Submitted(existing, created=False)
