"""Carry out transitions in order: what must hold first, then the transitions, then their messages."""

from collections.abc import Sequence

from whendue.domain.agenda import delay_s
from whendue.domain.job import Job
from whendue.domain.message import to_body
from whendue.domain.step import Transition
from whendue.errors import UnavailableError
from whendue.ports import Applied, JobQueue, JobStore, Outcome, Outgoing


def record(store: JobStore, transitions: Sequence[Transition]) -> list[Outcome]:
    """Apply transitions, each after its `first` write; one whose `first` is unknown stays untried (UNAVAILABLE).

    Args:
        store: the table.
        transitions: of different jobs.
    """
    firsts = [(number, t.first) for number, t in enumerate(transitions) if t.first]
    tried = store.apply([write for _, write in firsts]) if firsts else []
    unknown = {number for (number, _), end in zip(firsts, tried, strict=True) if end.applied is Applied.UNAVAILABLE}
    ready = [t for number, t in enumerate(transitions) if number not in unknown]
    ends = iter(store.apply(ready) if ready else [])
    return [Outcome(Applied.UNAVAILABLE) if number in unknown else next(ends) for number in range(len(transitions))]


def record_and_send(store: JobStore, queue: JobQueue, transitions: Sequence[Transition], now_ms: int) -> list[Outcome]:
    """Apply transitions and send the messages of those that hold; a send that fails is healed by the job's alarm."""
    ends = record(store, transitions)
    send(queue, [t.job for t, end in zip(transitions, ends, strict=True) if end.done and t.send], now_ms)
    return ends


def send(queue: JobQueue, jobs: Sequence[Job], now_ms: int) -> list[bool]:
    """Send one message per job, delayed until it is due; True for each that its queue acknowledged, in order."""
    sent: dict[str, bool] = {}
    for name in sorted({job.queue for job in jobs}):
        part = [job for job in jobs if job.queue == name]
        try:
            acknowledged = queue.send(name, [_message(job, now_ms) for job in part])
        except UnavailableError:
            acknowledged = [False] * len(part)
        sent |= {job.id: done for job, done in zip(part, acknowledged, strict=True)}
    return [sent[job.id] for job in jobs]


def _message(job: Job, now_ms: int) -> Outgoing:
    return Outgoing(to_body(job), delay_s(job.due_at, now_ms), job.message_group)
