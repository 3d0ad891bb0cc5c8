"""One outgoing HTTP exchange, safe with URLs from strangers: checked, pinned to an address, limited in time and size.

`http.client` on a socket that we connect ourselves, so that the address checked is the address spoken to. There are no
proxies, redirects, retries or decompression in it.
"""

import http.client
import io
import re
import socket
import ssl
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from functools import cache
from http import HTTPStatus
from typing import Any, Final

from whendue.outbound.ssrf import Allowed, Target, check
from whendue.task_quotas import HTTP_INTERIM_ANSWERS, RETRY_AFTER_MAX_S

Resolver = Callable[[str, int], Sequence[str]]

# RFC 9110 sections 7.6.1 and 10.1.1: what frames the message, or asks for what is not done here.
FORBIDDEN_HEADERS: Final = frozenset(
    {
        "accept-encoding",
        "connection",
        "content-length",
        "expect",
        "host",
        "keep-alive",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
_CHUNK_BYTES: Final = 16_384


class HttpTimeoutError(Exception):
    """There was no complete answer within the time limit."""


class HttpProtocolError(Exception):
    """The answer is not HTTP, or broke off."""


@dataclass(frozen=True, slots=True)
class Request:
    """What to send.

    Args:
        target: where to, from `ssrf.parse_target`.
        method: upper case.
        headers: checked by the caller: no control characters, none of `FORBIDDEN_HEADERS`.
        body: None sends none.
    """

    target: Target
    method: str
    headers: Mapping[str, str]
    body: bytes | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back.

    Args:
        status: 200 to 599.
        headers: by lower-case name.
        body: at most the bytes asked for.
        truncated: whether there was more.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    truncated: bool


def resolve(host: str, port: int) -> list[str]:
    """Ask the system for all addresses of a host; an address is its own.

    Raises:
        OSError: there is none.
    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


@cache
def tls() -> ssl.SSLContext:
    """Return the TLS context: the system's authorities, TLS 1.2 or newer, certificates and host names checked."""
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def send(
    request: Request, *, allowed: Allowed, left_s: Callable[[], float], body_limit: int, resolver: Resolver = resolve
) -> Answer:
    """Send a request and read its answer.

    Args:
        request: what to send.
        allowed: targets that may be private or without TLS.
        left_s: seconds left for the whole exchange, asked before every wait. Only the system's resolver may outlast it.
        body_limit: bytes of the body to read; the rest is left unread.
        resolver: returns all addresses of a host; called once.

    Raises:
        TargetRefusedError: the target may not be spoken to.
        HttpTimeoutError: the time is over.
        HttpProtocolError: the answer is not HTTP, or broke off.
        OSError: no connection, a broken one, or a certificate that does not fit the name.
    """
    target = request.target
    addresses = resolver(target.host, target.port)
    check(target, addresses, allowed)
    connection = http.client.HTTPConnection(target.host, target.port)
    connection.response_class = _FinalResponse
    headers = {**request.headers, "Host": target.authority, "Connection": "close"}
    try:
        sock = _connect(target, addresses, left_s)
        try:
            connection.sock = _TimedSocket(sock, left_s)
            connection.request(request.method, target.path, request.body, headers)
            with connection.getresponse() as response:
                body = response.read(body_limit + 1)
                if response.length and len(body) <= body_limit:
                    raise http.client.IncompleteRead(body, response.length)
                given = {name.lower(): value for name, value in response.getheaders()}
                return Answer(response.status, given, body[:body_limit], len(body) > body_limit)
        finally:
            sock.close()
    except TimeoutError:
        raise HttpTimeoutError("no complete answer within the time limit") from None
    except http.client.HTTPException as error:
        raise HttpProtocolError(f"the answer is not HTTP, or is incomplete: {type(error).__name__}") from None


def retry_after_s(answer: Answer, now_s: float) -> float:
    """Read an answer's Retry-After (RFC 9110 section 10.2.3): seconds or a date; 0 where it is neither, or none."""
    text = answer.headers.get("retry-after", "")
    if re.fullmatch(r"[0-9]{1,18}", text):
        seconds = float(text)
    else:
        try:
            date = parsedate_to_datetime(text)
            seconds = (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp() - now_s
        except (ValueError, TypeError, OverflowError):
            seconds = 0.0
    return min(max(seconds, 0.0), RETRY_AFTER_MAX_S)


def _connect(target: Target, addresses: Sequence[str], left_s: Callable[[], float]) -> socket.socket:
    failed: OSError = ConnectionError("the host has no address")
    for untried, address in zip(range(len(addresses), 0, -1), addresses, strict=True):
        try:
            sock = socket.create_connection((address, target.port), timeout=_positive(left_s()) / untried)
        except OSError as error:
            failed = error
            continue
        if target.scheme == "http":
            return sock
        try:
            sock.settimeout(_positive(left_s()))
            return tls().wrap_socket(sock, server_hostname=target.host)
        except BaseException:
            sock.close()
            raise
    raise failed


def _positive(seconds: float) -> float:
    if seconds <= 0:
        raise TimeoutError
    return seconds


class _FinalResponse(http.client.HTTPResponse):
    """A response whose interim answers are skipped; http.client itself skips 100 alone."""

    def _read_status(self) -> tuple[str, int, str]:
        """Read the status line of the final answer (RFC 9110 section 15.2)."""
        for _ in range(HTTP_INTERIM_ANSWERS + 1):
            version, status, reason = super()._read_status()  # type: ignore[misc]
            if status // 100 != 1:
                return version, status, reason
            if status == HTTPStatus.SWITCHING_PROTOCOLS:
                raise http.client.UnknownProtocol("we asked for no other protocol")
            http.client.parse_headers(self.fp)
        raise http.client.BadStatusLine(f"over {HTTP_INTERIM_ANSWERS} interim answers")


class _TimedSocket:
    """What http.client uses of a socket; every wait ends when the exchange's time does, however slowly bytes drip."""

    def __init__(self, sock: socket.socket, left_s: Callable[[], float]) -> None:
        self._sock = sock
        self._left_s = left_s

    def sendall(self, data: bytes) -> None:
        for start in range(0, len(data), _CHUNK_BYTES):
            self._sock.settimeout(_positive(self._left_s()))
            self._sock.sendall(data[start : start + _CHUNK_BYTES])

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(_TimedReader(self._sock, self._left_s))

    def close(self) -> None:
        """Leave it open: the response is still read after http.client is done with its connection."""


class _TimedReader(io.RawIOBase):
    def __init__(self, sock: socket.socket, left_s: Callable[[], float]) -> None:
        self._sock = sock
        self._left_s = left_s

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        self._sock.settimeout(_positive(self._left_s()))
        return self._sock.recv_into(buffer)
