"""The asynchronous client: performs the actions of flows with `httpx.AsyncClient`."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Self, TypeVar

import httpx

from whendue.client.actions import Action, Alone, Call, Done, Exchange, Flow, ReadClock, Sleep, advance
from whendue.client.errors import ClientError
from whendue.client.flows.sending import send
from whendue.client.messages import Answer
from whendue.client.operations import AsyncRunner, Operations
from whendue.client.retry_policy import RetryPolicy
from whendue.client.settings import TIMEOUT_S, from_environment, settings_of
from whendue.client.tokens.sources import AsyncTokenLike
from whendue.client.wire import Body, arguments, error_of
from whendue.support.clock import Clock

T = TypeVar("T")


class AsyncClient(Operations, AsyncRunner):
    """A client of the API for asyncio. Tasks of one event loop may share it.

    Args:
        url: of the API, as in `https://whendue.example.com`.
        token: the bearer token; a function that returns it, a coroutine function too; or a source, as
            `TokenFile` and `ClientCredentials`.
        retry: when a request is sent again. Default: `RetryPolicy()`.
        timeout_s: how long one attempt may take, seconds.
        plain_http: whether the token may be sent without TLS to other machines than this one.
        transport: of httpx, for proxies, certificates and tests. Default: httpx's own.
        clock: time and chance. Default: the system's.
        sleep: waits for a number of seconds. Default: `asyncio.sleep`.
    """

    def __init__(
        self,
        url: str,
        token: AsyncTokenLike,
        *,
        retry: RetryPolicy | None = None,
        timeout_s: float = TIMEOUT_S,
        plain_http: bool = False,
        transport: httpx.AsyncBaseTransport | None = None,
        clock: Clock | None = None,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        """Make a client; nothing is sent yet."""
        self._settings = settings_of(url, token, retry=retry, timeout_s=timeout_s, plain_http=plain_http, clock=clock)
        self._http = httpx.AsyncClient(transport=transport, follow_redirects=False)
        self._sleep = sleep
        self._lock = asyncio.Lock()

    @classmethod
    def from_env(
        cls,
        environ: Mapping[str, str] | None = None,
        *,
        retry: RetryPolicy | None = None,
        timeout_s: float = TIMEOUT_S,
        plain_http: bool = False,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> Self:
        """Make a client of `WHENDUE_URL`, and of `WHENDUE_TOKEN` or `WHENDUE_TOKEN_FILE`.

        Args:
            environ: the environment. Default: that of the process.
            retry, timeout_s, plain_http, transport: as of the class.

        Raises:
            ValueError: a variable is missing or not valid.
        """
        url, token = from_environment(environ)
        return cls(url, token, retry=retry, timeout_s=timeout_s, plain_http=plain_http, transport=transport)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._settings.url!r}, ...)"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close all connections."""
        await self._http.aclose()

    async def run(self, flow: Flow[T]) -> T:
        """Run a flow to its end."""
        result: Any = None
        error: ClientError | None = None
        while not isinstance(step := advance(flow, result, error), Done):
            result, error = None, None
            try:
                result = await self._perform(step)
            except ClientError as failed:
                error = failed
        return step.value

    async def _perform(self, action: Action) -> Any:
        match action:
            case Exchange():
                return await self._exchange(action)
            case Sleep():
                return await self._sleep(action.seconds)
            case Call():
                made = action.function()
                return await made if isinstance(made, Awaitable) else made
            case ReadClock():
                return self._settings.clock
            case Alone():
                async with self._lock:
                    return await self.run(action.flow)
            case _:
                return await self.run(send(action, self._settings))

    async def _exchange(self, exchange: Exchange) -> Answer:
        try:
            body = Body(exchange, self._settings.clock)
            async with self._http.stream(**arguments(exchange)) as response:
                async for chunk in response.aiter_bytes():
                    body.add(chunk)
                return body.answer(response)
        except httpx.HTTPError as error:
            failed = error_of(error)
        # Outside of the except, so that httpx's error, which holds the token, is not its context.
        raise failed
