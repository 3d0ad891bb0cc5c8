"""Resume: end a pause, and send again at once the jobs whose messages workers have dropped meanwhile.

The number is bounded: the next checks of the other jobs find them, within two ticks of the timer.
"""

from collections.abc import Sequence
from contextlib import suppress

from whendue.engine.apply import apply, send
from whendue.engine.runtime import Runtime
from whendue.errors import UnavailableError
from whendue.jobs.due_index import live_partition
from whendue.jobs.model import Job, State
from whendue.jobs.rescue_policy import interval_ms
from whendue.jobs.transitions import postpone_check
from whendue.pauses.model import pauses_of, queue_pause, tenant_pause, type_pause
from whendue.pauses.service import PauseService
from whendue.quotas import BACKLOG_MESSAGES, DYNAMODB_MAX_STATEMENTS, PAUSE_CACHE_MS, RESUME_LOOKS, RESUMED_AT_ONCE
from whendue.settings import ALL_QUEUES
from whendue.table.keys import Key
from whendue.timer.current_jobs import current_jobs


class Resume:
    """Ends pauses."""

    def __init__(self, runtime: Runtime, pauses: PauseService) -> None:
        """Use this runtime."""
        self._runtime = runtime
        self._pauses = pauses

    def queue(self, queue: str) -> None:
        """Resume a queue; one that is not paused stays as it is.

        Raises:
            QueueNotFoundError: no queue has this name.
            UnavailableError: the table does not answer; send the same request again.
        """
        if self._pauses.resume_queue(queue):
            self._bring_back([queue], queue_pause(queue))

    def tenant(self, tenant: str, task: str | None) -> None:
        """Resume a tenant, or one of its task types; what is not paused stays as it is.

        Raises:
            UnavailableError: the table does not answer; send the same request again.
        """
        if self._pauses.resume_tenant(tenant, task):
            self._bring_back(ALL_QUEUES, tenant_pause(tenant) if task is None else type_pause(tenant, task))

    def _bring_back(self, queues: Sequence[str], pause: Key) -> None:
        left = RESUMED_AT_ONCE
        for queue in queues:
            with suppress(UnavailableError), self._runtime.bulkhead.around("resume", queue):
                left -= self._bring_back_of(queue, pause, left)

    def _bring_back_of(self, queue: str, pause: Key, limit: int) -> int:
        """Send held jobs of a queue again, up to `limit`; return their number."""
        if self._runtime.queue.depth(queue).visible > BACKLOG_MESSAGES:
            # Their messages are late, not dropped.
            return 0
        jobs = [job for shard in range(self._runtime.settings.shards) for job in self._due(queue, shard, pause)]
        held = self._pauses.held(jobs)
        jobs = sorted((job for job in jobs if job.id not in held), key=lambda job: job.due_at)[:limit]
        now_ms = self._runtime.clock.now_ms()
        steps = [postpone_check(job, now_ms + interval_ms(job.rescues), send=True) for job in jobs]
        for start in range(0, len(steps), DYNAMODB_MAX_STATEMENTS):
            done = apply(self._runtime, steps[start : start + DYNAMODB_MAX_STATEMENTS])
            # Workers cache the pause for a moment longer, and would drop the messages again.
            least_s = PAUSE_CACHE_MS // 1000 + 1
            again = [step.job for step, result in done if result.done]
            send(self._runtime.queue, again, now_ms, self._runtime.bulkhead, least_s=least_s)
        return len(jobs)

    def _due(self, queue: str, shard: int, pause: Key) -> list[Job]:
        """Read the oldest jobs of a partition that are due and were held by this pause."""
        now_ms, partition = self._runtime.clock.now_ms(), live_partition(queue, shard)
        page = self._runtime.store.query_due(partition, after=None, until_ms=now_ms, limit=RESUME_LOOKS)
        return [
            job
            for job in current_jobs(self._runtime, partition, page)
            if job
            and job.state is State.PENDING
            and job.pending_fan_out is None
            and job.due_at <= now_ms
            and pause in pauses_of(job)
        ]
