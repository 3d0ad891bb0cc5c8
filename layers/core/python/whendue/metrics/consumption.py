"""What this process consumes of AWS, and the jobs that it consumes it for."""

import threading
from collections import Counter
from typing import Any, Final

from whendue.jobs.transition import Transition
from whendue.metrics.model import Counts
from whendue.metrics.usage import (
    COMPUTE,
    INVOCATIONS,
    OTHER,
    READS,
    REQUESTS,
    THOUSANDTHS,
    WRITES,
    Consumer,
    Shares,
    Usage,
    divided,
)
from whendue.quotas import USAGE_NAMED

# The store's operations that read; all others write.
READING: Final = frozenset({"batch_get_item", "query", "scan"})
# Lambda's poller receives a batch by one request, and deletes it by another one.
POLLER_REQUESTS: Final = 2


class Consumption:
    """Counts units, requests and invocations. A process has one of these; its threads share it.

    Args:
        memory_mb: of this function; 0 outside of Lambda, where time is not billed by whendue's work.
    """

    def __init__(self, memory_mb: int = 0) -> None:
        """Start with nothing consumed."""
        self._memory_mb = memory_mb
        self._lock = threading.Lock()
        self._spent: Counter[str] = Counter()
        self._shares: dict[Consumer, Shares] = {}

    def observe(self, operation: str, units: float) -> None:
        """Count the capacity units of a call to the table."""
        with self._lock:
            self._spent[READS if operation in READING else WRITES] += round(units * THOUSANDTHS)

    def request(self, **_: Any) -> None:
        """Count a request to a queue; takes what botocore's event `after-call` hands over."""
        with self._lock:
            self._spent[REQUESTS] += THOUSANDTHS

    def invoked(self, duration_ms: int) -> None:
        """Count an invocation for a batch of messages.

        Args:
            duration_ms: how long it took so far.
        """
        with self._lock:
            self._spent[INVOCATIONS] += THOUSANDTHS
            self._spent[REQUESTS] += POLLER_REQUESTS * THOUSANDTHS
            self._spent[COMPUTE] += duration_ms * self._memory_mb

    def note(self, step: Transition, counts: Counts) -> None:
        """Note a transition that holds, and what it counts: its job's consumer takes part in what is consumed."""
        consumer = Consumer(step.job.tenant, step.job.type)
        with self._lock:
            if consumer not in self._shares and len(self._shares) >= USAGE_NAMED:
                consumer = OTHER
            self._shares.setdefault(consumer, Shares()).add(step, counts)

    def take(self) -> Usage:
        """Return what was consumed since the last call, divided among the consumers; none where nobody's jobs moved."""
        with self._lock:
            spent, self._spent = self._spent, Counter()
            shares, self._shares = self._shares, {}
        return divided(spent, shares)
