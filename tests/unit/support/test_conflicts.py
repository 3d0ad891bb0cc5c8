"""Read, decide, write: after a conflict it is all decided again, on what is there then, a bounded number of times."""

from collections.abc import Sequence
from typing import NoReturn

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whendue.errors import StateConflictError, UnavailableError, UnstorableError
from whendue.quotas import CONFLICT_TRIES
from whendue.support.conflicts import CONFLICT, Conflict, NoWrite, retry_on_conflict

GIVEN_UP = "given up"


class Counter:
    """A number that others change: the next reads find these values, and each write in `losing` meets a conflict."""

    def __init__(self, values: Sequence[int], losing: int) -> None:
        self._values = iter(values)
        self._losing = losing
        self.calls: list[str] = []

    def read(self) -> int:
        value = next(self._values)
        self.calls.append(f"read {value}")
        return value

    def decide(self, value: int) -> str | NoWrite[str]:
        """Plan to write the next number; 0 stays as it is."""
        self.calls.append(f"decide {value}")
        return f"{value + 1}" if value else NoWrite("0 is left")

    def apply(self, plan: str) -> str | Conflict:
        self.calls.append(f"write {plan}")
        self._losing -= 1
        return CONFLICT if self._losing >= 0 else f"wrote {plan}"

    def run(self, tries: int) -> str:
        return retry_on_conflict(self.read, self.decide, self.apply, exhausted=lambda: GIVEN_UP, tries=tries)


@given(values=st.lists(st.integers(0, 3), min_size=8, max_size=8), losing=st.integers(0, 8), tries=st.integers(1, 8))
def test_each_round_decides_on_what_it_has_read_until_one_ends_it_or_all_are_used(
    values: list[int], losing: int, tries: int
) -> None:
    """Whatever others write meanwhile, nothing is written that was decided on an old read."""
    counter, calls, result = Counter(values, losing), list[str](), GIVEN_UP
    for number, value in enumerate(values[:tries]):
        calls += [f"read {value}", f"decide {value}"]
        if value == 0:
            result = "0 is left"
            break
        calls.append(f"write {value + 1}")
        if number == losing:
            result = f"wrote {value + 1}"
            break
    assert (counter.run(tries), counter.calls) == (result, calls)


def test_without_a_conflict_everything_happens_once() -> None:
    """The usual case costs one read and one write."""
    counter = Counter([1, 2], losing=0)
    assert counter.run(tries=5) == "wrote 2"
    assert counter.calls == ["read 1", "decide 1", "write 2"]


def test_the_number_of_tries_is_that_of_the_table_of_quotas() -> None:
    """One number for all who have no reason for another."""
    counter = Counter([1] * 100, losing=100)
    found = retry_on_conflict(counter.read, counter.decide, counter.apply, exhausted=lambda: GIVEN_UP)
    assert (found, len(counter.calls)) == (GIVEN_UP, 3 * CONFLICT_TRIES)


@pytest.mark.parametrize("error", [UnavailableError, UnstorableError])
@pytest.mark.parametrize(("at", "calls"), [("read", 0), ("decide", 1), ("apply", 2)])
def test_an_error_of_any_step_ends_it_at_once(
    error: type[Exception], at: str, calls: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where nobody knows whether a write was done, another one might do it twice."""
    counter = Counter([1, 2], losing=0)

    def failing(*_: object) -> NoReturn:
        raise error

    monkeypatch.setattr(counter, at, failing)
    with pytest.raises(error):
        counter.run(tries=5)
    assert len(counter.calls) == calls


def test_who_runs_out_of_tries_may_raise() -> None:
    """A request is refused by an error that says so."""

    def refuse() -> NoReturn:
        raise StateConflictError("it keeps changing")

    counter = Counter([1, 1], losing=2)
    with pytest.raises(StateConflictError, match="it keeps changing"):
        retry_on_conflict(counter.read, counter.decide, counter.apply, exhausted=refuse, tries=2)
    assert counter.calls == ["read 1", "decide 1", "write 2"] * 2


def test_none_and_false_are_results_like_any_other() -> None:
    """Only CONFLICT means that the write was refused."""
    for result in (None, False):
        tried = list[int]()

        def apply(value: int, tried: list[int] = tried, result: bool | None = result) -> bool | Conflict | None:
            tried.append(value)
            return result

        assert retry_on_conflict(lambda: 1, lambda value: value, apply, exhausted=lambda: True) is result
        assert tried == [1]
