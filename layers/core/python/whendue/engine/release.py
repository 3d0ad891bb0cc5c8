"""Dependents: carry out what ends of dependencies make of the jobs that wait for them."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from whendue.engine.apply import apply, send
from whendue.engine.ports import Item, WriteStatus
from whendue.engine.runtime import Runtime
from whendue.jobs.dependencies import UpstreamEnd, decide
from whendue.jobs.model import Job, from_item
from whendue.jobs.transition import Transition
from whendue.quotas import RELEASE_TRIES
from whendue.support.conflicts import CONFLICT, Conflict, retry_on_conflict
from whendue.table.keys import job_id_of, job_key


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
        left, unknown, pending = list(ends), set[str](), list[Job]()

        def write(steps: list[Transition]) -> Released | Conflict:
            nonlocal left
            now_ms = self._runtime.clock.now_ms()
            done = apply(self._runtime, steps)
            held = [step for step, end in done if end.done]
            send(self._runtime.queue, [step.job for step in held if step.send], now_ms, self._runtime.bulkhead)
            pending.extend(step.job for step in held if step.job.pending_fan_out is not None)
            unknown.update(step.job.id for step, end in done if end.status is WriteStatus.UNAVAILABLE)
            # After an arrival somebody looks whether it was the last; who was refused looks again.
            again = {
                s.job.id for s, end in done if end.status is WriteStatus.REFUSED or (end.done and s.name == "satisfy")
            }
            left = [job_id for job_id in left if job_id in again]
            return CONFLICT if left else Released(unknown, pending)

        return retry_on_conflict(
            lambda: self._read(left),
            lambda read: self._steps(ends, *read),
            write,
            exhausted=lambda: Released(unknown | set(left), pending),
            tries=RELEASE_TRIES,
        )

    def _read(self, job_ids: Sequence[str]) -> tuple[list[Item | None], int]:
        """Read jobs, and the time before (ms UTC)."""
        now_ms = self._runtime.clock.now_ms()
        return self._runtime.store.get([job_key(job_id) for job_id in job_ids]) if job_ids else [], now_ms

    def _steps(
        self, ends: Mapping[str, Sequence[UpstreamEnd]], items: Sequence[Item | None], now_ms: int
    ) -> list[Transition]:
        """Decide what ends make of dependents; one that cannot be read or decided holds up none of the others."""
        timing = self._runtime.settings.timing
        decided = self._runtime.bulkhead.each(
            [item for item in items if item],
            lambda item: decide(job := from_item(item), ends[job.id], now_ms, timing),
            stage="dependents",
            name=lambda item: job_id_of(item["pk"]),
        )
        return [step for _, step in decided if step]
