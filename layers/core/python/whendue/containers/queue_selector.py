"""Which queue is served next? Weighted priorities that age, so that no queue waits for ever.

Stride scheduling: each queue has a pass, the lowest is next, and each message moves it on by the inverse of the queue's
weight. A queue that had nothing saves nothing up: it begins where the others are.
Source: C. Waldspurger, W. Weihl, Stride Scheduling: Deterministic Proportional-Share Resource Management, 1995.
"""

from collections.abc import Collection, Mapping, Sequence

from whendue.settings import WEIGHTS


class QueueSelector:
    """Chooses among the queues that have messages.

    Args:
        queues: all queues, by name.
        weights: messages of busy queues, in proportion, by name; the least is 1.
    """

    def __init__(self, queues: Sequence[str], weights: Mapping[str, int] = WEIGHTS) -> None:
        """Begin with the heaviest queue."""
        self._weights = weights
        self._passes = {queue: 1 / weights[queue] for queue in queues}
        self._now = 0.0

    def joins(self, queue: str) -> None:
        """Note that a queue has messages again that had none: it has saved up no turns."""
        self._passes[queue] = max(self._passes[queue], self._now)

    def next(self, queues: Collection[str]) -> str:
        """Return the queue whose turn it is, among those that have messages."""
        return min(queues, key=lambda queue: self._passes[queue])

    def serve(self, queue: str) -> None:
        """Note that a message of a queue is served."""
        self._now = self._passes[queue]
        self._passes[queue] += 1 / self._weights[queue]

    def turn_after(self, queue: str, messages: int) -> float:
        """Return the pass that a queue has after this many messages: of two queues, the lower one is served first."""
        return self._passes[queue] + messages / self._weights[queue]
