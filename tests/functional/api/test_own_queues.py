"""Queues of the operator's own: jobs, profiles, tasks and schedules name them; what they cannot run is refused."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

import pytest

from tests.builders.api import a_token, api_of
from tests.builders.gateway import Client
from tests.builders.world import World
from whendue.jobs.model import State
from whendue.settings import ALL_QUEUES, OwnQueue
from whendue.timer.open_scans import rank_of

OWN: Final = {
    "quick": OwnQueue(timeout_s=20, weight=8),
    "reports": OwnQueue(timeout_s=1800, memory_mb=2048, batch_size=1, maximum_concurrency=5, weight=1),
}
ABLE: Final = ["critical", "high", "normal", "low", "reports"]


@pytest.fixture
def world() -> World:
    return World(own_queues=OWN)


def with_queues(world: World, own: Mapping[str, OwnQueue]) -> Client:
    """Deploy with other queues: every process is a new one."""
    queues = {name: name for name in (*ALL_QUEUES, *own)}
    world.settings = replace(world.settings, own_queues=own, queues=queues)
    world.app = world.build()
    return Client(api_of(world), a_token())


def a_job(**wanted: Any) -> dict[str, Any]:
    return {"type": "ok", **wanted}


def test_a_job_names_its_queue_and_runs_there(world: World, client: Client) -> None:
    """Under `queue` any of them, under `priority` the four of old; both at once are refused."""
    job = client.submit(queue="reports", timeoutSeconds=1797)
    assert (job["queue"], job["priority"]) == ("reports", "reports")
    assert job["effective"]["timeoutSeconds"]["value"] == 1797
    assert client.submit(queue="low")["priority"] == "low"
    both = client.send("POST", "/jobs", a_job(queue="reports", priority="low"))
    assert (both.status, both.code) == (422, "invalid_request")
    world.work(queue="reports")
    assert client.send("GET", f"/jobs/{job['id']}").json["state"] == "succeeded"
    listed = client.send("GET", "/jobs", queue="reports").json["items"]
    assert [item["id"] for item in listed] == [job["id"]]
    assert client.send("GET", "/jobs", queue="low", priority="low").code == "invalid_request"


def test_a_job_that_is_due_later_reaches_its_queue_by_the_timer(world: World, client: Client) -> None:
    """And one whose message was lost: promote and rescue serve own queues, too."""
    late, lost = client.submit(queue="reports", delaySeconds=600), client.submit(queue="quick")
    world.queues.messages["quick"].clear()
    world.pass_time(700)
    states = [client.send("GET", f"/jobs/{job['id']}").json["state"] for job in (late, lost)]
    assert states == ["succeeded", "succeeded"]


@pytest.mark.parametrize(
    ("body", "limit_s", "queues"),
    [
        ({"queue": "quick", "timeoutSeconds": 21}, 20, ABLE),
        ({"timeoutSeconds": 901}, 900, ["reports"]),
        ({"queue": "reports", "timeoutSeconds": 1801}, 1800, []),
    ],
)
def test_a_timeout_beyond_the_queues_worker_is_refused_with_the_queues_that_have_it(
    client: Client, body: dict[str, Any], limit_s: int, queues: list[str]
) -> None:
    """By job, batch, node of a workflow and schedule alike."""
    answer = client.send("POST", "/jobs", a_job(**body))
    assert (answer.status, answer.code) == (422, "timeout_too_long")
    assert (answer.json["limitSeconds"], answer.json["queues"]) == (limit_s, queues)
    assert answer.json["errors"][0]["where"] == "timeoutSeconds"
    [item] = client.send("POST", "/jobs/batch", {"jobs": [a_job(**body)]}).json["items"]
    assert (item["problem"]["code"], item["problem"]["limitSeconds"]) == ("timeout_too_long", limit_s)
    flow = client.send("POST", "/workflows", {"nodes": {"a": a_job(**body)}})
    assert (flow.code, flow.json["errors"][0]["where"]) == ("invalid_workflow", "nodes.a.timeoutSeconds")
    schedule = client.send("PUT", "/schedules/s", {"cron": "0 * * * *", "job": a_job(**body)})
    assert schedule.code == "timeout_too_long"


def test_the_last_seconds_are_kept_for_recording(client: Client) -> None:
    """What is shown is what the worker of this queue keeps."""
    assert client.submit(queue="quick", timeoutSeconds=20)["effective"]["timeoutSeconds"]["value"] == 17
    assert client.submit(queue="quick")["effective"]["timeoutSeconds"] == {"value": 17, "source": "default"}


def test_a_profile_and_a_task_name_a_queue(world: World, client: Client) -> None:
    """The request wins over the profile, the profile over the task."""
    world.task("heavy", lambda payload, ctx: None, queue="reports", timeout_s=1500)
    assert client.submit("heavy")["queue"] == "reports"
    assert client.send("PUT", "/profiles/mine", {"queue": "quick", "timeoutSeconds": 10}).status == 201
    assert client.submit("heavy", profile="mine")["queue"] == "quick"
    assert client.submit("heavy", profile="mine", queue="low")["queue"] == "low"
    refused = client.send("POST", "/jobs", {"type": "heavy", "queue": "normal"})
    assert (refused.code, refused.json["queues"]) == ("timeout_too_long", ["reports"])
    assert "the task 'heavy' has a timeout of 1500 s" in refused.json["detail"]
    long = client.send("PUT", "/profiles/mine", {"queue": "quick", "timeoutSeconds": 21})
    assert (long.code, long.json["limitSeconds"]) == ("timeout_too_long", 20)
    assert client.send("PUT", "/profiles/mine", {"queue": "none"}).code == "unknown_queue"
    assert client.send("PUT", "/profiles/some", {"timeoutSeconds": 1500}).status == 201, "some queue has the time"


def test_what_get_returns_of_a_schedule_can_be_put_again(client: Client) -> None:
    """An own queue is shown as `queue`, a priority as `priority`."""
    for name, sent in (("own", {"queue": "reports"}), ("old", {"priority": "low"})):
        wanted = {"cron": "0 * * * *", "job": a_job(**sent)}
        assert client.send("PUT", f"/schedules/{name}", wanted).status == 201
        shown = client.send("GET", f"/schedules/{name}").json["job"]
        assert {key: shown[key] for key in ("queue", "priority") if key in shown} == sent


def test_an_unknown_queue_is_refused_with_those_that_there_are(client: Client) -> None:
    """As is that of deliveries, and a name that no queue can have."""
    for name, code in (("none", "unknown_queue"), ("notifications", "unknown_queue"), ("No Queue", "invalid_request")):
        answer = client.send("POST", "/jobs", a_job(queue=name))
        assert (answer.status, answer.code) == (422, code)
    refused = client.send("POST", "/jobs", a_job(queue="none"))
    assert refused.json["queues"] == ["critical", "high", "normal", "low", "quick", "reports"]


def test_a_waiting_job_moves_to_a_queue_that_has_its_time(world: World, client: Client) -> None:
    """And not to one whose worker would cut it off."""
    job = client.submit(queue="reports", timeoutSeconds=1500, delaySeconds=60)
    short = client.send("PATCH", f"/jobs/{job['id']}", {"queue": "normal"})
    assert (short.code, short.json["queues"]) == ("timeout_too_long", ["reports"])
    quick = client.submit(delaySeconds=60, timeoutSeconds=10)
    moved = client.send("PATCH", f"/jobs/{quick['id']}", {"queue": "quick"})
    assert (moved.status, moved.json["queue"]) == (200, "quick")
    world.pass_time(180)
    assert client.send("GET", f"/jobs/{quick['id']}").json["state"] == "succeeded"


def test_queues_are_listed_with_their_properties_paused_and_resumed(world: World, client: Client) -> None:
    """As the four are."""
    items = {item["name"]: item for item in client.send("GET", "/queues").json["items"]}
    assert list(items) == [*ALL_QUEUES, *OWN]
    known = {"own": True, "draining": False, "timeoutSeconds": 1797, "weight": 1, "memoryMb": 2048}
    assert items["reports"].items() >= (known | {"batchSize": 1, "maximumConcurrency": 5, "depth": 0}).items()
    assert client.send("POST", "/queues/reports/pause", {"reason": "a test"}).status == 200
    job = client.submit(queue="reports")
    assert world.work(queue="reports")[0].counts == {"paused": 1}
    assert client.send("GET", f"/jobs/{job['id']}/explain").json["reasons"][0]["code"] == "paused"
    assert client.send("POST", "/queues/reports/resume").status == 204
    world.pass_time(200)
    assert client.send("GET", f"/jobs/{job['id']}").json["state"] == "succeeded"
    assert client.send("POST", "/queues/none/pause", {"reason": "a test"}).code == "queue_not_found"


def test_a_draining_queue_runs_what_it_has_and_takes_no_more(world: World, client: Client) -> None:
    """How a queue is removed without losing a job."""
    job = client.submit(queue="reports", delaySeconds=300)
    draining = with_queues(world, OWN | {"reports": replace(OWN["reports"], draining=True)})
    assert draining.send("POST", "/jobs", a_job(queue="reports")).code == "unknown_queue"
    assert draining.send("POST", "/jobs", a_job(timeoutSeconds=901)).json["queues"] == []
    shown = {item["name"]: item["draining"] for item in draining.send("GET", "/queues").json["items"]}
    assert shown["reports"]
    world.pass_time(400)
    assert draining.send("GET", f"/jobs/{job['id']}").json["state"] == "succeeded"


def test_fires_of_a_schedule_whose_queue_takes_no_jobs_are_skipped_with_the_reason(world: World) -> None:
    """And it goes on when the queue is back."""
    client = with_queues(world, OWN)
    wanted = {"every": "PT5M", "job": a_job(queue="reports")}
    assert client.send("PUT", "/schedules/often", wanted).status == 201
    drained = with_queues(world, OWN | {"reports": replace(OWN["reports"], draining=True)})
    world.pass_time(900)
    fires = drained.send("GET", "/schedules/often/fires").json["items"]
    assert fires
    assert {fire["outcome"] for fire in fires} == {"skipped"}
    back = with_queues(world, OWN)
    world.pass_time(900)
    fires = back.send("GET", "/schedules/often/fires").json["items"]
    assert fires[0]["outcome"] == "ran"


def test_jobs_of_a_removed_queue_say_so_and_move(world: World, client: Client) -> None:
    """Nothing of it is lost: the queue may also come back."""
    first, second = (client.submit(queue="quick", delaySeconds=60) for _ in range(2))
    after = client.submit(queue="quick", dependsOn=[first["id"]])
    removed = with_queues(world, {"reports": OWN["reports"]})
    assert removed.send("POST", "/jobs", a_job(queue="quick")).code == "unknown_queue"
    world.pass_time(200)
    for job, way in ((first, "Move it"), (after, "cancel it")):
        [reason, *_] = removed.send("GET", f"/jobs/{job['id']}/explain").json["reasons"]
        assert (reason["code"], way in reason["text"], reason["facts"]["queue"]) == ("queue_removed", True, "quick")
    assert removed.send("PATCH", f"/jobs/{first['id']}", {"queue": "normal"}).status == 200
    world.pass_time(200)
    assert removed.send("GET", f"/jobs/{first['id']}").json["state"] == "succeeded"
    assert removed.send("GET", f"/jobs/{second['id']}").json["state"] == "queued"
    back = with_queues(world, OWN)
    world.pass_time(400)
    assert [back.send("GET", f"/jobs/{job['id']}").json["state"] for job in (second, after)] == ["succeeded"] * 2


def test_weights_are_ranks_of_the_timer(world: World) -> None:
    """An own queue is served like the priority of its weight."""
    ranks = [rank_of(name, world.settings.own_queues) for name in (*ALL_QUEUES, *OWN)]
    assert ranks == [0, 1, 2, 3, 4, 0, 3]


def test_a_task_creates_jobs_for_own_queues(world: World, client: Client) -> None:
    """By `queue` of `ctx.submit`; the deployment's queues are checked as at a submit."""
    world.task("creating", lambda payload, ctx: str(ctx.submit("ok", queue="reports", key="a")))
    job = client.submit("creating")
    world.work()
    [child] = client.send("GET", "/jobs", queue="reports").json["items"]
    assert world.view(world.app.query.get("acme", job["id"]).job).job.state is State.SUCCEEDED
    assert child["type"] == "ok"


def test_dead_letters_are_those_of_a_queue_and_a_typo_is_no_empty_list(world: World, client: Client) -> None:
    """Their groups, those of all tenants, and what is redriven."""
    for queue in ("reports", "reports", "quick"):
        client.submit("bad", queue=queue, maxAttempts=1)
    world.work()
    operator = Client(api_of(world), a_token(scopes="operator"))
    [group] = client.send("GET", "/dead-letters", queue="reports").json["items"]
    assert group["count"] == 2
    [tenant] = operator.send("GET", "/dead-letters/by-tenant", queue="quick").json["items"]
    assert tenant["jobs"] == 1
    for sender, path in ((client, "/dead-letters"), (operator, "/dead-letters/by-tenant")):
        assert sender.send("GET", path, priority="hihg").code == "invalid_request"
        assert sender.send("GET", path, priority="low", queue="low").code == "invalid_request"
    body = {"filter": {"queue": "reports"}, "dryRun": True}
    assert client.send("POST", "/dead-letters/redrive", body).json["matched"] == 2
