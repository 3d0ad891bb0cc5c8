"""whendue.client.operations: every operation, with both clients, against the real API over HTTP."""

import asyncio
import inspect
import pydoc
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


@pytest.mark.sampled(2)
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


@pytest.mark.parametrize("name", sorted(NAMES))
def test_the_class_shows_them_too(name: str) -> None:
    """`help(Client.get_job)` showed an object, and not what it takes."""
    method = getattr(Client, name)
    of_client = getattr(Client("http://127.0.0.1:1", "t"), name)
    assert inspect.isfunction(method)
    assert inspect.getdoc(method) == inspect.getdoc(of_client)
    own, bound = inspect.signature(method).parameters, inspect.signature(of_client).parameters
    assert [*own.values()][1:] == [*bound.values()]
    assert f"{name}(self, /" in pydoc.plain(pydoc.render_doc(method))


def test_a_method_of_the_class_is_called_with_a_client() -> None:
    """As any method."""
    transport = Noting(lambda _: httpx.Response(200, json={"status": "UP"}))
    assert Client.get_health(Client("http://127.0.0.1:1", "t", transport=transport)).status == "UP"


def test_a_client_of_the_environment_takes_the_options_of_any_other() -> None:
    """The guide said so, and it was a TypeError."""
    environ = {"WHENDUE_URL": "http://whendue.example.com", "WHENDUE_TOKEN": "t"}
    transport = Noting(lambda _: httpx.Response(200, json={"status": "UP"}))
    with pytest.raises(ValueError, match="https"):
        Client.from_env(environ, transport=transport)
    with Client.from_env(environ, transport=transport, plain_http=True) as client:
        assert client.get_health().status == "UP"
    of_class, of_env = (inspect.signature(call).parameters for call in (Client, Client.from_env))
    assert {*of_class} - {*of_env} == {"url", "token", "clock"}
    of_class, of_env = (inspect.signature(call).parameters for call in (AsyncClient, AsyncClient.from_env))
    assert {*of_class} - {*of_env} == {"url", "token", "clock", "sleep"}
