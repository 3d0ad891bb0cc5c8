"""Derived ids of every kind hang on the deployment's secret: who knows all names and not the secret knows no id."""

import hashlib
from dataclasses import replace
from uuid import UUID

import pytest

from tests.builders.api import a_token, api_of
from tests.builders.gateway import Client
from tests.builders.world import SETTINGS, TENANT, World
from whendue.bootstrap.application import App, build
from whendue.engine.ports import Isolation, JobQueue, JobStore
from whendue.notifications.subscription import Subscription, Terms, subscribe
from whendue.submission.request import JobRequest
from whendue.support.secret import Secret

SECRETS = ("1" * 32, "2" * 32)


class Deployment(World):
    """A world with a secret of its own; everything else is the same in all of them."""

    def __init__(self, secret: str) -> None:
        self.secret = Secret.read(secret)
        super().__init__()

    def build(
        self, store: JobStore | None = None, queue: JobQueue | None = None, isolation: Isolation | None = None
    ) -> App:
        ports = (store or self.table, queue or self.queues, self.blobs, self.runner, self.registry)
        return build(replace(SETTINGS, secret=self.secret), self.system, *ports, isolation=isolation)


def derived(secret: str) -> set[str]:
    """Make a job of each kind that has a derived id; return those ids."""
    world = Deployment(secret)
    client = Client(api_of(world), a_token())
    terms = Terms("hook", "{}", ("succeeded", "schedule_missed", "queue_paused"))
    world.table.apply([subscribe(Subscription(TENANT, "hook", terms, "m", 1, 1, "m"))])
    key = {"Idempotency-Key": "a-name"}
    client.submit(headers=key)
    assert (
        client.send(
            "POST", "/workflows", {"nodes": {"a": {"type": "ok"}, "b": {"type": "ok", "dependsOn": ["a"]}}}
        ).status
        == 202
    )
    assert client.send("PUT", "/schedules/s", {"every": "PT1M", "job": {"type": "ok"}}).status == 201
    world.pass_time(130)
    span = {"from": "2027-01-15T07:00:00Z", "to": "2027-01-15T08:02:00Z", "force": True}
    client.send("POST", "/schedules/s/backfill", span)
    client.send("POST", "/schedules/s/trigger", None, key)
    ids = {pk.removeprefix("JOB#") for pk, sk in world.table.rows if sk == "job"}
    return {item for item in ids if UUID(item).version == 8}


def test_the_same_names_give_other_ids_under_another_secret() -> None:
    """Each kind is made in both: a submit, a trigger, nodes, fires, a backfill, deliveries of all these."""
    item, two = (derived(secret) for secret in SECRETS)
    assert len(item) > 10
    assert item.isdisjoint(two)
    assert item == derived(SECRETS[0])


@pytest.mark.parametrize("key", ["1", "order 4711", "a-name"])
def test_names_are_not_confirmed_by_hashing_them(key: str) -> None:
    """As anybody could do it before, who saw an id."""
    world = World()
    job_id = UUID(world.submit(idempotency_key=key).id)
    digest = hashlib.sha256(f"{len(TENANT)}:{TENANT}:{key}".encode()).digest()
    guessed = int.from_bytes(digest[:16], "big") & ~(0xF << 76) & ~(0b11 << 62) | 0x8 << 76 | 0b10 << 62
    assert job_id.int != guessed
    assert world.submit(idempotency_key=key).id == str(job_id)


def test_a_tenant_called_like_a_workflow_derives_none_of_its_nodes() -> None:
    """Its Idempotency-Key `part#0` was the id of the first node."""
    world = World()
    graph = {"nodes": {"a": {"type": "ok", "payload": {}}}}
    client = Client(api_of(world), a_token())
    whole = client.send("POST", "/workflows", graph).json["id"]
    other = world.app.submit.one(whole, JobRequest("ok", {}, idempotency_key="part#0")).job
    world.work()
    [node] = client.send("GET", f"/workflows/{whole}").json["nodes"]
    assert node["state"] == "succeeded"
    assert node["job"] != other.id
