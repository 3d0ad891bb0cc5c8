"""Threads that answer requests: how many run, how many wait, and when they are idle."""

import queue
import threading

import pytest

from tests.builders.waiting import eventually
from whendue.containers.health import Liveness
from whendue.containers.http_server.request_threads import RequestThreads


class Clock:
    now_ms = 1_000_000

    def __call__(self) -> int:
        return self.now_ms


def threads_of(number: int, waiting: int, clock: Clock) -> tuple[RequestThreads, Liveness]:
    liveness = Liveness(clock, 60)
    made = RequestThreads(number, waiting, clock, 540, liveness)
    made.start()
    return made, liveness


def test_a_result_or_an_error_comes_back_and_the_thread_goes_on() -> None:
    """Whatever is raised, it is that of one request."""
    threads, _ = threads_of(1, 10, Clock())

    def fails() -> None:
        raise SystemExit("a task's validator may")

    with pytest.raises(SystemExit):
        threads.submit(fails).result()
    assert threads.submit(lambda: 7).result() == 7


def test_one_too_many_is_refused_and_one_that_is_cancelled_is_not_run() -> None:
    """A client that has its answer already must not have its request carried out later."""
    threads, _ = threads_of(1, 1, Clock())
    go, ran = threading.Event(), []
    first = threads.submit(go.wait)
    eventually(threads._calls.empty)
    second = threads.submit(lambda: ran.append(2))
    with pytest.raises(queue.Full):
        threads.submit(lambda: ran.append(3))
    assert second.cancel()
    assert not threads.wait_idle(0)
    go.set()
    assert first.result()
    assert threads.wait_idle(600)
    assert threads.submit(lambda: 4).result() == 4
    assert ran == []


def test_a_thread_is_silent_when_its_call_hangs_and_not_before() -> None:
    """However long the others wait for work."""
    clock = Clock()
    threads, liveness = threads_of(2, 10, clock)
    go = threading.Event()
    call = threads.submit(go.wait)
    eventually(lambda: not threads.wait_idle(0))
    for _ in range(10):
        clock.now_ms += 54_000
        threads.beat()
        assert liveness.silent() == []
    clock.now_ms += 61_000
    threads.beat()
    [silent] = liveness.silent()
    assert silent.startswith("request-")
    go.set()
    assert call.result()
    assert threads.wait_idle(600)
    threads.beat()
    assert liveness.silent() == []
