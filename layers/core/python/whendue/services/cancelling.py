"""Cancelling many jobs: the parts of one that is to stop."""

from collections.abc import Sequence

from whendue.domain.job import Job, State, from_item
from whendue.domain.step import Transition
from whendue.domain.transitions import cancel, request_cancel
from whendue.services.outside import Ports
from whendue.services.record import record

# Parts that begin or end under us are read again this often; what is left is cancelled at the next alarm.
TRIES = 5


def cancel_parts(ports: Ports, parts: Sequence[Job]) -> None:
    """Cancel jobs, the last first: who waits for another is gone before that one's end could release it.

    What runs is asked to stop; what waits for parts of its own is, too.

    Raises:
        UnavailableError: not all could be read.
    """
    left = list(parts)
    for _ in range(TRIES):
        steps = [step for job in reversed(left) if (step := _stop(job, ports.effects.now_ms()))]
        if not steps:
            return
        ends = record(ports, steps)
        items = ports.store.get([step.key for step, end in zip(steps, ends, strict=True) if not end.done])
        left = [from_item(item) for item in reversed(items) if item]


def _stop(job: Job, now_ms: int) -> Transition | None:
    if job.terminal or job.cancel_requested:
        return None
    if job.state is State.RUNNING or (job.parts is not None and job.state is State.WAITING):
        return request_cancel(job)
    return cancel(job, now_ms)
