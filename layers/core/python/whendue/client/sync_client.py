"""The blocking client: performs the actions of flows with `httpx.Client`."""

import threading
from collections.abc import Mapping
from typing import Any, Self, TypeVar

import httpx

from whendue.client.actions import Action, Alone, Call, Done, Exchange, Flow, ReadClock, Sleep, advance
from whendue.client.errors import ClientError
from whendue.client.flows.sending import send
from whendue.client.messages import Answer
from whendue.client.operations import Operations, SyncRunner
from whendue.client.retry_policy import RetryPolicy
from whendue.client.settings import TIMEOUT_S, from_environment, settings_of
from whendue.client.tokens.sources import TokenLike
from whendue.client.wire import Body, arguments, error_of
from whendue.support.clock import Clock

T = TypeVar("T")


class Client(Operations, SyncRunner):
    """A client of the API that blocks until an answer has come. Threads may share it.

    Args:
        url: of the API, as in `https://whendue.example.com`.
        token: the bearer token; a function that returns it; or a source, as `TokenFile` and `ClientCredentials`.
        retry: when a request is sent again. Default: `RetryPolicy()`.
        timeout_s: how long one attempt may take, seconds.
        plain_http: whether the token may be sent without TLS to other machines than this one.
        transport: of httpx, for proxies, certificates and tests. Default: httpx's own.
        clock: time, chance and sleep. Default: the system's.
    """

    def __init__(
        self,
        url: str,
        token: TokenLike,
        *,
        retry: RetryPolicy | None = None,
        timeout_s: float = TIMEOUT_S,
        plain_http: bool = False,
        transport: httpx.BaseTransport | None = None,
        clock: Clock | None = None,
    ) -> None:
        """Make a client; nothing is sent yet."""
        self._settings = settings_of(url, token, retry=retry, timeout_s=timeout_s, plain_http=plain_http, clock=clock)
        self._http = httpx.Client(transport=transport, follow_redirects=False)
        self._lock = threading.Lock()

    @classmethod
    def from_env(
        cls,
        environ: Mapping[str, str] | None = None,
        *,
        retry: RetryPolicy | None = None,
        timeout_s: float = TIMEOUT_S,
        plain_http: bool = False,
        transport: httpx.BaseTransport | None = None,
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

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close all connections."""
        self._http.close()

    def run(self, flow: Flow[T]) -> T:
        """Run a flow to its end."""
        result: Any = None
        error: ClientError | None = None
        while not isinstance(step := advance(flow, result, error), Done):
            result, error = None, None
            try:
                result = self._perform(step)
            except ClientError as failed:
                error = failed
        return step.value

    def _perform(self, action: Action) -> Any:
        match action:
            case Exchange():
                return self._exchange(action)
            case Sleep():
                return self._settings.clock.sleep(action.seconds)
            case Call():
                return action.function()
            case ReadClock():
                return self._settings.clock
            case Alone():
                with self._lock:
                    return self.run(action.flow)
            case _:
                return self.run(send(action, self._settings))

    def _exchange(self, exchange: Exchange) -> Answer:
        try:
            body = Body(exchange, self._settings.clock)
            with self._http.stream(**arguments(exchange)) as response:
                for chunk in response.iter_bytes():
                    body.add(chunk)
                return body.answer(response)
        except httpx.HTTPError as error:
            failed = error_of(error)
        # Outside of the except, so that httpx's error, which holds the token, is not its context.
        raise failed
