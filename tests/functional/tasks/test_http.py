"""The task `http` against real servers on loopback."""

import gzip
import json
import socket
import threading
from collections.abc import Callable
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest

from tests.builders.task_fixtures import JOB_ID
from tests.builders.web import Web
from whendue import task_quotas as limits
from whendue.declarations.context import Context
from whendue.declarations.registry import TASKS, GiveUp, Retry, discover
from whendue.declarations.resources import Resources, TaskSettings
from whendue.outbound.client import HttpProtocolError, HttpTimeoutError
from whendue.outbound.ssrf import Allowed, TargetRefusedError

Run = Callable[..., Any]


@pytest.fixture
def run(provided: Resources, context: Callable[..., Context]) -> Run:
    """Run the task on a payload, as the worker does."""
    discover("whendue.tasks")

    def call(url: str, timeout_s: float = 20, **payload: Any) -> Any:
        return TASKS.get("http").call({"url": url, **payload}, context(timeout_s))

    return call


def test_a_request_carries_its_body_and_the_jobs_identity(web: Web, run: Run) -> None:
    """The receiver can tell a repeated attempt from a new job by Idempotency-Key."""
    web.answers(201, b'{"id": 7}', Content_Type="application/json; charset=utf-8", ETag="x", Set_Cookie="s=1")
    result = run(web.url("/hook?a=1#top"), headers={"X-Note": "hi"}, body={"n": [1, None]})
    assert result == {
        "status": 201,
        "headers": {"content-type": "application/json; charset=utf-8", "etag": "x"},
        "body": {"id": 7},
        "truncated": False,
    }
    [seen] = web.seen
    assert (seen.method, seen.path, json.loads(seen.body)) == ("POST", "/hook?a=1", {"n": [1, None]})
    assert seen.headers["Host"] == f"127.0.0.1:{web.port}"
    assert seen.headers["Content-Type"] == "application/json"
    assert seen.headers["X-Note"] == "hi"
    assert seen.headers["Idempotency-Key"] == seen.headers["X-Whendue-Job"] == JOB_ID
    assert seen.headers["X-Whendue-Attempt"] == "3"
    assert seen.headers["User-Agent"].startswith("whendue/")


@pytest.mark.parametrize(
    ("payload", "body", "kind"),
    [
        ({}, b"", None),
        ({"body": None}, b"null", "application/json"),
        ({"text": "é"}, "é".encode(), "text/plain; charset=utf-8"),
        ({"text": "<a/>", "headers": {"content-type": "application/xml"}}, b"<a/>", "application/xml"),
    ],
)
def test_a_body_is_json_or_text_or_absent(web: Web, run: Run, payload: Any, body: bytes, kind: str | None) -> None:
    """A body of null is a body; a content type of the caller's wins."""
    run(web.url(), **payload)
    headers = {name.lower(): value for name, value in web.seen[0].headers.items()}
    assert (web.seen[0].body, headers.get("content-type")) == (body, kind)


@pytest.mark.parametrize(
    ("body", "kind", "kept"),
    [
        (b"plain", "text/plain", "plain"),
        (b'{"a": 1}', "text/plain", '{"a": 1}'),
        (b'{"a": 1}', "application/problem+json", {"a": 1}),
        (b'{"a": NaN}', "application/json", '{"a": NaN}'),
        (b'"\\ud800"', "application/json", '"\\ud800"'),
        (b"[" * 50_000, "application/json", "[" * 50_000),
        (b"[" * 99 + b"]" * 99, "application/json", json.loads("[" * 99 + "]" * 99)),
        (b"[" * 100 + b"]" * 100, "application/json", "[" * 100 + "]" * 100),
        (b"\xff\xfe", "text/plain", None),
        (b"", "text/plain", None),
    ],
)
def test_what_is_kept_of_a_body_is_json_or_text(web: Web, run: Run, body: bytes, kind: str, kept: Any) -> None:
    """A hostile answer must not make the result impossible to store."""
    web.answers(200, body, Content_Type=kind)
    assert run(web.url())["body"] == kept


def test_a_compressed_body_is_not_unpacked(web: Web, run: Run) -> None:
    """We ask for none; one that comes anyway may be a bomb."""
    web.answers(200, gzip.compress(b"x" * 10_000_000), Content_Encoding="gzip")
    result = run(web.url())
    assert result["body"] is None
    assert result["headers"]["content-encoding"] == "gzip"
    assert web.seen[0].headers["Accept-Encoding"] == "identity"


@pytest.mark.parametrize("size", [limits.ANSWER_BODY_BYTES, limits.ANSWER_BODY_BYTES + 1, 5_000_000])
def test_a_body_over_the_limit_is_cut_and_says_so(web: Web, run: Run, size: int) -> None:
    """Its size is ours to decide. A number cut short would be another number, so it stays text."""
    web.answers(200, b"1" * size, Content_Type="application/json")
    result = run(web.url())
    cut = size > limits.ANSWER_BODY_BYTES
    assert result["truncated"] is cut
    assert len(result["body"]) == limits.ANSWER_BODY_BYTES  # also when whole: Python reads no number so long


def test_a_redirect_is_not_followed(web: Web, run: Run) -> None:
    """Its target was never checked; no attempt can help."""
    web.answers(302, Location=web.url("/elsewhere"))
    with pytest.raises(GiveUp, match=r"302.*not followed"):
        run(web.url())
    assert [seen.path for seen in web.seen] == ["/hook"]


def test_a_redirect_may_be_what_is_expected(web: Web, run: Run) -> None:
    """Then its Location is in the result."""
    web.answers(303, Location="/elsewhere")
    result = run(web.url(), expectedStatus=[200, "3xx"])
    assert (result["status"], result["headers"]["location"]) == (303, "/elsewhere")


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (400, "GiveUp"),
        (401, "GiveUp"),
        (404, "GiveUp"),
        (410, "GiveUp"),
        (408, "Retry"),
        (425, "Retry"),
        (429, "Retry"),
        (500, "HttpStatusError"),
        (503, "HttpStatusError"),
        (202, "HttpStatusError"),
    ],
)
def test_a_status_decides_whether_another_attempt_can_help(web: Web, run: Run, status: int, outcome: str) -> None:
    """The caller's fault stays a fault; the server's may pass. The body stays out of the error."""
    web.answers(status, b"hunter2")
    with pytest.raises(Exception, match=f"^the server answered {status}$") as caught:
        run(web.url(), expectedStatus=[200])
    assert type(caught.value).__name__ == outcome


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        ("7", 7, 7),
        ("0", 0, 0),
        ("999999999999", limits.RETRY_AFTER_MAX_S, limits.RETRY_AFTER_MAX_S),
        ("-5", 0, 0),
        ("soon", 0, 0),
        ("Wed, 21 Oct 2015 07:28:00 GMT", 0, 0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", limits.RETRY_AFTER_MAX_S, limits.RETRY_AFTER_MAX_S),
        ("in 100 s", 60, 101),
    ],
)
def test_retry_after_is_honoured_up_to_a_cap(
    web: Web, run: Run, status: int, text: str, low: float, high: float
) -> None:
    """Seconds and dates (RFC 9110 section 10.2.3); nonsense asks for nothing."""
    web.answers(status, Retry_After=formatdate(_now() + 100, usegmt=True) if text == "in 100 s" else text)
    with pytest.raises(Retry) as caught:
        run(web.url())
    assert low <= caught.value.after_s <= high


def _now() -> float:
    import time

    return time.time()


def test_headers_dripping_for_ever_end_with_the_time_limit(web: Web, run: Run) -> None:
    """Each byte comes in time, the answer never does: the limit is on the whole."""
    over = threading.Event()

    def drip(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
        while not over.wait(0.02):
            handler.wfile.write(b"a")

    web.reply = drip
    try:
        with pytest.raises(HttpTimeoutError):
            run(web.url(), timeoutSeconds=0.3)
    finally:
        over.set()


def test_a_body_dripping_for_ever_ends_with_the_attempt(web: Web, run: Run) -> None:
    """The attempt's own timeout wins over a longer timeoutSeconds."""
    over = threading.Event()

    def drip(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
        while not over.wait(0.02):
            handler.wfile.write(b"a")

    web.reply = drip
    try:
        with pytest.raises(HttpTimeoutError):
            run(web.url(), timeout_s=0.3, timeoutSeconds=60)
    finally:
        over.set()


def test_a_server_that_never_reads_ends_with_the_time_limit(run: Run) -> None:
    """Sending waits, too."""
    with socket.create_server(("127.0.0.1", 0)) as server, pytest.raises(HttpTimeoutError):
        run(f"http://127.0.0.1:{server.getsockname()[1]}/", text="x" * 20_000_000, timeoutSeconds=0.3)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"SMTP ready\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort",
        b"HTTP/1.1 200 OK\r\n" + b"A: 1\r\n" * 200,
    ],
)
def test_an_answer_that_is_not_http_is_an_error_that_does_not_quote_it(web: Web, run: Run, raw: bytes) -> None:
    """It may be the banner of something inside, or a secret."""

    def reply(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(raw)

    web.reply = reply
    with pytest.raises(HttpProtocolError) as caught:
        run(web.url())
    assert "SMTP" not in str(caught.value)


def test_a_refused_connection_is_an_error_that_is_retried(run: Run) -> None:
    """The server may come back."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        with pytest.raises(ConnectionRefusedError):
            run(f"http://127.0.0.1:{unused.getsockname()[1]}/")


def test_a_private_target_is_given_up_unless_the_operator_allows_it(web: Web, run: Run, provided: Resources) -> None:
    """By default a job reaches nothing inside, by name or by number; no attempt can help, and nothing is sent."""
    provided.provide("settings", TaskSettings)
    for host in ("127.0.0.1", "localhost"):
        for scheme in ("http", "https"):
            with pytest.raises(GiveUp, match=r"^refused: .*loopback address; .*by WHENDUE_HTTP_ALLOW$"):
                run(f"{scheme}://{host}:{web.port}/")
    assert web.seen == []


@pytest.mark.parametrize(("tenant", "allowed"), [("acme", True), ("other", False)])
def test_a_private_target_of_one_tenant_is_given_up_for_another(
    web: Web, context: Callable[..., Context], provided: Resources, tenant: str, allowed: bool
) -> None:
    """What stands open to a neighbour is not one's own."""
    targets = {"acme": Allowed.parse(f"127.0.0.1:{web.port}")}
    provided.provide("settings", lambda: TaskSettings(http_tenants=targets))
    discover("whendue.tasks")
    if allowed:
        assert TASKS.get("http").call({"url": web.url()}, context(tenant=tenant))["status"] == 200
    else:
        with pytest.raises(GiveUp, match="loopback"):
            TASKS.get("http").call({"url": web.url()}, context(tenant=tenant))
        assert web.seen == []


def test_no_proxy_of_the_environment_is_used(web: Web, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy would resolve the name again, out of our sight."""
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert run(web.url())["status"] == 200


@pytest.mark.parametrize("url", ["http://169.254.169.254/latest", "https://10.1.2.3/", "https://[::1]/"])
def test_a_target_that_is_known_to_be_forbidden_is_refused_at_submit(run: Run, url: str) -> None:
    """It was accepted, and then dead; what a name resolves to, only the attempt knows."""
    definition = TASKS.get("http")
    with pytest.raises(TargetRefusedError):
        definition.parse({"url": url}, "acme")
    definition.parse({"url": "https://a.example/"}, "acme")
