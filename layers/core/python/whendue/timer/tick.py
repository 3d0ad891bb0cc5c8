"""One tick of the timer: schedules, then promote and rescue in every queue, in turns, within a time budget."""

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field
from heapq import heappop, heappush

from whendue.bulkhead import Bulkhead
from whendue.engine.due_cursors import Cursor, Purpose, read_cursors
from whendue.engine.fairness import virtual_deadline
from whendue.engine.partition_scan import PartitionScan
from whendue.engine.runtime import Runtime
from whendue.errors import UnavailableError
from whendue.jobs.due_index import live_partition
from whendue.operations.erase import JobEraser
from whendue.pauses.service import PauseService
from whendue.quotas import RESCUE_SHARE
from whendue.schedules.runner import Fired, ScheduleRunner
from whendue.settings import ALL_QUEUES
from whendue.support.time_limit import validations
from whendue.timer.promote import PromoteScan
from whendue.timer.rescue import Rescuer, RescueScan


@dataclass(slots=True)
class Ticked:
    """What a tick did.

    Args:
        planned: schedules whose next fires were decided.
        promoted: messages sent for first checks.
        rescued: what rescue did -> to how many jobs.
        behind: partitions that the next tick goes on with.
    """

    planned: int = 0
    promoted: int = 0
    rescued: Counter[str] = field(default_factory=Counter)
    behind: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _Turns:
    """Walks of one kind that wait for their turn, by virtual deadline, and the time that is theirs."""

    left_ms: float
    bulkhead: Bulkhead
    waiting: list[tuple[int, int, PartitionScan]] = field(default_factory=list)

    def add(self, rank: int, walk: PartitionScan) -> None:
        """Let a walk wait for its turn, if it has anything left to do."""
        oldest = walk.look()
        if oldest is not None:
            heappush(self.waiting, (virtual_deadline(oldest, rank), rank, walk))

    def take(self) -> None:
        """Give the walk that is due first its turn: one window."""
        _, rank, walk = heappop(self.waiting)
        try:
            walk.step()
        except UnavailableError:
            walk.leave()
        except Exception as error:  # noqa: BLE001 - it is this queue's alone
            self.bulkhead.note(type(walk).__name__.lower(), walk.name, error)
            walk.leave()
        else:
            self.add(rank, walk)


class Tick:
    """The timer's service."""

    def __init__(self, runtime: Runtime, pauses: PauseService, due: ScheduleRunner) -> None:
        """Use this runtime."""
        self._runtime = runtime
        self._pauses = pauses
        self._due = due
        self._erasing = JobEraser(runtime)

    def run(self, deadline_ms: int) -> Ticked:
        """Fire schedules, then promote and rescue, the oldest work first, a lower priority counting as younger.

        Paused queues rest. What is fired now is promoted in this tick.

        Args:
            deadline_ms: when to stop, ms UTC; what is left is done by the next tick.

        Raises:
            UnavailableError: the table says neither what is paused nor how far the last tick got.
        """
        fired = self._fire((self._runtime.clock.now_ms() + deadline_ms) // 2)
        began_ms = self._runtime.clock.now_ms()
        paused = self._paused()
        ranks = {queue: rank for rank, queue in enumerate(ALL_QUEUES) if queue not in paused}
        rescuer = Rescuer(self._runtime, self._pauses)
        promotes, rescues, behind = self._walks(list(ranks), rescuer, began_ms, deadline_ms)
        rescue_ms = RESCUE_SHARE * (deadline_ms - began_ms)
        rescuing = _Turns(rescue_ms, self._runtime.bulkhead)
        promoting = _Turns(deadline_ms - began_ms - rescue_ms, self._runtime.bulkhead)
        for queue, rank in ranks.items():
            for turns, walks in ((rescuing, rescues), (promoting, promotes)):
                if queue in walks:
                    turns.add(rank, walks[queue])
        self._take_turns([rescuing, promoting], deadline_ms)
        self._erasing.look(deadline_ms)
        for _, _, walk in promoting.waiting:
            walk.leave()
        behind += [partition for walk in (*promotes.values(), *rescues.values()) for partition in walk.behind]
        promoted = sum(walk.sent for walk in promotes.values())
        self._runtime.metrics.tick(planned=fired.planned, promoted=promoted, rescued=rescuer.healed)
        return Ticked(fired.planned, promoted, rescuer.healed, list(dict.fromkeys(fired.behind + behind)))

    def _fire(self, deadline_ms: int) -> Fired:
        """Fire schedules; whatever becomes of that, promote and rescue run."""
        try:
            with validations(self._runtime.clock.now_ms):
                return self._due.run(deadline_ms)
        except Exception as error:  # noqa: BLE001 - jobs are served all the same
            self._runtime.bulkhead.note("schedules", "all", error)
            return Fired(behind=["schedules"])

    def _paused(self) -> Collection[str]:
        """Give the queues that are paused. Workers look, too: where nobody knows, the work goes on."""
        try:
            return self._pauses.of_queues()
        except UnavailableError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, jobs are served all the same
            self._runtime.bulkhead.note("pauses", "queues", error)
            return ()

    def _walks(
        self, queues: list[str], rescuer: Rescuer, now_ms: int, deadline_ms: int
    ) -> tuple[dict[str, PromoteScan], dict[str, RescueScan], list[str]]:
        """Begin a walk of each kind in each queue; gives the partitions whose cursors cannot be read, too."""
        shards = self._runtime.settings.shards
        partitions = {queue: [live_partition(queue, shard) for shard in range(shards)] for queue in queues}
        every = [partition for each in partitions.values() for partition in each]
        promotes, rescues = self._cursors("promote", every), self._cursors("rescue", every)
        promoted_to = {partition: cursor.position for partition, cursor in promotes.items()}
        runtime = self._runtime
        promoting = {queue: [promotes[one] for one in each if one in promotes] for queue, each in partitions.items()}
        # Without promote's place nobody knows what it has yet to send: that is not lost.
        known = [one for one in every if one in promotes and one in rescues]
        rescuing = {queue: [rescues[one] for one in each if one in known] for queue, each in partitions.items()}
        return (
            {q: PromoteScan(runtime, rescuer, q, each, now_ms, deadline_ms) for q, each in promoting.items() if each},
            {
                q: RescueScan(runtime, rescuer, q, each, promoted_to, now_ms, deadline_ms)
                for q, each in rescuing.items()
                if each
            },
            [one for one in every if one not in known],
        )

    def _cursors(self, purpose: Purpose, partitions: list[str]) -> dict[str, Cursor]:
        """Read cursors; those that cannot be read are left out."""
        read = self._runtime.bulkhead.together(
            partitions, lambda some: read_cursors(self._runtime.store, purpose, some), stage="cursors"
        )
        return {cursor.partition: cursor for cursors in read.results for cursor in cursors}

    def _take_turns(self, kinds: list[_Turns], deadline_ms: int) -> None:
        """Let walks do a window each, the first due first; neither kind takes the other's share of the time."""
        while waiting := [kind for kind in kinds if kind.waiting]:
            began_ms = self._runtime.clock.now_ms()
            if began_ms >= deadline_ms:
                return
            within = [kind for kind in waiting if kind.left_ms > 0] or waiting
            turn = min(within, key=lambda kind: kind.waiting[0][0])
            turn.take()
            turn.left_ms -= self._runtime.clock.now_ms() - began_ms
