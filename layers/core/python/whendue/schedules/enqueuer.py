"""Fire: carry out the plans of schedules. Any number of processes may do so at once, and die anywhere.

Commit the plan, enter its fires in the ledger, create their jobs, tell of those that were missed, move the cursor: each
step can be repeated, and gives the same whoever does it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple, TypeVar

from whendue.bulkhead import RAISED_BY_USERS
from whendue.engine.commit import commit
from whendue.engine.ports import WriteResult as Ended
from whendue.engine.ports import WriteStatus
from whendue.engine.runtime import Runtime
from whendue.errors import StateConflictError, UnavailableError, UnstorableError, WhendueError
from whendue.jobs.failures import line_of
from whendue.jobs.transition import Transition
from whendue.notifications.publisher import NotificationPublisher
from whendue.quotas import IN_FLIGHT_S, REASON_BYTES
from whendue.schedules.cancel_planned import PlannedFireCanceller
from whendue.schedules.events import missed_deliveries
from whendue.schedules.fires import Fire, FireOutcome, MissedRange, enter, fire_from, revise
from whendue.schedules.model import (
    NextCheck,
    Schedule,
    ScheduleState,
    forget,
    forgotten_at,
    from_item,
    step,
    with_next_check,
)
from whendue.schedules.planning import FirePlan, advanced, plan, proposed, request_of
from whendue.submission.submit import Submit
from whendue.table.keys import job_key
from whendue.table.writes import Write

T = TypeVar("T")
# A schedule that changes under us is read again this often; a plan of the finest schedule takes a part of these.
TRIES = 25
UNSTORABLE = f"{UnstorableError.code}: {UnstorableError()}"


@dataclass(slots=True)
class _Work:
    """One schedule's plan on its way.

    Args:
        schedule: with the plan standing.
        plan: what is to be done.
        made: the job of each fire that makes one, by its nominal time.
        wanted: the jobs that the ledger asks for.
        failed: what cannot be done now: the plan is left standing for the next tick.
        error: why fires made no job.
    """

    schedule: Schedule
    plan: FirePlan
    made: dict[int, Transition] = field(default_factory=dict)
    wanted: list[Transition] = field(default_factory=list)
    failed: bool = False
    error: str | None = None


class Fired(NamedTuple):
    """What became of schedules.

    Args:
        moved: those that moved on.
        broken: those that cannot be served, each with its error.
    """

    moved: list[Schedule]
    broken: list[tuple[Schedule, Exception]]


class FireEnqueuer:
    """Decides and fires."""

    def __init__(self, runtime: Runtime, submit: Submit, notifications: NotificationPublisher) -> None:
        """Use this runtime; `notifications` knows who is to be told of missed fires."""
        self._runtime = runtime
        self._notifications = notifications
        self._submit = submit
        self._withdraw = PlannedFireCanceller(runtime)
        self.rule = NextCheck(runtime.settings.timing, runtime.settings.shards)

    def ahead(self, schedules: Sequence[Schedule]) -> Fired:
        """Fire everything of the look-ahead window.

        A schedule whose plan somebody else commits at this moment is left to them.
        """
        ready: list[Schedule] = []
        broken: list[tuple[Schedule, Exception]] = []
        for schedule in schedules:
            try:
                ready.append(self._withdraw.finish(schedule) if schedule.withdraw_until else schedule)
            except UnavailableError:
                continue
            except Exception as error:  # noqa: BLE001 - it is this schedule's alone
                self._note("withdraw", schedule, error)
                broken.append((schedule, error))
        active = [schedule for schedule in ready if schedule.state is ScheduleState.ACTIVE]
        now_ms = self._runtime.clock.now_ms()
        deleted = [schedule for schedule in ready if schedule.state is ScheduleState.DELETED]
        self._apply([forget(schedule) for schedule in deleted if forgotten_at(schedule) <= now_ms])
        fired = self._round(active, now_ms, self._runtime.settings.timing.lookahead_ms)
        return Fired(fired.moved, broken + fired.broken)

    def _note(self, stage: str, schedule: Schedule, error: BaseException) -> None:
        self._runtime.bulkhead.note(stage, schedule.identity, error)

    def settled(self, schedule: Schedule, until_ms: int) -> Schedule:
        """Decide every fire up to a time, so that somebody may change the schedule from then on.

        Raises:
            UnavailableError: not all of it could be done; what was done stands.
            StateConflictError: the schedule keeps changing.
            Exception: its fires cannot be worked out.
        """
        for _ in range(TRIES):
            if schedule.withdraw_until:
                schedule = self._withdraw.finish(schedule)
            if not schedule.as_of and proposed(schedule, until_ms, 0) is None:
                return schedule
            fired = self._round([schedule], until_ms, 0)
            for _, error in fired.broken:
                raise error
            [schedule] = fired.moved or [self._again(schedule)]
        raise StateConflictError("the schedule keeps changing; try again")

    def _again(self, schedule: Schedule) -> Schedule:
        """Read a schedule that somebody else moved on; one that has not moved could not be served."""
        [item] = self._runtime.store.get([schedule.key])
        if item is None or from_item(item) == schedule:
            raise UnavailableError
        return from_item(item)

    def _round(self, schedules: Sequence[Schedule], now_ms: int, ahead_ms: int) -> Fired:
        """Make one plan for each schedule that has none, and carry out all plans."""
        broken: list[tuple[Schedule, Exception]] = []
        standing = self._committed(schedules, now_ms, ahead_ms, broken)
        works = [
            _Work(schedule, planned)
            for schedule, planned in self._computed(standing, lambda one: plan(one, self._runtime.ids), broken)
        ]
        self._enter(works)
        self._create_jobs(works)
        self._notify_missed(works)
        return Fired(self._advance([work for work in works if not work.failed]), broken)

    def _computed(
        self,
        schedules: Sequence[Schedule],
        function: Callable[[Schedule], T],
        broken: list[tuple[Schedule, Exception]],
    ) -> list[tuple[Schedule, T]]:
        """Compute something of each schedule; one of which it cannot be computed holds up no other."""
        found = []
        for schedule in schedules:
            try:
                found.append((schedule, function(schedule)))
            except Exception as error:  # noqa: BLE001 - it is this schedule's alone
                self._note("plan", schedule, error)
                broken.append((schedule, error))
        return found

    def _committed(
        self,
        schedules: Sequence[Schedule],
        now_ms: int,
        ahead_ms: int,
        broken: list[tuple[Schedule, Exception]],
    ) -> list[Schedule]:
        standing = [schedule for schedule in schedules if schedule.as_of]
        pairs = self._computed(schedules, lambda schedule: proposed(schedule, now_ms, ahead_ms), broken)
        fresh = [(schedule, then) for schedule, then in pairs if then]
        ends = self._apply([step("commit_plan", schedule, then) for schedule, then in fresh])
        return standing + [then for (_, then), end in zip(fresh, ends, strict=True) if end.done]

    # --- the ledger -----------------------------------------------------------------------------------------

    def _enter(self, works: Sequence[_Work]) -> None:
        """Enter every fire; where somebody has, what is there is obeyed."""
        entries: list[tuple[_Work, Fire | MissedRange]] = []
        for work in works:
            entries += [(work, work.plan.gap)] if work.plan.gap else []
            entries += [(work, self._checked(work, fire)) for fire in work.plan.fires]
        ends = self._apply([enter(entry) for _, entry in entries])
        again: list[tuple[_Work, Fire, Fire]] = []
        for (work, entry), end in zip(entries, ends, strict=True):
            if end.status is WriteStatus.INVALID:
                # Nothing can be said of it in the ledger: the schedule says so, and goes on.
                work.error = UNSTORABLE
            elif isinstance(entry, MissedRange):
                work.failed |= end.status is WriteStatus.UNAVAILABLE
            elif end.done:
                self._obey(work, entry)
            elif end.current is None:
                work.failed = True
            else:
                again += self._met(work, entry, fire_from(end.current))
        self._replace(again)

    def _checked(self, work: _Work, fire: Fire) -> Fire:
        """Prepare a fire's job; one that the template can no longer make is skipped, and the schedule says why."""
        schedule = work.schedule
        try:
            request = request_of(schedule, fire)
            made = self._submit.prepare(schedule.tenant, request, self._runtime.clock.now_ms())
        except UnavailableError:
            work.failed = True
        except RAISED_BY_USERS as error:
            # A validator of a payload is code of a user's, and may raise anything.
            if not isinstance(error, WhendueError):
                self._note("prepare", schedule, error)
            work.error = why(error, "its job could not be created")
            return _skipped(fire, code_of(error))
        else:
            work.made[fire.nominal] = made
        return fire

    def _met(self, work: _Work, mine: Fire, there: Fire) -> list[tuple[_Work, Fire, Fire]]:
        """Obey the entry that stands in the place of ours; gives what is to be replaced: (work, it, ours)."""
        if there.outcome is FireOutcome.WITHDRAWN:
            if there.version == mine.version:
                # The schedule has been changed since: whoever did it has seen to everything.
                work.failed = True
                return []
            return [(work, there, mine)]
        if there.job and there.version == mine.version:
            return self._unmade(work, mine, there, there.job)
        return []

    def _unmade(self, work: _Work, mine: Fire, there: Fire, job_id: str) -> list[tuple[_Work, Fire, Fire]]:
        """Somebody entered a job that we cannot make: it is there, or its maker is at it, or will never be."""
        [job] = self._runtime.store.get([job_key(job_id)])
        if job is not None:
            return []
        if self._runtime.clock.now_ms() > work.schedule.as_of + IN_FLIGHT_S * 1000:
            return [(work, there, mine)]
        work.failed = True
        return []

    def _replace(self, entries: Sequence[tuple[_Work, Fire, Fire]]) -> None:
        ends = self._apply([revise("replace_fire", there, mine) for _, there, mine in entries])
        for (work, _, mine), end in zip(entries, ends, strict=True):
            if end.done:
                self._obey(work, mine)
            else:
                work.failed = True

    def _obey(self, work: _Work, entry: Fire) -> None:
        """Want the job that our entry names, if it names one."""
        if made := work.made.get(entry.nominal):
            work.wanted.append(made)

    # --- jobs, cursor ---------------------------------------------------------------------------------------

    def _create_jobs(self, works: Sequence[_Work]) -> None:
        """Create what the ledger asks for; a job that is there is the one, as its id is made from the fire."""
        jobs = [(work, made) for work in works for made in work.wanted]
        runtime, now_ms = self._runtime, self._runtime.clock.now_ms()
        ends = commit(runtime, [made for _, made in jobs], now_ms) if jobs else []
        refused: list[tuple[_Work, Fire]] = []
        for (work, made), end in zip(jobs, ends, strict=True):
            work.failed |= end.status is WriteStatus.UNAVAILABLE
            if end.status is WriteStatus.INVALID:
                work.error = UNSTORABLE
                refused += [(work, fire) for fire in work.plan.fires if fire.nominal == made.job.nominal_at]
        skips = [revise("skip_fire", fire, _skipped(fire, UnstorableError.code)) for _, fire in refused]
        for (work, _), end in zip(refused, self._apply(skips), strict=True):
            work.failed |= end.status is WriteStatus.UNAVAILABLE

    def _notify_missed(self, works: Sequence[_Work]) -> None:
        """Create the deliveries that tell of missed fires; one that is there is the one, as jobs are."""
        runtime, now_ms = self._runtime, self._runtime.clock.now_ms()
        for work in works:
            if work.failed or work.plan.gap is None:
                continue
            try:
                made = missed_deliveries(self._notifications, work.schedule, work.plan.gap)
            except UnavailableError:
                work.failed = True
                continue
            except Exception as error:  # noqa: BLE001 - nobody is told of this gap; the ledger has it
                self._note("notify", work.schedule, error)
                continue
            ends = commit(runtime, made, now_ms) if made else []
            work.failed |= any(end.status is WriteStatus.UNAVAILABLE for end in ends)

    def _advance(self, works: Sequence[_Work]) -> list[Schedule]:
        steps = []
        for work in works:
            then = replace(advanced(work.schedule), last_error=work.error, troubles=None)
            steps.append((work.schedule, with_next_check(then, self.rule)))
        ends = self._apply([step("advance", before, then) for before, then in steps])
        return [then for (_, then), end in zip(steps, ends, strict=True) if end.done]

    def _apply(self, writes: Sequence[Write]) -> list[Ended]:
        return self._runtime.store.apply(writes) if writes else []


def why(error: BaseException, what: str) -> str:
    """Say for a schedule's owner what went wrong: never the text of an error that is not ours."""
    if isinstance(error, WhendueError):
        text = f"{error.code}: {error}"
    else:
        text = f"{WhendueError.code}: {what} ({type(error).__name__})"
    return line_of(text, REASON_BYTES)


def code_of(error: BaseException) -> str:
    """Give the stable code of an error."""
    return error.code if isinstance(error, WhendueError) else WhendueError.code


def _skipped(fire: Fire, reason: str) -> Fire:
    return replace(fire, outcome=FireOutcome.SKIPPED, job=None, reason=reason)
