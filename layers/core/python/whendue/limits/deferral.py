"""Defer jobs that may not start yet: they wait, visibly, without using up an attempt."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Literal

from whendue.engine.commit import commit
from whendue.engine.ports import WriteResult
from whendue.engine.runtime import Runtime
from whendue.engine.stage import Left, Stage, done, kept
from whendue.errors import UnavailableError
from whendue.jobs.limit_spec import Wait
from whendue.jobs.model import Job
from whendue.jobs.transition import Transition
from whendue.jobs.transitions import defer
from whendue.limits.admission import Admitted, Refused
from whendue.limits.overlap import OverlapService
from whendue.limits.overlap_policy import skips
from whendue.limits.slot_model import LimitState, Slot, enqueue_waiter, queue_position
from whendue.limits.slots import Slots


class Deferral:
    """Defers jobs that their limit does not let start now."""

    def __init__(self, runtime: Runtime, slots: Slots, overlaps: OverlapService) -> None:
        """Use this runtime, and the services of slots and of overlap policies."""
        self._runtime = runtime
        self._slots = slots
        self._overlaps = overlaps

    def defer_for_slot(
        self, limit_state: LimitState, concurrency: int, refused: Sequence[Refused], now_ms: int
    ) -> list[Left]:
        """Put jobs into the wait queue, then serve it once more: a slot freed meanwhile would not be transferred.

        Args:
            limit_state: the key's slots and wait queue as read.
            concurrency: how many slots the key has.
            refused: jobs without a slot; an overlap policy may end them, or others.
            now_ms: the claims' time.
        """
        jobs = [refusal.admitted.job for refusal in refused]
        try:
            overtaken, giving = self._supersede(limit_state, jobs, now_ms)
            waiters = {*self._overlaps.waiters(limit_state, jobs, now_ms), *map(queue_position, jobs)}
        except UnavailableError:
            return [kept(refusal.admitted.message) for refusal in refused]
        skipped = [
            refusal.admitted
            for refusal in refused
            if refusal.admitted.job.id in overtaken or skips(refusal.admitted.job, waiters)
        ]
        left = self._skip(skipped, now_ms)
        deferred = self.defer_jobs([refusal for refusal in refused if refusal.admitted not in skipped], now_ms)
        if deferred.passed:
            also = [queue_position(step.job) for _, step in deferred.passed]
            with suppress(UnavailableError):
                self._slots.serve(limit_state.pk, concurrency, now_ms, also=also, giving=giving)
        return left + deferred.left

    def _supersede(self, limit_state: LimitState, jobs: Sequence[Job], now_ms: int) -> tuple[set[str], list[Slot]]:
        """Cancel older fires; return the ids of jobs that are not the newest, and the slots that are free now."""
        overtaken: set[str] = set()
        giving: list[Slot] = []
        for job in jobs:
            if job.overlap == "cancel_running" and not job.claims:
                slots = self._overlaps.supersede(limit_state, job, now_ms)
                overtaken |= {job.id} if slots is None else set()
                giving += slots or []
        return overtaken, giving

    def defer_jobs(self, refused: Sequence[Refused], now_ms: int) -> Stage[tuple[Refused, Transition]]:
        """Defer jobs to their next try; those whose deferral is stored pass, with the transition.

        `left` has the messages of all of them: those of deferred jobs are done with.

        Args:
            refused: jobs, and what they wait for.
            now_ms: the claims' time.
        """
        if not refused:
            return Stage([], [])
        steps = [(refusal, self._step(refusal, now_ms)) for refusal in refused]
        written = commit(self._runtime, [step for _, step in steps], now_ms)
        results = list(zip(steps, written, strict=True))
        return Stage(
            [refusal for refusal, result in results if result.done],
            [_left(refusal, result) for (refusal, _), result in results],
        )

    def _step(self, refused: Refused, now_ms: int) -> Transition:
        """Defer a job; one that is not in the wait queue yet is added to it first."""
        job, wait = refused.admitted.job, refused.wait
        joins = wait.what == "slot" and not refused.listed
        first = enqueue_waiter(refused.pk, job, now_ms) if joins else None
        return defer(job, wait, refused.due_at, now_ms, self._runtime.settings.timing, first=first)

    def _skip(self, admitted: Sequence[Admitted], now_ms: int) -> list[Left]:
        results = self._overlaps.skip([admitted_job.job for admitted_job in admitted], now_ms)
        return [
            kept(admitted_job.message) if result.failed else done(admitted_job.message, "skipped")
            for admitted_job, result in zip(admitted, results, strict=True)
        ]


def _left(refused: Refused, result: WriteResult) -> Left:
    message = refused.admitted.message
    if result.failed:
        # A job that cannot be stored is received until SQS gives up on its message: then it ends dead.
        return kept(message)
    return done(message, "limited" if result.done else "refused")


def wait_of(job: Job, what: Literal["slot", "rate"], key: str, limit: float) -> Wait:
    """Return what a job waits for, and how often it was too late for its token."""
    before = job.waits_for
    late = before.late + 1 if before and before.what == what == "rate" else 0
    return Wait(what, key, limit, queue_position(job).since, late)
