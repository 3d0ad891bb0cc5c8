"""whendue.direct.transport: every operation of the client, answered in the process as it is over HTTP."""

import asyncio
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import Context, copy_context
from typing import Any

import httpx
import pytest
from pydantic import BaseModel, model_validator

from tests.builders.notified import Notified, fresh_resources
from tests.builders.world import TENANT, World
from tests.functional.client.scenario import STEPS, Call
from whendue.client import (
    AsyncClient,
    AsyncItems,
    Client,
    ForbiddenError,
    InvalidRequestError,
    Items,
    NewJob,
    NotFoundError,
    RetryPolicy,
    TransportError,
    UnavailableError,
)
from whendue.client.operations import Operations
from whendue.declarations.registry import task
from whendue.direct import AsyncDirectClient, DirectClient
from whendue.direct.identity import ALL
from whendue.direct.transport import InProcess, sent_request
from whendue.errors import UnavailableError as Unavailable
from whendue.support.clock import Clock, ManualClock

URL = "https://direct.invalid"
# After which a test fails rather than hangs.
RING_S = 20
NAMES = {name for name in vars(Operations) if not name.startswith("_")}


def a_client(world: World, **identity: Any) -> Client:
    clock = Clock(world.clock.now_ms, world.system.bits, world.pass_time)
    transport = InProcess(world.app, TENANT, **identity)
    return Client(URL, "unused", transport=transport, clock=clock, retry=RetryPolicy(attempts=3))


@contextmanager
def blocking(world: World) -> Iterator[Callable[..., Any]]:
    clock = Clock(world.clock.now_ms, world.system.bits, world.pass_time)
    with DirectClient(world.app, TENANT, scopes=ALL, clock=clock) as client:

        def call(name: str, *args: Any, **kwargs: Any) -> Any:
            made = getattr(client, name)(*args, **kwargs)
            return list(made) if isinstance(made, Items) else made

        yield call


@contextmanager
def asynchronous(world: World) -> Iterator[Callable[..., Any]]:
    async def sleep(seconds: float) -> None:
        world.pass_time(seconds)

    with asyncio.Runner() as runner:
        client = AsyncDirectClient(world.app, TENANT, scopes=ALL, clock=world.system)
        client._sleep = sleep

        async def listed(items: AsyncItems[Any, Any]) -> list[Any]:
            return [item async for item in items]

        def call(name: str, *args: Any, **kwargs: Any) -> Any:
            made = getattr(client, name)(*args, **kwargs)
            return runner.run(listed(made) if isinstance(made, AsyncItems) else made)

        yield call
        runner.run(client.close())


@pytest.mark.parametrize("kind", [blocking, asynchronous], ids=["sync", "async"])
def test_every_operation_does_what_it_does_over_http(kind: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """The steps are those of the client's own tests; it is counted that they leave none out."""
    world = Notified(ManualClock())
    fresh_resources(monkeypatch).provide("notify", lambda: world.app.notify)
    called: set[str] = set()
    with kind(world) as made:

        def call(name: str, *args: Any, **kwargs: Any) -> Any:
            called.add(name)
            world.clock.advance(1)
            return made(name, *args, **kwargs)

        counted: Call = call
        for step in STEPS:
            step(counted, world)
    assert called == NAMES


def test_the_tenant_is_the_one_that_was_named() -> None:
    """Another tenant's job is answered as one that does not exist, whatever the request says."""
    world = World()
    job = a_client(world).submit_job(NewJob("ok"))
    assert world.app.query.get(TENANT, job.id).job.tenant == TENANT
    other = Client(URL, "unused", transport=InProcess(world.app, "other"))
    with pytest.raises(NotFoundError):
        other.get_job(job.id)


def test_a_timer_of_the_program_rings_while_a_validator_runs() -> None:
    """The signals of the process are the program's; the validator ends once the program's handler was called."""
    world, rung = World(), threading.Event()

    class Payload(BaseModel):
        @model_validator(mode="before")
        @classmethod
        def _wait(cls, value: Any) -> Any:
            rung.clear()
            assert rung.wait(RING_S)
            return value

    def run(payload: Payload) -> None:
        """Do nothing."""

    task("waits", registry=world.registry)(run)
    before = signal.signal(signal.SIGALRM, lambda *_: rung.set())
    signal.setitimer(signal.ITIMER_REAL, 0.01, 0.01)
    try:
        assert a_client(world).submit_job(NewJob("waits")).state == "queued"
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def test_scopes_limit_what_may_be_done() -> None:
    """Code that only submits cannot pause a tenant by mistake."""
    client = a_client(World(), scopes=["jobs:write"])
    client.submit_job(NewJob("ok"))
    for forbidden in (lambda: client.pause_tenant("x"), lambda: list(client.list_jobs())):
        with pytest.raises(ForbiddenError):
            forbidden()


def test_the_subject_is_named_as_who_asked() -> None:
    """As a token's is."""
    world = World()
    assert a_client(world, subject="nightly").pause_tenant("x").by == "nightly"


def test_a_service_that_is_unavailable_is_asked_again_by_the_clients_policy(monkeypatch: pytest.MonkeyPatch) -> None:
    """A 503 is a 503; the same Idempotency-Key creates one job."""
    world = World()
    real, failures = world.table.apply, iter([True, True])

    def apply(writes: Any) -> Any:
        if any(write.name == "submit" for write in writes) and next(failures, False):
            raise Unavailable
        return real(writes)

    monkeypatch.setattr(world.table, "apply", apply)
    client = a_client(world)
    job = client.submit_job(NewJob("ok"))
    assert [each.id for each in client.list_jobs()] == [job.id]
    failures = iter([True] * 3)
    with pytest.raises(UnavailableError) as failed:
        client.submit_job(NewJob("ok"))
    assert failed.value.attempts == 3


def test_no_error_of_the_code_reaches_the_caller_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """A program that handles the client's errors handles all."""
    client = a_client(World(), log_requests=False)
    transport = client._http._transport
    monkeypatch.setattr(transport, "_api", lambda event, context: {"body": ""})
    with pytest.raises(TransportError) as failed:
        client.get_job("x")
    assert failed.value.sent
    assert "KeyError" in str(failed.value)
    assert "statusCode" not in str(failed.value)


def test_errors_name_their_request() -> None:
    """As a gateway does; the line that is logged has the same id."""
    with pytest.raises(NotFoundError) as failed:
        a_client(World()).get_job("0190a0c0-0000-7000-8000-000000000000")
    assert failed.value.request_id


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ({"content": b"x" * (10 * 1024 * 1024 + 1)}, "body_too_large"),
        ({"content": b"{}", "headers": {"x-long": "x" * 10_240}}, "headers_too_large"),
        ({"content": b"{}", "params": {"q": "x" * 10_240}}, "uri_too_long"),
    ],
)
def test_what_a_gateway_refuses_is_refused(arguments: dict[str, Any], code: str) -> None:
    """Code that works in direct mode works over HTTP."""
    with httpx.Client(base_url=URL, transport=InProcess(World().app, TENANT)) as http:
        reply = http.post("/jobs", **arguments)
    assert reply.json()["code"] == code


def test_the_answers_are_those_of_http() -> None:
    """Status, headers and content, also where there is none."""
    with httpx.Client(base_url=URL, transport=InProcess(World().app, TENANT)) as http:
        made = http.post("/jobs", json={"type": "ok"}, headers={"Idempotency-Key": "k"})
        assert made.status_code == 202
        assert made.headers["location"] == f"/jobs/{made.json()['id']}"
        head = http.head(made.headers["location"])
        assert (head.status_code, head.content) == (200, b"")
        assert http.get("/nowhere").json()["code"] == "route_not_found"
        assert http.put("/jobs").status_code == 405
        assert http.post("/jobs", content=b"\xff{", headers={"content-type": "application/json"}).status_code == 400


def test_a_line_for_each_request_is_logged_on_request_alone(capsys: pytest.CaptureFixture[str]) -> None:
    """The output of a program is its own."""
    world = World()
    a_client(world).submit_job(NewJob("ok"))
    assert capsys.readouterr().out == ""


def test_threads_and_tasks_share_a_client() -> None:
    """Each request is answered with its own body, although the API keeps it in a context variable."""
    world = World()
    # The context of this thread is where the others begin.
    client = a_client(world)
    client.submit_job(NewJob("ok"))
    together = threading.Barrier(8)

    def submit(number: int) -> int:
        together.wait()
        made = client.submit_job(NewJob("ok", {"number": number}))
        return int(client.get_job(made.id).payload["number"])

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(submit, range(8))) == list(range(8))

    async def ask() -> list[int]:
        async with AsyncClient(URL, "unused", transport=InProcess(world.app, TENANT)) as clients:

            async def read(number: int) -> int:
                made = await clients.submit_job(NewJob("ok", {"number": number}))
                return int((await clients.get_job(made.id)).payload["number"])

            return list(await asyncio.gather(*(read(number) for number in range(8))))

    assert asyncio.run(ask()) == list(range(8))


def test_a_request_leaves_nothing_in_the_context_of_its_caller() -> None:
    """Threads of asynchronous requests get a copy of it: they would share one request under way."""
    client = a_client(World())

    def left() -> int:
        client.submit_job(NewJob("ok"))
        return len(copy_context())

    assert Context().run(left) == 0


def test_no_token_is_handed_on() -> None:
    """The client of any other transport has one; here it means nothing, and nothing may log it."""
    sent = sent_request(httpx.Request("GET", f"{URL}/jobs?a=b", headers={"Authorization": "Bearer x"}), World().system)
    assert "authorization" not in dict(sent.headers)
    assert (sent.target, dict(sent.headers)["host"]) == ("/jobs?a=b", "direct.invalid")


def test_a_request_that_is_not_valid_names_its_places() -> None:
    """As over HTTP."""
    with pytest.raises(InvalidRequestError) as failed:
        a_client(World()).submit_job(NewJob("ok", delay_seconds=-1))
    assert failed.value.errors
