"""Dead letters as the API shows them."""

from dataclasses import dataclass
from datetime import datetime

from whendue.client.models.common import Failure, Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetterGroup:
    """Dead jobs with the same error.

    Args:
        fingerprint: Fingerprint of the error; `POST /dead-letters/redrive` filters by it.
        error: The error of one of them.
        count: Number of jobs.
        types: Names of their tasks.
        first_at: When the first of them died.
        last_at: When the last of them died.
        sample: Ids of some of them.
    """

    fingerprint: str
    error: Failure
    count: int
    types: tuple[str, ...]
    first_at: datetime
    last_at: datetime
    sample: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetters:
    """Dead jobs, grouped by error.

    Args:
        items: The groups, the largest one first.
        jobs: Number of dead jobs that were counted for this page.
        other_groups: Number of groups that were counted but are not in `items`; none is larger than the last group in
            `items`.
        cursor: None if all dead jobs were counted. Otherwise only those that ended last were: send it as `cursor` to
            count older ones.
        missing: `jobs_before_upgrade` while jobs from before a table upgrade are missing, until the operator has run
            `whendue migrate`. Else None.
    """

    items: tuple[DeadLetterGroup, ...]
    jobs: int
    other_groups: int
    cursor: str | None
    missing: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TenantDeadLetters:
    """Dead jobs of a tenant, grouped by error.

    Args:
        tenant: The tenant.
        jobs: Number of its dead jobs that were counted, those that ended last.
        has_more: Whether it may have more dead jobs than were counted.
        groups: The groups, the largest one first; at most 10.
        other_groups: Number of groups that were counted but are not in `groups`.
    """

    tenant: str
    jobs: int
    has_more: bool
    groups: tuple[DeadLetterGroup, ...]
    other_groups: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedRedrive:
    """A job that was not run again.

    Args:
        id: Id of the job.
        problem: Problem details (RFC 9457).
    """

    id: str
    problem: Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class RedriveResult:
    """What a bulk redrive did.

    Args:
        matched: Number of dead jobs that match the filter.
        redriven: Ids of the jobs that run again; empty in a dry run.
        failed: Jobs that could not be run again, and why.
        dry_run: Whether the jobs were only counted.
        cursor: Send it as `cursor` to continue; None at the end.
        missing: `jobs_before_upgrade` while jobs from before a table upgrade are missing, until the operator has run
            `whendue migrate`. Else None.
        operation_id: Id of the bulk operation of this request; None in a dry run, and of a sum of several requests.
    """

    matched: int
    redriven: tuple[str, ...]
    failed: tuple[FailedRedrive, ...]
    dry_run: bool
    cursor: str | None
    missing: str | None
    operation_id: str | None
