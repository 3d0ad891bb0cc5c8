"""Submit: accept jobs, one or many, durably, and send what is due soon."""

import json
from collections.abc import Sequence
from typing import NamedTuple

from whendue.domain.agenda import first_alarm, live_partition, shard_of
from whendue.domain.job import Job, Policy, evolve, from_item
from whendue.domain.keys import job_key
from whendue.domain.profile import QUEUE, Profile, resolve
from whendue.domain.request import JobRequest, derived_id, joined, request_hash
from whendue.domain.step import Transition
from whendue.domain.transitions import submit
from whendue.errors import (
    IdempotencyConflictError,
    InvalidRequestError,
    PayloadTooLargeError,
    UnavailableError,
    UnknownSubscriptionError,
    UnknownTaskError,
    WhendueError,
)
from whendue.limits import HORIZON_S, PAYLOAD_BYTES
from whendue.ports import Applied, Outcome
from whendue.services.news import News
from whendue.services.outside import Ports
from whendue.services.profiles import Profiles
from whendue.services.record import record_and_send
from whendue.settings import QUEUES


class Submitted(NamedTuple):
    """An accepted job; `created` is False when an Idempotency-Key gave an earlier one."""

    job: Job
    created: bool


class Submit:
    """Accepts jobs."""

    def __init__(self, ports: Ports, profiles: Profiles, news: News) -> None:
        """Use these ports; `news` knows the subscriptions that requests name."""
        self._ports = ports
        self._profiles = profiles
        self._news = news

    def one(self, tenant: str, request: JobRequest) -> Submitted:
        """Accept a job: one write and, if it is due soon, one send (plus one write for a payload over 400 bytes).

        A profile of the tenant's own is read first, unless it was in the last 5 s.

        Raises:
            InvalidRequestError, PayloadTooLargeError: the request is refused.
            IdempotencyConflictError: the key was used with another request.
            UnavailableError: nothing was accepted; try again with the same Idempotency-Key.
        """
        [end] = self.many(tenant, [request])
        if isinstance(end, WhendueError):
            raise end
        return end

    def many(self, tenant: str, requests: Sequence[JobRequest]) -> list[Submitted | WhendueError]:
        """Accept many jobs, each on its own: one end per request, in order."""
        now_ms = self._ports.effects.now_ms()
        ends: list[Submitted | WhendueError | None] = [None] * len(requests)
        wanted: dict[str, tuple[int, Transition]] = {}
        repeats: list[tuple[int, Transition]] = []
        profiles = self._profiles.each(tenant, {request.profile for request in requests})
        for number, request in enumerate(requests):
            try:
                transition = self._prepare(tenant, request, profiles[request.profile], now_ms)
            except WhendueError as error:
                ends[number] = error
                continue
            if transition.job.id in wanted:
                repeats.append((number, transition))
            else:
                wanted[transition.job.id] = (number, transition)
        transitions = [transition for _, transition in wanted.values()]
        outcomes = record_and_send(self._ports.store, self._ports.queue, transitions, now_ms) if transitions else []
        for (number, transition), outcome in zip(wanted.values(), outcomes, strict=True):
            ends[number] = _end(transition.job, outcome)
        for number, transition in repeats:
            ends[number] = _repeat(transition.job, ends[wanted[transition.job.id][0]])
        return self._accepted_before(tenant, requests, [end for end in ends if end is not None])

    def _accepted_before(
        self, tenant: str, requests: Sequence[JobRequest], ends: Sequence[Submitted | WhendueError]
    ) -> list[Submitted | WhendueError]:
        """Give a request that is refused now the job that it made when its profile, task or model still took it."""
        ids = {
            number: derived_id(tenant, request.idempotency_key)
            for number, (request, end) in enumerate(zip(requests, ends, strict=True))
            if request.idempotency_key is not None and _is_refused(end)
        }
        answers = list(ends)
        try:
            items = self._ports.store.get([job_key(job_id) for job_id in ids.values()]) if ids else []
        except UnavailableError as error:
            return [error if number in ids else end for number, end in enumerate(answers)]
        for number, item in zip(ids, items, strict=True):
            if item and (made := from_item(item)).request_hash == request_hash(requests[number]):
                answers[number] = Submitted(made, created=False)
        return answers

    def prepare(self, tenant: str, request: JobRequest, now_ms: int) -> Transition:
        """Turn a request into the write of its job.

        Raises:
            UnknownTaskError, UnknownProfileError, InvalidRequestError, PayloadTooLargeError: the request is refused.
            UnavailableError: its profile could not be read, or its payload not be stored.
        """
        return self._prepare(tenant, request, self._profiles.find(tenant, request.profile), now_ms)

    def _prepare(self, tenant: str, request: JobRequest, profile: Profile | WhendueError, now_ms: int) -> Transition:
        """Turn a request into the write of its job."""
        job = self._job(tenant, request, profile, now_ms)
        text = json.dumps(request.payload, ensure_ascii=False, separators=(",", ":"))
        if len(text.encode()) > PAYLOAD_BYTES:
            raise PayloadTooLargeError(f"the payload is over {PAYLOAD_BYTES} bytes of JSON")
        placed = self._ports.documents.place_payload(job, text)
        job = evolve(job, payload=placed.inline, payload_at=placed.at)
        return submit(job, self._ports.settings.timing, first=placed.write)

    def _job(self, tenant: str, request: JobRequest, profile: Profile | WhendueError, now_ms: int) -> Job:
        definition = self._ports.registry.get(request.type)
        if definition.channel:
            raise UnknownTaskError(f"deliveries are not submitted: {request.type!r}")
        definition.parse(request.payload)
        if isinstance(profile, WhendueError):
            raise profile
        self._check_names(tenant, request)
        queue = request.queue or profile.queue or QUEUE
        if queue not in QUEUES:
            raise InvalidRequestError(f"priority must be one of {', '.join(QUEUES)}")
        due_at = _due_at(request, now_ms)
        key = request.idempotency_key
        job_id = derived_id(tenant, key) if key is not None else self._ports.effects.new_id()
        default = Policy(lease_s=self._ports.settings.lease_s)
        policy, sources = resolve(default, task=definition.policy, profile=profile.policy, request=request.policy)
        return Job(
            id=job_id,
            tenant=tenant,
            type=request.type,
            queue=queue,
            profile=profile.name,
            agenda_pk=live_partition(queue, shard_of(job_id, self._ports.settings.shards)),
            alarm_at=first_alarm(due_at, self._ports.settings.timing),
            due_at=due_at,
            scheduled_at=now_ms,
            created_at=now_ms,
            request_hash=request_hash(request),
            policy=policy,
            sources=sources,
            profile_version=profile.version,
            follow=(profile.follow if request.follow is None else request.follow) or None,
            tags=dict(request.tags) or None,
            group=request.group,
            limit=request.limit,
            schedule=request.schedule,
            nominal_at=request.nominal_at,
            overlap=request.overlap,
            notify=joined(request.notify, profile.notify) or None,
            # Tells a lost reply of ours from another request with the same Idempotency-Key in the same millisecond.
            fence=self._ports.effects.new_id(),
        )

    def _check_names(self, tenant: str, request: JobRequest) -> None:
        """Refuse subscriptions that are not there; a schedule goes on when one that its template names has gone."""
        if request.notify and request.schedule is None:
            unknown = self._news.unknown(tenant, request.notify.split())
            if unknown:
                raise UnknownSubscriptionError(f"no subscription is called {unknown[0]!r}")


def _due_at(request: JobRequest, now_ms: int) -> int:
    """Give the due time, ms UTC: a time in the past means now."""
    due_at = request.due_at if request.due_at is not None else now_ms + round(1000 * (request.delay_s or 0))
    if due_at > now_ms + HORIZON_S * 1000:
        raise InvalidRequestError(f"a job may be due at most {HORIZON_S // 86_400} days ahead")
    return max(due_at, now_ms)


def _end(job: Job, outcome: Outcome) -> Submitted | WhendueError:
    if outcome.done:
        return Submitted(job, created=True)
    if outcome.applied is Applied.UNAVAILABLE or outcome.old is None:
        return UnavailableError("the job was not accepted; send the same request again")
    return _same_request(job, from_item(outcome.old))


def _repeat(job: Job, first: Submitted | WhendueError | None) -> Submitted | WhendueError:
    """Answer a request whose Idempotency-Key stood before it in the same bulk."""
    return _same_request(job, first.job) if isinstance(first, Submitted) else first or UnavailableError()


def _is_refused(end: Submitted | WhendueError) -> bool:
    return isinstance(end, WhendueError) and not isinstance(end, UnavailableError | IdempotencyConflictError)


def _same_request(job: Job, existing: Job) -> Submitted | WhendueError:
    if existing.request_hash != job.request_hash:
        return IdempotencyConflictError()
    return Submitted(existing, created=False)
