"""The tenant index: all jobs of a tenant, or of a subscription, by the time of their creation (ARCHITECTURE.md).

An entry is written with its job and never again: it holds only what no later write changes.
"""

from collections.abc import Mapping
from typing import Any, Final

from whendue.jobs.due_index import shard_of
from whendue.jobs.model import Job, to_item
from whendue.quotas import LIST_PARTITIONS

TENANT_PK: Final = "tenant_pk"


def tenant_partition(listed_under: str, number: int) -> str:
    """Name a partition of the jobs of a tenant, or of a subscription (`Job.listed_under`)."""
    return f"TENANT#{listed_under}#{number}"


def tenant_partitions(listed_under: str) -> list[str]:
    """Name all partitions of the jobs of a tenant, or of a subscription."""
    return [tenant_partition(listed_under, number) for number in range(LIST_PARTITIONS)]


def tenant_pk(job: Job) -> str:
    """Name the partition that a job is in as long as it exists."""
    return tenant_partition(job.listed_under, shard_of(job.id, LIST_PARTITIONS))


def stored(job: Job) -> Mapping[str, Any]:
    """Return a new job's hot item as it is stored: with its entry in the tenant index."""
    return {**to_item(job), TENANT_PK: tenant_pk(job)}
