"""What the timer does for schedules: fire those whose next check is past, then go on with backfills."""

from collections import Counter, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from whendue.engine.fairness import take_turns
from whendue.engine.ports import DueEntry, Item
from whendue.engine.runtime import Runtime
from whendue.errors import UnavailableError, WhendueError
from whendue.jobs.model import State as JobState
from whendue.jobs.model import from_item as job_from
from whendue.quotas import (
    BACKFILL_CHUNKS_PER_TICK,
    BACKFILL_SHARE,
    BACKFILLS_PER_TICK,
    SCHEDULES_LISTED,
    SCHEDULES_LOOKED_AT,
    SCHEDULES_PER_PAGE,
)
from whendue.schedules.backfill import BackfillService
from whendue.schedules.backfill_model import Backfill, BackfillState
from whendue.schedules.backfill_model import from_item as backfill_from
from whendue.schedules.enqueuer import FireEnqueuer, why
from whendue.schedules.fires import Fire, FireOutcome, fire_from, fire_sk
from whendue.schedules.model import Schedule, from_item, postponed, schedules_partition
from whendue.schedules.service import ScheduleService
from whendue.table.keys import Key, job_key
from whendue.table.preconditions import Precondition

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


class DueSchedule(NamedTuple):
    """A schedule or a backfill whose next check is past, and the partition in which it stands."""

    partition: str
    entry: DueEntry

    @property
    def tenant(self) -> str:
        """Whose it is: both kinds of keys begin with a word and the tenant."""
        return self.entry.pk.split("#")[1]

    @property
    def name(self) -> str:
        """What it is called in the log."""
        return f"{self.entry.pk}/{self.entry.sk}"


class ScheduleRunner:
    """Serves the schedules in the due index: tenants take turns, and one that cannot be served ends alone.

    What bounds a tick: it looks at SCHEDULES_LOOKED_AT entries of each partition, and serves them a page at a time
    until its time is over. One tenant's thousand schedules stand behind the first of everybody else.
    """

    def __init__(
        self, runtime: Runtime, firing: FireEnqueuer, schedules: ScheduleService, backfills: BackfillService
    ) -> None:
        """Use this runtime."""
        self._runtime = runtime
        self._firing = firing
        self._schedules = schedules
        self._backfills = backfills

    def run(self, deadline_ms: int) -> Fired:
        """Fire what is due, tenants in turn, each one's most overdue first; then go on with backfills.

        Args:
            deadline_ms: when to stop, ms UTC; what is left is done by the next tick.
        """
        fired = Fired()
        began_ms = self._runtime.clock.now_ms()
        ringing = take_turns(self._ringing(deadline_ms, fired), lambda one: one.tenant)
        schedules = [one for one in ringing if one.entry.sk.startswith("schedule#")]
        backfills = [one for one in ringing if one.entry.sk.startswith("backfill#")]
        # Schedules that take all the time do not keep backfills from going on.
        until_ms = deadline_ms - round(BACKFILL_SHARE * (deadline_ms - began_ms)) if backfills else deadline_ms
        for start in range(0, len(schedules), SCHEDULES_PER_PAGE):
            page = schedules[start : start + SCHEDULES_PER_PAGE]
            if self._runtime.clock.now_ms() >= until_ms:
                fired.behind += [one.partition for one in schedules[start:]]
                break
            self._serve(page, fired)
        self._go_on(backfills, deadline_ms)
        fired.behind = list(dict.fromkeys(fired.behind))
        return fired

    def _ringing(self, deadline_ms: int, fired: Fired) -> list[DueSchedule]:
        """List what is due, of all partitions."""
        found: list[DueSchedule] = []
        for shard in range(self._runtime.settings.shards):
            partition = schedules_partition(shard)
            try:
                entries, done = self._entries(partition, deadline_ms)
            except UnavailableError:
                entries, done = [], False
            except Exception as error:  # noqa: BLE001 - it is this partition's alone
                self._runtime.bulkhead.note("due_index", partition, error)
                entries, done = [], False
            found += [DueSchedule(partition, entry) for entry in entries]
            fired.behind += [] if done else [partition]
        return sorted(found, key=lambda one: one.entry.check_at)

    def _entries(self, partition: str, deadline_ms: int) -> tuple[list[DueEntry], bool]:
        """List one partition's entries; False when there may be more."""
        store, entries = self._runtime.store, list[DueEntry]()
        until_ms = self._runtime.clock.now_ms()
        while self._runtime.clock.now_ms() < deadline_ms and len(entries) < SCHEDULES_LOOKED_AT:
            reached = entries[-1] if entries else None
            page = store.query_due(partition, after=reached, until_ms=until_ms, limit=SCHEDULES_LISTED)
            entries += page
            if len(page) < SCHEDULES_LISTED:
                return entries, True
        return entries, False

    # --- schedules ------------------------------------------------------------------------------------------

    def _serve(self, page: Sequence[DueSchedule], fired: Fired) -> None:
        """Fire the schedules of a page; those that cannot be served are looked at again later."""
        try:
            served = self._runtime.bulkhead.together(page, self._fire, stage="schedule", name=lambda one: one.name)
        except UnavailableError:
            fired.behind += [one.partition for one in page]
            return
        fired.planned += sum(served.results)
        for one, error in served.failed:
            # Of its item there is the next check to go by: it may be the reading that fails.
            self._postpone([(one.entry.key, {"check_at": one.entry.check_at}, error)])

    def _fire(self, page: Sequence[DueSchedule]) -> int:
        """Fire schedules; gives how many moved on. It reads them anew each time, so that it can be repeated."""
        # Read from the table: the index may show what has been moved meanwhile, or is gone.
        items = [item for item in self._runtime.store.get([one.entry.key for one in page]) if item]
        schedules: list[Schedule] = []
        late: list[tuple[Key, Item, Exception]] = []
        by_key = {Key(item["pk"], item["sk"]): item for item in items}
        for key, item in by_key.items():
            try:
                schedules.append(from_item(item))
            except Exception as error:  # noqa: BLE001 - it is this schedule's alone
                self._runtime.bulkhead.note("schedule", f"{key.pk}/{key.sk}", error)
                late.append((key, item, error))
        for schedule in schedules:
            try:
                self._pause_if_it_keeps_failing(schedule)
            except WhendueError:
                continue
            except Exception as error:  # noqa: BLE001 - it is fired all the same
                self._runtime.bulkhead.note("failures", schedule.identity, error)
        fired = self._firing.ahead(schedules)
        late += [(schedule.key, by_key[schedule.key], error) for schedule, error in fired.broken]
        self._postpone(late)
        return len(fired.moved)

    def _postpone(self, late: Sequence[tuple[Key, Item, Exception]]) -> None:
        """Look again later at what cannot be served, and say why in it: the next tick does not begin with all of it."""
        now_ms = self._runtime.clock.now_ms()
        writes = {
            key: postponed(key, item, why(error, "its fires could not be computed"), now_ms)
            for key, item, error in late
            if item
        }
        self._runtime.bulkhead.together(
            list(writes.values()), self._runtime.store.apply, stage="postpone", name=lambda write: write.key.sk
        )

    # --- backfills ------------------------------------------------------------------------------------------

    def _go_on(self, ringing: Sequence[DueSchedule], deadline_ms: int) -> None:
        """Do a chunk of each tenant's first backfill in turn, until the time is over."""
        lines: dict[str, deque[Backfill]] = {}
        for tenant, backfill in self._read(ringing, deadline_ms):
            lines.setdefault(tenant, deque()).append(backfill)
        tenants = deque(lines.values())
        chunks: Counter[str] = Counter()
        while tenants and self._runtime.clock.now_ms() < deadline_ms:
            line = tenants.popleft()
            backfill = line.popleft()
            further = self._further(backfill)
            chunks[backfill.id] += 1
            if further and further.state is BackfillState.RUNNING and chunks[backfill.id] < BACKFILL_CHUNKS_PER_TICK:
                line.appendleft(further)
            if line:
                tenants.append(line)

    def _read(self, ringing: Sequence[DueSchedule], deadline_ms: int) -> Iterator[tuple[str, Backfill]]:
        """Read backfills, a bounded number of them: the next tick begins with others."""
        for start in range(0, min(len(ringing), BACKFILLS_PER_TICK), SCHEDULES_PER_PAGE):
            page = ringing[start : start + SCHEDULES_PER_PAGE]
            if self._runtime.clock.now_ms() >= deadline_ms:
                return
            items: dict[Key, Item | None] = {}

            def get(some: Sequence[DueSchedule], into: dict[Key, Item | None] = items) -> None:
                keys = [one.entry.key for one in some]
                into.update(zip(keys, self._runtime.store.get(keys), strict=True))

            try:
                self._runtime.bulkhead.together(page, get, stage="backfill", name=lambda one: one.name)
            except UnavailableError:
                return
            for one in page:
                if item := items.get(one.entry.key):
                    try:
                        yield one.tenant, backfill_from(item)
                    except Exception as error:  # noqa: BLE001 - it is this backfill's alone
                        self._runtime.bulkhead.note("backfill", one.name, error)
                        self._postpone([(one.entry.key, item, error)])

    def _further(self, backfill: Backfill) -> Backfill | None:
        """Do a backfill's next chunk; None when it is left to the next tick."""
        try:
            return self._backfills.further(backfill) if backfill.state is BackfillState.RUNNING else None
        except UnavailableError:
            return None
        except Exception as error:  # noqa: BLE001 - it is this backfill's alone
            self._runtime.bulkhead.note("backfill", f"{backfill.tenant}/{backfill.name}/{backfill.id}", error)
            return None

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
        first, last = fire_sk(schedule.version + 1), fire_sk(max(self._runtime.clock.now_ms(), schedule.version + 1))
        items = self._runtime.store.query_range(
            schedule.ledger, first=first, last=last, limit=wanted + UNFINISHED, newest_first=True
        )
        fires = [fire_from(item) for item in items]
        ids = [one.job for one in fires if one.job and one.version == schedule.version and _counts(one)]
        jobs = [
            job_from(item) for item in (self._runtime.store.get([job_key(one) for one in ids]) if ids else []) if item
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
    return fire.backfill is None and fire.outcome is not FireOutcome.SKIPPED
