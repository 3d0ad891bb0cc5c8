"""Jobs that make jobs and wait for them: workflows and forEach, whole or not at all, each part once."""

from typing import Any

import pytest

from tests.builders.faults import Counted, KilledError
from tests.builders.workflows import flow, node, order, parts, start, states
from tests.builders.world import IDS, SETTINGS, TENANT, World
from whendue.bootstrap.application import App
from whendue.jobs.dependencies import Upstream
from whendue.jobs.model import Job, State, evolve
from whendue.jobs.transitions import submit
from whendue.submission.dependency_edges import edges_of
from whendue.table.writes import delete

DIAMOND = (node("a"), node("b", "ok", {}, "a"), node("c", "ok", {}, "a"), node("d", "ok", {}, "b", "c"))


def test_a_diamond_runs_in_order_and_ends_with_its_last_node() -> None:
    """Without a tick of the timer."""
    world = World()
    whole = start(world, flow(*DIAMOND))
    world.work()
    ran = order(world)
    assert (ran[0], sorted(map(str, ran[1:3])), ran[3:]) == ("a", ["b", "c"], ["d"])
    assert world.view(whole).job.state is State.SUCCEEDED
    assert world.view(whole).result == {"nodes": 4}
    assert world.view(whole).job.attempt == 1


def test_results_are_passed_along_a_chain() -> None:
    """Each node adds one."""
    world = World()
    world.task("add", lambda payload, ctx: payload.to + 1)
    chain = [node("n0", "add", {"to": 0})]
    chain += [node(f"n{n}", "add", {"to": {"$from": f"n{n - 1}"}}, f"n{n - 1}") for n in range(1, 20)]
    whole = start(world, flow(*chain))
    world.work()
    assert order(world) == [f"n{n}" for n in range(20)]
    assert world.view(parts(world, whole, 20)[-1]).result == 20


def test_a_chord_gathers_the_results_of_its_header() -> None:
    """In their order, however they ended."""
    world = World()
    world.task("double", lambda payload, ctx: payload.of * 2)
    world.task("sum", lambda payload, ctx: sum(payload.values))
    header = [node(f"h{n}", "double", {"of": n}) for n in range(200)]
    names = [item.name for item in header]
    body = node("body", "sum", {"values": {"$from": names}}, *names, joins=True)
    whole = start(world, flow(*header, body))
    world.work()
    assert world.view(parts(world, whole, 201)[-1]).result == sum(range(200)) * 2
    assert world.job(whole).state is State.SUCCEEDED
    assert len(world.ran) == 201


@pytest.mark.parametrize(
    ("policy", "after_bad", "state"),
    [("cancel", "cancelled", "dead"), ("run", "succeeded", "dead"), ("hold", "waiting", "waiting")],
)
def test_a_failing_branch_does_what_its_policy_says(policy: Any, after_bad: str, state: str) -> None:
    """The other branch is not disturbed."""
    world = World()
    nodes = (node("bad", "bad"), node("after", "ok", {}, "bad", on_dependency_failure=policy), node("other"))
    whole = start(world, flow(*nodes))
    world.pass_time(300)
    by_name = {part.node: part.state.value for part in parts(world, whole, 3)}
    assert by_name == {"bad": "dead", "after": after_bad, "other": "succeeded"}
    assert world.job(whole).state.value == state


def test_a_failed_workflow_says_which_node_failed() -> None:
    """Its own attempts are not spent on it: nothing that it does again could help."""
    world = World()
    whole = start(world, flow(node("fetch", "bad")))
    world.work()
    job = world.job(whole)
    assert job.last is not None
    assert (job.last.type, job.failures) == ("workflow_failed", 1)
    assert "'fetch'" in job.last.message


def test_retry_runs_what_failed_and_what_hung_on_it() -> None:
    """What succeeded is left alone."""
    world = World()
    world.fails_first("second")
    whole = start(
        world, flow(node("a"), node("b", "second", {}, "a"), node("c", "ok", {}, "b"), node("d", "ok", {}, "c"))
    )
    world.work()
    assert states(world, whole, 4) == ["succeeded", "dead", "cancelled", "cancelled"]
    world.app.control.redrive(TENANT, whole.id)
    world.work()
    assert states(world, whole, 4) == ["succeeded"] * 4
    assert world.job(whole).state is State.SUCCEEDED
    assert order(world) == ["a", "b", "b", "c", "d"]


def test_a_workflow_cancelled_half_way_ends_cancelled_and_begins_nothing_more() -> None:
    """What has ended stays as it is."""
    world, flows = World(), list[Job]()

    def cancel(payload: Any, ctx: Any) -> None:
        world.app.control.cancel(TENANT, flows[0].id)

    world.task("cancel", cancel)
    flows.append(start(world, flow(node("a", "cancel"), node("b", "ok", {}, "a"), node("c", "ok", {}, "b"))))
    world.work()
    assert states(world, flows[0], 3) == ["succeeded", "cancelled", "cancelled"]
    assert world.job(flows[0]).state is State.CANCELLED
    assert order(world) == ["a"]


def test_a_workflow_past_its_deadline_is_dead_and_its_nodes_cancelled() -> None:
    """At the timer's next look."""
    world = World()
    nodes = (node("bad", "bad"), node("held", "ok", {}, "bad", on_dependency_failure="hold"))
    whole = start(world, flow(*nodes, deadline_s=90))
    world.pass_time(300)
    job = world.job(whole)
    assert job.last is not None
    assert (job.state, job.last.type) == (State.DEAD, "deadline_exceeded")
    assert states(world, whole, 2) == ["dead", "cancelled"]


def test_a_workflow_past_its_deadline_ends_though_one_of_its_nodes_is_gone() -> None:
    """Nobody knows what became of that one; the others are cancelled all the same."""
    world = World()
    held = [node(name, "ok", {}, "bad", on_dependency_failure="hold") for name in ("held", "gone")]
    whole = start(world, flow(node("bad", "bad"), *held, deadline_s=90))
    world.work()
    world.table.apply([delete("gone", parts(world, whole, 3)[2].key)])
    world.pass_time(200)
    assert states(world, whole, 3) == ["dead", "cancelled"]
    assert world.app.runtime.bulkhead.take() == {}


def test_for_each_runs_once_for_each_item_and_gives_the_list_of_results() -> None:
    """And what comes after it gets the list."""
    world = World()
    world.task("fetch", lambda payload, ctx: {"items": [{"n": n} for n in range(5)]})
    world.task("square", lambda payload, ctx: payload.n**2)
    nodes = (
        node("fetch", "fetch"),
        node("squares", "square", {"n": {"$item": "n"}}, "fetch", for_each={"$from": "fetch", "path": "items"}),
        node("last", "ok", {"all": {"$from": "squares"}}, "squares"),
    )
    whole = start(world, flow(*nodes))
    world.work()
    assert world.job(whole).state is State.SUCCEEDED
    assert world.view(parts(world, whole, 3)[2]).result["all"] == [0, 1, 4, 9, 16]
    assert order(world) == ["fetch", *(f"squares[{n}]" for n in range(5)), "last"]


@pytest.mark.parametrize(
    ("items", "state", "why"),
    [([], "succeeded", None), ("text", "dead", "bad_reference"), ([1] * 1001, "dead", "bad_reference")],
)
def test_for_each_over_nothing_over_no_list_and_over_too_many(items: Any, state: str, why: str | None) -> None:
    """Bounded, and clear."""
    world = World()
    world.task("fetch", lambda payload, ctx: items)
    nodes = (node("fetch", "fetch"), node("each", "ok", {}, "fetch", for_each={"$from": "fetch"}))
    whole = start(world, flow(*nodes))
    world.work()
    each = parts(world, whole, 2)[1]
    assert (each.state.value, each.last.type if each.last else None) == (state, why)


def test_for_each_with_a_failing_item_is_dead_and_a_retry_runs_that_item_alone() -> None:
    """The others have done their work."""
    world = World()
    broken = {2}

    def picky(payload: Any, ctx: Any) -> int:
        if payload.n in broken:
            raise RuntimeError("no")
        return int(payload.n)

    world.task("fetch", lambda payload, ctx: [0, 1, 2, 3])
    world.task("picky", picky)
    nodes = (
        node("fetch", "fetch"),
        node("each", "picky", {"n": {"$item": "@"}}, "fetch", for_each={"$from": "fetch"}),
    )
    whole = start(world, flow(*nodes))
    world.work()
    each = parts(world, whole, 2)[1]
    assert each.last is not None
    assert (each.state, each.last.type) == (State.DEAD, "items_failed")
    broken.clear()
    world.app.control.redrive(TENANT, whole.id)
    world.work()
    assert world.job(whole).state is State.SUCCEEDED
    assert world.view(parts(world, whole, 2)[1]).result == [0, 1, 2, 3]
    assert order(world).count("each[0]") == 1
    assert order(world).count("each[2]") == 2


@pytest.mark.thorough
def test_a_workflow_of_a_thousand_nodes_ends() -> None:
    """The most that is accepted."""
    world = World()
    nodes = [node("n0")] + [node(f"n{n}", "ok", {}, f"n{(n - 1) // 4}") for n in range(1, 1000)]
    whole = start(world, flow(*nodes))
    world.pass_time(400)
    assert world.job(whole).state is State.SUCCEEDED
    assert len(world.ran) == 1000


def _worked(world: World, app: App) -> None:
    start(world, flow(*DIAMOND, idempotency_key="flow"))
    world.work(app)


def _calls() -> int:
    world, calls = World(), list[str]()
    _worked(world, world.build(Counted(world.table, calls), Counted(world.queues, calls)))
    return len(calls)


@pytest.mark.sampled(7)
@pytest.mark.parametrize("late", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("number", range(_calls()))
def test_a_worker_that_dies_at_any_call_leaves_no_half_a_workflow(number: int, late: bool) -> None:
    """It is finished by the next one; each node runs once, but for one whose worker died."""
    world, calls = World(), list[str]()
    ports = [Counted(port, calls, number, after=late) for port in (world.table, world.queues)]
    with pytest.raises(KilledError):
        _worked(world, world.build(*ports))
    world.pass_time(1200)
    whole = start(world, flow(*DIAMOND, idempotency_key="flow"))
    assert world.job(whole).state is State.SUCCEEDED
    assert states(world, whole, 4) == ["succeeded"] * 4
    assert not any("pending_fan_out" in item for item in world.table.items().values())


@pytest.mark.parametrize(("end", "state"), [("none", "waiting"), ("cancelled", "cancelled"), ("gone", "cancelled")])
def test_a_member_whose_dependency_was_never_made_is_cancelled_once_its_workflow_has_ended(
    end: str, state: str
) -> None:
    """Found in random world 75537: it ran. While the workflow lives, somebody may still make the dependency."""
    world = World()
    whole = start(world, flow(*DIAMOND, due_at=world.clock.now_ms() + 7_200_000))
    orphan = evolve(
        whole,
        id=IDS.of_member(whole.member_id_base, 1),
        type="ok",
        state=State.WAITING,
        unmet_dependencies=frozenset({0}),
        parent_id=whole.id,
        member_number=1,
        expands=None,
        check_at=world.clock.now_ms() + 60_000,
    )
    made = [
        submit(orphan, SETTINGS.timing),
        *edges_of(orphan, [Upstream(IDS.of_member(whole.member_id_base, 0), "done")]),
    ]
    assert all(end.done for end in world.table.apply(made))
    if end == "cancelled":
        world.app.control.cancel(TENANT, whole.id)
    if end == "gone":
        del world.table.rows[whole.key]
    world.pass_time(1000)
    # As stored: what has ended is not shown any more once its workflow is gone.
    assert world.table.items()[orphan.key]["state"] == state
    assert world.ran == []
