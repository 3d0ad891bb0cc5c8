"""Write transitions: what must hold first, then the transitions themselves, and send messages."""

from collections.abc import Sequence

from whendue.bulkhead import Bulkhead
from whendue.engine.message import delay_s, to_body
from whendue.engine.ports import JobQueue, JobStore, Outgoing, WriteResult, WriteStatus
from whendue.engine.runtime import Runtime
from whendue.errors import UnavailableError, UnstorableError
from whendue.jobs.model import Job
from whendue.jobs.transition import Transition, is_end, is_failed_attempt, with_dependents, with_pending_fan_out
from whendue.table.writes import Lacks

Written = list[tuple[Transition, WriteResult]]


def apply(runtime: Runtime, transitions: Sequence[Transition]) -> Written:
    """Write transitions of different jobs; gives each as it was written, with its outcome, in order.

    One that a subscription wants, or whose job has got dependents since it was read, is written with pending fan-out.
    """
    steps = [with_pending_fan_out(step) if _is_wanted(runtime, step) else step for step in transitions]
    ends = _applied(runtime.store, steps)
    adopted = [number for number, end in enumerate(ends) if _was_adopted(steps[number], end)]
    for number in adopted:
        steps[number] = with_dependents(steps[number])
    again = iter(_applied(runtime.store, [steps[number] for number in adopted]))
    done = [(step, next(again) if number in adopted else ends[number]) for number, step in enumerate(steps)]
    for step, end in done:
        if end.status is WriteStatus.INVALID:
            runtime.bulkhead.note(step.name, step.job.id, UnstorableError())
    _count(runtime, done)
    return done


def _is_wanted(runtime: Runtime, step: Transition) -> bool:
    """Return whether a subscription wants what a transition ends; where nobody knows, the fan-out looks again."""
    if not is_end(step) and not is_failed_attempt(step):
        return False
    try:
        return runtime.notifications.wants(step)
    except UnavailableError:
        raise
    except Exception as error:  # noqa: BLE001 - it is this job's alone
        runtime.bulkhead.note("wants", step.job.id, error)
        return True


def _count(runtime: Runtime, done: Written) -> None:
    """Count what is written; that it cannot be counted undoes nothing."""
    for one in done:
        try:
            runtime.metrics.note([one])
        except Exception as error:  # noqa: BLE001 - as above
            runtime.bulkhead.note("count", one[0].job.id, error)


def _was_adopted(step: Transition, end: WriteResult) -> bool:
    """Say whether an end was refused since others have begun to wait for it."""
    return "has_dependents" in (end.current or {}) and Lacks("has_dependents") in step.expected


def _applied(store: JobStore, transitions: Sequence[Transition]) -> list[WriteResult]:
    """Apply transitions, each after its `first` write; one whose `first` is not there stays untried, and ends as it."""
    firsts = [(number, t.first) for number, t in enumerate(transitions) if t.first]
    tried = store.apply([write for _, write in firsts]) if firsts else []
    untried = {number: end for (number, _), end in zip(firsts, tried, strict=True) if end.failed}
    ready = [t for number, t in enumerate(transitions) if number not in untried]
    ends = iter(store.apply(ready) if ready else [])
    return [untried[number] if number in untried else next(ends) for number in range(len(transitions))]


def send(
    queue: JobQueue, jobs: Sequence[Job], now_ms: int, bulkhead: Bulkhead | None = None, *, least_s: int = 0
) -> list[bool | None]:
    """Send one message per job, delayed until it is due, and by `least_s` at least.

    Returns for each, in order: True when its queue acknowledged it, False when it did not, None when no message can be
    made of it or its queue takes none like it. Never raises: a queue, or a job, that cannot be served stops no other.
    """
    bulkhead = bulkhead or Bulkhead()
    sent: dict[str, bool | None] = {}
    for name in sorted({job.queue for job in jobs}):
        part = [job for job in jobs if job.queue == name]
        messages = bulkhead.each(part, lambda job: _message(job, now_ms, least_s), stage="message", name=_id)
        acknowledged = _sent(queue, name, [message for _, message in messages], bulkhead)
        sent |= {job.id: done for (job, _), done in zip(messages, acknowledged, strict=True)}
    return [sent.get(job.id) for job in jobs]


def _sent(queue: JobQueue, name: str, messages: Sequence[Outgoing], bulkhead: Bulkhead) -> list[bool | None]:
    """Send to one queue; where it raises, by halves, so that one message of which it does takes no other with it."""
    acknowledged: dict[int, bool | None] = {}

    def some(numbers: Sequence[int]) -> None:
        try:
            ends: Sequence[bool | None] = queue.send(name, [messages[number] for number in numbers])
        except UnavailableError:
            ends = [False] * len(numbers)
        acknowledged.update(zip(numbers, ends, strict=True))

    failed = bulkhead.together(range(len(messages)), some, stage="send", name=lambda _: name).failed
    # A queue that takes none of them is at fault itself: they are tried again.
    blame = None if any(acknowledged.values()) else False
    acknowledged.update({number: blame for number, _ in failed})
    return [acknowledged[number] for number in range(len(messages))]


def _id(job: Job) -> str:
    return job.id


def _message(job: Job, now_ms: int, least_s: int) -> Outgoing:
    return Outgoing(to_body(job), max(least_s, delay_s(job.due_at, now_ms)), job.message_group)
