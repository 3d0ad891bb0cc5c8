"""Putting off jobs that may not start yet: they wait, visibly, and it costs them no attempt."""

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
    """Puts off what its limit does not let start now."""

    def __init__(self, runtime: Runtime, slots: Slots, overlaps: OverlapService) -> None:
        """Use this runtime, and what knows slots and overlap policies."""
        self._runtime = runtime
        self._slots = slots
        self._overlaps = overlaps

    def into_line(
        self, limit_state: LimitState, concurrency: int, refused: Sequence[Refused], now_ms: int
    ) -> list[Left]:
        """Put jobs into the line, then look once more: a slot that was freed meanwhile would not be handed on.

        Args:
            limit_state: the key's slots and line as they were seen.
            concurrency: how many slots the key has.
            refused: jobs without one; an overlap policy may let them or others end instead.
            now_ms: the claims' time.
        """
        jobs = [one.admitted.job for one in refused]
        try:
            overtaken, giving = self._supersede(limit_state, jobs, now_ms)
            line = {*self._overlaps.line(limit_state, jobs), *map(queue_position, jobs)}
        except UnavailableError:
            return [kept(one.admitted.delivery) for one in refused]
        skipped = [one.admitted for one in refused if one.admitted.job.id in overtaken or skips(one.admitted.job, line)]
        left = self._skip(skipped, now_ms)
        deferred = self.put_off([one for one in refused if one.admitted not in skipped], now_ms)
        if deferred.passed:
            also = [queue_position(step.job) for _, step in deferred.passed]
            with suppress(UnavailableError):
                self._slots.serve(limit_state.pk, concurrency, now_ms, also=also, giving=giving)
        return left + deferred.left

    def _supersede(self, limit_state: LimitState, jobs: Sequence[Job], now_ms: int) -> tuple[set[str], list[Slot]]:
        """Let older fires give way to these; gives the ids of those that came too late, and slots that are free now."""
        overtaken: set[str] = set()
        giving: list[Slot] = []
        for job in jobs:
            if job.overlap == "cancel_running" and not job.claims:
                slots = self._overlaps.supersede(limit_state, job, now_ms)
                overtaken |= {job.id} if slots is None else set()
                giving += slots or []
        return overtaken, giving

    def put_off(self, refused: Sequence[Refused], now_ms: int) -> Stage[tuple[Refused, Transition]]:
        """Let jobs wait until what they wait for may be there; those of which it is stored have passed.

        The messages of those are done with, too: they are left as well.

        Args:
            refused: jobs, and what they wait for.
            now_ms: the claims' time.
        """
        if not refused:
            return Stage([], [])
        steps = [(one, self._step(one, now_ms)) for one in refused]
        outcomes = commit(self._runtime, [step for _, step in steps], now_ms)
        ends = list(zip(steps, outcomes, strict=True))
        return Stage([one for one, end in ends if end.done], [_left(one, end) for (one, _), end in ends])

    def _step(self, refused: Refused, now_ms: int) -> Transition:
        """Defer a job; who is not in the line yet joins it first."""
        job, wait = refused.admitted.job, refused.wait
        in_line = wait.what == "slot" and not refused.listed
        first = enqueue_waiter(refused.pk, job, now_ms) if in_line else None
        return defer(job, wait, refused.due_at, now_ms, self._runtime.settings.timing, first=first)

    def _skip(self, ones: Sequence[Admitted], now_ms: int) -> list[Left]:
        ends = self._overlaps.skip([one.job for one in ones], now_ms)
        return [
            kept(one.delivery) if end.failed else done(one.delivery, "skipped")
            for one, end in zip(ones, ends, strict=True)
        ]


def _left(refused: Refused, end: WriteResult) -> Left:
    message = refused.admitted.delivery
    if end.failed:
        # One that cannot be stored is for SQS to give up on: it ends dead then.
        return kept(message)
    return done(message, "limited" if end.done else "refused")


def wait_of(job: Job, what: Literal["slot", "rate"], key: str, limit: float) -> Wait:
    """Say what a job waits for; who came too late for its token says so."""
    before = job.waits_for
    late = before.late + 1 if before and before.what == what == "rate" else 0
    return Wait(what, key, limit, queue_position(job).since, late)
