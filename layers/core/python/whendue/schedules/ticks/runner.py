"""What the timer does for schedules: fire those whose next check is past, then continue backfills and operations."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from whendue.bulk.quotas import OPERATION_SHARE
from whendue.bulk.service import BulkService
from whendue.engine.fairness import take_turns
from whendue.engine.ports import Item
from whendue.engine.runtime import Runtime
from whendue.errors import UnavailableError, WhendueError
from whendue.schedule_quotas import BACKFILL_SHARE, SCHEDULES_PER_PAGE
from whendue.schedules.backfills.service import BackfillService
from whendue.schedules.enqueuer import FireEnqueuer
from whendue.schedules.model import Schedule, from_item
from whendue.schedules.service import ScheduleService
from whendue.schedules.ticks.auto_pause import AutoPauser
from whendue.schedules.ticks.continued import continued_backfills, continued_operations
from whendue.schedules.ticks.due import DueSchedule, Unserved, list_due, postpone
from whendue.table.keys import Key


@dataclass(frozen=True, slots=True)
class Fired:
    """What a tick did for schedules.

    Args:
        planned: schedules whose fires up to the look-ahead are decided now.
        behind: partitions that the next tick continues with.
    """

    planned: int = 0
    behind: list[str] = field(default_factory=list)


class ScheduleRunner:
    """Serves the schedules in the due index: tenants take turns, and one that cannot be served ends alone.

    What bounds a tick: it looks at SCHEDULES_LOOKED_AT entries of each partition, and serves them a page at a time
    until its time is over. One tenant's thousand schedules wait behind the first of every other tenant.
    """

    def __init__(
        self,
        runtime: Runtime,
        enqueuer: FireEnqueuer,
        schedules: ScheduleService,
        backfills: BackfillService,
        operations: BulkService,
    ) -> None:
        """Use this runtime."""
        self._runtime = runtime
        self._enqueuer = enqueuer
        self._auto_pause = AutoPauser(runtime, schedules)
        self._backfills = continued_backfills(runtime, backfills)
        self._operations = continued_operations(runtime, operations)

    def run(self, deadline_ms: int, shards: Sequence[int] | None = None) -> Fired:
        """Fire what is due, tenants in turn, each one's most overdue first; then continue backfills and operations.

        Args:
            deadline_ms: when to stop, ms UTC; what is left is done by the next tick.
            shards: the partitions to serve; None for all.
        """
        began_ms = self._runtime.clock.now_ms()
        due_list = list_due(self._runtime, deadline_ms, shards)
        in_turn = take_turns(due_list.entries, lambda due: due.tenant)
        schedules, backfills, operations = [
            [due for due in in_turn if due.entry.sk.startswith(kind)]
            for kind in ("schedule#", "backfill#", "operation#")
        ]
        # Schedules that take all the time do not keep backfills from continuing, nor these bulk operations.
        time_ms = deadline_ms - began_ms
        backfills_ms = deadline_ms - round(OPERATION_SHARE * time_ms if operations else 0)
        schedules_ms = backfills_ms - round(BACKFILL_SHARE * time_ms if backfills else 0)
        fired = self._serve_pages(schedules, schedules_ms)
        self._backfills.run(backfills, backfills_ms)
        self._operations.run(operations, deadline_ms)
        return Fired(fired.planned, list(dict.fromkeys(due_list.behind + fired.behind)))

    # --- schedules ------------------------------------------------------------------------------------------

    def _serve_pages(self, schedules: Sequence[DueSchedule], until_ms: int) -> Fired:
        """Fire schedules a page at a time, until the time is over."""
        planned, behind = 0, list[str]()
        for start in range(0, len(schedules), SCHEDULES_PER_PAGE):
            if self._runtime.clock.now_ms() >= until_ms:
                behind += [due.partition for due in schedules[start:]]
                break
            served = self._serve(schedules[start : start + SCHEDULES_PER_PAGE])
            planned += served.planned
            behind += served.behind
        return Fired(planned, behind)

    def _serve(self, page: Sequence[DueSchedule]) -> Fired:
        """Fire the schedules of a page; those that cannot be served are looked at again later."""
        try:
            served = self._runtime.bulkhead.together(page, self._fire, stage="schedule", name=lambda due: due.name)
        except UnavailableError:
            return Fired(behind=[due.partition for due in page])
        for due, error in served.failed:
            # Its next check is known from the index; reading its item may be what fails.
            postpone(self._runtime, [Unserved(due.entry.key, {"check_at": due.entry.check_at}, error)])
        return Fired(planned=sum(served.results))

    def _fire(self, page: Sequence[DueSchedule]) -> int:
        """Fire schedules; return how many moved on. It reads them anew each time, so that it can be repeated."""
        # Read from the table: the index may show what was moved meanwhile, or is gone.
        found = self._runtime.store.get([due.entry.key for due in page])
        items = {Key(item["pk"], item["sk"]): item for item in found if item}
        schedules, unreadable = self._decoded(items)
        for schedule in schedules:
            self._pause_if_failing(schedule)
        fired = self._enqueuer.ahead(schedules)
        broken = [Unserved(schedule.key, items[schedule.key], error) for schedule, error in fired.broken]
        postpone(self._runtime, [*unreadable, *broken])
        return len(fired.moved)

    def _decoded(self, items: Mapping[Key, Item]) -> tuple[list[Schedule], list[Unserved]]:
        """Return the schedules that can be read, and the items that cannot."""
        schedules: list[Schedule] = []
        unreadable: list[Unserved] = []
        for key, item in items.items():
            try:
                schedules.append(from_item(item))
            except Exception as error:  # noqa: BLE001 - it is this schedule's alone
                self._runtime.bulkhead.note("schedule", f"{key.pk}/{key.sk}", error)
                unreadable.append(Unserved(key, item, error))
        return schedules, unreadable

    def _pause_if_failing(self, schedule: Schedule) -> None:
        """Pause a schedule that keeps failing; one of which that cannot be said is fired as usual."""
        try:
            self._auto_pause.pause_if_failing(schedule)
        except WhendueError:
            return
        except Exception as error:  # noqa: BLE001 - as above
            self._runtime.bulkhead.note("failures", schedule.identity, error)
