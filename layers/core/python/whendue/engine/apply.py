"""Write transitions, each after its `first` write, and send messages."""

from collections.abc import Sequence

from whendue.bulkhead import Bulkhead
from whendue.engine.message import delay_s, to_body
from whendue.engine.ports import JobQueue, Outgoing, WriteResult, WriteStatus
from whendue.engine.runtime import Runtime
from whendue.errors import UnavailableError, UnstorableError
from whendue.jobs.model import Job
from whendue.jobs.transition import (
    Transition,
    is_end,
    is_failed_attempt,
    is_listed_as_dead,
    note_dead,
    with_dependents,
    with_pending_fan_out,
)
from whendue.quotas import DEAD_TENANTS_REMEMBERED
from whendue.table.writes import Lacks

Written = list[tuple[Transition, WriteResult]]


def apply(runtime: Runtime, transitions: Sequence[Transition]) -> Written:
    """Write transitions of different jobs; return each as it was written, with its result, in order.

    A transition that a subscription wants, or whose job has gained dependents since it was read, is written with
    pending fan-out.
    """
    steps = prepared(runtime, transitions)
    results = _applied(runtime, steps)
    with_new_dependents = [
        number for number, result in enumerate(results) if _has_new_dependents(steps[number], result)
    ]
    for number in with_new_dependents:
        steps[number] = with_dependents(steps[number])
    second_results = iter(_applied(runtime, [steps[number] for number in with_new_dependents]))
    done = [
        (step, next(second_results) if number in with_new_dependents else results[number])
        for number, step in enumerate(steps)
    ]
    for step, result in done:
        if result.status is WriteStatus.INVALID:
            runtime.bulkhead.note(step.name, step.job.id, UnstorableError())
    count(runtime, done)
    return done


def prepared(runtime: Runtime, transitions: Sequence[Transition]) -> list[Transition]:
    """Return transitions as they are written: with pending fan-out where a subscription wants their event."""
    return [with_pending_fan_out(step) if _is_wanted(runtime, step) else step for step in transitions]


def _is_wanted(runtime: Runtime, step: Transition) -> bool:
    """Return whether a subscription wants a transition's event; True if that is unknown: the fan-out checks again."""
    if not is_end(step) and not is_failed_attempt(step):
        return False
    try:
        return runtime.notifications.wants(step)
    except UnavailableError:
        raise
    except Exception as error:  # noqa: BLE001 - it is this job's alone
        runtime.bulkhead.note("wants", step.job.id, error)
        return True


def count(runtime: Runtime, done: Written) -> None:
    """Count what is written; an error of the metrics undoes nothing."""
    for write in done:
        try:
            runtime.metrics.note([write])
        except Exception as error:  # noqa: BLE001 - an error of the metrics undoes nothing
            runtime.bulkhead.note("count", write[0].job.id, error)


def _has_new_dependents(step: Transition, result: WriteResult) -> bool:
    """Return whether a write was refused because its job has gained dependents."""
    return "has_dependents" in (result.current or {}) and Lacks("has_dependents") in step.expected


def _applied(runtime: Runtime, transitions: Sequence[Transition]) -> list[WriteResult]:
    """Apply transitions, each after what must hold first; if that fails, the transition is untried, and failed.

    One that is refused has been written before.
    """
    failed = first_failures(runtime, transitions)
    ready = [t for number, t in enumerate(transitions) if number not in failed]
    results = iter(runtime.store.apply(ready) if ready else [])
    return [failed[number] if number in failed else next(results) for number in range(len(transitions))]


def first_failures(runtime: Runtime, transitions: Sequence[Transition]) -> dict[int, WriteResult]:
    """Carry out what must hold before transitions; return the number of each for which it failed, with the result.

    These are their `first` and `keep` writes, and the note that a tenant has dead jobs, by which operators find them.
    """
    writes = [([number], write) for number, t in enumerate(transitions) for write in (t.first, t.keep) if write]
    deaths = _first_deaths(runtime, transitions)
    writes += [(deaths[tenant], note_dead(tenant)) for tenant in deaths]
    results = runtime.store.apply([write for _, write in writes]) if writes else []
    failed: dict[int, WriteResult] = {}
    for (numbers, _), result in zip(writes, results, strict=True):
        failed |= dict.fromkeys(numbers, result) if result.failed else {}
    _remember(runtime, [tenant for tenant, numbers in deaths.items() if not failed.keys() & numbers])
    return failed


def _first_deaths(runtime: Runtime, transitions: Sequence[Transition]) -> dict[str, list[int]]:
    """Return the tenants whose dead jobs this process has not noted yet, with the numbers of their deaths."""
    tenants: dict[str, list[int]] = {}
    for number, step in enumerate(transitions):
        if is_listed_as_dead(step) and step.job.tenant not in runtime.dead_tenants:
            tenants.setdefault(step.job.tenant, []).append(number)
    return tenants


def _remember(runtime: Runtime, tenants: Sequence[str]) -> None:
    """Remember that these tenants are noted."""
    if len(runtime.dead_tenants) >= DEAD_TENANTS_REMEMBERED:
        runtime.dead_tenants.clear()
    runtime.dead_tenants.update(tenants)


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
            results: Sequence[bool | None] = queue.send(name, [messages[number] for number in numbers])
        except UnavailableError:
            results = [False] * len(numbers)
        acknowledged.update(zip(numbers, results, strict=True))

    failed = bulkhead.together(range(len(messages)), some, stage="send", name=lambda _: name).failed
    # A queue that takes none of them is at fault itself: they are tried again.
    blame = None if any(acknowledged.values()) else False
    acknowledged.update({number: blame for number, _ in failed})
    return [acknowledged[number] for number in range(len(messages))]


def _id(job: Job) -> str:
    return job.id


def _message(job: Job, now_ms: int, least_s: int) -> Outgoing:
    return Outgoing(to_body(job), max(least_s, delay_s(job.due_at, now_ms)), job.message_group)
