"""Threads that are kept: they run one call after another, and an interrupt strikes the right one."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from functools import partial
from typing import Any

import pytest

from tests.builders.waiting import eventually
from whendue.containers.job_threads import EndedCall, JobThreads
from whendue.errors import Interrupted
from whendue.support.coroutines import finished

mark = ContextVar("mark", default="none")


class Pool(JobThreads):
    """Threads that count what is freed."""

    def __init__(self, threads: int) -> None:
        super().__init__(threads, self._count)
        self.freed = 0
        self.release = threading.Event()
        self.start()

    def _count(self) -> None:
        self.freed += 1

    def next(self) -> EndedCall:
        [ended] = eventually(lambda: self.ended_calls(1, 1))
        return ended

    def hang(self) -> str:
        """Run until it is released or interrupted."""
        while not self.release.wait(0.01):
            pass
        return "released"

    def ignore(self) -> str:
        """Run until it is released, whatever is raised in it."""
        while True:
            try:
                return self.hang()
            except Interrupted:
                continue


@pytest.fixture
def pool() -> Iterator[Pool]:
    made = Pool(1)
    yield made
    made.release.set()


def test_calls_run_one_after_another_on_the_same_thread(pool: Pool) -> None:
    """A thread costs more than a short job."""
    for number in range(3):
        pool.run(number, threading.get_ident)
    ended = [pool.next() for _ in range(3)]
    assert [call.number for call in ended] == [0, 1, 2]
    assert len({call.outcome for call in ended}) == 1
    eventually(lambda: pool.freed == 3)


def test_no_more_ended_calls_are_returned_than_are_wanted(pool: Pool) -> None:
    """They are recorded in one call, which has room for so many; the others wait for the next one."""
    for number in range(3):
        pool.run(number, lambda: None)
    eventually(lambda: pool.freed == 3)
    assert [[call.number for call in pool.ended_calls(2)] for _ in range(3)] == [[0, 1], [2], []]


def test_what_a_call_raises_is_its_outcome(pool: Pool) -> None:
    """SystemExit, too: the thread goes on."""

    def leave() -> None:
        raise SystemExit

    pool.run(0, leave)
    assert isinstance(pool.next().outcome, SystemExit)
    pool.run(1, lambda: "next")
    assert pool.next().outcome == "next"


def test_no_call_sees_what_another_one_left_in_its_context(pool: Pool) -> None:
    """G12: a tenant that a task keeps in a context variable is not the next job's."""
    pool.run(0, lambda: mark.set("mine"))
    pool.run(1, mark.get)
    pool.next()
    assert pool.next().outcome == "none"


def test_an_interrupted_call_ends_and_another_thread_replaces_its_own(pool: Pool) -> None:
    """Python raises the error a little later: it would strike the next job."""

    def stops() -> str:
        try:
            return pool.hang()
        except Interrupted:
            return f"interrupted in {threading.get_ident()}"

    pool.run(0, stops)
    eventually(lambda: 0 in pool._running)
    pool.interrupt(0, Interrupted)
    ended = pool.next()
    assert ended.interrupted
    pool.run(1, threading.get_ident)
    assert str(pool.next().outcome) not in ended.outcome
    eventually(lambda: pool.freed == 1)


def test_a_call_that_does_not_stop_keeps_no_other_one_waiting(pool: Pool) -> None:
    """Its thread is given up, and ends when the call does."""
    pool.run(0, pool.ignore)
    eventually(lambda: 0 in pool._running)
    pool.interrupt(0, Interrupted)
    pool.run(1, lambda: "beside")
    assert pool.next() == EndedCall(1, "beside", interrupted=False)
    pool.release.set()
    assert pool.next() == EndedCall(0, "released", interrupted=True)


def test_an_interrupt_of_a_call_that_has_ended_strikes_nobody(pool: Pool) -> None:
    """It came too late."""
    pool.run(0, lambda: None)
    pool.next()
    eventually(lambda: pool.freed == 1)
    pool.run(1, pool.hang)
    eventually(lambda: 1 in pool._running)
    pool.interrupt(0, Interrupted)
    pool.release.set()
    assert pool.next() == EndedCall(1, "released", interrupted=False)


def test_a_call_that_is_interrupted_before_it_begins_never_does(pool: Pool) -> None:
    """There may be no thread for it for a moment."""
    pool.run(0, pool.hang)
    pool.run(1, lambda: "never")
    pool.interrupt(1, Interrupted)
    pool.run(2, lambda: "next")
    pool.release.set()
    assert [pool.next().number, pool.next().number] == [0, 2]


def test_a_kept_thread_keeps_its_event_loop_and_an_interrupted_one_closes_it(pool: Pool) -> None:
    """A coroutine that waits is woken; the next job has another thread, and another loop."""
    begun = threading.Event()
    loops: list[asyncio.AbstractEventLoop] = []

    async def note() -> None:
        loops.append(asyncio.get_running_loop())

    async def wait() -> None:
        await note()
        begun.set()
        await asyncio.sleep(3600)

    def attempt(coroutine: Callable[[], Any]) -> str:
        try:
            finished(coroutine())
        except Interrupted:
            return "interrupted"
        return "ended"

    for number, coroutine in enumerate([note, note, wait]):
        pool.run(number, partial(attempt, coroutine))
    assert [pool.next().number, pool.next().number, begun.wait(60)] == [0, 1, True]
    pool.interrupt(2, Interrupted)
    assert pool.next() == EndedCall(2, "interrupted", interrupted=True)
    pool.run(3, partial(attempt, note))
    assert pool.next() == EndedCall(3, "ended", interrupted=False)
    first, second, third, fourth = loops
    assert first is second is third
    assert fourth is not first
    assert (first.is_closed(), fourth.is_closed()) == (True, False)
