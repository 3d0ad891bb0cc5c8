"""Behind the work: messages are deleted or returned, counts written, and one log line says what was done.

At most once a second, or as soon as a call is full: nothing waits for it, and what it loses comes again and is found
settled.
"""

import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import Final

from whendue.aws_quotas import SQS_MAX_BATCH
from whendue.bootstrap.application import App
from whendue.containers import log
from whendue.engine.ports import BatchResult, ReceivedMessage
from whendue.engine.stage import Left
from whendue.errors import UnavailableError
from whendue.metrics_export import export

# How long a message that is done with waits for nine others, and counts for a line of the log.
EVERY_MS: Final = 1000


class Settler:
    """Settles messages; threads hand them in, one carries it out.

    Args:
        app: whose queues and counts.
        draining: whether the process stops: then what stays in its queue is visible again at once.
    """

    def __init__(self, app: App, draining: Callable[[], bool]) -> None:
        """Begin with nothing."""
        self._app = app
        self._draining = draining
        self._lock = threading.Lock()
        self._full = threading.Event()
        self._done: defaultdict[str, list[str]] = defaultdict(list)
        self._returned: list[ReceivedMessage] = []
        self._counts: Counter[str] = Counter()
        self._kept = 0
        self._due_ms = 0

    def settle(self, left: Iterable[Left]) -> None:
        """Delete the messages that are done with; those that are kept, too, stay in their queues."""
        messages_left = list(left)
        kept = {message.receipt: message for message, _, keep in messages_left if keep}
        done = {message.receipt: message.queue for message, _, _ in messages_left if message.receipt not in kept}
        with self._lock:
            self._counts.update(outcome for _, outcome, _ in messages_left if outcome is not None)
            self._kept += len(kept)
            self._returned += kept.values() if self._draining() else ()
            for receipt, queue in done.items():
                self._done[queue].append(receipt)
            if self._returned or any(len(receipts) >= SQS_MAX_BATCH for receipts in self._done.values()):
                self._full.set()

    def settle_batch(self, messages: Sequence[ReceivedMessage], result: BatchResult) -> None:
        """Delete the messages of a batch that are done with, and count what became of all."""
        self.settle([Left(message, None, message.id in result.unsettled) for message in messages])
        with self._lock:
            self._counts += result.counts

    def return_now(self, messages: Sequence[ReceivedMessage]) -> None:
        """Make messages whose jobs have not begun visible again at once."""
        if messages:
            with self._lock:
                self._returned += messages
            self._full.set()

    def backlog(self) -> int:
        """Return the number of messages that wait."""
        with self._lock:
            return sum(map(len, self._done.values())) + len(self._returned)

    def step(self) -> None:
        """Wait until a call is full, a second at most, and make it; once a second, do everything and report."""
        self._full.wait(EVERY_MS / 1000)
        now_ms = self._app.clock.now_ms()
        is_due = now_ms >= self._due_ms
        self.run(everything=is_due)
        if is_due:
            self._due_ms = now_ms + EVERY_MS
            self.report()

    def run(self, *, everything: bool) -> None:
        """Delete and return messages, in full calls or all of them."""
        with self._lock:
            self._full.clear()
            returned, self._returned = self._returned, []
            done = {queue: self._part(queue, everything=everything) for queue in list(self._done)}
        for queue, receipts in done.items():
            if receipts:
                # What is refused comes again, and is found settled.
                with suppress(UnavailableError), self._app.bulkhead.around("delete", queue):
                    self._app.queue.delete(queue, receipts)
        for queue in {message.queue for message in returned}:
            receipts = [message.receipt for message in returned if message.queue == queue]
            with suppress(UnavailableError), self._app.bulkhead.around("requeue", queue):
                self._app.queue.change_visibility(queue, receipts, 0)

    def _part(self, queue: str, *, everything: bool) -> list[str]:
        """Take out as many receipts as fill calls, or all."""
        receipts = self._done[queue]
        number = len(receipts) if everything else len(receipts) // SQS_MAX_BATCH * SQS_MAX_BATCH
        self._done[queue] = receipts[number:]
        return receipts[:number]

    def report(self, *, last: bool = False) -> None:
        """Write the counts, and one line about what was done since the last one, if anything was."""
        with self._lock:
            counts, self._counts = self._counts, Counter()
            kept, self._kept = self._kept, 0
        # Also when nothing ended: what was counted, or consumed, a moment later than its jobs' ends were reported.
        exported = export(self._app)
        if counts or kept or last or exported:
            log.info("jobs", outcomes=dict(counts), unsettled=kept, **exported)
