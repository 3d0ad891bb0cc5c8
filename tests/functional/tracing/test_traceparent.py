"""A trace is carried from the request to the job, to what the job calls, and to the webhooks that tell of it."""

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from localstack import token
from tests.builders.api import a_token, api_of
from tests.builders.gateway import Client, Shape
from tests.builders.notified import Notified, fresh_resources
from tests.builders.traces import GOOD, PARENT, TRACE
from tests.builders.web import Seen, Web, serving
from tests.builders.world import TENANT
from whendue.aws_quotas import PAYLOAD_INLINE_BYTES, WRITE_UNIT_BYTES
from whendue.declarations.registry import TASKS, discover
from whendue.jobs.model import item_bytes
from whendue.support.clock import ManualClock
from whendue.table.keys import job_key

OTHER = f"00-{TRACE[::-1]}-{PARENT}-00"
Post = Callable[..., Any]


@pytest.fixture
def web() -> Iterator[Web]:
    with serving() as server:
        yield server


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Notified:
    provided = fresh_resources(monkeypatch)
    made = Notified(clock=ManualClock())
    provided.provide("notify", lambda: made.app.notify)
    discover("whendue.tasks")
    made.registry.add(TASKS.get("http"))
    return made


@pytest.fixture
def post(world: Notified) -> Post:
    """Send a request with a traceparent; return the answer's JSON."""
    api = api_of(world)

    def send(path: str, body: Any, header: str = GOOD, shape: Shape = "http", **headers: str) -> Any:
        client = Client(api, a_token(TENANT, token.SCOPES), shape)
        answer = client.send("POST", path, body, {"traceparent": header} | headers)
        assert answer.status in (200, 202, 207), answer.text
        return answer.json

    return send


def parent_of(seen: Seen) -> str | None:
    return {name.lower(): value for name, value in seen.headers.items()}.get("traceparent")


@pytest.mark.parametrize("shape", ["http", "rest"])
def test_a_request_hands_its_trace_to_the_job_and_its_task(world: Notified, post: Post, web: Web, shape: Shape) -> None:
    """The server that the job calls is in the same trace as whoever asked for the job."""
    seen = []
    world.task("telling", lambda _, ctx: seen.append(ctx.traceparent))
    assert post("/jobs", {"type": "telling"}, shape=shape)["traceparent"] == GOOD
    post("/jobs", {"type": "http", "payload": {"url": web.url()}}, shape=shape)
    world.work()
    assert seen == [GOOD]
    assert [parent_of(seen) for seen in web.seen] == [GOOD]


def test_the_webhook_of_an_end_is_in_the_jobs_trace(world: Notified, post: Post, web: Web) -> None:
    """Also of a job that belongs to none."""
    world.subscribe(url=web.url())
    post("/jobs", {"type": "ok"})
    world.work()
    post("/jobs", {"type": "ok"}, header="none")
    world.work()
    assert [parent_of(seen) for seen in web.seen] == [GOOD, None]


def test_jobs_of_a_batch_and_nodes_of_a_workflow_are_in_the_trace(world: Notified, post: Post) -> None:
    """Whatever one request makes."""
    seen = Counter[str]()
    world.task("telling", lambda _, ctx: seen.update([str(ctx.traceparent)]))
    post("/jobs/batch", {"jobs": [{"type": "telling"}, {"type": "telling"}]})
    post("/workflows", {"chain": [{"type": "telling"}, {"type": "telling"}]}, header=OTHER)
    world.work()
    assert seen == {GOOD: 2, OTHER: 2}


@pytest.mark.parametrize("header", ["garbage", f"ff-{TRACE}-{PARENT}-01", GOOD.upper()])
def test_a_malformed_header_is_ignored(post: Post, header: str) -> None:
    """The request is good all the same."""
    assert post("/jobs", {"type": "ok"}, header=header)["traceparent"] is None


def test_a_repeated_request_has_another_trace_and_is_the_same_job(post: Post) -> None:
    """The trace is no part of what is asked for."""
    first = post("/jobs", {"type": "ok"}, **{"Idempotency-Key": "mine"})
    again = post("/jobs", {"type": "ok"}, header=OTHER, **{"Idempotency-Key": "mine"})
    assert (again["id"], again["traceparent"]) == (first["id"], GOOD)


def test_a_callers_own_header_wins(world: Notified, post: Post, web: Web) -> None:
    """Who writes the header into the payload knows better."""
    post("/jobs", {"type": "http", "payload": {"url": web.url(), "headers": {"TraceParent": OTHER}}})
    world.work()
    assert [parent_of(seen) for seen in web.seen] == [OTHER]


def test_a_retry_stays_in_the_trace(world: Notified, post: Post, web: Web) -> None:
    """Each attempt, however late."""
    web.answers(500)
    post("/jobs", {"type": "http", "payload": {"url": web.url()}, "retries": 1})
    world.pass_time(60)
    assert [parent_of(seen) for seen in web.seen] == [GOOD, GOOD]


def test_a_trace_leaves_the_hot_item_in_one_write_unit(world: Notified, post: Post) -> None:
    """A payload that has no room beside it gets an item of its own."""
    submitted = post("/jobs", {"type": "ok", "payload": {"text": "x" * (PAYLOAD_INLINE_BYTES - 11)}})
    [item] = world.table.get([job_key(submitted["id"])])
    assert item is not None
    assert item_bytes(item) <= WRITE_UNIT_BYTES
