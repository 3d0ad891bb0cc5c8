"""One tick of the timer: schedules, then promote and rescue, critical first, within a time budget."""

from collections import Counter
from dataclasses import dataclass, field

from whendue.domain.agenda import live_partition
from whendue.errors import UnavailableError
from whendue.services.cursors import read_cursors
from whendue.services.due import Due
from whendue.services.outside import Ports
from whendue.services.promote import Promote
from whendue.services.rescue import Rescue
from whendue.settings import QUEUES


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


class Tick:
    """The timer's service."""

    def __init__(self, ports: Ports) -> None:
        """Use these ports."""
        self._ports = ports

    def run(self, deadline_ms: int) -> Ticked:
        """Fire schedules, promote, then rescue; one partition's trouble does not hold up the others.

        Args:
            deadline_ms: when to stop, ms UTC; what is left is done by the next tick.
        """
        fired = Due(self._ports).run((self._ports.effects.now_ms() + deadline_ms) // 2)
        partitions = [live_partition(queue, shard) for queue in QUEUES for shard in range(self._ports.settings.shards)]
        promotes = read_cursors(self._ports.store, "promote", partitions)
        rescues = read_cursors(self._ports.store, "rescue", partitions)
        began_at = [cursor.position for cursor in promotes]
        promote = Promote(self._ports)
        rescue = Rescue(self._ports)
        ticked = Ticked(planned=fired.planned, behind=fired.behind)
        for cursor in promotes:
            try:
                if self._ports.effects.now_ms() >= deadline_ms:
                    ticked.behind.append(cursor.partition)
                    continue
                promoted = promote.partition(cursor, deadline_ms)
                ticked.promoted += promoted.sent
                ticked.behind += [] if promoted.done else [cursor.partition]
                ticked.rescued += Counter(rescue.heal(promoted.rung).healed)
            except UnavailableError:
                ticked.behind.append(cursor.partition)
        for cursor, promoted_to in zip(rescues, began_at, strict=True):
            if self._ports.effects.now_ms() >= deadline_ms:
                break
            try:
                ticked.rescued += Counter(rescue.walk(cursor, promoted_to).healed)
            except UnavailableError:
                ticked.behind.append(cursor.partition)
        return ticked
