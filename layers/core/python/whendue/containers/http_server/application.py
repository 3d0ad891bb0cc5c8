"""The ASGI application: reads a request within its bounds, lets a thread answer its event, sends the answer.

https://asgi.readthedocs.io/en/latest/specs/www.html
"""

import asyncio
import queue
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any, Final

from whendue.containers import log
from whendue.containers.http_server.bounds import BODIES_BYTES, BODY_S, HEAD_BYTES, PAYLOAD_BYTES, REQUEST_S
from whendue.containers.http_server.event import Answer, Request, answer_of, event_of
from whendue.containers.http_server.problems import (
    BODY_TOO_LARGE,
    HEADERS_TOO_LARGE,
    INTERNAL,
    MALFORMED,
    OVERLOADED,
    SHUTTING_DOWN,
    TIMEOUT,
    TOO_SLOW,
    URI_TOO_LONG,
    Problem,
    RefusedError,
)
from whendue.containers.http_server.proxies import Proxies
from whendue.containers.http_server.request_threads import RequestThreads
from whendue.support.clock import Clock

Handler = Callable[[Mapping[str, Any], Any], Mapping[str, Any]]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
# Of a method, in the log.
METHOD_CHARACTERS: Final = 16
# Written by proxies: what of them is believed is in the event's addresses.
_FORWARDED_FOR: Final = "x-forwarded-for"


@dataclass(frozen=True, slots=True)
class Context:
    """What a handler reads of a function's context."""

    aws_request_id: str


@dataclass(frozen=True, slots=True)
class Times:
    """How long a request may take, in seconds.

    Args:
        body_s: from its headers to the last byte of its body.
        request_s: from there to its answer.
    """

    body_s: float = BODY_S
    request_s: float = REQUEST_S


TIMES: Final = Times()


class GoneError(Exception):
    """The client has closed the connection: nobody waits for an answer."""


class Application:
    """Answers requests by a handler of events.

    Args:
        handler: answers an event; it may be called by several threads at once.
        threads: run it.
        proxies: whose X-Forwarded-For is believed.
        clock: the clock.
        times: how long a request may take.
    """

    def __init__(
        self, handler: Handler, threads: RequestThreads, proxies: Proxies, clock: Clock, times: Times = TIMES
    ) -> None:
        """Hold no bodies yet."""
        self._handler = handler
        self._threads = threads
        self._proxies = proxies
        self._clock = clock
        self._times = times
        self._held_bytes = 0
        # Set when nothing more is accepted: each answer is then the last one on its connection.
        self.draining = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request. Never raises."""
        began_ms, request_id = self._clock.now_ms(), self._clock.new_id()
        method = scope["method"]
        body = bytearray()
        try:
            answer = await self._answer(scope, receive, body, Context(request_id))
        except GoneError:
            return
        except RefusedError as refused:
            answer = self._refusal(refused.problem, method, request_id, began_ms)
        except asyncio.CancelledError:
            # By the server, at the end of the grace.
            answer = self._refusal(SHUTTING_DOWN, method, request_id, began_ms)
        except Exception as error:  # noqa: BLE001 - whatever it is, the client gets a problem
            log.failed("request failed", error)
            answer = self._refusal(INTERNAL, method, request_id, began_ms)
        finally:
            self._held_bytes -= len(body)
        headers = [*answer.headers, (b"Connection", b"close")] if self.draining else answer.headers
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": answer.body})

    async def _answer(self, scope: Scope, receive: Receive, body: bytearray, context: Context) -> Answer:
        check_head(scope)
        await self._read(scope, receive, body)
        event = event_of(self._request(scope, bytes(body), context.aws_request_id))
        return answer_of(await self._handled(event, context), scope["method"])

    async def _read(self, scope: Scope, receive: Receive, body: bytearray) -> None:
        """Read the content into `body`.

        Raises:
            RefusedError: it is too large, too slow, or there is no room for it.
            GoneError: the client went away.
        """
        declared = next((value for name, value in scope["headers"] if name == b"content-length"), b"0")
        # h11 has checked that it is a number.
        if int(declared) > PAYLOAD_BYTES:
            raise RefusedError(BODY_TOO_LARGE)
        try:
            async with asyncio.timeout(self._times.body_s):
                await self._read_all(receive, body)
        except TimeoutError:
            raise RefusedError(TOO_SLOW) from None

    async def _read_all(self, receive: Receive, body: bytearray) -> None:
        more = True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise GoneError
            part: bytes = message.get("body", b"")
            if len(body) + len(part) > PAYLOAD_BYTES:
                raise RefusedError(BODY_TOO_LARGE)
            if self._held_bytes + len(part) > BODIES_BYTES:
                raise RefusedError(OVERLOADED)
            self._held_bytes += len(part)
            body += part
            more = message.get("more_body", False)

    async def _handled(self, event: Mapping[str, Any], context: Context) -> Mapping[str, Any]:
        """Let a thread answer.

        Raises:
            RefusedError: too many requests wait for a thread, or it took too long.
        """
        try:
            future = self._threads.submit(lambda: self._handler(event, context))
        except queue.Full:
            raise RefusedError(OVERLOADED) from None
        try:
            async with asyncio.timeout(self._times.request_s):
                reply: Mapping[str, Any] = await asyncio.wrap_future(future)
        except TimeoutError:
            raise RefusedError(TIMEOUT) from None
        return reply

    def _request(self, scope: Scope, body: bytes, request_id: str) -> Request:
        headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]]
        forwarded = [entry for name, value in headers if name == _FORWARDED_FOR for entry in value.split(",")]
        # A socket of a path has no peer; this server has none.
        source_ip, believed = self._proxies.client((scope.get("client") or ("",))[0], forwarded)
        query = scope["query_string"].decode("ascii")
        return Request(
            scope["method"],
            scope["raw_path"].decode("ascii") + (f"?{query}" if query else ""),
            [*(pair for pair in headers if pair[0] != _FORWARDED_FOR), (_FORWARDED_FOR, ", ".join(believed))],
            body,
            f"HTTP/{scope['http_version']}",
            source_ip,
            request_id,
            self._clock.now_ms(),
        )

    def _refusal(self, problem: Problem, method: str, request_id: str, began_ms: int) -> Answer:
        """Return the server's own answer, and log it as a handler logs its own."""
        log.info(
            "request",
            status=problem.status.value,
            code=problem.code,
            duration_ms=self._clock.now_ms() - began_ms,
            request_id=request_id,
            method=method[:METHOD_CHARACTERS],
            route="none",
        )
        return answer_of(problem.reply(), method)


def check_head(scope: Scope) -> None:
    """Refuse what is longer than API Gateway takes, and what two servers could read as different requests.

    Raises:
        RefusedError: it is.
    """
    headers = scope["headers"]
    # With the spaces, the version and the line's end.
    line_bytes = len(scope["method"]) + len(scope["raw_path"]) + len(scope["query_string"]) + len(b" ? HTTP/1.1\r\n")
    if line_bytes > HEAD_BYTES:
        raise RefusedError(URI_TOO_LONG)
    if line_bytes + sum(len(name) + len(value) for name, value in headers) > HEAD_BYTES:
        raise RefusedError(HEADERS_TOO_LARGE)
    names = {name for name, _ in headers}
    if {b"content-length", b"transfer-encoding"} <= names:
        # RFC 9112 section 6.3: a server may reject it, since it may be an attempt at request smuggling.
        raise RefusedError(MALFORMED)
