"""Submit: accept jobs, one or many, durably, and send what is due soon."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from whendue.engine.commit import commit
from whendue.engine.ports import WriteResult, WriteStatus
from whendue.engine.reconcile import DependencyReconciler
from whendue.engine.runtime import Runtime
from whendue.errors import IdempotencyConflictError, UnavailableError, UnstorableError, WhendueError
from whendue.jobs.lifetime import is_over, is_past
from whendue.jobs.model import Job, evolve, from_item
from whendue.jobs.transition import Transition
from whendue.jobs.transitions import submit
from whendue.notifications.publisher import NotificationPublisher
from whendue.profiles.lookup import ProfileLookup
from whendue.submission.dependency_edges import DependencyEdges
from whendue.submission.plan import ALONE, ExpansionCheck, JobPlanner, Position
from whendue.submission.request import JobRequest, request_hash
from whendue.table.keys import job_key
from whendue.table.writes import Is, delete


class Submitted(NamedTuple):
    """An accepted job; `created` is False when an Idempotency-Key gave an earlier one."""

    job: Job
    created: bool


SubmitResult = Submitted | WhendueError
# What tells one life of an id from the next.
_LIFE = ("created_at", "expires_at")


@dataclass(slots=True)
class _Bulk:
    """Requests on their way: the end of each that has one, and the writes of the others by their jobs' ids."""

    ends: list[SubmitResult | None]
    wanted: dict[str, tuple[int, Transition]] = field(default_factory=dict)
    repeats: list[tuple[int, Transition]] = field(default_factory=list)


class Submit:
    """Accepts jobs."""

    def __init__(
        self,
        runtime: Runtime,
        profiles: ProfileLookup,
        notifications: NotificationPublisher,
        expansion_checks: Mapping[str, ExpansionCheck],
    ) -> None:
        """Use these ports; the other arguments are those of `Prepare`."""
        self._runtime = runtime
        self._profiles = profiles
        self._prepare = JobPlanner(runtime, profiles, notifications, expansion_checks)

    def one(self, tenant: str, request: JobRequest) -> Submitted:
        """Accept a job: one write and, if it is due soon, one send (plus one write for a payload over 400 bytes).

        A profile of the tenant's own is read first, unless it was in the last 5 s; and the parents of one that waits.

        Raises:
            InvalidRequestError, PayloadTooLargeError: the request is refused.
            IdempotencyConflictError: the key was used with another request.
            UnavailableError: nothing was accepted; try again with the same Idempotency-Key.
        """
        [end] = self.many(tenant, [request])
        if isinstance(end, WhendueError):
            raise end
        return end

    def many(self, tenant: str, requests: Sequence[JobRequest]) -> list[SubmitResult]:
        """Accept many jobs, each on its own: one end per request, in order. One may wait for those before it."""
        now_ms = self._runtime.clock.now_ms()
        links = DependencyEdges(self._runtime, tenant, requests)
        bulk = self._prepared(tenant, requests, links, now_ms)
        self._write(bulk, links, now_ms)
        for number, transition in bulk.repeats:
            bulk.ends[number] = _repeat(transition.job, bulk.ends[bulk.wanted[transition.job.id][0]])
        return self._accepted_before(tenant, requests, [end for end in bulk.ends if end is not None])

    def _isolated(self, item: str, error: Exception) -> WhendueError:
        """Note an error that nobody expected; it ends this one request, as an error of ours."""
        self._runtime.bulkhead.note("submit", item, error)
        return WhendueError()

    def _prepared(self, tenant: str, requests: Sequence[JobRequest], links: DependencyEdges, now_ms: int) -> _Bulk:
        bulk = _Bulk([None] * len(requests))
        profiles = self._profiles.each(tenant, {request.profile for request in requests})
        for number, request in enumerate(requests):
            try:
                parents = links.parents_of(request)
                place = Position(parents=parents)
                transition = self._prepare.submission(tenant, request, profiles[request.profile], now_ms, place)
                if transition.job.id not in bulk.wanted:
                    links.made(request, transition.job, parents)
            except WhendueError as error:
                bulk.ends[number] = error
                continue
            except Exception as error:  # noqa: BLE001 - whatever it is, the other requests go on
                bulk.ends[number] = self._isolated(request.type, error)
                continue
            if transition.job.id in bulk.wanted:
                bulk.repeats.append((number, transition))
            else:
                bulk.wanted[transition.job.id] = (number, transition)
        return bulk

    def _write(self, bulk: _Bulk, links: DependencyEdges, now_ms: int) -> None:
        """Write the notes about who waits for whom, then the jobs; who waits for one that was there looks at it."""
        unlinked, parents = links.write(), links.new_parents
        ready = [
            (number, self._with_children(transition) if job_id in parents else transition)
            for job_id, (number, transition) in bulk.wanted.items()
            if job_id not in unlinked
        ]
        steps = [step for _, step in ready]
        ends = self._runtime.bulkhead.batch(
            steps, lambda some: self._recorded(some, now_ms), stage="submit", name=lambda step: step.job.id
        )
        for (number, _), (_, end) in zip(ready, ends, strict=True):
            bulk.ends[number] = end if isinstance(end, Submitted | WhendueError) else WhendueError()
        for job_id, (number, _) in bulk.wanted.items():
            failed = any(_is_unknown(bulk, parent) for parent in links.parents_made_here(job_id))
            if job_id in unlinked or failed:
                bulk.ends[number] = unlinked.get(job_id) or _unknown()
        written = {end.job.id for end in bulk.ends if isinstance(end, Submitted) and end.created}
        DependencyReconciler(self._runtime).check([job for job in links.late if job.id in written])

    def _recorded(self, steps: Sequence[Transition], now_ms: int) -> list[SubmitResult]:
        outcomes = commit(self._runtime, steps, now_ms)
        freed = self._freed(steps, outcomes, now_ms)
        again = iter(commit(self._runtime, [steps[number] for number in freed], now_ms) if freed else [])
        ends = [next(again) if number in freed else outcome for number, outcome in enumerate(outcomes)]
        return [_end(step.job, outcome) for step, outcome in zip(steps, ends, strict=True)]

    def _freed(self, steps: Sequence[Transition], outcomes: Sequence[WriteResult], now_ms: int) -> list[int]:
        """Delete jobs whose retention is over and that stand where new ones are to be; gives the new ones' numbers.

        DynamoDB's TTL deletes them days later; until then the key would be answered with a job that is gone.
        """
        over = {
            n: end.current
            for n, end in enumerate(outcomes)
            if end.current and is_past(end.current.get("expires_at"), now_ms)
        }
        if not over:
            return []
        writes = [
            delete("forget", steps[number].key, *[Is(name, old[name]) for name in _LIFE])
            for number, old in over.items()
        ]
        ends = self._runtime.store.apply(writes)
        # What belonged to the old job names its life: it never stands in for the new one's.
        return [number for number, end in zip(over, ends, strict=True) if end.done]

    def _with_children(self, step: Transition) -> Transition:
        job = evolve(step.job, has_dependents=True)
        return submit(job, self._runtime.settings.timing, first=step.first)

    def _accepted_before(
        self, tenant: str, requests: Sequence[JobRequest], ends: Sequence[SubmitResult]
    ) -> list[SubmitResult]:
        """Give a request that is refused now the job that it made when its profile, task or model still took it."""
        ids = {
            number: self._runtime.ids.of_key(tenant, request.idempotency_key)
            for number, (request, end) in enumerate(zip(requests, ends, strict=True))
            if request.idempotency_key is not None and _is_refused(end)
        }
        answers = list(ends)
        try:
            items = self._runtime.store.get([job_key(job_id) for job_id in ids.values()]) if ids else []
        except UnavailableError as error:
            return [error if number in ids else end for number, end in enumerate(answers)]
        pairs = [(number, item) for number, item in zip(ids, items, strict=True) if item]
        known = self._runtime.bulkhead.each(
            pairs, lambda pair: from_item(pair[1]), stage="submit", name=lambda pair: ids[pair[0]]
        )
        now_ms = self._runtime.clock.now_ms()
        for (number, _), made in known:
            if is_over(made, now_ms):
                continue
            if made.request_hash == request_hash(requests[number]):
                answers[number] = Submitted(made, created=False)
        return answers

    def prepare(self, tenant: str, request: JobRequest, now_ms: int, place: Position = ALONE) -> Transition:
        """Turn a request into the write of its job.

        Raises:
            UnknownTaskError, UnknownProfileError, InvalidRequestError, PayloadTooLargeError: the request is refused.
            UnavailableError: its profile could not be read, or its payload not be stored.
        """
        return self._prepare.submission(tenant, request, self._profiles.find(tenant, request.profile), now_ms, place)


def _end(job: Job, outcome: WriteResult) -> SubmitResult:
    if outcome.done:
        return Submitted(job, created=True)
    if outcome.status is WriteStatus.INVALID:
        return UnstorableError()
    if outcome.status is WriteStatus.UNAVAILABLE or outcome.current is None:
        return _unknown()
    return _same_request(job, from_item(outcome.current))


def _unknown() -> UnavailableError:
    return UnavailableError("the job was not accepted; send the same request again")


def _is_unknown(bulk: _Bulk, job_id: str) -> bool:
    number, _ = bulk.wanted[job_id]
    return isinstance(bulk.ends[number], WhendueError)


def _repeat(job: Job, first: SubmitResult | None) -> SubmitResult:
    """Answer a request whose Idempotency-Key stood before it in the same bulk."""
    return _same_request(job, first.job) if isinstance(first, Submitted) else first or UnavailableError()


def _is_refused(end: SubmitResult) -> bool:
    return isinstance(end, WhendueError) and not isinstance(end, UnavailableError | IdempotencyConflictError)


def _same_request(job: Job, existing: Job) -> SubmitResult:
    if existing.request_hash != job.request_hash:
        return IdempotencyConflictError()
    return Submitted(existing, created=False)
