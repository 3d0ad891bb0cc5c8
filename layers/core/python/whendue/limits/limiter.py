"""Limits: which of a batch's jobs may start now; the others wait, visibly, and it costs them no attempt."""

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

# A job for which there is no token within the horizon asks again after a day.
ASKS_AGAIN_MS = 86_400_000


class Limiter:
    """Holds jobs to their limits across all workers."""

    def __init__(self, runtime: Runtime, profiles: ProfileLookup) -> None:
        """Use this runtime, and limits that profiles name."""
        self._runtime = runtime
        self._profiles = profiles
        self._slots = Slots(runtime)
        self._rates = RateTokens(runtime)
        self._overlaps = OverlapService(runtime)
        self._deferral = Deferral(runtime, self._slots, self._overlaps)

    def limit_of(self, job: Job) -> Limit | None:
        """Give the limit that governs a job's next claim, its key named; None where there is none.

        Raises:
            UnavailableError: nobody knows what the profile says.
        """
        if job.overlap:
            return governing(job, None)
        limit = self._known_limit(job)
        if job.waits_for and (limit is None or limit.key != job.waits_for.key):
            # Who put it off knew another profile: a newer one, or one that is gone.
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
        """Let pass what may start now and defer the rest; a batch without limited jobs costs nothing.

        Args:
            group: messages and their jobs.
            now_ms: the claims' time.
        """
        known = self._with_limits(group)
        free = [Admitted(delivery, job) for delivery, job, limit in known.passed if limit is None]
        limits = {job.id: limit for _, job, limit in known.passed if limit is not None}
        if not limits:
            return Stage(free, known.left)
        current = self._current([(delivery, job) for delivery, job, _ in known.passed if job.id in limits], now_ms)
        # The claim of a job whose workers died too often is refused, and ends it.
        over = [one for one in current.passed if ended_by_loss(one.job, now_ms)]
        by_limit: defaultdict[tuple[str, Limit], list[Admitted]] = defaultdict(list)
        for one in current.passed:
            if one not in over:
                limit = limits[one.job.id]
                by_limit[limit_pk(one.job.tenant, str(limit.key)), limit].append(one)
        held = joined(self._admit_each(pk, limit, ones, now_ms) for (pk, limit), ones in by_limit.items())
        return Stage(free + over + held.passed, known.left + current.left + held.left)

    def _admit_each(self, pk: str, limit: Limit, ones: Sequence[Admitted], now_ms: int) -> Stage[Admitted]:
        """Hold jobs of one key to its limit; where that raises, each alone, and what raises then is that one's."""
        try:
            return self._admit(pk, limit, ones, now_ms)
        except UnavailableError:
            return Stage([], [kept(one.delivery) for one in ones])
        except Exception as error:  # noqa: BLE001 - of which of them is seen when each asks alone
            if len(ones) == 1:
                return Stage([], [self._isolated("limits", ones[0].delivery, ones[0].job, error)])
            return joined(self._admit_each(pk, limit, [one], now_ms) for one in ones)

    def _isolated(self, stage: str, message: ReceivedMessage, job: Job, error: BaseException) -> Left:
        self._runtime.bulkhead.note(stage, job.id, error)
        return kept(message, ISOLATED)

    def _with_limits(
        self, group: Sequence[tuple[ReceivedMessage, Job]]
    ) -> Stage[tuple[ReceivedMessage, Job, Limit | None]]:
        """Find the limits of jobs; where nobody knows one, the message stays."""
        passed, left = [], []
        for message, job in group:
            try:
                passed.append((message, job, self.limit_of(job)))
            except UnavailableError:
                left.append(kept(message))
            except Exception as error:  # noqa: BLE001 - a profile that nobody can read is the matter of who uses it
                left.append(self._isolated("limit_of", message, job, error))
        return Stage(passed, left)

    def _current(self, limited: Sequence[tuple[ReceivedMessage, Job]], now_ms: int) -> Stage[Admitted]:
        """Read limited jobs as stored: what is stale takes no slot, no token and no place in the line."""

        def stored(some: Sequence[tuple[ReceivedMessage, Job]]) -> Sequence[Job | None]:
            items = self._runtime.store.get([job.key for _, job in some])
            current = [from_item(item) if item else None for item in items]
            return [self._profiles.followed(job) if job and job.follow else job for job in current]

        try:
            jobs = self._runtime.bulkhead.batch(limited, stored, stage="limits", name=lambda one: one[1].id)
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
        """Record in the history what somebody who died did not; the message stays until that is done."""
        with self._runtime.bulkhead.around("overlaps", job.id):
            if self._overlaps.enter([job]):
                return done(message)
        return kept(message)

    def _admit(self, pk: str, limit: Limit, ones: Sequence[Admitted], now_ms: int) -> Stage[Admitted]:
        """Hold jobs of one key to its limit: first a slot, then a token, so that no token waits for a slot."""
        key = str(limit.key)
        if limit.concurrency is None:
            rate = self._slots.look(pk).rate if limit.rate_per_s is not None else None
            with_slots = Stage(list(ones), [])
        else:
            with_slots, rate = self._with_slots(pk, key, limit.concurrency, ones, now_ms)
        if limit.rate_per_s is None:
            return with_slots
        in_rate = self._in_rate(pk, key, limit.rate_per_s, with_slots.passed, rate, now_ms)
        return Stage(in_rate.passed, with_slots.left + in_rate.left)

    def _with_slots(
        self, pk: str, key: str, concurrency: int, ones: Sequence[Admitted], now_ms: int
    ) -> tuple[Stage[Admitted], Item | None]:
        """Let pass the jobs that get a slot; the others wait in line. Also returns the key's rate as it was seen."""
        taken = self._slots.take(pk, concurrency, [one.job for one in ones], now_ms)
        line, due_at = taken.limit_state.waiters, now_ms + LIMIT_RECHECK_S * 1000
        refused = [
            Refused(one, pk, wait_of(one.job, "slot", key, concurrency), due_at, queue_position(one.job) in line)
            for one in ones
            if one.job.id not in taken.slots
        ]
        passed = [replace(one, slot=taken.slots[one.job.id]) for one in ones if one.job.id in taken.slots]
        left = self._deferral.into_line(taken.limit_state, concurrency, refused, now_ms) if refused else []
        return Stage(passed, left), taken.limit_state.rate

    def _in_rate(
        self, pk: str, key: str, rate_per_s: float, ones: Sequence[Admitted], seen: Item | None, now_ms: int
    ) -> Stage[Admitted]:
        """Let pass the jobs that have a token now; the others come again when theirs is good, and have it then."""
        passed = [one for one in ones if token_is_good(one.job.waits_for, key, one.job.due_at, now_ms)]
        asking = sorted((one for one in ones if one not in passed), key=lambda one: queue_position(one.job))
        starts = self._rates.reserve(pk, rate_per_s, len(asking), seen, now_ms)
        if starts is None:
            self.release([(one.slot, one.job) for one in asking if one.slot])
            return Stage(passed, [kept(one.delivery) for one in asking])
        later = [
            Refused(one, pk, wait_of(one.job, "rate", key, rate_per_s), start)
            for one, start in zip(asking, starts, strict=False)
            if start > now_ms
        ]
        later += [
            Refused(one, pk, replace(wait_of(one.job, "rate", key, rate_per_s), far=True), now_ms + ASKS_AGAIN_MS)
            for one in asking[len(starts) :]
        ]
        deferred = self._deferral.put_off(later, now_ms)
        self._keep_slots(later, deferred.passed)
        put_off = {one.admitted.job.id for one in later}
        return Stage(passed + [one for one in asking if one.job.id not in put_off], deferred.left)

    def _keep_slots(self, later: Sequence[Refused], deferred: Sequence[tuple[Refused, Transition]]) -> None:
        """Keep the slots of jobs for the time that their tokens are good; free those of jobs without."""
        kept = {one.admitted.job.id: step for one, step in deferred if not one.wait.far}
        passed, lost = [], []
        for one in later:
            slot, step = one.admitted.slot, kept.get(one.admitted.job.id)
            if slot and step:
                passed.append(
                    transfer_slot(slot, step.job.id, reservation_token(step.job), step.job.due_at + HANDOVER_S * 1000)
                )
            elif slot:
                lost.append((slot, one.admitted.job))
        if passed:
            self._runtime.store.apply(passed)
        self.release(lost)

    def release(self, held: Sequence[tuple[Slot, Job]]) -> None:
        """Hand slots of jobs that run no longer to those who wait, or free them; what fails is freed by its lease."""
        by_key: defaultdict[tuple[str, int], list[Slot]] = defaultdict(list)
        for slot, job in held:
            by_key[slot.key.pk, self._concurrency_of(job)].append(slot)
        for (pk, concurrency), slots in by_key.items():
            with suppress(UnavailableError), self._runtime.bulkhead.around("release", pk):
                self._slots.serve(pk, concurrency, self._runtime.clock.now_ms(), giving=slots)

    def _concurrency_of(self, job: Job) -> int:
        """Give how many slots a job's key has now; 0, so that slots are freed and not passed on, if nobody knows."""
        with suppress(UnavailableError), self._runtime.bulkhead.around("limit_of", job.id):
            limit = self.limit_of(job)
            return (limit.concurrency or 0) if limit else 0
        return 0
