"""Between actions and httpx, without I/O: how to send an exchange, read its answer, and understand its errors."""

import base64
from typing import Any, Final

import httpx

from whendue.client.actions import Exchange
from whendue.client.errors import ClientError, TransportError, UnexpectedAnswerError
from whendue.client.messages import Answer
from whendue.support.clock import Clock

# Larger than any answer of a Lambda function (6 MB); what is longer comes from something else.
ANSWER_BYTES: Final = 16 * 1024 * 1024
CONNECT_S: Final = 5.0
# Raised before anything was sent.
_UNSENT: Final = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)


def arguments(exchange: Exchange) -> dict[str, Any]:
    """Return the arguments of httpx's `stream`."""
    headers = dict(exchange.headers)
    if exchange.token is not None:
        headers["Authorization"] = f"Bearer {exchange.token.reveal()}"
    if exchange.credentials is not None:
        name, secret = exchange.credentials
        headers["Authorization"] = "Basic " + base64.b64encode(f"{name}:{secret.reveal()}".encode()).decode()
    timeout = httpx.Timeout(exchange.timeout_s, connect=min(CONNECT_S, exchange.timeout_s))
    return {
        "method": exchange.method,
        "url": exchange.url,
        "headers": headers,
        "content": exchange.content,
        "timeout": timeout,
    }


class Body:
    """The body of an answer as it arrives, bounded in time and size.

    Args:
        exchange: what it answers.
        clock: reads the time.
    """

    def __init__(self, exchange: Exchange, clock: Clock) -> None:
        """Begin with nothing."""
        self._clock = clock
        self._timeout_s = exchange.timeout_s
        self._until_ms = clock.now_ms() + round(exchange.timeout_s * 1000)
        self._chunks: list[bytes] = []
        self._size = 0

    def add(self, chunk: bytes) -> None:
        """Take a chunk.

        Raises:
            TransportError: the answer takes longer than it may.
            UnexpectedAnswerError: it is larger than any answer of the API.
        """
        self._chunks.append(chunk)
        self._size += len(chunk)
        if self._size > ANSWER_BYTES:
            raise UnexpectedAnswerError(f"the answer has more than {ANSWER_BYTES} bytes")
        # httpx limits the time between two chunks alone.
        if self._clock.now_ms() > self._until_ms:
            raise TransportError(f"the answer was not complete within {self._timeout_s} s")

    def answer(self, response: httpx.Response) -> Answer:
        """Return the answer, once it is complete."""
        headers = {name.lower(): value for name, value in response.headers.items()}
        return Answer(response.status_code, headers, b"".join(self._chunks))


def error_of(error: httpx.HTTPError) -> ClientError:
    """Return what an error of httpx means.

    It is not kept as the cause: it holds the request, and this the token.
    """
    words = str(error) or "no further description"
    failed = TransportError(f"{type(error).__name__}: {words}")
    failed.sent = not isinstance(error, _UNSENT)
    return failed
