"""The server as a service: it listens, is live, drains, and says whether it came to its end."""

import os
import socket
import threading
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.builders.waiting import eventually
from tests.functional.containers.http_server.served import Gate, beside, connect, echo, serving, until_closed
from whendue.containers.health import Liveness
from whendue.containers.http_server import bounds
from whendue.containers.http_server.application import Application
from whendue.containers.http_server.proxies import Proxies
from whendue.containers.http_server.server import HttpServer, Options
from whendue.errors import ConfigurationError
from whendue.support.clock import system_clock


def server_at(port: int, descriptor: int | None = None) -> HttpServer:
    clock = system_clock()
    options = Options("127.0.0.1", port, 1, 10, Proxies(), descriptor)
    return HttpServer(echo, options, clock, Liveness(clock.now_ms, 60))


def test_a_port_that_is_taken_is_named() -> None:
    """Before anything else is started."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigurationError, match=f"127.0.0.1:{port}"):
            server_at(port).start()


def test_requests_wait_at_a_socket_of_another_process_for_the_next_server() -> None:
    """So a server can be replaced without refusing any."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        first = server_at(0, os.dup(listening.fileno()))
        first.start()
        assert first.address == f"http://127.0.0.1:{port}"
        assert httpx.get(first.address).status_code == 200
        first.drain()
        assert first.join()
        answer = beside(lambda: httpx.get(first.address, timeout=600))
        second = server_at(0, os.dup(listening.fileno()))
        second.start()
        assert answer().status_code == 200
        second.drain()
        assert second.join()


def test_a_descriptor_that_is_no_socket_is_named(tmp_path: Path) -> None:
    """Before anything else is started."""
    with (tmp_path / "file").open("w") as file, pytest.raises(ConfigurationError, match=f"{file.fileno()} is no open"):
        server_at(0, file.fileno()).start()


def test_a_drained_server_ends_its_requests_and_takes_no_others() -> None:
    """The request under way is answered; an idle connection is closed; nobody else gets in."""
    gate = Gate()
    with serving(gate) as server:
        with connect(server) as idle:
            answer = beside(lambda: httpx.get(server.address, timeout=600))
            eventually(lambda: gate.inside == 1)
            server.drain()
            assert until_closed(idle) == b""
        with pytest.raises(httpx.ConnectError):
            httpx.get(server.address)
        gate.open.set()
        assert answer().status_code == 200
        assert answer().headers["connection"] == "close"
        assert server.join()


@pytest.mark.parametrize("before", [b"", b"GET / HTTP/1.1\r\n"], ids=["nothing", "a part"])
def test_the_first_request_of_a_connection_is_answered_while_the_server_drains(
    before: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Seen before: a reset, as the server closed between the connect and the request; no client sends that again."""
    monkeypatch.setattr(bounds, "FIRST_REQUEST_S", 600)
    with serving(echo) as server, connect(server) as connection:
        connection.sendall(before)
        eventually(lambda: server._server.server_state.connections)
        server.drain()
        eventually(lambda: not server._server.servers[0].is_serving())
        connection.sendall(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n".removeprefix(before))
        answer = until_closed(connection)
        assert answer.startswith(b"HTTP/1.1 200 ")
        assert b"\r\nConnection: close\r\n" in answer
        assert server.join()


def test_a_server_whose_request_outlasts_the_grace_says_so() -> None:
    """And the client is told that it may have been carried out."""
    gate = Gate()
    with serving(gate, grace_s=2) as server:
        answer = beside(lambda: httpx.get(server.address, timeout=600))
        eventually(lambda: gate.inside == 1)
        server.drain()
        assert not server.join()
        assert (answer().status_code, answer().json()["code"]) == (503, "shutting_down")
        gate.open.set()


def test_liveness_learns_of_all_threads_but_one_that_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that answers a request is not silent before it has taken longer than any call may."""
    now = [system_clock().now_ms()]
    liveness = Liveness(lambda: now[0], 60)
    gate = Gate()
    monkeypatch.setattr(bounds, "HUNG_S", 0)
    with serving(gate, threads=2, liveness=liveness) as server:
        eventually(lambda: set(liveness._last) == {"server", "request-0", "request-1"})
        beside(lambda: httpx.get(server.address, timeout=600))
        eventually(lambda: gate.inside == 1)
        now[0] += 61_000
        eventually(lambda: len(liveness.silent()) == 1 and liveness.silent()[0].startswith("request-"))
        gate.open.set()
        eventually(lambda: liveness.silent() == [])


def test_errors_of_the_library_are_logged_without_their_text(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """By type and place, as all others."""

    async def broken(_self: Any, _scope: Any, _receive: Any, _send: Any) -> None:
        raise ValueError("a secret")

    monkeypatch.setattr(Application, "__call__", broken)
    with serving(echo) as server:
        answer = httpx.get(server.address)
    printed = "".join(capsys.readouterr())
    assert answer.status_code == 500
    assert "ValueError" in printed
    assert "a secret" not in printed


def test_threads_end_with_the_process() -> None:
    """One that hangs must not hold it up: all are daemons."""
    with serving(echo):
        ours = [thread for thread in threading.enumerate() if thread.name.startswith(("server", "request-"))]
        assert ours
        assert all(thread.daemon for thread in ours)
