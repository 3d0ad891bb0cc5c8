"""The servers that clients talk to: the real API over HTTP, and one that misbehaves; and clients that skip sleeping."""

import asyncio
import itertools
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from typing import Any

import httpx

from tests.builders.api import a_token, api_on
from tests.builders.server import serving
from tests.builders.web import Web
from tests.builders.web import serving as web_serving
from tests.builders.world import World
from whendue.client import AsyncClient, Client
from whendue.support.clock import Clock, ManualClock

Reply = Callable[[BaseHTTPRequestHandler], None]
HEALTH = b'{"status": "UP"}'


@contextmanager
def an_api(world: World) -> Iterator[tuple[Client, str]]:
    """Serve the API of a world on loopback; return a client of it, and its URL. While one of them sleeps, jobs run."""
    clock = Clock(world.clock.now_ms, world.system.bits, world.pass_time)
    with serving(api_on(world, clock), world) as url, Client(url, a_token(), clock=clock) as client:
        yield client, url


def with_async_client(url: str, world: World, use: Callable[[AsyncClient], Any]) -> Any:
    """Run a coroutine function with an asynchronous client of a world's API."""

    async def sleep(seconds: float) -> None:
        world.pass_time(seconds)

    async def run() -> Any:
        async with AsyncClient(url, a_token(), clock=world.system, sleep=sleep) as client:
            return await use(client)

    return asyncio.run(run())


class Slept:
    """A clock that moves when it is slept on, and what was slept."""

    seeds = itertools.count()

    def __init__(self) -> None:
        self.manual = ManualClock(seed=next(self.seeds))
        self.seconds: list[float] = []
        self.clock = Clock(self.manual.now_ms, self.manual.as_clock().bits, self.sleep)

    def sleep(self, seconds: float) -> None:
        self.seconds.append(seconds)
        self.manual.advance(seconds)

    async def async_sleep(self, seconds: float) -> None:
        self.sleep(seconds)


def answer(status: int, body: Any = b"", **headers: str) -> Reply:
    """Return a reply; a body that is not bytes is sent as JSON. `_` in a header's name is `-`."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()

    def reply(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in ({"Content_Type": "application/json"} | headers).items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content)

    return reply


def problem(status: int, code: str, **headers: str) -> Reply:
    """Return a reply with a problem of the API."""
    body = {"type": f"urn:whendue:problem:{code}", "title": "t", "status": status, "code": code, "detail": "d"}
    return answer(status, body, Content_Type="application/problem+json", **headers)


def dropped(handler: BaseHTTPRequestHandler) -> None:
    """Close the connection without an answer."""
    handler.close_connection = True
    handler.connection.close()


def half(handler: BaseHTTPRequestHandler) -> None:
    """Send the half of an answer, and close the connection."""
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    handler.wfile.write(b"{")


@contextmanager
def misbehaving(*replies: Reply) -> Iterator[Web]:
    """Serve these replies one after another, and the last one from then on."""
    left = list(replies)

    def reply(handler: BaseHTTPRequestHandler) -> None:
        (left.pop(0) if len(left) > 1 else left[0])(handler)

    with web_serving() as web:
        web.reply = reply
        yield web


def both(web: Web, call: Callable[[Any], Any], token: Any = "t", **options: Any) -> Iterator[tuple[str, Slept, Any]]:
    """Make a call with each client, against a server that has begun anew; yield what it returns or raises."""
    for kind in ("sync", "async"):
        web.seen.clear()
        slept = Slept()
        try:
            yield kind, slept, _made(kind, web.url(""), slept, call, token, options)
        except Exception as error:  # noqa: BLE001 - the test looks at it
            yield kind, slept, error


def _made(kind: str, url: str, slept: Slept, call: Callable[[Any], Any], token: Any, options: dict[str, Any]) -> Any:
    if kind == "sync":
        plain = httpx.HTTPTransport(verify=False)  # reading certificates takes longer than most tests
        given: dict[str, Any] = {"clock": slept.clock, "transport": plain} | options
        with Client(url, token, **given) as client:
            return call(client)

    async def run() -> Any:
        plain = httpx.AsyncHTTPTransport(verify=False)
        given: dict[str, Any] = {"clock": slept.clock, "sleep": slept.async_sleep, "transport": plain} | options
        async with AsyncClient(url, token, **given) as client:
            return await call(client)

    return asyncio.run(run())


def paths(web: Web) -> Sequence[str]:
    """List the requests that a server has seen."""
    return [f"{seen.method} {seen.path}" for seen in web.seen]
