"""Write transitions: what must hold first, then the transitions, made owing where there is news; and send messages."""

from collections.abc import Sequence

from whendue.domain.agenda import delay_s
from whendue.domain.job import Job
from whendue.domain.message import to_body
from whendue.domain.step import Transition, adopting, owing
from whendue.domain.writes import Lacks
from whendue.errors import UnavailableError
from whendue.ports import JobQueue, JobStore, Outcome, Outgoing
from whendue.services.outside import Ports

Written = list[tuple[Transition, Outcome]]


def written(ports: Ports, transitions: Sequence[Transition]) -> Written:
    """Write transitions of different jobs; gives each as it was written, with its outcome, in order.

    One whose news somebody wants, or whose job has got dependents since it was read, is written as owing.
    """
    steps = [owing(step) if _is_wanted(ports, step) else step for step in transitions]
    ends = _applied(ports.store, steps)
    adopted = [number for number, end in enumerate(ends) if _was_adopted(steps[number], end)]
    for number in adopted:
        steps[number] = adopting(steps[number])
    again = iter(_applied(ports.store, [steps[number] for number in adopted]))
    done = [(step, next(again) if number in adopted else ends[number]) for number, step in enumerate(steps)]
    for step, end in done:
        with ports.bulkhead.around("tally", step.job.id):
            ports.tally.note([(step, end)])
    return done


def _is_wanted(ports: Ports, step: Transition) -> bool:
    """Say whether somebody wants to hear of a transition; True also where nobody can find out."""
    try:
        return ports.news.wants(step)
    except Exception as error:  # noqa: BLE001 - a subscription that nobody can read is its tenant's matter
        ports.bulkhead.note("news", step.job.id, error)
        return True


def _was_adopted(step: Transition, end: Outcome) -> bool:
    """Say whether an end was refused since others have begun to wait for it."""
    return "children" in (end.old or {}) and Lacks("children") in step.expected


def _applied(store: JobStore, transitions: Sequence[Transition]) -> list[Outcome]:
    """Apply transitions, each after its `first` write; one whose `first` is not there stays untried, and ends as it."""
    firsts = [(number, t.first) for number, t in enumerate(transitions) if t.first]
    tried = store.apply([write for _, write in firsts]) if firsts else []
    untried = {number: end for (number, _), end in zip(firsts, tried, strict=True) if end.failed}
    ready = [t for number, t in enumerate(transitions) if number not in untried]
    ends = iter(store.apply(ready) if ready else [])
    return [untried[number] if number in untried else next(ends) for number in range(len(transitions))]


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
