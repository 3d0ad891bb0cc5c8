"""Erasing: what belongs to jobs goes once they have gone; the timer looks when that may be, or a user asks for it.

A belonging carries no expiry: it stands in the index at the time of its next look (`whendue.jobs.lifetime`).
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial

from whendue.engine.ports import DueEntry
from whendue.engine.reconcile import DependencyReconciler
from whendue.engine.runtime import Runtime
from whendue.errors import PreconditionFailedError, StateConflictError, UnavailableError
from whendue.jobs.lifetime import (
    erase_partition,
    is_over,
    is_unknown_life,
    next_check,
    next_check_of_edge,
    payload_item,
)
from whendue.jobs.model import Job, from_item, shown_state
from whendue.operations.commands import Versions, find
from whendue.operations.purge import Purger, erased
from whendue.operations.revision import revision
from whendue.quotas import DEPENDED_ON_S, ERASE_CALL_S, ERASE_WINDOW, ERASED_PER_PARTITION
from whendue.table.keys import (
    DEPENDENT,
    Key,
    dependent_key,
    dependent_of,
    job_id_of,
    job_key,
    kind_of,
    life_of,
)
from whendue.table.writes import Is, Write, delete

EDGE = kind_of(DEPENDENT)


def check_erasable(job: Job, now_ms: int) -> None:
    """Refuse to erase a job that is live, or belongs to a composite.

    Raises:
        StateConflictError: it cannot be erased.
    """
    if job.terminal and job.pending_fan_out is not None:
        raise StateConflictError(
            "the end of the job is still being passed on to the jobs and subscriptions that wait for it; "
            "send the same request again in a minute",
            state=shown_state(job, now_ms),
        )
    if not job.terminal:
        raise StateConflictError(
            "a job that has not ended cannot be erased; cancel it first", state=shown_state(job, now_ms)
        )
    if job.parent_id is not None:
        raise StateConflictError(
            "a job of a workflow or a forEach cannot be erased alone; erase the workflow or the forEach job",
            state=job.state.value,
        )


class JobEraser:
    """Erases jobs and what belongs to them."""

    def __init__(self, runtime: Runtime) -> None:
        """Use this runtime."""
        self._runtime = runtime

    # --- on request ---------------------------------------------------------------------------------------------

    def erase(self, tenant: str, job_id: str, expected: Versions = None) -> None:
        """Erase a finished job at once, with all that belongs to it and the members that it has made.

        Raises:
            JobNotFoundError: the tenant has no such job.
            PreconditionFailedError: it is none of the expected versions.
            StateConflictError: it is live, or belongs to a composite, which is erased as a whole.
            UnavailableError: it is unknown whether all is erased; the timer erases what is left.
        """
        now_ms = self._runtime.clock.now_ms()
        job = find(self._runtime.store, tenant, job_id, now_ms)
        if expected is not None and revision(job) not in expected:
            raise PreconditionFailedError
        check_erasable(job, now_ms)
        if not self.erase_ended(job):
            raise StateConflictError("the job has changed; read it again", state=job.state.value)

    def erase_ended(self, job: Job) -> bool:
        """Erase a job that has ended; False where it has changed since it was read.

        Raises:
            UnavailableError: as `erase`.

        The job itself goes before what belongs to it: if the process dies then, the timer does the rest. From then on
        its Idempotency-Key is free: what a new job under it has is not touched.
        """
        dependencies = DependencyReconciler(self._runtime).of(job) if job.member_count is None else {}
        edges = [dependent_key(dependency.id, job.id, job.request_hash) for dependency in dependencies.values()]
        purging = Purger(self._runtime, self._runtime.clock.now_ms() + 1000 * ERASE_CALL_S)
        own = [key for key in purging.belongings(job.key.pk) if life_of(key.sk) in (None, job.life)]
        [gone] = self._runtime.store.apply([erased(job)])
        if gone.failed:
            raise UnavailableError("it is not known whether the job was erased; send the same request again")
        if gone.done:
            # Members that are live, or too many, are left to the timer.
            purging.purge([*dict.fromkeys(edges), *own])
        return gone.done

    # --- the timer's look ---------------------------------------------------------------------------------------

    def look(self, deadline_ms: int) -> None:
        """Look at belongings whose time has come, in all partitions side by side.

        What raises for one of them is that one's alone.

        Args:
            deadline_ms: when to stop, ms UTC; the rest is left to the next tick.
        """
        shards = range(self._runtime.settings.shards)
        self._runtime.pool.run([partial(self._shard, shard, deadline_ms) for shard in shards])

    def _shard(self, shard: int, deadline_ms: int) -> None:
        with suppress(UnavailableError), self._runtime.bulkhead.around("erase", str(shard)):
            self._partition(erase_partition(shard), Purger(self._runtime, deadline_ms))

    def _partition(self, partition: str, purging: Purger) -> None:
        store, after = self._runtime.store, None
        for _ in range(ERASED_PER_PARTITION // ERASE_WINDOW):
            if not purging.in_time:
                return
            page = store.query_due(partition, after=after, until_ms=self._runtime.clock.now_ms(), limit=ERASE_WINDOW)
            self._runtime.bulkhead.together(
                page, partial(self._page, purging), stage="erase", name=lambda item: f"{item.pk} {item.sk}"
            )
            if len(page) < ERASE_WINDOW:
                return
            after = page[-1]

    def _page(self, purging: Purger, page: Sequence[DueEntry]) -> None:
        jobs = self._jobs([job_id_of(entry.pk) for entry in page])
        dependents = self._jobs([dependent_of(entry.sk)[0] for entry in page if kind_of(entry.sk) == EDGE])
        now_ms = self._runtime.clock.now_ms()
        writes = [write for entry in page for write in self._decide(purging, entry, jobs, dependents, now_ms)]
        unique = {write.key: write for write in writes}
        purging.delete(list(unique.values()))

    def _jobs(self, ids: Sequence[str]) -> dict[str, Job]:
        keys = [job_key(job_id) for job_id in dict.fromkeys(ids)]
        items = self._runtime.store.get(keys) if keys else []
        return {job.id: job for job in (from_item(item) for item in items if item)}

    def _decide(
        self,
        purging: Purger,
        entry: DueEntry,
        jobs: Mapping[str, Job],
        dependents: Mapping[str, Job],
        now_ms: int,
    ) -> list[Write]:
        """Decide about a belonging: it goes with its job, or is looked at again later."""
        job, key = jobs.get(job_id_of(entry.pk)), Key(entry.pk, entry.sk)
        seen = Is("check_at", entry.check_at)
        if job is None or is_over(job, now_ms) or is_unknown_life(job, life_of(entry.sk)):
            if not purging.in_time:
                return []
            if purging.empty(key):
                return [delete("erase", key, seen)]
            # A member is live; without time to look, the next tick looks.
            later = Write("look_again", key, [seen], {"check_at": next_check_of_edge(now_ms)})
            return [later] if purging.in_time else []
        again = {"check_at": next_check(job, now_ms, holds_payload=key == payload_item(job))}
        if kind_of(entry.sk) != EDGE or job.parent_id is not None:
            return [Write("look_again", key, [seen], again)]
        return self._edge(job, key, seen, dependents, now_ms)

    def _edge(self, job: Job, key: Key, seen: Is, dependents: Mapping[str, Job], now_ms: int) -> list[Write]:
        """Keep a job that has ended as long as one that depends on it is live: that one may refer to its result."""
        dependent_id, dependent_hash = dependent_of(key.sk)
        dependent = dependents.get(dependent_id)
        needed = dependent is not None and not dependent.terminal and dependent.request_hash == dependent_hash
        if not needed and job.expires_at is not None:
            return [Write("look_again", key, [seen], {"check_at": next_check(job, now_ms, holds_payload=False)})]
        again = Write("look_again", key, [seen], {"check_at": next_check_of_edge(now_ms)})
        until_s = now_ms // 1000 + DEPENDED_ON_S
        if job.expires_at is None or job.expires_at >= until_s:
            return [again]
        # Only forward, and before the next look is put off.
        keep = Write("keep", job.key, [Is("expires_at", job.expires_at)], {"expires_at": until_s})
        return [keep, again]
