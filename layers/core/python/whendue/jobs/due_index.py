"""The due index: partitions, next checks and the rules that say who sends a job's message (ARCHITECTURE.md)."""

import zlib
from typing import Final

from whendue.jobs.model import Job
from whendue.quotas import HORIZON_S, LIST_PARTITIONS
from whendue.settings import Timing

# What the names of partitions of dead jobs begin with.
DEAD: Final = "dead#"


def shard_of(job_id: str, shards: int) -> int:
    """Spread jobs evenly over a due index's partitions."""
    return zlib.crc32(job_id.encode()) % shards


def live_partition(queue: str, shard: int) -> str:
    """Name the partition of a queue's live jobs."""
    return f"live#{queue}#{shard}"


def schedules_partition(shard: int) -> str:
    """Name a partition of what the timer continues itself: schedules, backfills and bulk operations."""
    return f"schedules#{shard}"


def partition_of(identity: str, shards: int) -> str:
    """Name the partition of one schedule, backfill or bulk operation."""
    return schedules_partition(shard_of(identity, shards))


def dead_partition(listed_under: str, shard: int) -> str:
    """Name the partition of dead jobs: of a tenant, or of a subscription; a list reads all `LIST_PARTITIONS` of them.

    Args:
        listed_under: see `Job.listed_under`.
        shard: the job's due index shard, of which there may be many more.
    """
    return f"{DEAD}{listed_under}#{shard % LIST_PARTITIONS}"


def dead_partitions(listed_under: str) -> list[str]:
    """Name all partitions of the dead jobs of a tenant, or of a subscription."""
    return [dead_partition(listed_under, number) for number in range(LIST_PARTITIONS)]


def within_horizon(due_at: int, now_ms: int) -> int:
    """Bound a due time, ms UTC: nothing is due further ahead than the horizon."""
    return min(due_at, now_ms + HORIZON_S * 1000)


def expiry_of(due_at: int, expires_s: float) -> int:
    """Return the expiry of a job, ms UTC, that expires so many seconds after its due time."""
    return due_at + round(1000 * expires_s)


def first_check(due_at: int, timing: Timing) -> int:
    """Return the first check of a job, ms UTC."""
    return due_at - timing.lookahead_ms


def live_entry(queue: str, job_id: str, due_at: int, shards: int, timing: Timing) -> tuple[str, int]:
    """Return where a new job stands in the due index: its partition, and its first check (ms UTC)."""
    return live_partition(queue, shard_of(job_id, shards)), first_check(due_at, timing)


def is_first_check(due_at: int, check_at: int | None, timing: Timing) -> bool:
    """Distinguish a first check from one that rescue has moved."""
    return check_at == first_check(due_at, timing)


def writer_sends(check_at: int | None, scheduled_at: int, timing: Timing) -> bool:
    """Return whether the process that sets the due time also sends the message: the check is past or close."""
    return check_at is not None and check_at <= scheduled_at + timing.margin_ms


def rescue_before(now_ms: int, timing: Timing) -> int:
    """Return the time before which a first check that is still stored is overdue, ms UTC."""
    return now_ms - timing.lookahead_ms - timing.grace_ms


def owner_is_promote(job: Job, timing: Timing) -> bool:
    """Return whether promote sends this pending job at its next check: it is the first, and its writer has not sent."""
    return is_first_check(job.due_at, job.check_at, timing) and not writer_sends(job.check_at, job.scheduled_at, timing)
