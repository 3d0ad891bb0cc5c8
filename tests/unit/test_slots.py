"""Writes of slots: whoever lost a slot, or was not the first to see it free, changes nothing."""

from collections.abc import Callable

import pytest

from whendue.adapters.memory import MemoryStore
from whendue.domain.keys import slot_key
from whendue.domain.slots import Slot, board_of, occupy, pass_on, release, renew
from whendue.domain.writes import Write

NOW = 1_800_000_000_000
PK = "LIMIT#acme#k"
MINE = Slot(slot_key(PK, 0), "mine")
WRITES: dict[str, Callable[[Slot], Write]] = {
    "pass on": lambda slot: pass_on(slot, "other", "for#other", NOW + 1000),
    "renew": lambda slot: renew(slot, NOW + 1000),
    "free": release,
}


def held(store: MemoryStore, fence: str, lease_until: int, now_ms: int = NOW) -> None:
    """Let a job take the slot under a fence."""
    [end] = store.apply([occupy(board_of(PK, store.family(PK)), 0, f"job-{fence}", fence, lease_until, now_ms)])
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
        board = board_of(PK, store.family(PK))
        both = [occupy(board, 0, name, name, now_ms + 5000, now_ms) for name in ("one", "two")]
        assert [end.done for write in both for end in store.apply([write])] == [True, False]


def test_a_slot_that_was_renewed_after_it_looked_free_is_not_taken() -> None:
    """A late heartbeat that nobody forestalled holds it."""
    store = MemoryStore()
    held(store, "mine", NOW - 1)
    board = board_of(PK, store.family(PK))
    store.apply([renew(MINE, NOW + 60_000)])
    [end] = store.apply([occupy(board, 0, "other", "theirs", NOW + 60_000, NOW)])
    assert not end.done
