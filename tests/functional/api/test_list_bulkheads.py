"""An item that cannot be read or shown hides none of its neighbours: any exception, at each stage of each list."""

import importlib
import json
import os
from collections.abc import Callable
from io import StringIO
from typing import Any, NamedTuple

import pytest

from tests.builders.api import a_token, api_of
from tests.builders.exceptions import EVERY, EXCEPTIONS
from tests.builders.gateway import Client
from tests.builders.world import IDS, TENANT, World
from whendue.notifications.subscription import Subscription, Terms, subscribe
from whendue.table.writes import Write

WORKFLOW = {"nodes": {"a": {"type": "ok"}, "b": {"type": "ok"}, "c": {"type": "ok"}}, "delaySeconds": 3600}


class Stage(NamedTuple):
    """Where something is done with each of a list's items.

    Args:
        path: of the list.
        function: what is done, as module and name; it raises for the one whose repr has `marked` in it.
    """

    path: str
    function: str
    query: dict[str, Any] = {}  # noqa: RUF012 - of a tuple


ROUTES = "functions.api.routes"
STAGES = {
    "jobs, read": Stage(
        "/jobs", "whendue.operations.listing.from_item", {"type": "ok", "state": "scheduled", "limit": "200"}
    ),
    "jobs, filtered": Stage(
        "/jobs", "whendue.operations.listing.shown_state", {"type": "ok", "state": "scheduled", "limit": "200"}
    ),
    "jobs, shown": Stage("/jobs", f"{ROUTES}.jobs.job_reply", {"type": "ok", "state": "scheduled", "limit": "200"}),
    "workflows, read": Stage("/workflows", "whendue.operations.listing.from_item"),
    "workflows, shown": Stage("/workflows", f"{ROUTES}.workflows.workflow_reply"),
    "schedules, shown": Stage("/schedules", f"{ROUTES}.schedules.schedule_reply"),
    "fires, read": Stage("/schedules/s/fires", "whendue.schedules.history.fire_from"),
    "fires, shown": Stage("/schedules/s/fires", f"{ROUTES}.schedules.fire_reply"),
    "dead letters, grouped": Stage("/dead-letters", "whendue.operations.dead_letters._group"),
    "dead letters, shown": Stage("/dead-letters", f"{ROUTES}.dead_letters.group_reply"),
    "subscriptions, read": Stage("/subscriptions", "whendue.notifications.subscriptions.from_item"),
    "subscriptions, shown": Stage("/subscriptions", f"{ROUTES}.subscriptions.subscription_reply"),
    "profiles, read": Stage("/profiles", "whendue.profiles.editor.from_item"),
    "profiles, shown": Stage("/profiles", f"{ROUTES}.profiles.profile_reply"),
    "pauses, read": Stage("/pauses", "whendue.pauses.service.from_item"),
    "pauses, shown": Stage("/pauses", f"{ROUTES}.pauses.tenant_pause_reply"),
}


@pytest.fixture(scope="module")
def filled() -> World:
    """Three of everything, one of them marked."""
    world = World()
    world.task("marked", lambda payload, ctx: 1 / 0)
    client = Client(api_of(world), a_token())
    for name in ("first", "marked", "third"):
        client.submit(tags={"name": name}, delaySeconds=3600)
        assert client.send("POST", "/workflows", WORKFLOW | {"tags": {"name": name}}).status == 202
        client.submit("marked" if name == "marked" else "bad", maxAttempts=1, tags={"name": name})
        job = {"type": "ok"}
        assert client.send("PUT", f"/schedules/{name}", {"cron": "0 0 1 1 *", "job": job}).status == 201
        assert client.send("PUT", f"/profiles/{name}", {"retries": 1}).status == 201
        terms = Terms("webhook", '{"url": "https://x.example"}', ("dead",))
        world.table.apply([subscribe(Subscription("other", name, terms, "m", 1, 1, "m"))])
        world.table.apply([subscribe(Subscription(TENANT, name, terms, "m", 1, 1, "m"))])
    for body in ({}, {"type": "marked"}, {"type": "bad"}):
        client.send("POST", "/pauses", {"reason": body.get("type", "first")} | body)
    client.send("PUT", "/schedules/s", {"every": "PT1S", "job": {"type": "ok"}})
    client.send("DELETE", "/pauses/tenant")
    client.send("DELETE", "/pauses/types/marked")
    client.send("DELETE", "/pauses/types/bad")
    world.pass_time(4)
    for body in ({}, {"type": "marked"}, {"type": "bad"}):
        client.send("POST", "/pauses", {"reason": body.get("type", "first")} | body)
    return world


def breaking(function: Callable[..., Any], error: Exception, hits: list[int], marked: str) -> Callable[..., Any]:
    def broken(*arguments: Any, **options: Any) -> Any:
        if marked in repr(arguments):
            hits.append(1)
            raise error
        return function(*arguments, **options)

    return broken


@pytest.mark.parametrize("name", STAGES)
def test_one_item_that_raises_is_left_out_alone(
    filled: World, logged: StringIO, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """The others are listed, and the log says what was left out; never what is in it."""
    stage = STAGES[name]
    client = Client(api_of(filled), a_token())
    whole = client.send("GET", stage.path, **stage.query).json["items"]
    assert len(whole) >= 2
    marked = str(nominal_of(filled)) if stage.path.endswith("/fires") else "marked"
    module, _, function = stage.function.rpartition(".")
    real = getattr(importlib.import_module(module), function)
    every = list(EXCEPTIONS.values())
    # `make thorough` raises all of them at each stage.
    for error in every if os.environ.get(EVERY) else every[list(STAGES).index(name) % 8 :: 8]:
        hits: list[int] = []
        with monkeypatch.context() as patch:
            patch.setattr(stage.function, breaking(real, error, hits, marked))
            answer = client.send("GET", stage.path, **stage.query)
        assert answer.status == 200, (error, answer.text)
        assert hits, "the stage was not reached"
        left = answer.json["items"]
        assert len(left) == len(whole) - 1, error
        assert all(item in whole for item in left)
        line = json.loads(logged.getvalue().splitlines()[-1])
        assert line["isolated_errors"] >= 1
        assert line["isolated"][0]["error_type"] == type(error).__name__
        assert "broken on purpose" not in json.dumps(line)


def nominal_of(world: World) -> int:
    """Return the time of one of the fires."""
    [*entries] = [
        item for key, item in world.table.rows.items() if key.pk.endswith("#s") and key.sk.startswith("fire#")
    ]
    past = sorted(item["nominal"] for item in entries if item["nominal"] < world.clock.now_ms())
    return int(past[1])


@pytest.mark.parametrize("error", ["ValueError", "RecursionError", "KeyError"])
def test_a_node_that_cannot_be_read_is_like_one_that_is_gone(
    filled: World, monkeypatch: pytest.MonkeyPatch, error: str
) -> None:
    """The workflow is shown with all others."""
    from whendue.workflows import service as workflows

    client = Client(api_of(filled), a_token())
    filled.app.resume.tenant(TENANT, None)
    whole = client.send("POST", "/workflows", {"nodes": WORKFLOW["nodes"]}).json["id"]
    filled.work()
    bad = IDS.of_member(whole, 1)
    real: Any = vars(workflows)["from_item"]

    def broken(item: Any) -> Any:
        if item["pk"] == f"JOB#{bad}":
            raise EXCEPTIONS[error]
        return real(item)

    monkeypatch.setattr(workflows, "from_item", broken)
    shown = client.send("GET", f"/workflows/{whole}")
    assert shown.status == 200
    assert [node["state"] for node in shown.json["nodes"]] == ["succeeded", "gone", "succeeded"]


ODD: dict[str, dict[str, Any]] = {
    "a time out of range": {"created_at": 1 << 60},
    "a time that is a text": {"due_at": "soon"},
    "no policy": {"policy": "none"},
    "progress that is no JSON": {"progress": "{"},
    "a result that is no JSON": {"result": "{"},
    "tags that are numbers": {"tags": frozenset({1})},
    "a state that nobody knows": {"state": "confused"},
    "an error that is a text": {"last": "x"},
}


@pytest.mark.parametrize("name", ODD)
def test_a_job_that_is_stored_oddly_hides_no_other(world: World, client: Client, name: str) -> None:
    """Whatever made it so: an earlier version, a hand, a bug."""
    jobs = [client.submit(delaySeconds=60 + n) for n in range(3)]
    [done] = world.table.apply([Write("odd", _key(jobs[1]["id"]), (), ODD[name])])
    assert done.done
    listed = client.send("GET", "/jobs")
    assert listed.status == 200
    assert {job["id"] for job in listed.json["items"]} >= {jobs[0]["id"], jobs[2]["id"]}
    assert client.send("GET", "/queues").status == 200
    assert client.send("GET", "/actuator/prometheus").status == 200
    assert client.send("GET", f"/jobs/{jobs[0]['id']}").status == 200


def _key(job_id: str) -> Any:
    from whendue.table.keys import job_key

    return job_key(job_id)


def test_a_series_that_nobody_knows_hides_no_metric(world: World, client: Client) -> None:
    """Prometheus would lose sight of everything."""
    from whendue.table.keys import counter_key
    from whendue.table.writes import insert

    client.submit()
    world.table.apply(
        [insert("odd", counter_key(0, "odd"), {"x": 1}), insert("odd", counter_key(1, "jobs#q#t"), {"submitted": "x"})]
    )
    answer = client.send("GET", "/actuator/prometheus")
    assert answer.status == 200
    assert "whendue_jobs_submitted_total" in answer.text


def test_a_pause_that_cannot_be_read_holds_its_own_tenant_alone(world: World, client: Client) -> None:
    """A worker's batch has jobs of many tenants."""
    from whendue.submission.request import JobRequest
    from whendue.table.keys import Key
    from whendue.table.writes import insert

    mine = world.submit()
    other = world.app.submit.one("other", JobRequest("ok", {})).job
    world.table.apply([insert("odd", Key("PAUSE#other", "tenant"), {"until": "x"})])
    world.work()
    assert world.job(mine).state.value == "succeeded"
    assert world.app.query.get("other", other.id).job.state.value == "pending"
    assert client.send("GET", f"/jobs/{mine.id}/explain").status == 200


def test_a_redrive_of_many_goes_on_past_one_that_cannot_be(world: World, client: Client) -> None:
    """Each job of a bulk redrive ends on its own."""
    jobs = [client.submit("bad", maxAttempts=1)["id"] for _ in range(3)]
    world.work()
    world.table.apply([Write("odd", _key(jobs[1]), (), {"created_at": 1 << 60, "redrives": "x"})])
    answer = client.send("POST", "/dead-letters/redrive", {})
    assert answer.status == 200
    assert sorted(answer.json["redriven"]) == sorted([jobs[0], jobs[2]])
