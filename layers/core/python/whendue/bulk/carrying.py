"""Changing the jobs of a piece, each once: a process that comes later finds in each job what was done."""

from collections.abc import Sequence
from typing import Final, NamedTuple

from whendue.bulk.decisions import decide
from whendue.bulk.model import Action, Counts, FailedJob, Operation, Piece, PlannedJob
from whendue.bulk.notes import Notes
from whendue.bulk.selection import failed
from whendue.engine.commit import commit
from whendue.engine.fan_out import CompletionFanOut
from whendue.engine.ports import Item, WriteResult, WriteStatus
from whendue.engine.runtime import Runtime
from whendue.errors import (
    JobNotFoundError,
    StateConflictError,
    UnavailableError,
    UnreadableError,
    UnstorableError,
    WhendueError,
)
from whendue.jobs.model import Job, from_item
from whendue.jobs.transition import Transition, change_number
from whendue.operations.commands import JobCommands
from whendue.operations.erase import JobEraser, check_erasable
from whendue.quotas import CONFLICT_TRIES, ERASE_CALL_S
from whendue.table.keys import job_key


class Done(NamedTuple):
    """What a piece has done: counts, ids of the jobs that were changed, and all that could not be."""

    counts: Counts
    changed: list[str]
    failures: list[FailedJob]


NOTHING: Final = Done(Counts(), [], [])


class _Outcome(NamedTuple):
    """What came of a job: changed, unchanged, or failed."""

    changed: bool = False
    error: WhendueError | None = None


CHANGED, UNCHANGED = _Outcome(changed=True), _Outcome()
_Outcomes = dict[int, _Outcome]


class Carrier:
    """Carries out pieces; doing one again changes no job again."""

    def __init__(self, runtime: Runtime) -> None:
        """Use this runtime."""
        self._runtime = runtime
        self._notes = Notes(runtime)
        self._commands = JobCommands(runtime)
        self._eraser = JobEraser(runtime)

    def carry_out(self, operation: Operation, piece: Piece) -> Done:
        """Change the jobs of a piece that are not changed yet; count all of them.

        Raises:
            UnavailableError: of some it is unknown: the piece is to be carried out again.
        """
        outcomes: _Outcomes = {}
        waiting = list(range(len(piece.jobs)))
        for _ in range(CONFLICT_TRIES):
            if not waiting:
                break
            outcomes |= self._round(operation, piece, waiting)
            waiting = [number for number in waiting if number not in outcomes]
        outcomes |= dict.fromkeys(waiting, _Outcome(error=StateConflictError("the job keeps changing")))
        failures = [failed(piece.jobs[number].id, end.error) for number, end in sorted(outcomes.items()) if end.error]
        changed = [piece.jobs[number].id for number, end in sorted(outcomes.items()) if end.changed]
        unchanged = len(outcomes) - len(changed) - len(failures)
        counts = Counts(len(changed), unchanged, len(failures) + len(piece.failures))
        return Done(counts, changed, [*piece.failures, *failures])

    def _round(self, operation: Operation, piece: Piece, numbers: Sequence[int]) -> _Outcomes:
        """Read jobs and change them; those that were changed meanwhile by others have no outcome yet."""
        items = self._runtime.store.get([job_key(piece.jobs[number].id) for number in numbers])
        outcomes: _Outcomes = {}
        to_change: list[tuple[int, Job]] = []
        for number, item in zip(numbers, items, strict=True):
            job_or_outcome = self._seen(operation, piece.jobs[number], item)
            if isinstance(job_or_outcome, Job):
                to_change.append((number, job_or_outcome))
            else:
                outcomes[number] = job_or_outcome
        change = self._delete if operation.action is Action.DELETE else self._write
        return outcomes | change(operation, piece, to_change)

    def _seen(self, operation: Operation, planned: PlannedJob, item: Item | None) -> Job | _Outcome:
        """Return a job that is still to be changed, or what came of it."""
        try:
            job = from_item(item) if item else None
        except Exception as error:  # noqa: BLE001 - it is this job's alone
            self._runtime.bulkhead.note("operation", planned.id, error)
            return _Outcome(error=UnreadableError())
        if job is None or job.created_at != planned.created_at:
            # It was there when the piece was planned.
            gone = JobNotFoundError(f"no job has the id {planned.id}")
            return CHANGED if operation.action is Action.DELETE else _Outcome(error=gone)
        if change_number(job) == planned.asked:
            return job
        if self._notes.has(job, operation.id, planned.asked):
            if operation.action is Action.CANCEL:
                # The process that has asked it to stop may have died before this.
                self._commands.stop_orphans(job)
            return CHANGED
        return _Outcome(error=StateConflictError("the job was changed by another request"))

    # --- transitions --------------------------------------------------------------------------------------------

    def _write(self, operation: Operation, piece: Piece, jobs: Sequence[tuple[int, Job]]) -> _Outcomes:
        """Write the transitions of jobs; what raises for one is that one's failure."""
        outcomes: _Outcomes = {}
        steps: list[tuple[int, Transition]] = []
        now_ms = self._runtime.clock.now_ms()
        for number, job in jobs:
            try:
                step = decide(operation, piece, number, job, now_ms, self._runtime.settings)
            except WhendueError as error:
                outcomes[number] = _Outcome(error=error)
            except Exception as error:  # noqa: BLE001 - it is this job's alone
                self._runtime.bulkhead.note("operation", job.id, error)
                outcomes[number] = _Outcome(error=WhendueError())
            else:
                steps += [(number, step)] if step else []
                outcomes |= {} if step else {number: UNCHANGED}
        return outcomes | self._committed(steps, now_ms)

    def _committed(self, steps: Sequence[tuple[int, Transition]], now_ms: int) -> _Outcomes:
        pairs = self._runtime.bulkhead.batch(
            steps,
            lambda part: commit(self._runtime, [step for _, step in part], now_ms),
            stage="operation",
            name=lambda numbered: numbered[1].job.id,
        )
        outcomes: _Outcomes = {}
        is_unknown = False
        for (number, step), result in pairs:
            if isinstance(result, BaseException):
                outcomes[number] = _Outcome(error=WhendueError())
            elif result.done:
                self._follow(step)
                outcomes[number] = CHANGED
            elif result.status is WriteStatus.INVALID:
                outcomes[number] = _Outcome(error=UnstorableError())
            else:
                is_unknown |= result.status is WriteStatus.UNAVAILABLE
                self._make_way(result)
        if is_unknown:
            raise UnavailableError
        return outcomes

    def _follow(self, step: Transition) -> None:
        """Stop what belongs to a composite that is cancelled."""
        if step.name == "request_cancel":
            self._commands.stop_members(step)
            self._commands.stop_orphans(step.job)

    def _make_way(self, refused: WriteResult) -> None:
        """Run the pending fan-out that a write was refused for: dependents are released before the job runs again."""
        if refused.current and "pending_fan_out" in refused.current:
            with self._runtime.bulkhead.around("operation", str(refused.current.get("pk"))):
                CompletionFanOut(self._runtime).run([from_item(refused.current)])

    # --- deletes ------------------------------------------------------------------------------------------------

    def _delete(self, operation: Operation, piece: Piece, jobs: Sequence[tuple[int, Job]]) -> _Outcomes:
        """Erase jobs one by one; a job that is gone then was erased.

        Raises:
            UnavailableError: there was no time for all, as with workflows of many members: the piece comes again.
        """
        del operation, piece
        outcomes: _Outcomes = {}
        until_ms = self._runtime.clock.now_ms() + 1000 * ERASE_CALL_S
        for number, job in jobs:
            if self._runtime.clock.now_ms() >= until_ms:
                raise UnavailableError
            try:
                check_erasable(job, self._runtime.clock.now_ms())
                outcomes |= {number: CHANGED} if self._eraser.erase_ended(job) else {}
            except UnavailableError:
                raise
            except WhendueError as error:
                outcomes[number] = _Outcome(error=error)
            except Exception as error:  # noqa: BLE001 - it is this job's alone
                self._runtime.bulkhead.note("operation", job.id, error)
                outcomes[number] = _Outcome(error=WhendueError())
        return outcomes
