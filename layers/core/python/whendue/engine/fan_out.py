"""Completion fan-out: apply the end of a job to its dependents, its composite and its subscriptions.

A job with pending fan-out stays live. The process that records its end runs the fan-out; if that dies, the job's next
check does.
"""

from collections import defaultdict, deque
from collections.abc import Mapping, Sequence

from whendue.engine.apply import apply, send
from whendue.engine.cancel_members import cancel_orphaned_members
from whendue.engine.ports import Item, WriteStatus
from whendue.engine.release import DependencyReleaser
from whendue.engine.runtime import Runtime
from whendue.errors import UnavailableError
from whendue.jobs.dependencies import UpstreamEnd, upstream_end
from whendue.jobs.dependency_transitions import advance_fan_out, finish_fan_out
from whendue.jobs.model import Job
from whendue.jobs.transition import Transition
from whendue.quotas import FAN_OUT_MS, FAN_OUT_PAGE, FAN_OUT_PAGES
from whendue.table.keys import DEPENDENT, dependent_of

LAST_DEPENDENT = "dependent$"


class CompletionFanOut:
    """Releases dependents and creates deliveries."""

    def __init__(self, runtime: Runtime) -> None:
        """Use this runtime."""
        self._runtime = runtime
        self._dependents = DependencyReleaser(runtime)

    def run(self, pending: Sequence[Job], pages: int = FAN_OUT_PAGES) -> list[Job]:
        """Finish the fan-out of jobs, and of jobs that end by it, page by page; return those left pending.

        Those are left to their next checks, which repeat the fan-out: every write of it is idempotent.

        Args:
            pending: the jobs that have ended.
            pages: the maximum number of pages.
        """
        until_ms = self._runtime.clock.now_ms() + FAN_OUT_MS
        waiting, failed = deque(pending), list[Job]()
        for _ in range(pages):
            if not waiting or self._runtime.clock.now_ms() >= until_ms:
                break
            part = [waiting.popleft() for _ in range(min(FAN_OUT_PAGE, len(waiting)))]
            tried = self._runtime.bulkhead.together(part, self._try, stage="fan_out", name=lambda job: job.id)
            for more, left in tried.results:
                waiting.extend(more)
                failed += left
            failed += [job for job, _ in tried.failed]
        return [*failed, *waiting]

    def _try(self, jobs: Sequence[Job]) -> tuple[Sequence[Job], Sequence[Job]]:
        try:
            return self._piece(jobs)
        except UnavailableError:
            return [], jobs

    def _piece(self, jobs: Sequence[Job]) -> tuple[list[Job], list[Job]]:
        """Release the next page of dependents of each job; return the jobs that have more, and those that failed.

        Members of a cancelled job are cancelled first.

        Raises:
            UnavailableError: it is unknown what was written.
        """
        self._notify(jobs)
        stopped = {job.id: cancel_orphaned_members(self._runtime, job) for job in jobs if job.may_have_members}
        pages = {job.id: self._next_dependents(job) for job in jobs}
        upstream_ends = {job.id: _ends(job, pages[job.id]) for job in jobs}
        released = self._dependents.release(_merged(list(upstream_ends.values())))
        left = {job_id for job_id, members in stopped.items() if not members.all}
        failed = [job for job in jobs if job.id in left or released.unknown & upstream_ends[job.id].keys()]
        done = self._note([job for job in jobs if job not in failed], pages)
        pending = [job for members in stopped.values() for job in members.pending] + released.pending
        return pending + [job for job in done if job.pending_fan_out is not None], failed

    def _note(self, jobs: Sequence[Job], pages: Mapping[str, list[Item]]) -> list[Job]:
        """Store how far the fan-out of jobs is; return the jobs whose position is stored."""
        now_ms, timing = self._runtime.clock.now_ms(), self._runtime.settings.timing
        steps = [_advanced(job, pages[job.id]) or finish_fan_out(job, now_ms, timing) for job in jobs]
        done = [step for step, result in apply(self._runtime, steps) if result.done]
        send(self._runtime.queue, [step.job for step in done if step.send], now_ms, self._runtime.bulkhead)
        return [step.job for step in done]

    def _notify(self, jobs: Sequence[Job]) -> None:
        """Create the deliveries of jobs whose fan-out begins."""
        deliveries = self._runtime.notifications.deliveries_for([job for job in jobs if not job.pending_fan_out])
        done = apply(self._runtime, deliveries) if deliveries else []
        if any(result.status is WriteStatus.UNAVAILABLE for _, result in done):
            raise UnavailableError
        # Deliveries are due at once.
        now_ms = self._runtime.clock.now_ms()
        send(self._runtime.queue, [step.job for step, result in done if result.done], now_ms, self._runtime.bulkhead)

    def _next_dependents(self, job: Job) -> list[Item]:
        if not (job.terminal and job.has_dependents):
            return []
        # The least key behind the last dependent that was released.
        first = f"{job.pending_fan_out or DEPENDENT}!"
        return self._runtime.store.query_range(job.key.pk, first=first, last=LAST_DEPENDENT, limit=FAN_OUT_PAGE)


def _advanced(job: Job, page: Sequence[Item]) -> Transition | None:
    """Return the transition after a page of dependents; None for the last page."""
    return advance_fan_out(job, page[-1]["sk"]) if len(page) == FAN_OUT_PAGE else None


def _ends(job: Job, page: Sequence[Item]) -> dict[str, list[UpstreamEnd]]:
    """Describe a job's end to each dependent of a page, and to the composite that created it."""
    upstream_ends: defaultdict[str, list[UpstreamEnd]] = defaultdict(list)
    for edge in page:
        dependent_id, dependent_hash = dependent_of(edge["sk"])
        upstream_ends[dependent_id].append(upstream_end(edge["number"], edge["on"], job, dependent_hash))
    match job:
        case Job(parent_id=str(member_id_base), member_number=int(number), terminal=True):
            upstream_ends[member_id_base].append(upstream_end(number, "done", job))
    return upstream_ends


def _merged(parts: Sequence[Mapping[str, Sequence[UpstreamEnd]]]) -> dict[str, list[UpstreamEnd]]:
    merged: defaultdict[str, list[UpstreamEnd]] = defaultdict(list)
    for part in parts:
        for dependent, upstream_ends in part.items():
            merged[dependent] += upstream_ends
    return merged
