"""Withdraw: take back the fires that were planned ahead under a definition that has been changed since."""

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
from whendue.quotas import FIRES_PER_PLAN
from whendue.schedules.fires import Fire, FireOutcome, fire_from, fire_sk, revise
from whendue.schedules.model import NextCheck, Schedule, step, with_next_check
from whendue.table.keys import job_key

# Jobs that begin under us are read again this often.
TRIES = 5
WITHDRAWABLE = (FireOutcome.RAN, FireOutcome.SKIPPED)


class PlannedFireCanceller:
    """Takes back planned fires."""

    def __init__(self, runtime: Runtime) -> None:
        """Use this runtime."""
        self._runtime = runtime

    def finish(self, schedule: Schedule) -> Schedule:
        """Cancel what was planned beyond the last change and has not begun; then the schedule is as it should be.

        Every planned job is there to be cancelled: the cursor, which the change has moved back, is past a fire only
        once its job is there. Whoever is late finds the job cancelled, and the entry, which is kept, withdrawn.

        Raises:
            UnavailableError: some of it is still to be done.
        """
        first = schedule.version + 1
        while fires := self._planned(schedule, first):
            self._take_back(schedule, fires)
            first = fires[-1].nominal + 1
        then = with_next_check(replace(schedule, withdraw_until=0), self._rule)
        [end] = self._runtime.store.apply([step("withdrawn", schedule, then)])
        if end.status is WriteStatus.UNAVAILABLE:
            raise UnavailableError
        return then

    @property
    def _rule(self) -> NextCheck:
        return NextCheck(self._runtime.settings.timing, self._runtime.settings.shards)

    def _planned(self, schedule: Schedule, first: int) -> list[Fire]:
        if first > schedule.withdraw_until:
            return []
        last = fire_sk(schedule.withdraw_until)
        items = self._runtime.store.query_range(schedule.ledger, first=fire_sk(first), last=last, limit=FIRES_PER_PLAN)
        return [fire_from(item) for item in items]

    def _take_back(self, schedule: Schedule, fires: Sequence[Fire]) -> None:
        planned = [one for one in fires if one.outcome in WITHDRAWABLE and one.version != schedule.version]
        cancelled = self._cancelled([one.job for one in planned if one.job])
        back = [one for one in planned if one.job is None or one.job in cancelled]
        writes = [revise("withdraw_fire", one, replace(one, outcome=FireOutcome.WITHDRAWN)) for one in back]
        if any(end.status is WriteStatus.UNAVAILABLE for end in (self._runtime.store.apply(writes) if writes else [])):
            raise UnavailableError

    def _read(self, items: Sequence[Item]) -> list[Job]:
        """Read jobs; one that cannot be read cannot be taken back, and its fire stays as it was entered."""
        read = self._runtime.bulkhead.each(items, job_from, stage="withdraw", name=lambda item: str(item["pk"]))
        return [job for _, job in read]

    def _cancelled(self, job_ids: Sequence[str]) -> set[str]:
        """Cancel the jobs that nobody has begun; gives those that will never run."""
        for _ in range(TRIES):
            items = self._runtime.store.get([job_key(job_id) for job_id in job_ids]) if job_ids else []
            jobs = self._read([item for item in items if item])
            waiting = [job for job in jobs if job.state is JobState.PENDING and not job.claims]
            if not waiting:
                return {job.id for job in jobs if job.state is JobState.CANCELLED}
            commit_unsent(self._runtime, [cancel(job, self._runtime.clock.now_ms()) for job in waiting])
        raise UnavailableError
