"""Fresh: what is known is never older than it may be, and never more than so much."""

from collections.abc import Callable, Sequence

import pytest

from whendue.errors import UnavailableError
from whendue.support.clock import ManualClock
from whendue.support.ttl_cache import TtlCache


class Shelf:
    """A clock, something that remembers for 5 s, and where it reads."""

    def __init__(self, size: int = 10) -> None:
        self.clock = ManualClock()
        self.fresh: TtlCache[str, int] = TtlCache(self.clock.as_clock(), 5000, size)
        self.reads: list[str] = []

    def get(self, key: str = "a", *, stale: bool = False, takes_s: float = 0, fails: bool = False) -> int:
        """Ask for a value; each one read is a number higher than the one before."""
        return self.fresh.get(key, self._read(key, takes_s, fails=fails), stale=stale)

    def _read(self, key: str, takes_s: float, *, fails: bool) -> Callable[[], int]:
        def read() -> int:
            self.reads.append(key)
            self.clock.advance(takes_s)
            if fails:
                raise UnavailableError
            return len(self.reads)

        return read


def test_a_value_is_read_once_and_again_at_its_age() -> None:
    """An edit is live within the age, and no sooner costs a read."""
    shelf = Shelf()
    assert [shelf.get(), shelf.get()] == [1, 1]
    shelf.clock.advance(4.999)
    assert shelf.get() == 1
    shelf.clock.advance(0.001)
    assert shelf.get() == 2


def test_a_value_is_as_old_as_the_question_not_as_the_answer() -> None:
    """A slow read may give what was true when it began."""
    shelf = Shelf()
    shelf.get(takes_s=3)
    shelf.clock.advance(2)
    assert shelf.get() == 2


def test_a_clock_that_is_set_back_makes_no_value_younger() -> None:
    """Else it would be kept for as long as the clock went back."""
    shelf = Shelf()
    shelf.get()
    shelf.clock.advance(-1)
    assert shelf.get() == 2


def test_keys_are_apart() -> None:
    """Each has its own value and age."""
    shelf = Shelf()
    assert [shelf.get("a"), shelf.get("b"), shelf.get("a")] == [1, 2, 1]


def test_what_cannot_be_read_is_an_error_unless_an_old_value_will_do() -> None:
    """Whoever accepts something must know; whoever goes on with what runs may use what was."""
    shelf = Shelf()
    with pytest.raises(UnavailableError):
        shelf.get(fails=True, stale=True)
    shelf.get()
    shelf.clock.advance(60)
    with pytest.raises(UnavailableError):
        shelf.get(fails=True)
    assert shelf.get(fails=True, stale=True) == 2
    assert shelf.get() == 5, "what was stale is not taken for fresh"


def test_what_is_forgotten_is_read_again() -> None:
    """Who has changed a value sees his own change."""
    shelf = Shelf()
    shelf.get()
    shelf.fresh.forget("a")
    shelf.fresh.forget("never known")
    assert shelf.get() == 2


def test_no_more_is_remembered_than_may_be() -> None:
    """Whatever tenants ask for, a process's memory is bounded; the one read first goes first."""
    shelf = Shelf(size=2)
    for key in ("a", "b"):
        shelf.get(key)
    shelf.clock.advance(5)
    for key in ("a", "c", "a", "c"):
        shelf.get(key)
    assert shelf.reads == ["a", "b", "a", "c"]
    shelf.get("b")
    shelf.get("a")
    assert shelf.reads == ["a", "b", "a", "c", "b", "a"]


def test_many_are_read_at_once_and_only_those_that_are_not_known() -> None:
    """Each key has an age of its own; none is asked for twice."""
    clock = ManualClock()
    fresh: TtlCache[str, str] = TtlCache(clock.as_clock(), 2000, 1)
    asked: list[list[str]] = []

    def read(keys: Sequence[str]) -> list[str]:
        asked.append(list(keys))
        return [f"{key} at {clock.now_ms()}" for key in keys]

    first = fresh.get_many(["a", "b", "a"], read)
    assert list(first) == ["a", "b"], "whole, though it remembers one"
    clock.advance(1)
    assert fresh.get_many(["b"], read)["b"] == first["b"]
    fresh.get_many(["b", "c"], read)
    clock.advance(-10)
    fresh.get_many(["c"], read)
    assert asked == [["a", "b"], ["c"], ["c"]]
