"""Workflows over HTTP: what is accepted runs as drawn, what is refused is refused whole and says where."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.builders.api import a_token, api_of
from tests.builders.faults import Counted, KilledError
from tests.builders.gateway import Answer, Client, Shape
from tests.builders.world import World
from whendue.operations.listing import JobFilter
from whendue.quotas import DEPENDENCIES, MEMBERS_MAX, WORKFLOW_ATTEMPTS, WORKFLOW_DEPTH

ONCE: dict[str, Any] = {"maxAttempts": 1}


@pytest.fixture
def client(world: World, shape: Shape) -> Client:
    return Client(api_of(world), a_token(), shape)


def job(kind: str = "ok", *after: Any, payload: Any = None, **more: Any) -> dict[str, Any]:
    """Ask for a node."""
    waits = {"dependsOn": list(after)} if after else {}
    return {"type": kind, "payload": payload if payload is not None else {}} | ONCE | waits | more


def submit(client: Client, **body: Any) -> str:
    """Submit a workflow that is accepted; return its path."""
    answer = client.send("POST", "/workflows", body)
    assert answer.status == 202, answer.text
    return answer.headers["location"]


def shown(client: Client, path: str) -> dict[str, Any]:
    answer = client.send("GET", path)
    assert answer.status == 200, answer.text
    found: dict[str, Any] = answer.json
    return found


def states(client: Client, path: str) -> dict[str, str]:
    return {node["name"]: node["state"] for node in shown(client, path)["nodes"]}


def result_of(client: Client, path: str, name: str) -> Any:
    [job_id] = [node["job"] for node in shown(client, path)["nodes"] if node["name"] == name]
    return client.send("GET", f"/jobs/{job_id}").json["result"]


# --- what is accepted --------------------------------------------------------------------------------------------


def test_a_workflow_is_found_where_location_points_before_and_after_it_ran(client: Client, world: World) -> None:
    """Its picture is whole from the start: nodes without jobs are planned."""
    body = {"nodes": {"a": job(), "b": job("ok", "a"), "c": job("ok", {"node": "a", "on": "failure"})}}
    answer = client.send("POST", "/workflows", body)
    assert (answer.status, answer.json["state"]) == (202, "queued")
    path = answer.headers["location"]
    assert path == f"/workflows/{answer.json['id']}"
    before = shown(client, path)
    assert before["progress"] == {"planned": 3}
    assert before["edges"] == [{"from": "a", "to": "b", "on": "success"}, {"from": "a", "to": "c", "on": "failure"}]
    world.work()
    after = shown(client, path)
    assert (after["state"], after["edges"], after["error"]) == ("succeeded", before["edges"], None)
    assert after["progress"] == {"succeeded": 2, "not_taken": 1}
    assert after["criticalPath"] == ["a", "b"]
    [first, *_] = after["nodes"]
    assert (first["type"], first["attempt"], first["forEach"], first["items"]) == ("ok", 1, False, None)
    assert client.send("GET", f"/jobs/{first['job']}").json["parentId"] == after["id"]
    assert after["finishedAt"] >= first["finishedAt"] >= first["startedAt"]


def test_the_critical_path_is_the_chain_that_ended_last(client: Client, world: World) -> None:
    """The slow branch decides, not the long one."""
    nodes = {
        "top": job(),
        "quick": job("ok", "top"),
        "quicker": job("ok", "quick"),
        "slow": job("ok", "top", delaySeconds=30),
        "last": job("ok", "quicker", "slow"),
    }
    path = submit(client, nodes=nodes)
    world.pass_time(40)
    assert shown(client, path)["criticalPath"] == ["top", "slow", "last"]


def test_the_critical_path_of_what_is_yet_to_run_is_the_longest_chain(client: Client, world: World) -> None:
    """Nobody knows how long jobs will take."""
    nodes = {"a": job(delaySeconds=60), "b": job("ok", "a"), "x": job(delaySeconds=60), "y": job("ok", "x", "b")}
    path = submit(client, nodes=nodes)
    assert shown(client, path)["criticalPath"] == ["a", "b", "y"]
    world.work()
    now = shown(client, path)
    assert (now["state"], now["criticalPath"]) == ("waiting", ["a", "b", "y"])
    assert now["progress"] == {"scheduled": 2, "waiting": 2}


def test_a_chain_runs_in_order_and_passes_results_on(client: Client, world: World) -> None:
    """Steps without a name are counted."""
    world.task("add", lambda payload, ctx: payload.to + 1)
    steps = [
        job("add", payload={"to": 1}),
        job("add", payload={"to": {"$from": "step-1"}}, name="two"),
        job("add", payload={"to": {"$from": "two"}}),
    ]
    path = submit(client, chain=steps)
    world.work()
    assert list(states(client, path)) == ["step-1", "two", "step-3"]
    assert result_of(client, path, "step-3") == 4


def test_a_group_runs_side_by_side(client: Client, world: World) -> None:
    """One that fails does not disturb the others."""
    path = submit(client, group=[job(), job("bad"), job(name="c")])
    world.work()
    assert states(client, path) == {"job-1": "succeeded", "job-2": "dead", "c": "succeeded"}
    assert shown(client, path)["error"]["type"] == "workflow_failed"


def test_a_chords_body_gets_all_results_of_its_group(client: Client, world: World) -> None:
    """Under one name, in order; a path may go into the list."""
    world.task("give", lambda payload, ctx: {"n": payload.n})
    header = [job("give", payload={"n": n}) for n in range(DEPENDENCIES + 1)]
    body = job(payload={"all": {"$from": "group", "path": "[].n"}, "last": {"$from": "group", "path": "[-1].n"}})
    path = submit(client, chord={"group": header, "body": body})
    world.work()
    assert result_of(client, path, "body") == {"all": list(range(DEPENDENCIES + 1)), "last": DEPENDENCIES, "attempt": 1}


def test_a_node_runs_for_each_item_of_a_list(client: Client, world: World) -> None:
    """And who waits for it gets the list of their results."""
    world.task("list", lambda payload, ctx: {"items": [{"n": 1}, {"n": 2, "x": "y"}], "factor": 10})
    world.task("times", lambda payload, ctx: [payload.n * payload.by, payload.x])
    item = {"n": {"$item": "n"}, "x": {"$item": "x", "default": None}, "by": {"$from": "list", "path": "factor"}}
    nodes = {
        "list": job("list"),
        "each": job("times", "list", payload=item, forEach={"$from": "list", "path": "items"}),
        "all": job("ok", "each", payload={"all": {"$from": "each"}}),
    }
    path = submit(client, nodes=nodes)
    world.work()
    assert result_of(client, path, "all")["all"] == [[10, None], [20, "y"]]
    [each] = [node for node in shown(client, path)["nodes"] if node["name"] == "each"]
    assert (each["forEach"], each["items"]) == (True, 2)


def test_a_result_is_never_taken_for_a_reference(client: Client, world: World) -> None:
    """Else whoever makes results could read others'."""
    hostile = {"$from": "secret"}
    world.task("hostile", lambda payload, ctx: [hostile, {"$item": "x"}])
    nodes = {
        "secret": job(),
        "hostile": job("hostile"),
        "next": job("ok", "hostile", "secret", payload={"got": {"$from": "hostile"}}),
        "each": job("ok", "hostile", "secret", payload={"got": {"$item": "@"}}, forEach={"$from": "hostile"}),
    }
    path = submit(client, nodes=nodes)
    world.work()
    assert result_of(client, path, "next")["got"] == [hostile, {"$item": "x"}]
    assert [item["got"] for item in result_of(client, path, "each")] == [hostile, {"$item": "x"}]


def test_nodes_take_priority_profile_and_tags_of_the_workflow_unless_they_say_otherwise(
    client: Client, world: World
) -> None:
    """Said once for all of them."""
    own: dict[str, Any] = {"priority": "low", "profile": "default", "tags": {}}
    path = submit(client, group=[job(), job(**own)], priority="high", profile="patient", tags={"team": "a"})
    assert {shown(client, path)[name] for name in ("priority", "profile")} == {"high", "patient"}
    world.work(queue="high")
    world.work()
    jobs = [client.send("GET", f"/jobs/{node['job']}").json for node in shown(client, path)["nodes"]]
    placed = [(node["priority"], node["profile"], node["tags"]) for node in jobs]
    assert placed == [("high", "patient", {"team": "a"}), ("low", "default", {})]


def test_a_profile_of_one_attempt_is_for_the_nodes(client: Client, world: World) -> None:
    """That the workflow's own job met a bad moment is no reason to give the workflow up."""
    path = submit(client, group=[{"type": "ok"}], profile="once")
    workflow = client.send("GET", f"/jobs/{path.rpartition('/')[2]}").json
    world.work()
    [node] = shown(client, path)["nodes"]
    assert workflow["maxAttempts"] == WORKFLOW_ATTEMPTS
    assert client.send("GET", f"/jobs/{node['job']}").json["maxAttempts"] == 1


def test_a_workflow_may_be_due_later(client: Client, world: World) -> None:
    """As any job."""
    path = submit(client, group=[job()], delaySeconds=3600)
    world.work()
    assert (shown(client, path)["state"], states(client, path)) == ("scheduled", {"job-1": "planned"})
    world.pass_time(3602)
    assert shown(client, path)["state"] == "succeeded"


def test_the_same_idempotency_key_gives_the_same_workflow(client: Client, world: World) -> None:
    """However it was written: a chain of one is a group of one of the same name."""
    key = {"Idempotency-Key": "flow"}
    first = client.send("POST", "/workflows", {"chain": [job(name="a")]}, key)
    again = client.send("POST", "/workflows", {"group": [job(name="a")]}, key)
    assert (again.status, again.json["id"]) == (200, first.json["id"])
    assert again.headers["idempotency-replayed"] == "true"
    other = client.send("POST", "/workflows", {"chain": [job(name="b")]}, key)
    assert (other.status, other.code) == (409, "idempotency_conflict")
    world.work()
    assert len(world.ran) == 1


@pytest.mark.sampled(2)
def test_the_largest_workflow_is_accepted_and_drawn(client: Client, world: World) -> None:
    """The limit is where the docs say."""
    path = submit(client, group=[job()] * MEMBERS_MAX)
    world.work()
    assert shown(client, path)["progress"] == {"succeeded": MEMBERS_MAX}


def _counted(world: World, number: int | None, late: bool) -> tuple[Client, list[str]]:
    """A client of a process that is killed at a call."""
    calls: list[str] = []
    ports = [Counted(port, calls, number, after=late) for port in (world.table, world.queues)]
    return Client(api_of(world, store=ports[0], queue=ports[1]), a_token()), calls


def _large() -> dict[str, Any]:
    """A workflow whose payload is an item of its own."""
    return {"chain": [job(payload={"text": "x" * 500}), job(payload={"all": {"$from": "step-1"}})]}


def _calls_of_a_submit() -> int:
    client, calls = _counted(World(), None, late=False)
    assert client.send("POST", "/workflows", _large()).status == 202
    return len(calls)


@pytest.mark.parametrize("late", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("number", range(_calls_of_a_submit()))
def test_a_submit_that_dies_half_way_leaves_a_whole_workflow_or_none(number: int, late: bool) -> None:
    """And whoever asks again gets the one that there is to be."""
    world, key = World(), {"Idempotency-Key": "k"}
    dying, _ = _counted(world, number, late)
    with pytest.raises(KilledError):
        dying.send("POST", "/workflows", _large(), key)
    client = Client(api_of(world), a_token())
    assert len(client.send("GET", "/workflows").json["items"]) in (0, 1)
    again = client.send("POST", "/workflows", _large(), key)
    assert again.status in (200, 202)
    world.pass_time(300)
    [only] = client.send("GET", "/workflows").json["items"]
    assert (only["id"], only["state"]) == (again.json["id"], "succeeded")
    assert len(world.ran) == 2


# --- control -----------------------------------------------------------------------------------------------------


def test_a_cancelled_workflow_runs_nothing_more_and_can_be_retried(client: Client, world: World) -> None:
    """Cancel of a workflow is cancel of its job, retry is its redrive."""
    path = submit(client, chain=[job(), job(delaySeconds=60), job()])
    world.work()
    cancelled = client.send("POST", f"{path}/cancel")
    assert (cancelled.status, cancelled.json["cancelRequested"]) == (200, True)
    world.pass_time(130)
    assert shown(client, path)["state"] == "cancelled"
    assert states(client, path) == {"step-1": "succeeded", "step-2": "cancelled", "step-3": "cancelled"}
    retried = client.send("POST", f"{path}/retry")
    assert (retried.status, retried.json["state"], retried.json["retries"]) == (200, "queued", 1)
    world.pass_time(130)
    assert set(states(client, path).values()) == {"succeeded"}
    assert shown(client, path)["state"] == "succeeded"
    assert len(world.ran) == 3


def test_a_failed_workflow_is_retried_from_what_failed(client: Client, world: World) -> None:
    """What has succeeded does not run again."""
    broken = [True]
    world.task("flaky", lambda payload, ctx: 1 // (not broken[0]))
    path = submit(client, chain=[job(), job("flaky"), job()])
    world.work()
    assert states(client, path) == {"step-1": "succeeded", "step-2": "dead", "step-3": "cancelled"}
    assert shown(client, path)["error"]["message"] == "the node 'step-2' did not succeed"
    broken.clear()
    broken.append(False)
    assert client.send("POST", f"{path}/retry").status == 200
    world.pass_time(5)
    assert shown(client, path)["state"] == "succeeded"
    assert client.send("POST", f"{path}/retry").code == "state_conflict"
    assert client.send("POST", f"{path}/cancel").code == "state_conflict"


def test_a_workflow_past_its_deadline_is_dead(client: Client, world: World) -> None:
    """What has not begun by then never runs."""
    path = submit(client, chain=[job(), job(delaySeconds=3600)], deadlineSeconds=60)
    world.pass_time(180)
    now = shown(client, path)
    assert (now["state"], now["error"]["type"]) == ("dead", "deadline_exceeded")
    assert now["deadlineAt"] is not None
    assert states(client, path)["step-2"] == "cancelled"


def test_workflows_are_listed_without_their_nodes_jobs(client: Client, world: World) -> None:
    """The jobs of nodes are jobs."""
    paths = {submit(client, group=[job(), job()]) for _ in range(3)}
    client.submit()
    world.work()
    page = client.send("GET", "/workflows", state="succeeded").json
    assert {f"/workflows/{item['id']}" for item in page["items"]} == paths
    assert page["cursor"] is None
    assert client.send("GET", "/workflows", state="dead").json["items"] == []


def test_another_tenants_workflow_is_none(world: World, client_of: Callable[..., Client]) -> None:
    """On every route, exactly as one that is not there."""
    path = submit(client_of(), group=[job(delaySeconds=60)])
    other = client_of("other")
    requests = [("GET", path), ("POST", f"{path}/cancel"), ("POST", f"{path}/retry")]
    assert [other.send(*request).code for request in requests] == ["workflow_not_found"] * 3
    assert other.send("GET", "/workflows").json["items"] == []


def test_a_job_is_no_workflow(client: Client) -> None:
    """Nor is anything else."""
    job_id = client.submit()["id"]
    for unknown in (job_id, "0190", "%00"):
        answers = [client.send("GET", f"/workflows/{unknown}"), client.send("POST", f"/workflows/{unknown}/cancel")]
        assert [(answer.status, answer.code) for answer in answers] == [(404, "workflow_not_found")] * 2


@pytest.mark.parametrize("route", ["/jobs", "/tasks/schedule"])
def test_a_workflow_is_no_job_to_submit(client: Client, route: str) -> None:
    """The answer says where to go."""
    answer = client.send("POST", route, {"type": "workflow", "payload": {"nodes": []}})
    assert (answer.status, answer.code) == (422, "invalid_request")
    assert "POST /workflows" in answer.json["errors"][0]["problem"]


# --- what is refused ---------------------------------------------------------------------------------------------

REFUSED: dict[str, tuple[str, str, dict[str, Any]]] = {
    "nothing": ("invalid_request", "body", {}),
    "two at once": ("invalid_request", "body", {"chain": [job()], "group": [job()]}),
    "an unknown field": ("invalid_request", "body.nodes.a.dependOn", {"nodes": {"a": job(dependOn=["b"])}}),
    "edges in a chain": ("invalid_request", "body.chain.0.dependsOn", {"chain": [job("ok", "b")]}),
    "a name with a space": ("invalid_request", "body.nodes.a b.[key]", {"nodes": {"a b": job()}}),
    "another name than in nodes": ("invalid_request", "body", {"nodes": {"a": job(name="b")}}),
    "another end": ("invalid_request", "body.nodes.a.dependsOn", {"nodes": {"a": job("ok", {"node": "b", "on": "x"})}}),
    "another policy": (
        "invalid_request",
        "body.chain.0.onDependencyFailure",
        {"chain": [job(onDependencyFailure="wait")]},
    ),
    "no deadline": ("invalid_request", "body.deadlineSeconds", {"chain": [job()], "deadlineSeconds": 0}),
    "a delay and a time": (
        "invalid_request",
        "body",
        {"chain": [job()], "delaySeconds": 1, "dueAt": "2027-01-01T00:00:00Z"},
    ),
    "a node with a due time": ("invalid_request", "body.chain.0.dueAt", {"chain": [job(dueAt="2027-01-01T00:00:00Z")]}),
    "a workflow in a workflow": ("invalid_request", "body.chain.0.type", {"chain": [job("workflow")]}),
    "notes for somebody else": ("invalid_request", "body.idempotencyKey", {"chain": [job()], "idempotencyKey": "k"}),
    "no node": ("invalid_workflow", "nodes", {"nodes": {}}),
    "no step": ("invalid_workflow", "nodes", {"chain": []}),
    "no header": ("invalid_workflow", "chord.group", {"chord": {"group": [], "body": job()}}),
    "too many nodes": ("invalid_workflow", "nodes", {"group": [job()] * (MEMBERS_MAX + 1)}),
    "a step twice": ("invalid_workflow", "chain.0", {"chain": [job(name="a"), job(name="a")]}),
    "a name like a counted one": ("invalid_workflow", "chain.0", {"chain": [job(name="step-2"), job()]}),
    "the group's name in the group": (
        "invalid_workflow",
        "chord.group.1",
        {"chord": {"group": [job(), job(name="group")], "body": job()}},
    ),
    "an unknown node": ("invalid_workflow", "nodes.a.dependsOn.0", {"nodes": {"a": job("ok", "b")}}),
    "a node twice": ("invalid_workflow", "nodes.b.dependsOn", {"nodes": {"a": job(), "b": job("ok", "a", "a")}}),
    "itself": ("invalid_workflow", "nodes.a.dependsOn", {"nodes": {"a": job("ok", "a")}}),
    "too deep": ("invalid_workflow", f"nodes.step-{WORKFLOW_DEPTH + 1}", {"chain": [job()] * (WORKFLOW_DEPTH + 1)}),
    "too many parents": (
        "invalid_workflow",
        "nodes.z.dependsOn",
        {
            "nodes": {f"n{n}": job() for n in range(DEPENDENCIES + 1)}
            | {"z": job("ok", *(f"n{n}" for n in range(DEPENDENCIES + 1)))}
        },
    ),
    "an unknown task": ("invalid_workflow", "nodes.step-1", {"chain": [job("none")]}),
    "an unknown profile": ("invalid_workflow", "nodes.step-1", {"chain": [job(profile="none")]}),
    "an unknown profile of its own": ("unknown_profile", "", {"chain": [job(profile="default")], "profile": "none"}),
    "a payload that does not fit": ("invalid_workflow", "nodes.step-1.number", {"chain": [job("strict")]}),
    "a payload that fits for no item": (
        "invalid_workflow",
        "nodes.step-2.number",
        {"chain": [job(), job("strict", payload={"number": "x"}, forEach={"$from": "step-1"})]},
    ),
    "a reference to an unknown node": (
        "invalid_reference",
        "nodes.a.payload.x.0",
        {"nodes": {"a": job(payload={"x": [{"$from": "b"}]})}},
    ),
    "a reference to a grandparent": (
        "invalid_reference",
        "chain.2.payload.x",
        {"chain": [job(), job(), job(payload={"x": {"$from": "step-1"}})]},
    ),
    "a reference to one that fails": (
        "invalid_reference",
        "nodes.b.payload",
        {"nodes": {"a": job(), "b": job("ok", {"node": "a", "on": "failure"}, payload={"$from": "a"})}},
    ),
    "a reference with more": (
        "invalid_reference",
        "chain.1.payload.x",
        {"chain": [job(), job(payload={"x": {"$from": "step-1", "paht": "a"}})]},
    ),
    "a path that is none": (
        "invalid_reference",
        "chain.1.payload.x",
        {"chain": [job(), job(payload={"x": {"$from": "step-1", "path": "a["}})]},
    ),
    "an item of nothing": ("invalid_reference", "chain.0.payload.x", {"chain": [job(payload={"x": {"$item": "@"}})]}),
    "for each of no list": ("invalid_reference", "chain.1.forEach", {"chain": [job(), job(forEach=[1, 2])]}),
    "for each of a stranger": ("invalid_reference", "chain.0.forEach", {"chain": [job(forEach={"$from": "x"})]}),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_wrong_is_refused_whole_and_says_where(client: Client, world: World, name: str) -> None:
    """Nothing of it is stored."""
    strict(world)
    code, where, body = REFUSED[name]
    answer = client.send("POST", "/workflows", body)
    assert (answer.status, answer.code) == (422, code), answer.text
    if where:
        assert any(error["where"].startswith(where) for error in answer.json["errors"]), answer.text
    assert world.app.listing.page("jobs", "acme", JobFilter(), 10, None).jobs == []


def test_a_cycle_is_named(client: Client) -> None:
    """In the direction in which the jobs would run."""
    nodes = {"in": job(), "a": job("ok", "in", "c"), "b": job("ok", "a"), "c": job("ok", "b"), "out": job("ok", "c")}
    answer = client.send("POST", "/workflows", {"nodes": nodes})
    assert answer.code == "invalid_workflow"
    [error] = answer.json["errors"]
    assert error["problem"] in {f"has a cycle: {' -> '.join(c)}" for c in ("abca", "bcab", "cabc")}


def test_a_refusal_never_repeats_a_payload(client: Client, world: World) -> None:
    """Values may be secrets."""
    strict(world)
    answer = client.send("POST", "/workflows", {"chain": [job("strict", payload={"number": "hunter2"})]})
    assert answer.status == 422
    assert "hunter2" not in answer.text


def strict(world: World) -> None:
    """Declare a task with a strict payload."""
    from pydantic import BaseModel

    from whendue.declarations.registry import task

    class Strict(BaseModel, extra="forbid"):
        number: int

    def run(payload: Strict) -> int:
        return payload.number

    task("strict", registry=world.registry)(run)


def test_a_reference_that_gives_nothing_ends_its_job_dead(client: Client, world: World) -> None:
    """The error names the reference, not the value; no attempt can help."""
    world.task("give", lambda payload, ctx: {"secret": "hunter2"})
    nodes = {"a": job("give"), "b": job("ok", "a", payload={"x": [{"$from": "a", "path": "none"}]}, maxAttempts=4)}
    path = submit(client, nodes=nodes)
    world.work()
    [failed] = [node for node in shown(client, path)["nodes"] if node["name"] == "b"]
    assert (failed["state"], failed["attempt"], failed["error"]["type"]) == ("dead", 1, "bad_reference")
    assert "x.0" in failed["error"]["message"]
    assert "hunter2" not in client.send("GET", path).text


# --- schedules ---------------------------------------------------------------------------------------------------


def put(client: Client, **body: Any) -> Answer:
    return client.send("PUT", "/schedules/flow", {"cron": "0 * * * *"} | body)


def test_a_schedule_runs_workflows(client: Client, world: World) -> None:
    """And shows them as they can be put again."""
    workflow = {"chain": [job(), job(payload={"x": {"$from": "step-1"}}, delaySeconds=1)], "tags": {"team": "a"}}
    answer = put(client, workflow=workflow)
    assert answer.status == 201, answer.text
    assert put(client, workflow=answer.json["workflow"]).headers["etag"] == answer.headers["etag"]
    assert answer.json["job"] is None
    world.pass_time(3700)
    [fire] = client.send("GET", "/schedules/flow/fires").json["items"]
    assert (fire["outcome"], fire["job"]["state"]) == ("ran", "succeeded")
    whole = shown(client, f"/workflows/{fire['job']['id']}")
    assert (whole["schedule"], whole["progress"]) == ("flow", {"succeeded": 2})


@pytest.mark.parametrize(
    ("code", "body"),
    [
        ("invalid_workflow", {"workflow": {"chain": [job("none")]}}),
        ("invalid_workflow", {"workflow": {"nodes": {"a": job("ok", "a")}}}),
        ("invalid_reference", {"workflow": {"chain": [job(payload={"$from": "x"})]}}),
        ("invalid_request", {"workflow": {"chain": [job()], "delaySeconds": 1}}),
        ("invalid_request", {"workflow": {"chain": [job()]}, "job": {"type": "ok"}}),
        ("invalid_request", {"workflow": {"chain": [job()]}, "overlap": "skip"}),
        ("invalid_request", {"job": {"type": "workflow", "payload": {"nodes": []}}}),
        ("invalid_request", {}),
    ],
)
def test_a_schedule_refuses_what_could_never_run(client: Client, code: str, body: dict[str, Any]) -> None:
    """When it is put, not at its first fire."""
    answer = put(client, **body)
    assert (answer.status, answer.code) == (422, code)
