"""Stands in for `threading` and `queue` in a world: threads are strands, and whoever waits lets virtual time pass."""

from collections.abc import Callable
from functools import partial
from queue import Empty
from typing import Any, Generic, TypeVar

from tests.simulation.scheduler import FOREVER_S, Strand, current_strand

T = TypeVar("T")
JOIN_MS = 100


class Waiters:
    """Strands that wait for something."""

    def __init__(self) -> None:
        self._naps: list[tuple[Strand, int]] = []

    def wait(self, good: Callable[[], Any], timeout_s: float | None) -> bool:
        """Wait until something is so, or the time is over; return whether it is so."""
        scheduler = current_strand().process.scheduler
        until_ms = scheduler.now_ms + round(1000 * (FOREVER_S if timeout_s is None else timeout_s))
        while not (is_good := bool(good())) and scheduler.now_ms < until_ms:
            self.rest(until_ms - scheduler.now_ms)
        return is_good

    def rest(self, duration_ms: int) -> None:
        """Wait until woken, or for this long."""
        strand = current_strand()
        self._naps.append((strand, strand.naps + 1))
        strand.process.scheduler.sleep(duration_ms)

    def wake(self) -> None:
        """Let all look again."""
        naps, self._naps = self._naps, []
        for strand, nap in naps:
            scheduler = strand.process.scheduler
            scheduler.at(scheduler.now_ms, partial(scheduler.wake, strand, nap))


class Lock:
    """Never contended: no strand gives way while it holds one, which is checked."""

    def __init__(self) -> None:
        self._held = False

    def __enter__(self) -> None:
        assert not self._held, "time passes while a lock is held"
        self._held = True

    def __exit__(self, *error: object) -> None:
        self._held = False

    def released(self, wait: Callable[[], bool]) -> bool:
        """Wait without the lock."""
        self._held = False
        try:
            return wait()
        finally:
            self._held = True


class Condition:
    """A condition with its lock."""

    def __init__(self, lock: Lock) -> None:
        self._lock = lock
        self._waiters = Waiters()

    def wait_for(self, good: Callable[[], Any], timeout: float | None = None) -> bool:
        return self._lock.released(partial(self._waiters.wait, good, timeout))

    def notify_all(self) -> None:
        self._waiters.wake()


class Event:
    """A flag."""

    def __init__(self) -> None:
        self._is_set = False
        self._waiters = Waiters()

    def is_set(self) -> bool:
        return self._is_set

    def set(self) -> None:
        self._is_set = True
        self._waiters.wake()

    def clear(self) -> None:
        self._is_set = False

    def wait(self, timeout: float | None = None) -> bool:
        return self._waiters.wait(self.is_set, timeout)


class SimpleQueue(Generic[T]):
    """A queue without a bound."""

    def __init__(self) -> None:
        self._items: list[T] = []
        self._waiters = Waiters()

    def put(self, item: T) -> None:
        self._items.append(item)
        self._waiters.wake()

    def get(self, timeout: float | None = None) -> T:
        if not self._waiters.wait(lambda: self._items, timeout):
            raise Empty
        return self._items.pop(0)

    def get_nowait(self) -> T:
        if not self._items:
            raise Empty
        return self._items.pop(0)

    def empty(self) -> bool:
        return not self._items

    def qsize(self) -> int:
        return len(self._items)


class Thread:
    """A strand of the process that starts it."""

    def __init__(self, target: Callable[[], None], name: str = "", *, daemon: bool = True) -> None:
        self._target = target
        self.strand: Strand | None = None

    @property
    def ident(self) -> int | None:
        # A strand that is over is false.
        return None if self.strand is None else id(self.strand)

    def start(self) -> None:
        self.strand = current_strand().process.go(self._run)

    def _run(self) -> None:
        _OF_STRAND[current_strand()] = self
        try:
            self._target()
        finally:
            del _OF_STRAND[current_strand()]

    def is_alive(self) -> bool:
        return self.strand is not None and not self.strand.dead

    def join(self, timeout: float) -> None:
        scheduler = current_strand().process.scheduler
        until_ms = scheduler.now_ms + round(1000 * timeout)
        while self.is_alive() and scheduler.now_ms < until_ms:
            scheduler.sleep(JOIN_MS)


_OF_STRAND: dict[Strand, Thread] = {}


def current_thread() -> Thread:
    """Return the thread that runs."""
    return _OF_STRAND[current_strand()]


def interrupt(thread: Thread, error: type[BaseException]) -> None:
    """Raise an error in a thread, as soon as it listens."""
    assert thread.strand is not None
    thread.strand.process.scheduler.interrupt(thread.strand, error)
