"""What takes several requests: submitting many jobs, and redriving all dead ones."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from whendue.client.actions import Flow, ReadClock
from whendue.client.errors import ClientError
from whendue.client.flows.sending import new_key
from whendue.client.inputs.jobs import BatchJob, DeadLetterFilter, NewJob
from whendue.client.messages import checked_key
from whendue.client.models.dead_letters import RedriveResult
from whendue.client.models.jobs import Batch, BatchItem
from whendue.client.requests.jobs import encoded, redrive_dead_letters, submit_batch
from whendue.support.clock import Clock

# What `POST /jobs/batch` takes (docs/reference/quotas.md), with room for the frame around the jobs.
BATCH_JOBS: Final = 500
BATCH_BYTES: Final = 5 * 1024 * 1024 - 1024


def submit_jobs(
    jobs: Iterable[NewJob], *, idempotency_key: str | None = None, traceparent: str | None = None
) -> Flow[tuple[BatchItem, ...]]:
    """Submit any number of jobs, in batches as large as the API takes; return an item for each job, in order.

    Each job is accepted or refused by itself: an item has its `job` or its `problem`. An error is about a batch as a
    whole; earlier batches are stored. Call it again with the `idempotency_key` of the error and the same jobs, and each
    job exists once.

    Args:
        jobs: the jobs. Only jobs of one batch can refer to each other by `ref`.
        idempotency_key: makes the call safe to repeat with the same jobs. Default: a new key.
        traceparent: the trace that the jobs belong to (W3C Trace Context). Default: none.

    Raises:
        ValueError: jobs with a `ref` do not fit into one batch.
    """
    clock: Clock = yield ReadClock()
    wanted = list(jobs)
    key = checked_key(idempotency_key or new_key(clock))
    batches = list(_batches([encoded(job) for job in wanted]))
    if len(batches) > 1 and any(isinstance(job, BatchJob) and job.ref is not None for job in wanted):
        raise ValueError(f"jobs with a ref must fit into one batch of {BATCH_JOBS} jobs and {BATCH_BYTES} bytes")
    items: list[BatchItem] = []
    for number, batch in enumerate(batches):
        try:
            # The API derives the key of a job from its position in a batch, so each batch has a key of its own.
            answer: Batch = yield submit_batch(
                batch, idempotency_key=checked_key(f"{key}-{number}"), traceparent=traceparent
            )
        except ClientError as error:
            error.idempotency_key = key
            raise
        items += answer.items
    return tuple(items)


def _batches(jobs: Sequence[bytes]) -> Iterator[list[bytes]]:
    """Cut jobs, as JSON, into batches that the API takes."""
    batch: list[bytes] = []
    size = 0
    for job in jobs:
        if batch and (len(batch) == BATCH_JOBS or size + len(job) + 1 > BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(job)
        size += len(job) + 1
    if batch:
        yield batch


def redrive_all_dead_letters(
    wanted: DeadLetterFilter | None = None, *, dry_run: bool = False, rate_per_second: float | None = None
) -> Flow[RedriveResult]:
    """Run all dead jobs that match a filter again, in as many requests as that takes; return their sum.

    Args:
        wanted: which dead jobs. Default: all.
        dry_run: only count them.
        rate_per_second: maximum number of jobs that start per second. Default: all start at once.
    """
    parts: list[RedriveResult] = []
    cursor: str | None = None
    while not parts or cursor is not None:
        part: RedriveResult = yield redrive_dead_letters(
            wanted, dry_run=dry_run, rate_per_second=rate_per_second, cursor=cursor
        )
        parts.append(part)
        cursor = part.cursor
    return summed(parts)


def summed(parts: Sequence[RedriveResult]) -> RedriveResult:
    """Return the sum of the results of consecutive requests, of which there is at least one."""
    return RedriveResult(
        matched=sum(part.matched for part in parts),
        redriven=tuple(job_id for part in parts for job_id in part.redriven),
        failed=tuple(failed for part in parts for failed in part.failed),
        dry_run=parts[-1].dry_run,
        cursor=None,
        missing=parts[-1].missing,
        operation_id=parts[0].operation_id if len(parts) == 1 else None,
    )
