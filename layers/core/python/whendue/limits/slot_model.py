"""A limited key's slots and its wait queue: which slots are free, and the writes that change them.

A slot's item exists while the slot is taken; it has a fence and a lease, like a job's claim.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from whendue.jobs.limit_spec import Limit, Wait
from whendue.jobs.model import Job, State
from whendue.limits.rate_policy import reserve, token_is_good
from whendue.quotas import LIMIT_ITEM_KEPT_S
from whendue.table.keys import Key, limit_pk, slot_key, waiter_key
from whendue.table.writes import Absent, Below, Is, Write, delete, insert

Item = Mapping[str, Any]
# A key's items between the first and the last of these: `rate`, `slot#...`, `waiter#...`.
FIRST_SK, LAST_SK = "rate", "waiter$"
# How the fence of a slot begins that is reserved for a job, and not held by one yet.
RESERVED = "for#"


class Slot(NamedTuple):
    """A slot that is held: its item's key, and the fence under which it is held."""

    key: Key
    fence: str


class Waiter(NamedTuple):
    """A position in the wait queue: by the time at which the attempt was due (ms UTC), then by job."""

    since: int
    job_id: str


@dataclass(frozen=True, slots=True)
class LimitState:
    """A key as read: the rate's item, the slots by number, the first of its wait queue."""

    pk: str
    rate: Item | None
    slots: Mapping[int, Item]
    waiters: Sequence[Waiter]

    def key_of(self, number: int) -> Key:
        """Return the key of one of its slots."""
        return slot_key(self.pk, number)


def limit_state_of(pk: str, items: Sequence[Item]) -> LimitState:
    """Sort the items that were read."""
    rate: Item | None = None
    slots: dict[int, Item] = {}
    waiters: list[Waiter] = []
    for item in items:
        kind, *rest = item["sk"].split("#", 2)
        if kind == "rate":
            rate = item
        elif kind == "slot":
            slots[int(rest[0])] = item
        else:
            waiters.append(Waiter(int(rest[0]), rest[1]))
    return LimitState(pk, rate, slots, waiters)


def queue_position(job: Job) -> Waiter:
    """Return a job's position in the wait queue: it keeps that of its first try."""
    return Waiter(job.waits_for.since if job.waits_for else job.due_at, job.id)


def is_waiting(job: Job, pk: str, now_ms: int) -> bool:
    """Return whether a job as stored waits for a slot of this key, at the position that `queue_position` returns.

    One past its expiry does not: a slot that is reserved for it would be idle until the reservation lapses.
    """
    wait = job.waits_for
    waits = wait is not None and wait.what == "slot" and limit_pk(job.tenant, wait.key) == pk
    return waits and job.state is State.PENDING and not job.is_past_expiry(now_ms)


def reservation_token(job: Job) -> str:
    """Return the fence under which a slot is reserved for a job: the job's claim can compute it.

    The same for all generations: of two workers that wake a job at once, one's generation is over before it is used.
    """
    return f"{RESERVED}{job.id}"


def free_numbers(
    limit_state: LimitState, concurrency: int, giving: Collection[Slot], now_ms: int, draw: float
) -> list[int]:
    """List the slots that may be taken: at most the limit less all that are held.

    Args:
        limit_state: the key as read.
        concurrency: the limit; slots from there on are held by jobs of an earlier, higher one.
        giving: slots that are given up now.
        now_ms: the time; a slot whose lease has expired is free, by clocks that may differ (as guarantee G4).
        draw: a random number from [0, 1): workers that try at the same time begin at different slots.
    """
    held = held_numbers(limit_state, giving, now_ms)
    begin = int(draw * concurrency)
    numbers = [*range(begin, concurrency), *range(begin)]
    return [n for n in numbers if n not in held][: max(0, concurrency - len(held))]


def held_numbers(limit_state: LimitState, giving: Collection[Slot], now_ms: int) -> set[int]:
    """List the slots that are held by a job, or kept for one."""
    return {
        number
        for number, item in limit_state.slots.items()
        if item["lease_until"] >= now_ms and Slot(limit_state.key_of(number), item["fence"]) not in giving
    }


def kept_for(limit_state: LimitState, job: Job, fence: str) -> list[Slot]:
    """List the slots that are reserved for a job, or that it took under this fence before a reply was lost.

    Two may be reserved for one that two workers woke at once.
    """
    marks = (reservation_token(job), fence)
    return [
        Slot(limit_state.key_of(number), item["fence"])
        for number, item in limit_state.slots.items()
        if item["fence"] in marks
    ]


def lapsed_numbers(limit_state: LimitState, now_ms: int) -> set[int]:
    """List the slots that were reserved for jobs that did not come in time."""
    return {
        number
        for number, item in limit_state.slots.items()
        if item["fence"].startswith(RESERVED) and item["lease_until"] < now_ms
    }


def held_back(job: Job, limit: Limit, limit_state: LimitState, now_ms: int) -> Wait | None:
    """Return what a due job would wait for if a worker tried it now; None if it could start.

    Args:
        job: as stored, pending.
        limit: its limit, with its key.
        limit_state: the key as read.
        now_ms: the time.
    """
    key, since, has_slot = (
        str(limit.key),
        queue_position(job).since,
        bool(kept_for(limit_state, job, reservation_token(job))),
    )
    if (
        limit.concurrency is not None
        and not has_slot
        and len(held_numbers(limit_state, (), now_ms)) >= limit.concurrency
    ):
        return Wait("slot", key, limit.concurrency, since)
    if limit.rate_per_s is not None and not token_is_good(job.waits_for, key, job.due_at, now_ms):
        starts, _ = reserve(limit_state.rate["tat_us"] if limit_state.rate else 0, now_ms * 1000, limit.rate_per_s, 1)
        if not starts or starts[0] > now_ms * 1000:
            return Wait("rate", key, limit.rate_per_s, since)
    return None


def acquire_slot(limit_state: LimitState, number: int, job_id: str, fence: str, lease_until: int, now_ms: int) -> Write:
    """Take a slot that was read as free, or reserve it for a job; refused if it was taken or renewed since."""
    values = _held(job_id, fence, lease_until)
    expected = [Below("lease_until", now_ms) if number in limit_state.slots else Absent()]
    return Write("take_slot", slot_key(limit_state.pk, number), expected, values)


def transfer_slot(slot: Slot, job_id: str, fence: str, lease_until: int) -> Write:
    """Transfer a held slot to another job, or take a reserved one."""
    return Write("pass_slot", slot.key, [Is("fence", slot.fence)], _held(job_id, fence, lease_until))


def renew(slot: Slot, lease_until: int) -> Write:
    """Hold a slot for as long as its job's lease."""
    changes = {"lease_until": lease_until, "expires_at": _expires_at(lease_until)}
    return Write("renew_slot", slot.key, [Is("fence", slot.fence)], changes)


def release(slot: Slot) -> Write:
    """Free a slot; refused if it was lost meanwhile."""
    return delete("free_slot", slot.key, Is("fence", slot.fence))


def enqueue_waiter(pk: str, job: Job, now_ms: int) -> Write:
    """Add a job to the wait queue; refused if it is in it already, which does no harm."""
    return insert("enqueue_waiter", waiter_key(pk, *queue_position(job)), {"expires_at": _expires_at(now_ms)})


def remove_waiter(pk: str, waiter: Waiter) -> Write:
    """Remove a job from the wait queue."""
    return delete("remove_waiter", waiter_key(pk, *waiter))


def _held(job_id: str, fence: str, lease_until: int) -> dict[str, Any]:
    return {"job_id": job_id, "fence": fence, "lease_until": lease_until, "expires_at": _expires_at(lease_until)}


def _expires_at(until_ms: int) -> int:
    return until_ms // 1000 + LIMIT_ITEM_KEPT_S
