"""The bulk redrive of dead jobs, some in each request: an operation that is done when the request is answered."""

from dataclasses import replace
from typing import Final, NamedTuple

from whendue.bulk.model import Action, FailedJob
from whendue.bulk.service import Asked, BulkService
from whendue.engine.runtime import Runtime
from whendue.jobs.model import State
from whendue.operations.listing import JobFilter, Listing

LIST: Final = "redrive"


class Redriven(NamedTuple):
    """What a bulk redrive did; a cursor says that more jobs match, `is_complete` is as of `Page`.

    Args:
        operation: id of the operation; None for a dry run.
    """

    matched: int
    redriven: list[str]
    failed: list[FailedJob]
    cursor: str | None
    is_complete: bool
    operation: str | None


class DeadLetterRedrive:
    """Runs dead jobs again."""

    def __init__(self, runtime: Runtime, bulk: BulkService) -> None:
        """Use this runtime."""
        self._listing = Listing(runtime)
        self._bulk = bulk

    def redrive(
        self,
        tenant: str,
        wanted: JobFilter,
        *,
        dry_run: bool,
        rate_per_s: float | None,
        limit: int,
        cursor: str | None,
        by: str,
    ) -> Redriven:
        """Run dead jobs again.

        Args:
            tenant: whose jobs.
            wanted: which of them; its state is not looked at.
            dry_run: only count them.
            rate_per_s: jobs to start per second, by spreading their due times; None starts all now.
            limit: maximum number in this call.
            cursor: where the last call said to go on.
            by: who asks for it.

        Raises:
            InvalidRequestError: there is no such priority.
            InvalidCursorError: the cursor is not of this list.
            TooManyOperationsError: the tenant has as many running operations as it may have.
            UnavailableError: the table does not answer.
        """
        dead = replace(wanted, state=State.DEAD.value)
        if dry_run:
            page = self._listing.page(LIST, tenant, dead, limit, cursor)
            return Redriven(len(page.jobs), [], [], page.cursor, page.is_complete, None)
        positions = self._listing.positions(LIST, tenant, dead, cursor)
        is_complete = self._listing.is_complete()
        asked = Asked(Action.REDRIVE, by, wanted=dead, rate_per_s=rate_per_s, limit=limit)
        operation, redriven, failed = self._bulk.run(tenant, asked, positions)
        more = self._listing.cursor_of(LIST, tenant, dead, operation.positions)
        return Redriven(len(redriven) + len(failed), redriven, failed, more, is_complete, operation.id)
