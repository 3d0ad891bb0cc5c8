"""Messages received and not yet taken by a job's thread: as few as keep the threads busy, served by weight.

A message that waits here is hidden from other workers. So no more are received than there are free threads, and than
are taken in a quarter of a second: where jobs take minutes, nothing waits. A queue that had messages when it was last
asked is asked for what is wanted, the next one by weight first. All other queues are listened to with long polls, so
that a message of any of them finds the free thread.
"""

import threading
from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Final, NamedTuple

from whendue.aws_quotas import DYNAMODB_MAX_STATEMENTS, SQS_MAX_BATCH
from whendue.containers.queue_selector import QueueSelector
from whendue.containers.rate import Rate
from whendue.engine.ports import ReceivedMessage
from whendue.quotas import PREFETCH_HELD_S
from whendue.settings import WEIGHTS
from whendue.support.clock import Clock

# A group of less than a full call waits this long for more while the call of another group is under way.
GROUP_WAIT_S: Final = 0.01
# No more wait than are taken in this time at the current rate; a call to SQS takes a tenth of it.
AHEAD_S: Final = 0.25


class Poll(NamedTuple):
    """What to ask a queue for.

    Args:
        queue: the queue.
        limit: the maximum number of messages.
        wait_s: how long to wait for the first.
        own: whether the queue's own receiver asks.
    """

    queue: str
    limit: int
    wait_s: int
    own: bool


class Prefetch:
    """The messages that wait, by queue; threads share it.

    Args:
        queues: to receive from, by name.
        threads: the maximum number of jobs that run at once.
        wait_s: the length of a long poll.
        clock: the process's.
        weights: of the queues, by name.
    """

    def __init__(
        self, queues: Sequence[str], threads: int, wait_s: int, clock: Clock, weights: Mapping[str, int] = WEIGHTS
    ) -> None:
        """Begin with free threads, and with every queue as if it had messages."""
        self._clock = clock
        self._wait_s = wait_s
        self._threads = threads
        self._free = threads
        self._weights = weights
        self._selector = QueueSelector(queues, weights)
        self._waiting: dict[str, deque[tuple[int, ReceivedMessage]]] = {queue: deque() for queue in queues}
        self._busy = dict.fromkeys(queues, True)
        # What queues with messages are being asked for.
        self._asked: Counter[str] = Counter()
        self._taken = Rate()
        self._claiming = 0
        self._closed = False
        self._lock = threading.Lock()
        self._can_take = threading.Condition(self._lock)
        self._can_ask = {queue: threading.Condition(self._lock) for queue in (*queues, None)}
        # Receivers that wait until they may ask, and those of queues that are asking.
        self._idle: Counter[str | None] = Counter()
        self._away: Counter[str] = Counter()

    # --- receivers --------------------------------------------------------------------------------------------

    def ask(self, queue: str | None, timeout_s: float) -> Poll | None:
        """Return what to ask a queue for, as soon as messages are wanted; None if none are until the timeout.

        The caller must say what was `answered`.

        Args:
            queue: the receiver's own; None for a receiver that helps with queues that have many messages.
            timeout_s: how long to wait.
        """
        with self._lock:
            self._idle[queue] += 1
            self._can_ask[queue].wait_for(lambda: self._closed or self._poll(queue), timeout_s)
            poll = None if self._closed else self._poll(queue)
            self._idle[queue] -= 1
            if poll and poll.wait_s == 0:
                self._asked[poll.queue] += poll.limit
            self._away += Counter([poll.queue] if poll and poll.own else [])
            return poll

    def answered(self, poll: Poll, messages: Sequence[ReceivedMessage]) -> Sequence[ReceivedMessage]:
        """Take what was received; return the messages that are not taken because the worker stops."""
        queue = poll.queue
        with self._changing():
            self._away -= Counter([queue] if poll.own else [])
            if poll.wait_s == 0:
                self._asked[queue] -= poll.limit
            was_empty = not self._busy[queue] and not self._waiting[queue]
            self._busy[queue] = bool(messages)
            if self._closed:
                return messages
            if messages and was_empty:
                self._selector.joins(queue)
            now_ms = self._clock.now_ms()
            self._waiting[queue].extend((now_ms, message) for message in messages)
            return []

    def _poll(self, queue: str | None) -> Poll | None:
        """Return what a receiver may ask for now."""
        if queue is None or self._busy[queue]:
            return self._short_poll(queue)
        # It may have a message at any time, and so may all others: each is asked for its share.
        wanted = self._free + self._ahead()
        share = -(-wanted * self._weights[queue] // sum(self._weights[other] for other in self._waiting))
        return Poll(queue, min(share, SQS_MAX_BATCH), self._wait_s, own=True) if wanted else None

    def _short_poll(self, queue: str | None) -> Poll | None:
        """Ask a queue that had messages for what is wanted, if it is the one to ask next."""
        coming = self._number() + self._asked.total()
        wanted = self._free + self._ahead()
        room = min(wanted - coming, SQS_MAX_BATCH)
        # Without a free thread there is time to wait until a call brings several.
        least = 1 if self._free > coming else min(SQS_MAX_BATCH, max(1, wanted // 2))
        if room < least:
            return None
        # A queue's own receiver asks before others help; the queue whose next message would be served first is next.
        busy = [other for other, is_busy in self._busy.items() if is_busy]
        own = [other for other in busy if not self._away[other]]
        following = min(own if queue else [] if own else busy, key=self._turn_of_next, default=None)
        return Poll(following, room, 0, own=bool(queue)) if following and queue in (None, following) else None

    def _turn_of_next(self, queue: str) -> float:
        """Return the turn of the next message that a queue is asked for."""
        return self._selector.turn_after(queue, len(self._waiting[queue]) + self._asked[queue])

    def _ahead(self) -> int:
        """Return how many messages may wait although no thread is free."""
        return min(max(self._threads, SQS_MAX_BATCH), int(self._taken.per_s(self._clock.now_ms()) * AHEAD_S))

    # --- claims -----------------------------------------------------------------------------------------------

    def take(self, timeout_s: float) -> list[ReceivedMessage]:
        """Wait for messages and for threads that are free; take both. Empty if there are none until the timeout.

        While another thread claims, it waits a little for more, so that a call claims several. The caller must say
        when it has `claimed` what is returned, unless it is empty.
        """
        with self._lock:
            self._can_take.wait_for(lambda: self._closed or self._takeable(), timeout_s)
            if self._takeable():
                self._can_take.wait_for(self._group_is_made, GROUP_WAIT_S)
            messages = [self._next() for _ in range(self._takeable())]
            self._free -= len(messages)
            self._claiming += bool(messages)
            self._taken.add(len(messages), self._clock.now_ms())
            self._wake()
            return messages

    def claimed(self, unused: int) -> None:
        """End what `take` has begun: so many of its threads are free again, because their jobs do not run."""
        with self._changing():
            self._claiming -= 1
            self._free += unused

    def free(self, number: int = 1) -> None:
        """Note that threads are free again."""
        with self._changing():
            self._free += number

    def _group_is_made(self) -> bool:
        return self._closed or not self._claiming or self._takeable() >= DYNAMODB_MAX_STATEMENTS

    def _takeable(self) -> int:
        return min(self._free, self._number(), DYNAMODB_MAX_STATEMENTS)

    def _next(self) -> ReceivedMessage:
        queue = self._selector.next([queue for queue, messages in self._waiting.items() if messages])
        self._selector.serve(queue)
        return self._waiting[queue].popleft()[1]

    def _number(self) -> int:
        return sum(map(len, self._waiting.values()))

    # --- returns ----------------------------------------------------------------------------------------------

    def held_too_long(self) -> list[ReceivedMessage]:
        """Take out the messages that have waited too long for a free thread: another worker may have one."""
        until_ms = self._clock.now_ms() - PREFETCH_HELD_S * 1000
        held: list[ReceivedMessage] = []
        with self._changing():
            for messages in self._waiting.values():
                while messages and messages[0][0] <= until_ms:
                    held.append(messages.popleft()[1])
        return held

    def close(self) -> list[ReceivedMessage]:
        """Receive and take nothing more; take out what waits."""
        with self._changing():
            self._closed = True
            waiting = [message for messages in self._waiting.values() for _, message in messages]
            for messages in self._waiting.values():
                messages.clear()
        return waiting

    @contextmanager
    def _changing(self) -> Iterator[None]:
        with self._lock:
            yield
            self._wake()

    def _wake(self) -> None:
        """Wake the threads that can go on because something has changed."""
        if self._closed or self._takeable():
            self._can_take.notify_all()
        for queue, receivers in self._idle.items():
            if receivers and (self._closed or self._poll(queue)):
                self._can_ask[queue].notify_all()
