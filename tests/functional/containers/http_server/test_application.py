"""Requests over real connections: what the handler gets, what the client gets, and what neither may exceed."""

import json
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from io import StringIO
from logging import StreamHandler
from typing import Any

import httpx
import pytest

from functions import log
from tests.builders.api import a_token, api_of
from tests.builders.waiting import eventually
from tests.builders.world import World
from tests.functional.containers.http_server.served import (
    Gate,
    beside,
    connect,
    echo,
    problem_of,
    serving,
    until_closed,
)
from whendue.containers.http_server import application
from whendue.containers.http_server.application import Times
from whendue.containers.http_server.bounds import HEAD_BYTES, PAYLOAD_BYTES, WAITING_PER_THREAD
from whendue.quotas import JOB_BODY_BYTES


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """A server whose handler answers with its event."""
    with serving(echo) as server:
        yield server.address


def problem(reply: httpx.Response) -> tuple[int, str]:
    assert reply.headers["content-type"] == "application/problem+json"
    assert reply.json()["status"] == reply.status_code
    return reply.status_code, reply.json()["code"]


def test_the_handler_gets_the_request_as_api_gateway_would_send_it(url: str) -> None:
    """Over the wire, as tests/unit has it of the parts."""
    headers = [("X-A", "1"), ("x-a", "2"), ("Cookie", "a=1; b=2"), ("X-Forwarded-For", "6.6.6.6")]
    reply = httpx.post(f"{url}/jobs/a%20b%2Fc?tag=1&tag=%C3%BC&e=", headers=headers, content="\u00fc").json()
    event = reply["event"]
    assert (event["version"], event["rawPath"]) == ("2.0", "/jobs/a b/c")
    assert event["rawQueryString"] == "tag=1&tag=%C3%BC&e="
    assert event["queryStringParameters"] == {"tag": "1,\u00fc", "e": ""}
    assert (event["headers"]["x-a"], event["cookies"]) == ("1,2", ["a=1", "b=2"])
    assert (event["body"], event["isBase64Encoded"]) == ("\u00fc", False)
    http = event["requestContext"]["http"]
    assert (http["method"], http["protocol"], http["sourceIp"]) == ("POST", "HTTP/1.1", "127.0.0.1")
    # Nobody is trusted: what the client wrote is not handed on.
    assert event["headers"]["x-forwarded-for"] == "127.0.0.1"
    assert event["requestContext"]["requestId"] == reply["request_id"]


def test_a_named_proxy_is_believed() -> None:
    """The client's address is then the one that the proxy has seen."""
    with serving(echo, proxies="127.0.0.0/8") as server:
        event = httpx.get(server.address, headers={"X-Forwarded-For": "6.6.6.6, 198.51.100.1"}).json()["event"]
    assert event["requestContext"]["http"]["sourceIp"] == "198.51.100.1"
    assert event["headers"]["x-forwarded-for"] == "198.51.100.1, 127.0.0.1"


def test_all_lines_of_a_reply_are_sent_and_head_has_no_content() -> None:
    """And 204 no length."""

    def handler(event: Any, context: Any) -> dict[str, Any]:
        status = 204 if event["rawPath"] == "/none" else 200
        body = "" if status == 204 else "text"
        return {"statusCode": status, "headers": {"X-A": "1"}, "cookies": ["a=1", "b=2"], "body": body}

    with serving(handler) as server, httpx.Client(base_url=server.address) as client:
        got = client.get("/")
        assert (got.text, got.headers["x-a"], got.headers.get_list("set-cookie")) == ("text", "1", ["a=1", "b=2"])
        assert client.head("/").content == b""
        none = client.get("/none")
        assert (none.status_code, none.content, "content-length" in none.headers) == (204, b"", False)
        # All on one connection.
        assert client.get("/").text == "text"


# --- sizes -----------------------------------------------------------------------------------------------------------


def parts(total_bytes: int) -> Iterator[bytes]:
    """A body whose length is not declared."""
    for start in range(0, total_bytes, 65_536):
        yield b"x" * min(65_536, total_bytes - start)


@pytest.mark.parametrize("declared", [True, False])
def test_a_body_may_have_as_many_bytes_as_api_gateway_takes_and_no_more(url: str, *, declared: bool) -> None:
    """One more is refused; the connection is good for the next request."""

    def body(total_bytes: int) -> Any:
        return b"x" * total_bytes if declared else parts(total_bytes)

    with httpx.Client(base_url=url, timeout=600) as client:
        taken = client.post("/", content=body(PAYLOAD_BYTES)).json()["event"]
        assert len(taken["body"]) == PAYLOAD_BYTES
        assert problem(client.post("/", content=body(PAYLOAD_BYTES + 1))) == (413, "body_too_large")
        assert client.get("/").status_code == 200


def test_the_apis_own_smaller_bound_comes_first() -> None:
    """What API Gateway would let through, the API refuses as it always does: after token and scope."""
    api = api_of(World())
    too_large = b'{"type": "ok", "payload": "' + b"x" * JOB_BODY_BYTES + b'"}'
    with serving(api) as server, httpx.Client(base_url=server.address, timeout=600) as client:
        headers = {"Content-Type": "application/json"}
        assert problem(client.post("/jobs", content=too_large, headers=headers)) == (401, "unauthenticated")
        headers["Authorization"] = f"Bearer {a_token()}"
        refused = client.post("/jobs", content=too_large, headers=headers)
        assert problem(refused) == (413, "body_too_large")
        assert str(JOB_BODY_BYTES) in refused.json()["detail"]
        assert problem(client.post("/jobs", content=b"x" * (PAYLOAD_BYTES + 1), headers=headers)) == (
            413,
            "body_too_large",
        )


@pytest.mark.parametrize("declared", [True, False])
def test_bytes_that_are_not_utf_8_are_refused(*, declared: bool) -> None:
    """By the API, which gets them as they were sent; U+FFFD itself may be sent."""
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {a_token()}"}
    with serving(api_of(World())) as server, httpx.Client(base_url=server.address, headers=headers) as client:

        def send(body: bytes) -> httpx.Response:
            return client.post("/jobs", content=body if declared else iter([body[:9], body[9:]]))

        assert problem(send(b'{"type": "ok", "payload": {"a": "\xff"}}')) == (400, "malformed_request")
        assert send('{"type": "ok", "payload": {"a": "\ufffd"}}'.encode()).status_code == 202


def test_a_real_job_is_submitted_and_read() -> None:
    """The API behind the server, at work."""
    world = World()
    with serving(api_of(world)) as server:
        headers = {"Authorization": f"Bearer {a_token()}"}
        with httpx.Client(base_url=server.address, headers=headers) as client:
            job = client.post("/jobs", json={"type": "ok", "payload": {"a": 1}}).raise_for_status().json()
            world.work()
            assert client.get(f"/jobs/{job['id']}").json()["state"] == "succeeded"


def test_a_request_line_and_headers_have_as_many_bytes_as_api_gateway_takes_and_no_more(url: str) -> None:
    """Whole requests in one piece, which h11 would let through."""

    def refused(line: str, *lines: str) -> tuple[int, str] | None:
        text = "\r\n".join((f"GET {line} HTTP/1.1", "host: x", "connection: close", *lines, "", ""))
        host, port = url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), timeout=600) as connection:
            connection.sendall(text.encode())
            answer = until_closed(connection)
        return None if answer.startswith(b"HTTP/1.1 200 ") else problem_of(answer)

    used = len("GET / HTTP/1.1\r\n") + len("hostxconnectionclosex-a") + len("?")
    fits = HEAD_BYTES - used
    assert refused("/", f"x-a: {'a' * fits}") is None
    assert refused("/", f"x-a: {'a' * (fits + 1)}") == (431, "headers_too_large")
    assert refused(f"/{'a' * HEAD_BYTES}") == (414, "uri_too_long")


def test_a_body_of_two_lengths_is_refused(url: str) -> None:
    """A proxy may have read it as another request than we would."""
    host, port = url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=600) as connection:
        lines = ["POST / HTTP/1.1", "host: x", "content-length: 5", "transfer-encoding: chunked", "", "0", "", ""]
        connection.sendall("\r\n".join(lines).encode())
        assert problem_of(until_closed(connection)) == (400, "malformed_request")


def test_bodies_share_a_bounded_room(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else a hundred large ones would end the process; what is answered makes room again."""
    monkeypatch.setattr(application, "BODIES_BYTES", 1000)
    gate = Gate()
    with serving(gate) as server, httpx.Client(base_url=server.address, timeout=600) as client:
        first = beside(lambda: client.post("/", content=b"x" * 900))
        eventually(lambda: gate.inside == 1)
        assert problem(client.post("/", content=b"x" * 101)) == (503, "overloaded")
        gate.open.set()
        assert first().status_code == 200
        assert client.post("/", content=b"x" * 1000).status_code == 200


def test_a_client_that_goes_away_leaves_no_room_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    """In the middle of its body."""
    monkeypatch.setattr(application, "BODIES_BYTES", 1000)
    with serving(echo) as server, httpx.Client(base_url=server.address) as client:
        with connect(server) as connection:
            connection.sendall(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\n" + b"x" * 900)
            eventually(lambda: client.post("/", content=b"x" * 101).status_code == 503)
        eventually(lambda: client.post("/", content=b"x" * 1000).status_code == 200)


# --- concurrency and time --------------------------------------------------------------------------------------------


def test_as_many_requests_are_answered_at_once_as_there_are_threads_and_few_wait() -> None:
    """One more than that is refused with a time to come back, and was not carried out."""
    gate, threads = Gate(), 2
    waiting = threads * WAITING_PER_THREAD
    limits = httpx.Limits(max_connections=None)
    with (
        serving(gate, threads=threads) as server,
        httpx.Client(base_url=server.address, timeout=600, limits=limits) as client,
        ThreadPoolExecutor(threads + waiting) as pool,
    ):
        running = [pool.submit(client.get, "/") for _ in range(threads)]
        eventually(lambda: gate.inside == threads)
        queued = [pool.submit(client.get, "/") for _ in range(waiting)]
        eventually(server._threads._calls.full)
        refused = client.get("/")
        assert problem(refused) == (503, "overloaded")
        assert refused.headers["retry-after"] == "2"
        gate.open.set()
        assert [answer.result().status_code for answer in running + queued] == [200] * (threads + waiting)
    assert (gate.most, gate.ended) == (threads, threads + waiting)


def test_a_request_that_takes_too_long_is_answered_and_one_that_waits_too_long_is_not_carried_out() -> None:
    """The first may be carried out all the same; the second is not."""
    gate = Gate()
    times = Times(request_s=0.2)
    with serving(gate, threads=1, times=times) as server, httpx.Client(base_url=server.address, timeout=600) as client:
        assert problem(client.get("/")) == (504, "timeout")
        assert problem(client.get("/")) == (504, "timeout")
        assert gate.inside == 1
        gate.open.set()
        eventually(lambda: gate.ended == 1)
        eventually(lambda: client.get("/").status_code == 200)
    assert gate.ended == gate.most + 1 == 2


def test_a_body_that_arrives_too_slowly_is_refused() -> None:
    """The thread that would answer it was never taken."""
    gate = Gate()
    with serving(gate, times=Times(body_s=0.2)) as server, connect(server) as connection:
        connection.sendall(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\n12345")
        assert problem_of(until_closed(connection)) == (408, "request_timeout")
    assert gate.most == 0


# --- errors and logs -------------------------------------------------------------------------------------------------


def test_an_error_of_the_handler_is_a_problem_and_its_text_is_nowhere(capsys: pytest.CaptureFixture[str]) -> None:
    """It may quote a payload."""

    def handler(event: Any, context: Any) -> dict[str, Any]:
        raise ValueError(event["body"])

    with serving(handler) as server:
        answer = httpx.post(server.address, content="a secret")
    assert problem(answer) == (500, "internal_error")
    printed = "".join(capsys.readouterr())
    assert "ValueError" in printed
    assert "a secret" not in printed + answer.text


@pytest.fixture
def logged() -> Iterator[StringIO]:
    """What the API logs: Powertools' handler keeps the stream that it began with."""
    handler = log._logger().registered_handler
    assert isinstance(handler, StreamHandler)
    before = handler.setStream(stream := StringIO())
    yield stream
    handler.setStream(before)


def test_each_request_has_one_log_line_without_token_payload_or_address(
    logged: StringIO, capsys: pytest.CaptureFixture[str]
) -> None:
    """Answered by the API or by the server itself."""
    with serving(api_of(World())) as server, httpx.Client(base_url=server.address, timeout=600) as client:
        headers = {"Authorization": f"Bearer {a_token()}"}
        client.post("/jobs", json={"type": "ok", "payload": {"word": "confidential"}}, headers=headers)
        client.get("/jobs", headers=headers | {"X-A": "confidential" * 1000})
        client.get(f"/jobs/confidential?{'x' * HEAD_BYTES}", headers=headers)
    printed = logged.getvalue() + capsys.readouterr().out
    lines = [line for line in map(json.loads, printed.splitlines()) if line["message"] == "request"]
    assert [(line["status"], line["route"]) for line in lines] == [(202, "/jobs"), (431, "none"), (414, "none")]
    assert len({line["request_id"] for line in lines}) == 3
    assert all(line["duration_ms"] >= 0 and line["method"] in ("GET", "POST") for line in lines)
    assert "confidential" not in printed
    assert headers["Authorization"] not in printed


def test_threads_of_the_api_do_not_wait_for_each_other() -> None:
    """Two requests are inside at the same time, each with its own event."""
    meet = threading.Barrier(2)

    def handler(event: Any, context: Any) -> dict[str, Any]:
        meet.wait(600)
        return echo(event, context)

    with serving(handler, threads=2) as server:
        first = beside(lambda: httpx.get(f"{server.address}/1", timeout=600))
        second = httpx.get(f"{server.address}/2", timeout=600)
        assert [reply.json()["event"]["rawPath"] for reply in (first(), second)] == ["/1", "/2"]
