"""The stage of the property: a world on some store, its API, and a client that checks every single answer."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from jsonschema import Draft202012Validator

from functions.api.app import make_resolver, routes_of
from functions.api.http.openapi import document
from tests.builders.api import a_token, api_of
from tests.builders.gateway import Answer, Client, Shape
from tests.builders.world import World
from whendue.declarations.context import Context as TaskContext
from whendue.engine.ports import JobStore
from whendue.jobs.model import TERMINAL

# What a synchronous invocation may answer, as JSON: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
ANSWER_BYTES = 6_291_556
SERVER_ERROR = 500
DAY_S = 86_400


@dataclass(slots=True)
class Tables:
    """Makes fresh tables.

    Args:
        make: makes one.
        budget: for how many examples, as an emulator is slow.
        lists: how many lists of jobs an example may read: each is up to 200 queries.
    """

    make: Callable[[], JobStore]
    budget: int
    lists: int

    def more(self) -> bool:
        """Return whether there is one for another example."""
        self.budget -= 1
        return self.budget >= 0


class Stage:
    """A world of its own, and requests to it.

    Args:
        tables: makes its table.
        shape: which API Gateway stands before it.
        outcome: what the task `give` does: returns something, or raises.
    """

    def __init__(self, tables: Tables, shape: Shape, outcome: Callable[[], Any] = dict) -> None:
        """Set it up."""
        self.world = World()
        self.world.app = self.world.build(store=tables.make())
        self.world.task("give", lambda _, ctx: self._run(ctx))
        self._outcome = outcome
        self._lists = tables.lists
        self._api = api_of(self.world)
        self._client = Client(self._api, a_token(), shape)
        self._shape = shape
        self.runs = 0

    def _run(self, ctx: TaskContext) -> Any:
        self.runs += 1
        return self._outcome()

    def send(self, method: str, path: str, body: Any = None, key: str | None = None, **query: Any) -> Answer:
        """Send a request and insist on what holds of every answer: no 5xx, its size, its schema."""
        headers = {} if key is None else {"Idempotency-Key": key}
        answer = self._client.send(method, path, body, headers, **query)
        assert answer.status < SERVER_ERROR, (method, path, answer.text[:300])
        payload = {"statusCode": answer.status, "headers": dict(answer.headers), "body": answer.text}
        assert len(json.dumps(payload)) < ANSWER_BYTES, (method, path)
        conforms(method, path, answer)
        return answer

    def read(self, path: str, **query: Any) -> Any:
        """Get what must be there."""
        answer = self.send("GET", path, **query)
        assert answer.status == 200, (path, answer.text[:300])
        return answer.json

    def listed(self, path: str) -> Iterator[Any]:
        """Walk a list to its end."""
        cursor: dict[str, Any] = {}
        while True:
            page = self.read(path, **cursor)
            yield from page["items"]
            if page.get("cursor") is None:
                return
            cursor = {"cursor": page["cursor"]}

    def jobs(self) -> Iterator[Any]:
        """Walk the list of jobs, while this example may."""
        self._lists -= 1
        return self.listed("/jobs") if self._lists >= 0 else iter(())

    def look_at(self, job_id: str) -> Any:
        """Read a job by every way that there is."""
        job = self.read(f"/jobs/{job_id}")
        if self._lists > 0:
            assert job_id in [job["id"] for job in self.jobs()]
        assert self.read(f"/jobs/{job_id}/explain")["id"] == job_id
        return job

    def settle(self, job_id: str, rounds: int = 4) -> Any:
        """Let timer and workers do what there is to do until the job has ended, a few attempts long."""
        for _ in range(rounds):
            job = self.world.app.query.get("acme", job_id).job
            if job.state in TERMINAL:
                break
            wait_s = max(0.0, (job.due_at - self.world.clock.now_ms()) / 1000)
            self.world.clock.advance(wait_s + 1)
            self.step()
        return self.look_at(job_id)

    def step(self) -> None:
        """Let the timer tick, and the workers empty the queues."""
        self.world.tick()
        self.world.work()


@cache
def _responses() -> dict[tuple[str, str], Any]:
    """Return the responses of each route as the document has them."""
    whole = document(make_resolver())
    return {
        (method.upper(), path.replace("{", "<").replace("}", ">")): operation["responses"]
        for path, methods in whole["paths"].items()
        for method, operation in methods.items()
    }


@cache
def _components() -> Any:
    return document(make_resolver())["components"]


@cache
def _validator(method: str, pattern: str, status: int) -> Draft202012Validator | None:
    """Make the validator of an answer; None where the document promises no JSON."""
    responses = _responses()[method, pattern]
    good = [code for code in responses if code.startswith("2")]
    code = str(status) if str(status) in responses else good[0] if status < 300 else "default"
    content = responses[code].get("content", {})
    schema = content.get("application/json", content.get("application/problem+json", {})).get("schema")
    return Draft202012Validator(schema | {"components": _components()}) if schema else None


def conforms(method: str, path: str, answer: Answer) -> None:
    """Insist that an answer is what the OpenAPI document says."""
    pattern = next(
        (route.path for route in routes_of(make_resolver()) if route.method == method and route.rule.match(path)), None
    )
    validator = pattern and _validator(method, pattern, answer.status)
    if not validator or not answer.text:
        return
    errors = [f"{list(error.absolute_path)}: {error.message[:200]}" for error in validator.iter_errors(answer.json)]
    assert not errors, (method, path, answer.status, errors)
