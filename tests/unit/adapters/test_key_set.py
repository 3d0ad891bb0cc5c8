"""An issuer that behaves badly, over real HTTP: known keys stay good, nobody waits for long, nothing becomes a 500."""

import json
import socket
import socketserver
import threading
from collections.abc import Callable, Iterator
from typing import Any

import jwt
import pytest

from tests.builders.issuer import AUDIENCE, ISSUER, PRIVATE, RSA_KEYS, a_token, claims, jwk
from whendue.adapters.auth import AuthSettings, Verifier
from whendue.adapters.key_set import (
    FETCH_S,
    KEYS_FRESH_S,
    KEYS_KEPT_S,
    REFRESH_MIN_S,
    RETRY_S,
    SAME_ID,
    KeySet,
    usable,
)
from whendue.errors import AuthenticationError, UnavailableError, WhendueError
from whendue.quotas import KEY_SET_BYTES
from whendue.support.clock import Clock, ManualClock

Behaviour = Callable[[socket.socket], None]
TOKEN = a_token(RSA_KEYS[0], "RS256", "1")


def http(body: bytes, status: str = "200 OK", headers: str = "") -> bytes:
    return f"HTTP/1.1 {status}\r\n{headers}Content-Length: {len(body)}\r\n\r\n".encode() + body


def key_set(*keys: Any) -> bytes:
    return json.dumps({"keys": list(keys)}).encode()


class Issuer:
    """A server that does with each connection what it is told to; counts them."""

    def __init__(self) -> None:
        self.answer: bytes | Behaviour = http(key_set(jwk("1", "RS256")))
        self.asked = 0
        self.url = ""

    def serve(self, connection: socket.socket) -> None:
        self.asked += 1
        connection.recv(65536)
        if callable(self.answer):
            self.answer(connection)
        else:
            connection.sendall(self.answer)


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    issuer = Issuer()

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            issuer.serve(self.request)

    class Server(socketserver.ThreadingTCPServer):
        allow_reuse_address = True
        daemon_threads = True

        def handle_error(self, request: Any, client_address: Any) -> None:
            """A client that hangs up is what some of these tests want."""

    with Server(("127.0.0.1", 0), Handler) as server:
        issuer.url = f"http://127.0.0.1:{server.server_address[1]}/jwks.json"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield issuer
        server.shutdown()
        thread.join()


def verifier_of(issuer: Issuer, system: Clock) -> Verifier:
    return Verifier(AuthSettings("RS256", ISSUER, AUDIENCE, "", issuer.url), system)


def reset(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    connection.close()


DEEP = b'{"keys":' + b"[" * 200_000
FAULTS: dict[str, bytes | Behaviour] = {
    "an HTML answer": http(b"<html>Sign in</html>", headers="Content-Type: text/html\r\n"),
    "a reset": reset,
    "a close without an answer": lambda connection: connection.close(),
    "deep JSON": http(DEEP),
    "no HTTP": b"\0\1\2 not HTTP\r\n\r\n",
    "half an answer": http(key_set(jwk("1", "RS256")))[:-20],
    "a huge length": b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n{}",
    "a broken chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n",
    "too much": http(key_set(jwk("1", "RS256"), {"kid": "2", "x5c": ["x" * KEY_SET_BYTES]})),
    "many headers": b"HTTP/1.1 200 OK\r\n" + b"X-A: b\r\n" * 5000 + b"\r\n{}",
    "a redirect": http(b"", "302 Found", "Location: http://127.0.0.1:9/\r\n"),
    "a redirect to a file": http(b"", "301 Moved", "Location: file:///etc/passwd\r\n"),
    "500": http(b"", "500 Internal Server Error"),
    "404": http(key_set(jwk("1", "RS256")), "404 Not Found"),
    "not UTF-8": http(b'{"keys":["\xff"]}'),
    "an empty answer": http(b""),
    "a number": http(b"1"),
    "a list": http(b"[]"),
    "no keys": http(b"{}"),
    "an empty set": http(key_set()),
    "keys that are none": http(key_set(1, None, "kty", [], {})),
    "keys by name": http(b'{"keys":{"kty":"RSA"}}'),
    "a huge number": http(b'{"keys":' + b"1" * 5000 + b"}"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_an_issuer_that_fails_is_503_and_its_earlier_keys_stay_good(issuer: Issuer, name: str) -> None:
    """It is not the caller's token that is wrong: 401 would make clients throw good tokens away."""
    clock = ManualClock()
    good, issuer.answer = issuer.answer, FAULTS[name]
    verifier = verifier_of(issuer, clock.as_clock())
    for _ in range(5):
        with pytest.raises(UnavailableError):
            verifier.verify(f"Bearer {TOKEN}")
    assert issuer.asked == 1, "nor is it hammered"
    clock.advance(RETRY_S)
    issuer.answer = good
    assert verifier.verify(f"Bearer {TOKEN}").tenant == "acme"
    issuer.answer = FAULTS[name]
    clock.advance(KEYS_FRESH_S)
    for _ in range(5):
        assert verifier.verify(f"Bearer {TOKEN}").tenant == "acme"
    assert issuer.asked == 3
    with pytest.raises(UnavailableError):
        verifier.verify(f"Bearer {a_token(RSA_KEYS[1], 'RS256', 'a new key')}")
    clock.advance(KEYS_KEPT_S)
    with pytest.raises(UnavailableError):
        verifier.verify(f"Bearer {TOKEN}")


DRIPS: dict[str, bytes] = {
    "in the status line": b"H",
    "in the headers": b"HTTP/1.1 200 OK\r\nX-A: b",
    "in the body": b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n{",
    "in a chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1",
}


@pytest.mark.parametrize("where", DRIPS)
def test_a_slow_drip_ends_by_one_deadline_and_holds_nobody_else_up(issuer: Issuer, where: str) -> None:
    """Each byte comes in time; the exchange as a whole never ends by itself."""
    begun, over = threading.Event(), threading.Event()

    def drip(connection: socket.socket) -> None:
        connection.sendall(DRIPS[where])
        begun.set()
        while not over.wait(0.02):
            connection.sendall(b"1")

    clock = ManualClock()
    keys = KeySet(issuer.url, "RS256", clock.as_clock())
    issuer.answer = drip
    errors: list[WhendueError] = []

    def ask() -> None:
        try:
            keys.key("1")
        except WhendueError as error:
            errors.append(error)

    first = threading.Thread(target=ask)
    first.start()
    begun.wait()
    ask()
    assert first.is_alive(), "the second one did not wait for the first one's fetch"
    clock.advance(FETCH_S)
    first.join()
    over.set()
    assert [type(end) for end in errors] == [UnavailableError, UnavailableError]
    assert issuer.asked == 1


def test_those_with_a_known_key_pass_while_one_waits_for_the_issuer(issuer: Issuer) -> None:
    """No lock is held while the set is fetched."""
    clock = ManualClock()
    verifier = verifier_of(issuer, clock.as_clock())
    verifier._keys = KeySet(issuer.url, "RS256", clock.as_clock(), fetch_s=3600)
    verifier.verify(f"Bearer {TOKEN}")
    begun, over = threading.Event(), threading.Event()
    good = issuer.answer
    assert isinstance(good, bytes)

    def slow(connection: socket.socket) -> None:
        begun.set()
        over.wait()
        connection.sendall(good)

    issuer.answer = slow
    clock.advance(KEYS_FRESH_S)
    first = threading.Thread(target=verifier.verify, args=(f"Bearer {TOKEN}",))
    first.start()
    begun.wait()
    assert verifier.verify(f"Bearer {TOKEN}").tenant == "acme"
    with pytest.raises(UnavailableError):
        verifier.verify(f"Bearer {a_token(RSA_KEYS[1], 'RS256', 'unknown')}")
    assert first.is_alive()
    over.set()
    first.join()
    assert issuer.asked == 2


def test_random_key_ids_cost_the_issuer_nothing_and_are_401(issuer: Issuer) -> None:
    """Once in 30 s at most, however many there are."""
    clock = ManualClock()
    verifier = verifier_of(issuer, clock.as_clock())
    for number in range(200):
        with pytest.raises(AuthenticationError):
            verifier.verify(f"Bearer {a_token(RSA_KEYS[0], 'RS256', f'invented-{number}')}")
        clock.advance(1)
    assert issuer.asked <= 1 + 200 / REFRESH_MIN_S


GOOD = jwk("1", "RS256")
ODD_KEYS: dict[str, dict[str, Any]] = {
    "a kty that is a list": {"kty": ["RSA"]},
    "an unknown kty": {"kty": "LATTICE"},
    "a shared secret": {"kty": "oct", "k": "c2VjcmV0"},
    "an alg that is a list": GOOD | {"alg": ["RS256"]},
    "an alg that is an object": GOOD | {"alg": {"RS256": 1}},
    "a kid that is a number": GOOD | {"kid": 1},
    "a kid that is a list": GOOD | {"kid": ["1"]},
    "for encryption": GOOD | {"use": "enc"},
    "a use that is a list": GOOD | {"use": ["sig"]},
    "for wrapping": GOOD | {"key_ops": ["wrapKey"]},
    "operations that are a number": GOOD | {"key_ops": 1},
    "no modulus": {name: GOOD[name] for name in ("kty", "kid", "e")},
    "a modulus that is a number": GOOD | {"n": 12345},
    "a modulus that is nothing": GOOD | {"n": ""},
    "a modulus that is not base64": GOOD | {"n": "!!!!"},
    "an even modulus": GOOD | {"n": "AAAA"},
    "a huge modulus": GOOD | {"n": "x" * 200_000},
    "a huge exponent": GOOD | {"e": "x" * 100_000},
    "an exponent of nothing": GOOD | {"e": "AA"},
    "another curve": {"kty": "EC", "crv": "P-521", "x": "AA", "y": "AA", "kid": "1"},
    "deep": GOOD | {"n": [[[[[[[["x"]]]]]]]]},
}


@pytest.mark.parametrize("name", ODD_KEYS)
def test_an_odd_key_takes_nobody_with_it(issuer: Issuer, name: str) -> None:
    """Before, behind and under the id of a good one; alone it is not usable, and that is a 401."""
    odd = ODD_KEYS[name]
    for keys in ([odd, GOOD], [GOOD, odd], [odd | {"kid": "other"}, GOOD, odd]):
        issuer.answer = http(key_set(*keys))
        assert verifier_of(issuer, ManualClock().as_clock()).verify(f"Bearer {TOKEN}").tenant == "acme"
    issuer.answer = http(key_set(odd))
    with pytest.raises(AuthenticationError):
        verifier_of(issuer, ManualClock().as_clock()).verify(f"Bearer {TOKEN}")


def test_a_published_private_key_is_used_as_a_public_one(issuer: Issuer) -> None:
    """Some issuers publish too much; the token is good all the same."""
    from jwt.algorithms import RSAAlgorithm

    made: dict[str, Any] = RSAAlgorithm.to_jwk(RSA_KEYS[0], as_dict=True)
    issuer.answer = http(key_set({name: value for name, value in made.items() if name != "key_ops"} | {"kid": "1"}))
    assert verifier_of(issuer, ManualClock().as_clock()).verify(f"Bearer {TOKEN}").tenant == "acme"


def test_a_weak_key_is_no_key(issuer: Issuer) -> None:
    """RFC 7518 section 3.3: 2048 bits at least."""
    from cryptography.hazmat.primitives.asymmetric import rsa

    weak = rsa.generate_private_key(65537, 1024)
    issuer.answer = http(key_set(jwk("1", "RS256", weak)))
    with pytest.warns(jwt.InsecureKeyLengthWarning):
        token = a_token(weak, "RS256", "1")
    with pytest.raises(AuthenticationError):
        verifier_of(issuer, ManualClock().as_clock()).verify(f"Bearer {token}")


def test_ten_thousand_keys_are_read_without_making_them() -> None:
    """A key is made when a token names it; of the many under one id a few are kept."""
    small = {"kty": "EC", "crv": "P-256", "x": "A", "y": "A"}
    many = usable(key_set(*({**small, "kid": str(number)} for number in range(10_000))), "ES256")
    assert len(many) == 10_000
    assert len(usable(key_set(*[{**small, "kid": "1"}] * 10_000), "ES256")["1"]) == SAME_ID


def test_an_issuer_that_takes_all_keys_back_for_others_is_believed(issuer: Issuer) -> None:
    """A whole set of keys for something else is an answer: what was good is not any more."""
    clock = ManualClock()
    verifier = verifier_of(issuer, clock.as_clock())
    verifier.verify(f"Bearer {TOKEN}")
    issuer.answer = http(key_set(jwk("2", "ES256", PRIVATE["ES256"])))
    clock.advance(KEYS_FRESH_S)
    with pytest.raises(AuthenticationError):
        verifier.verify(f"Bearer {TOKEN}")


def raw(header: str, body: str) -> str:
    """Sign a token whose JSON is as written."""
    import hashlib
    import hmac

    from tests.builders.issuer import SECRET

    parts = [jwt.utils.base64url_encode(part.encode()).decode() for part in (header, body)]
    seal = hmac.digest(SECRET.encode(), ".".join(parts).encode(), hashlib.sha256)
    return ".".join([*parts, jwt.utils.base64url_encode(seal).decode()])


HEADER = '{"alg":"HS256","typ":"JWT"}'


def with_claim(name: str, text: str) -> str:
    body = json.dumps({key: value for key, value in claims().items() if key != name})
    return f'{body[:-1]}, "{name}": {text}}}'


ODD_TOKENS: dict[str, str] = {
    "an unknown crit": raw('{"alg":"HS256","crit":["x"],"x":1}', json.dumps(claims())),
    "an empty crit": raw('{"alg":"HS256","crit":[]}', json.dumps(claims())),
    "a crit that is a number": raw('{"alg":"HS256","crit":1}', json.dumps(claims())),
    "b64": raw('{"alg":"HS256","crit":["b64"],"b64":false}', json.dumps(claims())),
    "alg none": raw('{"alg":"none"}', json.dumps(claims())),
    "no alg": raw("{}", json.dumps(claims())),
    "an alg that is a list": raw('{"alg":["HS256"]}', json.dumps(claims())),
    "an alg that is an object": raw('{"alg":{"HS256":1}}', json.dumps(claims())),
    "a header that is a list": raw("[]", json.dumps(claims())),
    "a kid that is an object": raw('{"alg":"HS256","kid":{}}', json.dumps(claims())),
    "a deep header": raw('{"alg":"HS256","x":' + "[" * 2000 + "]" * 2000 + "}", json.dumps(claims())),
    "deep claims": raw(HEADER, with_claim("x", "[" * 2000 + "]" * 2000)),
    "claims that are a list": raw(HEADER, "[]"),
    "no JSON": raw(HEADER, "claims"),
    "exp of 1e400": raw(HEADER, with_claim("exp", "1e400")),
    "exp of NaN": raw(HEADER, with_claim("exp", "NaN")),
    "exp of Infinity": raw(HEADER, with_claim("exp", "Infinity")),
    "exp as a text": raw(HEADER, with_claim("exp", '"99999999999"')),
    "exp of 3000 digits": raw(HEADER, with_claim("exp", "-" + "9" * 3000)),
    "exp of 5000 digits": raw(HEADER, with_claim("exp", "9" * 5000)),
    "a negative exp": raw(HEADER, with_claim("exp", "-1")),
    "exp that is true": raw(HEADER, with_claim("exp", "true")),
    "exp that is a list": raw(HEADER, with_claim("exp", "[1]")),
    "exp that is an object": raw(HEADER, with_claim("exp", "{}")),
    "nbf as a text": raw(HEADER, with_claim("nbf", '"1"')),
    "nbf of NaN": raw(HEADER, with_claim("nbf", "NaN")),
    "iat that is null": raw(HEADER, with_claim("iat", "null")),
    "aud that is an object": raw(HEADER, with_claim("aud", '{"whendue":1}')),
    "aud that is a list of lists": raw(HEADER, with_claim("aud", '[["whendue"]]')),
    "iss that is a list": raw(HEADER, with_claim("iss", f'["{ISSUER}"]')),
    "a sub that is a number": raw(HEADER, with_claim("sub", "7")),
    "a sub that is a list": raw(HEADER, with_claim("sub", '["ada"]')),
    "a sub that is null": raw(HEADER, with_claim("sub", "null")),
    "a long sub": raw(HEADER, with_claim("sub", json.dumps("a" * 256))),
    "a sub with a line break": raw(HEADER, with_claim("sub", '"a\\nb"')),
    "a sub with a NUL": raw(HEADER, with_claim("sub", '"a\\u0000b"')),
    "a sub with half a pair": raw(HEADER, with_claim("sub", '"\\ud800"')),
    "a sub with a line separator": raw(HEADER, with_claim("sub", '"\\u2028"')),
    "a tenant with a NUL": raw(HEADER, with_claim("tenant", '"a\\u0000"')),
    "a tenant that is true": raw(HEADER, with_claim("tenant", "true")),
    "a tenant of other letters": raw(HEADER, with_claim("tenant", '"äcme"')),
    "scopes that are an object": raw(HEADER, with_claim("scope", '{"admin":1}')),
    "scopes that are true": raw(HEADER, with_claim("scope", "true")),
    "scopes in lists": raw(HEADER, with_claim("scope", '[["admin"]]')),
    "dots": "." * 8000,
    "many parts": "a." * 4000,
    "equals signs": "=" * 8000,
    "letters beyond ASCII": "é" * 8000,
    "half a pair": "\ud800.\ud800.\ud800",
}


@pytest.mark.parametrize("name", ODD_TOKENS)
def test_an_odd_token_is_401(issuer: Issuer, name: str) -> None:
    """Never a crash, whatever the algorithm."""
    for settings in (
        AuthSettings("HS256", ISSUER, AUDIENCE, "s" * 32),
        AuthSettings("RS256", ISSUER, AUDIENCE, "", issuer.url),
    ):
        with pytest.raises(AuthenticationError) as caught:
            Verifier(settings, ManualClock().as_clock()).verify(f"Bearer {ODD_TOKENS[name]}")
        assert caught.value.code == "unauthenticated"
        assert len(str(caught.value)) < 120


def test_the_raw_tokens_above_are_good_but_for_what_is_odd() -> None:
    """Otherwise each would be refused for the same reason."""
    settings = AuthSettings("HS256", ISSUER, AUDIENCE, "s" * 32)
    for token in (raw(HEADER, json.dumps(claims())), raw(HEADER, with_claim("sub", '"ada"'))):
        assert Verifier(settings, ManualClock().as_clock()).verify(f"Bearer {token}").subject == "ada"
