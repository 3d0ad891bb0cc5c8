"""What jobs keep to that make others: parts are made once, begun again as they stand, stopped where they run."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import pytest

from tests.builders.dependencies import Costed, after, claimed, many, unavailable
from tests.builders.faults import KilledError, Refusing
from tests.builders.samples import a_job
from tests.builders.workflows import a_whole, flow, node, order, parts, start, states
from tests.builders.world import IDS, TENANT, World
from whendue.engine.apply import send
from whendue.engine.cancel_members import CancelledMembers, cancel_members
from whendue.engine.ports import Item, ReceivedMessage, WriteResult, WriteStatus
from whendue.errors import UnavailableError
from whendue.jobs.dependency_transitions import cancel_unsatisfied
from whendue.jobs.failures import failure
from whendue.jobs.model import Job, State, evolve, to_item
from whendue.jobs.transition import Transition
from whendue.jobs.transitions import fail
from whendue.quotas import WORKFLOW_ATTEMPTS, WORKFLOW_TIMEOUT_S
from whendue.settings import Timing
from whendue.submission.request import JobRequest
from whendue.table.keys import Key
from whendue.table.writes import Write, delete, insert
from whendue.worker.claimed_job import claimed as prepared
from whendue.workflows.graph import Draft, Wanted


def one_batch(world: World) -> None:
    """Let a worker handle what is in the queue now, and nothing that follows."""
    world.app.work.handle(world.queues.receive("normal"), world.clock.now_ms() + 60_000)


def why(world: World, job: Job) -> str | None:
    """Read the cause of an end."""
    last = world.job(job).last
    return last.type if last else None


# --- stopping parts ----------------------------------------------------------------------------------------------


def test_what_has_ended_stays_as_it_is_when_its_whole_stops() -> None:
    """The whole may not have heard of it yet."""
    world = Costed()
    done = world.submit()
    world.work()
    assert world.writes(lambda: cancel_members(world.app.runtime, [world.job(done)])) == {}
    assert world.job(done).state is State.SUCCEEDED


def test_what_was_asked_to_stop_is_not_asked_again() -> None:
    """Each look of the whole would cost a write of each part."""
    world = Costed()
    runs = claimed(world)
    assert world.writes(lambda: cancel_members(world.app.runtime, [world.job(runs)])) == {"request_cancel": 1}
    assert world.writes(lambda: cancel_members(world.app.runtime, [world.job(runs)])) == {}


def test_a_part_that_has_its_own_parts_behind_it_is_cancelled_before_it_gathers() -> None:
    """It waits for nobody whom it would have to stop, and nobody could claim it after it was asked to."""
    world = World()
    job = a_job("0" * 36, expands="for_each", member_count=2)
    world.table.apply([insert("stands", job.key, to_item(job))])
    cancel_members(world.app.runtime, [job])
    assert world.job(job).state is State.CANCELLED


def test_a_member_that_began_meanwhile_is_asked_to_stop_and_has_no_fan_out_before_its_end() -> None:
    """Its worker decides; who waits for it goes on waiting."""
    world = World()
    began = claimed(world)
    dependent = world.submit(depends_on=after(began))
    assert cancel_members(world.app.runtime, [a_job(began.id)]) == CancelledMembers([], all=True)
    assert (world.job(began).state, world.job(began).cancel_requested) == (State.RUNNING, True)
    assert world.job(dependent).state is State.WAITING


def test_a_part_that_vanished_meanwhile_is_not_waited_for() -> None:
    """Items vanish by TTL."""
    cancel_members(World().app.runtime, [a_job("0" * 36)])


def test_what_is_stopped_is_not_read_again() -> None:
    """A thousand parts are written once."""
    world, read = World(), list[int]()

    def noted(keys: Sequence[Key]) -> list[Item | None]:
        read.append(len(keys))
        return world.table.get(keys)

    jobs = many(world, *[JobRequest("ok", {}, delay_s=60)] * 3)
    app = world.build(store=Refusing(world.table, "get", noted))
    assert cancel_members(app.runtime, jobs) == CancelledMembers([], all=True)
    assert sum(read) == 0
    assert {world.job(job).state for job in jobs} == {State.CANCELLED}


def test_a_workflow_that_stops_stops_the_items_of_its_for_each_and_ends_after_them() -> None:
    """The forEach waits for them as the workflow waits for it."""
    world, flows = World(), list[Job]()

    def cancel(payload: Any, ctx: Any) -> None:
        world.app.control.cancel(TENANT, flows[0].id)

    world.task("fetch", lambda payload, ctx: list(range(40)))
    world.task("cancel", cancel)
    each = node("each", "cancel", {"n": {"$item": "@"}}, "fetch", for_each={"$from": "fetch"})
    flows.append(start(world, flow(node("fetch", "fetch"), each)))
    world.work()
    [_, whole] = parts(world, flows[0], 2)
    items = parts(world, whole, 40)
    assert (world.job(flows[0]).state, whole.state) == (State.CANCELLED, State.CANCELLED)
    assert all(item.terminal for item in items)
    assert len(world.ran) < 40
    assert (whole.finished_at or 0) >= max(item.finished_at or 0 for item in items)


def half_made(world: World, *nodes: Draft) -> Job:
    """Let a worker make all nodes of a workflow but the last, which the table does not take; the next one is to."""

    def deaf(writes: Sequence[Write]) -> list[WriteResult]:
        last = IDS.of_member(whole.member_id_base, len(nodes) - 1)
        lost = [write.name == "submit" and write.key.pk.endswith(last) for write in writes]
        pairs = zip(lost, writes, strict=True)
        return [WriteResult(WriteStatus.UNAVAILABLE) if gone else world.table.apply([item])[0] for gone, item in pairs]

    whole = start(world, flow(*nodes))
    app = world.build(store=Refusing(world.table, "apply", deaf))
    app.work.handle(world.queues.receive("normal"), world.clock.now_ms() + 60_000)
    assert (world.job(whole).state, len(parts(world, whole, len(nodes)))) == (State.PENDING, len(nodes) - 1)
    return whole


def test_a_workflow_that_is_cancelled_with_half_its_nodes_made_runs_none_of_them() -> None:
    """docs/guide/workflows.md: nodes that have not begun never run. A retry runs them all."""
    world = World()
    whole = half_made(world, node("a"), node("b"), node("c", "ok", {}, "b"))
    world.app.control.cancel(TENANT, whole.id)
    assert states(world, whole, 3) == ["cancelled", "cancelled"]
    world.pass_time(120)
    assert (world.job(whole).state, world.job(whole).pending_fan_out, world.ran) == (State.CANCELLED, None, [])
    world.app.control.redrive(TENANT, whole.id)
    world.work()
    assert (world.job(whole).state, order(world)) == (State.SUCCEEDED, ["a", "b", "c"])


@pytest.mark.parametrize("creator", ["goes on", "dies"])
@pytest.mark.parametrize("again", [False, True])
def test_a_workflow_that_is_cancelled_while_it_creates_its_nodes_runs_none_of_them(
    creator: str, *, again: bool
) -> None:
    """30 of 30 ran: they were sent before the workflow waited for them, and its cancel was not looked at (G9)."""
    world, calls = World(), list[str]()
    if again:
        world.task("ok", lambda payload, ctx: None)
        world.task("bad", lambda payload, ctx: 1 / 0)

    def created(writes: Sequence[Write]) -> list[WriteResult]:
        results = world.table.apply(writes)
        calls.extend(write.name for write in writes if isinstance(write, Transition) and write.job.parent_id)
        if calls[-1:] == ["redrive" if again else "submit"]:
            table.on = False
            assert world.app.control.cancel(TENANT, whole.id).cancel_requested
            world.work()
            if creator == "dies":
                raise KilledError
        return results

    whole = start(
        world, flow(*[node(f"n{n}", "bad" if again else "ok", policy={"max_attempts": 1}) for n in range(30)])
    )
    if again:
        world.work()
        assert len(world.ran) == 30
        world.app.control.redrive(TENANT, whole.id)
        world.ran.clear()
    table = Refusing(world.table, "apply", created)
    with suppress(KilledError):
        world.build(store=table).work.handle(world.queues.receive("normal"), world.clock.now_ms() + 60_000)
    assert calls.count("redrive" if again else "submit") >= 25
    world.pass_time(600)
    assert world.ran == []
    assert states(world, whole, 30) == ["cancelled"] * len(states(world, whole, 30))
    assert (world.job(whole).state, world.job(whole).pending_fan_out) == (State.CANCELLED, None)


def test_the_nodes_of_a_workflow_whose_worker_dies_before_it_sends_them_run_all_the_same() -> None:
    """Their next checks bring them (G6)."""
    world = World()
    whole = start(world, flow(node("a"), node("b")))

    def lost(queue: str, messages: Sequence[object]) -> list[bool]:
        raise KilledError

    with suppress(KilledError):
        app = world.build(queue=Refusing(world.queues, "send", lost))
        app.work.handle(world.queues.receive("normal"), world.clock.now_ms() + 60_000)
    assert (world.job(whole).state, states(world, whole, 2)) == (State.WAITING, ["pending"] * 2)
    world.pass_time(180)
    assert world.job(whole).state is State.SUCCEEDED


def test_nodes_are_cancelled_at_a_check_if_the_cancel_of_the_workflow_could_not() -> None:
    """It is not forgotten before they are."""
    world = World()
    whole = half_made(world, node("a"), node("b"))
    world.queues.discard("normal")
    app = world.build(store=Refusing(world.table, "apply", _but_nodes(world)))
    app.control.cancel(TENANT, whole.id)
    assert (world.job(whole).state, world.job(whole).pending_fan_out) == (State.CANCELLED, "")
    assert states(world, whole, 2) == ["pending"]
    world.clock.advance(61)
    world.tick()
    assert (states(world, whole, 2), world.job(whole).pending_fan_out) == (["cancelled"], None)


def _but_nodes(world: World) -> Callable[[Sequence[Write]], list[WriteResult]]:
    """Return a table's answer to writes where cancels of nodes never come through."""

    def apply(writes: Sequence[Write]) -> list[WriteResult]:
        lost = [
            isinstance(write, Transition) and write.name == "cancel" and write.job.parent_id is not None
            for write in writes
        ]
        pairs = zip(lost, writes, strict=True)
        return [WriteResult(WriteStatus.UNAVAILABLE) if gone else world.table.apply([item])[0] for gone, item in pairs]

    return apply


def test_who_has_made_no_part_yet_is_cancelled_without_a_look_for_them() -> None:
    """It was never claimed: a cancel is one write."""
    world = Costed()
    whole = start(world, flow(node("a"), delay_s=60))
    assert world.writes(lambda: world.app.control.cancel(TENANT, whole.id)) == {"cancel": 1}


# --- gathering ---------------------------------------------------------------------------------------------------


def test_a_workflow_that_failed_before_its_deadline_says_so() -> None:
    """The deadline has nothing to do with it."""
    world = World()
    whole = start(world, flow(node("a", "bad"), deadline_s=3600))
    world.work()
    assert why(world, whole) == "workflow_failed"


def test_an_item_that_is_gone_did_not_succeed() -> None:
    """Its result is not there to be listed."""
    world = World()
    world.task("fetch", lambda payload, ctx: [1, 2])
    nodes = (node("fetch", "fetch"), node("each", "ok", {}, "fetch", for_each={"$from": "fetch"}, policy={}))
    whole = start(world, flow(*nodes))
    for _ in range(3):
        one_batch(world)
    each = parts(world, whole, 2)[1]
    one_batch(world)
    assert world.job(each).unmet_dependencies is None
    world.table.apply([delete("gone", parts(world, each, 2)[0].key)])
    world.work()
    assert (world.job(each).state, why(world, each)) == (State.DEAD, "items_failed")


# --- making parts ------------------------------------------------------------------------------------------------


def test_the_runs_of_a_workflow_for_itself_count_as_one_attempt_and_none_was_lost() -> None:
    """It is claimed to make its parts, and to gather."""
    world = World()
    whole = start(world, flow(node("a")))
    world.work()
    job = world.job(whole)
    assert (job.state, job.attempt, job.lost) == (State.SUCCEEDED, 1, 0)


def test_an_item_that_is_too_large_with_its_references_is_named() -> None:
    """docs/guide/workflows.md: a payload is at most 1 MiB; the list itself may be nearly as large."""
    world = World()
    world.task("fetch", lambda payload, ctx: ["x" * 400_000])
    payload = {name: {"$item": "@"} for name in "ab"}
    each = node("each", "ok", payload | {"c": "y" * 300_000}, "fetch", for_each={"$from": "fetch"})
    whole = start(world, flow(node("fetch", "fetch"), each))
    world.work()
    last = parts(world, whole, 2)[1].last
    assert last is not None
    assert (last.type, "item 0" in last.message) == ("payload_too_large", True)


@pytest.mark.parametrize("size", [10, 5000, 300_000])
def test_an_item_gets_its_payload_wherever_that_is_kept(size: int) -> None:
    """Inline, in an item of its own, or in S3."""
    world = World()
    world.task("fetch", lambda payload, ctx: ["x" * size])
    world.task("measure", lambda payload, ctx: len(payload.text))
    each = node("each", "measure", {"text": {"$item": "@"}}, "fetch", for_each={"$from": "fetch"})
    whole = start(world, flow(node("fetch", "fetch"), each))
    world.work()
    assert world.view(parts(world, whole, 2)[1]).result == [size]


def test_a_for_each_does_not_run_under_the_limits_of_its_items() -> None:
    """One with a timeout of 6 s and a single attempt was dead when the first 225 of 1,000 items were created."""
    world = World()
    world.task("fetch", lambda payload, ctx: [1, 2])
    policy = {"max_attempts": 1, "timeout_s": 6, "never_retry": ("unavailable",)}
    each = node("each", "ok", {"n": {"$item": "@"}}, "fetch", for_each={"$from": "fetch"}, policy=policy)
    whole = start(world, flow(node("fetch", "fetch"), each))
    one_batch(world)
    composite = parts(world, whole, 2)[1]
    assert composite.policy.timeout_s == 6
    now_ms = world.clock.now_ms()
    taken = evolve(composite, state=State.RUNNING, fence="f")
    run = prepared(world.app.runtime, ReceivedMessage("m", "r", "", 1, "normal"), taken, now_ms + 3_600_000)
    assert run.deadline_ms == now_ms + 1000 * WORKFLOW_TIMEOUT_S
    error = failure(taken, "unavailable", "the table did not answer", failed_at=now_ms)
    assert fail(taken, error, now_ms, Timing(), draw=0.5).job.state is State.PENDING
    item = evolve(composite, expands=None)
    assert item.run_policy == item.policy


def test_members_are_not_sent_unless_their_composite_waits_for_them() -> None:
    """Its write was refused, because it was cancelled or another worker has it: a cancelled one runs nothing (G9)."""
    world = World()
    whole = start(world, flow(node("a"), node("b")))

    def refusing(writes: Sequence[Write]) -> list[WriteResult]:
        return [
            WriteResult(WriteStatus.REFUSED) if write.name == "expand" else world.table.apply([write])[0]
            for write in writes
        ]

    app = world.build(store=Refusing(world.table, "apply", refusing))
    app.work.handle(world.queues.receive("normal"), world.clock.now_ms() + 60_000)
    assert len(parts(world, whole, 2)) == 2
    assert world.queues.receive("normal") == []


# --- beginning again ---------------------------------------------------------------------------------------------


def test_a_retry_makes_no_member_anew_and_fans_out_only_what_is_pending() -> None:
    """It costs a read of the parts, and a write of each that begins again."""
    world = Costed()
    whole = start(world, flow(node("a"), node("b", "bad", {}, "a"), node("c")))
    world.work()
    world.app.control.redrive(TENANT, whole.id)
    written = world.writes(lambda: one_batch(world))
    assert "submit" not in written
    assert "query_range" not in world.meter.calls


@pytest.mark.parametrize("count", [5, 10])
def test_what_begins_again_without_dependencies_looks_for_none(count: int) -> None:
    """However many there are, a retry reads the same."""
    world = Costed()
    whole = start(world, flow(*(node(f"n{number}", "bad") for number in range(count))))
    world.work()
    world.app.control.redrive(TENANT, whole.id)
    assert world.calls(lambda: one_batch(world))["get"] == 4


def test_a_member_with_a_pending_fan_out_begins_again_once_it_is_finished() -> None:
    """Its workflow looked for itself. At once: a retry does not wait for the next check of the part."""
    world = World()
    world.fails_first("second")
    whole = start(world, flow(node("a", "second"), node("b", "ok", {}, "a")))
    one_batch(world)
    deaf = unavailable(world, "finish_fan_out")
    world.work(deaf)
    assert [part.pending_fan_out for part in parts(world, whole, 2)] == ["", ""]
    assert world.job(whole).state is State.DEAD
    world.app.control.redrive(TENANT, whole.id)
    world.work()
    assert world.job(whole).state is State.SUCCEEDED
    assert order(world) == ["a", "a", "b"]


def test_a_retry_looks_at_members_again_after_their_fan_out() -> None:
    """A part may end by that, and begins again with the others: here its workflow had died while it ran."""
    world = World()
    world.fails_first("second")
    whole = a_whole(world, node("a", "second"), node("b", "ok", {}, "a"))
    with pytest.raises(KilledError):
        world.work(world.build(store=Refusing(world.table, "query_range", _dies)))
    assert states(world, whole, 2) == ["dead", "waiting"]
    world.table.apply([cancel_unsatisfied(world.job(whole), "worker_lost", "", world.clock.now_ms())])
    world.app.control.redrive(TENANT, whole.id)
    world.work()
    assert world.job(whole).state is State.SUCCEEDED
    assert order(world) == ["a", "a", "b"]


def test_a_repeated_first_run_leaves_fan_outs_of_members_to_their_checks() -> None:
    """Nothing begins again by it: it need not wait until everybody can be told."""
    world = World()
    whole = start(world, flow(node("a", "bad"), node("b", "ok", {}, "a")))
    deaf = unavailable(world, "expand")
    deaf.work.handle(world.queues.receive("normal"), world.clock.now_ms() + 60_000)
    # As the timer does, once nobody else has.
    send(world.queues, parts(world, whole, 1), world.clock.now_ms())
    with pytest.raises(KilledError):
        world.work(world.build(store=Refusing(world.table, "query_range", _dies)))
    assert states(world, whole, 2) == ["dead", "waiting"]
    world.clock.advance(400)
    world.work(world.build(store=Refusing(world.table, "query_range", _is_not_there)))
    assert (world.job(whole).state, world.job(whole).failures) == (State.WAITING, 0)
    world.pass_time(300)
    assert states(world, whole, 2) == ["dead", "cancelled"]


def test_the_items_of_a_retry_are_those_of_its_list() -> None:
    """Nothing is left of the list before, of which the payloads had been written and no more."""
    world = World()
    lists = iter([RuntimeError("not yet"), ["new" * 500]])

    def fetch(payload: Any, ctx: Any) -> Any:
        if isinstance(found := next(lists), RuntimeError):
            raise found
        return found

    world.task("fetch", fetch)
    source = {"$from": "fetch", "default": ["old" * 500]}
    each = node("each", "ok", {"text": {"$item": "@"}}, Wanted("fetch", "done"), for_each=source)
    whole = start(world, flow(node("fetch", "fetch"), each))
    for _ in range(2):
        one_batch(world)
    broken = unavailable(world, "submit")
    for _ in range(WORKFLOW_ATTEMPTS):
        world.work(broken)
        world.clock.advance(world.job(whole).policy.cap_s)
        world.tick(broken)
    world.work(broken)
    assert world.job(whole).state is State.DEAD
    world.app.control.redrive(TENANT, whole.id)
    world.work()
    [result] = world.view(parts(world, whole, 2)[1]).result
    assert result["text"] == "new" * 500


def _dies(*_: object, **__: object) -> Any:
    raise KilledError


def _is_not_there(*_: object, **__: object) -> Any:
    raise UnavailableError
