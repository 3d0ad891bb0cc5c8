"""What the timer continues piece by piece, tenants in turn: backfills, and bulk operations."""

from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from whendue.bulk.model import Operation, operation_from
from whendue.bulk.quotas import OPERATION_PIECES_PER_TICK, OPERATIONS_PER_TICK
from whendue.bulk.service import BulkService
from whendue.engine.ports import Item
from whendue.engine.runtime import Runtime
from whendue.errors import UnavailableError
from whendue.schedule_quotas import BACKFILL_CHUNKS_PER_TICK, BACKFILLS_PER_TICK, SCHEDULES_PER_PAGE
from whendue.schedules.backfills.model import Backfill
from whendue.schedules.backfills.model import from_item as backfill_from
from whendue.schedules.backfills.service import BackfillService
from whendue.schedules.ticks.due import DueSchedule, Unserved, postpone


class _Work(Protocol):
    """What is done piece by piece."""

    @property
    def is_running(self) -> bool:
        """Whether there is more to do."""


W = TypeVar("W", bound=_Work)


@dataclass(frozen=True, slots=True)
class Continued(Generic[W]):
    """Continues one kind of work.

    Args:
        runtime: the ports.
        stage: what it is called in the log.
        read: reads one from its item.
        further: does the next piece; it returns the same if it is not its turn yet.
        most: of all tenants together, how many are read in a tick.
        pieces: how many pieces of one are done in a tick.
    """

    runtime: Runtime
    stage: str
    read: Callable[[Item], W]
    further: Callable[[W], W]
    most: int
    pieces: int

    def run(self, entries: Sequence[DueSchedule], deadline_ms: int) -> None:
        """Do a piece of each tenant's first in turn, until the time is over.

        Args:
            entries: those that are due, tenants in turn.
            deadline_ms: when to stop, ms UTC; the rest is left to the next tick.
        """
        by_tenant: dict[str, deque[tuple[str, W]]] = {}
        for due, work in self._works(entries, deadline_ms):
            by_tenant.setdefault(due.tenant, deque()).append((due.name, work))
        tenants = deque(by_tenant.values())
        done: Counter[str] = Counter()
        while tenants and self.runtime.clock.now_ms() < deadline_ms:
            waiting = tenants.popleft()
            name, work = waiting.popleft()
            then = self._next(name, work)
            done[name] += 1
            if then and then.is_running and done[name] < self.pieces:
                waiting.appendleft((name, then))
            if waiting:
                tenants.append(waiting)

    def _next(self, name: str, work: W) -> W | None:
        """Do the next piece; None when the rest is left to the next tick."""
        if not work.is_running:
            return None
        try:
            then = self.further(work)
        except UnavailableError:
            return None
        except Exception as error:  # noqa: BLE001 - it is this one's alone
            self.runtime.bulkhead.note(self.stage, name, error)
            return None
        return None if then is work else then

    def _works(self, entries: Sequence[DueSchedule], deadline_ms: int) -> list[tuple[DueSchedule, W]]:
        """Read them, a bounded number: the next tick begins with others."""
        works: list[tuple[DueSchedule, W]] = []
        for start in range(0, min(len(entries), self.most), SCHEDULES_PER_PAGE):
            if self.runtime.clock.now_ms() >= deadline_ms:
                break
            try:
                page = self.runtime.bulkhead.together(
                    entries[start : start + SCHEDULES_PER_PAGE],
                    self._with_items,
                    stage=self.stage,
                    name=lambda due: due.name,
                )
            except UnavailableError:
                break
            pairs = [pair for pairs in page.results for pair in pairs]
            decoded = [(due, self._decoded(due, item)) for due, item in pairs if item]
            works += [(due, work) for due, work in decoded if work]
        return works

    def _with_items(self, page: Sequence[DueSchedule]) -> list[tuple[DueSchedule, Item | None]]:
        return list(zip(page, self.runtime.store.get([due.entry.key for due in page]), strict=True))

    def _decoded(self, due: DueSchedule, item: Item) -> W | None:
        """Read one; one that cannot be read is looked at again later."""
        try:
            return self.read(item)
        except Exception as error:  # noqa: BLE001 - it is this one's alone
            self.runtime.bulkhead.note(self.stage, due.name, error)
            postpone(self.runtime, [Unserved(due.entry.key, item, error)])
            return None


def _backfill(item: Item) -> Backfill:
    return backfill_from(item)


def _operation(item: Item) -> Operation:
    return operation_from(item)


def continued_backfills(runtime: Runtime, backfills: BackfillService) -> Continued[Backfill]:
    """Continue backfills."""
    return Continued(runtime, "backfill", _backfill, backfills.further, BACKFILLS_PER_TICK, BACKFILL_CHUNKS_PER_TICK)


def continued_operations(runtime: Runtime, operations: BulkService) -> Continued[Operation]:
    """Continue bulk operations."""
    return Continued(
        runtime, "operation", _operation, operations.further, OPERATIONS_PER_TICK, OPERATION_PIECES_PER_TICK
    )
