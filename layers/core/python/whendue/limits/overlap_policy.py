"""Overlap: a schedule's jobs share a slot; what happens to a job that finds it taken (docs/guide/schedules.md)."""

from collections.abc import Iterable

from whendue.jobs.limit_spec import Limit, effective
from whendue.jobs.model import Job
from whendue.limits.slot_model import Waiter, queue_position
from whendue.profiles.model import PROFILES
from whendue.schedules.fires import OVERLAPPED, FireOutcome, fire_sk
from whendue.schedules.model import fires_pk
from whendue.table.keys import Key
from whendue.table.writes import Is, Write


def governing(job: Job, profile: Limit | None) -> Limit | None:
    """Return a job's limit, with its key: its schedule's one slot, or its own limit merged with its profile's."""
    if job.overlap:
        return Limit(concurrency=1, key=f"schedule:{job.schedule}")
    return effective(job.limit, profile, profile_name=job.profile, job_type=job.type)


def may_be_limited(job: Job) -> bool:
    """Return whether a job may have a limit: one of its own, its schedule's, or one that a profile gives it."""
    return bool(job.limit or job.overlap) or job.profile not in PROFILES


def skips(job: Job, waiters: Iterable[Waiter]) -> bool:
    """Return whether a job that found the slot taken is skipped; one that has begun once always waits.

    Args:
        job: as stored.
        waiters: the waiters for the slot; this job may be among them.
    """
    if job.claims:
        return False
    match job.overlap:
        case "skip":
            return True
        case "buffer_one":
            return any(other < queue_position(job) for other in waiters)
        case "cancel_running":
            return any(other > queue_position(job) for other in waiters)
    return False


def nominal_of(job: Job) -> int:
    """Return the nominal time of a fire's job, ms UTC.

    Raises:
        ValueError: the job is of no fire.
    """
    if job.nominal_at is None:
        raise ValueError(f"job {job.id} is of no fire")
    return job.nominal_at


def skip_fire(job: Job) -> Write:
    """Enter that a fire was skipped: its job has ended."""
    key = Key(fires_pk(job.tenant, str(job.schedule)), fire_sk(nominal_of(job)))
    changes = {"outcome": FireOutcome.SKIPPED.value, "reason": OVERLAPPED}
    return Write("skip_fire", key, [Is("job", job.id)], changes)
