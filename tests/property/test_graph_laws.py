"""Laws of graphs: their order, their one form as JSON, the cycle that is named, and of references."""

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whendue.errors import InvalidWorkflowError
from whendue.jobs.dependencies import FAILURE_POLICIES, ONS, FailurePolicy, On
from whendue.jobs.limit_spec import Limit
from whendue.references.syntax import find, resolve
from whendue.submission.request import Dependency, JobRequest, request_from, request_value
from whendue.workflows.graph import Draft, Wanted, check, from_value, make, to_value
from whendue.workflows.progress import critical_path, progress

json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)
names = st.text("abc.-_", min_size=1, max_size=4)
policies_asked = st.fixed_dictionaries(
    {}, optional={"max_attempts": st.integers(1, 9), "never_retry": st.lists(names, max_size=2).map(tuple)}
)
limits = st.builds(Limit, st.none() | st.integers(1, 9), st.none() | st.floats(0.5, 9), st.none() | names)
dependencies = st.builds(Dependency, job=names, ref=st.none(), on=st.sampled_from(ONS), name=st.none() | names)
requests = st.builds(
    JobRequest,
    type=names,
    payload=json_values,
    delay_s=st.none() | st.floats(0, 99),
    queue=st.none() | st.sampled_from(["high", "low"]),
    policy=policies_asked,
    follow=st.none() | st.booleans(),
    tags=st.dictionaries(names, names, max_size=2),
    limit=st.none() | limits,
    depends_on=st.lists(dependencies, max_size=2).map(tuple),
    on_dependency_failure=st.none() | st.sampled_from(FAILURE_POLICIES),
    ref=st.none() | names,
)


@st.composite
def edges(draw: st.DrawFn, most: int = 12) -> list[dict[int, On]]:
    """Parents of nodes in an order in which dependencies come first."""
    count = draw(st.integers(1, most))
    ons: st.SearchStrategy[On] = st.sampled_from(ONS)
    return [
        draw(st.dictionaries(st.integers(0, number - 1), ons, max_size=4)) if number else {} for number in range(count)
    ]


@st.composite
def drafts(draw: st.DrawFn) -> list[Draft]:
    """Nodes of a graph without cycles, in any order."""
    dependencies = draw(edges())
    policies: st.SearchStrategy[FailurePolicy] = st.sampled_from(FAILURE_POLICIES)
    nodes = [
        Draft(
            f"nodes.n{number}",
            f"n{number}",
            draw(st.builds(JobRequest, names, json_values, policy=policies_asked)),
            tuple(Wanted(f"n{dependency}", on) for dependency, on in each.items()),
            draw(policies),
        )
        for number, each in enumerate(dependencies)
    ]
    return draw(st.permutations(nodes))


@given(drafts(), st.none() | st.integers(1, 9))
def test_dependencies_come_first_and_no_node_or_edge_is_lost(nodes: list[Draft], deadline_s: int | None) -> None:
    """Whoever expands the graph makes dependencies before their dependents."""
    graph = make(nodes, deadline_s)
    asked = {(draft.name, dependency.name, dependency.on) for draft in nodes for dependency in draft.dependencies}
    edges = {(node.name, graph.nodes[link.node].name, link.on) for node in graph.nodes for link in node.dependencies}
    assert edges == asked
    assert {node.name: node.request for node in graph.nodes} == {draft.name: draft.request for draft in nodes}
    assert all(link.node < number for number, node in enumerate(graph.nodes) for link in node.dependencies)
    check(graph)


@given(drafts())
def test_nodes_in_an_order_that_will_do_stay_in_it(nodes: list[Draft]) -> None:
    """The numbers of parts are those of the request."""
    graph = make(nodes)
    ordered = [next(draft for draft in nodes if draft.name == node.name) for node in graph.nodes]
    assert make(ordered) == graph


@given(drafts(), st.none() | st.integers(1, 9))
def test_a_graph_is_read_from_json_as_it_was_written(nodes: list[Draft], deadline_s: int | None) -> None:
    """Through the text that a payload is stored as."""
    graph = make(nodes, deadline_s)
    assert from_value(json.loads(json.dumps(to_value(graph)))) == graph


@given(requests)
def test_a_request_is_read_from_json_as_it_was_written(request: JobRequest) -> None:
    """And one from a newer version as far as it is known."""
    value = request_value(request)
    assert request_from(json.loads(json.dumps(value))) == request
    assert request_from(value | {"novelty": 1}) == request


@given(edges(), st.data())
def test_a_cycle_is_one_and_goes_the_way_jobs_would(dependencies: list[dict[int, On]], data: st.DataObject) -> None:
    """Each named node waits for the one before it, and no graph with a cycle is taken."""
    links = {f"n{number}": {f"n{dependency}" for dependency in each} for number, each in enumerate(dependencies)}
    ring = data.draw(st.lists(st.sampled_from(sorted(links)), min_size=1, max_size=5, unique=True))
    for before, after in pairwise([*ring, ring[0]]):
        links[after].add(before)
    nodes = [
        Draft(f"nodes.{name}", name, JobRequest("ok"), tuple(map(Wanted, sorted(each)))) for name, each in links.items()
    ]
    with pytest.raises(InvalidWorkflowError, match="cycle") as caught:
        make(data.draw(st.permutations(nodes)))
    named = str(caught.value).partition("cycle: ")[2].split(" -> ")
    assert named[0] == named[-1]
    assert len(set(named)) == len(named) - 1
    assert all(before in links[after] for before, after in pairwise(named))


@given(drafts())
def test_a_critical_path_is_a_path_from_a_root(nodes: list[Draft]) -> None:
    """Before anything has run it is one of the longest."""
    graph = make(nodes)
    path = critical_path(graph, {})
    assert graph.nodes[path[0]].dependencies == ()
    assert all(before in {link.node for link in graph.nodes[after].dependencies} for before, after in pairwise(path))
    depths: list[int] = []
    for node in graph.nodes:
        depths.append(1 + max((depths[link.node] for link in node.dependencies), default=0))
    assert len(path) == max(depths)
    assert sum(progress(graph, {}, 0, made=False).values()) == len(nodes)


@given(json_values, json_values)
def test_resolving_changes_nothing_but_references(payload: Any, result: Any) -> None:
    """And what it puts in their places is the result as it is, whatever it looks like."""
    hostile = [result, {"$from": "a"}, {"$item": "@"}]
    template = {"payload": payload, "here": {"$from": "a"}}
    assert len(find(template)) == 1
    assert resolve(template, {"a": hostile}) == {"payload": payload, "here": hostile}
