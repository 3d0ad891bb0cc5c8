"""Threads: a runner for code of users, and a pool for calls to AWS.

The runner has one daemon thread per call, so that a stuck one holds up neither its neighbours nor the exit.
"""

import contextlib
import queue
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextvars import copy_context
from typing import Any, TypeVar

from whendue.engine.pool import InlinePool
from whendue.errors import Interrupted
from whendue.support.time_limit import interrupt

T = TypeVar("T")


class ThreadRunner:
    """Runs a batch's calls side by side."""

    def start(self, calls: Sequence[Callable[[], Any]]) -> "ThreadsRunning":
        """Start a thread per call."""
        return ThreadsRunning(calls)


class ThreadsRunning:
    """Threads under way."""

    def __init__(self, calls: Sequence[Callable[[], Any]]) -> None:
        """Start them all."""
        self._ended: queue.SimpleQueue[tuple[int, Any]] = queue.SimpleQueue()
        self._threads = [
            threading.Thread(target=self._run, args=(index, call), name=f"job-{index}", daemon=True)
            for index, call in enumerate(calls)
        ]
        for index, thread in enumerate(self._threads):
            try:
                thread.start()
            except Exception as error:  # noqa: BLE001 - no memory for one more thread is no end of those that run
                self._ended.put((index, error))

    def _run(self, index: int, call: Callable[[], Any]) -> None:
        # A late interrupt may strike after the call has ended; its outcome then counts as never given.
        with contextlib.suppress(Interrupted):
            try:
                end = call()
            except Interrupted:
                raise
            except BaseException as error:  # noqa: BLE001 - or the thread would end without a word
                end = error
            self._ended.put((index, end))

    def wait(self, timeout_s: float) -> list[tuple[int, Any]]:
        """Wait until something ends or the time is over; give everything that has ended since."""
        ended = []
        try:
            ended.append(self._ended.get(timeout=max(0.0, timeout_s)))
            while True:
                ended.append(self._ended.get_nowait())
        except queue.Empty:
            return ended

    def interrupt(self, index: int, error: type[BaseException]) -> None:
        """Raise an error inside a thread; one that is blocked in C code notices when it comes back."""
        interrupt(self._threads[index], error)


class ThreadPool:
    """Runs calls on a few threads that are kept; a single call, and one of a call, runs where it is made.

    A call sees the context variables of whoever runs it.
    """

    def __init__(self, threads: int) -> None:
        """Start no thread before it is needed."""
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix="pool")
        self._inside = threading.local()

    def run(self, calls: Sequence[Callable[[], T]]) -> list[T]:
        """Run calls.

        Raises:
            Exception: the first of their errors, once all of them have ended.
        """
        if len(calls) <= 1 or getattr(self._inside, "yes", False):
            return InlinePool().run(calls)
        futures = [self._executor.submit(copy_context().run, self._call, call) for call in calls]
        wait(futures)
        return [future.result() for future in futures]

    def _call(self, call: Callable[[], T]) -> T:
        self._inside.yes = True
        return call()
