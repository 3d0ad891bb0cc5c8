"""The worker: threads that listen to queues and run what they get, with the same services as the functions."""

import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from whendue.bootstrap import App
from whendue.containers import log
from whendue.containers.health import Liveness
from whendue.containers.queue_selector import QueueSelector, Turn
from whendue.engine.ports import BatchResult, ReceivedMessage
from whendue.errors import UnavailableError
from whendue.metrics_export import export
from whendue.settings import DEAD_LETTER_QUEUES

# Of the grace, what is kept to interrupt what still runs and to record that it is given back: half a second until it is
# noticed, one for the tasks to stop, one in which their ends are gathered, the rest for the calls.
GIVE_BACK_S: Final = 5
# No function's deadline: a job's own timeout is what ends it. 2100-01-01 in ms.
NEVER_MS: Final = 4_102_444_800_000
# A queue or table that does not answer is not asked again at once.
PAUSE_S: Final = 1.0


@dataclass(frozen=True, slots=True)
class Options:
    """How a worker works.

    Args:
        queues: the queues that it listens to, by name.
        threads: how many listen, and run what they get.
        batch: how many messages a thread takes at once; their jobs run side by side.
        wait_s: how long a thread listens to a queue that has nothing.
        grace_s: from the first signal to the end; more than `GIVE_BACK_S`.
    """

    queues: Sequence[str]
    threads: int
    batch: int
    wait_s: int
    grace_s: int


class Worker:
    """Threads that work until they are drained."""

    def __init__(self, app: App, options: Options, liveness: Liveness) -> None:
        """Make ready; nothing listens yet."""
        self._app = app
        self._options = options
        self._liveness = liveness
        self._selector = QueueSelector(options.queues, options.wait_s)
        self._draining = threading.Event()
        self._end_ms = 0
        self._threads = [
            threading.Thread(target=self._listen, name=f"listener-{number}", daemon=True)
            for number in range(options.threads)
        ]

    def start(self) -> None:
        """Let the threads listen."""
        for thread in self._threads:
            thread.start()

    def drain(self) -> None:
        """Take nothing more; what still runs near the grace's end is given back."""
        self._end_ms = self._app.clock.now_ms() + self._options.grace_s * 1000
        self._draining.set()
        if self._app.isolation:
            self._app.isolation.drain(self._end_ms - GIVE_BACK_S * 1000)

    def join(self) -> bool:
        """Wait for the threads' ends, no longer than the grace; False if one is still there."""
        for thread in self._threads:
            thread.join(max(0, self._end_ms - self._app.clock.now_ms()) / 1000)
        return not any(thread.is_alive() for thread in self._threads)

    def _listen(self) -> None:
        while not self._draining.is_set():
            self._drain_at()
            try:
                self._turn()
            except Exception as error:  # noqa: BLE001 - the messages come again, and other queues are to be served
                log.failed("batch failed", error)
                self._draining.wait(PAUSE_S)

    def _turn(self) -> None:
        turn = self._selector.take()
        messages: list[ReceivedMessage] = []
        try:
            messages = self._app.queue.receive(turn.queue, limit=self._options.batch, wait_s=turn.wait_s)
        finally:
            self._selector.answered(turn, something=bool(messages))
        if messages:
            worked = self._work(turn, messages)
            self._return(turn.queue, messages, set(worked.unsettled))
            log.info(
                "batch",
                queue=turn.queue,
                messages=len(messages),
                unsettled=len(worked.unsettled),
                outcomes=dict(worked.counts),
                **export(self._app),
            )

    def _work(self, turn: Turn, messages: Sequence[ReceivedMessage]) -> BatchResult:
        if turn.queue in DEAD_LETTER_QUEUES:
            return self._app.dead_letter.handle(messages)
        return self._app.work.handle(messages, NEVER_MS, self._drain_at)

    def _drain_at(self) -> int | None:
        """Return when running jobs are given back, ms UTC. Each call counts as progress of its thread."""
        self._liveness.beat(threading.current_thread().name)
        return self._end_ms - GIVE_BACK_S * 1000 if self._draining.is_set() else None

    def _return(self, queue: str, messages: Sequence[ReceivedMessage], unsettled: set[str]) -> None:
        """Delete what is settled; what was not begun goes back at once if no thread here will begin it."""
        done = [message.receipt for message in messages if message.id not in unsettled]
        left = [message.receipt for message in messages if message.id in unsettled]
        # What is refused comes again, and is found settled.
        with suppress(UnavailableError), self._app.bulkhead.around("delete", queue):
            self._app.queue.delete(queue, done)
        if self._draining.is_set():
            with suppress(UnavailableError), self._app.bulkhead.around("requeue", queue):
                self._app.queue.change_visibility(queue, left, 0)
