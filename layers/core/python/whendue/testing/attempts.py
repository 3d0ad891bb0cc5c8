"""One attempt of a task, run by the code that runs it in a worker, without a queue and without a job before it."""

import json
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal, TypedDict, Unpack

from whendue.declarations.attempt_log import LogLine, read_lines
from whendue.declarations.registry import TASKS
from whendue.engine.ports import ReceivedMessage
from whendue.jobs.lifetime import belonging
from whendue.jobs.model import Job, State, evolve
from whendue.jobs.outcomes import Ended, Failed, StoredPayload, Succeeded
from whendue.settings import ALL_QUEUES, OWN_QUEUE_BOUNDS, OwnQueue, Settings
from whendue.submission.request import JobRequest
from whendue.support.clock import ManualClock
from whendue.table.keys import once_key
from whendue.table.writes import insert
from whendue.testing.deployment import MemoryDeployment
from whendue.testing.job_record import JobRecord, json_of, records_of, to_ms
from whendue.testing.memory import memory_settings
from whendue.testing.recording import RecordingRegistry
from whendue.testing.runs import Runs
from whendue.testing.task_logs import captured
from whendue.testing.tasks import discover_shipped, name_of
from whendue.worker.claimed_job import ClaimedJob, claimed
from whendue.worker.ended_attempt import cause_of, to_transition
from whendue.worker.executor import AttemptCalls
from whendue.workflows.runner import CompositeRunner

AttemptState = Literal["succeeded", "retry", "dead", "cancelled"]
_STATES: Final[dict[State, AttemptState]] = {
    State.SUCCEEDED: "succeeded",
    State.PENDING: "retry",
    State.DEAD: "dead",
    State.CANCELLED: "cancelled",
}
# The fence of the earlier attempt that has noted the keys of `noted`.
_EARLIER: Final = "an-earlier-attempt"


class AttemptOptions(TypedDict, total=False):
    """What the task sees in its context; each may be left out.

    Args:
        attempt: which attempt it is, from 1. Default: 1.
        tenant: whose job it is. Default: `test`.
        job_id: the job's id. Default: a new one.
        remaining_s: seconds left before the soft timeout. Default: the task's timeout.
        noted: keys for which `ctx.once` answers False, as an earlier attempt has asked for them. Default: none.
        cancelled: whether the job is to stop. Default: False.
        schedule: the schedule that made the job. Default: none.
        nominal_at: the time for which the schedule made it, with its offset. Default: none.
        policy: fields of the job's policy that a request would set, as in `{"max_attempts": 1}`. Default: the task's.
        clock: what the context reads; a task that waits for its time to be over needs one that is moved. Default: one
            that stands still at 2027-01-15T08:00:00Z.
    """

    attempt: int
    tenant: str
    job_id: str
    remaining_s: float
    noted: Collection[str]
    cancelled: bool
    schedule: str
    nominal_at: datetime | str
    policy: dict[str, Any]
    clock: ManualClock


@dataclass(frozen=True, slots=True)
class AttemptOutcome:
    """What a worker records of an attempt.

    Args:
        state: `succeeded`; `retry`, another attempt follows; `dead`, none does; `cancelled`.
        result: the result as it is stored: a JSON value.
        error: what the task raised; None where it raised nothing.
        cause: what the API shows as the error's type: a class name or a code such as `invalid_payload`.
        message: what it shows as the error's message.
        retry_in_s: seconds until the next attempt, without jitter; None unless one follows.
        progress: what the task last published.
        logs: the lines that the task logged.
        submitted: the jobs that the task submitted.
    """

    state: AttemptState
    result: Any = None
    error: BaseException | None = None
    cause: str | None = None
    message: str | None = None
    retry_in_s: float | None = None
    progress: Any = None
    logs: tuple[LogLine, ...] = ()
    submitted: tuple[JobRecord, ...] = ()


def run_task(task: object, payload: object = None, **options: Unpack[AttemptOptions]) -> Any:
    """Run one attempt of a task as a worker does, and return its result as it is stored: a JSON value.

    Args:
        task: a declared function, or its name.
        payload: a JSON value, or a model; None is `{}`.
        options: see `AttemptOptions`.

    Raises:
        InvalidPayloadError: the payload does not fit: the API refuses it, or a validator or `check` in the worker does.
        InvalidRequestError: the API refuses the job for another reason: `UnknownTaskError` for a name that no task
            has, other subclasses for a `policy` that is not valid.
        PayloadTooLargeError: the payload is over 1 MiB.
        ConfigurationError: a library is not installed; the message has the extra.
        TypeError: it is not a task, or is declared by several names.
        ValueError: JSON cannot hold the payload, or the result; or an option is not valid.
        BaseException: whatever the task, a validator or `check` raises, `GiveUp`, `Retry` and `Cancel` included.
    """
    outcome = run_attempt(task, payload, **options)
    if outcome.error is not None:
        raise outcome.error
    if outcome.state != "succeeded":
        raise ValueError(f"{outcome.cause}: {outcome.message}")
    return outcome.result


def run_attempt(task: object, payload: object = None, **options: Unpack[AttemptOptions]) -> AttemptOutcome:
    """Run one attempt of a task as a worker does, and return what the worker would record, also of an error.

    A payload that the API accepts and a validator or `check` refuses is recorded, too: `dead`, with `invalid_payload`.

    Args:
        task: a declared function, or its name.
        payload: a JSON value, or a model; None is `{}`.
        options: see `AttemptOptions`.

    Raises:
        InvalidPayloadError: the API refuses the payload, so that no such job can be submitted.
        InvalidRequestError, PayloadTooLargeError, ConfigurationError, TypeError: as `run_task`.
        ValueError: JSON cannot hold the payload; or an option is not valid.
    """
    discover_shipped()
    clock = options.get("clock") or ManualClock()
    runs, name = Runs(clock.now_ms), name_of(task)
    whendue = MemoryDeployment(_settings(name), RecordingRegistry(TASKS, runs), clock, runs)
    submitted = _submitted(whendue, name, {} if payload is None else json_of(payload), options)
    claimed_job = _claimed(whendue, submitted, options)
    app = whendue.app
    with captured(whendue.settings.task_log_level):
        [call] = AttemptCalls(app.runtime, CompositeRunner(app.runtime, app.submit), app.submit).of([claimed_job])
        ended = call()
    runs.raise_interrupt()
    children = tuple(record for record in records_of(app, whendue.table) if record.id != submitted.id)
    return _outcome(whendue, claimed_job, ended, runs.every[-1].error if runs.every else None, children)


def _settings(name: str) -> Settings:
    """Return settings with the queue that a task names: an attempt is the same in each, but for its time."""
    queue = TASKS.get(name).queue if TASKS.may_have(name) else None
    if queue is None or queue in ALL_QUEUES:
        return memory_settings()
    return memory_settings({queue: OwnQueue(OWN_QUEUE_BOUNDS["timeout_s"][1])})


def _submitted(whendue: MemoryDeployment, name: str, payload: Any, options: AttemptOptions) -> Job:
    """Submit a job as to a deployment, for its policy and the checks of the API."""
    nominal_at = options.get("nominal_at")
    request = JobRequest(
        name,
        payload,
        policy=options.get("policy", {}),
        schedule=options.get("schedule"),
        nominal_at=None if nominal_at is None else to_ms(nominal_at),
    )
    return whendue.api.submit.one(options.get("tenant", "test"), request).job


def _claimed(whendue: MemoryDeployment, submitted: Job, options: AttemptOptions) -> ClaimedJob:
    """Return a job as a worker has claimed it, with the context that the task gets."""
    number, now_ms = options.get("attempt", 1), whendue.clock.now_ms()
    if number < 1:
        raise ValueError(f"attempt is {number}; the first one is 1")
    job = evolve(
        submitted,
        id=options.get("job_id", submitted.id),
        # With another id it would not be found where it is stored.
        payload=whendue.app.runtime.payloads.payloads([submitted])[submitted.id],
        payload_at=None,
        state=State.RUNNING,
        failures=number - 1,
        claims=number,
        fence=whendue.system.new_id(),
        started_at=now_ms,
        lease_until=now_ms + submitted.policy.lease_s * 1000,
    )
    noted = [
        insert("once", once_key(job.id, key, job.life), belonging(job, {"fence": _EARLIER}))
        for key in dict.fromkeys(options.get("noted", ()))
    ]
    whendue.table.apply(noted)
    message = ReceivedMessage("message", "receipt", "", job.attempt, job.queue)
    remaining_s = options.get("remaining_s", whendue.settings.longest_attempt_s(job.queue))
    claimed_job = claimed(whendue.app.runtime, message, job, now_ms + round(remaining_s * 1000))
    if options.get("cancelled", False):
        claimed_job.context.mark_cancelled()
    return claimed_job


def _outcome(
    whendue: MemoryDeployment,
    claimed_job: ClaimedJob,
    ended: Ended,
    error: BaseException | None,
    submitted: tuple[JobRecord, ...],
) -> AttemptOutcome:
    """Put together what a worker would record."""
    now_ms, context = whendue.clock.now_ms(), claimed_job.context
    # The whole backoff: a draw of 1 is what jitter comes close to.
    after = to_transition(claimed_job.job, ended, StoredPayload(), now_ms, whendue.settings.timing, draw=1).job
    state, lines = _STATES[after.state], context.close_log()
    failed = ended if isinstance(ended, Failed) else None
    return AttemptOutcome(
        state=state,
        result=json.loads(ended.result) if isinstance(ended, Succeeded) and ended.result is not None else None,
        error=error,
        cause=cause_of(failed, None) if failed else None,
        message=failed.message if failed else None,
        retry_in_s=(after.due_at - now_ms) / 1000 if state == "retry" else None,
        progress=None if context.last_progress is None else json.loads(context.last_progress),
        logs=tuple(read_lines(lines.text)) if lines else (),
        submitted=submitted,
    )
