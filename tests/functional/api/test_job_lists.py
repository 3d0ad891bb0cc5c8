"""The parameters of GET /jobs over HTTP, on both event shapes: tags, times, schedule, workflow, and what is wrong."""

from typing import Any

import pytest

from tests.builders.api import a_token, api_of
from tests.builders.gateway import Client, Request, Shape
from tests.builders.world import World
from whendue.table.keys import MIGRATION_KEY


@pytest.fixture
def client(world: World, shape: Shape) -> Client:
    return Client(api_of(world), a_token(), shape)


def ids(client: Client, query: str) -> list[str]:
    """List by a query as it is written; a client's parameters are a dictionary."""
    headers = {"Authorization": f"Bearer {client.token}"}
    answer = client.event(Request("GET", "/jobs", headers, query=query).event(client.shape))
    assert answer.status == 200, answer.text
    assert answer.json["missing"] is None
    return [job["id"] for job in answer.json["items"]]


def problem(client: Client, query: str) -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {client.token}"}
    answer = client.event(Request("GET", "/jobs", headers, query=query).event(client.shape))
    assert answer.status in (400, 422), answer.text
    return dict(answer.json)


def test_tags_are_sent_several_times_and_all_must_match(client: Client) -> None:
    """Commas, colons and percent signs in a value are its own."""
    billing = client.submit(tags={"team": "billing", "odd": "a,b:c%2C d"})["id"]
    both = client.submit(tags={"team": "billing", "env": "prod"})["id"]
    client.submit(tags={"team": "sales"})
    assert set(ids(client, "tag=team:billing")) == {billing, both}
    assert ids(client, "tag=team:billing&tag=env:prod") == [both]
    assert ids(client, "tag=team%3Abilling&tag=odd:a%2Cb%3Ac%252C%20d") == [billing]
    assert ids(client, "tag=team:") == []
    assert ids(client, "tag=team:billing&tag=team:sales") == []


@pytest.mark.parametrize("tags", [{"k:": "v"}, {"a:b": "c"}, {":": ""}])
def test_a_tag_that_no_list_could_be_filtered_by_is_refused(client: Client, tags: dict[str, str]) -> None:
    """The filter's name ends at the first colon, so this would be another tag."""
    answer = client.send("POST", "/jobs", {"type": "ok", "payload": {}, "tags": tags})
    assert (answer.status, answer.json["errors"][0]["where"]) == (422, "body.tags")
    assert "without ':'" in answer.json["errors"][0]["problem"]


def test_a_list_of_scheduled_jobs_shows_scheduled_ones(client: Client, world: World) -> None:
    """Also a job that becomes due while the list is read."""
    client.submit(delaySeconds=1)
    real = world.table.get

    def get(*arguments: Any, **options: Any) -> Any:
        world.clock.advance(2)
        return real(*arguments, **options)

    world.table.get = get  # type: ignore[method-assign]
    answer = client.send("GET", "/jobs", state="scheduled")
    assert [job["state"] for job in answer.json["items"]] == ["scheduled"]


def test_jobs_are_listed_by_the_time_of_their_submit(client: Client, world: World) -> None:
    """From the first time on, and before the second one."""
    made = []
    for _ in range(4):
        made.append(client.submit())
        world.clock.advance(10)
    second, third = made[1]["createdAt"], made[2]["createdAt"]
    assert ids(client, "") == [job["id"] for job in reversed(made)]
    assert ids(client, f"createdAfter={second}") == [job["id"] for job in made[:0:-1]]
    assert ids(client, f"createdBefore={third}") == [job["id"] for job in made[1::-1]]
    assert ids(client, f"createdAfter={second}&createdBefore={third}&type=ok") == [made[1]["id"]]


def test_jobs_of_a_schedule(client: Client, world: World) -> None:
    """Those that its fires created."""
    client.submit()
    client.send("PUT", "/schedules/often", {"every": "PT1S", "job": {"type": "ok"}})
    world.pass_time(70)
    found = ids(client, "schedule=often&limit=200")
    assert len(found) > 10
    assert ids(client, "schedule=never") == []


SOONER, LATER = "2026-12-24T17:00:00Z", "2026-12-24T18:00:00Z"
WRONG = {
    "a tag without a value": ("tag=team", "query.tag.0"),
    "a tag without a name": ("tag=:billing", "query.tag.0"),
    "the second tag": ("tag=a:b&tag=team", "query.tag.1"),
    "a long name": (f"tag={'n' * 33}:x", "query.tag.0"),
    "a long value": (f"tag=n:{'v' * 65}", "query.tag.0"),
    "eleven tags": ("&".join(f"tag=a:{n}" for n in range(11)), "query.tag"),
    "a time in words": ("createdAfter=yesterday", "query.createdAfter"),
    "a time without an offset": ("createdBefore=2026-12-24T18:00:00", "query.createdBefore"),
    "a workflow that is no id": ("workflow=mine", "query.workflow"),
    "a schedule with a space": ("schedule=a%20b", "query.schedule"),
    "a type sent twice": ("type=a&type=b", "query.type"),
    "a parameter that is none": ("tags=a:b", "query.tags"),
    "an end in words": ("finishedAfter=yesterday", "query.finishedAfter"),
    "an end without an offset": ("finishedBefore=2026-12-24T18:00:00", "query.finishedBefore"),
    "a fingerprint with a space": ("fingerprint=a%20b", "query.fingerprint"),
    "an order that is none": ("order=random", "query.order"),
    "two queues": ("queue=high&priority=low", "query.queue"),
    "creations in the wrong order": (f"createdAfter={LATER}&createdBefore={SOONER}", "query.createdBefore"),
    "ends in the wrong order": (f"finishedAfter={LATER}&finishedBefore={SOONER}", "query.finishedBefore"),
    "ends at one time": (f"finishedAfter={LATER}&finishedBefore={LATER}", "query.finishedBefore"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_named(client: Client, name: str) -> None:
    """Where it is, and what to send instead."""
    query, where = WRONG[name]
    assert [error["where"] for error in problem(client, query)["errors"]] == [where]


@pytest.mark.parametrize(
    ("sent", "meant"),
    [
        ("created_after", "createdAfter"),
        ("createdafter", "createdAfter"),
        ("tags", "tag"),
        ("finishedBefor", "finishedBefore"),
    ],
)
def test_a_misspelt_parameter_is_named_with_the_one_it_may_mean(client: Client, sent: str, meant: str) -> None:
    """Ignored, it would list all jobs."""
    [error] = problem(client, f"{sent}=x")["errors"]
    assert error["where"] == f"query.{sent}"
    assert f"did you mean {meant}?" in error["problem"]


def test_a_name_that_resembles_none_gets_the_list(client: Client) -> None:
    """Nor is a long one compared as a whole."""
    [error] = problem(client, f"{'zq' * 500}=x")["errors"]
    assert "did you mean" not in error["problem"]
    assert "finishedAfter" in error["problem"]


def test_queue_is_another_name_of_priority(client: Client) -> None:
    """It may also be the name of a queue of one's own."""
    high = client.submit(priority="high")["id"]
    client.submit()
    assert ids(client, "queue=high") == ids(client, "priority=high") == [high]
    assert ids(client, "queue=reports") == []
    assert "must be one of" in problem(client, "priority=urgent")["detail"]
    assert "not both" in problem(client, "queue=high&priority=high")["detail"]


def test_jobs_are_found_by_their_last_error(client: Client, world: World) -> None:
    """Dead ones, and those that will be tried again."""
    dead = client.submit("bad", maxAttempts=1)["id"]
    retried = client.submit("bad", maxAttempts=2)["id"]
    client.submit()
    world.work()
    fingerprint = client.send("GET", f"/jobs/{dead}").json["error"]["fingerprint"]
    assert set(ids(client, f"fingerprint={fingerprint}")) == {dead, retried}
    assert ids(client, f"fingerprint={fingerprint}&state=dead") == [dead]
    assert ids(client, "fingerprint=other") == []


def test_jobs_are_listed_by_the_time_of_their_end(client: Client, world: World) -> None:
    """From the first time on, and before the second one; what has not ended has no end."""
    made = []
    for kind in ("ok", "bad", "ok"):
        made.append(client.submit(kind, maxAttempts=1)["id"])
        world.work()
        world.clock.advance(10)
    client.submit(delaySeconds=3600)
    finished = [client.send("GET", f"/jobs/{job_id}").json["finishedAt"] for job_id in made]
    assert ids(client, f"finishedAfter={finished[1]}") == [made[2], made[1]]
    assert ids(client, f"finishedBefore={finished[1]}") == [made[0]]
    assert ids(client, f"finishedAfter={finished[0]}&finishedBefore={finished[2]}&state=dead") == [made[1]]
    assert ids(client, f"finishedAfter={finished[0]}&state=scheduled") == []


def test_the_oldest_come_first_if_asked_for(client: Client, world: World) -> None:
    """Over pages, up to those that there were when the first page was asked for."""
    made = []
    for _ in range(5):
        made.append(client.submit()["id"])
        world.clock.advance(100)
    page = client.send("GET", "/jobs", order="oldest", limit=2).json
    found = [job["id"] for job in page["items"]]
    world.clock.advance(100)
    client.submit()
    assert client.send("GET", "/jobs", limit=2, cursor=page["cursor"]).code == "invalid_cursor"
    while page["cursor"]:
        page = client.send("GET", "/jobs", order="oldest", limit=2, cursor=page["cursor"]).json
        found += [job["id"] for job in page["items"]]
    assert found == made


def test_times_in_the_wrong_order_are_refused(client: Client) -> None:
    """They may have been swapped."""
    query = "createdAfter=2026-12-24T18:00:00Z&createdBefore=2026-12-24T17:00:00Z"
    assert "createdBefore must be later" in problem(client, query)["detail"]


@pytest.mark.parametrize("path", ["/jobs", "/workflows", "/dead-letters", "/dead-letters/by-tenant"])
def test_a_list_says_what_it_lacks_until_an_upgrade_has_finished(client: Client, world: World, path: str) -> None:
    """`whendue migrate` marks the table."""
    assert client.send("GET", path).json["missing"] is None
    world.table.rows.pop(MIGRATION_KEY)
    fresh = Client(api_of(world), a_token(), client.shape)
    assert fresh.send("GET", path).json["missing"] is None, "it is known from before"
    world.app = world.build()
    later = Client(api_of(world), a_token(), client.shape)
    assert later.send("GET", path).json["missing"] == "jobs_before_upgrade"
    if path == "/dead-letters":
        assert later.send("POST", "/dead-letters/redrive", {}).json["missing"] == "jobs_before_upgrade"
