"""What is around a job that waits: its queue, its pause, its limit, those it waits for, and the timer."""

from whendue.engine.readable import readable
from whendue.engine.reconcile import DependencyReconciler
from whendue.engine.runtime import Runtime
from whendue.inspection.explain_rules import AwaitedJob, Observed, needs_timer
from whendue.jobs.dependencies import upstream_numbers
from whendue.jobs.limit_spec import Wait
from whendue.jobs.model import Job, State, from_item
from whendue.limits.limiter import Limiter
from whendue.limits.overlap_policy import skips
from whendue.limits.slot_model import held_back, queue_position
from whendue.limits.slots import Slots
from whendue.metrics.store import MetricsStore
from whendue.pauses.service import PauseService
from whendue.table.keys import job_key, limit_pk


class Surroundings:
    """Looks, for `explain`: at each thing only where the job may be waiting for it, with one call each."""

    def __init__(self, runtime: Runtime, pauses: PauseService, limits: Limiter, counters: MetricsStore) -> None:
        """Use this runtime, and what knows pauses, limits and the timer's ticks."""
        self._runtime = runtime
        self._pauses = pauses
        self._limits = limits
        self._counters = counters
        self._dependencies = DependencyReconciler(runtime)
        self._slots = Slots(runtime)

    def look(self, job: Job, now_ms: int) -> Observed:
        """See what may keep a job from running.

        Args:
            job: as stored.
            now_ms: the time of asking.

        Raises:
            UnavailableError: table or queue do not answer.
        """
        if job.terminal:
            return Observed()
        removed = job.queue not in self._runtime.settings.all_queues
        due = job.state is State.PENDING and now_ms >= job.due_at and not removed
        wait, overlaps = self._limited(job, now_ms) if due else (None, False)
        return Observed(
            backlog=self._runtime.queue.depth(job.queue).visible if due else 0,
            pause=self._pauses.of_job(job),
            awaited=self._awaited(job),
            wait=wait,
            overlaps=overlaps,
            ticked_at=self._counters.last_tick() if needs_timer(job, now_ms, self._runtime.settings.timing) else None,
            queue_removed=removed,
        )

    def _limited(self, job: Job, now_ms: int) -> tuple[Wait | None, bool]:
        """Return what a due job's limit would make it wait for, and whether it would be skipped instead."""
        with self._runtime.bulkhead.around("explain", job.id):
            limit = self._limits.limit_of(job)
            if limit is None:
                return None, False
            limit_state = self._slots.look(limit_pk(job.tenant, str(limit.key)))
            wait = held_back(job, limit, limit_state, now_ms)
            return wait, wait is not None and skips(job, {*limit_state.waiters, queue_position(job)})
        # An unreadable profile or key does not make the job unreadable.
        return None, False

    def _awaited(self, job: Job) -> dict[int, AwaitedJob]:
        """Read those whose ends a job waits for, but for parts of its own: of them there may be a thousand."""
        left = upstream_numbers(job.unmet_dependencies) if job.member_count is None else []
        if not left:
            return {}
        dependencies = self._dependencies.of(job)
        items = self._runtime.store.get([job_key(dependencies[number].id) for number in left if number in dependencies])
        jobs = {found.id: found for found in readable(self._runtime, items, from_item, "explain")}
        return {n: AwaitedJob(dependencies[n], jobs.get(dependencies[n].id)) for n in left if n in dependencies}
