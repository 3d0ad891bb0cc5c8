"""Waiting for a job's end: the job is read at growing intervals, as nothing tells a request of a change."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from whendue.engine.runtime import Runtime
from whendue.jobs.model import Job
from whendue.operations.commands import find
from whendue.quotas import WAIT_INTERVAL_S

FIRST_S: Final = 0.25
FACTOR: Final = 1.5


class Waits:
    """The requests that may wait at the same time: the others of a process keep its other threads.

    Args:
        at_once: how many; a further one is answered at once.
    """

    def __init__(self, at_once: int) -> None:
        """Begin with none that waits."""
        self._free = threading.Semaphore(at_once)

    @contextmanager
    def one(self) -> Iterator[bool]:
        """Say whether a request may wait; until it has left, it counts."""
        may_wait = self._free.acquire(blocking=False)
        try:
            yield may_wait
        finally:
            if may_wait:
                self._free.release()


def wait_for_end(runtime: Runtime, tenant: str, job_id: str, wait_s: float) -> Job:
    """Return a job when it has ended, or as it is when the time is over.

    It is read once, and then at intervals from a quarter of a second to WAIT_INTERVAL_S: 14 times in 20 s.

    Args:
        runtime: the runtime.
        tenant: whose job it is.
        job_id: id of the job.
        wait_s: how long to wait, seconds.

    Raises:
        JobNotFoundError: the tenant has no such job, or no longer.
        UnavailableError: the table does not answer.
    """
    clock = runtime.clock
    until_ms = clock.now_ms() + round(wait_s * 1000)
    interval_s = FIRST_S
    while True:
        now_ms = clock.now_ms()
        job = find(runtime.store, tenant, job_id, now_ms)
        left_s = (until_ms - now_ms) / 1000
        if job.terminal or left_s <= 0:
            return job
        clock.sleep(min(interval_s, left_s))
        interval_s = min(WAIT_INTERVAL_S, interval_s * FACTOR)
