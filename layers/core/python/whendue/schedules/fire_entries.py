"""Enter the fires of plans in the history: each fire has one entry, whichever timer writes it first.

Where an entry exists already, it decides: most of them stay, some are replaced, some must be waited for.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import Enum, auto
from itertools import chain, islice
from typing import Final, TypeVar

from whendue.bulkhead import raised_by_users
from whendue.engine.ports import WriteResult, WriteStatus
from whendue.engine.runtime import Runtime
from whendue.errors import UnavailableError, UnstorableError, WhendueError
from whendue.jobs.lifetime import STANDS_FOR
from whendue.jobs.transition import Transition
from whendue.schedule_quotas import IN_FLIGHT_S
from whendue.schedules.fires import (
    Fire,
    FireOutcome,
    MissedRange,
    enter,
    error_code,
    error_text,
    fire_from,
    revise,
    skipped,
)
from whendue.schedules.model import Schedule
from whendue.schedules.planning import PlanProgress, request_of
from whendue.submission.submit import Submit
from whendue.table.keys import job_key
from whendue.table.writes import Write

T = TypeVar("T")
R = TypeVar("R")
UNSTORABLE: Final = f"{UnstorableError.code}: {UnstorableError()}"


class _Verdict(Enum):
    """What follows from how the write of an entry ended.

    ENTERED: it is in the history, so its job is to be created. STANDS: another entry is, and nothing is left to do.
    REPLACE: another entry is, and ours is to replace it. LATER: the plan is left for the next tick.
    UNSTORABLE: the table can hold no such entry; the schedule says so, and continues.
    """

    ENTERED = auto()
    STANDS = auto()
    REPLACE = auto()
    LATER = auto()
    UNSTORABLE = auto()


@dataclass(frozen=True, slots=True)
class _Entry:
    """One entry to be written.

    Args:
        schedule: its schedule, with the standing plan.
        entry: a fire, or one of the plan's gaps.
        job: the job that the fire makes; None where it makes none.
        incomplete: whether its job can be made is not known now.
        error: why its job cannot be made.
    """

    schedule: Schedule
    entry: Fire | MissedRange
    job: Transition | None = None
    incomplete: bool = False
    error: str | None = None


@dataclass(frozen=True, slots=True)
class _Written:
    """An entry after its write.

    Args:
        entry: what was to be entered.
        verdict: what follows.
        replacement: the write that replaces another entry with it; None if it replaces none.
    """

    entry: _Entry
    verdict: _Verdict
    replacement: Write | None = None


class FireEntries:
    """Enters fires in the histories of their schedules."""

    def __init__(self, runtime: Runtime, submit: Submit) -> None:
        """Use this runtime; `submit` prepares the jobs of fires."""
        self._runtime = runtime
        self._submit = submit

    def enter(self, plans: Sequence[PlanProgress]) -> list[PlanProgress]:
        """Enter the fires of plans, those of all schedules in one call; return the plans with the jobs to create.

        A repetition enters the same. An entry that exists already stays, unless a change before this plan
        withdrew it, or it names a job that was not created in time and can no longer be.

        Raises:
            UnavailableError: the job that another entry names could not be read.
        """
        entries = [self._prepared(plan) for plan in plans]
        results = in_one_call(self._runtime.store.apply, [[enter(entry.entry) for entry in each] for each in entries])
        written = [
            [self._judged(entry, result) for entry, result in zip(each, group, strict=True)]
            for each, group in zip(entries, results, strict=True)
        ]
        return [_entered(plan, each) for plan, each in zip(plans, self._replaced(written), strict=True)]

    def _prepared(self, plan: PlanProgress) -> list[_Entry]:
        """List a plan's entries: its gaps, and its fires with their jobs."""
        gaps = [_Entry(plan.schedule, gap) for gap in plan.plan.gaps]
        return [*gaps, *(self._with_job(plan.schedule, fire) for fire in plan.plan.fires)]

    def _with_job(self, schedule: Schedule, fire: Fire) -> _Entry:
        """Prepare a fire's job; a fire whose template no longer makes a valid job is skipped."""
        if fire.outcome is FireOutcome.SKIPPED:
            return _Entry(schedule, fire)
        try:
            request = request_of(schedule, fire)
            job = self._submit.prepare(schedule.tenant, request, self._runtime.clock.now_ms())
        except UnavailableError:
            return _Entry(schedule, fire, incomplete=True)
        except raised_by_users() as error:
            # A validator of a payload is a user's code, and may raise anything.
            if not isinstance(error, WhendueError):
                self._runtime.bulkhead.note("prepare", schedule.identity, error)
            text = error_text(error, "its job could not be created")
            return _Entry(schedule, skipped(fire, error_code(error)), error=text)
        return _Entry(schedule, fire, job)

    def _judged(self, entry: _Entry, result: WriteResult) -> _Written:
        """Return what follows from how the write of an entry ended."""
        if result.status is WriteStatus.INVALID:
            return _Written(entry, _Verdict.UNSTORABLE)
        if isinstance(entry.entry, MissedRange):
            unavailable = result.status is WriteStatus.UNAVAILABLE
            return _Written(entry, _Verdict.LATER if unavailable else _Verdict.STANDS)
        if result.done:
            return _Written(entry, _Verdict.ENTERED)
        if result.current is None:
            return _Written(entry, _Verdict.LATER)
        current = fire_from(result.current)
        verdict = self._against(entry.schedule, entry.entry, current)
        replaces = verdict is _Verdict.REPLACE
        return _Written(entry, verdict, revise("replace_fire", current, entry.entry) if replaces else None)

    def _against(self, schedule: Schedule, fire: Fire, current: Fire) -> _Verdict:
        """Decide between our entry and the current one."""
        same_version = current.version == fire.version
        if current.outcome is FireOutcome.WITHDRAWN:
            # Of our version: the schedule was changed meanwhile, and its change has seen to everything.
            return _Verdict.LATER if same_version else _Verdict.REPLACE
        if not (current.job and same_version):
            return _Verdict.STANDS
        [job] = self._runtime.store.get([job_key(current.job)])
        if job is not None:
            # With a note instead of a job, whoever wrote it may have died before it changed the entry.
            return _Verdict.ENTERED if STANDS_FOR in job else _Verdict.STANDS
        # Another timer may still be creating its job; after that time none will.
        overdue = self._runtime.clock.now_ms() > schedule.as_of + IN_FLIGHT_S * 1000
        return _Verdict.REPLACE if overdue else _Verdict.LATER

    def _replaced(self, written: Sequence[Sequence[_Written]]) -> list[list[_Written]]:
        """Write the replacements of all plans in one call."""
        writes = [[entry.replacement for entry in each if entry.replacement] for each in written]
        results = in_one_call(self._runtime.store.apply, writes)
        return [_after_replacing(each, group) for each, group in zip(written, results, strict=True)]


def _after_replacing(written: Sequence[_Written], results: Sequence[WriteResult]) -> list[_Written]:
    left = iter(results)
    return [
        replace(entry, verdict=_Verdict.ENTERED if next(left).done else _Verdict.LATER) if entry.replacement else entry
        for entry in written
    ]


def _entered(plan: PlanProgress, written: Sequence[_Written]) -> PlanProgress:
    """Return a plan with what its entries ask for."""
    verdicts = {entry.verdict for entry in written}
    errors = [entry.entry.error for entry in written if entry.entry.error]
    error = errors[-1] if errors else None
    entered = [entry for entry in written if entry.verdict is _Verdict.ENTERED]
    # Those that were entered at once come first, as their writes did.
    entered.sort(key=lambda entry: entry.replacement is not None)
    return replace(
        plan,
        jobs=tuple(entry.entry.job for entry in entered if entry.entry.job),
        incomplete=_Verdict.LATER in verdicts or any(entry.entry.incomplete for entry in written),
        error=UNSTORABLE if _Verdict.UNSTORABLE in verdicts else error,
    )


def in_one_call(function: Callable[[list[T]], Sequence[R]], groups: Sequence[Sequence[T]]) -> list[list[R]]:
    """Call a function once with the items of all groups, unless there are none; return each group's results.

    Args:
        function: returns one result for each item, in order.
        groups: the items, of each schedule for example.
    """
    items = list(chain.from_iterable(groups))
    results = iter(function(items) if items else [])
    return [list(islice(results, len(group))) for group in groups]
