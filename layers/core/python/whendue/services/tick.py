"""One tick of the timer: schedules, then promote and rescue in every queue, in turns, within a time budget."""

from collections import Counter
from dataclasses import dataclass, field
from heapq import heappop, heappush

from whendue.domain.agenda import live_partition
from whendue.domain.fair import virtual_deadline
from whendue.errors import UnavailableError
from whendue.limits import RESCUE_SHARE
from whendue.services.cursors import read_cursors
from whendue.services.due import Due
from whendue.services.outside import Ports
from whendue.services.pauses import Pauses
from whendue.services.promote import Promote
from whendue.services.rescue import Healer, Rescue
from whendue.services.walk import Walk
from whendue.settings import ALL_QUEUES


@dataclass(slots=True)
class Ticked:
    """What a tick did.

    Args:
        planned: schedules whose next fires were decided.
        promoted: messages sent for first alarms.
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
    waiting: list[tuple[int, int, Walk]] = field(default_factory=list)

    def add(self, rank: int, walk: Walk) -> None:
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
        else:
            self.add(rank, walk)


class Tick:
    """The timer's service."""

    def __init__(self, ports: Ports, pauses: Pauses, due: Due) -> None:
        """Use these ports."""
        self._ports = ports
        self._pauses = pauses
        self._due = due

    def run(self, deadline_ms: int) -> Ticked:
        """Fire schedules, then promote and rescue, the oldest work first, a lower priority counting as younger.

        Paused queues rest. What is fired now is promoted in this tick.

        Args:
            deadline_ms: when to stop, ms UTC; what is left is done by the next tick.

        Raises:
            UnavailableError: the table says neither what is paused nor how far the last tick got.
        """
        fired = self._due.run((self._ports.effects.now_ms() + deadline_ms) // 2)
        began_ms = self._ports.effects.now_ms()
        paused = self._pauses.of_queues()
        ranks = {queue: rank for rank, queue in enumerate(ALL_QUEUES) if queue not in paused}
        healer = Healer(self._ports, self._pauses)
        promotes, rescues = self._walks(list(ranks), healer, began_ms, deadline_ms)
        rescue_ms = RESCUE_SHARE * (deadline_ms - began_ms)
        rescuing, promoting = _Turns(rescue_ms), _Turns(deadline_ms - began_ms - rescue_ms)
        for rank, rescue, promote in zip(ranks.values(), rescues, promotes, strict=True):
            rescuing.add(rank, rescue)
            promoting.add(rank, promote)
        self._take_turns([rescuing, promoting], deadline_ms)
        for _, _, walk in promoting.waiting:
            walk.leave()
        behind = fired.behind + [partition for walk in (*promotes, *rescues) for partition in walk.behind]
        promoted = sum(walk.sent for walk in promotes)
        self._ports.tally.tick(planned=fired.planned, promoted=promoted, rescued=healer.healed)
        return Ticked(fired.planned, promoted, healer.healed, list(dict.fromkeys(behind)))

    def _walks(
        self, queues: list[str], healer: Healer, now_ms: int, deadline_ms: int
    ) -> tuple[list[Promote], list[Rescue]]:
        """Begin a walk of each kind in each queue."""
        shards = self._ports.settings.shards
        partitions = [live_partition(queue, shard) for queue in queues for shard in range(shards)]
        promotes = read_cursors(self._ports.store, "promote", partitions)
        rescues = read_cursors(self._ports.store, "rescue", partitions)
        promoted_to = {cursor.partition: cursor.position for cursor in promotes}
        parts = {queue: slice(number * shards, (number + 1) * shards) for number, queue in enumerate(queues)}
        return (
            [Promote(self._ports, healer, promotes[part], now_ms, deadline_ms) for part in parts.values()],
            [
                Rescue(self._ports, healer, queue, rescues[part], promoted_to, now_ms, deadline_ms)
                for queue, part in parts.items()
            ],
        )

    def _take_turns(self, kinds: list[_Turns], deadline_ms: int) -> None:
        """Let walks do a window each, the first due first; neither kind takes the other's share of the time."""
        while waiting := [kind for kind in kinds if kind.waiting]:
            began_ms = self._ports.effects.now_ms()
            if began_ms >= deadline_ms:
                return
            within = [kind for kind in waiting if kind.left_ms > 0] or waiting
            turn = min(within, key=lambda kind: kind.waiting[0][0])
            turn.take()
            turn.left_ms -= self._ports.effects.now_ms() - began_ms
