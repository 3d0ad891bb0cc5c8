"""Outgoing connections go to the address that was checked, and trust only the name that was asked for."""

import ssl
from collections.abc import Iterator, Sequence
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
import trustme

from tests.builders.web import Web, serving
from whendue.outbound import client as outbound
from whendue.outbound.client import Answer, HttpProtocolError, HttpTimeoutError, Request, send
from whendue.outbound.ssrf import Allowed, TargetRefusedError, parse_target

LOOPBACK = Allowed.parse("127.0.0.1/32")


def get(url: str, addresses: Sequence[str], allowed: Allowed = LOOPBACK, seconds: float = 10) -> Answer:
    """Ask a URL whose name resolves to these addresses."""
    request = Request(parse_target(url), "GET", {})
    return send(request, allowed=allowed, left_s=lambda: seconds, body_limit=100, resolver=lambda *_: addresses)


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    """A certificate authority of our own."""
    return trustme.CA()


@pytest.fixture
def trusted(authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let the process trust it, the way operators do."""
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    outbound.tls.cache_clear()
    yield
    outbound.tls.cache_clear()


@pytest.fixture
def tls_web(authority: trustme.CA) -> Iterator[tuple[Web, list[str | None]]]:
    """An HTTPS server for hooks.example, and the names that clients asked it for (SNI)."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    names: list[str | None] = []
    authority.issue_cert("hooks.example", "127.0.0.1").configure_cert(context)
    context.sni_callback = lambda _socket, name, _context: names.append(name)
    with serving(context) as web:
        yield web, names


def test_the_name_is_resolved_once_and_the_connection_is_pinned_to_the_answer(web: Web) -> None:
    """DNS rebinding: a second look-up could say something else, so there is none."""
    asked: list[str] = []

    def rebinding(host: str, _port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["127.0.0.2"]

    with serving(address="127.0.0.2", port=web.port) as other:
        request = Request(parse_target(f"http://rebinds.example:{web.port}/"), "GET", {})
        send(request, allowed=LOOPBACK, left_s=lambda: 10, body_limit=1, resolver=rebinding)
        assert other.seen == []
    assert asked == ["rebinds.example"]
    assert web.seen[0].headers["Host"] == f"rebinds.example:{web.port}"


def test_a_name_with_one_forbidden_address_is_refused_before_anything_is_sent(web: Web) -> None:
    """Whichever the connector would have tried first."""
    with pytest.raises(TargetRefusedError, match="loopback"):
        get(f"http://a.example:{web.port}/", ["127.0.0.1", "127.0.0.2"])
    assert web.seen == []


def test_the_next_address_is_tried_where_one_does_not_answer(web: Web) -> None:
    """Names with IPv6 addresses are common, functions with IPv6 are not."""
    allowed = Allowed.parse("127.0.0.0/8")
    assert get(f"http://a.example:{web.port}/", ["127.0.0.9", "127.0.0.1"], allowed).status == 200


def test_a_name_without_addresses_is_an_error_that_is_retried() -> None:
    """It may have one later."""
    with pytest.raises(ConnectionError):
        get("https://a.example/", [])


def test_nothing_is_sent_when_no_time_is_left(web: Web) -> None:
    """The attempt is over before it begins."""
    with pytest.raises(HttpTimeoutError):
        get(web.url(), ["127.0.0.1"], seconds=0)
    assert web.seen == []


@pytest.mark.usefixtures("trusted")
def test_tls_asks_for_the_name_and_checks_the_certificate_against_it(tls_web: tuple[Web, list[str | None]]) -> None:
    """The connection goes to an address, the trust to the name: in SNI, certificate and Host."""
    web, names = tls_web
    assert get(web.url(host="hooks.example"), ["127.0.0.1"]).status == 200
    assert names == ["hooks.example"]
    assert web.seen[0].headers["Host"] == f"hooks.example:{web.port}"
    assert get(web.url(host="127.0.0.1"), ["127.0.0.1"]).status == 200


@pytest.mark.usefixtures("trusted")
def test_a_certificate_for_another_name_is_refused(tls_web: tuple[Web, list[str | None]]) -> None:
    """That it names the address we connected to does not matter."""
    web, _ = tls_web
    with pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"):
        get(web.url(host="other.example"), ["127.0.0.1"])
    assert web.seen == []


def test_a_certificate_of_an_unknown_authority_is_refused_even_for_an_allowed_target(
    tls_web: tuple[Web, list[str | None]],
) -> None:
    """The operator's exception is about addresses; https still means what it says."""
    web, _ = tls_web
    with pytest.raises(ssl.SSLCertVerificationError, match="unable to get local issuer"):
        get(web.url(host="hooks.example"), ["127.0.0.1"])


def test_the_system_resolver_gives_each_address_once() -> None:
    """An address is its own; a name has at least one."""
    assert outbound.resolve("127.0.0.1", 80) == ["127.0.0.1"]
    found = outbound.resolve("localhost", 80)
    assert set(found) <= {"127.0.0.1", "::1"}
    assert len(found) == len(set(found)) > 0


def _interim(web: Web, *statuses: int, final: bytes = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok") -> None:
    def reply(handler: BaseHTTPRequestHandler) -> None:
        for status in statuses:
            handler.wfile.write(f"HTTP/1.1 {status} Wait\r\nLink: </a>; rel=preload\r\n\r\n".encode())
        handler.wfile.write(final)

    web.reply = reply


@pytest.mark.parametrize("statuses", [(100,), (102,), (103,), (102, 103, 102), (199,), (100, 103), (103,) * 20])
def test_interim_answers_are_not_the_answer(web: Web, statuses: tuple[int, ...]) -> None:
    """102 and 103 were taken for the answer: RFC 9110 section 15.2 has any number of them before it."""
    _interim(web, *statuses)
    answer = get(web.url(), ["127.0.0.1"])
    assert (answer.status, answer.body, answer.headers.get("link")) == (200, b"ok", None)


@pytest.mark.parametrize("statuses", [(101,), (103,) * 21])
def test_endless_interim_answers_and_another_protocol_are_no_answer(web: Web, statuses: tuple[int, ...]) -> None:
    """The work for one exchange is bounded."""
    _interim(web, *statuses)
    with pytest.raises(HttpProtocolError):
        get(web.url(), ["127.0.0.1"])
