"""The graph of a workflow: jobs to be, which of them wait for which, and its one form as JSON. Pure.

A workflow is a job whose payload is such a graph (docs/guide/workflows.md). A node's number is its place: it is the
number of the part that the workflow's job makes of it, see `whendue.jobs.members`.
"""

import heapq
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from whendue.errors import InvalidReferenceError, InvalidWorkflowError
from whendue.jobs.dependencies import (
    DEPENDENCY_FAILED,
    DEPENDENCY_MISSING,
    FAILURE_POLICIES,
    ONS,
    FailurePolicy,
    On,
)
from whendue.jobs.members import was_not_taken
from whendue.jobs.model import WORKFLOW, Job, State
from whendue.quotas import (
    CYCLE_NODES,
    DEPENDENCIES,
    MEMBERS_MAX,
    WORKFLOW_ATTEMPTS,
    WORKFLOW_DEPTH,
    WORKFLOW_EDGES,
    WORKFLOW_ERRORS,
    WORKFLOW_TIMEOUT_S,
)
from whendue.references.syntax import faults, list_faults
from whendue.submission.request import JobRequest, request_from, request_value
from whendue.table.items import known


class Link(NamedTuple):
    """An edge to a node from one of its dependencies: the dependency's number, and which of its ends counts."""

    node: int
    on: On = "success"


@dataclass(frozen=True, slots=True)
class Node:
    """A job of a workflow.

    Args:
        name: what edges and payloads call it.
        request: the job, its payload with references as given; `delay_s` counts from the end of the last dependency.
        dependencies: whose ends it waits for.
        on_dependency_failure: what becomes of it when a dependency that must succeed does not.
        for_each: the reference to the list for each item of which it runs; None for an ordinary node.
    """

    name: str
    request: JobRequest
    dependencies: tuple[Link, ...] = ()
    on_dependency_failure: FailurePolicy = "cancel"
    for_each: Any = None


@dataclass(frozen=True, slots=True)
class Graph:
    """A workflow's nodes, dependencies before dependents, and how long it may take as a whole, seconds."""

    nodes: tuple[Node, ...]
    deadline_s: int | None = None


# --- as JSON -----------------------------------------------------------------------------------------------------


def to_value(graph: Graph) -> dict[str, Any]:
    """Write a graph as JSON; equal graphs give equal JSON."""
    deadline = {} if graph.deadline_s is None else {"deadline_s": graph.deadline_s}
    return {"nodes": [_node_value(node) for node in graph.nodes]} | deadline


def _node_value(node: Node) -> dict[str, Any]:
    value: dict[str, Any] = {"name": node.name, "request": request_value(node.request)}
    if node.dependencies:
        value["dependencies"] = [list(link) for link in node.dependencies]
    if node.on_dependency_failure != "cancel":
        value["on_dependency_failure"] = node.on_dependency_failure
    if node.for_each is not None:
        value["for_each"] = node.for_each
    return value


def from_value(value: Mapping[str, Any]) -> Graph:
    """Read a graph from JSON that `to_value` wrote.

    Raises:
        KeyError, TypeError, ValueError: it is not one.
    """
    return Graph(tuple(_node_from(node) for node in value["nodes"]), value.get("deadline_s"))


def _node_from(value: Mapping[str, Any]) -> Node:
    said = known(Node, value)
    dependencies = tuple(Link(*link) for link in said.get("dependencies", ()))
    return Node(**said | {"request": request_from(value["request"]), "dependencies": dependencies})


# --- from names --------------------------------------------------------------------------------------------------


class Wanted(NamedTuple):
    """An edge as asked for: the dependency's name, and which of its ends counts."""

    name: str
    on: On = "success"


@dataclass(frozen=True, slots=True)
class Draft:
    """A node as asked for.

    Args:
        where: its place in the request, for errors.
        name: what others call it.
        request: the job.
        dependencies: whose ends it waits for.
        on_dependency_failure: what becomes of it when a dependency that must succeed does not.
        for_each: the reference to the list for each item of which it runs.
        joins: it waits for a whole group: that is one dependency, however many jobs there are.
    """

    where: str
    name: str
    request: JobRequest
    dependencies: tuple[Wanted, ...] = ()
    on_dependency_failure: FailurePolicy = "cancel"
    for_each: Any = None
    joins: bool = False


def make(drafts: Sequence[Draft], deadline_s: int | None = None) -> Graph:
    """Make a graph of nodes that are linked by name, in the order given where dependencies come first.

    Raises:
        InvalidWorkflowError: it has no nodes or too many, too many edges, a name twice, an edge to no node, a cycle, or
            chains that are too long.
        InvalidReferenceError: a payload refers to what is not the result of a dependency.
    """
    if not 0 < len(drafts) <= MEMBERS_MAX:
        raise InvalidWorkflowError(("nodes", f"must have 1 to {MEMBERS_MAX} nodes, not {len(drafts)}"))
    if places := list(_misnamed(drafts))[:WORKFLOW_ERRORS]:
        raise InvalidWorkflowError(*places)
    numbers = {draft.name: number for number, draft in enumerate(_ordered(drafts))}
    nodes = sorted((_node(draft, numbers) for draft in drafts), key=lambda node: numbers[node.name])
    graph = Graph(tuple(nodes), deadline_s)
    _check_shape(graph)
    check_references(graph, {draft.name: draft.where for draft in drafts})
    return graph


def _misnamed(drafts: Sequence[Draft]) -> Iterator[tuple[str, str]]:
    """Find what is wrong with names."""
    counts = Counter(draft.name for draft in drafts)
    for draft in drafts:
        if counts[draft.name] > 1:
            yield (
                draft.where,
                f"the name {draft.name} is used {counts[draft.name]} times; each node needs a name of its own",
            )
        if len(draft.dependencies) > DEPENDENCIES and not draft.joins:
            yield f"{draft.where}.dependsOn", f"must name at most {DEPENDENCIES} nodes"
        for number, dependency in enumerate(draft.dependencies):
            if dependency.name not in counts:
                yield f"{draft.where}.dependsOn.{number}", f"no node has the name {dependency.name}"
        if len({dependency.name for dependency in draft.dependencies}) < len(draft.dependencies):
            yield f"{draft.where}.dependsOn", "must name each node once"


def _ordered(drafts: Sequence[Draft]) -> list[Draft]:
    """Sort nodes so that dependencies come first, else as given (Kahn 1962, https://doi.org/10.1145/368996.369025)."""
    positions = {draft.name: position for position, draft in enumerate(drafts)}
    left = [len(draft.dependencies) for draft in drafts]
    dependents: list[list[int]] = [[] for _ in drafts]
    for position, draft in enumerate(drafts):
        for dependency in draft.dependencies:
            dependents[positions[dependency.name]].append(position)
    ready = [position for position, count in enumerate(left) if not count]
    ordered = []
    while ready:
        position = heapq.heappop(ready)
        ordered.append(drafts[position])
        for dependent in dependents[position]:
            left[dependent] -= 1
            if not left[dependent]:
                heapq.heappush(ready, dependent)
    if len(ordered) < len(drafts):
        raise InvalidWorkflowError(
            _cycle({draft.name: draft for position, draft in enumerate(drafts) if left[position]})
        )
    return ordered


def _cycle(stuck: Mapping[str, Draft]) -> tuple[str, str]:
    """Name a cycle, in the direction in which jobs would run; each of the nodes has a dependency among them."""
    name, seen = next(iter(stuck)), dict[str, int]()
    while name not in seen:
        seen[name] = len(seen)
        name = next(dependency.name for dependency in stuck[name].dependencies if dependency.name in stuck)
    cycle = [node for node, position in reversed(seen.items()) if position >= seen[name]]
    shown = cycle if len(cycle) <= CYCLE_NODES else [*cycle[: CYCLE_NODES - 2], "...", cycle[-1]]
    return f"{stuck[cycle[0]].where}.dependsOn", f"has a cycle: {' -> '.join([*shown, cycle[0]])}"


def _node(draft: Draft, numbers: Mapping[str, int]) -> Node:
    links = sorted(Link(numbers[dependency.name], dependency.on) for dependency in draft.dependencies)
    return Node(draft.name, draft.request, tuple(links), draft.on_dependency_failure, draft.for_each)


def workflow_request(graph: Graph, **fields: Any) -> JobRequest:
    """Return the request for the job of a workflow; its attempts run no code of users.

    Args:
        graph: the workflow.
        fields: other fields of the request.
    """
    policy = {"max_attempts": WORKFLOW_ATTEMPTS, "timeout_s": WORKFLOW_TIMEOUT_S}
    return JobRequest(WORKFLOW, to_value(graph), policy=policy, **fields)


# --- laws --------------------------------------------------------------------------------------------------------


def check(graph: Graph) -> None:
    """Check that a graph that was read is one that `make` could have made.

    Raises:
        InvalidWorkflowError, InvalidReferenceError: it is not.
    """
    if not 0 < len(graph.nodes) <= MEMBERS_MAX:
        raise InvalidWorkflowError(("nodes", f"must have 1 to {MEMBERS_MAX} nodes, not {len(graph.nodes)}"))
    if len({node.name for node in graph.nodes}) < len(graph.nodes):
        raise InvalidWorkflowError(("nodes", "must have different names"))
    for number, node in enumerate(graph.nodes):
        links = [link.node for link in node.dependencies]
        if not all(0 <= dependency < number for dependency in links) or len(set(links)) < len(links):
            raise InvalidWorkflowError((f"nodes.{node.name}", "must depend on earlier nodes only"))
        if (
            not {link.on for link in node.dependencies} <= set(ONS)
            or node.on_dependency_failure not in FAILURE_POLICIES
        ):
            raise InvalidWorkflowError((f"nodes.{node.name}", "must have known values of on and onDependencyFailure"))
    _check_shape(graph)
    check_references(graph, {})


def _check_shape(graph: Graph) -> None:
    edges = sum(len(node.dependencies) for node in graph.nodes)
    if edges > WORKFLOW_EDGES:
        raise InvalidWorkflowError(("nodes", f"must have at most {WORKFLOW_EDGES} dependencies, not {edges}"))
    depths: list[int] = []
    for node in graph.nodes:
        depths.append(1 + max((depths[link.node] for link in node.dependencies), default=0))
        if depths[-1] > WORKFLOW_DEPTH:
            raise InvalidWorkflowError(
                (f"nodes.{node.name}", f"is in a chain of more than {WORKFLOW_DEPTH} nodes; make it shorter")
            )


def check_references(graph: Graph, places: Mapping[str, str]) -> None:
    """Check that payloads refer to results of direct dependencies alone.

    Args:
        graph: the graph.
        places: where nodes are in the request, by name.

    Raises:
        InvalidReferenceError: one does not.
    """
    wrong: list[tuple[str, str]] = []
    for node in graph.nodes:
        where = places.get(node.name, f"nodes.{node.name}")
        outcomes = {graph.nodes[link.node].name: link.on for link in node.dependencies}
        wrong += faults(node.request.payload, outcomes, f"{where}.payload", item=node.for_each is not None)
        if node.for_each is not None:
            wrong += list_faults(node.for_each, outcomes, f"{where}.forEach")
        if len(wrong) >= WORKFLOW_ERRORS:
            break
    if wrong:
        raise InvalidReferenceError(*wrong[:WORKFLOW_ERRORS])


# --- how it ended ------------------------------------------------------------------------------------------------


def outcome(graph: Graph, jobs: Mapping[int, Job | None]) -> str | None:
    """Name the node for whose failure a workflow is dead; None where all is well.

    A node fails that is dead, or cancelled for another reason than that its branch was not taken. Its failure is
    handled where another node waits for it `on: failure` or `on: done`; where all those are handled for which a node
    was cancelled, each by a node `on: failure`, then so is that node's.

    Args:
        graph: the graph.
        jobs: of its nodes by number, all ended; None for one that is gone.
    """
    handlers = [set[On]() for _ in graph.nodes]
    for node in graph.nodes:
        for link in node.dependencies:
            handlers[link.node].add(link.on)
    failed = [number for number in range(len(graph.nodes)) if _failed(jobs.get(number))]
    all_failed = frozenset(failed)
    caught = {number for number in failed if "failure" in handlers[number]}
    for number in failed:
        blamed = {
            link.node for link in graph.nodes[number].dependencies if link.on == "success" and link.node in all_failed
        }
        if _is_left(jobs.get(number)) and blamed and blamed <= caught:
            caught.add(number)
    left = [number for number in failed if number not in caught and "done" not in handlers[number]]
    # Rather the one that died than those that were cancelled for it.
    left.sort(key=lambda number: (_is_left(jobs.get(number)), number))
    return graph.nodes[left[0]].name if left else None


def _failed(job: Job | None) -> bool:
    return job is None or (job.state is not State.SUCCEEDED and not was_not_taken(job))


def _is_left(job: Job | None) -> bool:
    """Return whether a job was cancelled because one of its dependencies failed."""
    return job is not None and job.cancelled_for in (DEPENDENCY_FAILED, DEPENDENCY_MISSING)
