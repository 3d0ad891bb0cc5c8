"""A deployed stack as its users and its operators see it."""

import secrets
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import httpx

from localstack import token
from localstack.deploy.clients import Clients
from localstack.stack import Stack
from tests.builders.waiting import eventually
from tests.e2e.homes import Home
from whendue.adapters.dynamodb.store import DynamoStore
from whendue.adapters.s3 import S3Blobs
from whendue.adapters.sqs import SqsQueue
from whendue.adapters.threads import ThreadRunner
from whendue.bootstrap.application import App, build
from whendue.declarations.registry import BUILT_IN_TASKS, USER_TASKS, discover
from whendue.jobs.model import State
from whendue.settings import Settings
from whendue.support.clock import Clock, system_clock
from whendue.support.secret import Secret

# Short, so that what takes minutes in production takes seconds here.
VISIBILITY_S = 8
TERMINAL = {State.SUCCEEDED.value, State.DEAD.value, State.CANCELLED.value, State.EXPIRED.value}


@dataclass(frozen=True, slots=True)
class Stage:
    """A stack, the secret that its tokens are signed with, clients for what is behind it, where its workers run."""

    stack: Stack
    secret: str
    clients: Clients
    home: Home

    @contextmanager
    def http(self, tenant: str = "e2e", scopes: str = token.SCOPES) -> Iterator["Http"]:
        """Talk to the API as a tenant."""
        headers = {"Authorization": f"Bearer {token.make(tenant, scopes, self.secret)}"}
        with httpx.Client(base_url=self.stack.api_url, headers=headers, timeout=300) as client:
            yield Http(client)

    def app(self, offset: Callable[[], float] = lambda: 0.0) -> App:
        """Run the services here, on the stack's table and queues, with a clock that is ahead by some seconds."""
        real = system_clock()
        system = Clock(lambda: real.now_ms() + round(offset() * 1000), real.bits, real.sleep)
        settings = Settings(
            self.stack.table,
            self.stack.bucket,
            self.stack.queues,
            self.stack.dead_letter_queue,
            lease_s=5,
            secret=Secret.read(self.secret),
        )
        return build(
            settings,
            system,
            DynamoStore(self.clients.dynamodb, self.stack.table, system),
            SqsQueue(self.clients.sqs, self.stack.queues, system),
            S3Blobs(self.clients.s3, self.stack.bucket),
            ThreadRunner(),
            discover(BUILT_IN_TASKS, USER_TASKS),
        )

    @contextmanager
    def no_workers(self, queue: str) -> Iterator[None]:
        """Let no worker listen to one queue."""
        with self.home.without(self.stack, queue):
            yield

    def counts(self, queue: str) -> tuple[int, int, int]:
        """Count a queue's visible, delayed and hidden messages."""
        names = ["", "Delayed", "NotVisible"]
        wanted = [f"ApproximateNumberOfMessages{name}" for name in names]
        url = self.stack.queues[queue]
        got = self.clients.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=wanted)["Attributes"]
        visible, delayed, hidden = (int(got[name]) for name in wanted)
        return visible, delayed, hidden


class Http:
    """The API as a user calls it."""

    def __init__(self, client: httpx.Client) -> None:
        self.client = client

    def submit(self, kind: str = "demo.greet", payload: Any = None, **wanted: Any) -> dict[str, Any]:
        """Submit a job."""
        body = {"type": kind, "payload": payload if payload is not None else {"name": "e2e"}, **wanted}
        reply = self.client.post("/jobs", json=body)
        assert reply.status_code == 202, reply.text
        job: dict[str, Any] = reply.json()
        return job

    def batch(self, jobs: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Submit many jobs."""
        reply = self.client.post("/jobs/batch", json={"jobs": jobs})
        assert reply.status_code == 207, reply.text
        items = reply.json()["items"]
        assert {item["status"] for item in items} == {202}, items
        return [item["job"] for item in items]

    def job(self, job: dict[str, Any]) -> dict[str, Any]:
        """Read a job."""
        got: dict[str, Any] = self.client.get(f"/jobs/{job['id']}").raise_for_status().json()
        return got

    def ended(self, jobs: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Wait until jobs have ended; return them in order."""
        waiting, done = {job["id"]: job for job in jobs}, {}

        def still_waiting() -> dict[str, dict[str, Any]]:
            with ThreadPoolExecutor(4) as pool:
                for job in pool.map(lambda job_id: self.job({"id": job_id}), list(waiting)):
                    if job["state"] in TERMINAL:
                        del waiting[job["id"]]
                        done[job["id"]] = job
                    else:
                        waiting[job["id"]] = job
            return waiting

        eventually(still_waiting, lambda left: not left, every_s=0.3)
        return [done[job["id"]] for job in jobs]


def at(time: str) -> float:
    """Read a time of the API, seconds since 1970."""
    return datetime.fromisoformat(time).timestamp()


def new_secret() -> str:
    """Make a secret for tokens."""
    return secrets.token_urlsafe(48)
