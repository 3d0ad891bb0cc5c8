"""Chains, groups and chords: which steps they are, what each waits for, and what it gets."""

import itertools
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whendue.declarations.calls.model import Call, WorkflowCall
from whendue.declarations.calls.signatures import Canvas, Signature, Workflow, chain, chord, group, previous
from whendue.errors import InvalidRequestError, PayloadTooLargeError
from whendue.quotas import MEMBERS_MAX, NAME_BYTES, WORKFLOW_DEPTH
from whendue.submission.request import JobRequest
from whendue.workflows.graph import Draft, Wanted, make


def s(name: str, payload: Any = ..., **options: Any) -> Signature:
    return Signature(name, **options) if payload is ... else Signature(name, payload, **options)


def shown(canvas: Workflow) -> list[tuple[str, Any, tuple[str, ...]]]:
    return [(step.name, step.call.payload, step.waits_for) for step in canvas.call().steps]


def test_a_step_of_a_chain_gets_the_result_of_the_one_before_it() -> None:
    """Unless it has a payload of its own."""
    assert shown(chain(s("a", {"n": 1}), s("b"), s("c", {"n": 2}))) == [
        ("a", {"n": 1}, ()),
        ("b", {"$from": "a"}, ("a",)),
        ("c", {"n": 2}, ("b",)),
    ]


def test_the_first_step_without_a_payload_gets_an_empty_one() -> None:
    """As a job of no workflow."""
    assert shown(chain(s("a"))) == [("a", {}, ())]
    assert shown(group(s("a"), s("a"))) == [("a", {}, ()), ("a-2", {}, ())]


def test_a_payload_may_refer_to_what_comes_before_it() -> None:
    """Anywhere in it, with a path and a default."""
    payload = {"fixed": 1, "list": [previous("x[0]"), previous(default=None)], "$other": "$from"}
    [_, (_, sent, _)] = shown(chain(s("a"), s("b", payload)))
    assert sent == {
        "fixed": 1,
        "list": [{"$from": "a", "path": "x[0]"}, {"$from": "a", "default": None}],
        "$other": "$from",
    }


def test_a_chords_callback_gets_the_results_of_its_group_as_a_list() -> None:
    """In the order of the group; and so does whatever follows a group in a chain."""
    steps = [
        ("a", {"n": 0}, ()),
        ("a-2", {"n": 1}, ()),
        ("b", {"$from": ["a", "a-2"]}, ("a", "a-2")),
    ]
    header = [s("a", {"n": n}) for n in range(2)]
    assert shown(chord(header, s("b"))) == steps
    assert shown(chord(iter(header), s("b"))) == steps
    assert shown(chord(group(header), s("b"))) == steps
    assert shown(group(*header) | s("b")) == steps


def test_a_group_in_a_chain_gets_the_result_of_the_step_before_it() -> None:
    """Each of its members does."""
    assert shown(chain(s("a"), group(s("b"), s("c", {"x": previous("y")})), s("d"))) == [
        ("a", {}, ()),
        ("b", {"$from": "a"}, ("a",)),
        ("c", {"x": {"$from": "a", "path": "y"}}, ("a",)),
        ("d", {"$from": ["b", "c"]}, ("b", "c")),
    ]


def test_chains_in_a_group_result_in_their_last_steps() -> None:
    """What follows waits for these alone."""
    assert shown(chord([chain(s("a"), s("b")), s("c")], s("d")))[-1] == ("d", {"$from": ["b", "c"]}, ("b", "c"))


def test_a_group_in_a_group_results_in_a_list_of_lists() -> None:
    """As deep as it is nested; a part of it cannot be referred to by a path."""
    nested = [group(s("a"), s("b")), s("c")]
    assert shown(chord(nested, s("d", {"all": previous()})))[-1] == (
        "d",
        {"all": [{"$from": ["a", "b"]}, {"$from": "c"}]},
        ("a", "b", "c"),
    )
    with pytest.raises(InvalidRequestError, match="neither a path nor a default"):
        chord(nested, s("d", {"first": previous("[0]")})).call()


def test_nothing_comes_before_the_first_step() -> None:
    """So it cannot refer to it, nor can a job that stands alone."""
    with pytest.raises(InvalidRequestError, match="nothing comes before it"):
        chain(s("a", {"x": previous()}), s("b")).call()
    with pytest.raises(InvalidRequestError, match="nothing comes before it"):
        s("a", {"x": previous()}).submit()


def test_a_chain_in_a_chain_is_its_members() -> None:
    """However it is put together."""
    one_by_one = s("a") | s("b") | chain(s("c"), s("d"))
    assert shown(one_by_one) == shown(chain([s("a"), s("b"), s("c"), s("d")]))


def test_steps_have_readable_names_of_their_own() -> None:
    """That of the task, numbered; or one that was given."""
    long = "x" * NAME_BYTES
    steps = chain(s("a"), s("a"), s("a-2"), s("a"), s("previous"), s("b", step_name="a"), s(long), s(long)).call().steps
    names = [step.name for step in steps]
    assert names[:6] == ["a", "a-2", "a-2-2", "a-3", "previous-2", "a-4"]
    assert names[6:] == [long, f"{'x' * (NAME_BYTES - 2)}-2"]


def test_fields_of_steps_and_of_the_workflow_are_kept() -> None:
    """`set` returns another signature."""
    first = s("a", {"n": 1}, retries=1)
    other = first.set(priority="high", in_=60, step_name="first")
    call = chain(other, first).call("k", in_=5, tags={"a": "b"}, deadline_seconds=600)
    assert isinstance(call, WorkflowCall)
    assert (call.key, call.delay_s, call.fields) == ("k", 5, {"tags": {"a": "b"}, "deadline_seconds": 600})
    assert [step.call for step in call.steps] == [
        Call(type="a", payload={"n": 1}, delay_s=60, fields={"retries": 1, "priority": "high"}),
        Call(type="a", payload={"n": 1}, fields={"retries": 1}),
    ]
    assert call.steps[0].name == "first"


@pytest.mark.parametrize("options", [{"at": None}, {"key": "k"}, {"depends_on": ["x"]}])
def test_a_step_has_neither_a_time_nor_a_key_of_its_own(options: dict[str, Any]) -> None:
    """They are the workflow's."""
    with pytest.raises(TypeError, match=f"unknown field {next(iter(options))}"):
        chain(s("a", **options)).call()


def test_only_signatures_are_members() -> None:
    """A task that was forgotten to be one, or called, is named."""
    wrong: Any = {"type": "a"}
    with pytest.raises(TypeError, match=r"as task\.s\(\.\.\.\), not dict"):
        chain(s("a"), wrong)


# --- bounds ------------------------------------------------------------------------------------------------------


def test_what_is_too_large_is_refused_before_it_is_sent() -> None:
    """With the bound that it exceeds; an iterable without an end is one that is too large."""
    with pytest.raises(InvalidRequestError, match=f"1 to {MEMBERS_MAX} jobs, not {MEMBERS_MAX + 1}"):
        group(s("a") for _ in itertools.count())
    for make_empty in (chain, group):
        with pytest.raises(InvalidRequestError, match="not 0"):
            make_empty()
    with pytest.raises(InvalidRequestError, match="dependencies, not 250000"):
        chain(group(s("a") for _ in range(500)), group(s("b") for _ in range(500))).call()
    with pytest.raises(InvalidRequestError, match=f"at most {WORKFLOW_DEPTH} jobs in one chain"):
        chain(s("a") for _ in range(WORKFLOW_DEPTH + 1)).call()
    with pytest.raises(PayloadTooLargeError, match="together"):
        chain(s("a", {"x": "x" * 1_000_000}) for _ in range(5)).call()


def test_nesting_has_a_bound() -> None:
    """Below Python's own."""
    nested = group(s("a"))
    for _ in range(WORKFLOW_DEPTH - 1):
        nested = group(nested)
    assert len(nested.call().steps) == 1
    with pytest.raises(InvalidRequestError, match="nested at most"):
        group(nested)


# --- laws --------------------------------------------------------------------------------------------------------


def canvases() -> st.SearchStrategy[Canvas]:
    signatures = st.sampled_from("abc").map(s) | st.sampled_from("abc").map(lambda name: s(name, {"x": [1]}))
    return st.recursive(signatures, workflows_of, max_leaves=20)


def workflows_of(inner: st.SearchStrategy[Canvas]) -> st.SearchStrategy[Canvas]:
    members = st.lists(inner, min_size=1, max_size=4)
    return members.map(chain) | members.map(group)


@given(canvases())
def test_any_canvas_is_a_workflow_that_the_server_accepts(canvas: Canvas) -> None:
    """Names are its own, steps come after those that they wait for, and references are to these alone."""
    call = chain(canvas, s("end")).call()
    assert len(call.steps) == canvas.size + 1
    drafts = [
        Draft(
            step.name,
            step.name,
            JobRequest(step.call.type, step.call.payload),
            tuple(map(Wanted, step.waits_for)),
            joins=True,
        )
        for step in call.steps
    ]
    graph = make(drafts)
    assert [node.name for node in graph.nodes] == [step.name for step in call.steps]
    assert json.loads(json.dumps([step.call.payload for step in call.steps]))


@given(canvases())
def test_the_last_step_waits_for_all_that_nothing_else_waits_for(canvas: Canvas) -> None:
    """So that a workflow's end is the end of all its jobs."""
    *steps, end = chain(canvas, s("end")).call().steps
    awaited = {name for step in steps for name in step.waits_for}
    assert set(end.waits_for) == {step.name for step in steps} - awaited
