"""The pool of threads: calls overlap, end together, and come back in order."""

import threading
from contextvars import ContextVar
from functools import partial

import pytest

from whendue.adapters.threads import ThreadPool

WHO: ContextVar[str] = ContextVar("who", default="nobody")


def test_calls_overlap_and_their_values_come_back_in_order() -> None:
    """Each waits for all of the others to have begun."""
    together = threading.Barrier(4)

    def call(number: int) -> int:
        together.wait(timeout=30)
        return number

    assert ThreadPool(4).run([partial(call, number) for number in range(4)]) == [0, 1, 2, 3]


def test_no_more_run_at_once_than_there_are_threads() -> None:
    """However many calls there are."""
    lock, running, most = threading.Lock(), [0], [0]

    def call() -> None:
        with lock:
            running[0] += 1
            most[0] = max(most[0], running[0])
        threading.Event().wait(0.001)
        with lock:
            running[0] -= 1

    ThreadPool(3).run([call] * 50)
    assert 1 <= most[0] <= 3


def test_the_first_error_is_raised_once_all_have_ended() -> None:
    """Nothing of a call goes on behind its caller's back."""
    ended: list[int] = []

    def call(number: int) -> None:
        ended.append(number)
        if number in (1, 3):
            raise ValueError(number)

    with pytest.raises(ValueError, match="1"):
        ThreadPool(2).run([partial(call, number) for number in range(6)])
    assert sorted(ended) == list(range(6))


def test_calls_of_calls_run_where_they_are_made() -> None:
    """A pool that waited for itself would stand still."""
    pool = ThreadPool(2)

    def outer() -> list[str]:
        return pool.run([lambda: threading.current_thread().name] * 5)

    names = pool.run([outer] * 4)
    assert [len(set(each)) for each in names] == [1] * 4


def test_a_call_sees_the_context_of_its_caller_and_one_alone_its_thread() -> None:
    """As the time that validations share."""
    WHO.set("somebody")
    pool = ThreadPool(2)
    assert pool.run([WHO.get, WHO.get]) == ["somebody", "somebody"]
    assert pool.run([threading.current_thread]) == [threading.current_thread()]
    assert pool.run([]) == []
