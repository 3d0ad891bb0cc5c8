"""Calls go to the API by the client in force, or to the attempt that makes them inside of a task; and their handles."""

import asyncio
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import BaseModel, RootModel

from tests.builders.callers import async_client_of, client_of
from tests.builders.world import World
from whendue import Context, chain, chord, group, previous, task
from whendue.client import (
    Client,
    ClientError,
    Edge,
    InvalidRequestError,
    JobNotSucceededError,
    NewWorkflow,
    Node,
    WaitTimeoutError,
    configure,
    use,
)
from whendue.declarations.calls.handles import JobHandle, WorkflowHandle
from whendue.declarations.calls.signatures import Signature, Workflow
from whendue.declarations.registry import Registry, Retry
from whendue.errors import InvalidRequestError as RefusedError
from whendue.table.keys import job_key

REGISTRY = Registry()


class Pair(BaseModel):
    x: int
    y: int = 0


class Numbers(RootModel[list[int]]):
    """A payload that is a list."""


class Number(RootModel[int]):
    """A payload that is a number."""


@task("add", registry=REGISTRY)
def add(payload: Pair) -> int:
    return payload.x + payload.y


@task("double", registry=REGISTRY)
def double(payload: Number) -> int:
    return 2 * payload.root


@task("total", registry=REGISTRY)
def total(payload: Numbers) -> int:
    return sum(payload.root)


@task("nothing", registry=REGISTRY)
def nothing(payload: Pair) -> None: ...


@task("large", registry=REGISTRY)
def large(payload: Pair) -> str:
    return "x" * 600_000


TASKS = (add, double, total, nothing, large)


@pytest.fixture
def world() -> World:
    made = World()
    for each in TASKS:
        made.registry.add(each.definition)
    return made


@pytest.fixture
def client(world: World) -> Iterator[Client]:
    """A client that is in force; while it waits, the world works."""
    made = client_of(world)
    with use(made):
        yield made


# --- jobs --------------------------------------------------------------------------------------------------------


def test_a_job_is_submitted_and_waited_for(client: Client) -> None:
    """In a line."""
    handle = add.delay(x=1, y=2)
    assert repr(handle) == f"JobHandle({handle.id!r})"
    assert (handle.get().state, handle.explain().reasons[0].code) == ("queued", "queued")
    assert handle.wait(timeout_s=60).state == "succeeded"
    assert handle.result() == 3
    assert (nothing.delay(x=1).result(), len(large.delay(x=1).result())) == (None, 600_000)
    assert handle == JobHandle(handle.id)
    assert len({handle, JobHandle(handle.id), WorkflowHandle(handle.id)}) == 2


def test_fields_of_the_job_arrive(client: Client) -> None:
    """And the same key is the same job."""
    first = add.submit({"x": 1}, in_=600, priority="high", tags={"a": "b"}, max_attempts=2, key="k")
    second = add.submit(Pair(x=1), in_=600, priority="high", tags={"a": "b"}, max_attempts=2, key="other")
    job = first.get()
    assert (job.state, job.priority, job.tags, job.max_attempts) == ("scheduled", "high", {"a": "b"}, 2)
    assert second != first
    assert add.submit({"x": 1}, in_=600, priority="high", tags={"a": "b"}, max_attempts=2, key="k") == first
    assert first.cancel().state == "cancelled"
    held = [add.submit({"x": 1}, in_=600, unique={"by_payload": ["x"], "on_conflict": "return"}) for _ in range(2)]
    assert held[0] == held[1] != first


def test_a_job_that_did_not_succeed_has_no_result(client: Client, world: World) -> None:
    """The error has the job, and no text that may quote a payload."""
    handle = add.submit({"x": 1}, in_=5)
    handle.cancel()
    with pytest.raises(JobNotSucceededError, match="is cancelled") as caught:
        handle.result()
    assert caught.value.job.id == handle.id
    with pytest.raises(WaitTimeoutError):
        add.submit({"x": 1}, in_=3600).wait(timeout_s=2)


def test_what_the_api_refuses_is_an_error_of_the_client(client: Client) -> None:
    """A payload that is JSON already is checked there."""
    with pytest.raises(InvalidRequestError, match="invalid_payload"):
        add.submit({"x": "no number"})
    with pytest.raises(InvalidRequestError, match="unknown_profile"):
        add.submit({"x": 1}, profile="none")


# --- which client ------------------------------------------------------------------------------------------------


def test_the_client_of_the_process_is_used_where_no_block_has_another_one(world: World) -> None:
    """In threads, too, which begin without the block's."""
    configure(client_of(world))
    try:
        found: list[Any] = []
        with use(client_of(World())):
            thread = threading.Thread(target=lambda: found.append(add.delay(x=1).result()))
            thread.start()
            thread.join()
        assert found == [1]
        assert add.delay(x=2).result() == 2
    finally:
        configure(None)


def test_without_any_client_the_environment_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error says what to set."""
    monkeypatch.delenv("WHENDUE_URL", raising=False)
    with pytest.raises(ValueError, match="WHENDUE_URL is not set"):
        add.delay(x=1)


# --- asyncio -----------------------------------------------------------------------------------------------------


def test_coroutines_submit_by_either_client(world: World) -> None:
    """One that blocks is called in a thread."""

    async def run(client: Any) -> list[Any]:
        with use(client):
            handle = await add.delay_async(x=1, y=2)
            other = await add.submit_async({"x": 1}, in_=600)
            workflow = await chain(add.s(x=1), double.s()).submit_async()
            reasons = (await other.explain()).reasons
            states = [(await other.get()).state, (await other.cancel()).state, reasons[0].code]
            ended = await workflow.wait()
            explained = await workflow.explain()
            results = [await workflow.result(), await workflow.result("add")]
            same = (await workflow.get()).state
        return [await handle.result(), *states, ended.state, same, explained.state, *results]

    expected = [3, "scheduled", "cancelled", "not_due", "succeeded", "succeeded", "succeeded", 2, 1]
    assert asyncio.run(run(async_client_of(world))) == expected
    assert asyncio.run(run(client_of(world))) == expected


def test_a_call_that_blocks_says_so_where_an_asynchronous_client_is_in_force(world: World) -> None:
    """Otherwise a coroutine would be sent nowhere."""
    with use(async_client_of(world)), pytest.raises(TypeError, match="await submit_async"):
        add.delay(x=1)


# --- workflows ---------------------------------------------------------------------------------------------------


def results_of(client: Client, handle: WorkflowHandle) -> dict[str, Any]:
    details = handle.wait(timeout_s=600)
    assert details.state == "succeeded", details
    return {node.name: client.get_job(str(node.job)).result for node in details.nodes}


CANVASES: dict[str, tuple[Workflow, dict[str, Any]]] = {
    "chain": (chain(add.s(x=1, y=2), double.s(), double.s()), {"add": 3, "double": 6, "double-2": 12}),
    "chord": (chord([add.s(x=n) for n in range(3)], total.s()), {"add": 0, "add-2": 1, "add-3": 2, "total": 3}),
    "group": (group(add.s(x=1), add.s(x=2)), {"add": 1, "add-2": 2}),
    "own payload": (
        chain(add.s(x=1), add.s(x=previous(), y=previous(default=7)), add.s({"x": 9})),
        {"add": 1, "add-2": 2, "add-3": 9},
    ),
    "nested": (
        chain(add.s(x=1), group(double.s(), chain(double.s(), double.s())), total.s()),
        {"add": 1, "double": 2, "double-2": 2, "double-3": 4, "total": 6},
    ),
}


@pytest.mark.parametrize(("canvas", "results"), CANVASES.values(), ids=CANVASES)
def test_a_workflow_runs_as_it_is_written(client: Client, canvas: Workflow, results: dict[str, Any]) -> None:
    """Each step gets what the rule says."""
    assert results_of(client, canvas.delay()) == results


@pytest.mark.parametrize("name", ["chain", "chord", "own payload", "nested"])
def test_the_result_of_a_workflow_is_that_of_its_last_step(client: Client, name: str) -> None:
    """Or of the step that is named."""
    canvas, results = CANVASES[name]
    handle = canvas.delay()
    assert handle.result(timeout_s=600) == list(results.values())[-1]
    assert {step: handle.result(step) for step in results} == results


def test_a_large_or_empty_result_of_a_step_is_returned(client: Client) -> None:
    """As that of a job."""
    handle = chain(large.s(x=1), nothing.s(x=1)).delay()
    assert handle.result() is None
    assert len(handle.result("large")) == 600_000


def test_a_result_is_one_read(world: World) -> None:
    """After the one that sees that the workflow has ended, however many steps there are."""
    asked: list[str] = []
    client = client_of(world, asked)
    with use(client):
        handle = chord([add.s(x=n) for n in range(3)], total.s()).delay()
    handle.wait()
    asked.clear()
    assert handle.result() == 3
    assert [path.split("/")[1] for path in asked] == ["workflows", "jobs"]


def test_a_group_has_no_single_result(client: Client) -> None:
    """The error lists the steps to choose from, and not all of a thousand."""
    handle = group(add.s(x=1), chain(double.s(2), double.s())).delay()
    with pytest.raises(ValueError, match=r"no node depends on add, double-2: .*result\(node='a'\)"):
        handle.result()
    assert (handle.result("add"), handle.result("double-2")) == (1, 8)
    with pytest.raises(ValueError, match=r"has no node 'ad'; its nodes are add, double, double-2"):
        handle.result("ad")
    with pytest.raises(ValueError, match=r"add-10 and 2 more:"):
        group(add.s(x=n) for n in range(12)).delay().result()


def test_a_step_that_did_not_succeed_has_no_result(client: Client) -> None:
    """The error has its job, or the workflow's if the step has none; a step that succeeded has its own."""
    broken = chain(add.s(x=1), add.s({"x": previous("no.such")}), double.s()).delay()
    with pytest.raises(JobNotSucceededError, match="is cancelled") as caught:
        broken.result()
    assert caught.value.job.type == "double"
    with pytest.raises(JobNotSucceededError, match="is dead"):
        broken.result("add-2")
    assert broken.result("add") == 1
    unstarted = chain(add.s(x=1), double.s()).submit(in_=600)
    unstarted.cancel()
    with pytest.raises(JobNotSucceededError, match="is cancelled") as caught:
        unstarted.result()
    assert caught.value.job.id == unstarted.id


def test_a_branch_that_was_not_taken_has_no_result(client: Client) -> None:
    """Though the workflow has succeeded."""
    nodes = {
        "pay": Node("add", {"x": 1}),
        "alarm": Node("add", {"x": 2}, depends_on=[Edge(node="pay", on="failure")]),
    }
    handle = WorkflowHandle(client.submit_workflow(NewWorkflow(nodes=nodes)).id, client)
    with pytest.raises(JobNotSucceededError, match="is cancelled with branch_not_taken"):
        handle.result()
    assert handle.result("pay") == 1


def test_a_step_that_is_gone_has_no_result(client: Client, world: World) -> None:
    """Though the workflow has succeeded: the table has lost it."""
    handle = chain(add.s(x=1), double.s()).delay()
    last = handle.wait().nodes[-1]
    del world.table.rows[job_key(str(last.job))]
    with pytest.raises(ClientError, match=r"the node .double. of the workflow .* is gone: it has no result"):
        handle.result()
    assert handle.result("add") == 1


def test_a_chord_may_be_larger_than_the_dependencies_of_a_job(client: Client) -> None:
    """The API takes it as one group; inside of a larger workflow it is refused before it is sent."""
    wide = [add.s(x=1) for _ in range(101)]
    assert results_of(client, chord(wide, total.s()).delay())["total"] == 101
    with pytest.raises(RefusedError, match="at most 100 others"):
        chain(add.s(x=1), group(wide), total.s()).delay()


def test_a_workflow_is_read_and_cancelled_by_its_handle(client: Client) -> None:
    """And takes fields of its own."""
    handle = chain(add.s(x=1), double.s()).submit(in_=600, priority="low", tags={"a": "b"}, key="k")
    assert chain(add.s(x=1), double.s()).submit(in_=600, priority="low", tags={"a": "b"}, key="k") == handle
    found = handle.get()
    assert (found.state, found.priority, found.tags) == ("scheduled", "low", {"a": "b"})
    assert handle.explain().reasons[0].code == "not_due"
    assert handle.cancel().state == "cancelled"


def test_a_signature_alone_is_a_job(client: Client) -> None:
    """With the fields of both."""
    signature = add.s(x=1).set(priority="high")
    assert signature.delay().result() == 1
    assert signature.submit(in_=60).get().priority == "high"

    async def run() -> Any:
        return await (await signature.submit_async()).result()

    assert asyncio.run(run()) == 1


# --- inside of a task --------------------------------------------------------------------------------------------


def test_inside_of_a_task_a_call_is_the_attempts(world: World) -> None:
    """Once for all attempts, without a client; its handle has the id alone."""
    seen: list[list[str]] = []

    def run(payload: Any, ctx: Context) -> None:
        handles = [add.delay(x=1), add.s(x=2).delay()]
        workflow = chord([add.s(x=3), add.s(x=4)], total.s()).submit(key="flow", tags={"a": "b"}, deadline_seconds=600)
        with pytest.raises(RuntimeError, match="inside of a task"):
            handles[0].wait()
        seen.append([*(handle.id for handle in handles), workflow.id])
        if ctx.attempt == 1:
            raise Retry("again")

    world.task("parent", run)
    world.submit("parent")
    world.pass_time(60)
    assert len(seen) == 2
    assert seen[0] == seen[1]
    client = client_of(world)
    assert [client.get_job(job_id).result for job_id in seen[0][:2]] == [1, 2]
    assert results_of(client, WorkflowHandle(seen[0][2], client)) == {"add": 3, "add-2": 4, "total": 7}
    assert len(list(client.list_jobs(type="add"))) == 4
    assert client.get_workflow(seen[0][2]).tags == {"a": "b"}


def test_coroutine_tasks_submit_without_blocking_their_loop(world: World) -> None:
    """Jobs and workflows."""

    async def run(payload: Any, ctx: Context) -> list[str]:
        jobs = await asyncio.gather(*(add.delay_async(x=n) for n in range(3)))
        workflow = await group(add.s(x=3), add.s(x=4)).submit_async()
        return [handle.id for handle in (*jobs, workflow)]

    world.task("parent", run)
    job = world.submit("parent")
    world.pass_time(10)
    ids = world.view(job).result
    assert len(set(ids)) == 4
    assert {found.id for found in client_of(world).list_jobs(type="add")} >= set(ids[:3])


URGENT: Any = "urgent"
WRONG: dict[str, tuple[Any, str]] = {
    "a step's field": (chain(add.s(x=1).set(priority=URGENT), double.s()), "add.priority: must be one of"),
    "a step's name": (chain(add.s(x=1).set(step_name="a b")), "the name of a step must be"),
    "a step's payload": (chain(add.s(x="no number")), "add"),
    "an unknown task": (chain(add.s(x=1), Signature("no.such", {})), "no.such"),
}


@pytest.mark.parametrize(("canvas", "says"), WRONG.values(), ids=WRONG)
def test_a_workflow_that_is_refused_raises_in_the_task(world: World, canvas: Any, says: str) -> None:
    """As a whole: none of its jobs is created."""
    caught: list[Exception] = []

    def run(payload: Any, ctx: Context) -> None:
        try:
            canvas.delay()
        except RefusedError as error:
            caught.append(error)

    world.task("parent", run)
    world.submit("parent")
    world.work()
    [error] = caught
    assert says in str(error) + str(getattr(error, "details", ""))
    assert list(client_of(world).list_jobs(type="add")) == []
