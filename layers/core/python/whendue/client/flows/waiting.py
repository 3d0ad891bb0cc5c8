"""Waits until something has ended: by requests that wait for a job, or by reading at growing intervals."""

from collections.abc import Callable
from typing import Final, TypeVar

from whendue.client.actions import Flow, ReadClock, Sleep
from whendue.client.errors import WaitTimeoutError
from whendue.client.messages import Request
from whendue.client.models.bulk import BulkOperation
from whendue.client.models.jobs import JobWithTimeline
from whendue.client.models.schedules import Backfill
from whendue.client.models.workflows import WorkflowDetails
from whendue.client.requests.bulk import get_operation
from whendue.client.requests.jobs import get_job
from whendue.client.requests.schedules import get_backfill
from whendue.client.requests.workflows import get_workflow
from whendue.support.clock import Clock

T = TypeVar("T")
FIRST_S: Final = 0.5
FACTOR: Final = 1.5
LONGEST_S: Final = 15.0
# Of jobs: a request that could wait is answered at its end, so one that may not is sent again soon.
JOB_LONGEST_S: Final = 2.0
TIMEOUT_S: Final = 300.0
# The longest that the API lets a request wait for a job.
REQUEST_WAIT_S: Final = 20
# An interval is between half of it and all of it, so that clients that began together do not read together.
_SHORTEST: Final = 0.5


def wait_until(
    read: Callable[[float], Request[T]],
    has_ended: Callable[[T], bool],
    timeout_s: float,
    longest_s: float = LONGEST_S,
    rest_s: Callable[[T], float | None] = lambda _: None,
) -> Flow[T]:
    """Read something until it has ended.

    Args:
        read: the request to send when so many seconds are left. It may wait; if it is answered earlier than after an
            interval, the rest of that is waited here.
        has_ended: whether what was read has ended.
        timeout_s: how long to wait, seconds.
        longest_s: the longest interval, seconds.
        rest_s: how long the API asks to wait before the next request, seconds; None: it does not.

    Raises:
        WaitTimeoutError: it has not ended in time; it was read at least once.
    """
    clock: Clock = yield ReadClock()
    until_ms = clock.now_ms() + round(timeout_s * 1000)
    interval_s = FIRST_S
    while True:
        asked_ms = clock.now_ms()
        request = read((until_ms - asked_ms) / 1000)
        last: T = yield request
        if has_ended(last):
            return last
        now_ms = clock.now_ms()
        left_s = (until_ms - now_ms) / 1000
        if left_s <= 0:
            error = WaitTimeoutError(f"{request.path.partition('?')[0]} has not ended within {timeout_s} s")
            error.last = last
            raise error
        spread = _SHORTEST + (1 - _SHORTEST) * clock.random()
        asked_s = rest_s(last)
        # What the API asks for is the least: up to twice as long.
        wait_s = interval_s * spread - (now_ms - asked_ms) / 1000 if asked_s is None else 2 * asked_s * spread
        if wait_s > 0:
            yield Sleep(min(wait_s, left_s))
        interval_s = min(longest_s, interval_s * FACTOR)


def wait_for_job(job_id: str, *, timeout_s: float = TIMEOUT_S) -> Flow[JobWithTimeline]:
    """Wait until a job has ended, and return it: `succeeded`, `dead`, `cancelled` or `expired`.

    A request waits for up to 20 s. If the API has no room for that and answers at once, the job is read again after the
    time that the answer names (2 s), and up to twice that.

    Args:
        job_id: id of the job.
        timeout_s: how long to wait, seconds.

    Raises:
        WaitTimeoutError: it has not ended in time; the job itself goes on.
    """
    return wait_until(
        lambda left_s: get_job(job_id, wait_s=max(0, min(REQUEST_WAIT_S, int(left_s)))),
        lambda job: job.ended,
        timeout_s,
        JOB_LONGEST_S,
        lambda job: job.retry_after_seconds,
    )


def wait_for_workflow(workflow_id: str, *, timeout_s: float = TIMEOUT_S) -> Flow[WorkflowDetails]:
    """Wait until a workflow has ended, and return it: `succeeded`, `dead`, `cancelled` or `expired`.

    Args:
        workflow_id: id of the workflow.
        timeout_s: how long to wait, seconds.

    Raises:
        WaitTimeoutError: it has not ended in time; the workflow itself goes on.
    """
    return wait_until(lambda _: get_workflow(workflow_id), lambda workflow: workflow.ended, timeout_s)


def wait_for_backfill(name: str, backfill_id: str, *, timeout_s: float = TIMEOUT_S) -> Flow[Backfill]:
    """Wait until a backfill has created its jobs, and return it: `finished`, `failed` or `cancelled`.

    Args:
        name: name of the schedule.
        backfill_id: id of the backfill.
        timeout_s: how long to wait, seconds.

    Raises:
        WaitTimeoutError: it has not ended in that time; it goes on, or stays paused.
    """
    wanted = get_backfill(name, backfill_id)
    return wait_until(lambda _: wanted, lambda backfill: backfill.state not in ("running", "paused"), timeout_s)


def wait_for_operation(operation_id: str, *, timeout_s: float = TIMEOUT_S) -> Flow[BulkOperation]:
    """Wait until a bulk operation has come to all its jobs, and return it: `finished` or `cancelled`.

    Args:
        operation_id: id of the operation.
        timeout_s: how long to wait, seconds.

    Raises:
        WaitTimeoutError: it has not ended in that time; it goes on.
    """
    wanted = get_operation(operation_id)
    return wait_until(lambda _: wanted, lambda operation: operation.state != "running", timeout_s)
