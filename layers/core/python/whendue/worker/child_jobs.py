"""Jobs that a running task creates: each once for all attempts, as its id is derived from the task's job and a name.

Checked here is what the API's schemas check of the same fields. All else is checked by what plans the job.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final

from whendue.aws_quotas import ERROR_TYPE_BYTES
from whendue.declarations.calls.model import Call, Step, WorkflowCall
from whendue.declarations.declaring import range_problem
from whendue.errors import IdempotencyConflictError, InvalidRequestError
from whendue.jobs.dependencies import FAILURE_POLICIES
from whendue.jobs.limit_spec import unique_problem
from whendue.jobs.model import WORKFLOW, Job
from whendue.quotas import (
    DEPENDENCIES,
    EXPIRES_MIN_S,
    GROUP_BYTES,
    HORIZON_S,
    MAX_ATTEMPTS,
    NAME_BYTES,
    NEVER_RETRY,
    NEVER_RETRY_BYTES,
    NOTIFY_BYTES,
    NOTIFY_NAMES,
)
from whendue.settings import QUEUES
from whendue.submission.request import Dependency, JobRequest, joined, tags_problem, unique_request
from whendue.submission.submit import Submit
from whendue.support.timestamps import EPOCH
from whendue.table.ids import ID_LENGTH
from whendue.workflows.graph import Draft, Wanted, make, workflow_request

_NAME: Final = re.compile(r"[A-Za-z0-9._-]+")


def create_child(submit: Submit, parent: Job, call: Call | WorkflowCall, name: str, traceparent: str | None) -> str:
    """Create the job that a task asks for, unless an attempt of the same job has done so; return its id.

    Args:
        submit: accepts it.
        parent: the running job. After a redrive it is still the same job.
        call: what is asked for.
        name: of the call among those of the job.
        traceparent: the trace that it belongs to.

    Raises:
        WhendueError: as `Context.submit`.
    """
    request = _workflow(call) if isinstance(call, WorkflowCall) else _job(call)
    # No Idempotency-Key of the API has a blank: none of them is this one.
    key = f"child {parent.member_id_base} {name}"
    try:
        accepted = submit.one(parent.tenant, replace(request, idempotency_key=key, traceparent=traceparent))
    except IdempotencyConflictError:
        raise IdempotencyConflictError(
            f"this job has submitted another job as {name!r}: use a key of its own for each job, and keep what differs "
            "between attempts, such as the time, out of payload and fields"
        ) from None
    return accepted.job.id


# --- requests ----------------------------------------------------------------------------------------------------


def _job(call: Call) -> JobRequest:
    _check(call.fields)
    depends_on = tuple(Dependency(job=job_id) for job_id in call.fields.get("depends_on", ()))
    policy = call.fields.get("on_dependency_failure", "cancel")
    if policy != "cancel" and not depends_on:
        raise InvalidRequestError("on_dependency_failure needs depends_on")
    return replace(
        _timeless(call),
        due_at=_ms(call.due_at),
        depends_on=depends_on,
        on_dependency_failure=None if policy == "cancel" else policy,
        unique=unique_request(call.fields["unique"]) if "unique" in call.fields else None,
    )


def _timeless(call: Call) -> JobRequest:
    """Return the request of a job or a step, without the time at which it is due."""
    if call.type == WORKFLOW:
        raise InvalidRequestError(f"the type must not be {WORKFLOW}: submit a chain, a group or a chord")
    fields = call.fields
    return JobRequest(
        call.type,
        call.payload,
        delay_s=call.delay_s,
        expires_s=fields.get("expires_seconds"),
        queue=_queue(fields),
        profile=fields.get("profile", "default"),
        policy=_policy(fields),
        follow=fields.get("follow_profile"),
        tags=dict(fields.get("tags", {})),
        group=fields.get("group"),
        notify=joined(*fields.get("notify", ())),
    )


def _queue(fields: Mapping[str, Any]) -> str | None:
    """Return the queue by either name; which queues there are is checked by what plans the job."""
    queue: str | None = fields.get("queue", fields.get("priority"))
    return queue


def _policy(fields: Mapping[str, Any]) -> dict[str, Any]:
    said = {_POLICY[name]: value for name, value in fields.items() if name in _POLICY}
    if "retries" in fields:
        said["max_attempts"] = fields["retries"] + 1
    if "never_retry" in fields:
        said["never_retry"] = tuple(dict.fromkeys(fields["never_retry"]))
    return said


def _workflow(call: WorkflowCall) -> JobRequest:
    _check(call.fields)
    graph = make([_draft(step, call.fields) for step in call.steps], call.fields.get("deadline_seconds"))
    return workflow_request(
        graph,
        due_at=_ms(call.due_at),
        delay_s=call.delay_s,
        expires_s=call.fields.get("expires_seconds"),
        queue=_queue(call.fields),
        profile=call.fields.get("profile", "default"),
        tags=dict(call.fields.get("tags", {})),
    )


def _draft(step: Step, whole: Mapping[str, Any]) -> Draft:
    if problem := _name(NAME_BYTES, step.name):
        raise InvalidRequestError(f"the name of a step {problem}")
    _check(step.call.fields, f"{step.name}.")
    # Left out by a step, these are the workflow's.
    inherited = {name: whole[name] for name in ("priority", "queue", "profile", "tags") if name in whole}
    if "queue" in step.call.fields or "priority" in step.call.fields:
        inherited = {name: value for name, value in inherited.items() if name not in ("queue", "priority")}
    return Draft(
        where=step.name,
        name=step.name,
        request=_timeless(replace(step.call, fields={**inherited, **step.call.fields})),
        dependencies=tuple(map(Wanted, step.waits_for)),
        on_dependency_failure=step.call.fields.get("on_dependency_failure", "cancel"),
        joins=True,
    )


def _ms(due_at: datetime | None) -> int | None:
    """Return a time in ms UTC, rounded up: a job is never early."""
    return None if due_at is None else -((EPOCH - due_at) // timedelta(milliseconds=1))


# --- checks ------------------------------------------------------------------------------------------------------


def _check(fields: Mapping[str, Any], where: str = "") -> None:
    """Refuse fields whose values are out of range.

    Raises:
        InvalidRequestError: some are; `details["errors"]` names each.
    """
    found = {name: _CHECKS[name](value) for name, value in fields.items()}
    if "retries" in fields and "max_attempts" in fields:
        found["retries"] = "send retries or max_attempts, not both"
    if "queue" in fields and "priority" in fields:
        found["queue"] = "send queue or priority, not both"
    wrong = [{"where": f"{where}{name}", "problem": problem} for name, problem in found.items() if problem]
    if wrong:
        raise InvalidRequestError(f"{wrong[0]['where']}: {wrong[0]['problem']}", errors=wrong)


def _choice(allowed: Sequence[str], value: object) -> str | None:
    return None if value in allowed else f"must be one of {', '.join(allowed)}"


def _whole(least: int, most: int, value: object) -> str | None:
    fits = isinstance(value, int) and not isinstance(value, bool) and least <= value <= most
    return None if fits else f"must be a whole number from {least} to {most}"


def _seconds(least: float, most: float, value: object) -> str | None:
    fits = isinstance(value, int | float) and not isinstance(value, bool) and least <= value <= most
    return None if fits else f"must be a number of seconds from {least} to {most}"


def _boolean(value: object) -> str | None:
    return None if isinstance(value, bool) else "must be True or False"


def _name(most_bytes: int, value: object) -> str | None:
    fits = isinstance(value, str) and len(value) <= most_bytes and _NAME.fullmatch(value)
    return None if fits else f"must be a text of 1 to {most_bytes} of A-Z, a-z, 0-9, '.', '_', '-'"


def _names(most: int, most_bytes: int, name_bytes: int, value: object) -> str | None:
    if isinstance(value, str) or not isinstance(value, Sequence) or len(value) > most:
        return f"must be a list of at most {most} names"
    if problem := next(filter(None, (_name(name_bytes, name) for name in value)), None):
        return f"each name {problem}"
    return f"must have at most {most_bytes} bytes, all names together" if len(" ".join(value)) > most_bytes else None


def _ids(value: object) -> str | None:
    if isinstance(value, str) or not isinstance(value, Sequence) or len(value) > DEPENDENCIES:
        return f"must be a list of at most {DEPENDENCIES} ids"
    if not all(isinstance(job_id, str) and 0 < len(job_id) <= ID_LENGTH for job_id in value):
        return "must have ids of jobs"
    return "must name each job once" if len(set(value)) < len(value) else None


# Field -> the field of a policy that it sets.
_POLICY: Final[Mapping[str, str]] = {
    "max_attempts": "max_attempts",
    "timeout_seconds": "timeout_s",
    "lease_seconds": "lease_s",
    "retention_seconds": "retention_s",
}
# Field -> what returns what is wrong with a value, None for nothing.
_CHECKS: Final[Mapping[str, Callable[[Any], str | None]]] = {
    "priority": partial(_choice, QUEUES),
    "queue": partial(_name, NAME_BYTES),
    "profile": partial(_name, NAME_BYTES),
    "follow_profile": _boolean,
    "tags": tags_problem,
    "group": partial(_name, GROUP_BYTES),
    "notify": partial(_names, NOTIFY_NAMES, NOTIFY_BYTES, NAME_BYTES),
    "retries": partial(_whole, 0, MAX_ATTEMPTS - 1),
    "never_retry": partial(_names, NEVER_RETRY, NEVER_RETRY_BYTES, ERROR_TYPE_BYTES),
    "depends_on": _ids,
    "unique": unique_problem,
    "on_dependency_failure": partial(_choice, FAILURE_POLICIES),
    "expires_seconds": partial(_seconds, EXPIRES_MIN_S, HORIZON_S),
    "deadline_seconds": partial(_whole, 1, HORIZON_S),
    **{name: partial(range_problem, option) for name, option in _POLICY.items()},
}
