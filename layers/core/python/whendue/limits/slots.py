"""Slots of limited keys: acquired, transferred to the first waiter, and released, by conditional writes."""

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from typing import NamedTuple

from whendue.engine.apply import send
from whendue.engine.commit import commit_unsent
from whendue.engine.runtime import Runtime
from whendue.errors import UnavailableError
from whendue.jobs.model import Job, from_item
from whendue.jobs.transitions import wake
from whendue.limits.slot_model import (
    FIRST_SK,
    LAST_SK,
    LimitState,
    Slot,
    Waiter,
    acquire_slot,
    free_numbers,
    held_numbers,
    is_waiting,
    kept_for,
    lapsed_numbers,
    limit_state_of,
    queue_position,
    release,
    remove_waiter,
    reservation_token,
    transfer_slot,
)
from whendue.quotas import HANDOVER_S, LIMIT_CONCURRENCY, LIMIT_WAITERS
from whendue.table.keys import job_key, slot_key
from whendue.table.writes import Write

# Rounds in which a batch tries for slots that other workers try for, too.
ROUNDS = 3


class AcquiredSlots(NamedTuple):
    """The slots that a batch acquired.

    Args:
        slots: job id -> its slot.
        limit_state: the key, as last read.
    """

    slots: dict[str, Slot]
    limit_state: LimitState


class WaitQueue(NamedTuple):
    """The waiters of a key.

    Args:
        turns: waiter -> the free slot that it gets.
        waiting: the waiters that still wait, with their jobs as stored.
        stale: the waiters that wait no longer.
    """

    turns: dict[Waiter, int]
    waiting: dict[Waiter, Job]
    stale: list[Waiter]


class Slots:
    """Assigns slots to jobs in the order in which they were due, never more than a key's limit."""

    def __init__(self, runtime: Runtime) -> None:
        """Use this runtime."""
        self._runtime = runtime

    def look(self, pk: str) -> LimitState:
        """Read a key: one call.

        Raises:
            UnavailableError: the table does not answer.
        """
        limit = 1 + LIMIT_CONCURRENCY + LIMIT_WAITERS
        return limit_state_of(pk, self._runtime.store.query_range(pk, first=FIRST_SK, last=LAST_SK, limit=limit))

    def take(self, pk: str, concurrency: int, jobs: Sequence[Job], now_ms: int) -> AcquiredSlots:
        """Acquire slots for the jobs whose turn it is.

        Args:
            pk: the key.
            concurrency: its limit.
            jobs: as stored; claimable.
            now_ms: the claims' time; leases begin then.

        Raises:
            UnavailableError: the table does not answer; nothing was taken.
        """
        limit_state = self.look(pk)
        fences = {job.id: self._runtime.clock.new_id() for job in jobs}
        taken: dict[str, Slot] = {}
        remaining = list(jobs)
        with suppress(UnavailableError):
            for _ in range(ROUNDS):
                reserved = {job.id: kept_for(limit_state, job, fences[job.id]) for job in remaining}
                # If the limit was lowered since, it holds for this claim, too: kept slots are given up.
                lowered = len(held_numbers(limit_state, (), now_ms)) > concurrency
                kept = {} if lowered else {job_id: slots[0] for job_id, slots in reserved.items() if slots}
                giving = [slot for slots in reserved.values() for slot in (slots if lowered else slots[1:])]
                taken |= self._take_kept([job for job in remaining if job.id in kept], kept, fences, now_ms)
                remaining = [job for job in remaining if job.id not in taken]
                queue = self._wait_queue(limit_state, concurrency, now_ms, mine=remaining, giving=giving)
                taken |= self._take_free(limit_state, remaining, fences, queue, now_ms)
                self._hand(limit_state, queue, giving, now_ms)
                remaining = [job for job in remaining if job.id not in taken]
                if not any(queue_position(job) in queue.turns for job in remaining):
                    break
                limit_state = self.look(pk)
        return AcquiredSlots(taken, limit_state)

    def _wait_queue(
        self,
        limit_state: LimitState,
        concurrency: int,
        now_ms: int,
        *,
        mine: Sequence[Job] = (),
        also: Collection[Waiter] = (),
        giving: Collection[Slot] = (),
    ) -> WaitQueue:
        """Return which waiter gets which free slot: the first that was due, in the wait queue or not in it yet.

        A slot whose reservation lapsed goes to a job that is here, whoever was due first: where messages take longer
        than reservations last, nobody would ever start otherwise.
        """
        free = free_numbers(limit_state, concurrency, giving, now_ms, self._runtime.clock.random())
        ids, positions = {job.id for job in mine}, sorted(map(queue_position, mine))
        lapsed = lapsed_numbers(limit_state, now_ms)
        at_once = dict(zip(positions, [number for number in free if number in lapsed], strict=False))
        free = [number for number in free if number not in at_once.values()]
        # A job has one position: an older one, from before it was rescheduled, does not delay it.
        queued = sorted(
            {waiter for waiter in (*limit_state.waiters, *also) if waiter.job_id not in ids}
            | {position for position in positions if position not in at_once}
        )
        if all(waiter.job_id in ids for waiter in queued[: len(free)]):
            return WaitQueue(at_once | dict(zip(queued, free, strict=False)), {}, [])
        # Stale waiters delay no other: more waiters than free slots are read.
        others = [waiter for waiter in queued if waiter.job_id not in ids][: len(free) + LIMIT_WAITERS]
        items = self._runtime.store.get([job_key(waiter.job_id) for waiter in others])
        # A job that cannot be read gets no slot.
        found = [(waiter, item) for waiter, item in zip(others, items, strict=True) if item]
        read = self._runtime.bulkhead.each(
            found, lambda pair: from_item(pair[1]), stage="slots", name=lambda pair: pair[0].job_id
        )
        jobs = {waiter: job for (waiter, _), job in read}
        waiting = {
            waiter: job
            for waiter, job in jobs.items()
            if is_waiting(job, limit_state.pk, now_ms) and queue_position(job) == waiter
        }
        queued = [waiter for waiter in queued if waiter.job_id in ids or waiter in waiting]
        turns = at_once | dict(zip(queued, free, strict=False))
        return WaitQueue(turns, waiting, [waiter for waiter in others if waiter not in waiting])

    def _take_kept(
        self, jobs: Sequence[Job], kept: Mapping[str, Slot], fences: Mapping[str, str], now_ms: int
    ) -> dict[str, Slot]:
        writes = [(job, transfer_slot(kept[job.id], job.id, fences[job.id], _until(job, now_ms))) for job in jobs]
        return self._taken(writes, fences)

    def _take_free(
        self, limit_state: LimitState, jobs: Sequence[Job], fences: Mapping[str, str], queue: WaitQueue, now_ms: int
    ) -> dict[str, Slot]:
        mine = {job.id: job for job in jobs if queue_position(job) in queue.turns}
        writes = [
            (
                job,
                acquire_slot(
                    limit_state, queue.turns[queue_position(job)], job.id, fences[job.id], _until(job, now_ms), now_ms
                ),
            )
            for job in mine.values()
        ]
        return self._taken(
            writes,
            fences,
            [remove_waiter(limit_state.pk, waiter) for waiter in limit_state.waiters if waiter.job_id in mine],
        )

    def _taken(
        self, wanted: Sequence[tuple[Job, Write]], fences: Mapping[str, str], also: Sequence[Write] = ()
    ) -> dict[str, Slot]:
        if not wanted:
            return {}
        results = self._runtime.store.apply([*(write for _, write in wanted), *also])
        return {
            job.id: Slot(write.key, fences[job.id])
            for (job, write), result in zip(wanted, results, strict=False)
            if result.done
        }

    def serve(
        self, pk: str, concurrency: int, now_ms: int, *, giving: Sequence[Slot] = (), also: Collection[Waiter] = ()
    ) -> None:
        """Transfer free slots to the first waiters, and release given-up slots that no job waits for.

        Args:
            pk: the key.
            concurrency: its limit.
            now_ms: the time.
            giving: slots whose jobs have ended.
            also: waiters that may be missing in the wait queue: they were removed as stale before they were deferred.

        Raises:
            UnavailableError: the table does not answer; slots that were given up are free when their leases end.
        """
        limit_state = self.look(pk)
        self._hand(
            limit_state, self._wait_queue(limit_state, concurrency, now_ms, also=also, giving=giving), giving, now_ms
        )

    def _hand(self, limit_state: LimitState, queue: WaitQueue, giving: Sequence[Slot], now_ms: int) -> None:
        """Wake waiters, keep their slots for them, then send: a message never comes before its slot is kept."""
        woken = self._wake(queue, now_ms)
        given, until = {slot.key: slot for slot in giving}, now_ms + HANDOVER_S * 1000
        writes = [remove_waiter(limit_state.pk, waiter) for waiter in (*woken, *queue.stale)]
        for waiter, job in woken.items():
            number, mark = queue.turns[waiter], reservation_token(job)
            slot = given.pop(slot_key(limit_state.pk, number), None)
            writes.append(
                transfer_slot(slot, job.id, mark, until)
                if slot
                else acquire_slot(limit_state, number, job.id, mark, until, now_ms)
            )
        writes += [release(slot) for slot in given.values()]
        if writes:
            self._runtime.store.apply(writes)
        send(self._runtime.queue, list(woken.values()), now_ms, self._runtime.bulkhead)

    def _wake(self, queue: WaitQueue, now_ms: int) -> dict[Waiter, Job]:
        """Make the jobs whose turn it is due now; return those that had not changed."""
        timing = self._runtime.settings.timing
        steps = {
            waiter: wake(queue.waiting[waiter], now_ms, timing) for waiter in queue.turns if waiter in queue.waiting
        }
        results = commit_unsent(self._runtime, list(steps.values()))
        return {waiter: step.job for (waiter, step), result in zip(steps.items(), results, strict=True) if result.done}


def _until(job: Job, now_ms: int) -> int:
    return now_ms + job.policy.lease_s * 1000
