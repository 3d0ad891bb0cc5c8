"""Cancel the fires that were planned ahead under a definition that was changed since, and mark them withdrawn."""

from collections.abc import Sequence
from dataclasses import replace

from whendue.engine.commit import commit_unsent
from whendue.engine.ports import Item, WriteStatus
from whendue.engine.runtime import Runtime
from whendue.errors import UnavailableError
from whendue.jobs.model import Job
from whendue.jobs.model import State as JobState
from whendue.jobs.model import from_item as job_from
from whendue.jobs.transitions import cancel
from whendue.quotas import CONFLICT_TRIES
from whendue.schedule_quotas import FIRES_PER_PLAN
from whendue.schedules.calendar.recurrence import latest
from whendue.schedules.fires import Fire, FireOutcome, fire_from, fire_sk, revise
from whendue.schedules.model import Schedule, ScheduleState, step
from whendue.schedules.upcoming import NextCheck, is_paused, with_next_check
from whendue.table.keys import job_key

WITHDRAWABLE = (FireOutcome.RAN, FireOutcome.SKIPPED)


class PlannedFireCanceller:
    """Cancels planned fires."""

    def __init__(self, runtime: Runtime) -> None:
        """Use this runtime."""
        self._runtime = runtime

    def finish(self, schedule: Schedule) -> Schedule:
        """Cancel the planned fires after the last change whose jobs have not begun; return the schedule without them.

        Every planned job exists and can be cancelled: the cursor, which the change has moved back, passes a fire only
        after its job is created. A timer that is late finds the job cancelled, and the entry, which is kept, withdrawn.

        Raises:
            UnavailableError: some of it is still to be done.
        """
        first, begun = schedule.version + 1, list[int]()
        while fires := self._planned(schedule, first):
            earlier = [fire for fire in fires if fire.outcome in WITHDRAWABLE and fire.version != schedule.version]
            cancelled = self._cancelled(schedule, [fire.job for fire in earlier if fire.job])
            self._withdraw([fire for fire in earlier if fire.job is None or fire.job in cancelled])
            begun += [fire.nominal for fire in earlier if fire.job and fire.job not in cancelled]
            first = fires[-1].nominal + 1
        rule = NextCheck(self._runtime.settings.timing, self._runtime.settings.shards)
        then = with_next_check(replace(schedule, withdraw_until=0, runs=_runs_with(schedule, begun)), rule)
        [result] = self._runtime.store.apply([step("withdrawn", schedule, then)])
        if result.status is WriteStatus.UNAVAILABLE:
            raise UnavailableError
        return then

    def _planned(self, schedule: Schedule, first: int) -> list[Fire]:
        """Read the next fires that may have been planned before the change, from a nominal time on (ms UTC)."""
        if first > schedule.withdraw_until:
            return []
        last = fire_sk(schedule.withdraw_until)
        items = self._runtime.store.query_range(
            schedule.fires_pk, first=fire_sk(first), last=last, limit=FIRES_PER_PLAN
        )
        return [fire_from(item) for item in items]

    def _cancelled(self, schedule: Schedule, job_ids: Sequence[str]) -> set[str]:
        """Cancel the jobs that no worker has begun, with the reason; return the ids of those that will never run."""
        why = _why(schedule)
        # Read again after each round: a worker may have begun some of them meanwhile.
        for _ in range(CONFLICT_TRIES):
            items = self._runtime.store.get([job_key(job_id) for job_id in job_ids]) if job_ids else []
            jobs = self._readable([item for item in items if item])
            waiting = [job for job in jobs if job.state is JobState.PENDING and not job.claims]
            if not waiting:
                return {job.id for job in jobs if job.state is JobState.CANCELLED}
            now_ms = self._runtime.clock.now_ms()
            commit_unsent(self._runtime, [cancel(job, now_ms, why=why) for job in waiting])
        raise UnavailableError

    def _readable(self, items: Sequence[Item]) -> list[Job]:
        """Return the jobs that can be read; the fire of another one stays as it was entered."""
        read = self._runtime.bulkhead.each(items, job_from, stage="withdraw", name=lambda item: str(item["pk"]))
        return [job for _, job in read]

    def _withdraw(self, fires: Sequence[Fire]) -> None:
        writes = [revise("withdraw_fire", fire, replace(fire, outcome=FireOutcome.WITHDRAWN)) for fire in fires]
        results = self._runtime.store.apply(writes) if writes else []
        if any(result.status is WriteStatus.UNAVAILABLE for result in results):
            raise UnavailableError


def _runs_with(schedule: Schedule, begun: Sequence[int]) -> int | None:
    """Return the number of runs with those that had begun before the change reached them.

    Those at a nominal time of the definition now are the fires of these times, and counted when these are decided,
    unless a pause skips them.

    Args:
        schedule: after the change.
        begun: their nominal times, ms UTC.
    """
    definition = schedule.definition
    if definition.max_runs is None:
        return schedule.runs
    recurrence = definition.recurrence
    counted = [at for at in begun if is_paused(schedule, at) or not latest(recurrence, at - 1, at, 1)]
    return (schedule.runs or 0) + len(counted) if counted else schedule.runs


def _why(schedule: Schedule) -> tuple[str, str]:
    """Return why the jobs that were planned before the last change of a schedule are cancelled: a cause, and words."""
    if schedule.state is ScheduleState.DELETED:
        return "schedule_deleted", f"its schedule {schedule.name} was deleted"
    if schedule.state is not ScheduleState.PAUSED:
        return "schedule_changed", f"its schedule {schedule.name} was changed"
    words = f"its schedule {schedule.name} was paused"
    words += f" by {schedule.paused_by}" if schedule.paused_by else ""
    return "schedule_paused", f"{words}: {schedule.pause_reason}" if schedule.pause_reason else words
