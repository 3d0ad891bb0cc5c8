"""Threads that run jobs, one after another, and are kept."""

import threading
from collections.abc import Callable
from contextlib import suppress
from contextvars import Context
from queue import Empty, SimpleQueue
from typing import Any, NamedTuple

from whendue.errors import Interrupted
from whendue.support.time_limit import interrupt


class EndedCall(NamedTuple):
    """A call that has ended.

    Args:
        number: the call's.
        outcome: what it returned, or the error that it raised.
        interrupted: an interrupt was sent to it; its thread is not counted as free again.
    """

    number: int
    outcome: Any
    interrupted: bool


class JobThreads:
    """Threads for calls.

    An interrupt is an error that Python raises in a thread a little later: it could strike the next job. So a thread
    that was interrupted runs nothing more, and another one replaces it at once, also where the task does not stop.

    Args:
        threads: how many calls run at once; more wait.
        freed: called by a thread that has ended a call and can run another one.
    """

    def __init__(self, threads: int, freed: Callable[[], None]) -> None:
        """Start nothing yet."""
        self.ended: SimpleQueue[EndedCall] = SimpleQueue()
        self._number = threads
        self._freed = freed
        self._waiting: SimpleQueue[int] = SimpleQueue()
        self._calls: dict[int, Callable[[], Any]] = {}
        self._running: dict[int, threading.Thread] = {}

    def start(self) -> None:
        """Start the threads."""
        for _ in range(self._number):
            self._add()

    def ended_calls(self, limit: int, timeout_s: float = 0) -> list[EndedCall]:
        """Wait for a call to end; return those that have ended since, at most `limit`."""
        ended: list[EndedCall] = []
        with suppress(Empty):
            ended.append(self.ended.get(timeout=timeout_s))
            while len(ended) < limit:
                ended.append(self.ended.get_nowait())
        return ended

    def run(self, number: int, call: Callable[[], Any]) -> None:
        """Run a call on a thread that is free."""
        self._calls[number] = call
        self._waiting.put(number)

    def interrupt(self, number: int, error: type[BaseException]) -> None:
        """Raise an error inside a call; one that is blocked in C code notices when it comes back."""
        # One that has not begun never does.
        self._calls.pop(number, None)
        # Whoever takes the entry out, this or the call's own thread at its end, decides whether it was interrupted.
        if thread := self._running.pop(number, None):
            interrupt(thread, error)
            self._add()

    def _add(self) -> None:
        threading.Thread(target=self._work, name="job", daemon=True).start()

    def _work(self) -> None:
        # An interrupt may strike after the call has ended; its outcome then counts as never given.
        with suppress(Interrupted):
            while self._run(self._waiting.get()):
                pass

    def _run(self, number: int) -> bool:
        """Run a call; return whether the thread may run another one."""
        call = self._calls.pop(number, None)
        if call is None:
            return True
        self._running[number] = threading.current_thread()
        try:
            # Of its own, so that no job sees what another one has left in its context.
            outcome = Context().run(call)
        except Interrupted:
            raise
        except BaseException as error:  # noqa: BLE001 - or the thread would end without a word
            outcome = error
        if self._running.pop(number, None) is None:
            self.ended.put(EndedCall(number, outcome, interrupted=True))
            return False
        self.ended.put(EndedCall(number, outcome, interrupted=False))
        self._freed()
        return True
