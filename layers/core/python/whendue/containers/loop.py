"""A thread that repeats a step: an error ends that step alone, and each step is progress."""

import threading
from collections.abc import Callable
from typing import Final

from whendue.containers import log
from whendue.containers.health import Liveness

# After an error: a queue or table that does not answer is not asked again at once.
PAUSE_S: Final = 1.0


class Loop:
    """A thread of a worker.

    Args:
        name: the thread's.
        step: is repeated; it returns after seconds, also if it has nothing to do.
        over: whether to end; asked before each step.
        liveness: learns of each step.
    """

    def __init__(self, name: str, step: Callable[[], None], over: Callable[[], bool], liveness: Liveness) -> None:
        """Start nothing yet."""
        self._name = name
        self._step = step
        self._over = over
        self._liveness = liveness
        self._pause = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    @property
    def ended(self) -> bool:
        """Whether the thread has ended; False before its start, too."""
        return self._thread.ident is not None and not self._thread.is_alive()

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def join(self, timeout_s: float) -> bool:
        """Wait for the thread's end; return whether it has ended."""
        self._thread.join(timeout_s)
        return self.ended

    def _run(self) -> None:
        while not self._over():
            self._liveness.beat(self._name)
            try:
                self._step()
            except Exception as error:  # noqa: BLE001 - the messages come again, and the next step may do better
                log.failed(f"{self._name} failed", error)
                self._pause.wait(PAUSE_S)
