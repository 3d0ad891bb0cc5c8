"""Limits: which of a batch's jobs may start now; the others wait, visibly, and it costs them no attempt."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Literal

from whendue.domain.job import Job, from_item
from whendue.domain.keys import limit_pk
from whendue.domain.limit import Limit, Wait, token_is_good
from whendue.domain.overlap import governing, skips, was_skipped
from whendue.domain.rescue import ended_by_loss
from whendue.domain.slots import Board, Slot, enlist, handed_mark, pass_on, place
from whendue.domain.transitions import Transition, defer
from whendue.domain.writes import Write
from whendue.errors import UnavailableError, UnknownProfileError
from whendue.limits import HANDOVER_S, LIMIT_RECHECK_S
from whendue.ports import Applied, Delivery, Item
from whendue.services.outside import Ports
from whendue.services.overlaps import Overlaps
from whendue.services.profiles import Profiles
from whendue.services.rates import Rates
from whendue.services.record import record_and_send
from whendue.services.slots import Slots

# A wait this long may outlast what a payload's item was kept for.
LONG_WAIT_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class Admitted:
    """A job that may be claimed now, in its slot if its key has slots."""

    delivery: Delivery
    job: Job
    slot: Slot | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """A job that its limit does not let start now.

    Args:
        admitted: the job, with the slot that it has already.
        pk: the limit's key.
        wait: what it waits for.
        due_at: when it tries again, ms UTC.
        listed: it stands in the line already.
    """

    admitted: Admitted
    pk: str
    wait: Wait
    due_at: int
    listed: bool = False


@dataclass(slots=True)
class Admission:
    """What became of a batch at its limits.

    Args:
        admitted: may be claimed.
        unsettled: messages that must stay: nobody knows.
        counts: outcome -> number of messages that are done with.
    """

    admitted: list[Admitted] = field(default_factory=list)
    unsettled: list[Delivery] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)


class Limits:
    """Holds jobs to their limits across all workers."""

    def __init__(self, ports: Ports, profiles: Profiles) -> None:
        """Use these ports, and limits that profiles name."""
        self._ports = ports
        self._profiles = profiles
        self._slots = Slots(ports)
        self._rates = Rates(ports)
        self._overlaps = Overlaps(ports)

    def limit_of(self, job: Job) -> Limit | None:
        """Give the limit that governs a job's next claim, its key named; None where there is none.

        Raises:
            UnavailableError: nobody knows what the profile says.
        """
        if job.overlap:
            return governing(job, None)
        try:
            profile = self._profiles.find(job.tenant, job.profile, stale=True).limit
        except UnknownProfileError:
            profile = None
        return governing(job, profile)

    def admit(self, group: Sequence[tuple[Delivery, Job]], now_ms: int) -> Admission:
        """Let pass what may start now and defer the rest; a batch without limited jobs costs nothing.

        Args:
            group: messages and their jobs.
            now_ms: the claims' time.
        """
        admission = Admission()
        limits = self._limits_of(group, admission)
        limited = [(delivery, job) for delivery, job in group if job.id in limits]
        by_limit: defaultdict[tuple[str, Limit], list[Admitted]] = defaultdict(list)
        for one in self._still_due(limited, admission, now_ms) if limited else ():
            limit = limits[one.job.id]
            by_limit[limit_pk(one.job.tenant, limit.key or ""), limit].append(one)
        for (pk, limit), ones in by_limit.items():
            try:
                self._admit(pk, limit, ones, admission, now_ms)
            except UnavailableError:
                admission.unsettled += [one.delivery for one in ones]
        return admission

    def _limits_of(self, group: Sequence[tuple[Delivery, Job]], admission: Admission) -> dict[str, Limit]:
        """Give the limits of those that have any; the others pass, or stay where nobody knows."""
        limits: dict[str, Limit] = {}
        for delivery, job in group:
            try:
                limit = self.limit_of(job)
            except UnavailableError:
                admission.unsettled.append(delivery)
                continue
            if limit is None:
                admission.admitted.append(Admitted(delivery, job))
            else:
                limits[job.id] = limit
        return limits

    def _still_due(
        self, limited: Sequence[tuple[Delivery, Job]], admission: Admission, now_ms: int
    ) -> Sequence[Admitted]:
        """Read limited jobs as stored: what is stale takes no slot, no token and no place in the line."""
        try:
            items = self._ports.store.get([job.key for _, job in limited])
        except UnavailableError:
            admission.unsettled += [delivery for delivery, _ in limited]
            return []
        due, skipped = [], []
        for (delivery, carried), item in zip(limited, items, strict=True):
            job = self._profiles.followed(from_item(item)) if item else None
            if job and was_skipped(job):
                skipped.append(Admitted(delivery, job))
            elif job is None or job.terminal or job.generation != carried.generation or job.lease_until >= now_ms:
                admission.counts["refused"] += 1
            elif ended_by_loss(job, now_ms):
                # Its claim is refused and ends it.
                admission.admitted.append(Admitted(delivery, job))
            else:
                due.append(Admitted(delivery, job))
        self._enter_skipped(skipped, admission)
        return due

    def _enter_skipped(self, skipped: Sequence[Admitted], admission: Admission) -> None:
        """Tell the ledger what somebody who died did not."""
        told = self._overlaps.enter([one.job for one in skipped])
        admission.unsettled += [one.delivery for one in skipped if one.job.id not in told]

    def _skip(self, ones: Sequence[Admitted], admission: Admission, now_ms: int) -> None:
        for one, outcome in zip(ones, self._overlaps.skip([one.job for one in ones], now_ms), strict=True):
            if outcome.applied is Applied.UNAVAILABLE:
                admission.unsettled.append(one.delivery)
            else:
                admission.counts["skipped"] += 1

    def _admit(self, pk: str, limit: Limit, ones: Sequence[Admitted], admission: Admission, now_ms: int) -> None:
        """Hold jobs of one key to its limit: first a slot, then a token, so that no token waits for a slot."""
        key, rate = limit.key or "", None
        if limit.concurrency is not None:
            taken = self._slots.take(pk, limit.concurrency, [one.job for one in ones], now_ms)
            rate = taken.board.rate
            due_at = now_ms + LIMIT_RECHECK_S * 1000
            refused = [
                Refused(one, pk, _wait(one.job, "slot", key, limit.concurrency), due_at, one.job.id in taken.listed)
                for one in ones
                if one.job.id not in taken.slots
            ]
            ones = [replace(one, slot=taken.slots[one.job.id]) for one in ones if one.job.id in taken.slots]
            if refused:
                self._wait_for_slots(taken.board, limit.concurrency, refused, admission, now_ms)
        if limit.rate_per_s is not None and ones:
            seen = rate if limit.concurrency is not None else self._slots.look(pk).rate
            ones = self._in_rate(pk, limit, ones, seen, admission, now_ms)
        admission.admitted += ones

    def _wait_for_slots(
        self, board: Board, concurrency: int, refused: Sequence[Refused], admission: Admission, now_ms: int
    ) -> None:
        """Put jobs into the line, then look once more: a slot that was freed meanwhile would not be handed on."""
        try:
            overtaken, giving = self._supersede(board, [one.admitted.job for one in refused], now_ms)
        except UnavailableError:
            admission.unsettled += [one.admitted.delivery for one in refused]
            return
        line = {*board.waiters, *(place(one.admitted.job) for one in refused)}
        skipped = [one.admitted for one in refused if one.admitted.job.id in overtaken or skips(one.admitted.job, line)]
        self._skip(skipped, admission, now_ms)
        staying = [one for one in refused if one.admitted not in skipped]
        deferred = self._refuse(staying, admission, now_ms) if staying else []
        if deferred:
            also = [place(step.job) for _, step in deferred]
            with suppress(UnavailableError):
                self._slots.serve(board.pk, concurrency, now_ms, also=also, giving=giving)

    def _supersede(self, board: Board, jobs: Sequence[Job], now_ms: int) -> tuple[set[str], list[Slot]]:
        """Let older fires give way to these; gives the ids of those that came too late, and slots that are free now."""
        overtaken: set[str] = set()
        giving: list[Slot] = []
        for job in jobs:
            if job.overlap == "cancel_running" and not job.claims:
                slots = self._overlaps.supersede(board, job, now_ms)
                overtaken |= {job.id} if slots is None else set()
                giving += slots or []
        return overtaken, giving

    def _in_rate(
        self,
        pk: str,
        limit: Limit,
        ones: Sequence[Admitted],
        seen: Item | None,
        admission: Admission,
        now_ms: int,
    ) -> list[Admitted]:
        """Give the jobs that have a token now; the others come again when theirs is good, and have it then."""
        key, rate_per_s = limit.key or "", limit.rate_per_s or 0
        passed = [one for one in ones if token_is_good(one.job.waits_for, key, one.job.due_at, now_ms)]
        asking = sorted((one for one in ones if one not in passed), key=lambda one: place(one.job))
        starts = self._rates.reserve(pk, rate_per_s, len(asking), seen, now_ms)
        if starts is None:
            admission.unsettled += [one.delivery for one in asking]
            self.release([(one.slot, one.job) for one in asking if one.slot])
            return passed
        later = [
            Refused(one, pk, _wait(one.job, "rate", key, rate_per_s), start)
            for one, start in zip(asking, starts, strict=True)
            if start > now_ms
        ]
        put_off = {one.admitted.job.id for one in later}
        self._keep_slots(later, self._refuse(later, admission, now_ms))
        return passed + [one for one in asking if one.job.id not in put_off]

    def _keep_slots(self, later: Sequence[Refused], deferred: Sequence[tuple[Refused, Transition]]) -> None:
        """Keep the slots of jobs for the time that their tokens are good; free those of jobs that have changed."""
        kept = {one.admitted.job.id: step for one, step in deferred}
        writes = [
            pass_on(slot, step.job.id, handed_mark(step.job), step.job.due_at + HANDOVER_S * 1000)
            for one in later
            if (slot := one.admitted.slot) and (step := kept.get(one.admitted.job.id))
        ]
        if writes:
            self._ports.store.apply(writes)
        self.release(
            [
                (one.admitted.slot, one.admitted.job)
                for one in later
                if one.admitted.slot and one.admitted.job.id not in kept
            ]
        )

    def _refuse(
        self, refused: Sequence[Refused], admission: Admission, now_ms: int
    ) -> list[tuple[Refused, Transition]]:
        """Carry out what becomes of jobs that may not start; give those that hold."""
        steps = [(one, self._fate(one, now_ms)) for one in refused]
        if longer := [write for one, step in steps for write in self._keep_payload(one.admitted.job, step.job)]:
            self._ports.store.apply(longer)
        outcomes = record_and_send(self._ports.store, self._ports.queue, [step for _, step in steps], now_ms)
        holding = []
        for (one, step), outcome in zip(steps, outcomes, strict=True):
            if outcome.done:
                holding.append((one, step))
                admission.counts["limited"] += 1
            elif outcome.applied is Applied.UNAVAILABLE:
                admission.unsettled.append(one.admitted.delivery)
            else:
                admission.counts["refused"] += 1
        return holding

    def _fate(self, refused: Refused, now_ms: int) -> Transition:
        """Decide what becomes of a job that its limit does not let start now: it waits."""
        job, wait = refused.admitted.job, refused.wait
        in_line = wait.what == "slot" and not refused.listed
        first = enlist(refused.pk, job, now_ms) if in_line else None
        return defer(job, wait, refused.due_at, now_ms, self._ports.settings.timing, first=first)

    def _keep_payload(self, job: Job, after: Job) -> list[Write]:
        waited_ms = after.due_at - place(after).since
        return self._ports.documents.keep_longer(job, after.due_at) if waited_ms > LONG_WAIT_MS else []

    def release(self, held: Sequence[tuple[Slot, Job]]) -> None:
        """Hand slots of jobs that run no longer to those who wait, or free them; what fails is freed by its lease."""
        by_key: defaultdict[tuple[str, int], list[Slot]] = defaultdict(list)
        for slot, job in held:
            by_key[slot.key.pk, self._concurrency_of(job)].append(slot)
        for (pk, concurrency), slots in by_key.items():
            with suppress(UnavailableError):
                self._slots.serve(pk, concurrency, self._ports.effects.now_ms(), giving=slots)

    def _concurrency_of(self, job: Job) -> int:
        """Give how many slots a job's key has now; 0, so that slots are freed and not passed on, if nobody knows."""
        with suppress(UnavailableError):
            limit = self.limit_of(job)
            return (limit.concurrency or 0) if limit else 0
        return 0


def _wait(job: Job, what: Literal["slot", "rate"], key: str, limit: float) -> Wait:
    """Say what a job waits for; who came too late for its token says so."""
    before = job.waits_for
    late = before.late + 1 if before and before.what == what == "rate" else 0
    return Wait(what, key, limit, place(job).since, late)
