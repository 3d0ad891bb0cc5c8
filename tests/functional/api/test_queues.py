"""Queues and pauses over HTTP."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from functions.api.http import times
from tests.builders.faults import Counted, Refusing
from tests.builders.gateway import Client
from tests.builders.world import SETTINGS, TENANT, World
from whendue.quotas import GROUP_BYTES, OLDEST_LOOKED_AT, PAUSE_REASON_BYTES
from whendue.settings import ALL_QUEUES, QUEUES

NORMAL = {
    "name": "normal",
    "own": False,
    "draining": False,
    "timeoutSeconds": 897,
    "weight": 2,
    "memoryMb": None,
    "batchSize": None,
    "maximumConcurrency": None,
}
WHY = {"reason": "the bank is shut"}


def shown(client: Client, name: str = "normal") -> Any:
    answer = client.send("GET", "/queues")
    assert answer.status == 200
    assert [item["name"] for item in answer.json["items"]] == list(ALL_QUEUES)
    assert answer.json["cursor"] is None
    return next(item for item in answer.json["items"] if item["name"] == name)


def test_an_idle_queue_shows_nothing(client: Client) -> None:
    """Zeros, and no time."""
    idle = {"depth": 0, "inFlight": 0, "delayed": 0, "oldestDueAt": None, "paused": None}
    assert shown(client) == NORMAL | idle


def test_a_queue_shows_what_waits_what_runs_and_since_when(client: Client, world: World) -> None:
    """A message that a worker has is not a job that it has claimed; what has ended is nobody's oldest."""
    first = client.submit()
    world.queues.receive("normal")
    world.clock.advance(1)
    waiting = [client.submit() for _ in range(2)]
    client.submit(delaySeconds=60)
    client.submit(delaySeconds=5000)
    queue = shown(client)
    assert (queue["depth"], queue["inFlight"], queue["delayed"]) == (2, 1, 1)
    assert queue["oldestDueAt"] == first["dueAt"], "no worker has claimed it yet"
    [message] = world.queues.receive("normal", limit=1)
    world.app.work.handle([message], world.clock.now_ms() + 60_000)
    client.send("POST", f"/jobs/{first['id']}/cancel")
    assert shown(client)["oldestDueAt"] == waiting[0]["dueAt"]
    for job in waiting:
        client.send("POST", f"/jobs/{job['id']}/cancel")
    assert shown(client)["oldestDueAt"] is None, "what is due in a minute does not wait yet"


def test_a_look_at_all_queues_reads_a_bounded_number_of_items(world: World) -> None:
    """docs/guide/queues.md: however many jobs there are."""
    for n in range(400):
        world.submit(queue=QUEUES[n % 4], delay_s=n % 7)
    calls: list[str] = []
    read: list[int] = []

    def get(keys: Any) -> Any:
        read.append(len(keys))
        return world.table.get(keys)

    app = world.build(Counted(Refusing(world.table, "get", get), calls), Counted(world.queues, calls))
    app.queues.list()
    # A look at pauses for each queue that has jobs: of the queue, and of the tenant and its type, which are known then.
    assert Counter(calls) == {"depth": 5, "query_due": 5 * SETTINGS.shards, "get": 6 + 4}
    assert sum(read) == 5 + 4 * OLDEST_LOOKED_AT + 4 + 2 == 171


def test_a_running_job_is_not_the_oldest_that_waits(client: Client, world: World) -> None:
    """A long job is no sign of a backlog."""
    seen: list[Any] = []
    world.task("looks", lambda payload, ctx: seen.append(shown(client)))
    client.submit("looks")
    world.work()
    assert seen[0]["oldestDueAt"] is None


def test_a_queue_is_paused_and_resumed(client: Client, client_of: Callable[..., Client], world: World) -> None:
    """Operators see by whom, why, since and until when."""
    until = times.to_timestamp(world.clock.now_ms() + 60_000)
    answer = client.send("POST", "/queues/normal/pause", WHY | {"expiresAt": until})
    expected = {"by": TENANT, **WHY, "since": times.to_timestamp(world.clock.now_ms()), "expiresAt": until}
    assert (answer.status, answer.json) == (200, expected | {"by": answer.json["by"]})
    assert answer.json["by"]
    assert shown(client_of("other", "jobs:read operator"))["paused"] == answer.json
    assert shown(client, "low")["paused"] is None
    for _ in range(2):
        answer = client.send("POST", "/queues/normal/resume")
        assert (answer.status, answer.text) == (204, "")
    assert shown(client)["paused"] is None


def test_a_tenant_sees_that_a_queue_is_paused_and_nothing_that_is_others(
    client: Client, client_of: Callable[..., Client]
) -> None:
    """Neither what an operator wrote, nor how many jobs of others wait, and since when; not by `explain`, either."""
    secret = "acme has not paid"
    other = client_of("other", "jobs:read jobs:write admin")
    job = other.submit()
    for _ in range(3):
        client.submit()
    assert other.send("POST", "/queues/normal/pause", {"reason": "mine"}).status == 403
    client.send("POST", "/queues/normal/pause", {"reason": secret})
    listed = other.send("GET", "/queues")
    [queue] = [item for item in listed.json["items"] if item["name"] == "normal"]
    paused = queue.pop("paused")
    assert queue == NORMAL | {"depth": None, "inFlight": None, "delayed": None, "oldestDueAt": None}
    assert (paused["by"], paused["reason"], bool(paused["since"])) == (None, None, True)
    explained = other.send("GET", f"/jobs/{job['id']}/explain")
    assert explained.json["reasons"][0]["code"] == "paused"
    assert explained.json["reasons"][0]["facts"] == {
        "queue": "normal",
        "scope": "queue",
        "pausedAt": paused["since"],
        "pausedUntil": None,
    }
    for text in (listed.text, explained.text):
        assert secret not in text
        assert "developer" not in text


def test_a_backlog_is_explained_without_its_size(client: Client, client_of: Callable[..., Client]) -> None:
    """It is made of other tenants' jobs."""
    jobs = [{"type": "ok"}] * 150
    assert client_of("other").send("POST", "/jobs/batch", {"jobs": jobs}).status == 207
    mine = client.submit()
    answer = client.send("GET", f"/jobs/{mine['id']}/explain")
    assert [reason["facts"] for reason in answer.json["reasons"] if reason["code"] == "backlog"] == [
        {"queue": "normal", "overdueS": 0}
    ]
    assert "15" not in answer.json["reasons"][0]["text"]


def test_a_tenant_pauses_itself_and_its_types_and_nobody_else(
    client: Client, client_of: Callable[..., Client], world: World
) -> None:
    """The tenant comes from the token."""
    for body in ({}, {"type": "ok"}, {"type": "bad", "expiresAt": None}):
        answer = client.send("POST", "/pauses", WHY | body)
        assert (answer.status, answer.json["type"], answer.json["expiresAt"]) == (200, body.get("type"), None)
    other = client_of("other")
    assert other.send("GET", "/pauses").json == {"items": [], "cursor": None}
    job = other.submit()
    world.work()
    assert other.send("GET", f"/jobs/{job['id']}").json["state"] == "succeeded"
    mine = client.submit()
    reasons = client.send("GET", f"/jobs/{mine['id']}/explain").json["reasons"]
    assert reasons[0]["code"] == "paused"
    assert reasons[0]["facts"]["reason"] == WHY["reason"]
    assert reasons[0]["facts"]["pausedUntil"] is None
    other.send("DELETE", "/pauses/tenant")
    listed = client.send("GET", "/pauses").json["items"]
    assert [item["type"] for item in listed] == [None, "bad", "ok"]
    assert client.send("DELETE", "/pauses/types/bad").status == 204
    assert client.send("DELETE", "/pauses/tenant").status == 204
    assert [item["type"] for item in client.send("GET", "/pauses").json["items"]] == ["ok"]
    assert client.send("DELETE", "/pauses/types/never-heard-of").status == 204


@pytest.mark.parametrize(
    ("path", "body", "status", "code"),
    [
        ("/queues/nothing/pause", WHY, 404, "queue_not_found"),
        ("/queues/nothing/resume", None, 404, "queue_not_found"),
        ("/queues/normal/pause", {}, 422, "invalid_request"),
        ("/queues/normal/pause", {"reason": ""}, 422, "invalid_request"),
        ("/queues/normal/pause", {"reason": "é" * (PAUSE_REASON_BYTES // 2 + 1)}, 422, "invalid_request"),
        ("/queues/normal/pause", WHY | {"expiresAt": "tomorrow"}, 422, "invalid_request"),
        ("/queues/normal/pause", WHY | {"expiresAt": "2020-01-01T00:00:00Z"}, 422, "invalid_request"),
        ("/queues/normal/pause", WHY | {"type": "ok"}, 422, "invalid_request"),
        ("/pauses", WHY | {"type": "nothing"}, 422, "unknown_task"),
        ("/pauses", WHY | {"type": "no such name"}, 422, "invalid_request"),
        ("/jobs", {"type": "ok", "group": "a/b"}, 422, "invalid_request"),
        ("/jobs", {"type": "ok", "group": "g" * (GROUP_BYTES + 1)}, 422, "invalid_request"),
    ],
)
def test_what_is_wrong_is_shown(client: Client, path: str, body: Any, status: int, code: str) -> None:
    """A clear problem, never a 500."""
    answer = client.send("POST", path, body)
    assert (answer.status, answer.code) == (status, code)


def test_a_reason_of_every_length_allowed_and_a_group_are_taken(client: Client) -> None:
    """Up to the limits."""
    assert client.send("POST", "/queues/low/pause", {"reason": "r" * PAUSE_REASON_BYTES}).status == 200
    assert client.submit(group="g" * GROUP_BYTES)["group"] == "g" * GROUP_BYTES
    assert client.submit()["group"] is None


def test_a_long_type_in_a_path_is_no_key(client: Client) -> None:
    """DynamoDB refuses keys over 1 KB."""
    assert client.send("DELETE", f"/pauses/types/{'x' * 2000}").status == 422
