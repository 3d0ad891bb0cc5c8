"""Dry runs of operations: which jobs there are, and which of them could not be changed."""

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from whendue.bulk.decisions import decide
from whendue.bulk.model import Action, FailedJob, Operation
from whendue.bulk.quotas import DRY_RUN_EXAMPLES, DRY_RUN_PAGES, DRY_RUN_S
from whendue.bulk.selection import Selected, Selector, failed
from whendue.engine.runtime import Runtime
from whendue.errors import WhendueError
from whendue.jobs.model import Job
from whendue.operations.erase import check_erasable
from whendue.quotas import LIST_READS


class Counted(NamedTuple):
    """What a dry run has counted.

    Args:
        matched: number of jobs that an operation would change, or leave as they are because that is wanted.
        is_exact: False if there may be more jobs, beyond a limit or what a dry run reads.
        passed_ms: all jobs were counted that the filter lists after this time, ms UTC; None for ids, and at the end.
        examples: ids of some.
        failures: those that could not be changed; the list is bounded as what is counted.
    """

    matched: int
    is_exact: bool
    passed_ms: int | None
    examples: list[str]
    failures: list[FailedJob]


class DryRun:
    """Counts the jobs of operations; nothing is written."""

    def __init__(self, runtime: Runtime, selector: Selector) -> None:
        """Use this runtime."""
        self._runtime = runtime
        self._selector = selector

    def count(self, operation: Operation) -> Counted:
        """Count the jobs of an operation that has not begun, reading a bounded number of them.

        Raises:
            UnavailableError: the table does not answer.
        """
        until_ms = operation.created_at + 1000 * DRY_RUN_S
        matching: list[str] = []
        failures: list[FailedJob] = []
        for number in range(DRY_RUN_PAGES):
            if number and self._runtime.clock.now_ms() >= until_ms:
                break
            selected = self._selector.select(operation, LIST_READS if operation.left is None else operation.left)
            piece = selected.piece
            could, could_not = self._judged(operation, selected)
            matching += could
            failures += could_not
            operation = replace(
                operation,
                positions=piece.positions,
                ids=piece.ids,
                passed_ms=operation.passed_ms if piece.passed_ms is None else piece.passed_ms,
                limit=None if operation.limit is None else operation.limit - piece.size,
                piece=number + 1,
                is_complete=piece.is_last,
            )
            if piece.is_last or operation.limit == 0:
                break
        passed_ms = None if operation.is_complete else operation.passed_ms
        return Counted(len(matching), operation.is_complete, passed_ms, matching[:DRY_RUN_EXAMPLES], failures)

    def _judged(self, operation: Operation, selected: Selected) -> tuple[list[str], Sequence[FailedJob]]:
        """Return the ids of the jobs that would be changed or are as wanted, and those that could not be changed."""
        matching: list[str] = []
        failures = [*selected.piece.failures]
        for number, job in enumerate(selected.jobs):
            try:
                self._try(operation, selected, number, job)
            except WhendueError as error:
                failures.append(failed(job.id, error))
            except Exception as error:  # noqa: BLE001 - it is this job's alone
                self._runtime.bulkhead.note("operation", job.id, error)
                failures.append(failed(job.id, WhendueError()))
            else:
                matching.append(job.id)
        return matching, failures

    def _try(self, operation: Operation, selected: Selected, number: int, job: Job) -> None:
        """Decide as the operation would.

        Raises:
            WhendueError: the job cannot be changed so.
        """
        now_ms = self._runtime.clock.now_ms()
        if operation.action is Action.DELETE:
            check_erasable(job, now_ms)
        else:
            decide(operation, selected.piece, number, job, now_ms, self._runtime.settings)
