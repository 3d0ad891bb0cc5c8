"""Clients of a world's API without a server between them; while they wait, the world works."""

from dataclasses import replace

import httpx

from tests.builders.api import a_token, api_on
from tests.builders.gateway import Context
from tests.builders.server import event_of
from tests.builders.world import World
from whendue import AsyncClient, Client

URL = "http://127.0.0.1"


def client_of(world: World, asked: list[str] | None = None) -> Client:
    """Return a client that blocks; the paths that it asks for are added to `asked`."""
    clock = replace(world.system, sleep=world.pass_time)
    return Client(URL, a_token(), transport=_transport(world, asked), clock=clock)


def async_client_of(world: World) -> AsyncClient:
    """Return a client for coroutines."""

    async def sleep(seconds: float) -> None:
        world.pass_time(seconds)

    return AsyncClient(URL, a_token(), transport=_transport(world), clock=world.system, sleep=sleep)


def _transport(world: World, asked: list[str] | None = None) -> httpx.MockTransport:
    api = api_on(world, replace(world.system, sleep=world.pass_time))

    def answer(request: httpx.Request) -> httpx.Response:
        if asked is not None:
            asked.append(request.url.path)
        event = event_of(request.method, request.url.raw_path.decode(), dict(request.headers), request.content)
        reply = api(event, Context())
        return httpx.Response(reply["statusCode"], headers=reply["headers"], content=reply["body"].encode())

    return httpx.MockTransport(answer)
