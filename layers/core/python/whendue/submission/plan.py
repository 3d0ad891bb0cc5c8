"""Plan: turn a request into the write of its job, or refuse it."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from whendue.declarations.registry import KnownTask
from whendue.engine.runtime import Runtime
from whendue.errors import (
    InvalidExpiryError,
    InvalidReferenceError,
    InvalidRequestError,
    PayloadTooLargeError,
    UnknownSubscriptionError,
    UnknownTaskError,
    WhendueError,
    invalid_at,
)
from whendue.jobs.dependencies import Upstream
from whendue.jobs.due_index import expiry_of, live_entry
from whendue.jobs.limit_spec import Unique
from whendue.jobs.model import Job, Policy, State, evolve
from whendue.jobs.transition import Transition
from whendue.jobs.transitions import submit
from whendue.notifications.publisher import NotificationPublisher
from whendue.profiles.lookup import ProfileLookup
from whendue.profiles.model import QUEUE, Profile, Resolved, accepted_policy, kept_policy
from whendue.quotas import (
    HORIZON_S,
    PAYLOAD_BYTES,
    RESPONSE_BYTES,
    RESPONSE_HEAD_BYTES,
    WAITING_CHECK_S,
    WORKFLOW_BYTES,
)
from whendue.references.syntax import faults, find
from whendue.submission.request import JobRequest, UniqueRequest, joined, request_hash, unique_request


class Position(NamedTuple):
    """The relations of a job to other jobs.

    Args:
        dependencies: the jobs that it waits for, by number.
        composite: the job that created it.
        number, name: the member's number and name in its composite.
        expands: how it creates members of its own, if its task does not define it.
        has_dependents: whether jobs created with it wait for its end.
    """

    dependencies: Sequence[Upstream] = ()
    composite: Job | None = None
    number: int | None = None
    name: str | None = None
    expands: str | None = None
    has_dependents: bool = False


ALONE = Position()


class JobPlanner:
    """Prepares jobs."""

    def __init__(
        self,
        runtime: Runtime,
        profiles: ProfileLookup,
        notifications: NotificationPublisher,
        expansion_checks: Mapping[str, "ExpansionCheck"],
    ) -> None:
        """Use this runtime.

        Args:
            runtime: of this process.
            profiles: the tenants' profiles.
            notifications: knows the subscriptions that requests name.
            expansion_checks: refuse payloads of composites, by how they expand.
        """
        self._expansion_checks = expansion_checks
        self._runtime = runtime
        self._notifications = notifications
        self._profiles = profiles

    def submission(
        self, tenant: str, request: JobRequest, profile: Profile | WhendueError, now_ms: int, position: Position = ALONE
    ) -> Transition:
        """Turn a request into the write of its job.

        Args:
            tenant: the tenant that it belongs to.
            request: the request.
            profile: the profile that it names, or the error of reading it.
            now_ms: the time, ms UTC.
            position: its relations to other jobs.

        Raises:
            UnknownTaskError, UnknownProfileError, InvalidRequestError, PayloadTooLargeError: the request is refused.
            UnavailableError: its payload could not be stored, or its profile could not be read.
        """
        definition = self._definition(request)
        payload, has_references = self._payload(tenant, definition, request, position)
        if isinstance(profile, WhendueError):
            raise profile
        if position.composite is None:
            self._check_names(tenant, request)
        job = self._job(tenant, request, definition, profile, now_ms, position)
        text = _workflow_text(payload) if definition.expands else payload_text(payload, PAYLOAD_BYTES)
        job = evolve(job, has_references=has_references or None)
        placed = self._runtime.payloads.place_payload(job, text)
        job = evolve(job, payload=placed.inline, payload_at=placed.at)
        return submit(job, self._runtime.settings.timing, first=placed.write)

    def _definition(self, request: JobRequest) -> KnownTask:
        definition = self._runtime.registry.find(request.type)
        if definition.channel:
            raise UnknownTaskError(f"type must not be {request.type!r}: deliveries cannot be submitted")
        return definition

    def _check_names(self, tenant: str, request: JobRequest) -> None:
        """Refuse unknown subscriptions, except in a schedule's template: a schedule goes on if one was deleted."""
        if request.schedule is None:
            unknown = self._notifications.unknown(tenant, request.notify.split())
            if unknown:
                raise UnknownSubscriptionError(f"notify names {unknown[0]!r}, but no subscription has this name")

    # --- the payload --------------------------------------------------------------------------------------------

    def _payload(self, tenant: str, definition: KnownTask, request: JobRequest, position: Position) -> tuple[Any, bool]:
        """Check a payload as far as it is known; return it, and whether it refers to results of dependencies."""
        if position.expands is not None:
            return request.payload, bool(position.dependencies)
        has_references = bool(position.dependencies) and _refers(request.payload, position.dependencies)
        if not has_references:
            definition.parse(request.payload, tenant)
        check = self._expansion_checks.get(definition.expands) if definition.expands else None
        if check:
            check(self, tenant, request.payload)
        return request.payload, has_references

    def check(self, tenant: str, request: JobRequest, profile: Profile | WhendueError) -> None:
        """Check a request without submitting it; a payload with references is checked when they are resolved.

        Raises:
            WhendueError: as `submission`.
        """
        definition = self._definition(request)
        if isinstance(profile, WhendueError):
            raise profile
        self._policy(request, definition, profile, self._queue(request, profile, definition))
        payload_text(request.payload, PAYLOAD_BYTES)
        if not find(request.payload):
            definition.parse(request.payload, tenant)
        self._check_names(tenant, request)

    def profiles(self, tenant: str, names: set[str]) -> Mapping[str, Profile | WhendueError]:
        """Return profiles by name, each with the error if it cannot be read."""
        return self._profiles.each(tenant, names)

    # --- the job ------------------------------------------------------------------------------------------------

    def _job(
        self,
        tenant: str,
        request: JobRequest,
        definition: KnownTask,
        profile: Profile,
        now_ms: int,
        position: Position,
    ) -> Job:
        queue = self._queue(request, profile, definition)
        waits = bool(position.dependencies)
        due_at = due_time(replace(request, delay_s=None) if waits else request, now_ms)
        job_id = self._id(tenant, request, position)
        settings, composite = self._runtime.settings, position.composite
        partition, check_at = live_entry(queue, job_id, due_at, settings.shards, settings.timing)
        begin_by, expires_s = expiry(request, profile, due_at, waits=waits)
        policy, sources = self._policy(request, definition, profile, queue)
        asked = self.unique_of(request) if composite is None else None
        if composite is not None and policy.retention_s < composite.policy.retention_s:
            # Its result can be read for as long as the composite's.
            policy = replace(policy, retention_s=composite.policy.retention_s)
        return Job(
            id=job_id,
            tenant=tenant,
            type=request.type,
            queue=queue,
            profile=profile.name,
            due_pk=partition,
            check_at=now_ms + WAITING_CHECK_S * 1000 if waits else check_at,
            due_at=due_at,
            scheduled_at=now_ms,
            created_at=now_ms,
            request_hash=request_hash(request),
            policy=policy,
            state=State.WAITING if waits else State.PENDING,
            sources=sources,
            profile_version=profile.version,
            follow=(profile.follow if request.follow is None else request.follow) or None,
            tags=dict(request.tags) or None,
            group=request.group,
            limit=request.limit,
            unique=self._unique(tenant, request, asked, policy, due_at, now_ms) if asked else None,
            schedule=request.schedule,
            nominal_at=request.nominal_at,
            overlap=request.overlap,
            notify=joined(request.notify, profile.notify) or None,
            unmet_dependencies=frozenset(range(len(position.dependencies))) or None,
            on_dependency_failure=request.on_dependency_failure,
            after_s=request.delay_s if waits else None,
            begin_by=begin_by,
            expires_s=expires_s,
            has_dependents=position.has_dependents or None,
            expands=position.expands or definition.expands,
            parent_id=composite.id if composite else None,
            member_number=position.number,
            node=position.name,
            parent_redrive=composite.redrives if composite else None,
            traceparent=composite.traceparent if composite else request.traceparent,
            # A fire's id has its time in it, and is never used again; that of a trigger may be.
            life=now_ms if request.idempotency_key is not None and request.nominal_at is None else None,
            # Distinguishes a repeat of this write from another request with its Idempotency-Key in the same ms.
            fence=self._runtime.clock.new_id(),
        )

    def unique_of(self, request: JobRequest) -> UniqueRequest | None:
        """Return the unique key that a request asks for, or its task; None for none."""
        if request.unique is not None:
            return request.unique
        declared = self._runtime.registry.find(request.type).unique
        return unique_request(declared) if declared else None

    def _unique(
        self, tenant: str, request: JobRequest, asked: UniqueRequest, policy: Policy, due_at: int, now_ms: int
    ) -> Unique:
        """Return the unique key that the job is to take.

        Raises:
            InvalidRequestError: it would be held for longer than the job is kept, or does not go with the rest.
        """
        from whendue.submission import unique_policy  # noqa: PLC0415 - a worker without unique jobs does not need it

        if asked.max_wait_s is not None and (request.depends_on or request.schedule):
            raise InvalidRequestError("a job that postpones another one must have no dependsOn, and no schedule")
        if request.ref is not None:
            raise InvalidRequestError("a job with a unique key must have no ref: another job may be the answer")
        if asked.for_s is not None and asked.for_s > policy.retention_s:
            problem = f"must be at most retentionSeconds, which is {policy.retention_s} for this job"
            errors = [{"where": "unique.forSeconds", "problem": problem}]
            raise InvalidRequestError("a unique key is held for as long as its job is kept, at most", errors=errors)
        if asked.max_wait_s is not None and due_at > now_ms + round(1000 * asked.max_wait_s):
            problem = "must be at least the job's delay: alone, the job would wait for longer"
            errors = [{"where": "unique.maxWaitSeconds", "problem": problem}]
            raise InvalidRequestError("the first of the jobs is due after the longest wait", errors=errors)
        unique_id = self._runtime.ids.of_unique(tenant, unique_policy.unique_name(replace(request, unique=asked)))
        return unique_policy.unique_of(asked, unique_id, due_at, now_ms)

    def renewed(self, step: Transition, request: JobRequest, now_ms: int) -> Transition:
        """Return the write of a job with a unique key as if it was asked for now: its delays count from now on.

        A submit that others have kept from being accepted is accepted later than it was sent. The job is the same one:
        its id, the items that were written before it, and what it was planned with stay.

        Args:
            step: as planned.
            request: what it was planned from.
            now_ms: the time, ms UTC.
        """
        from whendue.submission import unique_policy  # noqa: PLC0415 - as above

        job, asked, settings = step.job, self.unique_of(request), self._runtime.settings
        if job.unique is None or asked is None or job.state is State.WAITING or now_ms <= job.created_at:
            return step
        due_at = due_time(request, now_ms)
        partition, check_at = live_entry(job.queue, job.id, due_at, settings.shards, settings.timing)
        begin_by = job.begin_by
        if begin_by is not None and request.expires_at is None:
            begin_by += due_at - job.due_at
        later = evolve(
            job,
            due_pk=partition,
            check_at=check_at,
            due_at=due_at,
            scheduled_at=now_ms,
            created_at=now_ms,
            begin_by=begin_by,
            unique=unique_policy.unique_of(asked, job.unique.id, due_at, now_ms),
        )
        return submit(later, settings.timing, first=step.first)

    def _queue(self, request: JobRequest, profile: Profile, definition: KnownTask) -> str:
        """Return the job's queue.

        Raises:
            UnknownQueueError: the deployment has no such queue.
        """
        queue = request.queue or profile.queue or definition.queue or QUEUE
        self._runtime.settings.check_queue(queue)
        return queue

    def _policy(self, request: JobRequest, definition: KnownTask, profile: Profile, queue: str) -> Resolved:
        """Return the job's policy; one that no worker of its queue can keep is refused.

        Raises:
            TimeoutTooLongError: an attempt may take longer than any worker of the queue has.
        """
        settings, asked = self._runtime.settings, request.policy
        if definition.expands:
            # A composite's own job runs no code of users; its timeout is the worker's.
            return kept_policy(settings, queue, task_policy=definition.policy, profile=profile, request=asked)
        return accepted_policy(
            settings, queue, task=definition.name, task_policy=definition.policy, profile=profile, request=asked
        )

    def _id(self, tenant: str, request: JobRequest, position: Position) -> str:
        match position:
            case Position(composite=Job() as composite, number=int(number)):
                return self._runtime.ids.of_member(composite.member_id_base, number)
        key = request.idempotency_key
        return self._runtime.ids.of_key(tenant, key) if key is not None else self._runtime.clock.new_id()


ExpansionCheck = Callable[[JobPlanner, str, Any], None]


def payload_text(payload: Any, max_bytes: int) -> str:
    """Return a payload as it is stored.

    Raises:
        PayloadTooLargeError: it has more than `max_bytes` bytes.
    """
    text = json.dumps(payload, ensure_ascii=False, separators=(",", ":"))
    if len(text.encode()) > max_bytes:
        raise PayloadTooLargeError(f"the payload must have at most {max_bytes} bytes of JSON")
    return text


def _workflow_text(payload: Any) -> str:
    text = payload_text(payload, WORKFLOW_BYTES)
    if len(json.dumps(text)) > RESPONSE_BYTES - RESPONSE_HEAD_BYTES:
        raise PayloadTooLargeError("the workflow is too large: escaped as JSON it must have at most 6 MB")
    return text


def _refers(payload: Any, dependencies: Sequence[Upstream]) -> bool:
    """Return whether a payload refers to results; a reference that can never be resolved is refused."""
    awaited_ends = {dependency.name or dependency.id: dependency.on for dependency in dependencies}
    if wrong := faults(payload, awaited_ends, "payload"):
        raise InvalidReferenceError(*wrong)
    return bool(find(payload))


def expiry(request: JobRequest, profile: Profile, due_at: int, *, waits: bool) -> tuple[int | None, float | None]:
    """Return a new job's expiry, ms UTC; or from its due time to it, seconds, where that time is unknown yet.

    Args:
        request: the request.
        profile: the profile that it names.
        due_at: its due time, ms UTC, not in the past; the earliest one where it waits.
        waits: whether it waits for other jobs.

    Raises:
        InvalidExpiryError: it could not begin before its expiry, or that is too far ahead.
    """
    if request.schedule is not None and request.expires_at is not None:
        # Of a fire that is late: every timer makes the same job of it, which then expires.
        return request.expires_at, None
    if request.expires_at is not None:
        if request.expires_at <= due_at:
            raise InvalidExpiryError("expiresAt must be later than now and than dueAt, when the job may begin")
        if request.expires_at > due_at + HORIZON_S * 1000:
            raise InvalidExpiryError(f"expiresAt must be at most {HORIZON_S // 86_400} days after dueAt")
        return request.expires_at, None
    expires_s = profile.expires_s if request.expires_s is None else request.expires_s
    if expires_s is None or waits:
        return None, expires_s
    return expiry_of(due_at, expires_s), None


def due_time(request: JobRequest, now_ms: int) -> int:
    """Return a request's due time, ms UTC: a time in the past means now.

    Raises:
        InvalidRequestError: it is too far ahead.
    """
    due_at = request.due_at if request.due_at is not None else now_ms + round(1000 * (request.delay_s or 0))
    if due_at > now_ms + HORIZON_S * 1000:
        where = "delaySeconds" if request.due_at is None else "dueAt"
        raise invalid_at(where, f"must be at most {HORIZON_S // 86_400} days ahead")
    return max(due_at, now_ms)
