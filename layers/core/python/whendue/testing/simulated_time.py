"""Time that passes from event to event: the work grows with what happens, not with the seconds that pass.

A timer that ticks every minute changes nothing in most of its ticks. Those are left out: after two ticks in a row that
changed nothing, the next one is at the first minute in which the due index, or the end of a pause, has something new.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from typing import Final

from whendue.adapters.memory import MemoryStore
from whendue.engine.ports import WriteResult
from whendue.jobs.due_index import rescue_before
from whendue.table.index import Index, IndexEntry
from whendue.table.writes import Write
from whendue.testing.memory import MINUTE_MS, MemoryWhendue

# What the timer writes about itself.
_CURSOR_WRITES: Final = frozenset({"begin_cursors", "move_cursor"})
# Rescue may find in a second tick what its cursor had passed in the first.
_IDLE_TICKS: Final = 2


class ChangeCountingStore(MemoryStore):
    """A table that counts its changes, without those of the timer's cursors."""

    def __init__(self) -> None:
        """Start empty."""
        super().__init__()
        self.changes = 0

    def apply(self, writes: Sequence[Write]) -> list[WriteResult]:
        """Carry out writes, each on its own."""
        results = super().apply(writes)
        self.changes += sum(
            result.done and write.name not in _CURSOR_WRITES for write, result in zip(writes, results, strict=True)
        )
        return results

    def apply_together(self, writes: Sequence[Write]) -> list[WriteResult]:
        """Carry out writes, all or none."""
        results = super().apply_together(writes)
        self.changes += all(result.done for result in results)
        return results


class SimulatedTime:
    """Moves the clock of a whendue in memory; the timer ticks at full minutes, workers receive all the time.

    Args:
        whendue: its services.
        table: its table.
    """

    def __init__(self, whendue: MemoryWhendue, table: ChangeCountingStore) -> None:
        """Begin before the first tick."""
        self._whendue = whendue
        self._table = table
        self._ticked_ms = 0
        self._changes_seen = -1
        self._idle_ticks = 0

    def advance_to(self, until_ms: int) -> None:
        """Let time pass until `until_ms`, ms UTC; what is visible now is worked on first."""
        self._whendue.work()
        while (event_ms := self.next_event_ms()) is not None and event_ms <= until_ms:
            self.step(event_ms)
        self._whendue.clock.move_to(max(until_ms, self._now_ms))

    def step(self, event_ms: int) -> None:
        """Move the clock to an event that `next_event_ms` has returned, and let it happen."""
        tick_ms = self._next_tick_ms()
        # A task may have moved the clock past it.
        self._whendue.clock.move_to(max(event_ms, self._now_ms))
        if tick_ms is not None and tick_ms <= self._now_ms:
            self._tick()
        self._whendue.work()

    def next_event_ms(self) -> int | None:
        """Return when a message becomes visible or the timer has something to do, ms UTC; None for never."""
        queues, waiting = self._whendue.settings.all_queues, self._whendue.queues.messages
        messages = (message.visible_at for queue in queues for message in waiting[queue])
        tick_ms = self._next_tick_ms()
        return min([*messages, *([] if tick_ms is None else [tick_ms])], default=None)

    @property
    def _now_ms(self) -> int:
        return self._whendue.clock.now_ms()

    def _tick(self) -> None:
        if self._now_ms - self._ticked_ms > MINUTE_MS:
            self._idle_ticks = 0
        self._ticked_ms = self._now_ms
        ticked = self._whendue.tick()
        is_idle = self._is_unchanged and not ticked.behind
        self._idle_ticks = self._idle_ticks + 1 if is_idle else 0
        self._changes_seen = self._table.changes

    @property
    def _is_unchanged(self) -> bool:
        return self._table.changes == self._changes_seen

    def _next_tick_ms(self) -> int | None:
        if not self._is_unchanged or self._idle_ticks < _IDLE_TICKS:
            return (self._now_ms // MINUTE_MS + 1) * MINUTE_MS
        first_ms = min(self._times_of_interest(), default=None)
        return None if first_ms is None else -(-first_ms // MINUTE_MS) * MINUTE_MS

    def _times_of_interest(self) -> Iterator[int]:
        """Yield the times after the last tick at which the timer sees what it has not seen before, ms UTC."""
        rescue_ms = -rescue_before(0, self._whendue.settings.timing)
        for entries in self._table.indexes[Index.DUE].values():
            # Promote and schedules look at what is past its check, rescue some minutes later.
            for delay_ms in (0, rescue_ms):
                position = bisect_right(entries, self._ticked_ms - delay_ms, key=_check_at)
                yield from (_check_at(entry) + delay_ms for entry in entries[position : position + 1])
        for pause in self._whendue.app.pauses.of_queues().values():
            if pause.until is not None and pause.until > self._ticked_ms:
                yield pause.until


def _check_at(entry: IndexEntry) -> int:
    return entry.position.at_ms
