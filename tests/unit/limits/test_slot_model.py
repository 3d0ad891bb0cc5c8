"""Writes of slots: whoever lost a slot, or was not the first to see it free, changes nothing."""

from collections.abc import Callable

import pytest

from tests.builders.samples import a_job
from whendue.adapters.memory import MemoryStore
from whendue.jobs.limit_spec import Limit, Wait
from whendue.jobs.model import Job, evolve
from whendue.limits.slot_model import (
    Slot,
    acquire_slot,
    held_back,
    lapsed_numbers,
    limit_state_of,
    release,
    renew,
    reservation_token,
    transfer_slot,
)
from whendue.quotas import HORIZON_S
from whendue.table.keys import slot_key
from whendue.table.writes import Write

NOW = 1_800_000_000_000
PK = "LIMIT#acme#k"
MINE = Slot(slot_key(PK, 0), "mine")
WRITES: dict[str, Callable[[Slot], Write]] = {
    "pass on": lambda slot: transfer_slot(slot, "other", "for#other", NOW + 1000),
    "renew": lambda slot: renew(slot, NOW + 1000),
    "free": release,
}


def held(store: MemoryStore, fence: str, lease_until: int, now_ms: int = NOW) -> None:
    """Let a job take the slot under a fence."""
    [end] = store.apply(
        [acquire_slot(limit_state_of(PK, store.query(PK)), 0, f"job-{fence}", fence, lease_until, now_ms)]
    )
    assert end.done


@pytest.mark.parametrize("name", WRITES)
def test_a_slot_that_was_lost_to_another_job_is_not_passed_on_renewed_or_freed(name: str) -> None:
    """A worker that was silent for too long takes nothing from whoever came after it."""
    store = MemoryStore()
    held(store, "mine", NOW - 1)
    held(store, "theirs", NOW + 60_000)
    before = store.items()
    store.apply([WRITES[name](MINE)])
    assert store.items() == before


@pytest.mark.parametrize(
    ("fence", "lease_until", "lapsed"),
    [("for#other", NOW - 1, {0}), ("for#other", NOW, set()), ("mine", NOW - 1, set()), ("mine", NOW, set())],
)
def test_only_a_reservation_that_nobody_took_up_in_time_has_lapsed(
    fence: str, lease_until: int, lapsed: set[int]
) -> None:
    """A slot whose lease has ended is its job's until rescue has seen to that."""
    store = MemoryStore()
    held(store, fence, lease_until)
    assert lapsed_numbers(limit_state_of(PK, store.query(PK)), NOW) == lapsed


@pytest.mark.parametrize("name", WRITES)
def test_who_holds_a_slot_may_pass_it_on_renew_and_free_it(name: str) -> None:
    """Also after its lease, as long as nobody else has taken it."""
    store = MemoryStore()
    held(store, "mine", NOW - 1)
    [end] = store.apply([WRITES[name](MINE)])
    assert end.done
    [item] = store.items().values() or [{"lease_until": NOW + 1000}]
    assert item["lease_until"] == NOW + 1000


def test_of_two_who_saw_a_slot_free_one_takes_it() -> None:
    """Whether nobody held it or its lease had expired."""
    store = MemoryStore()
    for now_ms in (NOW, NOW + 10_000):
        state = limit_state_of(PK, store.query(PK))
        both = [acquire_slot(state, 0, name, name, now_ms + 5000, now_ms) for name in ("one", "two")]
        assert [end.done for write in both for end in store.apply([write])] == [True, False]


def test_a_slot_that_was_renewed_after_it_looked_free_is_not_taken() -> None:
    """A late heartbeat that nobody forestalled holds it."""
    store = MemoryStore()
    held(store, "mine", NOW - 1)
    state = limit_state_of(PK, store.query(PK))
    store.apply([renew(MINE, NOW + 60_000)])
    [end] = store.apply([acquire_slot(state, 0, "other", "theirs", NOW + 60_000, NOW)])
    assert not end.done


def held_slot(fence: str, lease_until: int = NOW + 1000) -> dict[str, object]:
    return {"pk": PK, "sk": "slot#000", "fence": fence, "job_id": "other", "lease_until": lease_until}


JOB = evolve(a_job("0" * 36), due_at=NOW)
RATE = {"pk": PK, "sk": "rate"}
BACK: dict[str, tuple[Job, Limit, list[dict[str, object]], Wait | None]] = {
    "a free key": (JOB, Limit(1, 1, "k"), [], None),
    "a held slot": (JOB, Limit(1, None, "k"), [held_slot("theirs")], Wait("slot", "k", 1, NOW)),
    "one of two": (JOB, Limit(2, None, "k"), [held_slot("theirs")], None),
    "an expired lease": (JOB, Limit(1, None, "k"), [held_slot("theirs", NOW - 1)], None),
    "a slot that is kept for it": (JOB, Limit(1, None, "k"), [held_slot(reservation_token(JOB))], None),
    "a token that is gone": (JOB, Limit(None, 1, "k"), [RATE | {"tat_us": NOW * 1000 + 1}], Wait("rate", "k", 1, NOW)),
    "a token that is there": (JOB, Limit(None, 1, "k"), [RATE | {"tat_us": NOW * 1000}], None),
    "no token within the horizon": (
        JOB,
        Limit(None, 0.001, "k"),
        [RATE | {"tat_us": (NOW + HORIZON_S * 1000) * 1000 + 10**9}],
        Wait("rate", "k", 0.001, NOW),
    ),
    "a token of its own": (
        evolve(JOB, waits_for=Wait("rate", "k", 1, NOW - 5000)),
        Limit(None, 1, "k"),
        [RATE | {"tat_us": NOW * 1000 + 1}],
        None,
    ),
    "the slot before the token": (
        JOB,
        Limit(1, 1, "k"),
        [held_slot("theirs"), RATE | {"tat_us": NOW * 1000 + 1}],
        Wait("slot", "k", 1, NOW),
    ),
    "its place in the line": (
        evolve(JOB, waits_for=Wait("slot", "k", 1, NOW - 5000)),
        Limit(1, None, "k"),
        [held_slot("theirs")],
        Wait("slot", "k", 1, NOW - 5000),
    ),
}


@pytest.mark.parametrize("name", BACK)
def test_what_a_due_job_would_wait_for(name: str) -> None:
    """What a worker would do with it, without doing it."""
    job, limit, items, expected = BACK[name]
    assert held_back(job, limit, limit_state_of(PK, items), NOW) == expected
