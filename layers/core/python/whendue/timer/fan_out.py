"""Fan-out: a tick that finds more than it can do starts further ticks, each for a part of the partitions.

A further tick starts none itself, and ends when the first one must. Every cursor is moved by condition, so a partition
that two ticks serve at once is served twice at worst: workers claim each job once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from whendue.engine.ports import TimerInvoker
from whendue.engine.runtime import Runtime
from whendue.errors import UnavailableError
from whendue.quotas import FAN_OUT_AFTER_MS, TIMERS_AT_ONCE
from whendue.settings import ALL_QUEUES
from whendue.timer.partition_scan import PartitionScan

# The member of an event that has a part.
PART: Final = "whenduePart"


@dataclass(frozen=True, slots=True)
class TickPart:
    """What a further tick serves.

    Args:
        shards: queue -> shards of its due index.
        schedules: shards of the schedules.
        until_ms: when it ends at the latest, ms UTC.
        backlogs: queue -> whether it was backed up before the first tick sent anything, as far as that is known.
    """

    shards: Mapping[str, Sequence[int]]
    schedules: Sequence[int]
    until_ms: int
    backlogs: Mapping[str, bool] = field(default_factory=dict)


def to_event(part: TickPart) -> dict[str, Any]:
    """Return the event that starts a further tick."""
    shards = {queue: list(numbers) for queue, numbers in part.shards.items()}
    backlogs = {queue: part.backlogs[queue] for queue in shards if queue in part.backlogs}
    values = {"shards": shards, "schedules": list(part.schedules), "untilMs": part.until_ms, "backlogs": backlogs}
    return {PART: values}


def from_event(event: Mapping[str, Any], shards: int, queues: Sequence[str] = ALL_QUEUES) -> TickPart | None:
    """Read the part in an event; None for the event of the clock, which starts a whole tick.

    Args:
        event: as Lambda hands it in.
        shards: the number of shards; others are left out.
        queues: all queues; what is none of them is left out.

    Raises:
        KeyError, TypeError, AttributeError: it has a part that cannot be read.
    """
    if PART not in event:
        return None
    part = event[PART]
    known = range(shards)
    return TickPart(
        {queue: [n for n in part["shards"][queue] if n in known] for queue in queues if queue in part["shards"]},
        [number for number in part["schedules"] if number in known],
        int(part["untilMs"]),
        {queue: bool(part["backlogs"][queue]) for queue in queues if queue in part["backlogs"]},
    )


class FanOut:
    """Starts further ticks for one tick, once at most.

    Args:
        runtime: the outside; without a way to start further ticks all partitions stay with this one.
        began_ms: when the tick began, ms UTC.
        deadline_ms: when it ends, ms UTC.
        allowed: whether it may start any; one that serves a part may not.
    """

    def __init__(self, runtime: Runtime, began_ms: int, deadline_ms: int, *, allowed: bool) -> None:
        """Start with none."""
        self._runtime = runtime
        self._timers = runtime.timers if allowed else None
        self._after_ms = began_ms + FAN_OUT_AFTER_MS
        self._deadline_ms = deadline_ms

    def share(self, scans: Sequence[PartitionScan], backlogs: Mapping[str, bool]) -> int:
        """Hand partitions that have more than a page to further ticks, once this one has worked for a while.

        One part stays here, and so does what could not be given away. Returns the number of ticks that were started.
        """
        if self._timers is None or self._runtime.clock.now_ms() < self._after_ms:
            return 0
        timers, self._timers, started = self._timers, None, 0
        unfinished = list(dict.fromkeys(partition for scan in scans for partition in scan.unfinished))
        ticks = min(TIMERS_AT_ONCE, len(unfinished))
        for number in range(1, ticks):
            partitions = unfinished[number::ticks]
            part = TickPart(_shards_of(partitions), (), self._deadline_ms, backlogs)
            if self._is_started(timers, part):
                started += 1
                for scan in scans:
                    scan.release(partitions)
        return started

    def share_schedules(self, partitions: Sequence[str]) -> tuple[int, list[str]]:
        """Hand partitions of schedules for which there was no time to further ticks.

        Returns the number of ticks that were started, and the partitions that the next tick goes on with.
        """
        started, left = 0, list(partitions)
        if self._timers is None:
            return started, left
        ticks = min(TIMERS_AT_ONCE - 1, len(partitions))
        for number in range(ticks):
            given = partitions[number::ticks]
            part = TickPart({}, [int(partition.split("#")[1]) for partition in given], self._deadline_ms)
            if self._is_started(self._timers, part):
                started += 1
                left = [partition for partition in left if partition not in given]
        return started, left

    def _is_started(self, timers: TimerInvoker, part: TickPart) -> bool:
        try:
            timers.invoke(to_event(part))
        except UnavailableError:
            return False
        except Exception as error:  # noqa: BLE001 - this tick serves the part itself
            self._runtime.bulkhead.note("fan_out", "timer", error)
            return False
        return True


def _shards_of(partitions: Sequence[str]) -> dict[str, list[int]]:
    shards: dict[str, list[int]] = {}
    for partition in partitions:
        _, queue, number = partition.split("#")
        shards.setdefault(queue, []).append(int(number))
    return shards
