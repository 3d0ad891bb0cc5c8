"""Waiting for a job's end: the job is read at growing intervals, as no request learns of a change."""

from typing import Final

from whendue.engine.runtime import Runtime
from whendue.jobs.model import Job
from whendue.operations.commands import find
from whendue.quotas import WAIT_INTERVAL_S

FIRST_S: Final = 0.25
FACTOR: Final = 1.5


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
