"""whendue.client.operations: every operation, with both clients, against the real API over HTTP."""

import asyncio
import inspect
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

from tests.builders.api import a_token, api_on
from tests.builders.notified import Notified, fresh_resources
from tests.builders.server import serving
from tests.builders.world import World
from tests.functional.client.scenario import STEPS, Call
from whendue.client import AsyncClient, AsyncItems, Client, Items
from whendue.client.operations import Operations
from whendue.client.routes import ROUTES
from whendue.support.clock import Clock, ManualClock

# What is no single operation of the API.
BEYOND = {"redrive_all_dead_letters", "wait_for_backfill", "wait_for_job", "wait_for_operation", "wait_for_workflow"}
NAMES = {name for name in vars(Operations) if not name.startswith("_")}


@contextmanager
def blocking(url: str, world: World) -> Iterator[Callable[..., Any]]:
    clock = Clock(world.clock.now_ms, world.system.bits, world.pass_time)
    with Client(url, a_token(), clock=clock) as client:

        def call(name: str, *args: Any, **kwargs: Any) -> Any:
            made = getattr(client, name)(*args, **kwargs)
            return list(made) if isinstance(made, Items) else made

        yield call


@contextmanager
def asynchronous(url: str, world: World) -> Iterator[Callable[..., Any]]:
    async def sleep(seconds: float) -> None:
        world.pass_time(seconds)

    with asyncio.Runner() as runner:
        client = AsyncClient(url, a_token(), clock=world.system, sleep=sleep)

        async def listed(items: AsyncItems[Any, Any]) -> list[Any]:
            return [item async for item in items]

        def call(name: str, *args: Any, **kwargs: Any) -> Any:
            made = getattr(client, name)(*args, **kwargs)
            return runner.run(listed(made) if isinstance(made, AsyncItems) else made)

        yield call
        runner.run(client.close())


@pytest.mark.parametrize("kind", [blocking, asynchronous], ids=["sync", "async"])
def test_every_operation_does_what_it_says(kind: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """The steps of the scenario are asserted there; here it is counted that they leave none out."""
    world = Notified(ManualClock())
    fresh_resources(monkeypatch).provide("notify", lambda: world.app.notify)
    called: set[str] = set()
    api = api_on(world, Clock(world.clock.now_ms, world.system.bits, world.pass_time))
    with serving(api, world) as url, kind(url, world) as made:

        def call(name: str, *args: Any, **kwargs: Any) -> Any:
            called.add(name)
            return made(name, *args, **kwargs)

        counted: Call = call
        for step in STEPS:
            step(counted, world)
    assert called == NAMES


class Noting(httpx.MockTransport):
    """A transport that notes its end."""

    closed = False

    def close(self) -> None:
        self.closed = True


def test_a_closed_client_has_no_connections_and_makes_none() -> None:
    """At the end of a block, and before it by `close`."""
    transport = Noting(lambda _: httpx.Response(200, json={"status": "UP"}))
    client = Client("http://127.0.0.1:1", "t", transport=transport)
    assert client.get_health().status == "UP"
    assert not transport.closed
    client.close()
    assert transport.closed
    with pytest.raises(RuntimeError, match="closed"):
        client.get_health()


def test_the_operations_are_named_by_their_operation_ids() -> None:
    """So that who knows the API finds them, and none is missing."""
    snake = {re.sub("([A-Z])", lambda found: f"_{found[1].lower()}", name) for name in ROUTES}
    assert snake | BEYOND == NAMES


def test_a_method_shows_parameters_and_words_of_its_operation() -> None:
    """In `help()` and in editors."""
    with Client("http://127.0.0.1:1", "t") as client:
        assert str(inspect.signature(client.get_job)).startswith("(job_id: str, *, wait_s: int = 0)")
        assert inspect.getdoc(client.wait_for_job) == inspect.getdoc(AsyncClient("http://[::1]:1", "t").wait_for_job)
    assert Client.get_job is Operations.get_job
    assert Client.list_jobs is Operations.list_jobs
