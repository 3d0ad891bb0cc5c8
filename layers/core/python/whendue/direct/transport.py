"""The transport of direct mode: requests of httpx are answered by the API's code in this process."""

import asyncio
import threading
from collections.abc import Iterable
from contextvars import Context
from dataclasses import dataclass
from typing import Final

import httpx

from whendue.bootstrap.application import App
from whendue.containers.http_server.application import check_head
from whendue.containers.http_server.bounds import PAYLOAD_BYTES
from whendue.containers.http_server.event import Answer, Request, answer_of, event_of
from whendue.containers.http_server.problems import BODY_TOO_LARGE, RefusedError
from whendue.direct.api_code import api_class
from whendue.direct.identity import ALL, GivenIdentity, identity_of
from whendue.support.clock import Clock
from whendue.support.time_limit import without_signals

_PROTOCOL: Final = "HTTP/1.1"
_HERE: Final = "127.0.0.1"
# One of the headers that the client reads the id of a request from.
_REQUEST_ID: Final = b"x-request-id"
# All transports of a process share the routes.
_preparing: Final = threading.Lock()


@dataclass(frozen=True, slots=True)
class _Context:
    """What the API reads of a function's context."""

    aws_request_id: str


class InProcess(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """Answers requests by the API's code. Threads and tasks may share it; asynchronous requests run on threads.

    What API Gateway would refuse is refused with the same code: no request is answered here and not there.

    Args:
        app: the application.
        tenant: whose jobs the requests are about.
        scopes: what they may do. Default: everything.
        subject: who is named as the one who asks. Default: the tenant.
        log_requests: whether a line is logged for each request, as the API's function does; it has the metrics that
            CloudWatch reads of logs.

    Raises:
        ConfigurationError: the API's code, or a library that it needs, is not installed.
        ValueError: tenant, scopes or subject are not valid.
    """

    def __init__(
        self,
        app: App,
        tenant: str,
        scopes: Iterable[str] = ALL,
        subject: str | None = None,
        *,
        log_requests: bool = False,
    ) -> None:
        """Build all routes, as several threads may use them at once."""
        verifier = GivenIdentity(identity_of(tenant, scopes, subject))
        self._clock = app.clock
        # The client waits instead: a request that waited here would keep a thread of the program.
        self._api = api_class()(app, verifier, log_requests=log_requests, waits=0)
        with _preparing:
            self._api.prepare_all()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Answer a request.

        Raises:
            httpx.ReadError: the code has failed; the request may have been carried out.
        """
        request.read()
        return self._response(request)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Answer a request on a thread; otherwise as `handle_request`."""
        await request.aread()
        return await asyncio.to_thread(self._response, request)

    def _response(self, request: httpx.Request) -> httpx.Response:
        sent = sent_request(request, self._clock)
        try:
            # The API keeps the request under way in a context variable; a new thread has those of its caller.
            answer = Context().run(self._answer, sent)
        except Exception as error:  # noqa: BLE001 - whatever it is, the client knows the errors of httpx alone
            raise httpx.ReadError(f"the API's code raised {type(error).__name__}", request=request) from None
        headers = [*answer.headers, (_REQUEST_ID, sent.request_id.encode())]
        return httpx.Response(answer.status, headers=headers, content=answer.body, request=request)

    def _answer(self, sent: Request) -> Answer:
        try:
            _check(sent)
        except RefusedError as refused:
            return answer_of(refused.problem.reply(), sent.method)
        with without_signals():
            return answer_of(self._api(event_of(sent), _Context(sent.request_id)), sent.method)


def sent_request(request: httpx.Request, clock: Clock) -> Request:
    """Return a request as the server of containers reads it, but for its token."""
    headers = [(name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in request.headers.raw]
    return Request(
        method=request.method,
        target=request.url.raw_path.decode("ascii"),
        headers=[pair for pair in headers if pair[0] != "authorization"],
        body=request.content,
        protocol=_PROTOCOL,
        source_ip=_HERE,
        request_id=clock.new_id(),
        now_ms=clock.now_ms(),
    )


def _check(sent: Request) -> None:
    """Refuse what API Gateway would.

    Raises:
        RefusedError: it is too long.
    """
    path, _, query = sent.target.partition("?")
    headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in sent.headers]
    check_head({"method": sent.method, "raw_path": path, "query_string": query, "headers": headers})
    if len(sent.body) > PAYLOAD_BYTES:
        raise RefusedError(BODY_TOO_LARGE)
