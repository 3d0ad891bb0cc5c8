"""One tick of the timer: schedules, then promote and rescue in every queue, in turns, within a time budget."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from whendue.bulkhead import Bulkhead
from whendue.engine.ports import DueEntry
from whendue.engine.runtime import Runtime
from whendue.errors import UnavailableError
from whendue.operations.erase import JobEraser
from whendue.pauses.resumption import RESUMPTIONS
from whendue.pauses.service import PauseService
from whendue.quotas import RESCUE_WRITES
from whendue.schedules.ticks.runner import ScheduleRunner
from whendue.support.time_limit import validations
from whendue.timer.fan_out import FanOut, TickPart
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
        timers: further ticks that were started for parts of the partitions.
    """

    planned: int = 0
    promoted: int = 0
    rescued: Counter[str] = field(default_factory=Counter)
    behind: list[str] = field(default_factory=list)
    timers: int = 0


class Tick:
    """The timer's service."""

    def __init__(self, runtime: Runtime, pauses: PauseService, due: ScheduleRunner) -> None:
        """Use this runtime."""
        self._runtime = runtime
        self._pauses = pauses
        self._due = due
        self._erasing = JobEraser(runtime)
        self._resumptions = Resumptions(runtime, pauses)

    def run(self, deadline_ms: int, part: TickPart | None = None) -> Ticked:
        """Fire schedules, then promote and rescue, the oldest work first, a lower priority counting as younger.

        Paused queues rest. What is fired now is promoted in this tick.

        Args:
            deadline_ms: when to stop, ms UTC; what is left is done by the next tick.
            part: what a further tick serves; None for all.

        Raises:
            UnavailableError: the table says neither what is paused nor how far the last tick got.
        """
        deadline_ms = min(deadline_ms, part.until_ms) if part else deadline_ms
        fired = self._fire(deadline_ms, part)
        rescuer = Rescuer(self._runtime, self._pauses, part.backlogs if part else {})
        jobs = self._serve_queues(rescuer, deadline_ms, part)
        if part is None:
            self._erasing.look(deadline_ms)
        self._runtime.metrics.tick(planned=fired.planned, promoted=jobs.promoted, rescued=rescuer.healed)
        behind = list(dict.fromkeys([*fired.behind, *jobs.behind]))
        return Ticked(fired.planned, jobs.promoted, rescuer.healed, behind, fired.timers + jobs.timers)

    def _serve_queues(self, rescuer: Rescuer, deadline_ms: int, part: TickPart | None) -> Ticked:
        """Promote and rescue in the queues of a part."""
        began_ms = self._runtime.clock.now_ms()
        every = range(self._runtime.settings.shards)
        wanted = part.shards if part else dict.fromkeys(self._runtime.settings.all_queues, every)
        paused = self._paused() if wanted else ()
        shards = {queue: numbers for queue, numbers in wanted.items() if queue not in paused}
        queues, promoted_to, unread = open_scans(self._runtime, shards, began_ms, deadline_ms)
        scans = [scan for pair in queues for scan in pair]
        look_first(self._runtime, queues)
        self._read_depths(queues, rescuer)
        ticked = Ticked(behind=list(unread))
        if part is None:
            ticked.behind += self._resume(rescuer, deadline_ms, promoted_to)
        fan_out = FanOut(self._runtime, began_ms, deadline_ms, allowed=part is None)
        for scan in by_virtual_deadline(self._runtime, scans, began_ms, deadline_ms):
            ticked.timers += fan_out.share(scans, rescuer.backlogs)
            if scan.window:
                with _leaving_on_error(self._runtime.bulkhead, scan):
                    ticked.promoted += self._serve(scan, rescuer, promoted_to)
        ticked.behind += _behind(scans)
        return ticked

    def _serve(self, scan: PartitionScan, rescuer: Rescuer, promoted_to: Mapping[str, DueEntry | None]) -> int:
        """Promote or rescue a window; return the number of messages that were promoted."""
        if scan.kind == "rescue" and rescuer.writes >= RESCUE_WRITES:
            scan.leave()
            return 0
        pages = scan.read_jobs(self._runtime)
        if scan.kind == "rescue":
            rescuer.heal(lost_jobs(self._runtime, pages, promoted_to))
            scan.advance(pass_by(self._runtime, pages))
            return 0
        done = promote(self._runtime, pages)
        scan.advance(done.passed, done.left)
        # What was sent is sent, whatever becomes of the rest of the window.
        with _leaving_on_error(self._runtime.bulkhead, scan):
            rescuer.heal(unanswered(self._runtime, done.passed))
        return done.sent

    def _resume(self, rescuer: Rescuer, deadline_ms: int, promoted_to: Mapping[str, DueEntry | None]) -> list[str]:
        """Bring back what ended pauses held; return what the next tick has to go on with."""
        # Not more than half of the time: a long resumption keeps nothing from being promoted.
        until_ms = (self._runtime.clock.now_ms() + deadline_ms) // 2
        resumed = self._resumptions.carry_on_all(until_ms, promoted_to)
        rescuer.healed += Counter(send=resumed.sent)
        return [] if resumed.is_done else [RESUMPTIONS]

    def _read_depths(self, queues: Sequence[QueueScans], rescuer: Rescuer) -> None:
        """Read the depths of the queues with lost jobs before this tick sends anything, as that is no backlog."""
        for scans in queues:
            if scans.rescue.window:
                rescuer.backed_up(scans.rescue.queue)

    def _fire(self, until_ms: int, part: TickPart | None) -> Ticked:
        """Fire schedules in half of a tick's time; whatever becomes of that, promote and rescue run."""
        deadline_ms = (self._runtime.clock.now_ms() + until_ms) // 2
        shards = part.schedules if part else range(self._runtime.settings.shards)
        if not shards:
            return Ticked()
        try:
            with validations(self._runtime.clock.now_ms):
                fired = self._due.run(deadline_ms, shards)
        except Exception as error:  # noqa: BLE001 - jobs are served all the same
            self._runtime.bulkhead.note("schedules", "all", error)
            return Ticked(behind=["schedules"])
        fan_out = FanOut(self._runtime, deadline_ms, until_ms, allowed=part is None)
        timers, behind = fan_out.share_schedules(fired.behind)
        return Ticked(planned=fired.planned, behind=behind, timers=timers)

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
