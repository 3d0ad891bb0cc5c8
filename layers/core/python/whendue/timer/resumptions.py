"""Resumptions: the jobs that an ended pause held are sent again, by the request that ended it and then by the timer.

A resumption stands in a partition of the due index of its own, so that each tick finds it; it is deleted once all jobs
were looked at. Several timers may carry it on at once: each job's check is moved by condition.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import NamedTuple

from whendue.engine.apply import apply, send
from whendue.engine.ports import DueEntry, Item
from whendue.engine.runtime import Runtime
from whendue.errors import UnavailableError
from whendue.jobs.due_index import owner_is_promote
from whendue.jobs.model import Job, State
from whendue.jobs.rescue_policy import interval_ms
from whendue.jobs.transition import Transition
from whendue.jobs.transitions import postpone_check
from whendue.pauses import resumption as model
from whendue.pauses.model import from_item as pause_from
from whendue.pauses.model import pauses_of
from whendue.pauses.resumption import RESUMPTIONS, Resumption
from whendue.pauses.service import PauseService
from whendue.quotas import (
    BACKLOG_MESSAGES,
    HELD_CHECK_MAX_S,
    PAUSE_CACHE_MS,
    RESUME_KEPT_S,
    RESUME_PAGE,
    RESUMPTIONS_PER_TICK,
)
from whendue.table.writes import Write
from whendue.timer.current_jobs import Found, current_jobs
from whendue.timer.lateness import sent_at
from whendue.timer.look_again import held_check, is_held

PromotedTo = Mapping[str, DueEntry | None]


class Resumed(NamedTuple):
    """What was brought back: how many jobs were sent, and whether all were looked at."""

    sent: int
    is_done: bool


class Resumptions:
    """Brings back what pauses held."""

    def __init__(self, runtime: Runtime, pauses: PauseService) -> None:
        """Use this runtime."""
        self._runtime = runtime
        self._pauses = pauses

    def carry_on_all(self, deadline_ms: int, promoted_to: PromotedTo) -> Resumed:
        """Carry on the oldest resumptions.

        Args:
            deadline_ms: when to stop, ms UTC.
            promoted_to: partition -> promote's position: what comes after it, promote sends.
        """
        store, now_ms = self._runtime.store, self._runtime.clock.now_ms()
        every: list[Resumed] = []
        try:
            entries = store.query_due(RESUMPTIONS, after=None, until_ms=now_ms, limit=RESUMPTIONS_PER_TICK)
            items = store.get([entry.key for entry in entries]) if entries else []
        except UnavailableError:
            return Resumed(0, is_done=False)
        for item in filter(None, items):
            resumed = Resumed(0, is_done=False)
            with suppress(UnavailableError), self._runtime.bulkhead.around("resumption", item["pk"]):
                resumed = self._carry_on_stored(item, deadline_ms, promoted_to)
            every.append(resumed)
        return Resumed(sum(resumed.sent for resumed in every), all(resumed.is_done for resumed in every))

    def _carry_on_stored(self, item: Item, deadline_ms: int, promoted_to: PromotedTo) -> Resumed:
        resumption = model.from_item(item)
        now_ms = self._runtime.clock.now_ms()
        [pause] = self._runtime.store.get([resumption.pause])
        if pause and pause_from(pause).lasts(now_ms):
            # The resume has not taken place yet, or never will.
            if now_ms < resumption.since + 1000 * RESUME_KEPT_S:
                return Resumed(0, is_done=False)
            self._runtime.store.apply([model.end(resumption)])
            return Resumed(0, is_done=True)
        self._pauses.forget(resumption.pause)
        return self.carry_on(resumption, deadline_ms, promoted_to=promoted_to)

    def carry_on(
        self,
        resumption: Resumption,
        deadline_ms: int,
        limit: int | None = None,
        promoted_to: PromotedTo | None = None,
    ) -> Resumed:
        """Send the next jobs.

        Args:
            resumption: as stored.
            deadline_ms: when to stop, ms UTC.
            limit: after how many jobs to stop; None for no bound.
            promoted_to: as in `carry_on_all`; None if promote has no part in it.

        Raises:
            UnavailableError: a service does not answer; the timer goes on.
        """
        sent, left = 0, limit
        if not resumption.is_measured:
            # Before anything is sent, as that is no backlog.
            resumption = self._moved(resumption, self._with_backlogs(resumption))
        while resumption.positions:
            if self._runtime.clock.now_ms() >= deadline_ms:
                return Resumed(sent, is_done=False)
            pages = self._read_pages(resumption)
            jobs = self._held(resumption, pages, promoted_to or {})
            bring_back = partial(self._bring_back, resumption)
            done = self._runtime.bulkhead.together(jobs[:left], bring_back, stage="resume", name=lambda job: job.id)
            sent += sum(done.results)
            if left is not None and len(jobs) > left:
                # These pages are looked at again, and what was sent now is not sent again.
                return Resumed(sent, is_done=False)
            left = None if left is None else left - len(jobs)
            positions = {partition: page[-1] for partition, page in pages.items() if len(page) >= RESUME_PAGE}
            if positions:
                self._moved(resumption, replace(resumption, positions=positions))
            resumption = replace(resumption, positions=positions)
        self._runtime.store.apply([model.end(resumption)])
        return Resumed(sent, is_done=True)

    def _read_pages(self, resumption: Resumption) -> dict[str, list[DueEntry]]:
        until_ms = self._runtime.clock.now_ms() + 2000 * HELD_CHECK_MAX_S
        query = partial(self._runtime.store.query_due, until_ms=until_ms, limit=RESUME_PAGE)
        places = list(resumption.positions.items())
        pages = self._runtime.pool.run([partial(query, partition, after=after) for partition, after in places])
        return {partition: page for (partition, _), page in zip(places, pages, strict=True)}

    def _held(
        self, resumption: Resumption, pages: Mapping[str, Sequence[DueEntry]], promoted_to: PromotedTo
    ) -> list[Job]:
        """Return the jobs of pages that the pause held, the longest due first."""
        now_ms = self._runtime.clock.now_ms()
        found = [
            Found(partition, entry) for partition, page in pages.items() for entry in page if entry.due_at <= now_ms
        ]
        current = [(at, job) for at, job in zip(found, current_jobs(self._runtime, found), strict=True) if job]

        def is_ours(candidate: tuple[Found, Job]) -> bool:
            at, job = candidate
            return self._was_held(resumption, job, now_ms) and not self._is_promotes(at, job, promoted_to)

        tested = self._runtime.bulkhead.each(current, is_ours, stage="resume", name=lambda candidate: candidate[1].id)
        return sorted((job for (_, job), is_so in tested if is_so), key=lambda job: job.due_at)

    def _was_held(self, resumption: Resumption, job: Job, now_ms: int) -> bool:
        if job.state is not State.PENDING or job.pending_fan_out is not None:
            return False
        if resumption.pause not in pauses_of(job):
            return False
        if is_held(job.check_at, now_ms):
            return True
        # Or its expiry was sooner: a check that `late_check` has set may be there, too, and is only put forward.
        if job.queue in resumption.backed_up and job.begin_by is not None and job.check_at == job.begin_by:
            return True
        # Its check is the next one after it was sent again.
        is_sent_again = job.rescues > 0 and sent_at(job) >= resumption.since
        return job.queue not in resumption.backed_up and not is_sent_again

    def _is_promotes(self, found: Found, job: Job, promoted_to: PromotedTo) -> bool:
        if found.partition not in promoted_to:
            return False
        reached = promoted_to[found.partition]
        return owner_is_promote(job, self._runtime.settings.timing) and (reached is None or found.entry > reached)

    def _bring_back(self, resumption: Resumption, jobs: Sequence[Job]) -> int:
        """Send jobs; in a queue that was backed up, let rescue find them; let those that another pause holds wait.

        Returns the number of those that were sent.
        """
        now_ms, held = self._runtime.clock.now_ms(), self._pauses.held_until(jobs)

        def step(job: Job) -> Transition:
            if job.id in held:
                return postpone_check(job, held_check(job, now_ms, held[job.id]), send=False)
            if job.queue in resumption.backed_up:
                return postpone_check(job, now_ms, send=False)
            return postpone_check(job, now_ms + interval_ms(job.rescues), send=True)

        done = apply(self._runtime, [step(job) for job in jobs])
        again = [step.job for step, result in done if result.done and step.send]
        # Workers cache the pause for a moment longer, and would drop the messages again.
        known_ms = resumption.since + PAUSE_CACHE_MS + 1000
        least_s = max(0, -(-(known_ms - now_ms) // 1000))
        sent = send(self._runtime.queue, again, now_ms, self._runtime.bulkhead, least_s=least_s)
        return sent.count(True)

    def _moved(self, before: Resumption, after: Resumption) -> Resumption:
        """Store how far a resumption is.

        Raises:
            UnavailableError: another process has carried it on, or the table does not answer.
        """
        if not self._write(model.move(before, after)):
            raise UnavailableError
        return after

    def _write(self, write: Write) -> bool:
        return self._runtime.store.apply([write])[0].done

    def _with_backlogs(self, resumption: Resumption) -> Resumption:
        queues = model.queues_of(resumption)
        depths = self._runtime.pool.run([partial(self._is_backed_up, queue) for queue in queues])
        return model.with_backlogs(resumption, [queue for queue, is_so in zip(queues, depths, strict=True) if is_so])

    def _is_backed_up(self, queue: str) -> bool:
        try:
            return self._runtime.queue.depth(queue).visible > BACKLOG_MESSAGES
        except UnavailableError:
            return True
