"""Carry out the plans of schedules. Any number of processes may do so at once, and die anywhere.

Commit the plan, enter its fires in the history, create their jobs, notify of missed fires, advance the cursor: each
step can be repeated, and has the same result in any process.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Generic, NamedTuple, TypeVar

from whendue.engine.commit import commit
from whendue.engine.ports import WriteResult, WriteStatus
from whendue.engine.runtime import Runtime
from whendue.errors import StateConflictError, UnavailableError, UniqueConflictError, UnstorableError
from whendue.jobs.transition import Transition
from whendue.notifications.publisher import NotificationPublisher
from whendue.quotas import SCHEDULE_TRIES
from whendue.schedules.cancel_planned import PlannedFireCanceller
from whendue.schedules.events import missed_deliveries
from whendue.schedules.fire_entries import UNSTORABLE, FireEntries, in_one_call
from whendue.schedules.fires import MissedRange, revise, skipped
from whendue.schedules.model import Schedule, ScheduleState, forget, from_item, step
from whendue.schedules.planning import PlanProgress, advanced, plan, proposed
from whendue.schedules.upcoming import NextCheck, forgotten_at, has_ended, pause_end, removed_at, with_next_check
from whendue.submission.request import UniqueRequest
from whendue.submission.submit import Submit
from whendue.submission.unique_fires import commit_fires, is_held
from whendue.table.writes import Write

T = TypeVar("T")


class EnqueueResult(NamedTuple):
    """What became of schedules.

    Args:
        moved: those whose cursor was advanced.
        broken: those that cannot be served, each with its error.
    """

    moved: list[Schedule]
    broken: list[tuple[Schedule, Exception]]


class _Computed(NamedTuple, Generic[T]):
    """What was computed of each schedule, and those of which it cannot be computed, each with its error."""

    results: list[tuple[Schedule, T]]
    broken: list[tuple[Schedule, Exception]]


class FireEnqueuer:
    """Decides how the fires of schedules end, and creates their jobs."""

    def __init__(self, runtime: Runtime, submit: Submit, notifications: NotificationPublisher) -> None:
        """Use this runtime; `notifications` creates the deliveries for missed fires."""
        self._runtime = runtime
        self._notifications = notifications
        self._submit = submit
        self._entries = FireEntries(runtime, submit)
        self._canceller = PlannedFireCanceller(runtime)
        self.rule = NextCheck(runtime.settings.timing, runtime.settings.shards)

    def ahead(self, schedules: Sequence[Schedule]) -> EnqueueResult:
        """Enqueue the fires of the look-ahead window.

        A schedule whose plan another process commits at this moment is left to that one.
        """
        ready, broken = self._without_withdrawn(schedules)
        kept = [schedule for schedule in ready if schedule.state is not ScheduleState.DELETED]
        active = [schedule for schedule in kept if pause_end(schedule) is not None]
        deleted = [schedule for schedule in ready if schedule.state is ScheduleState.DELETED]
        now_ms = self._runtime.clock.now_ms()
        gone = [schedule for schedule in deleted if forgotten_at(schedule) <= now_ms]
        gone += [schedule for schedule in active if _is_to_be_removed(schedule, now_ms)]
        self._apply([forget(schedule) for schedule in gone])
        fired = self._round(active, now_ms, self._runtime.settings.timing.lookahead_ms)
        return EnqueueResult(fired.moved, broken + fired.broken)

    def settled(self, schedule: Schedule, until_ms: int) -> Schedule:
        """Decide every fire up to a time, so that the schedule may be changed from then on.

        Raises:
            UnavailableError: not all of it could be done; what was done stands.
            StateConflictError: the schedule keeps changing.
            Exception: its fires cannot be computed.
        """
        for _ in range(SCHEDULE_TRIES):
            if schedule.withdraw_until:
                schedule = self._canceller.finish(schedule)
            if not schedule.as_of and proposed(schedule, until_ms, 0) is None:
                return schedule
            fired = self._round([schedule], until_ms, 0)
            for _, error in fired.broken:
                raise error
            [schedule] = fired.moved or [self._again(schedule)]
        raise StateConflictError("the schedule keeps changing; try again")

    def _again(self, schedule: Schedule) -> Schedule:
        """Read a schedule that another process has advanced; one that is unchanged could not be served."""
        [item] = self._runtime.store.get([schedule.key])
        if item is None or from_item(item) == schedule:
            raise UnavailableError
        return from_item(item)

    def _without_withdrawn(
        self, schedules: Sequence[Schedule]
    ) -> tuple[list[Schedule], list[tuple[Schedule, Exception]]]:
        """Cancel what changed schedules had planned; return the schedules that are ready, and those that broke."""
        ready: list[Schedule] = []
        broken: list[tuple[Schedule, Exception]] = []
        for schedule in schedules:
            try:
                ready.append(self._canceller.finish(schedule) if schedule.withdraw_until else schedule)
            except UnavailableError:
                continue
            except Exception as error:  # noqa: BLE001 - it is this schedule's alone
                self._runtime.bulkhead.note("withdraw", schedule.identity, error)
                broken.append((schedule, error))
        return ready, broken

    # --- one plan for each schedule ---------------------------------------------------------------------------

    def _round(self, schedules: Sequence[Schedule], now_ms: int, ahead_ms: int) -> EnqueueResult:
        """Make one plan for each schedule that has none, and carry out all plans."""
        proposals = self._computed(schedules, lambda schedule: proposed(schedule, now_ms, ahead_ms))
        committed = self._commit_plans(proposals.results)
        standing = [schedule for schedule in schedules if schedule.as_of]
        plans = self._computed([*standing, *committed], lambda schedule: plan(schedule, self._runtime.ids))
        progress = [PlanProgress(schedule, planned) for schedule, planned in plans.results]
        progress = self._entries.enter(progress)
        progress = self._create_jobs(progress)
        progress = self._notify_missed(progress)
        return EnqueueResult(self._advance(progress), proposals.broken + plans.broken)

    def _computed(self, schedules: Sequence[Schedule], function: Callable[[Schedule], T]) -> _Computed[T]:
        """Compute something of each schedule; one of which it cannot be computed holds up no other."""
        results: list[tuple[Schedule, T]] = []
        broken: list[tuple[Schedule, Exception]] = []
        for schedule in schedules:
            try:
                results.append((schedule, function(schedule)))
            except Exception as error:  # noqa: BLE001 - it is this schedule's alone
                self._runtime.bulkhead.note("plan", schedule.identity, error)
                broken.append((schedule, error))
        return _Computed(results, broken)

    def _commit_plans(self, proposals: Sequence[tuple[Schedule, Schedule | None]]) -> list[Schedule]:
        """Write the proposed plans; return the schedules whose plans stand now."""
        changes = [(before, then) for before, then in proposals if then]
        results = self._apply([step("commit_plan", before, then) for before, then in changes])
        return [then for (_, then), result in zip(changes, results, strict=True) if result.done]

    def _create_jobs(self, plans: Sequence[PlanProgress]) -> list[PlanProgress]:
        """Create the jobs of the fires that were entered; one that exists is the same, as its id comes from the fire.

        A fire whose job the table cannot hold is skipped.
        """
        now_ms = self._runtime.clock.now_ms()
        wanted = [[(job, self._unique_of(each, job)) for job in each.jobs] for each in plans]
        created = in_one_call(lambda jobs: commit_fires(self._runtime, jobs, now_ms), wanted)
        refused = [_unstorable(each.jobs, results) for each, results in zip(plans, created, strict=True)]
        held = [_held(each.jobs, results) for each, results in zip(plans, created, strict=True)]
        skips = [
            [*_skips(each, jobs, UnstorableError.code), *_skips(each, others, UniqueConflictError.code)]
            for each, jobs, others in zip(plans, refused, held, strict=True)
        ]
        skips_written = in_one_call(self._runtime.store.apply, skips)
        return [
            replace(
                each,
                incomplete=each.incomplete or _is_unavailable([*results, *written]),
                error=UNSTORABLE if jobs else each.error,
            )
            for each, results, jobs, written in zip(plans, created, refused, skips_written, strict=True)
        ]

    def _unique_of(self, progress: PlanProgress, job: Transition) -> UniqueRequest | None:
        """Return the unique key that a fire's job asks for; None for none."""
        return self._submit.unique_of(progress.schedule.definition.template) if job.job.unique else None

    def _notify_missed(self, plans: Sequence[PlanProgress]) -> list[PlanProgress]:
        """Create the deliveries that notify of missed fires, for the plans that are complete up to here."""
        now_ms = self._runtime.clock.now_ms()
        notified = []
        for each in plans:
            progress = each
            for gap in each.plan.gaps:
                progress = progress if progress.incomplete else self._notified(progress, gap, now_ms)
            notified.append(progress)
        return notified

    def _notified(self, progress: PlanProgress, missed: MissedRange, now_ms: int) -> PlanProgress:
        """Create the deliveries for a missed range; those that exist are the same, as with jobs."""
        try:
            deliveries = missed_deliveries(self._notifications, progress.schedule, missed)
        except UnavailableError:
            return replace(progress, incomplete=True)
        except Exception as error:  # noqa: BLE001 - this range is in the history, without a notification
            self._runtime.bulkhead.note("notify", progress.schedule.identity, error)
            return progress
        results = commit(self._runtime, deliveries, now_ms) if deliveries else []
        return replace(progress, incomplete=_is_unavailable(results))

    def _advance(self, plans: Sequence[PlanProgress]) -> list[Schedule]:
        """Advance the cursors of schedules whose plans are complete; return those that were."""
        changes = [(each.schedule, self._advanced(each)) for each in plans if not each.incomplete]
        results = self._apply([step("advance", before, then) for before, then in changes])
        return [then for (_, then), result in zip(changes, results, strict=True) if result.done]

    def _advanced(self, progress: PlanProgress) -> Schedule:
        then = replace(advanced(progress.schedule, progress.plan.runs), last_error=progress.error, troubles=None)
        return with_next_check(then, self.rule)

    def _apply(self, writes: Sequence[Write]) -> list[WriteResult]:
        return self._runtime.store.apply(writes) if writes else []


def _is_to_be_removed(schedule: Schedule, now_ms: int) -> bool:
    """Return whether a schedule has ended so long ago that it is removed; one that cannot be computed has not."""
    removed_ms = removed_at(schedule)
    try:
        return removed_ms is not None and removed_ms <= now_ms and has_ended(schedule)
    except Exception:  # noqa: BLE001 - its plan says why
        return False


def _is_unavailable(results: Sequence[WriteResult]) -> bool:
    return any(result.status is WriteStatus.UNAVAILABLE for result in results)


def _unstorable(jobs: Sequence[Transition], results: Sequence[WriteResult]) -> list[Transition]:
    return [job for job, result in zip(jobs, results, strict=True) if result.status is WriteStatus.INVALID]


def _held(jobs: Sequence[Transition], results: Sequence[WriteResult]) -> list[Transition]:
    return [job for job, result in zip(jobs, results, strict=True) if is_held(result)]


def _skips(progress: PlanProgress, refused: Sequence[Transition], code: str) -> list[Write]:
    """Return the writes that skip the fires whose jobs were refused."""
    return [
        revise("skip_fire", fire, skipped(fire, code))
        for made in refused
        for fire in progress.plan.fires
        if fire.nominal == made.job.nominal_at
    ]
