"""Signatures, and workflows made of them: `chain`, `group` and `chord`, as in Celery's canvas. Nothing is sent here."""

import json
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final, Unpack

from whendue.declarations.calls.handles import (
    AsyncJobHandle,
    AsyncWorkflowHandle,
    JobHandle,
    WorkflowHandle,
    submit_job,
    submit_job_async,
    submit_workflow,
    submit_workflow_async,
)
from whendue.declarations.calls.model import (
    UNSET,
    Call,
    Options,
    Step,
    StepOptions,
    WorkflowCall,
    WorkflowOptions,
    call_of,
    plain,
    workflow_call,
)
from whendue.errors import InvalidRequestError, PayloadTooLargeError
from whendue.quotas import MEMBERS_MAX, NAME_BYTES, WORKFLOW_BYTES, WORKFLOW_DEPTH, WORKFLOW_EDGES

FROM: Final = "$from"
# What a payload calls the results of what comes before it; no step has this name.
PREVIOUS: Final = "previous"


def previous(path: str | None = None, *, default: Any = UNSET) -> dict[str, Any]:
    """Return a reference to the result of what comes before a step, for its payload; of a group, the list of results.

    Args:
        path: JMESPath of a part of it. Default: the whole.
        default: the value if it finds nothing. Default: none, and the job is dead.
    """
    reference: dict[str, Any] = {FROM: PREVIOUS}
    if path is not None:
        reference["path"] = path
    return reference if default is UNSET else reference | {"default": default}


class _Names:
    """Gives each step a name of its own: that of its task, with a number from the second one on."""

    def __init__(self) -> None:
        self._next: dict[str, int] = {}
        self._taken = {PREVIOUS}

    def take(self, wanted: str) -> str:
        name, number = wanted[:NAME_BYTES], self._next.get(wanted, 1)
        while name in self._taken:
            number += 1
            ending = f"-{number}"
            name = f"{wanted[: NAME_BYTES - len(ending)]}{ending}"
        self._next[wanted] = number
        self._taken.add(name)
        return name


@dataclass(frozen=True, slots=True)
class _Before:
    """What comes before a step: the steps that it waits for, and the reference to their results; None for nothing."""

    names: tuple[str, ...] = ()
    results: Any = None


class Canvas(ABC):
    """A signature, or a workflow of several.

    Args:
        size: the number of jobs.
        levels: how deep workflows are nested in it.
    """

    def __init__(self, size: int, levels: int) -> None:
        """Check the size.

        Raises:
            InvalidRequestError: it is too large, or empty.
        """
        if not 0 < size <= MEMBERS_MAX:
            raise InvalidRequestError(f"a workflow must have 1 to {MEMBERS_MAX} jobs, not {size}")
        if levels > WORKFLOW_DEPTH:
            raise InvalidRequestError(f"a workflow must be nested at most {WORKFLOW_DEPTH} levels deep")
        self.size = size
        self.levels = levels

    @abstractmethod
    def steps(self, names: _Names, before: _Before) -> tuple[list[Step], _Before]:
        """Return the steps, and what a step that follows has before it.

        Args:
            names: of the workflow's steps.
            before: what comes before this part of the workflow.
        """

    def __or__(self, following: "Canvas") -> "Chain":
        return chain(self, following)

    def __repr__(self) -> str:
        return f"<{type(self).__name__.lower()} of {self.size} jobs>"


class Signature(Canvas):
    """A job to be.

    Args:
        type: the task's name.
        payload: as of `Task.s`.
        step_name: its name in a workflow. Default: the task's.
        options: fields of the job.
    """

    def __init__(
        self,
        type: str,  # noqa: A002 - the parameter's name in the API
        payload: Any = UNSET,
        step_name: str | None = None,
        **options: Unpack[StepOptions],
    ) -> None:
        """Note a job."""
        super().__init__(1, 0)
        self.type = type
        self._payload = payload
        self._step_name = step_name
        self._options = options

    def __repr__(self) -> str:
        return f"<signature of {self.type!r}>"

    def set(self, *, step_name: str | None = None, **options: Unpack[StepOptions]) -> "Signature":
        """Return the same job to be with other fields.

        Args:
            step_name: its name in a workflow. Default: unchanged.
            options: fields of the job; others are unchanged.
        """
        merged: Any = {**self._options, **options}
        return Signature(self.type, self._payload, step_name or self._step_name, **merged)

    def delay(self) -> JobHandle:
        """Submit it as a job that is due at once."""
        return self.submit()

    def submit(self, *, key: str | None = None, **options: Unpack[Options]) -> JobHandle:
        """Submit it as a job; arguments and errors as of `Task.submit`."""
        return submit_job(call_of(self.type, self._alone(), key, {**self._options, **options}))

    async def submit_async(self, *, key: str | None = None, **options: Unpack[Options]) -> AsyncJobHandle:
        """Submit it as a job, as `Task.submit_async` does."""
        return await submit_job_async(call_of(self.type, self._alone(), key, {**self._options, **options}))

    def _alone(self) -> Any:
        return self._payload_after(_Before())

    def _payload_after(self, before: _Before) -> Any:
        """Return the payload: its own, with references to what comes before; else what that has resulted in."""
        if self._payload is not UNSET:
            return _referring(plain(self.type, self._payload), before.results)
        return {} if before.results is None else before.results

    def _call_after(self, before: _Before) -> Call:
        return call_of(self.type, self._payload_after(before), None, self._options, StepOptions)

    def steps(self, names: _Names, before: _Before) -> tuple[list[Step], _Before]:
        """Return the one step that it is."""
        name = names.take(self._step_name or self.type)
        step = Step(name, self._call_after(before), before.names)
        return [step], _Before((name,), {FROM: name})


class Workflow(Canvas):
    """A workflow of signatures.

    Args:
        members: signatures and workflows.
    """

    def __init__(self, members: Sequence[Canvas]) -> None:
        """Note the members.

        Raises:
            InvalidRequestError: they are too many, or none.
        """
        super().__init__(
            sum(member.size for member in members), 1 + max((member.levels for member in members), default=0)
        )
        self.members = tuple(members)

    def delay(self) -> WorkflowHandle:
        """Submit it; it starts at once."""
        return self.submit()

    def submit(self, *, key: str | None = None, **options: Unpack[WorkflowOptions]) -> WorkflowHandle:
        """Submit it. It is accepted or refused as a whole.

        Args:
            key: makes the call safe to repeat: the same key is the same workflow.
            options: fields of the workflow, see `WorkflowOptions`.

        Raises:
            InvalidRequestError, TypeError: it is not valid; otherwise as `Task.submit`.
        """
        return submit_workflow(self.call(key, **options))

    async def submit_async(self, *, key: str | None = None, **options: Unpack[WorkflowOptions]) -> AsyncWorkflowHandle:
        """Submit it as `Task.submit_async` does."""
        return await submit_workflow_async(self.call(key, **options))

    def call(self, key: str | None = None, **options: Unpack[WorkflowOptions]) -> WorkflowCall:
        """Return what is submitted; arguments as of `submit`."""
        steps, _ = self.steps(_Names(), _Before())
        _check_shape(steps)
        return workflow_call(steps, key, options)


class Chain(Workflow):
    """Jobs one after the other; made by `chain`."""

    def steps(self, names: _Names, before: _Before) -> tuple[list[Step], _Before]:
        """Return the steps of all members, each waiting for the member before it."""
        steps: list[Step] = []
        for member in self.members:
            found, before = member.steps(names, before)
            steps += found
        return steps, before


class Group(Workflow):
    """Jobs side by side; made by `group`."""

    def steps(self, names: _Names, before: _Before) -> tuple[list[Step], _Before]:
        """Return the steps of all members; a step that follows waits for the last ones of each."""
        built = [member.steps(names, before) for member in self.members]
        results = [after for _, after in built]
        last = tuple(name for after in results for name in after.names)
        return [step for steps, _ in built for step in steps], _Before(last, _together([r.results for r in results]))


def chain(*members: Canvas | Iterable[Canvas]) -> Chain:
    """Return a workflow in which each member runs after the one before it has succeeded.

    A member without a payload gets the result of the one before it as its payload; after a group, the list of results.

    Args:
        members: signatures and workflows, or one iterable of them.

    Raises:
        InvalidRequestError: it is empty or too large.
    """
    # A chain in a chain is the same as its members.
    parts = [member.members if isinstance(member, Chain) else (member,) for member in _listed(members)]
    return Chain([member for part in parts for member in part])


def group(*members: Canvas | Iterable[Canvas]) -> Group:
    """Return a workflow whose members run side by side.

    Args:
        members: signatures and workflows, or one iterable of them.

    Raises:
        InvalidRequestError: it is empty or too large.
    """
    return Group(_listed(members))


def chord(header: Group | Iterable[Canvas], callback: Canvas) -> Chain:
    """Return a workflow in which a callback runs after all members of a group have succeeded, with their results.

    Args:
        header: the group, or its members.
        callback: what runs then. Without a payload of its own it gets the list of results, in the order of the group.

    Raises:
        InvalidRequestError: it is empty or too large.
    """
    return chain(header if isinstance(header, Group) else group(header), callback)


def _listed(members: Sequence[Canvas | Iterable[Canvas]]) -> list[Canvas]:
    listed: list[Canvas] = []
    given = members[0] if len(members) == 1 and isinstance(members[0], Iterable) else members
    # An iterable may have no end.
    for member in islice(given, MEMBERS_MAX + 1):
        if not isinstance(member, Canvas):
            raise TypeError(f"a signature is needed, as task.s(...), not {type(member).__name__}")
        listed.append(member)
    return listed


def _together(results: Sequence[Any]) -> Any:
    """Return a reference to several results as a list; to lists of results, if groups are nested."""
    if all(isinstance(result, dict) for result in results):
        names = [result[FROM] for result in results]
        if all(isinstance(name, str) for name in names):
            return {FROM: names}
    return list(results)


def _referring(payload: Any, results: Any) -> Any:
    """Return a payload in which references to what comes before are references to its steps.

    Raises:
        InvalidRequestError: nothing comes before it; or it asks for a part of what is a list of lists.
    """
    if isinstance(payload, dict):
        if payload.get(FROM) == PREVIOUS:
            return _reference(payload, results)
        return {name: _referring(part, results) for name, part in payload.items()}
    if isinstance(payload, list):
        return [_referring(part, results) for part in payload]
    return payload


def _reference(reference: dict[str, Any], results: Any) -> Any:
    if results is None:
        raise InvalidRequestError("the payload uses previous(), and nothing comes before it")
    if isinstance(results, dict):
        return reference | results
    if len(reference) > 1:
        raise InvalidRequestError("previous() after groups within a group has neither a path nor a default")
    return results


def _check_shape(steps: Sequence[Step]) -> None:
    """Refuse what the API would refuse, before it is sent.

    Raises:
        InvalidRequestError: it has too many dependencies, or too many jobs in one chain.
        PayloadTooLargeError: its payloads are too large together.
    """
    edges = sum(len(step.waits_for) for step in steps)
    if edges > WORKFLOW_EDGES:
        raise InvalidRequestError(f"a workflow must have at most {WORKFLOW_EDGES} dependencies, not {edges}")
    depths: dict[str, int] = {}
    for step in steps:
        depths[step.name] = 1 + max((depths[name] for name in step.waits_for), default=0)
    if max(depths.values()) > WORKFLOW_DEPTH:
        raise InvalidRequestError(f"a workflow must have at most {WORKFLOW_DEPTH} jobs in one chain")
    if sum(len(json.dumps(step.call.payload, ensure_ascii=False).encode()) for step in steps) > WORKFLOW_BYTES:
        raise PayloadTooLargeError(f"the payloads of a workflow must have at most {WORKFLOW_BYTES} bytes together")
