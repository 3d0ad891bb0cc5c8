"""Pause a schedule whose last fires ended dead in a row (`pause_after` of its definition)."""

from collections.abc import Iterable
from itertools import takewhile

from whendue.engine.runtime import Runtime
from whendue.jobs.model import Job
from whendue.jobs.model import State as JobState
from whendue.jobs.model import from_item as job_from
from whendue.schedules.fires import Fire, FireOutcome, fire_from, fire_sk
from whendue.schedules.model import Schedule
from whendue.schedules.service import ScheduleService
from whendue.schedules.upcoming import is_paused, next_fire
from whendue.table.keys import job_key
from whendue.table.preconditions import Precondition

BY = "whendue"
# Read in addition to the fires that are asked about: the newest ones may not have ended yet.
UNFINISHED = 25


class AutoPauser:
    """Pauses schedules that keep failing."""

    def __init__(self, runtime: Runtime, schedules: ScheduleService) -> None:
        """Use this runtime; `schedules` pauses."""
        self._runtime = runtime
        self._schedules = schedules

    def pause_if_failing(self, schedule: Schedule) -> None:
        """Pause a schedule if its last fires ended dead, as many as its definition says.

        The schedule in hand is stale then, and the table refuses its plan.

        Raises:
            WhendueError: it could not be paused, or was changed meanwhile.
        """
        pause_after = schedule.definition.pause_after
        if pause_after is None or is_paused(schedule, self._runtime.clock.now_ms()):
            return
        jobs = self._jobs(schedule, self._fires(schedule, pause_after + UNFINISHED))
        if dead_in_a_row(jobs) < pause_after or next_fire(schedule) is None:
            return
        reason = f"its last {pause_after} fires ended dead"
        expected = Precondition(one_of=frozenset({schedule.version}))
        self._schedules.pause(schedule.tenant, schedule.name, BY, reason, expected)

    def _fires(self, schedule: Schedule, limit: int) -> list[Fire]:
        """Read the fires since the last change, newest first."""
        now_ms = self._runtime.clock.now_ms()
        first, last = fire_sk(schedule.version + 1), fire_sk(max(now_ms, schedule.version + 1))
        items = self._runtime.store.query_range(
            schedule.fires_pk, first=first, last=last, limit=limit, newest_first=True
        )
        return [fire_from(item) for item in items]

    def _jobs(self, schedule: Schedule, fires: Iterable[Fire]) -> list[Job]:
        """Read the jobs of those fires that count, in the same order; what is kept no longer is left out."""
        ids = [fire.job for fire in fires if fire.job and fire.version == schedule.version and _counts(fire)]
        items = self._runtime.store.get([job_key(job_id) for job_id in ids]) if ids else []
        return [job_from(item) for item in items if item]


def dead_in_a_row(jobs: Iterable[Job]) -> int:
    """Count the dead jobs of fires in a row, from the newest that has ended; one that expired says nothing.

    Args:
        jobs: newest first.
    """
    ended = (job for job in jobs if job.terminal and job.nominal_at is not None and job.state is not JobState.EXPIRED)
    return sum(1 for _ in takewhile(lambda job: job.state is JobState.DEAD, ended))


def _counts(fire: Fire) -> bool:
    """Return whether the outcome of this fire's job counts towards the failures in a row."""
    return fire.backfill is None and fire.outcome is not FireOutcome.SKIPPED
