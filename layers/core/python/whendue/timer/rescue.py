"""Rescue: look at jobs whose next check rang unheard and heal them, a bounded number per tick."""

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence

from whendue.engine.commit import commit
from whendue.engine.due_cursors import Cursor
from whendue.engine.fan_out import CompletionFanOut
from whendue.engine.message import to_body
from whendue.engine.partition_scan import PartitionScan, ScanPage
from whendue.engine.ports import DueEntry
from whendue.engine.reconcile import DependencyReconciler
from whendue.engine.runtime import Runtime
from whendue.errors import UnavailableError
from whendue.jobs.due_index import owner_is_promote, rescue_before
from whendue.jobs.model import Job, State
from whendue.jobs.rescue_policy import decide, look_again_ms
from whendue.jobs.transition import Transition
from whendue.jobs.transitions import mark_dead, postpone_check
from whendue.pauses.service import PauseService
from whendue.quotas import (
    BACKLOG_MESSAGES,
    DYNAMODB_MAX_STATEMENTS,
    OWING_CHECK_S,
    RESCUE_WINDOW,
    RESCUES_PER_PARTITION,
)
from whendue.timer.lateness import Received

# The cause of a job's end of which no message can be made.
UNSENDABLE = "unsendable"


class Rescuer:
    """Heals jobs. Made anew for each tick: it asks each queue for its depth once at most.

    `healed` counts what was done (`send`, `wait`, `die`, `bury`, `tell`).
    """

    def __init__(self, runtime: Runtime, pauses: PauseService) -> None:
        """Start with nothing healed."""
        self._runtime = runtime
        self._pauses = pauses
        self._backed_up: dict[str, bool] = {}
        self._received: defaultdict[str, Received] = defaultdict(Received)
        self.healed: Counter[str] = Counter()

    def heal(self, jobs: Sequence[Job]) -> None:
        """Decide about jobs and carry it out, in batches.

        Raises:
            UnavailableError: nobody knows which of them are paused; they are looked at again later.
        """
        self._heal_linked(jobs)
        alone = [job for job in jobs if job.pending_fan_out is None and job.state is not State.WAITING]
        for job in alone:
            self._received[job.queue].note(job)
        bulkhead, now_ms = self._runtime.bulkhead, self._runtime.clock.now_ms()
        held = set[str]().union(*bulkhead.together(alone, self._pauses.held, stage="pauses", name=_id).results)
        decided = bulkhead.each(alone, lambda job: self._decide(job, now_ms, held), stage="rescue", name=_id)
        self._carry_out([step for _, step in decided if step], now_ms)

    def _decide(self, job: Job, now_ms: int, held: Collection[str]) -> Transition | None:
        """Decide about a job; one of which no message can be made will never run, and ends."""
        is_late = self.backed_up(job.queue) and not self._received[job.queue].is_past(job)
        step = decide(job, now_ms, late=is_late, paused=job.id in held)
        if step and step.send:
            try:
                to_body(step.job)
            except Exception as error:  # noqa: BLE001 - whatever it is, it is this job's alone
                self._runtime.bulkhead.note("message", job.id, error)
                return mark_dead(job, UNSENDABLE, f"no message can be created for it ({type(error).__name__})", now_ms)
        return step

    def _heal_linked(self, jobs: Sequence[Job]) -> None:
        """Tell what is owed, and let who waits look at its dependencies; pauses hold neither up."""
        if pending := [job for job in jobs if job.pending_fan_out is not None]:
            left = CompletionFanOut(self._runtime).run(pending)
            self.healed["fan_out"] += len(pending) - len(left)
            now_ms = self._runtime.clock.now_ms()
            self._carry_out([postpone_check(job, now_ms + OWING_CHECK_S * 1000, send=False) for job in left], now_ms)
        if waiting := [job for job in jobs if job.state is State.WAITING]:
            # First the next check: who is released meanwhile has another one.
            now_ms = self._runtime.clock.now_ms()
            moved = self._runtime.bulkhead.each(
                waiting,
                lambda job: postpone_check(job, look_again_ms(job, now_ms), send=False),
                stage="rescue",
                name=_id,
            )
            self._carry_out([step for _, step in moved], now_ms)
            DependencyReconciler(self._runtime).check(waiting)

    def _carry_out(self, steps: Sequence[Transition], now_ms: int) -> None:
        for start in range(0, len(steps), DYNAMODB_MAX_STATEMENTS):
            part = steps[start : start + DYNAMODB_MAX_STATEMENTS]
            self._runtime.bulkhead.together(
                part, lambda some: self._record(some, now_ms), stage="heal", name=lambda step: step.job.id
            )

    def _record(self, steps: Sequence[Transition], now_ms: int) -> None:
        outcomes = commit(self._runtime, steps, now_ms)
        self.healed += Counter(_name(step) for step, outcome in zip(steps, outcomes, strict=True) if outcome.done)

    def backed_up(self, queue: str) -> bool:
        """Say whether a queue has so many messages that one may just be late; one that does not answer counts so."""
        if queue not in self._backed_up:
            try:
                self._backed_up[queue] = self._runtime.queue.depth(queue).visible > BACKLOG_MESSAGES
            except Exception as error:  # noqa: BLE001 - it is this queue's alone
                if not isinstance(error, UnavailableError):
                    self._runtime.bulkhead.note("depth", queue, error)
                self._backed_up[queue] = True
        return self._backed_up[queue]


class RescueScan(PartitionScan):
    """Looks at overdue checks in a queue's partitions, from the rescue cursors on; at the end it starts over next time.

    Args:
        runtime: the outside.
        rescuer: carries out what is decided.
        queue: its name.
        cursors: the partitions' rescue positions; moved.
        promoted_to: partition -> where promote stood when this tick began: what it has yet to send is not lost.
        now_ms: the time of looking, ms UTC.
        deadline_ms: when to stop after the window at hand, ms UTC.
    """

    def __init__(
        self,
        runtime: Runtime,
        rescuer: Rescuer,
        queue: str,
        cursors: Sequence[Cursor],
        promoted_to: Mapping[str, DueEntry | None],
        now_ms: int,
        deadline_ms: int,
    ) -> None:
        """Begin at the cursors."""
        super().__init__(
            runtime, queue, cursors, rescue_before(now_ms, runtime.settings.timing), RESCUE_WINDOW, deadline_ms
        )
        self._rescuer = rescuer
        self._promoted_to = promoted_to
        self._looked: Counter[str] = Counter()

    def look(self) -> int | None:
        """Read the next window; what waits in the queue is asked now: what this tick sends is no backlog."""
        oldest = super().look()
        if oldest is not None:
            self._rescuer.backed_up(self.name)
        return oldest

    def step(self) -> None:
        """Heal a window, the oldest first."""
        scan_pages = self._scan_pages()
        jobs = [job for scan_page in scan_pages for job in self._suspicious(scan_page)]
        jobs.sort(key=lambda job: job.check_at)
        self._rescuer.heal(jobs)
        self._open = [scan_page.cursor for scan_page in scan_pages if self._goes_on(scan_page)]

    def _suspicious(self, scan_page: ScanPage) -> list[Job]:
        promoted_to, timing = self._promoted_to.get(scan_page.cursor.partition), self._runtime.settings.timing

        def lost(one: tuple[DueEntry, Job]) -> bool:
            entry, job = one
            return not (owner_is_promote(job, timing) and (promoted_to is None or entry > promoted_to))

        there = [(entry, job) for entry, job in zip(scan_page.page, scan_page.jobs, strict=True) if job]
        looked = self._runtime.bulkhead.each(there, lost, stage="rescue", name=lambda one: one[1].id)
        return [job for (_, job), is_lost in looked if is_lost]

    def _goes_on(self, scan_page: ScanPage) -> bool:
        """Move a cursor behind its page, or back to the beginning at the end; say whether this tick goes on there."""
        if len(scan_page.page) < self._limit:
            self._at_end(scan_page.cursor)
            return False
        partition = scan_page.cursor.partition
        self._looked[partition] += len(scan_page.page)
        return self._moves(scan_page.cursor, scan_page.page[-1]) and self._looked[partition] < RESCUES_PER_PARTITION

    def _at_end(self, cursor: Cursor) -> None:
        self._moves(cursor, None)


def _id(job: Job) -> str:
    return job.id


def _name(step: Transition) -> str:
    if step.name != "postpone_check":
        return step.name
    return "send" if step.send else "wait"
