"""A bounded number of threads that answer requests, and a bounded number of requests that wait for one.

The threads are daemons: one that hangs does not hold up the end of the process.
"""

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, Final

from whendue.containers.health import Liveness

Call = Callable[[], Any]
NAME: Final = "request"


class RequestThreads:
    """Runs calls, each on one of its threads.

    Args:
        number: of threads.
        waiting: maximum number of calls that wait for one.
        now_ms: the clock.
        hung_s: a thread that runs one call for longer hangs, in seconds.
        liveness: learns of the threads that do not hang.
    """

    def __init__(self, number: int, waiting: int, now_ms: Callable[[], int], hung_s: int, liveness: Liveness) -> None:
        """Start nothing yet."""
        self._calls: queue.Queue[tuple[Future[Any], Call]] = queue.Queue(waiting)
        self._now_ms = now_ms
        self._hung_ms = hung_s * 1000
        self._liveness = liveness
        self._changed = threading.Condition()
        # Thread -> since when it runs a call; None is idle.
        self._since_ms: dict[str, int | None] = {f"{NAME}-{index}": None for index in range(number)}

    def start(self) -> None:
        """Start the threads."""
        for name in self._since_ms:
            threading.Thread(target=self._run, args=(name,), name=name, daemon=True).start()

    def submit(self, call: Call) -> "Future[Any]":
        """Let a thread run a call as soon as one is free; a future that is cancelled before is not run.

        Raises:
            queue.Full: too many wait already.
        """
        future: Future[Any] = Future()
        self._calls.put_nowait((future, call))
        return future

    def beat(self) -> None:
        """Note in liveness all threads that do not hang."""
        oldest_ms = self._now_ms() - self._hung_ms
        for name, since_ms in self._since_ms.items():
            if since_ms is None or since_ms >= oldest_ms:
                self._liveness.beat(name)

    def wait_idle(self, timeout_s: float) -> bool:
        """Wait until no thread runs a call; return whether that is so."""
        with self._changed:
            return self._changed.wait_for(self._idle, timeout_s)

    def _idle(self) -> bool:
        return all(since_ms is None for since_ms in self._since_ms.values())

    def _run(self, name: str) -> None:
        while True:
            future, call = self._calls.get()
            self._note(name, self._now_ms())
            if future.set_running_or_notify_cancel():
                try:
                    future.set_result(call())
                except BaseException as error:  # noqa: BLE001 - it is raised where the result is awaited
                    future.set_exception(error)
            # Or a body would be held until the next request.
            del future, call
            self._note(name, None)

    def _note(self, name: str, since_ms: int | None) -> None:
        with self._changed:
            self._since_ms[name] = since_ms
            self._changed.notify_all()
