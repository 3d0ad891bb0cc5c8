"""Workflows as requests, and what became of their nodes."""

from typing import Any

from tests.builders import dependencies
from tests.builders.world import IDS, TENANT, World
from whendue.bootstrap.application import App
from whendue.jobs.model import Job, from_item
from whendue.submission.request import JobRequest
from whendue.table.keys import job_key
from whendue.workflows.graph import Draft, Wanted, make, to_value


def node(name: str, kind: str = "ok", payload: Any = None, *after: str | Wanted, **more: Any) -> Draft:
    """Ask for a node that waits for others."""
    request = JobRequest(kind, payload or {}, policy=more.pop("policy", {"max_attempts": 1}))
    dependencies = tuple(item if isinstance(item, Wanted) else Wanted(item) for item in after)
    return Draft(f"nodes.{name}", name, request, dependencies, **more)


def flow(*nodes: Draft, deadline_s: int | None = None, **more: Any) -> JobRequest:
    """Ask for a workflow."""
    return JobRequest("workflow", to_value(make(nodes, deadline_s)), **more)


def start(world: World, request: JobRequest, app: App | None = None) -> Job:
    """Submit a workflow."""
    return (app or world.app).submit.one(TENANT, request).job


def parts(world: World, whole: Job, count: int) -> list[Job]:
    """Read the parts of a job."""
    items = world.table.get([job_key(IDS.of_member(whole.member_id_base, number)) for number in range(count)])
    return [from_item(item) for item in items if item]


def states(world: World, whole: Job, count: int) -> list[str]:
    """Read the states of parts."""
    return [part.state.value for part in parts(world, whole, count)]


def order(world: World) -> list[str | None]:
    """List the names of nodes in the order in which they ran."""
    return [from_item(world.table.items()[job_key(job_id)]).node for job_id, _, _ in world.ran]


def a_whole(world: World, *nodes: Any) -> Job:
    """Start a workflow and let it make its nodes; nothing else runs."""
    whole = start(world, flow(*nodes))
    world.app.work.handle(world.queues.receive("normal"), world.clock.now_ms() + 60_000)
    assert dependencies.states(world, whole) == ["waiting"]
    return whole
