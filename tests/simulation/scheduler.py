"""Virtual time: greenlets instead of threads, a heap instead of a clock. Nothing is left to anybody's whim.

A process is a set of greenlets that die together. Whoever waits gives way to the scheduler, which goes
on with what is next.
"""

import heapq
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

from greenlet import getcurrent, greenlet

START_MS = 1_800_000_000_000
# Longer than any process lives.
FOREVER_S = 10_000


class KilledError(BaseException):
    """The process died here. Not an Exception: nobody may catch it and go on."""


class Strand(greenlet):
    """A line of execution of a process."""

    def __init__(self, process: "Process", function: Callable[[], None], scheduler: greenlet) -> None:
        super().__init__(function, scheduler)
        self.process = process
        self.naps = 0
        self.deaf = False
        self.pending: type[BaseException] | None = None


class Process:
    """Something that can be killed.

    Args:
        scheduler: its time.
        kind: `api`, `timer`, `worker`, ...
        number: tells it from its fellows.
        skew_ms: how far its clock is ahead.
        on_end: told once, when it has ended or died.
    """

    def __init__(
        self,
        scheduler: "Scheduler",
        kind: str,
        number: int,
        skew_ms: int = 0,
        on_end: Callable[[], None] = lambda: None,
    ) -> None:
        self.scheduler = scheduler
        self.kind = kind
        self.number = number
        self.name = f"{kind}-{number}"
        self.skew_ms = skew_ms
        self.dead = False
        self.harmed = False
        # It was stopped, or cut off, between two calls: what it asked before is old.
        self.frozen = False
        self.ended_ms: int | None = None
        self.fences: set[str] = set()
        # What runs in it, and until when it may: the world's business.
        self.app: Any = None
        self.tasks: Any = None
        self.counts = False
        self.ends_ms = scheduler.now_ms
        self._on_end = on_end
        self._strands: list[Strand] = []

    def now_ms(self) -> int:
        """Show the time as this process believes it to be."""
        return self.scheduler.now_ms + self.skew_ms

    def run(self, function: Callable[[], None]) -> None:
        """Begin with this function; the process has ended when it has."""

        def main() -> None:
            with suppress(KilledError):
                function()
            self.end()

        self.go(main)

    def go(self, function: Callable[[], None]) -> Strand:
        """Begin a further strand."""

        def guarded() -> None:
            with suppress(KilledError):
                function()

        strand = Strand(self, guarded, self.scheduler.root)
        self._strands.append(strand)
        self.scheduler.at(self.scheduler.now_ms, lambda: self._begin(strand))
        return strand

    def _begin(self, strand: Strand) -> None:
        if not self.dead:
            strand.switch()

    def end(self) -> None:
        """Stop here: nothing of this process goes on."""
        if self.dead:
            return
        self.dead = True
        self.ended_ms = self.scheduler.now_ms
        self.scheduler.at(self.scheduler.now_ms, self._reap)

    def _reap(self) -> None:
        self.leave()
        self._on_end()

    def leave(self) -> None:
        """Unwind what still waits."""
        for strand in self._strands:
            if strand and not strand.dead:
                strand.throw(KilledError)
        self._strands.clear()

    def killed(self) -> KilledError:
        """Die in the strand at hand; raise what comes back."""
        self.end()
        return KilledError()


class Scheduler:
    """The heap of what is to happen."""

    def __init__(self) -> None:
        self.now_ms = START_MS
        self.root: Any = getcurrent()
        self._heap: list[tuple[int, int, Callable[[], None]]] = []
        self._number = 0

    def at(self, at_ms: int, action: Callable[[], None]) -> None:
        """Let something happen at a time, after whatever was put there before."""
        self._number += 1
        heapq.heappush(self._heap, (max(at_ms, self.now_ms), self._number, action))

    def run(self, until_ms: int, done: Callable[[], bool]) -> None:
        """Let time pass until everything is done, or until a time."""
        while self._heap and self._heap[0][0] <= until_ms and not done():
            at_ms, _, action = heapq.heappop(self._heap)
            self.now_ms = at_ms
            action()

    def sleep(self, duration_ms: int, *, deaf: bool = False) -> None:
        """Let the strand at hand wait; `deaf` is not woken by an interrupt, and notices it afterwards."""
        strand = current_strand()
        if strand.process.dead:
            raise KilledError
        strand.naps += 1
        strand.deaf = deaf
        nap = strand.naps
        self.at(self.now_ms + duration_ms, lambda: self.wake(strand, nap))
        self.root.switch()
        if strand.process.dead:
            raise KilledError
        if strand.pending:
            error, strand.pending = strand.pending, None
            raise error

    def wake(self, strand: Strand, nap: int) -> None:
        """End a nap, if it still lasts."""
        if strand.naps == nap and not strand.dead and not strand.process.dead:
            strand.switch()

    def interrupt(self, strand: Strand, error: type[BaseException]) -> None:
        """Raise an error inside another strand, as soon as it listens."""
        if strand.dead:
            return
        strand.pending = error
        if not strand.deaf:
            nap = strand.naps
            self.at(self.now_ms, lambda: self.wake(strand, nap))

    def shut(self, processes: list[Process]) -> None:
        """Let nothing be left over."""
        left = [process for process in processes if not process.dead]
        for process in left:
            process.dead = True
        for process in left:
            process.leave()


def current_strand() -> Strand:
    """Return the strand that is running."""
    strand = getcurrent()
    assert isinstance(strand, Strand)
    return strand


class StrandRunner:
    """Runner of a process: a strand for each call."""

    def __init__(self, process: Process) -> None:
        self._process = process

    def start(self, calls: Any) -> "StrandsRunning":
        """Start all calls."""
        return StrandsRunning(self._process, calls)


class StrandsRunning:
    """Calls under way."""

    def __init__(self, process: Process, calls: Any) -> None:
        self._scheduler = process.scheduler
        self._ended: list[tuple[int, Any]] = []
        self._waiter: tuple[Strand, int] | None = None
        self._strands = [process.go(partial(self._run, index, call)) for index, call in enumerate(calls)]

    def _run(self, index: int, call: Callable[[], Any]) -> None:
        from whendue.errors import Interrupted

        with suppress(Interrupted):
            value = call()
            self._ended.append((index, value))
        if self._waiter:
            strand, nap = self._waiter
            self._scheduler.at(self._scheduler.now_ms, lambda: self._scheduler.wake(strand, nap))

    def wait(self, timeout_s: float) -> list[tuple[int, Any]]:
        """Wait until something ends or the time is over."""
        if not self._ended:
            strand = current_strand()
            self._waiter = (strand, strand.naps + 1)
            self._scheduler.sleep(round(timeout_s * 1000))
            self._waiter = None
        ended, self._ended = self._ended, []
        return ended

    def interrupt(self, index: int, error: type[BaseException]) -> None:
        """Raise an error inside a call."""
        self._scheduler.interrupt(self._strands[index], error)


class StrandPool:
    """Pool of a process: a strand for each call, some at a time; the others wait for those."""

    def __init__(self, process: Process, size: int = 4) -> None:
        self._process = process
        self._size = size

    def run(self, calls: Any) -> list[Any]:
        """Run calls, and return their values once all have ended."""
        waiting = list(enumerate(calls))
        if len(waiting) == 1:
            return [waiting[0][1]()]
        ended: dict[int, Any] = {}
        for start in range(0, len(waiting), self._size):
            part = waiting[start : start + self._size]
            running = StrandsRunning(self._process, [partial(_settled, call) for _, call in part])
            while len(ended) < start + len(part):
                ended |= {start + index: value for index, value in running.wait(FOREVER_S)}
        outcomes = [ended[number] for number in range(len(waiting))]
        for _, error in outcomes:
            if error is not None:
                raise error
        return [value for value, _ in outcomes]


def _settled(call: Callable[[], Any]) -> tuple[Any, Exception | None]:
    try:
        return call(), None
    except Exception as error:  # noqa: BLE001 - it is raised where the calls were made
        return None, error
