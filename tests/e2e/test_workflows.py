"""Workflows on real processes over HTTP: the right order, as the tasks themselves note it, and each node once."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.builders.waiting import eventually
from tests.e2e.stage import TERMINAL, Http


def step(path: Path, name: str, *after: Any, **more: Any) -> dict[str, Any]:
    """Ask for a node that notes its runs."""
    payload = {"path": str(path), "name": name}
    payload |= {key: more.pop(key) for key in ("seconds", "fails", "value", "values") if key in more}
    links = {"dependsOn": list(after)} if after else {}
    return {"type": "e2e.step", "payload": payload, "maxAttempts": 1, **links, **more}


def start(http: Http, body: dict[str, Any]) -> str:
    """Submit a workflow."""
    reply = http.client.post("/workflows", json=body)
    assert reply.status_code == 202, reply.text
    assert reply.headers["Location"] == f"/workflows/{reply.json()['id']}"
    return str(reply.json()["id"])


def ended(http: Http, flow: str) -> dict[str, Any]:
    """Wait until a workflow has ended; return it."""
    seen: dict[str, Any] = {}

    def is_over() -> bool:
        seen.update(http.client.get(f"/workflows/{flow}").raise_for_status().json())
        return seen["state"] in TERMINAL

    eventually(is_over, every_s=0.3)
    return seen


def states(flow: dict[str, Any]) -> dict[str, str]:
    """Return the states of nodes by name."""
    return {node["name"]: node["state"] for node in flow["nodes"]}


def notes(path: Path) -> list[tuple[str, str]]:
    """Read what tasks noted: (begin or end, name), in order."""
    lines = [line.split() for line in path.read_text().splitlines()] if path.exists() else []
    return [(what, name) for what, _, name, _ in lines]


def begun(path: Path) -> Counter[str]:
    """Count how often each node ran."""
    return Counter(name for what, name in notes(path) if what == "begin")


def test_a_diamond_runs_in_order(http: Http, tmp_path: Path) -> None:
    """The last one begins when both others have ended."""
    path = tmp_path / "notes"
    nodes = {
        "top": step(path, "top"),
        "left": step(path, "left", "top", seconds=0.5),
        "right": step(path, "right", "top"),
        "last": step(path, "last", "left", "right"),
    }
    flow = ended(http, start(http, {"nodes": nodes}))
    assert flow["state"] == "succeeded"
    assert states(flow) == dict.fromkeys(nodes, "succeeded")
    order = notes(path)
    for before, after in (("top", "left"), ("top", "right"), ("left", "last"), ("right", "last")):
        assert order.index(("end", before)) < order.index(("begin", after))
    assert begun(path) == dict.fromkeys(nodes, 1)


def test_a_chain_of_twenty_passes_its_results_on(http: Http, tmp_path: Path) -> None:
    """Each adds one to what the one before it gave."""
    path = tmp_path / "notes"
    chain = [step(path, "step-1")]
    chain += [step(path, f"step-{n}", value={"$from": f"step-{n - 1}"}) for n in range(2, 21)]
    flow = ended(http, start(http, {"chain": chain}))
    assert flow["state"] == "succeeded"
    assert [name for what, name in notes(path) if what == "begin"] == [f"step-{n}" for n in range(1, 21)]
    last = next(node for node in flow["nodes"] if node["name"] == "step-20")
    assert http.job({"id": last["job"]})["result"] == 20


def test_a_chord_of_two_hundred_gathers_every_result(http: Http, tmp_path: Path) -> None:
    """The body runs once, after all of them."""
    path = tmp_path / "notes"
    group = [step(path, f"job-{n}", value=n) for n in range(1, 201)]
    body = step(path, "body", values={"$from": "group"})
    flow = ended(http, start(http, {"chord": {"group": group, "body": body}}))
    assert flow["state"] == "succeeded"
    assert notes(path)[-2:] == [("begin", "body"), ("end", "body")]
    assert begun(path) == Counter({f"job-{n}": 1 for n in range(1, 201)} | {"body": 1})
    last = next(node for node in flow["nodes"] if node["name"] == "body")
    assert http.job({"id": last["job"]})["result"] == sum(range(1, 201)) + 200


@pytest.mark.parametrize(
    ("policy", "after_bad", "state"),
    [("cancel", "cancelled", "dead"), ("run", "succeeded", "dead"), ("hold", "waiting", "waiting")],
)
def test_a_failing_branch_does_what_its_policy_says(
    http: Http, tmp_path: Path, policy: str, after_bad: str, state: str
) -> None:
    """The other branch goes on."""
    path = tmp_path / "notes"
    nodes = {
        "bad": step(path, "bad", fails=True),
        "after": step(path, "after", "bad", onDependencyFailure=policy),
        "other": step(path, "other"),
        "beside": step(path, "beside", "other"),
    }
    flow_id = start(http, {"nodes": nodes})
    expected = {"bad": "dead", "after": after_bad, "other": "succeeded", "beside": "succeeded"}

    def is_so() -> bool:
        flow = http.client.get(f"/workflows/{flow_id}").raise_for_status().json()
        return (flow["state"], states(flow)) == (state, expected)

    eventually(is_so, every_s=0.3)
    if policy == "hold":
        reasons = http.client.get(f"/jobs/{_job(http, flow_id, 'after')}/explain").json()["reasons"]
        assert reasons[0]["code"] == "held"
        http.client.post(f"/workflows/{flow_id}/cancel").raise_for_status()
        assert ended(http, flow_id)["state"] == "cancelled"


def _job(http: Http, flow: str, name: str) -> str:
    nodes = http.client.get(f"/workflows/{flow}").json()["nodes"]
    return str(next(node["job"] for node in nodes if node["name"] == name))


def test_a_workflow_cancelled_half_way_begins_nothing_more(http: Http, tmp_path: Path) -> None:
    """What has ended stays as it is."""
    path = tmp_path / "notes"
    nodes = {"a": step(path, "a"), "b": step(path, "b", "a", delaySeconds=60), "c": step(path, "c", "b")}
    flow = start(http, {"nodes": nodes})
    eventually(lambda: ("end", "a") in notes(path), every_s=0.1)
    http.client.post(f"/workflows/{flow}/cancel").raise_for_status()
    over = ended(http, flow)
    assert (over["state"], states(over)) == ("cancelled", {"a": "succeeded", "b": "cancelled", "c": "cancelled"})
    assert begun(path) == {"a": 1}


def test_a_for_each_runs_its_items_and_gathers_their_results(http: Http, tmp_path: Path) -> None:
    """Twelve of them."""
    path = tmp_path / "notes"
    nodes = {
        "list": {"type": "e2e.list", "payload": {"items": 12}},
        "each": step(path, "each", "list", value={"$item": "@"}) | {"forEach": {"$from": "list"}},
        "sum": step(path, "sum", "each", values={"$from": "each"}),
    }
    flow = ended(http, start(http, {"nodes": nodes}))
    assert flow["state"] == "succeeded"
    assert begun(path) == {"each": 12, "sum": 1}
    assert http.job({"id": _job(http, flow["id"], "sum")})["result"] == sum(range(12)) + 12


def test_a_workflow_of_a_thousand_nodes_is_accepted_and_finished(
    http: Http, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The most that one may have; each node once."""
    path = tmp_path / "notes"
    nodes = {"n0": step(path, "n0")}
    nodes |= {f"n{n}": step(path, f"n{n}", f"n{(n - 1) // 8}") for n in range(1, 1000)}
    flow = ended(http, start(http, {"nodes": nodes}))
    assert (flow["state"], flow["progress"]["succeeded"]) == ("succeeded", 1000)
    assert begun(path) == dict.fromkeys(nodes, 1)
    with capsys.disabled():
        print("\na workflow of 1,000 nodes: accepted, finished")


def test_jobs_wait_for_jobs(http: Http, tmp_path: Path) -> None:
    """Without a workflow: one that is there, and one of the same batch."""
    path = tmp_path / "notes"
    first = http.submit("e2e.step", {"path": str(path), "name": "first", "seconds": 1})
    batch: list[dict[str, Any]] = [
        {
            "type": "e2e.step",
            "payload": {"path": str(path), "name": "second"},
            "ref": "second",
            "dependsOn": [first["id"]],
        },
        {
            "type": "e2e.step",
            "payload": {"path": str(path), "name": "third", "value": {"$from": "second"}},
            "dependsOn": [{"ref": "second", "as": "second"}],
        },
    ]
    jobs = http.ended([first, *http.batch(batch)])
    assert [job["state"] for job in jobs] == ["succeeded"] * 3
    assert [name for what, name in notes(path) if what == "begin"] == ["first", "second", "third"]
    assert jobs[2]["result"] == 2
