"""What is around a job that waits: its queue, its pause, its limit, those it waits for, and the timer."""

from whendue.engine.readable import readable
from whendue.engine.reconcile import Parents
from whendue.engine.runtime import Ports
from whendue.inspection.explain_rules import Awaited, Seen, needs_timer
from whendue.jobs.dependencies import numbers
from whendue.jobs.limit_spec import Wait
from whendue.jobs.model import Job, State, from_item
from whendue.limits.limiter import Limits
from whendue.limits.overlap_policy import skips
from whendue.limits.slot_model import held_back, place
from whendue.limits.slots import Slots
from whendue.metrics.store import Counters
from whendue.pauses.service import Pauses
from whendue.table.keys import job_key, limit_pk


class Around:
    """Looks, for `explain`: at each thing only where the job may be waiting for it, with one call each."""

    def __init__(self, ports: Ports, pauses: Pauses, limits: Limits, counters: Counters) -> None:
        """Use these ports, and what knows pauses, limits and the timer's ticks."""
        self._ports = ports
        self._pauses = pauses
        self._limits = limits
        self._counters = counters
        self._parents = Parents(ports)
        self._slots = Slots(ports)

    def look(self, job: Job, now_ms: int) -> Seen:
        """See what may keep a job from running.

        Args:
            job: as stored.
            now_ms: the time of asking.

        Raises:
            UnavailableError: table or queue do not answer.
        """
        if job.terminal:
            return Seen()
        due = job.state is State.PENDING and now_ms >= job.due_at
        wait, overlaps = self._limited(job, now_ms) if due else (None, False)
        return Seen(
            backlog=self._ports.queue.depth(job.queue).visible if due else 0,
            pause=self._pauses.of_job(job),
            awaited=self._awaited(job),
            wait=wait,
            overlaps=overlaps,
            ticked_at=self._counters.last_tick() if needs_timer(job, now_ms, self._ports.settings.timing) else None,
        )

    def _limited(self, job: Job, now_ms: int) -> tuple[Wait | None, bool]:
        """Say what a due job's limit would make it wait for, and whether it would be skipped instead."""
        with self._ports.bulkhead.around("explain", job.id):
            limit = self._limits.limit_of(job)
            if limit is None:
                return None, False
            board = self._slots.look(limit_pk(job.tenant, str(limit.key)))
            wait = held_back(job, limit, board, now_ms)
            return wait, wait is not None and skips(job, {*board.waiters, place(job)})
        # A profile or a key that nobody can read keeps nobody from asking.
        return None, False

    def _awaited(self, job: Job) -> dict[int, Awaited]:
        """Read those whose ends a job waits for, but for parts of its own: of them there may be a thousand."""
        left = numbers(job.awaits) if job.parts is None else []
        if not left:
            return {}
        parents = self._parents.of(job)
        items = self._ports.store.get([job_key(parents[number].id) for number in left if number in parents])
        jobs = {found.id: found for found in readable(self._ports, items, from_item, "explain")}
        return {n: Awaited(parents[n], jobs.get(parents[n].id)) for n in left if n in parents}
