"""The answer in the API's place, over real sockets."""

import socket
from collections.abc import Iterator

import httpx
import pytest

from whendue.project.processes import Refusal


@pytest.fixture
def listening() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as made:
        yield made


def url_of(listening: socket.socket) -> str:
    return f"http://127.0.0.1:{listening.getsockname()[1]}/jobs"


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_every_request_is_answered(listening: socket.socket, method: str) -> None:
    """As the API answers its own errors; a body of the largest size is no reset connection."""
    refusal = Refusal(listening)
    try:
        content = b"x" * 5_000_000 if method in ("POST", "PUT", "PATCH") else None
        answer = httpx.request(method, url_of(listening), content=content, timeout=30)
    finally:
        refusal.stop()
    assert (answer.status_code, answer.headers["content-type"]) == (503, "application/problem+json")
    if method != "HEAD":
        assert answer.json()["code"] == "unavailable"
        assert "whendue dev" in answer.json()["detail"]


@pytest.mark.parametrize("length", ["-1", "9" * 5000, "ten"])
def test_a_length_that_is_none_ends_nothing(listening: socket.socket, length: str) -> None:
    """The next request is answered, whatever the one before was."""
    refusal = Refusal(listening)
    try:
        with socket.create_connection(listening.getsockname()[:2]) as odd:
            odd.sendall(f"POST / HTTP/1.1\r\nContent-Length: {length}\r\n\r\n".encode())
            odd.shutdown(socket.SHUT_WR)
            odd.settimeout(30)
            while odd.recv(65536):
                pass
        assert httpx.get(url_of(listening), timeout=30).status_code == 503
    finally:
        refusal.stop()


def test_the_socket_is_open_afterwards(listening: socket.socket) -> None:
    """A request that comes then waits for the API, which is about to start."""
    Refusal(listening).stop()
    with socket.create_connection(listening.getsockname()[:2]) as client:
        taken, _ = listening.accept()
        with taken:
            client.sendall(b"for the API")
            assert taken.recv(100) == b"for the API"
