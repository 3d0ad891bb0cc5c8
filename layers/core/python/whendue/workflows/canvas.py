"""Short forms of graphs: a chain, a group, and a chord, which is a group and a job that waits for all of it. Pure."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from whendue.errors import InvalidWorkflowError
from whendue.references.syntax import renamed
from whendue.workflows.graph import Draft, Wanted

# What a chord's body calls its whole group.
GROUP: Final = "group"
BODY: Final = "body"


def chain(steps: Sequence[Draft]) -> list[Draft]:
    """Let each of some jobs wait for the one before it; those without a name are `step-1`, `step-2`, ..."""
    named = _named(steps, "step")
    dependencies = [(), *((Wanted(before.name),) for before in named[:-1])]
    return [replace(step, dependencies=waits_for) for step, waits_for in zip(named, dependencies, strict=False)]


def group(jobs: Sequence[Draft]) -> list[Draft]:
    """Return jobs without dependencies; those without a name are `job-1`, `job-2`, ..."""
    return _named(jobs, "job")


def chord(jobs: Sequence[Draft], body: Draft) -> list[Draft]:
    """Let a job, `body` if it has no name, wait for a group; its payload may say `{"$from": "group"}` for all results.

    Raises:
        InvalidWorkflowError: a job of the group is called `group`, or there is none.
    """
    header = group(jobs)
    names = [job.name for job in header]
    if not header:
        raise InvalidWorkflowError((f"chord.{GROUP}", "must have at least one job"))
    if GROUP in names:
        raise InvalidWorkflowError(
            (
                header[names.index(GROUP)].where,
                f"must not have the name {GROUP}, which references use for the whole group",
            )
        )
    request = replace(body.request, payload=renamed(body.request.payload, GROUP, names))
    wanted = tuple(Wanted(name) for name in names)
    for_each = renamed(body.for_each, GROUP, names)
    name = body.name or BODY
    return [*header, replace(body, name=name, request=request, dependencies=wanted, for_each=for_each, joins=True)]


def _named(jobs: Sequence[Draft], word: str) -> list[Draft]:
    return [replace(job, name=job.name or f"{word}-{number}") for number, job in enumerate(jobs, 1)]
