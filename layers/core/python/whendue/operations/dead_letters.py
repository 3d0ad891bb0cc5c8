"""Dead letters: dead jobs grouped by their error, and run again in bulk."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from whendue.engine.commit import commit
from whendue.engine.ports import WriteResult, WriteStatus
from whendue.engine.runtime import Runtime
from whendue.errors import StateConflictError, UnavailableError, UnstorableError, WhendueError
from whendue.jobs.model import Job, State
from whendue.jobs.transition import Transition
from whendue.jobs.transitions import redrive
from whendue.operations.listing import JobFilter, Listing
from whendue.quotas import DYNAMODB_MAX_STATEMENTS, HORIZON_S, LIST_READS, REDRIVE_AGE_S

SAMPLE = 5


@dataclass(frozen=True, slots=True)
class DeadLetterGroup:
    """Dead jobs with the same error fingerprint; times are ms UTC, `sample` a few job ids, newest first."""

    fingerprint: str
    error_type: str
    message: str
    where: str
    count: int
    types: list[str]
    first_at: int
    last_at: int
    sample: list[str]


class DeadLetterGroups(NamedTuple):
    """Groups of the dead jobs read, largest first; a cursor says that there are more jobs."""

    groups: list[DeadLetterGroup]
    jobs: int
    cursor: str | None


class Redriven(NamedTuple):
    """What a bulk redrive did; a cursor says that more jobs match."""

    matched: int
    redriven: list[str]
    failed: list[tuple[str, WhendueError]]
    cursor: str | None
    dry_run: bool


class DeadLetterService:
    """Works on all dead jobs of a tenant."""

    def __init__(self, runtime: Runtime) -> None:
        """Use this runtime."""
        self._runtime = runtime
        self._listing = Listing(runtime)

    def groups(self, tenant: str, wanted: JobFilter, cursor: str | None) -> DeadLetterGroups:
        """Group up to 1,000 dead jobs by fingerprint.

        Raises:
            InvalidCursorError: the cursor is not of this list.
            UnavailableError: the table does not answer.
        """
        page = self._listing.page("dead-letters", tenant, _dead(wanted), LIST_READS, cursor)
        grouped: dict[str, list[Job]] = {}
        for job in page.jobs:
            grouped.setdefault(job.last.fingerprint if job.last else "", []).append(job)
        made = self._runtime.bulkhead.each(
            grouped.items(), lambda group: _group(*group), stage="group", name=lambda group: group[0]
        )
        groups = [group for _, group in made]
        return DeadLetterGroups(
            sorted(groups, key=lambda group: (-group.count, group.fingerprint)), len(page.jobs), page.cursor
        )

    def redrive(
        self,
        tenant: str,
        wanted: JobFilter,
        *,
        dry_run: bool,
        rate_per_s: float | None,
        limit: int,
        cursor: str | None,
    ) -> Redriven:
        """Run dead jobs again.

        Args:
            tenant: whose jobs.
            wanted: which of them; its state is not looked at.
            dry_run: only count them.
            rate_per_s: jobs to start per second, by spreading their due times; None starts all now.
            limit: maximum number in this call.
            cursor: where the last call said to go on.

        Raises:
            InvalidCursorError: the cursor is not of this list.
            UnavailableError: the table does not answer.
        """
        page = self._listing.page("redrive", tenant, _dead(wanted), limit, cursor)
        failed: list[tuple[str, WhendueError]] = []
        redriven: list[str] = []
        if not dry_run:
            for start in range(0, len(page.jobs), DYNAMODB_MAX_STATEMENTS):
                part = page.jobs[start : start + DYNAMODB_MAX_STATEMENTS]
                for job, error in zip(part, self._redrive(part, start, rate_per_s), strict=True):
                    failed += [(job.id, error)] if error else []
                    redriven += [] if error else [job.id]
        return Redriven(len(page.jobs), redriven, failed, page.cursor, dry_run)

    def _redrive(self, jobs: Sequence[Job], start: int, rate_per_s: float | None) -> list[WhendueError | None]:
        now_ms = self._runtime.clock.now_ms()
        errors: dict[str, WhendueError | None] = {}
        steps = []
        for number, job in enumerate(jobs, start):
            if job.created_at < now_ms - REDRIVE_AGE_S * 1000:
                errors[job.id] = StateConflictError("the job is too old to run again; submit a new one")
                continue
            # Bounded, however slow: the horizon is far below what a float can make of it.
            due_at = now_ms + (round(min(1000 * number / rate_per_s, 1000 * HORIZON_S)) if rate_per_s else 0)
            try:
                steps.append(redrive(job, due_at, now_ms, self._runtime.settings.timing))
            except Exception as error:  # noqa: BLE001 - it is this job's alone
                self._runtime.bulkhead.note("redrive", job.id, error)

        def some(part: Sequence[Transition]) -> None:
            outcomes = commit(self._runtime, part, now_ms)
            errors.update({step.job.id: _error(outcome) for step, outcome in zip(part, outcomes, strict=True)})

        self._runtime.bulkhead.together(steps, some, stage="redrive", name=lambda step: step.job.id)
        return [errors.get(job.id, StateConflictError("the job cannot be run again")) for job in jobs]


def _dead(wanted: JobFilter) -> JobFilter:
    return JobFilter(State.DEAD.value, wanted.type, wanted.queue, wanted.fingerprint)


def _group(fingerprint: str, jobs: Sequence[Job]) -> DeadLetterGroup:
    last = jobs[0].last
    finished = [job.finished_at or 0 for job in jobs]
    return DeadLetterGroup(
        fingerprint=fingerprint,
        error_type=last.type if last else "",
        message=last.message if last else "",
        where=last.where if last else "",
        count=len(jobs),
        types=sorted({job.type for job in jobs}),
        first_at=min(finished),
        last_at=max(finished),
        sample=[job.id for job in jobs[:SAMPLE]],
    )


def _error(outcome: WriteResult) -> WhendueError | None:
    if outcome.done:
        return None
    if outcome.status is WriteStatus.INVALID:
        return UnstorableError()
    return (
        UnavailableError() if outcome.status is WriteStatus.UNAVAILABLE else StateConflictError("the job has changed")
    )
