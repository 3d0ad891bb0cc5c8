"""Unique jobs: submit a job with the key that it takes, in one transaction, or answer with the job that holds it."""

from collections.abc import Callable
from typing import Any, NamedTuple

from whendue.engine.commit import commit_together
from whendue.engine.ports import Item, WriteResult, WriteStatus
from whendue.engine.readable import read_one
from whendue.engine.runtime import Runtime
from whendue.errors import (
    IdempotencyConflictError,
    UnavailableError,
    UniqueConflictError,
    UnreadableError,
)
from whendue.jobs.lifetime import STANDS_FOR, is_over
from whendue.jobs.limit_spec import Unique
from whendue.jobs.model import Job, from_item
from whendue.jobs.transition import Transition
from whendue.jobs.transitions import skip, submit
from whendue.quotas import UNIQUE_TRIES
from whendue.submission.request import JobRequest, UniqueRequest
from whendue.submission.unique_policy import (
    REPLACED,
    Decision,
    decide,
    holds,
    key_of,
    may_still_run,
    stand_in,
    succeeding,
    take,
    to_end,
    unique_name,
)
from whendue.table.keys import job_key, unique_key
from whendue.table.writes import Is, delete

# Returns the write of a job as if it was asked for at a time, ms UTC.
Renewed = Callable[[int], Transition]


class Accepted(NamedTuple):
    """The job that a submit is answered with: the one that it has created, or the one that holds the key."""

    job: Job
    created: bool


class Held(NamedTuple):
    """A unique key.

    Args:
        id: of the key.
        job: the job that holds it; None if it is free.
    """

    id: str
    job: Job | None


class Met(NamedTuple):
    """What a submit has met.

    Args:
        item: of the key; None where there is none.
        job: the job that took the key last; None if it is gone.
        own: the item under the new job's own id, of an earlier request with its Idempotency-Key.
    """

    item: Item | None = None
    job: Job | None = None
    own: Item | None = None


class UniqueJobs:
    """Submits jobs with unique keys."""

    def __init__(self, runtime: Runtime) -> None:
        """Use this runtime."""
        self._runtime = runtime

    def submit(
        self, step: Transition, unique: Unique, request: UniqueRequest, renewed: Renewed | None = None
    ) -> Accepted | WriteResult:
        """Write a job that takes its key, or find the job that holds it.

        Args:
            step: the write of the job.
            unique: the key that it is to take.
            request: what it asks for.
            renewed: makes the write anew for each try; None for a job whose due time is fixed.

        Returns:
            The job to answer with; or the result of the write, if it failed or if there is an item under the job's id.

        A fire of a schedule meets no conflict: it is answered with the holder, and makes no job.

        Raises:
            UniqueConflictError: another job holds the key, and may not be returned or replaced.
            UnavailableError: the table does not answer.
        """
        met = Met()
        for number in range(UNIQUE_TRIES):
            now_ms = self._runtime.clock.now_ms()
            if renewed is not None:
                step = renewed(now_ms)
            writing = [step] if met.job is None else self._meeting(step, met.job, unique.id, request, now_ms)
            if not isinstance(writing, list):
                return writing
            taken = take(writing[0].job, met.item, self._runtime.clock.new_id())
            written = commit_together(self._runtime, writing, [taken], now_ms)[0]
            if written.done:
                return self._created(writing[0].job)
            if written.failed or written.current is not None:
                return written
            met = self._meet(step.job, unique)
            if met.own is not None:
                return WriteResult(WriteStatus.REFUSED, met.own)
            self._pause(number)
        raise UnavailableError("other submits took the unique key at the same moment; send the same request again")

    def _meeting(
        self, step: Transition, holder: Job, unique_id: str, request: UniqueRequest, now_ms: int
    ) -> Accepted | WriteResult | list[Transition]:
        """Answer with the job that took the key last, or return the write of the new job and of what becomes of it.

        Raises:
            UniqueConflictError: the other job holds the key, and may not be returned or replaced.
        """
        decision = decide(holder, unique_id, request, now_ms)
        if decision is Decision.RETURN:
            return self._returned(step.job, holder)
        if decision is Decision.REJECT:
            self._runtime.metrics.answered("rejected")
            if step.job.nominal_at is not None:
                return self._noted(step.job, holder)
            raise UniqueConflictError(f"job {holder.id} holds the unique key", jobId=holder.id)
        if decision is Decision.REPLACE:
            return self._replacing(step, holder, request, now_ms)
        over = to_end(holder, unique_id, now_ms)
        # By another clock it may begin yet: of its claim and this the table lets one happen.
        return [step, over] if over else [step]

    def _created(self, job: Job) -> Accepted:
        unique = key_of(job)
        if unique.replaced:
            self._runtime.metrics.answered("replaced" if unique.latest is None else "postponed")
        return Accepted(job, created=True)

    def _replacing(self, step: Transition, holder: Job, request: UniqueRequest, now_ms: int) -> list[Transition]:
        """Return the write of the new job, and the cancel of the one that it replaces."""
        timing = self._runtime.settings.timing
        job = succeeding(step.job, holder, request, timing)
        message = f"job {job.id} was submitted later with its unique key, and replaced it"
        # Its payload's item, if it has one, was written before the first try.
        return [submit(job, timing), skip(holder, REPLACED, message, now_ms)]

    def _meet(self, job: Job, unique: Unique) -> Met:
        """Read who is in the way; an Idempotency-Key's own job, if there is one, is the answer."""
        [item] = self._runtime.store.get([unique_key(unique.id)])
        taken_by = None if item is None else job_key(item["job_id"])
        keys = ([taken_by] if taken_by else []) + ([job.key] if _has_derived_id(job) else [])
        found = dict(zip(keys, self._runtime.store.get(keys), strict=True))
        stored = found.get(taken_by) if taken_by else None
        return Met(item, self._read(stored) if stored else None, found.get(job.key))

    def _read(self, stored: Item) -> Job | None:
        """Read the job that took a key; one that cannot be read holds the key for a day after it was due, at most.

        It may run as long as there is a message of it, which has the job in a form of its own.

        Raises:
            UnreadableError: it cannot be read, and may hold the key.
        """
        try:
            return read_one(stored, from_item, "the job that holds the unique key")
        except UnreadableError:
            if may_still_run(stored, self._runtime.clock.now_ms()):
                raise
            return None

    def _returned(self, job: Job, holder: Job) -> Accepted | WriteResult:
        """Return the holder; under an Idempotency-Key, what is sent again is to have the same answer."""
        answer = self._noted(job, holder) if _has_derived_id(job) else Accepted(holder, created=False)
        if isinstance(answer, Accepted):
            self._runtime.metrics.answered("returned")
        return answer

    def _noted(self, job: Job, holder: Job) -> Accepted | WriteResult:
        """Note the holder at the job's id; whatever is there already counts."""
        [noted] = self._runtime.store.apply([stand_in(job, holder)])
        return Accepted(holder, created=False) if noted.done else noted

    def _pause(self, number: int) -> None:
        """Let those pass that are first, once a few have been."""
        if number > 1:
            self._runtime.clock.sleep(self._runtime.clock.random() * min(0.4, 0.01 * 2**number))


def _has_derived_id(job: Job) -> bool:
    """Return whether whoever asks for the job again asks for the same id: of an Idempotency-Key, or of a fire."""
    return job.life is not None or job.nominal_at is not None


def find_holder(runtime: Runtime, tenant: str, request: JobRequest) -> Held:
    """Return the job that holds a unique key now; changes nothing.

    Args:
        runtime: of this process.
        tenant: whose key.
        request: has the type, and what the key is made of.

    Raises:
        InvalidRequestError: the payload has none of the places that the key is made of.
        UnreadableError: the job that took the key last cannot be read.
        UnavailableError: the table does not answer.
    """
    key_id = runtime.ids.of_unique(tenant, unique_name(request))
    [item] = runtime.store.get([unique_key(key_id)])
    [stored] = [None] if item is None else runtime.store.get([job_key(item["job_id"])])
    if stored is None:
        return Held(key_id, None)
    job = read_one(stored, from_item, "the job that took the unique key last")
    return Held(key_id, job if holds(job, key_id, runtime.clock.now_ms()) else None)


def stood_for(runtime: Runtime, job: Job, item: Any) -> Job:
    """Return the job that an earlier request with the same Idempotency-Key was answered with.

    Raises:
        IdempotencyConflictError: that was another request.
        UnavailableError: the job is gone, and with it the note about it from now on; or the table does not answer.
    """
    if item["request_hash"] != job.request_hash:
        raise IdempotencyConflictError
    [stored] = runtime.store.get([job_key(item[STANDS_FOR])])
    existing = read_one(stored, from_item, "the job of the Idempotency-Key") if stored else None
    if existing is None or is_over(existing, runtime.clock.now_ms()):
        runtime.store.apply([delete("forget", job.key, Is(STANDS_FOR, item[STANDS_FOR]))])
        raise UnavailableError("the job of this Idempotency-Key is gone; send the same request again")
    return existing
