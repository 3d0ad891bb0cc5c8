"""A server on loopback for tests, a handler that waits for a test's word, and sockets for what no client sends."""

import json
import re
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from whendue.containers.health import Liveness
from whendue.containers.http_server.application import TIMES, Handler, Times
from whendue.containers.http_server.proxies import Proxies
from whendue.containers.http_server.server import HttpServer, Options
from whendue.support.clock import system_clock

# Ends a test that hangs. It measures nothing.
HANGS_S = 600


def echo(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """Answer with the event."""
    body = json.dumps({"event": event, "request_id": context.aws_request_id})
    return {"statusCode": 200, "headers": {"Content-Type": "application/json"}, "body": body}


class Gate:
    """A handler whose requests wait until they are let through; it notes how many are inside at the same time."""

    def __init__(self) -> None:
        self.open = threading.Event()
        self.inside = self.most = self.ended = 0
        self._lock = threading.Lock()

    def __call__(self, event: Mapping[str, Any], context: Any) -> dict[str, Any]:
        with self._lock:
            self.inside += 1
            self.most = max(self.most, self.inside)
        assert self.open.wait(HANGS_S)
        with self._lock:
            self.inside -= 1
            self.ended += 1
        return echo(event, context)


@contextmanager
def serving(
    handler: Handler,
    *,
    threads: int = 4,
    grace_s: int = 30,
    proxies: str = "",
    times: Times = TIMES,
    liveness: Liveness | None = None,
) -> Iterator[HttpServer]:
    """Serve until the block ends."""
    clock = system_clock()
    options = Options("127.0.0.1", 0, threads, grace_s, Proxies.parse(proxies))
    server = HttpServer(handler, options, clock, liveness or Liveness(clock.now_ms, 60), times)
    server.start()
    try:
        yield server
    finally:
        server.drain()
        server.join()


def connect(server: HttpServer, receive_bytes: int | None = None) -> socket.socket:
    """Open a connection; one with a small buffer for what it receives blocks its sender soon."""
    host, port = server.address.removeprefix("http://").rsplit(":", 1)
    made = socket.socket()
    if receive_bytes is not None:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
    made.settimeout(HANGS_S)
    made.connect((host, int(port)))
    return made


def until_closed(connection: socket.socket) -> bytes:
    """Receive all that is sent until the other end closes."""
    received = b""
    try:
        while part := connection.recv(65_536):
            received += part
    except ConnectionError:
        # It did not wait for what we still send.
        pass
    return received


def problem_of(answer: bytes) -> tuple[int, str]:
    """Return the status and the code of a problem document; insists that it is a whole one."""
    head, _, body = answer.partition(b"\r\n\r\n")
    status = int(head.split()[1])
    [kind] = re.findall(rb"\r\ncontent-type: ([^\r]+)", head, re.IGNORECASE)
    assert kind == b"application/problem+json"
    problem = json.loads(body)
    assert problem["status"] == status
    assert problem["type"] == f"urn:whendue:problem:{problem['code']}"
    return status, problem["code"]


def beside(call: Callable[[], Any]) -> Callable[[], Any]:
    """Call on a thread; return what waits for the result."""
    found: list[Any] = []
    thread = threading.Thread(target=lambda: found.append(call()), daemon=True)
    thread.start()

    def result() -> Any:
        thread.join(HANGS_S)
        [value] = found
        return value

    return result
