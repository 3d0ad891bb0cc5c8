"""One tick of the timer: schedules, then promote and rescue in every queue, in turns, within a time budget."""

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from whendue.bulkhead import Bulkhead
from whendue.engine.runtime import Runtime
from whendue.errors import UnavailableError
from whendue.operations.erase import JobEraser
from whendue.pauses.resumption import RESUMPTIONS
from whendue.pauses.service import PauseService
from whendue.quotas import RESCUE_WRITES
from whendue.schedules.runner import Fired, ScheduleRunner
from whendue.settings import ALL_QUEUES
from whendue.support.time_limit import validations
from whendue.timer.open_scans import QueueScans, look_first, open_scans
from whendue.timer.partition_scan import PartitionScan
from whendue.timer.promote import promote, unanswered
from whendue.timer.rescue import Rescuer, lost_jobs, pass_by
from whendue.timer.resumptions import Resumptions
from whendue.timer.turns import by_virtual_deadline


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


class Tick:
    """The timer's service."""

    def __init__(self, runtime: Runtime, pauses: PauseService, due: ScheduleRunner) -> None:
        """Use this runtime."""
        self._runtime = runtime
        self._pauses = pauses
        self._due = due
        self._erasing = JobEraser(runtime)
        self._resumptions = Resumptions(runtime, pauses)

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
        shards = {queue: range(self._runtime.settings.shards) for queue in ranks}
        queues, promoted_to, unread = open_scans(self._runtime, shards, ranks, began_ms, deadline_ms)
        scans = [scan for pair in queues for scan in pair]
        look_first(self._runtime, queues)
        self._read_depths(queues, rescuer)
        # Not more than half of the time: a long resumption keeps nothing from being promoted.
        resumed = self._resumptions.carry_on_all((self._runtime.clock.now_ms() + deadline_ms) // 2, promoted_to)
        rescuer.healed += Counter(send=resumed.sent)
        promoted = 0
        for scan in by_virtual_deadline(self._runtime, scans, began_ms, deadline_ms):
            with _leaving_on_error(self._runtime.bulkhead, scan):
                pages = scan.read_jobs(self._runtime)
                if scan.kind == "promote":
                    done = promote(self._runtime, pages)
                    promoted += done.sent
                    scan.advance(done.passed, done.left)
                    rescuer.heal(unanswered(self._runtime, done.passed))
                elif rescuer.writes >= RESCUE_WRITES:
                    scan.leave()
                else:
                    rescuer.heal(lost_jobs(self._runtime, pages, promoted_to))
                    scan.advance(pass_by(self._runtime, pages))
        self._erasing.look(deadline_ms)
        self._runtime.metrics.tick(planned=fired.planned, promoted=promoted, rescued=rescuer.healed)
        behind = dict.fromkeys([*fired.behind, *unread, *_behind(scans), *([] if resumed.is_done else [RESUMPTIONS])])
        return Ticked(fired.planned, promoted, rescuer.healed, list(behind))

    def _read_depths(self, queues: Sequence[QueueScans], rescuer: Rescuer) -> None:
        """Read the depths of the queues with lost jobs before this tick sends anything, as that is no backlog."""
        for scans in queues:
            if scans.rescue.window:
                rescuer.backed_up(scans.rescue.queue)

    def _fire(self, deadline_ms: int) -> Fired:
        """Fire schedules; whatever becomes of that, promote and rescue run."""
        try:
            with validations(self._runtime.clock.now_ms):
                return self._due.run(deadline_ms)
        except Exception as error:  # noqa: BLE001 - jobs are served all the same
            self._runtime.bulkhead.note("schedules", "all", error)
            return Fired(behind=["schedules"])

    def _paused(self) -> Collection[str]:
        """Return the queues that are paused. Workers look, too: where that is unknown, the work goes on."""
        try:
            return self._pauses.of_queues()
        except UnavailableError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, jobs are served all the same
            self._runtime.bulkhead.note("pauses", "queues", error)
            return ()


@contextmanager
def _leaving_on_error(bulkhead: Bulkhead, scan: PartitionScan) -> Iterator[None]:
    """Let an exception inside end the scan, and nothing more: the next tick goes on there."""
    try:
        yield
    except UnavailableError:
        scan.leave()
    except Exception as error:  # noqa: BLE001 - it is this queue's alone
        bulkhead.note(f"{scan.kind}scan", scan.queue, error)
        scan.leave()


def _behind(scans: Sequence[PartitionScan]) -> list[str]:
    """Leave the scans for which there was no time, and return what the next tick has to go on with.

    A window that rescue had no time for does not count: its cursors stand before it, and every tick goes on there.
    """
    promotes, rescues = [[scan for scan in scans if scan.kind == kind] for kind in ("promote", "rescue")]
    for scan in promotes:
        scan.leave()
    return [partition for scan in (*promotes, *rescues) for partition in scan.behind]
