"""What the timer does for schedules: fire those whose alarm is past, then go on with backfills."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from whendue.domain.backfill import Backfill
from whendue.domain.backfill import State as BackfillState
from whendue.domain.backfill import from_item as backfill_from
from whendue.domain.job import State as JobState
from whendue.domain.job import from_item as job_from
from whendue.domain.keys import job_key
from whendue.domain.ledger import Fire, Outcome, fire_from, fire_sk
from whendue.domain.precondition import Precondition
from whendue.domain.schedule import Schedule, from_item, schedules_partition
from whendue.errors import UnavailableError, WhendueError
from whendue.limits import BACKFILL_CHUNKS_PER_TICK, SCHEDULES_PER_PAGE
from whendue.ports import AgendaEntry
from whendue.services.backfills import Backfills
from whendue.services.firing import Firing
from whendue.services.outside import Ports
from whendue.services.schedules import Schedules

BY = "whendue"
# Besides the fires that are asked about: the newest ones may not have ended yet.
UNFINISHED = 25


@dataclass(slots=True)
class Fired:
    """What became of it.

    Args:
        planned: schedules whose fires up to the look-ahead are decided now.
        behind: partitions that the next tick goes on with.
    """

    planned: int = 0
    behind: list[str] = field(default_factory=list)


class Due:
    """Walks the schedules in the agenda."""

    def __init__(self, ports: Ports, firing: Firing, schedules: Schedules, backfills: Backfills) -> None:
        """Use these ports."""
        self._ports = ports
        self._firing = firing
        self._schedules = schedules
        self._backfills = backfills

    def run(self, deadline_ms: int) -> Fired:
        """Fire what is due, the most overdue of each partition first; then go on with backfills.

        Args:
            deadline_ms: when to stop, ms UTC; what is left is done by the next tick.
        """
        fired = Fired()
        backfills: list[Backfill] = []
        for shard in range(self._ports.settings.shards):
            partition = schedules_partition(shard)
            try:
                done = self._walk(partition, deadline_ms, fired, backfills)
            except UnavailableError:
                done = False
            fired.behind += [] if done else [partition]
        for backfill in backfills:
            with suppress(UnavailableError):
                self._go_on(backfill, deadline_ms)
        return fired

    def _walk(self, partition: str, deadline_ms: int, fired: Fired, backfills: list[Backfill]) -> bool:
        """Walk one partition, page by page; False when the time is over before its end."""
        store, reached = self._ports.store, None
        until_ms = self._ports.effects.now_ms()
        while self._ports.effects.now_ms() < deadline_ms:
            page = store.agenda(partition, after=reached, until_ms=until_ms, limit=SCHEDULES_PER_PAGE)
            if page:
                backfills += self._serve(page, fired)
                reached = page[-1]
            if len(page) < SCHEDULES_PER_PAGE:
                return True
        return False

    def _serve(self, page: Sequence[AgendaEntry], fired: Fired) -> list[Backfill]:
        """Fire the schedules of a page; gives its backfills."""
        # Read from the table: the index may show what has been moved meanwhile, or is gone.
        items = [item for item in self._ports.store.get([entry.key for entry in page]) if item]
        schedules = [from_item(item) for item in items if item["sk"].startswith("schedule#")]
        for schedule in schedules:
            with suppress(WhendueError):
                self._pause_if_it_keeps_failing(schedule)
        fired.planned += len(self._firing.ahead(schedules))
        return [backfill_from(item) for item in items if item["sk"].startswith("backfill#")]

    def _go_on(self, backfill: Backfill, deadline_ms: int) -> None:
        for _ in range(BACKFILL_CHUNKS_PER_TICK):
            if backfill.state is not BackfillState.RUNNING or self._ports.effects.now_ms() >= deadline_ms:
                return
            backfill = self._backfills.further(backfill)

    # --- failures -------------------------------------------------------------------------------------------

    def _pause_if_it_keeps_failing(self, schedule: Schedule) -> None:
        wanted = schedule.definition.pause_after
        if wanted is None or self._failures(schedule, wanted) < wanted:
            return
        reason = f"its last {wanted} fires ended dead"
        # What the page holds of it is stale then, and the firing refuses it.
        self._schedules.pause(
            schedule.tenant, schedule.name, BY, reason, Precondition(one_of=frozenset({schedule.version}))
        )

    def _failures(self, schedule: Schedule, wanted: int) -> int:
        """Count the dead jobs in a row among the fires since the last change, from the newest that has ended on."""
        first, last = fire_sk(schedule.version + 1), fire_sk(max(self._ports.effects.now_ms(), schedule.version + 1))
        items = self._ports.store.span(
            schedule.ledger, first=first, last=last, limit=wanted + UNFINISHED, newest_first=True
        )
        fires = [fire_from(item) for item in items]
        ids = [one.job for one in fires if one.job and one.version == schedule.version and _counts(one)]
        jobs = [
            job_from(item) for item in (self._ports.store.get([job_key(one) for one in ids]) if ids else []) if item
        ]
        count = 0
        for job in jobs:
            if not job.terminal or job.nominal_at is None:
                continue
            if job.state is not JobState.DEAD:
                break
            count += 1
        return count


def _counts(fire: Fire) -> bool:
    """Say whether how its job ended says anything of the next one."""
    return fire.backfill is None and fire.outcome is not Outcome.SKIPPED
