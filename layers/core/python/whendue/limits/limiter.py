"""Limits: which of a batch's jobs may start now; the others wait, visibly, without using up an attempt."""

from collections import defaultdict
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

from whendue.engine.ports import Item, ReceivedMessage
from whendue.engine.runtime import Runtime
from whendue.engine.stage import ISOLATED, Left, Stage, done, joined, kept
from whendue.errors import UnavailableError, UnknownProfileError
from whendue.jobs.limit_spec import Limit
from whendue.jobs.model import Job, from_item
from whendue.jobs.rescue_policy import ended_by_loss
from whendue.jobs.transition import Transition
from whendue.limits.admission import Admitted, Refused
from whendue.limits.deferral import Deferral, wait_of
from whendue.limits.overlap import OverlapService
from whendue.limits.overlap_policy import governing
from whendue.limits.rate_policy import token_is_good
from whendue.limits.rate_tokens import RateTokens
from whendue.limits.slot_model import Slot, queue_position, reservation_token, transfer_slot
from whendue.limits.slots import Slots
from whendue.profiles.lookup import ProfileLookup
from whendue.quotas import HANDOVER_S, LIMIT_RECHECK_S
from whendue.schedules.fires import was_skipped
from whendue.table.keys import limit_pk

# A job that can have no token within the horizon tries again after a day.
ASKS_AGAIN_MS = 86_400_000


class Limiter:
    """Enforces limits across all workers."""

    def __init__(self, runtime: Runtime, profiles: ProfileLookup) -> None:
        """Use this runtime, and limits that profiles name."""
        self._runtime = runtime
        self._profiles = profiles
        self._slots = Slots(runtime)
        self._rates = RateTokens(runtime)
        self._overlaps = OverlapService(runtime)
        self._deferral = Deferral(runtime, self._slots, self._overlaps)

    def limit_of(self, job: Job) -> Limit | None:
        """Return the limit of a job's next claim, with its key; None if it has no limit.

        Raises:
            UnavailableError: the profile cannot be read.
        """
        if job.overlap:
            return governing(job, None)
        limit = self._known_limit(job)
        if job.waits_for and (limit is None or limit.key != job.waits_for.key):
            # The worker that put it off knew another version of the profile: a newer one, or one since deleted.
            self._profiles.forget(job.tenant, job.profile)
            limit = self._known_limit(job)
        return limit

    def _known_limit(self, job: Job) -> Limit | None:
        try:
            profile = self._profiles.find(job.tenant, job.profile, stale=True).limit
        except UnknownProfileError:
            profile = None
        return governing(job, profile)

    def admit(self, group: Sequence[tuple[ReceivedMessage, Job]], now_ms: int) -> Stage[Admitted]:
        """Pass the jobs that may start now and defer the others; a batch without limited jobs costs no call.

        Args:
            group: messages and their jobs.
            now_ms: the claims' time.
        """
        known = self._with_limits(group)
        free = [Admitted(message, job) for message, job, limit in known.passed if limit is None]
        limits = {job.id: limit for _, job, limit in known.passed if limit is not None}
        if not limits:
            return Stage(free, known.left)
        current = self._current([(message, job) for message, job, _ in known.passed if job.id in limits], now_ms)
        # The claim of a job whose workers died too often is refused, and ends it.
        over = [admitted for admitted in current.passed if ended_by_loss(admitted.job, now_ms)]
        by_limit: defaultdict[tuple[str, Limit], list[Admitted]] = defaultdict(list)
        for admitted in current.passed:
            if admitted not in over:
                limit = limits[admitted.job.id]
                by_limit[limit_pk(admitted.job.tenant, str(limit.key)), limit].append(admitted)
        held = joined(self._admit_each(pk, limit, jobs, now_ms) for (pk, limit), jobs in by_limit.items())
        return Stage(free + over + held.passed, known.left + current.left + held.left)

    def _admit_each(self, pk: str, limit: Limit, admitted: Sequence[Admitted], now_ms: int) -> Stage[Admitted]:
        """Apply a key's limit to its jobs; if that raises, to each alone, so that an error affects its own job only."""
        try:
            return self._admit(pk, limit, admitted, now_ms)
        except UnavailableError:
            return Stage([], [kept(admitted_job.message) for admitted_job in admitted])
        except Exception as error:  # noqa: BLE001 - which job it is of shows when each is tried alone
            if len(admitted) == 1:
                return Stage([], [self._isolated("limits", admitted[0].message, admitted[0].job, error)])
            return joined(self._admit_each(pk, limit, [admitted_job], now_ms) for admitted_job in admitted)

    def _isolated(self, stage: str, message: ReceivedMessage, job: Job, error: BaseException) -> Left:
        self._runtime.bulkhead.note(stage, job.id, error)
        return kept(message, ISOLATED)

    def _with_limits(
        self, group: Sequence[tuple[ReceivedMessage, Job]]
    ) -> Stage[tuple[ReceivedMessage, Job, Limit | None]]:
        """Find the limits of jobs; if one cannot be read, the message stays."""
        passed, left = [], []
        for message, job in group:
            try:
                passed.append((message, job, self.limit_of(job)))
            except UnavailableError:
                left.append(kept(message))
            except Exception as error:  # noqa: BLE001 - an unreadable profile affects only the jobs that use it
                left.append(self._isolated("limit_of", message, job, error))
        return Stage(passed, left)

    def _current(self, limited: Sequence[tuple[ReceivedMessage, Job]], now_ms: int) -> Stage[Admitted]:
        """Read limited jobs as stored: a stale message takes no slot, no token and no position in the wait queue."""

        def stored(batch: Sequence[tuple[ReceivedMessage, Job]]) -> Sequence[Job | None]:
            items = self._runtime.store.get([job.key for _, job in batch])
            current = [from_item(item) if item else None for item in items]
            return [self._profiles.followed(job) if job and job.follow else job for job in current]

        try:
            jobs = self._runtime.bulkhead.batch(limited, stored, stage="limits", name=lambda received: received[1].id)
        except UnavailableError:
            return Stage([], [kept(message) for message, _ in limited])
        passed, left = [], []
        for (message, carried), job in jobs:
            if isinstance(job, BaseException):
                left.append(kept(message, ISOLATED))
            elif job and was_skipped(job):
                left.append(self._enter_skipped(message, job))
            elif job is None or job.terminal or job.generation != carried.generation or job.lease_until >= now_ms:
                left.append(done(message, "refused"))
            else:
                passed.append(Admitted(message, job))
        return Stage(passed, left)

    def _enter_skipped(self, message: ReceivedMessage, job: Job) -> Left:
        """Record a skipped fire that a worker died before recording; the message stays until that is done."""
        with self._runtime.bulkhead.around("overlaps", job.id):
            if self._overlaps.enter([job]):
                return done(message)
        return kept(message)

    def _admit(self, pk: str, limit: Limit, admitted: Sequence[Admitted], now_ms: int) -> Stage[Admitted]:
        """Apply a key's limit to its jobs: first a slot, then a token, so that no token waits for a slot."""
        key = str(limit.key)
        if limit.concurrency is None:
            rate = self._slots.look(pk).rate if limit.rate_per_s is not None else None
            with_slots = Stage(list(admitted), [])
        else:
            with_slots, rate = self._with_slots(pk, key, limit.concurrency, admitted, now_ms)
        if limit.rate_per_s is None:
            return with_slots
        in_rate = self._in_rate(pk, key, limit.rate_per_s, with_slots.passed, rate, now_ms)
        return Stage(in_rate.passed, with_slots.left + in_rate.left)

    def _with_slots(
        self, pk: str, key: str, concurrency: int, admitted: Sequence[Admitted], now_ms: int
    ) -> tuple[Stage[Admitted], Item | None]:
        """Pass the jobs that get a slot; the others join the wait queue. Also return the key's rate item as read."""
        taken = self._slots.take(pk, concurrency, [admitted_job.job for admitted_job in admitted], now_ms)
        waiters, due_at = taken.limit_state.waiters, now_ms + LIMIT_RECHECK_S * 1000
        refused = [
            Refused(
                admitted_job,
                pk,
                wait_of(admitted_job.job, "slot", key, concurrency),
                due_at,
                queue_position(admitted_job.job) in waiters,
            )
            for admitted_job in admitted
            if admitted_job.job.id not in taken.slots
        ]
        passed = [
            replace(admitted_job, slot=taken.slots[admitted_job.job.id])
            for admitted_job in admitted
            if admitted_job.job.id in taken.slots
        ]
        left = self._deferral.defer_for_slot(taken.limit_state, concurrency, refused, now_ms) if refused else []
        return Stage(passed, left), taken.limit_state.rate

    def _in_rate(
        self, pk: str, key: str, rate_per_s: float, admitted: Sequence[Admitted], seen: Item | None, now_ms: int
    ) -> Stage[Admitted]:
        """Pass the jobs whose token is good now; defer the others until theirs is, and keep it for them."""
        passed = [
            admitted_job
            for admitted_job in admitted
            if token_is_good(admitted_job.job.waits_for, key, admitted_job.job.due_at, now_ms)
        ]
        asking = sorted(
            (admitted_job for admitted_job in admitted if admitted_job not in passed),
            key=lambda admitted_job: queue_position(admitted_job.job),
        )
        starts = self._rates.reserve(pk, rate_per_s, len(asking), seen, now_ms)
        if starts is None:
            self.release([(admitted_job.slot, admitted_job.job) for admitted_job in asking if admitted_job.slot])
            return Stage(passed, [kept(admitted_job.message) for admitted_job in asking])
        later = [
            Refused(admitted_job, pk, wait_of(admitted_job.job, "rate", key, rate_per_s), start)
            for admitted_job, start in zip(asking, starts, strict=False)
            if start > now_ms
        ]
        later += [
            Refused(
                admitted_job,
                pk,
                replace(wait_of(admitted_job.job, "rate", key, rate_per_s), far=True),
                now_ms + ASKS_AGAIN_MS,
            )
            for admitted_job in asking[len(starts) :]
        ]
        deferred = self._deferral.defer_jobs(later, now_ms)
        self._keep_slots(later, deferred.passed)
        deferred_ids = {refusal.admitted.job.id for refusal in later}
        return Stage(
            passed + [admitted_job for admitted_job in asking if admitted_job.job.id not in deferred_ids], deferred.left
        )

    def _keep_slots(self, later: Sequence[Refused], deferred: Sequence[tuple[Refused, Transition]]) -> None:
        """Keep the slots of deferred jobs until their tokens are good; free those of jobs without a token."""
        kept = {refusal.admitted.job.id: step for refusal, step in deferred if not refusal.wait.far}
        passed, lost = [], []
        for refusal in later:
            slot, step = refusal.admitted.slot, kept.get(refusal.admitted.job.id)
            if slot and step:
                passed.append(
                    transfer_slot(slot, step.job.id, reservation_token(step.job), step.job.due_at + HANDOVER_S * 1000)
                )
            elif slot:
                lost.append((slot, refusal.admitted.job))
        if passed:
            self._runtime.store.apply(passed)
        self.release(lost)

    def release(self, held: Sequence[tuple[Slot, Job]]) -> None:
        """Transfer slots of ended jobs to waiting jobs, or free them; if that fails, their leases expire."""
        by_key: defaultdict[tuple[str, int], list[Slot]] = defaultdict(list)
        for slot, job in held:
            by_key[slot.key.pk, self._concurrency_of(job)].append(slot)
        for (pk, concurrency), slots in by_key.items():
            with suppress(UnavailableError), self._runtime.bulkhead.around("release", pk):
                self._slots.serve(pk, concurrency, self._runtime.clock.now_ms(), giving=slots)

    def _concurrency_of(self, job: Job) -> int:
        """Return the number of slots of a job's key; 0 if unknown, so that slots are freed and not transferred."""
        with suppress(UnavailableError), self._runtime.bulkhead.around("limit_of", job.id):
            limit = self.limit_of(job)
            return (limit.concurrency or 0) if limit else 0
        return 0
