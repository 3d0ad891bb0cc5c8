"""Jobs that wait for others, over HTTP: `dependsOn` alone and in a batch, and why such a job has not run yet."""

from typing import Any

import pytest

from tests.builders.gateway import Client
from tests.builders.world import World
from whendue.quotas import AWAITED_NAMED, DEPENDENCIES

ONCE: dict[str, Any] = {"maxAttempts": 1}
UNKNOWN = "01900000-0000-7000-8000-000000000000"


def state(client: Client, job: dict[str, Any]) -> str:
    return str(client.send("GET", f"/jobs/{job['id']}").json["state"])


def batch(client: Client, *jobs: dict[str, Any]) -> list[dict[str, Any]]:
    """Submit jobs together; return the items of the answer."""
    answer = client.send("POST", "/jobs/batch", {"jobs": [{"type": "ok"} | job for job in jobs]})
    assert answer.status == 207, answer.text
    items: list[dict[str, Any]] = answer.json["items"]
    return items


def reasons(client: Client, job: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    reasons = client.send("GET", f"/jobs/{job['id']}/explain").json["reasons"]
    return [(item["code"], item["facts"]) for item in reasons]


# --- one job -----------------------------------------------------------------------------------------------------


def test_a_job_waits_for_another_and_shows_it(client: Client, world: World) -> None:
    """Its due time counts from the end of its dependency."""
    dependency = client.submit(delaySeconds=60)
    dependent = client.submit(dependsOn=[dependency["id"]], delaySeconds=30)
    assert (dependent["state"], dependent["unmetDependencies"], dependency["unmetDependencies"]) == ("waiting", 1, None)
    assert [job["id"] for job in client.send("GET", "/jobs", state="waiting").json["items"]] == [dependent["id"]]
    world.pass_time(62)
    assert (state(client, dependency), state(client, dependent)) == ("succeeded", "scheduled")
    assert client.send("GET", f"/jobs/{dependent['id']}").json["unmetDependencies"] is None
    world.pass_time(31)
    assert state(client, dependent) == "succeeded"


@pytest.mark.parametrize(
    ("on", "good", "bad"),
    [
        ("success", "succeeded", "cancelled"),
        ("failure", "cancelled", "succeeded"),
        ("done", "succeeded", "succeeded"),
    ],
)
def test_an_edge_says_which_end_counts(client: Client, world: World, on: str, good: str, bad: str) -> None:
    """Of a dependency that succeeds, and of one that does not."""
    dependencies = [client.submit("ok"), client.submit("bad", **ONCE)]
    dependents = [client.submit(dependsOn=[{"job": dependency["id"], "on": on}]) for dependency in dependencies]
    world.work()
    assert [state(client, dependent) for dependent in dependents] == [good, bad]


@pytest.mark.parametrize(("policy", "end"), [("cancel", "cancelled"), ("run", "succeeded"), ("hold", "waiting")])
def test_a_policy_says_what_becomes_of_it(client: Client, world: World, policy: str, end: str) -> None:
    """When its dependency does not succeed."""
    dependency = client.submit("bad", **ONCE)
    dependent = client.submit(dependsOn=[dependency["id"]], onDependencyFailure=policy)
    world.work()
    assert state(client, dependent) == end


def test_a_payload_takes_results_of_dependencies_by_id_or_by_another_name(client: Client, world: World) -> None:
    """With a path, and a default where there is nothing."""
    first = client.submit(payload={"items": [{"url": "u"}]})
    second = client.submit("bad", **ONCE)
    dependent = client.submit(
        payload={
            "url": {"$from": first["id"], "path": "items[0].url"},
            "other": {"$from": "second", "default": [1]},
            "both": {"$from": [first["id"], "second"], "path": "[].attempt", "default": None},
        },
        dependsOn=[first["id"], {"job": second["id"], "on": "done", "as": "second"}],
    )
    world.work()
    shown = client.send("GET", f"/jobs/{dependent['id']}").json
    assert shown["result"] == {"url": "u", "other": [1], "both": [1], "attempt": 1}
    assert shown["payload"]["url"] == {"$from": first["id"], "path": "items[0].url"}


def test_without_dependencies_what_looks_like_a_reference_is_none(client: Client, world: World) -> None:
    """It was an ordinary payload before there were references."""
    job = client.submit(payload={"x": {"$from": "a", "more": 1}})
    world.work()
    assert client.send("GET", f"/jobs/{job['id']}").json["result"]["x"] == {"$from": "a", "more": 1}


def test_what_it_waits_for_is_a_part_of_what_was_asked_for(client: Client) -> None:
    """The same Idempotency-Key with another dependency is another request."""
    dependencies = [client.submit(delaySeconds=60)["id"] for _ in range(2)]
    key = {"Idempotency-Key": "dependent"}
    first = client.submit(headers=key, dependsOn=dependencies[:1])
    same = client.send("POST", "/jobs", {"type": "ok", "dependsOn": [{"job": dependencies[0]}]}, key)
    assert (same.status, same.json["id"]) == (200, first["id"])
    others: list[dict[str, Any]] = [
        {"dependsOn": dependencies[1:]},
        {"dependsOn": dependencies},
        {"dependsOn": [{"job": dependencies[0], "on": "done"}]},
        {"dependsOn": [{"job": dependencies[0], "as": "x"}]},
        {"dependsOn": dependencies[:1], "onDependencyFailure": "hold"},
        {},
    ]
    answers = [client.send("POST", "/jobs", {"type": "ok"} | other, key) for other in others]
    assert [answer.status for answer in answers] == [409] * len(others)


REFUSED: dict[str, tuple[str, dict[str, Any]]] = {
    "a job that is not there": ("unknown_dependency", {"dependsOn": [UNKNOWN]}),
    "an id that is none": ("unknown_dependency", {"dependsOn": ["x"]}),
    "an empty id": ("invalid_request", {"dependsOn": [""]}),
    "a number": ("invalid_request", {"dependsOn": [1]}),
    "one alone": ("invalid_request", {"dependsOn": UNKNOWN}),
    "a job twice": ("invalid_request", {"dependsOn": [UNKNOWN, {"job": UNKNOWN, "on": "done"}]}),
    "another end": ("invalid_request", {"dependsOn": [{"job": UNKNOWN, "on": "end"}]}),
    "another policy": ("invalid_request", {"dependsOn": [UNKNOWN], "onDependencyFailure": "ignore"}),
    "a policy for nobody": ("invalid_request", {"onDependencyFailure": "hold"}),
    "another policy for nobody": ("invalid_request", {"onDependencyFailure": "run"}),
    "a ref outside a batch": ("invalid_request", {"dependsOn": [{"ref": "a"}]}),
    "a name outside a batch": ("invalid_request", {"ref": "a"}),
    "too many": ("invalid_request", {"dependsOn": [f"{n}" for n in range(DEPENDENCIES + 1)]}),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_can_never_be_waited_for_is_refused(client: Client, name: str) -> None:
    """At submit."""
    code, more = REFUSED[name]
    answer = client.send("POST", "/jobs", {"type": "ok"} | more)
    assert (answer.status, answer.code) == (422, code), answer.text


@pytest.mark.parametrize(
    ("payload", "where"),
    [
        ({"x": {"$from": "stranger"}}, "payload.x"),
        ({"x": {"$from": "failing"}}, "payload.x"),
        ({"x": [{"$item": "@"}]}, "payload.x.0"),
        ({"x": {"$from": "fine", "path": "]"}}, "payload.x"),
        ({"x": {"$from": []}}, "payload.x"),
    ],
)
def test_a_bad_reference_is_refused_where_that_is_knowable(client: Client, payload: Any, where: str) -> None:
    """It names the place."""
    dependencies = [client.submit(delaySeconds=60)["id"] for _ in range(2)]
    links = [{"job": dependencies[0], "as": "fine"}, {"job": dependencies[1], "as": "failing", "on": "failure"}]
    answer = client.send("POST", "/jobs", {"type": "ok", "payload": payload, "dependsOn": links})
    assert (answer.status, answer.code) == (422, "invalid_reference")
    assert [error["where"] for error in answer.json["errors"]] == [where]


def test_two_dependencies_of_one_name_are_refused(client: Client) -> None:
    """Whose result would it be?"""
    dependencies = [client.submit(delaySeconds=60)["id"] for _ in range(2)]
    answer = client.send(
        "POST", "/jobs", {"type": "ok", "dependsOn": [{"job": dependency, "as": "a"} for dependency in dependencies]}
    )
    assert (answer.status, answer.code) == (422, "invalid_request")


def test_a_job_may_wait_for_a_workflow(client: Client, world: World) -> None:
    """Which is a job; and for a node of one."""
    whole = client.send("POST", "/workflows", {"chain": [{"type": "ok"}, {"type": "ok", "delaySeconds": 60}]}).json
    world.work()
    node = client.send("GET", f"/workflows/{whole['id']}").json["nodes"][1]["job"]
    dependent = client.submit(dependsOn=[whole["id"], node])
    world.pass_time(59)
    assert state(client, dependent) == "waiting"
    world.pass_time(2)
    assert state(client, dependent) == "succeeded"


# --- a batch -----------------------------------------------------------------------------------------------------


def test_jobs_of_a_batch_wait_for_earlier_ones(client: Client, world: World) -> None:
    """By their refs, which payloads may use as well."""
    existing = client.submit(payload={"n": 0})
    items = batch(
        client,
        {"ref": "a", "payload": {"n": 1}},
        {"ref": "b", "dependsOn": [{"ref": "a"}], "payload": {"n": {"$from": "a", "path": "n"}}},
        {
            "dependsOn": [{"ref": "b", "as": "x"}, existing["id"]],
            "payload": {"n": {"$from": ["x", existing["id"]], "path": "[].n"}},
        },
    )
    assert [item["status"] for item in items] == [202] * 3
    assert [item["job"]["state"] for item in items] == ["queued", "waiting", "waiting"]
    world.work()
    assert client.send("GET", f"/jobs/{items[2]['job']['id']}").json["result"]["n"] == [1, 0]


def test_who_waits_for_a_refused_job_is_refused_and_nobody_else(client: Client) -> None:
    """One bad job costs those that hang on it alone."""
    items = batch(
        client,
        {"ref": "bad", "type": "none"},
        {"ref": "worse", "unknown": 1},
        {"dependsOn": [{"ref": "bad"}]},
        {"dependsOn": [{"ref": "worse"}]},
        {"dependsOn": [{"ref": "later"}]},
        {"ref": "later"},
        {"ref": "later"},
        {"dependsOn": [{"ref": "later", "job": UNKNOWN}]},
    )
    codes = [item["problem"]["code"] if item["problem"] else None for item in items]
    assert codes == [
        "unknown_task",
        "invalid_request",
        "unknown_dependency",
        "unknown_dependency",
        "unknown_dependency",
        None,
        "invalid_request",
        "invalid_request",
    ]
    assert items[6]["problem"]["errors"][0]["where"] == "ref"


# --- why has it not run yet? -------------------------------------------------------------------------------------


def test_a_waiting_job_names_what_it_waits_for(client: Client, world: World) -> None:
    """Those that have ended are none of them."""
    dependencies = [client.submit()["id"], *(client.submit(delaySeconds=600)["id"] for _ in range(AWAITED_NAMED + 5))]
    dependent = client.submit(dependsOn=dependencies)
    world.work()
    facts = {"left": AWAITED_NAMED + 5, "jobs": dependencies[1 : AWAITED_NAMED + 1]}
    assert reasons(client, dependent) == [("waiting_for_dependencies", facts)]


def test_a_held_job_names_what_holds_it(client: Client, world: World) -> None:
    """And runs once that one was redriven and succeeds."""
    broken = [True]
    world.task("flaky", lambda payload, ctx: 1 // (not broken[0]))
    dependencies = [client.submit("flaky", **ONCE)["id"], client.submit(delaySeconds=5)["id"]]
    dependent = client.submit(dependsOn=dependencies, onDependencyFailure="hold")
    assert reasons(client, dependent)[0][0] == "waiting_for_dependencies"
    world.work()
    held, waiting = reasons(client, dependent)
    assert held == ("held", {"jobs": dependencies[:1]})
    assert waiting == ("waiting_for_dependencies", {"left": 2, "jobs": dependencies})
    broken[0] = False
    client.send("POST", f"/jobs/{dependencies[0]}/redrive")
    world.pass_time(10)
    assert state(client, dependent) == "succeeded"


def test_a_paused_job_that_waits_says_both(client: Client, world: World) -> None:
    """It would not run either way."""
    dependency = client.submit(delaySeconds=60)
    dependent = client.submit(dependsOn=[dependency["id"]])
    client.send("POST", "/pauses", {"type": "ok", "reason": "r"})
    assert [code for code, _ in reasons(client, dependent)] == ["waiting_for_dependencies", "paused"]


def test_a_workflow_that_runs_says_for_how_many_jobs_it_waits(client: Client, world: World) -> None:
    """And a cancelled one that it is about to stop."""
    jobs = [{"type": "ok"}, {"type": "ok", "delaySeconds": 60}]
    whole = client.send("POST", "/workflows", {"group": jobs}).json
    world.work()
    assert reasons(client, whole) == [("waiting_for_members", {"members": 2, "left": 1})]


def test_the_default_policy_may_be_sent_without_dependencies(client: Client) -> None:
    """Generated clients send the default of every field."""
    client.submit(onDependencyFailure="cancel", dependsOn=[], profile="default", tags={})


@pytest.mark.parametrize(
    ("wanted", "where"),
    [("x" * 65, "body.dependsOn.0"), ({"job": "x", "odd": 1}, "body.dependsOn.0.odd"), (7, "body.dependsOn.0")],
    ids=["a long id", "an unknown field", "a number"],
)
def test_what_is_wrong_with_a_dependency_is_said_once(client: Client, wanted: object, where: str) -> None:
    """As an id or as an object, whichever it is."""
    answer = client.send("POST", "/jobs", {"type": "ok", "payload": {}, "dependsOn": [wanted]})
    assert (answer.status, [error["where"] for error in answer.json["errors"]]) == (422, [where])
