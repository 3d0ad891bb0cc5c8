"""Which queue does a thread listen to next? Weighted priorities that age, so that no queue waits for ever.

Stride scheduling: each queue has a pass, the lowest is next, and each turn moves it on by the inverse of its weight. A
queue that had nothing moves on as far as the lightest: it does not hold up those that have something.
Source: C. Waldspurger, W. Weihl, Stride Scheduling: Deterministic Proportional-Share Resource Management, 1995.
"""

import threading
from collections import Counter
from collections.abc import Sequence
from typing import Final, NamedTuple

from whendue.settings import ALL_QUEUES, DEAD_LETTER_QUEUES

# Turns of busy queues, in proportion; the least is 1.
WEIGHTS: Final = dict(zip((*ALL_QUEUES, *DEAD_LETTER_QUEUES), (8, 4, 2, 1, 2, 1, 1), strict=True))
# A thread listens this long at most while some queue has no listener, then looks after such queues.
QUICK_S: Final = 1


class Turn(NamedTuple):
    """A thread's turn: where it listens, and for how long."""

    queue: str
    wait_s: int


class QueueSelector:
    """Hands out turns to threads.

    Args:
        queues: the queues to listen to, by name.
        wait_s: how long a thread may listen to a queue that has nothing.
    """

    def __init__(self, queues: Sequence[str], wait_s: int) -> None:
        """Begin with the heaviest queue."""
        self._wait_s = wait_s
        self._passes = {queue: 1 / WEIGHTS[queue] for queue in queues}
        self._busy = dict.fromkeys(queues, True)
        self._listeners: Counter[str] = Counter()
        self._quick = 0
        self._lock = threading.Lock()

    def take(self) -> Turn:
        """Return the next turn: for a queue without a listener, if there is one."""
        with self._lock:
            alone = [queue for queue in self._passes if not self._listeners[queue]] or list(self._passes)
            queue = min(alone, key=lambda name: self._passes[name])
            wait_s = self._wait(any(self._busy[other] for other in alone if other != queue))
            self._listeners[queue] += 1
            self._quick += wait_s < self._wait_s
            self._passes[queue] += 1 / WEIGHTS[queue]
            return Turn(queue, wait_s)

    def _wait(self, others: bool) -> int:  # noqa: FBT001 - one caller
        """Do not wait while another queue may have something; one idle thread always stays quick."""
        if others:
            return 0
        return self._wait_s if self._quick else min(QUICK_S, self._wait_s)

    def answered(self, turn: Turn, *, something: bool) -> None:
        """Take a turn back: whether the queue had something."""
        with self._lock:
            self._listeners[turn.queue] -= 1
            self._quick -= turn.wait_s < self._wait_s
            self._busy[turn.queue] = something
            if not something:
                self._passes[turn.queue] += 1 - 1 / WEIGHTS[turn.queue]
