"""Coroutines on threads: a loop is kept for the next one, and nothing of one coroutine is left to it."""

import asyncio
import gc
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextvars import ContextVar
from typing import Any, NoReturn

import pytest

from tests.builders.waiting import eventually
from whendue.errors import Interrupted
from whendue.support import coroutines
from whendue.support.coroutines import finished
from whendue.support.time_limit import interrupt

mark = ContextVar("mark", default="none")


async def loop_of() -> asyncio.AbstractEventLoop:
    return asyncio.get_running_loop()


class Worker(threading.Thread):
    """A thread that runs calls one after another, and keeps how each ended."""

    def __init__(self, *calls: Callable[[], Any]) -> None:
        super().__init__(daemon=True)
        self._calls = calls
        self.ended: list[Any] = []
        self.start()

    def run(self) -> None:
        for call in self._calls:
            try:
                self.ended.append(finished(call()))
            except BaseException as error:  # noqa: BLE001 - how it ended is what is tested
                self.ended.append(error)

    def all_ended(self) -> list[Any]:
        eventually(lambda: not self.is_alive())
        return self.ended


@pytest.fixture(autouse=True)
def _no_loop_is_left_of_this_thread() -> Iterator[None]:
    """Tests of this file that run in the main thread close its loop."""
    yield
    vars(coroutines._thread).clear()


def test_a_value_is_given_back_as_it_is() -> None:
    """The ordinary task."""
    value = {"a": [1]}
    assert finished(value) is value


def test_a_coroutine_and_all_that_can_be_awaited_run_to_their_result() -> None:
    """A wrapper may return anything that has `__await__`."""

    async def add(a: int, b: int) -> int:
        await asyncio.sleep(0)
        return a + b

    class Later:
        def __await__(self) -> Any:
            return add(3, 4).__await__()

    assert Worker(lambda: add(1, 2), Later).all_ended() == [3, 7]


@pytest.mark.parametrize(
    "error",
    [ValueError("x"), SystemExit(3), KeyboardInterrupt(), GeneratorExit(), asyncio.CancelledError(), Interrupted()],
)
def test_what_a_coroutine_raises_is_raised_and_the_next_one_runs(error: BaseException) -> None:
    """Also what asyncio itself lets through."""

    async def fail() -> NoReturn:
        await asyncio.sleep(0)
        raise error

    ended = Worker(fail, loop_of).all_ended()
    assert ended[0] is error
    assert isinstance(ended[1], asyncio.AbstractEventLoop)


def test_a_thread_keeps_its_loop_and_closes_it_at_its_end() -> None:
    """Clients that a task keeps belong to a loop."""
    first, second = Worker(loop_of, loop_of).all_ended()
    assert first is second
    eventually(first.is_closed)
    assert Worker(loop_of).all_ended()[0] is not first


def test_tasks_that_were_left_running_end_with_their_coroutine() -> None:
    """They would run on in the next job's time."""
    steps: list[str] = []

    async def forever() -> None:
        try:
            await asyncio.sleep(3600)
        finally:
            await asyncio.sleep(0)
            steps.append("cleaned up")

    async def leave() -> asyncio.AbstractEventLoop:
        leave.task = asyncio.create_task(forever())  # type: ignore[attr-defined]
        await asyncio.sleep(0)
        return asyncio.get_running_loop()

    async def look() -> tuple[asyncio.AbstractEventLoop, int]:
        return asyncio.get_running_loop(), len(asyncio.all_tasks())

    first, (loop, tasks) = Worker(leave, look).all_ended()
    assert steps == ["cleaned up"]
    assert (loop is first, tasks) == (True, 1)


def test_a_task_that_does_not_end_never_runs_again_and_the_next_coroutine_has_a_new_loop(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing waits for it longer than the bound."""
    monkeypatch.setattr(coroutines, "LEFTOVER_S", 0.01)
    steps: list[int] = []

    async def stubborn() -> None:
        while True:
            try:
                await asyncio.sleep(0)
                steps.append(1)
            except asyncio.CancelledError:
                steps.append(0)

    async def leave() -> asyncio.AbstractEventLoop:
        leave.task = asyncio.create_task(stubborn())  # type: ignore[attr-defined]
        await asyncio.sleep(0)
        return asyncio.get_running_loop()

    first, second = Worker(leave, loop_of).all_ended()
    assert first is not second
    assert first.is_closed()
    taken = len(steps)
    assert 0 in steps
    assert Worker(loop_of).all_ended()
    assert len(steps) == taken
    vars(leave).clear()
    gc.collect()
    assert {record.levelname for record in caplog.records} <= {"WARNING"}


def test_what_a_task_left_running_raises_is_logged_without_its_text(caplog: pytest.LogCaptureFixture) -> None:
    """It may quote a payload; and the coroutine's own end counts."""

    async def fail() -> NoReturn:
        raise ValueError("secret")

    async def leave() -> str:
        asyncio.create_task(fail())  # noqa: RUF006 - that is the mistake
        return "done"

    assert Worker(leave).all_ended() == ["done"]
    gc.collect()
    assert "ValueError" in caplog.text
    assert "secret" not in caplog.text


def test_an_error_that_was_raised_is_not_logged_as_one_that_nothing_awaits(caplog: pytest.LogCaptureFixture) -> None:
    """SystemExit leaves the loop while its task is under way."""

    async def leave() -> NoReturn:
        raise SystemExit(3)

    Worker(leave).all_ended()
    gc.collect()
    assert caplog.text == ""


def test_a_dropped_async_generator_is_closed_before_the_coroutine_has_ended() -> None:
    """Its `finally` may hold a connection."""
    steps: list[str] = []

    async def numbers() -> AsyncIterator[int]:
        try:
            yield 1
            yield 2
        finally:
            steps.append("closed")

    async def first() -> int:
        async for number in numbers():
            return number
        return 0

    assert Worker(first, lambda: list(steps)).all_ended() == [1, ["closed"]]


def test_a_coroutine_sees_no_context_of_the_one_before() -> None:
    """G12: a tenant that a task keeps in a context variable is not the next job's."""

    async def write() -> None:
        mark.set("mine")

    async def read() -> str:
        return mark.get()

    assert Worker(write, read).all_ended() == [None, "none"]


def test_threads_of_one_coroutine_are_not_those_of_the_next() -> None:
    """A call that hangs would take one of them from every later job."""
    release, hung = threading.Event(), threading.Event()

    def hang() -> None:
        hung.set()
        release.wait(60)

    async def leave() -> None:
        calls = [asyncio.create_task(asyncio.to_thread(hang)) for _ in range(64)]
        await asyncio.sleep(0)
        hung.wait(60)
        assert calls

    async def use() -> str:
        return await asyncio.to_thread(lambda: "ran")

    try:
        assert Worker(leave, use).all_ended() == [None, "ran"]
    finally:
        release.set()


# --- interrupts -------------------------------------------------------------------------------------------------


def interrupted(call: Callable[[threading.Event], Any]) -> list[Any]:
    """Interrupt a coroutine once it says that it has begun."""
    begun = threading.Event()
    worker = Worker(lambda: call(begun), loop_of)
    assert begun.wait(60)
    interrupt(worker, Interrupted)
    return worker.all_ended()


def test_a_coroutine_that_waits_is_cancelled_and_cleans_up() -> None:
    """Its thread is in the system's `select`, and sees no error that Python raises in it."""
    steps: list[str] = []

    async def wait(begun: threading.Event) -> None:
        try:
            begun.set()
            await asyncio.sleep(3600)
        finally:
            await asyncio.sleep(0)
            steps.append("cleaned up")

    assert isinstance(interrupted(wait)[0], Interrupted)
    assert steps == ["cleaned up"]


def test_a_coroutine_that_never_waits_is_interrupted() -> None:
    """Its loop has no turn to cancel it."""

    async def spin(begun: threading.Event) -> NoReturn:
        begun.set()
        while True:
            pass

    assert isinstance(interrupted(spin)[0], Interrupted)


def test_all_that_it_started_is_cancelled() -> None:
    """A group's tasks, and those that nothing awaits."""
    cleaned: list[int] = []

    async def member(number: int) -> None:
        try:
            await asyncio.sleep(3600)
        finally:
            cleaned.append(number)

    async def wait(begun: threading.Event) -> None:
        wait.left = asyncio.create_task(member(0))  # type: ignore[attr-defined]
        async with asyncio.TaskGroup() as group:
            group.create_task(member(1))
            group.create_task(member(2))
            await asyncio.sleep(0)
            begun.set()

    assert isinstance(interrupted(wait)[0], Interrupted)
    assert sorted(cleaned) == [0, 1, 2]


def test_a_coroutine_that_ends_after_its_interrupt_has_its_own_end() -> None:
    """As a plain function that catches it."""

    async def wait(begun: threading.Event) -> str:
        try:
            begun.set()
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            return "saved"
        return "slept"

    assert interrupted(wait)[0] == "saved"


def test_the_loop_of_an_interrupted_coroutine_is_not_used_again() -> None:
    """The error may have been raised within asyncio's own code."""
    loops: list[asyncio.AbstractEventLoop] = []

    async def wait(begun: threading.Event) -> None:
        loops.append(asyncio.get_running_loop())
        begun.set()
        await asyncio.sleep(3600)

    ended = interrupted(wait)
    assert loops[0].is_closed()
    assert ended[1] is not loops[0]


def test_an_interrupt_of_a_thread_that_runs_no_coroutine_cancels_nothing() -> None:
    """Nor does one of a thread that has ended."""
    coroutines.cancel(0)
    worker = Worker(loop_of)
    worker.all_ended()
    coroutines.cancel(worker.ident or 0)
    interrupt(worker, Interrupted)
    assert not coroutines._under_way


def test_a_running_loop_refuses_and_leaves_no_coroutine_behind() -> None:
    """A test that is a coroutine itself calls a worker in memory."""

    async def inside() -> str:
        with pytest.raises(RuntimeError, match="running"):
            finished(loop_of())
        return "went on"

    assert Worker(inside).all_ended() == ["went on"]
