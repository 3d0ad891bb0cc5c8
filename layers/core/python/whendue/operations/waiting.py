"""Waiting for a job's end: the job is read at growing intervals, as no request learns of a change."""

from typing import Final, NamedTuple

from whendue.engine.runtime import Runtime
from whendue.jobs.model import Job
from whendue.operations.commands import find
from whendue.quotas import WAIT_INTERVAL_S, WAIT_S, WAITS_OF_A_TENANT
from whendue.table.keys import waits_key
from whendue.table.writes import Below, Plus, Write, insert

FIRST_S: Final = 0.25
FACTOR: Final = 1.5


class Waited(NamedTuple):
    """A job after a wait.

    Args:
        job: the job.
        refused: whether too many of the tenant's requests wait, so that this one was answered at once.
    """

    job: Job
    refused: bool = False


def wait_for_end(runtime: Runtime, tenant: str, job_id: str, wait_s: float) -> Waited:
    """Return a job when it has ended, or as it is when the time is over, or if too many of the tenant's requests wait.

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
    now_ms = clock.now_ms()
    until_ms = now_ms + round(wait_s * 1000)
    job = find(runtime.store, tenant, job_id, now_ms)
    if job.terminal or wait_s <= 0:
        return Waited(job)
    if not _may_begin(runtime, tenant, now_ms):
        return Waited(job, refused=True)
    interval_s = FIRST_S
    while not job.terminal and (left_s := (until_ms - clock.now_ms()) / 1000) > 0:
        clock.sleep(min(interval_s, left_s))
        interval_s = min(WAIT_INTERVAL_S, interval_s * FACTOR)
        job = find(runtime.store, tenant, job_id, clock.now_ms())
    return Waited(job)


def _may_begin(runtime: Runtime, tenant: str, now_ms: int) -> bool:
    """Count a request that begins to wait; return whether the tenant may have one more in this window of time."""
    window = now_ms // (WAIT_S * 1000)
    key = waits_key(tenant, window)
    # Says which request was the last that was counted.
    mark = runtime.clock.new_id()
    more = Write("count_wait", key, (Below("begun", WAITS_OF_A_TENANT),), {"begun": Plus(1), "mark": mark})
    first = {"begun": 1, "mark": mark, "expires_at": (window + 2) * WAIT_S}
    [counted] = runtime.store.apply([more])
    if counted.done or counted.failed or counted.current:
        return counted.done
    [begun] = runtime.store.apply([insert("count_first_wait", key, first)])
    # Another request was the first one meanwhile: nothing waits for one that cannot be counted.
    return begun.done
