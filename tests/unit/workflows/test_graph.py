"""Graphs of workflows: how one is read, how it ends, which chain decides its end."""

from typing import Any

import pytest

from whendue.errors import InvalidReferenceError, InvalidWorkflowError
from whendue.jobs.dependencies import DEPENDENCY_FAILED, NOT_TAKEN, On
from whendue.jobs.model import Failure, Job, Policy, State, evolve
from whendue.quotas import CYCLE_NODES, DEPENDENCIES, WORKFLOW_DEPTH, WORKFLOW_EDGES, WORKFLOW_ERRORS
from whendue.submission.request import JobRequest
from whendue.workflows.canvas import chain, chord, group
from whendue.workflows.graph import Draft, Graph, Wanted, check, from_value, make, outcome, to_value
from whendue.workflows.progress import critical_path, progress

NOW_MS = 1_800_000_000_000


def draft(name: str, *dependencies: str | Wanted, payload: Any = None, **more: Any) -> Draft:
    wanted = tuple(Wanted(dependency) if isinstance(dependency, str) else dependency for dependency in dependencies)
    return Draft(f"nodes.{name}", name, JobRequest("ok", payload), wanted, **more)


def handled_by(dependency: str, on: On) -> Wanted:
    return Wanted(dependency, on)


def job(state: State, cause: str | None = None, at_s: int = 0, **more: Any) -> Job:
    """A job in a state, finished or begun so many seconds from now."""
    at_ms = NOW_MS + at_s * 1000
    last = Failure(cause, "", "", "", 1, 1, at_ms) if cause else None
    base = Job("id", "acme", "ok", "normal", "default", "live#normal#0", 0, 0, 0, "hash", Policy(), last=last)
    times = {"finished_at": at_ms} if state in (State.SUCCEEDED, State.DEAD, State.CANCELLED) else {}
    return evolve(base, state=state, **times | more)


def ends_of(graph: Graph, **states: str) -> dict[int, Job | None]:
    """Jobs of the nodes of a graph, that ended so."""
    known = {
        "ok": job(State.SUCCEEDED),
        "dead": job(State.DEAD, "RuntimeError"),
        "cancelled": job(State.CANCELLED),
        "left": job(State.CANCELLED, DEPENDENCY_FAILED),
        "not_taken": job(State.CANCELLED, NOT_TAKEN),
        # Each of these was redriven, and cancelled by somebody.
        "left once": job(State.CANCELLED, DEPENDENCY_FAILED, generation=2),
        "not_taken once": job(State.CANCELLED, NOT_TAKEN, generation=2),
        "gone": None,
    }
    return {number: known[states.get(node.name, "ok")] for number, node in enumerate(graph.nodes)}


# --- outcome -----------------------------------------------------------------------------------------------------

CATCH = make([draft("a"), draft("b", "a"), draft("c", "b"), draft("catch", handled_by("a", "failure"))])
FINALLY = make([draft("a"), draft("b", "a"), draft("last", handled_by("b", "done"))])


@pytest.mark.parametrize(
    ("graph", "states", "named"),
    [
        (CATCH, {"catch": "not_taken"}, None),
        # Handled, and with it what hung on it.
        (CATCH, {"a": "dead", "b": "left", "c": "left"}, None),
        (CATCH, {"a": "cancelled", "b": "left", "c": "left"}, None),
        # The handler failed.
        (CATCH, {"a": "dead", "b": "left", "c": "left", "catch": "dead"}, "catch"),
        # Another one failed, and nobody handles that.
        (CATCH, {"b": "dead", "c": "left", "catch": "not_taken"}, "b"),
        (CATCH, {"c": "cancelled", "catch": "not_taken"}, "c"),
        (CATCH, {"c": "gone", "catch": "not_taken"}, "c"),
        (CATCH, {"a": "dead", "b": "left once", "c": "left"}, "b"),
        # The one that it was cancelled for has been redriven since, by itself, and succeeded.
        (CATCH, {"b": "left", "c": "left", "catch": "not_taken"}, "b"),
        (CATCH, {"catch": "not_taken once"}, "catch"),
        # It is the dead one that is named, not the one that was cancelled for it.
        (FINALLY, {"a": "dead", "b": "left"}, "a"),
        (FINALLY, {"b": "dead"}, None),
        (FINALLY, {"last": "dead"}, "last"),
    ],
)
def test_an_outcome_names_the_failure_that_nobody_handles(graph: Graph, states: Any, named: str | None) -> None:
    """And none where all are handled."""
    assert outcome(graph, ends_of(graph, **states)) == named


def test_a_node_is_excused_only_if_all_it_was_cancelled_for_is_handled() -> None:
    """One of two failures was not."""
    nodes = [draft("a"), draft("x"), draft("both", "a", "x"), draft("catch", handled_by("a", "failure"))]
    graph = make([*nodes, draft("finally", handled_by("x", "done"))])
    assert outcome(graph, ends_of(graph, a="dead", both="left")) is None
    assert outcome(graph, ends_of(graph, a="dead", x="dead", both="left")) == "both"


def test_a_dependency_on_any_end_is_not_the_cause_of_a_cancelled_node() -> None:
    """That it failed, too, takes no excuse away."""
    nodes = [draft("a"), draft("x"), draft("both", "a", handled_by("x", "done"))]
    graph = make([*nodes, draft("catch", handled_by("a", "failure"))])
    assert outcome(graph, ends_of(graph, a="dead", x="dead", both="left")) is None


# --- reading -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "nodes",
    [
        [],
        [{"name": "a", "request": {"type": "ok"}}, {"name": "a", "request": {"type": "ok"}}],
        [{"name": "a", "request": {"type": "ok"}, "dependencies": [[0, "done"]]}],
        [
            {"name": "a", "request": {"type": "ok"}, "dependencies": [[1, "done"]]},
            {"name": "b", "request": {"type": "ok"}},
        ],
        [
            {"name": "a", "request": {"type": "ok"}},
            {"name": "b", "request": {"type": "ok"}, "dependencies": [[-1, "done"]]},
        ],
        [
            {"name": "a", "request": {"type": "ok"}},
            {"name": "b", "request": {"type": "ok"}, "dependencies": [[0, "end"]]},
        ],
        [{"name": "a", "request": {"type": "ok"}, "on_dependency_failure": "wait"}],
        [
            {"name": "a", "request": {"type": "ok"}},
            {"name": "b", "request": {"type": "ok"}, "dependencies": [[0, "done"], [0, "success"]]},
        ],
    ],
)
def test_json_that_no_graph_was_written_as_is_refused(nodes: Any) -> None:
    """It would be expanded to jobs that wait for nobody, or for ever."""
    with pytest.raises(InvalidWorkflowError):
        check(from_value({"nodes": nodes}))


def test_a_reference_in_json_is_checked_again() -> None:
    """Against the dependencies that the JSON names."""
    graph = make([draft("a"), draft("b", "a", payload={"x": {"$from": "a"}})])
    value = to_value(graph)
    check(from_value(value))
    del value["nodes"][1]["dependencies"]
    with pytest.raises(InvalidReferenceError):
        check(from_value(value))


def test_what_a_newer_version_adds_to_a_node_is_ignored() -> None:
    """Both run side by side while a deploy is rolled out."""
    graph = make([draft("a"), draft("b", "a")], 60)
    value = to_value(graph) | {"novelty": 1}
    value["nodes"][0] |= {"novelty": 1}
    assert from_value(value) == graph


# --- limits ------------------------------------------------------------------------------------------------------


def test_a_chain_may_be_so_deep_and_no_deeper() -> None:
    """And the answer names the first node that is too deep."""
    steps = [Draft(f"chain.{n}", "", JobRequest("ok")) for n in range(WORKFLOW_DEPTH + 1)]
    make(chain(steps[:-1]))
    with pytest.raises(InvalidWorkflowError, match=f"nodes.step-{WORKFLOW_DEPTH + 1}"):
        make(chain(steps))


def test_a_node_may_have_so_many_dependencies_and_a_chord_more() -> None:
    """The header of a chord counts as one."""
    header = [Draft(f"chord.group.{n}", "", JobRequest("ok")) for n in range(DEPENDENCIES + 1)]
    body = Draft("chord.body", "", JobRequest("ok"))
    assert len(make(chord(header, body)).nodes[-1].dependencies) == DEPENDENCIES + 1
    nodes = group(header)
    make([*nodes, draft("z", *(node.name for node in nodes[:DEPENDENCIES]))])
    with pytest.raises(InvalidWorkflowError, match="dependsOn: must name at most 100 nodes"):
        make([*nodes, draft("z", *(node.name for node in nodes))])


def test_there_may_be_so_many_edges() -> None:
    """What expands a workflow writes a note for each."""
    first = [draft(f"a{n}") for n in range(DEPENDENCIES)]
    count = WORKFLOW_EDGES // DEPENDENCIES
    second = [draft(f"b{n}", *(node.name for node in first)) for n in range(count)]
    make([*first, *second])
    with pytest.raises(InvalidWorkflowError, match="dependencies"):
        make([*first, *second, draft("one", "a0")])


def test_an_answer_names_so_many_mistakes_and_no_more() -> None:
    """A thousand of them help nobody."""
    with pytest.raises(InvalidWorkflowError) as caught:
        make([draft(f"n{n}", "nobody") for n in range(WORKFLOW_ERRORS + 5)])
    places: Any = caught.value.details["errors"]
    assert len(places) == WORKFLOW_ERRORS
    with pytest.raises(InvalidReferenceError) as referring:
        make([draft(f"n{n}", payload={"$from": "x"}) for n in range(WORKFLOW_ERRORS + 5)])
    places = referring.value.details["errors"]
    assert len(places) == WORKFLOW_ERRORS


def test_a_long_cycle_is_named_in_short() -> None:
    """By its ends."""
    count = CYCLE_NODES * 2
    with pytest.raises(InvalidWorkflowError) as caught:
        make([draft(f"n{n}", f"n{(n - 1) % count}") for n in range(count)])
    assert str(caught.value).count("->") == CYCLE_NODES
    assert " -> ... -> " in str(caught.value)


# --- shorthands --------------------------------------------------------------------------------------------------


def test_a_chords_body_refers_to_its_group_wherever_references_stand() -> None:
    """In the payload at any depth, and in forEach; data that looks like one is left alone."""
    header = [Draft("chord.group.0", "a", JobRequest("ok")), Draft("chord.group.1", "", JobRequest("ok"))]
    payload = {
        "deep": [{"all": {"$from": "group", "path": "[0]"}}],
        "one": {"$from": "a", "default": {"$from": "group"}},
    }
    body = Draft("chord.body", "", JobRequest("ok", payload), for_each={"$from": "group"})
    last = make(chord(header, body)).nodes[-1]
    assert last.name == "body"
    assert last.request.payload == {
        "deep": [{"all": {"$from": ["a", "job-2"], "path": "[0]"}}],
        "one": {"$from": "a", "default": {"$from": "group"}},
    }
    assert last.for_each == {"$from": ["a", "job-2"]}
    assert make(chord(header, draft("sum"))).nodes[-1].name == "sum"


# --- picture -----------------------------------------------------------------------------------------------------

DIAMOND = make([draft("top"), draft("left", "top"), draft("right", "top"), draft("last", "left", "right")])


def path_of(graph: Graph, jobs: dict[int, Job | None]) -> list[str]:
    return [graph.nodes[number].name for number in critical_path(graph, jobs)]


@pytest.mark.parametrize(
    ("jobs", "path"),
    [
        # Nothing is known yet.
        ({}, ["top", "right", "last"]),
        # Left ended later than right.
        (
            {
                0: job(State.SUCCEEDED, at_s=1),
                1: job(State.SUCCEEDED, at_s=9),
                2: job(State.SUCCEEDED, at_s=5),
                3: job(State.SUCCEEDED, at_s=10),
            },
            ["top", "left", "last"],
        ),
        # Left has not ended, right has.
        (
            {
                0: job(State.SUCCEEDED, at_s=1),
                1: job(State.RUNNING, started_at=NOW_MS + 2000),
                2: job(State.SUCCEEDED, at_s=5),
                3: job(State.WAITING),
            },
            ["top", "left", "last"],
        ),
        # Both run, right began later.
        (
            {
                0: job(State.SUCCEEDED, at_s=1),
                1: job(State.RUNNING, started_at=NOW_MS + 4000),
                2: job(State.RUNNING, started_at=NOW_MS + 5000),
                3: job(State.WAITING),
            },
            ["top", "right", "last"],
        ),
        # The last one was not taken: it decided nothing.
        (
            {
                0: job(State.SUCCEEDED, at_s=1),
                1: job(State.SUCCEEDED, at_s=2),
                2: job(State.SUCCEEDED, at_s=3),
                3: job(State.CANCELLED, NOT_TAKEN, at_s=9),
            },
            ["top", "right"],
        ),
    ],
)
def test_the_critical_path_decides_the_end(jobs: dict[int, Job | None], path: list[str]) -> None:
    """Of what has ended by time, of the rest by what is still to run."""
    assert path_of(DIAMOND, jobs) == path


def test_progress_counts_every_node_once() -> None:
    """Those that are not there are planned before the jobs are made, and gone after."""
    jobs = {0: job(State.SUCCEEDED), 1: job(State.CANCELLED, NOT_TAKEN), 2: job(State.DEAD)}
    before = progress(DIAMOND, {}, NOW_MS, made=False)
    after = progress(DIAMOND, jobs, NOW_MS, made=True)
    assert before == {"planned": 4}
    assert after == {"succeeded": 1, "not_taken": 1, "dead": 1, "gone": 1}
