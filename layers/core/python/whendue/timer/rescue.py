"""Rescue: find jobs that missed their next check and heal them. It is bounded by its time, and by what it writes."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

from whendue.engine.commit import commit
from whendue.engine.fan_out import CompletionFanOut
from whendue.engine.message import to_body
from whendue.engine.ports import DueEntry
from whendue.engine.reconcile import DependencyReconciler
from whendue.engine.runtime import Runtime
from whendue.errors import UnavailableError
from whendue.jobs.due_index import owner_is_promote
from whendue.jobs.model import Job, State
from whendue.jobs.rescue_policy import decide, look_again_ms
from whendue.jobs.transition import Transition
from whendue.jobs.transitions import mark_dead, postpone_check
from whendue.pauses.service import PauseService
from whendue.quotas import BACKLOG_MESSAGES, FAN_OUT_CHECK_S
from whendue.timer.due_cursors import move_cursors
from whendue.timer.lateness import Received
from whendue.timer.look_again import held_check, late_check
from whendue.timer.partition_scan import ScanPage

# The failure cause of a job for which no message can be created.
UNSENDABLE = "unsendable"


class Rescuer:
    """Heals jobs. Each tick creates one: it reads the depth of each queue once at most.

    Each job gets another check, also one that must not be sent, so that it is not met again by each tick.

    `healed` counts jobs by what was done: `send`, `wait`, `fan_out`, or the transition that ended them (`mark_dead`).
    `writes` counts jobs that were written, also those of which only the check was moved.
    """

    def __init__(self, runtime: Runtime, pauses: PauseService, backlogs: Mapping[str, bool]) -> None:
        """Start with nothing healed, and with the queues of which it is known whether they have a backlog."""
        self._runtime = runtime
        self._pauses = pauses
        self.backlogs: dict[str, bool] = dict(backlogs)
        self._received: defaultdict[str, Received] = defaultdict(Received)
        self.healed: Counter[str] = Counter()
        self.writes = 0

    def heal(self, jobs: Sequence[Job]) -> None:
        """Decide what to do with jobs and do it, in batches.

        Raises:
            UnavailableError: it is unknown which of them are paused; later ticks check them again.
        """
        self._heal_linked(jobs)
        alone = [job for job in jobs if job.pending_fan_out is None and job.state is not State.WAITING]
        for job in alone:
            self._received[job.queue].note(job)
        bulkhead, now_ms = self._runtime.bulkhead, self._runtime.clock.now_ms()
        parts = bulkhead.together(alone, self._pauses.held_until, stage="pauses", name=_id).results
        held = {job_id: until for part in parts for job_id, until in part.items()}
        decided = bulkhead.each(alone, lambda job: self._decide(job, now_ms, held), stage="rescue", name=_id)
        self._carry_out([step for _, step in decided if step], now_ms)

    def _decide(self, job: Job, now_ms: int, held: Mapping[str, int | None]) -> Transition | None:
        """Decide about a job; one for which no message can be created ends, as it could never run.

        Args:
            job: the job as stored.
            now_ms: the time of looking.
            held: the jobs that a pause holds, each with the pause's end.
        """
        is_late = self.backed_up(job.queue) and not self._received[job.queue].is_past(job)
        step = decide(job, now_ms, late=is_late, paused=job.id in held)
        if step is None and job.state is State.PENDING:
            return postpone_check(job, _look_again(job, now_ms, held), send=False)
        if step and step.send:
            try:
                to_body(step.job)
            except Exception as error:  # noqa: BLE001 - whatever it is, it is this job's alone
                self._runtime.bulkhead.note("message", job.id, error)
                return mark_dead(job, UNSENDABLE, f"no message can be created for it ({type(error).__name__})", now_ms)
        return step

    def _heal_linked(self, jobs: Sequence[Job]) -> None:
        """Run pending fan-outs, and reconcile waiting jobs with their dependencies; pauses delay neither."""
        if pending := [job for job in jobs if job.pending_fan_out is not None]:
            left = CompletionFanOut(self._runtime).run(pending)
            self.healed["fan_out"] += len(pending) - len(left)
            now_ms = self._runtime.clock.now_ms()
            self._carry_out([postpone_check(job, now_ms + FAN_OUT_CHECK_S * 1000, send=False) for job in left], now_ms)
        if waiting := [job for job in jobs if job.state is State.WAITING]:
            # The next check is stored first: a job that is released meanwhile gets another one.
            now_ms = self._runtime.clock.now_ms()
            moved = self._runtime.bulkhead.each(
                waiting,
                lambda job: postpone_check(job, look_again_ms(job, now_ms), send=False),
                stage="rescue",
                name=_id,
            )
            self._carry_out([step for _, step in moved], now_ms)
            DependencyReconciler(self._runtime).reconcile(waiting)

    def _carry_out(self, steps: Sequence[Transition], now_ms: int) -> None:
        self._runtime.bulkhead.together(
            steps, lambda some: self._record(some, now_ms), stage="heal", name=lambda step: step.job.id
        )

    def _record(self, steps: Sequence[Transition], now_ms: int) -> None:
        outcomes = commit(self._runtime, steps, now_ms)
        done = [step for step, outcome in zip(steps, outcomes, strict=True) if outcome.done]
        self.writes += len(done)
        self.healed += Counter(_name(step) for step in done if not _only_moved(step))

    def backed_up(self, queue: str) -> bool:
        """Return whether a queue has a backlog, so that a message may be late; True if the queue does not answer."""
        if queue not in self.backlogs:
            try:
                self.backlogs[queue] = self._runtime.queue.depth(queue).visible > BACKLOG_MESSAGES
            except Exception as error:  # noqa: BLE001 - it is this queue's alone
                if not isinstance(error, UnavailableError):
                    self._runtime.bulkhead.note("depth", queue, error)
                self.backlogs[queue] = True
        return self.backlogs[queue]


def lost_jobs(runtime: Runtime, pages: Sequence[ScanPage], promoted_to: Mapping[str, DueEntry | None]) -> list[Job]:
    """Return the jobs of a window that need to be looked at, the oldest check first.

    Args:
        runtime: the outside.
        pages: the window.
        promoted_to: partition -> promote's position when this tick began: what it has yet to send is not lost.

    Raises:
        UnavailableError: a service does not answer for now.
    """

    def is_lost(candidate: tuple[str, DueEntry, Job]) -> bool:
        partition, entry, job = candidate
        reached = promoted_to.get(partition)
        return not (owner_is_promote(job, runtime.settings.timing) and (reached is None or entry > reached))

    candidates = [
        (page.cursor.partition, entry, job)
        for page in pages
        for entry, job in zip(page.entries, page.jobs, strict=True)
        if job
    ]
    tested = runtime.bulkhead.each(candidates, is_lost, stage="rescue", name=lambda candidate: candidate[2].id)
    return [job for (_, _, job), lost in sorted(tested, key=_entry_of) if lost]


def pass_by(runtime: Runtime, pages: Sequence[ScanPage]) -> list[ScanPage]:
    """Move the cursors behind their pages, or back to the beginning at the end; return the pages where that worked."""
    moves = [(page.cursor, None if page.is_last else page.entries[-1]) for page in pages]
    return [page for page, done in zip(pages, move_cursors(runtime.bulkhead, moves), strict=True) if done]


def _entry_of(tested: tuple[tuple[str, DueEntry, Job], bool]) -> DueEntry:
    return tested[0][1]


def _id(job: Job) -> str:
    return job.id


def _look_again(job: Job, now_ms: int, held: Mapping[str, int | None]) -> int:
    return held_check(job, now_ms, held[job.id]) if job.id in held else late_check(job, now_ms)


def _only_moved(step: Transition) -> bool:
    """Return whether a pending job's check was moved, and nothing else: no other step leaves it pending, unsent."""
    return not step.send and step.job.state is State.PENDING


def _name(step: Transition) -> str:
    if step.name != "postpone_check":
        return step.name
    return "send" if step.send else "wait"
