"""Jobs that wait for others: chains, diamonds, failing branches, workflows, forEach."""

import json
from functools import partial
from typing import Any, Final

from tests.builders.gateway import Answer
from tests.simulation.scenarios.base import OK, QUICK, Scenario, submit
from tests.simulation.world import World

ONCE: Final[dict[str, Any]] = {"maxAttempts": 1}
CANCELLED: Final = "cancelled"


def _job(key: str, *after: str, do: str = "ok", on: str = "success", **wanted: Any) -> dict[str, Any]:
    """Ask for a job of a batch that waits for others of it."""
    payload = {"do": do} | {name: wanted.pop(name) for name in ("takes_s", "times", "bulk") if name in wanted}
    links = [{"ref": item, "on": on, "as": item} for item in after]
    more = {"dependsOn": links} if links else {}
    return {"type": "sim", "payload": payload, "ref": key, "idempotencyKey": key} | more | wanted


def batch(world: World, jobs: list[dict[str, Any]], expected: list[str]) -> list[str]:
    """Submit jobs together until all are accepted."""
    while True:
        answer = world.insist("POST", "/jobs/batch", {"jobs": jobs})
        items = answer.json["items"]
        if all(item["status"] in (200, 202) for item in items):
            break
        assert all(item["status"] in (200, 202, 503) for item in items), answer.text
    accepted = zip(items, expected, strict=True)
    return [world.monitor.accept(Answer(item["status"], {}, json.dumps(item["job"])), end) for item, end in accepted]


def batching(world: World, jobs: list[dict[str, Any]], expected: list[str]) -> None:
    """Submit jobs together, for a client that does nothing else."""
    batch(world, jobs, expected)


def _running_parent(world: World) -> None:
    def script() -> None:
        dependency = submit(world, "dependency", takes_s=3, maxAttempts=6)
        submit(world, "dependent", dependsOn=[dependency])

    world.client(1, script)


def _ended_parent(world: World) -> None:
    def script() -> None:
        dependency = submit(world, "dependency")
        world.scheduler.sleep(3000)
        submit(world, "dependent", dependsOn=[dependency], delaySeconds=2)

    world.client(1, script)


def _diamond(world: World) -> None:
    jobs = [_job("top"), _job("left", "top"), _job("right", "top", takes_s=1), _job("last", "left", "right")]
    world.client(1, partial(batching, world, jobs, [OK] * 4))


def _failing(world: World) -> None:
    """One is cancelled, one cleans up, one is bypassed with who waits for it, one runs whatever happens."""
    jobs = [
        _job("top", do="bad", **ONCE),
        _job("after", "top"),
        _job("cleanup", "top", on="failure"),
        _job("anyway", "top", on="done"),
        _job("bypassed", "cleanup", on="failure"),
    ]
    world.client(1, partial(batching, world, jobs, ["dead", CANCELLED, OK, OK, CANCELLED]))


def _held(world: World) -> None:
    def script() -> None:
        jobs = [_job("top", do="reborn", **ONCE), _job("held", "top", onDependencyFailure="hold")]
        top, _ = batch(world, jobs, [f"{OK} dead", OK])
        while world.insist("GET", f"/jobs/{top}").json["state"] != "dead":
            world.scheduler.sleep(5000)
        world.monitor.redriven(top, f"{OK} dead")
        while world.insist("POST", f"/jobs/{top}/redrive").status == 409:
            if world.insist("GET", f"/jobs/{top}").json["state"] != "dead":
                break

    world.client(1, script)


def _many(world: World) -> None:
    """More than are told at a time."""
    jobs = [_job("top", delaySeconds=2)] + [_job(f"child-{number}", "top") for number in range(27)]
    world.client(1, partial(batching, world, jobs, [OK] * len(jobs)))


def _waiting_cancelled(world: World) -> None:
    def script() -> None:
        jobs = [_job("top", takes_s=4, maxAttempts=6), _job("dependent", "top"), _job("grandchild", "dependent")]
        _, dependent, _ = batch(world, jobs, [OK, f"{OK} {CANCELLED}", f"{OK} {CANCELLED}"])
        answer = world.insist("POST", f"/jobs/{dependent}/cancel")
        if answer.status == 200 and answer.json["state"] == CANCELLED:
            world.monitor.cancelled(dependent)

    world.client(1, script)


# --- workflows ---------------------------------------------------------------------------------------------------


def node(*after: str, do: str = "ok", **wanted: Any) -> dict[str, Any]:
    """Ask for a node."""
    payload = {"do": do} | {name: wanted.pop(name) for name in ("takes_s", "times", "bulk") if name in wanted}
    return {"type": "sim", "payload": payload} | ({"dependsOn": list(after)} if after else {}) | wanted


def start(world: World, nodes: dict[str, Any], expected: str = OK, key: str = "flow", **more: Any) -> str:
    """Submit a workflow until it is accepted."""
    answer = world.insist("POST", "/workflows", {"nodes": nodes, **more}, key)
    assert answer.status in (200, 202), answer.text
    return world.monitor.accept(answer, expected)


def starting(world: World, nodes: dict[str, Any], expected: str = OK, **more: Any) -> None:
    """Submit a workflow, for a client that does nothing else."""
    start(world, nodes, expected, **more)


def _workflow(world: World) -> None:
    nodes = {
        "fetch": node(),
        "use": node("fetch", bulk={"$from": "fetch", "path": "text"}),
        "end": node("use"),
    }
    world.client(1, partial(starting, world, nodes))


def _retried_workflow(world: World) -> None:
    def script() -> None:
        nodes = {"first": node(), "second": node("first", do="reborn", **ONCE), "third": node("second")}
        flow = start(world, nodes, f"{OK} dead")
        while world.insist("GET", f"/workflows/{flow}").json["state"] not in ("dead", OK):
            world.scheduler.sleep(5000)
        world.monitor.redriven(flow, f"{OK} dead")
        world.insist("POST", f"/workflows/{flow}/retry")

    world.client(1, script)


def _cancelled_workflow(world: World) -> None:
    def script() -> None:
        nodes = {"first": node(takes_s=6, maxAttempts=6), "second": node("first"), "third": node("second")}
        flow = start(world, nodes, f"{OK} {CANCELLED} dead")
        world.scheduler.sleep(3000)
        world.insist("POST", f"/workflows/{flow}/cancel")

    world.client(1, script)


def _overdue_workflow(world: World) -> None:
    nodes = {"bad": node(do="bad", **ONCE), "held": node("bad", onDependencyFailure="hold")}
    world.client(1, partial(starting, world, nodes, "dead", deadlineSeconds=90))


def _for_each(world: World) -> None:
    nodes = {
        "fetch": node(do="list"),
        "each": node("fetch", bulk={"$item": "@"})
        | {"forEach": {"$from": "fetch"}, "maxAttempts": 4, "backoff": QUICK},
        "last": node("each"),
    }
    world.client(1, partial(starting, world, nodes))


SCENARIOS: Final = (
    Scenario("waits for a job that runs", _running_parent),
    Scenario("waits for a job that has ended", _ended_parent),
    Scenario("a diamond", _diamond),
    Scenario("a failing branch", _failing),
    Scenario("held until a redrive", _held),
    Scenario("many dependents", _many),
    Scenario("cancelled while it waits", _waiting_cancelled),
    Scenario("a workflow", _workflow),
    Scenario("a workflow, retried", _retried_workflow),
    Scenario("a workflow, cancelled half way", _cancelled_workflow),
    Scenario("a workflow past its deadline", _overdue_workflow),
    Scenario("a workflow with a forEach", _for_each),
)
