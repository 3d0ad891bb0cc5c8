"""Dependents: carry out what ends of dependencies make of the jobs that wait for them."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from whendue.engine.apply import apply, send
from whendue.engine.ports import WriteStatus
from whendue.engine.runtime import Runtime
from whendue.jobs.dependencies import UpstreamEnd, decide
from whendue.jobs.model import Job, from_item
from whendue.jobs.transition import Transition
from whendue.table.keys import job_id_of, job_key

# Dependents that change under us are read again this often; what is left is told again at a next check.
TRIES = 8


class Released(NamedTuple):
    """What came of it: dependents that may not have released, and jobs whose own end is to be told now."""

    unknown: set[str]
    pending: list[Job]


class DependencyReleaser:
    """Lets waiting jobs hear of ends."""

    def __init__(self, runtime: Runtime) -> None:
        """Use this runtime."""
        self._runtime = runtime

    def release(self, ends: Mapping[str, Sequence[UpstreamEnd]]) -> Released:
        """Tell jobs of ends: who awaits nothing more is released, once (guarantee G7).

        Args:
            ends: by the dependent's id; none asks only whether it still awaits anything.
        """
        left, unknown, pending = dict(ends), set[str](), list[Job]()
        for _ in range(TRIES):
            steps = self._decide(left)
            if not steps:
                return Released(unknown, pending)
            now_ms = self._runtime.clock.now_ms()
            done = apply(self._runtime, list(steps.values()))
            held = [step for step, end in done if end.done]
            send(self._runtime.queue, [step.job for step in held if step.send], now_ms, self._runtime.bulkhead)
            pending += [step.job for step in held if step.job.pending_fan_out is not None]
            unknown |= {step.job.id for step, end in done if end.status is WriteStatus.UNAVAILABLE}
            # After an arrival somebody looks whether it was the last; who was refused looks again.
            again = {
                s.job.id for s, end in done if end.status is WriteStatus.REFUSED or (end.done and s.name == "satisfy")
            }
            left = {job_id: ends[job_id] for job_id in left if job_id in again}
        return Released(unknown | set(left), pending)

    def _decide(self, ends: Mapping[str, Sequence[UpstreamEnd]]) -> dict[str, Transition]:
        if not ends:
            return {}
        now_ms, timing = self._runtime.clock.now_ms(), self._runtime.settings.timing
        items = self._runtime.store.get([job_key(job_id) for job_id in ends])
        # One that cannot be read, or told, holds up none of the others: its own next check looks again.
        decided = self._runtime.bulkhead.each(
            [item for item in items if item],
            lambda item: decide(job := from_item(item), ends[job.id], now_ms, timing),
            stage="dependents",
            name=lambda item: job_id_of(item["pk"]),
        )
        return {step.job.id: step for _, step in decided if step}
