"""What the timer does for schedules: fire those whose alarm is past, partition by partition."""

from dataclasses import dataclass, field

from whendue.domain.schedule import from_item, schedules_partition
from whendue.errors import UnavailableError
from whendue.limits import SCHEDULES_PER_PAGE
from whendue.ports import AgendaEntry
from whendue.services.firing import Firing
from whendue.services.outside import Ports


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

    def __init__(self, ports: Ports) -> None:
        """Use these ports."""
        self._ports = ports
        self._firing = Firing(ports)

    def run(self, deadline_ms: int) -> Fired:
        """Fire what is due, the most overdue of each partition first.

        Args:
            deadline_ms: when to stop, ms UTC; what is left is done by the next tick.
        """
        fired = Fired()
        for shard in range(self._ports.settings.shards):
            partition = schedules_partition(shard)
            try:
                done = self._walk(partition, deadline_ms, fired)
            except UnavailableError:
                done = False
            fired.behind += [] if done else [partition]
        return fired

    def _walk(self, partition: str, deadline_ms: int, fired: Fired) -> bool:
        until_ms, reached = self._ports.effects.now_ms(), None
        while self._ports.effects.now_ms() < deadline_ms:
            page = self._ports.store.agenda(partition, after=reached, until_ms=until_ms, limit=SCHEDULES_PER_PAGE)
            if page:
                self._serve(page, fired)
                reached = page[-1]
            if len(page) < SCHEDULES_PER_PAGE:
                return True
        return False

    def _serve(self, page: list[AgendaEntry], fired: Fired) -> None:
        items = self._ports.store.get([entry.key for entry in page])
        # Read from the table: the index may show what has been moved meanwhile.
        schedules = [from_item(item) for item in items if item and "alarm_at" in item]
        fired.planned += len(self._firing.ahead(schedules))
