"""Connections of clients that are slow, mute, greedy, or do not speak HTTP."""

import socket
from typing import Any

import httpx
import pytest

from tests.builders.waiting import eventually
from tests.functional.containers.http_server.served import Gate, connect, echo, problem_of, serving, until_closed
from whendue.containers.http_server import bounds
from whendue.containers.http_server.server import HttpServer

HEAD = b"GET / HTTP/1.1\r\nhost: x\r\n"


def connections(server: HttpServer) -> int:
    return len(server._server.server_state.connections)


@pytest.mark.parametrize(
    ("sent", "answer"),
    [
        (b"GARBAGE\r\n\r\n", (400, "malformed_request")),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", (400, "malformed_request")),
        (b"GET / HTTP/1.1\r\n\r\n", (400, "malformed_request")),
        (HEAD + b"content-length: x\r\n\r\n", (400, "malformed_request")),
        (b"GET /" + b"a" * bounds.HEAD_BYTES, (414, "uri_too_long")),
        (HEAD + b"x-a: " + b"a" * bounds.HEAD_BYTES, (431, "headers_too_large")),
        # A body in pieces whose lengths cannot be read, while the application waits for it.
        (b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nnone\r\n", (400, "malformed_request")),
    ],
)
def test_what_is_not_http_or_too_long_is_answered_with_a_problem(sent: bytes, answer: tuple[int, str]) -> None:
    """And the connection is closed."""
    with serving(echo) as server, connect(server) as connection:
        connection.sendall(sent)
        assert problem_of(until_closed(connection)) == answer


def test_headers_that_drip_are_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """By the time of the whole, not by the time since the last byte."""
    monkeypatch.setattr(bounds, "HEAD_S", 0.3)
    with serving(echo) as server, connect(server) as connection:
        connection.sendall(HEAD)
        connection.settimeout(0.02)
        received = b""
        # One byte each time that nothing has come, for as long as the server lets us.
        while not received:
            try:
                received = connection.recv(65_536)
            except TimeoutError:
                connection.sendall(b"a")
        connection.settimeout(600)
        assert problem_of(received + until_closed(connection)) == (408, "request_timeout")


def test_a_second_request_that_drips_is_cut_off_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection that has been good once has no more time."""
    monkeypatch.setattr(bounds, "HEAD_S", 0.3)
    with serving(echo) as server, connect(server) as connection:
        connection.sendall(HEAD + b"\r\n" + HEAD)
        answers = until_closed(connection)
    assert answers.startswith(b"HTTP/1.1 200 ")
    assert b"HTTP/1.1 408 " in answers


@pytest.mark.parametrize("sent", [b"", HEAD + b"\r\n"], ids=["never used", "used once"])
def test_an_idle_connection_is_closed(sent: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also one on which nothing was ever sent."""
    monkeypatch.setattr(bounds, "KEEP_ALIVE_S", 0.2)
    with serving(echo) as server, connect(server) as connection:
        connection.sendall(sent)
        answer = until_closed(connection)
    assert answer.startswith(b"HTTP/1.1 200 ") if sent else answer == b""


def test_a_connection_is_kept_between_requests() -> None:
    """A handshake for each would cost more than the request."""
    with serving(echo) as server, httpx.Client(base_url=server.address) as client:
        client.get("/")
        [kept] = server._server.server_state.connections
        client.get("/")
        assert server._server.server_state.connections == {kept}


def test_an_answer_does_not_wait_for_the_acknowledgement_of_its_head() -> None:
    """Seen before: 22 requests a second on one connection, 40 ms each for the delayed ACK of the client's kernel."""
    with serving(echo) as server, connect(server) as connection:
        connection.sendall(HEAD + b"\r\n")
        assert connection.recv(1) == b"H"
        [protocol] = server._server.server_state.connections
        assert protocol.transport.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_a_client_that_reads_nothing_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """It would hold its answer in memory for ever."""
    monkeypatch.setattr(bounds, "WRITE_S", 0.3)

    def handler(event: Any, context: Any) -> dict[str, Any]:
        return {"statusCode": 200, "body": "x" * 20_000_000}

    with serving(handler) as server, connect(server, receive_bytes=4096) as connection:
        connection.sendall(HEAD + b"\r\n")
        eventually(lambda: connections(server) == 1)
        eventually(lambda: connections(server) == 0)


def test_what_is_sent_after_the_answer_is_read_for_a_while_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a client which sends before it reads gets its 413; not one that never ends."""
    monkeypatch.setattr(bounds, "PAYLOAD_BYTES", 1_000_000)
    with serving(echo) as server, connect(server) as connection:
        connection.sendall(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 1000000000\r\n\r\n")
        with pytest.raises(OSError):  # noqa: PT012 - whichever call finds it closed
            for _ in range(10_000):
                connection.sendall(b"x" * 100_000)
        eventually(lambda: connections(server) == 0)


def test_a_body_that_still_drips_after_its_answer_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """The application has answered; the connection is held by nothing else."""
    monkeypatch.setattr(bounds, "BODY_S", 0)
    monkeypatch.setattr("whendue.containers.http_server.protocol._MARGIN_S", 0.3)
    with serving(echo) as server, connect(server) as connection:
        connection.sendall(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 1000000000\r\n\r\n")
        assert until_closed(connection).startswith(b"HTTP/1.1 413 ")


def test_one_connection_too_many_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """And one that is closed makes room."""
    monkeypatch.setattr(bounds, "CONNECTIONS", 2)
    with serving(echo) as server:
        held: list[socket.socket] = [connect(server) for _ in range(2)]
        eventually(lambda: connections(server) == 2)
        with connect(server) as refused:
            assert problem_of(until_closed(refused)) == (503, "overloaded")
        for connection in held:
            connection.close()
        eventually(lambda: connections(server) == 0)
        assert httpx.get(server.address).status_code == 200


def test_requests_that_are_sent_at_once_are_answered_in_their_order() -> None:
    """RFC 9112 section 9.3.2: pipelining."""
    gate = Gate()
    gate.open.set()
    with serving(gate) as server, connect(server) as connection:
        request = b"GET /%d HTTP/1.1\r\nhost: x\r\n%s\r\n"
        connection.sendall(request % (1, b"") + request % (2, b"") + request % (3, b"connection: close\r\n"))
        answers = until_closed(connection)
    assert answers.count(b"HTTP/1.1 200 ") == 3
    places = [answers.index(b'"rawPath": "/%d"' % number) for number in (1, 2, 3)]
    assert places == sorted(places)
    assert gate.most == 1
