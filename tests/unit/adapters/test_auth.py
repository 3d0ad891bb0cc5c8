"""Tokens: one algorithm, keys by JWKS over real HTTP with cache and rotation, every claim checked, nothing repeated."""

import base64
import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from localstack import token
from tests.builders.issuer import AUDIENCE, ISSUER, PRIVATE, RSA_KEYS, SECRET, a_token, claims, jwk
from whendue.adapters.auth import LEEWAY_S, AuthSettings, Verifier
from whendue.adapters.key_set import KEYS_FRESH_S, REFRESH_MIN_S, RETRY_S
from whendue.errors import AuthenticationError, ConfigurationError, ForbiddenError, UnavailableError
from whendue.quotas import TOKEN_BYTES
from whendue.support.clock import ManualClock

HS256 = AuthSettings("HS256", ISSUER, AUDIENCE, SECRET)


@dataclass
class Jwks:
    """A JWKS endpoint on loopback that counts its requests."""

    keys: list[dict[str, Any]] = field(default_factory=list)
    status: int = 200
    asked: int = 0
    url: str = ""


@pytest.fixture
def jwks() -> Iterator[Jwks]:
    state = Jwks()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            state.asked += 1
            body = json.dumps({"keys": state.keys}).encode()
            self.send_response(state.status)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        state.url = f"http://127.0.0.1:{server.server_port}/jwks.json"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield state
        server.shutdown()
        thread.join()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def verifier_of(jwks: Jwks, clock: ManualClock) -> Callable[[str], Verifier]:
    return lambda algorithm: Verifier(AuthSettings(algorithm, ISSUER, AUDIENCE, "", jwks.url), clock.as_clock())


def verify(token: str, settings: AuthSettings = HS256) -> Any:
    return Verifier(settings, ManualClock().as_clock()).verify(f"Bearer {token}")


def refused(token: str, verifier: Verifier | None = None) -> str:
    with pytest.raises(AuthenticationError) as caught:
        (verifier or Verifier(HS256, ManualClock().as_clock())).verify(f"Bearer {token}")
    assert len(token) < 8 or token not in str(caught.value)
    return str(caught.value)


def test_a_good_token_says_who_asks() -> None:
    """Tenant, subject and scopes come from the token alone."""
    who = verify(a_token(scope="jobs:read jobs:write"))
    assert (who.tenant, who.subject, who.scopes) == ("acme", "ada", {"jobs:read", "jobs:write"})


@pytest.mark.parametrize("algorithm", PRIVATE)
def test_every_algorithm_takes_its_keys_from_the_jwks(
    jwks: Jwks, verifier_of: Callable[[str], Verifier], algorithm: str
) -> None:
    """The key is found by its id, among others."""
    jwks.keys = [jwk(f"key-{name}", name) for name in PRIVATE]
    token = a_token(PRIVATE[algorithm], algorithm, f"key-{algorithm}")
    assert verifier_of(algorithm).verify(f"bearer {token}").tenant == "acme"


BAD_CLAIMS: dict[str, dict[str, Any]] = {
    "no exp": {"exp": None},
    "expired": {"exp": int(time.time()) - LEEWAY_S - 1},
    "not yet valid": {"nbf": int(time.time()) + 3600},
    "issued in the future": {"iat": int(time.time()) + 3600},
    "exp in words": {"exp": "tomorrow"},
    "no iss": {"iss": None},
    "another issuer": {"iss": "https://other.example"},
    "no aud": {"aud": None},
    "another audience": {"aud": "other"},
    "no tenant": {"tenant": None},
    "an empty tenant": {"tenant": ""},
    "a tenant that is a list": {"tenant": ["acme"]},
    "a tenant that could be a key": {"tenant": "acme#other"},
    "a tenant with a line break": {"tenant": "acme\n"},
    "a long tenant": {"tenant": "a" * 65},
    "scopes that are a number": {"scope": 1},
    "scopes that are objects": {"scope": [{"jobs": "read"}]},
}


@pytest.mark.parametrize("name", BAD_CLAIMS)
def test_a_token_with_bad_claims_is_refused(name: str) -> None:
    """Each claim is checked, not only the signature."""
    refused(a_token(**BAD_CLAIMS[name]))


def test_scopes_may_stand_where_issuers_put_them() -> None:
    """`scope` is RFC 8693's string; others send `scopes` or `scp`, some as a list."""
    for form in ({"scope": "a b"}, {"scope": None, "scopes": ["a", "b"]}, {"scope": None, "scp": "a b"}):
        assert verify(a_token(**form)).scopes == {"a", "b"}
    assert verify(a_token(scope=None)).scopes == set()


def test_clocks_may_differ_a_little() -> None:
    """A token expires for the verifier when the leeway is over."""
    assert verify(a_token(exp=int(time.time()) - LEEWAY_S + 5)).tenant == "acme"


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer ", "Basic YTpi", "token", "Bearer a b c"])
def test_a_header_without_a_token_is_refused(header: str | None) -> None:
    """The answer says what to send."""
    with pytest.raises(AuthenticationError):
        Verifier(HS256, ManualClock().as_clock()).verify(header)


@pytest.mark.parametrize("token", ["a", "a.b", "a.b.c", "....", "é.é.é", "x" * (TOKEN_BYTES + 1), "e30.e30.e30", "\0"])
def test_garbage_is_refused(token: str) -> None:
    """Whatever it is, it is a 401 and never a crash."""
    refused(token)


def unsigned(header: dict[str, Any]) -> str:
    parts = (json.dumps(part).encode() for part in (header, claims()))
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts) + "."


def test_an_unsigned_token_is_refused(jwks: Jwks, verifier_of: Callable[[str], Verifier]) -> None:
    """RFC 8725 section 3.1: `none` is the oldest trick."""
    jwks.keys = [jwk("1", "RS256")]
    for name in ("none", "None", "nOnE"):
        refused(unsigned({"alg": name, "typ": "JWT"}))
        refused(unsigned({"alg": name, "kid": "1"}), verifier_of("RS256"))


def test_a_public_key_is_no_shared_secret(jwks: Jwks, verifier_of: Callable[[str], Verifier]) -> None:
    """RFC 8725 section 2.1: an HS256 token signed with the RSA public key must not pass."""
    jwks.keys = [jwk("1", "RS256")]
    public = PRIVATE["RS256"].public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    header, body = unsigned({"alg": "HS256", "kid": "1"}).split(".")[:2]
    import hashlib
    import hmac

    seal = hmac.digest(public, f"{header}.{body}".encode(), hashlib.sha256)
    forged = f"{header}.{body}.{base64.urlsafe_b64encode(seal).rstrip(b'=').decode()}"
    refused(forged, verifier_of("RS256"))


@pytest.mark.parametrize("algorithm", ["HS384", "HS512"])
def test_another_algorithm_with_the_right_secret_is_refused(algorithm: str) -> None:
    """The configuration names the algorithm, not the token."""
    refused(a_token("s" * 64, algorithm))
    refused(a_token(SECRET * 2, algorithm))


def test_another_key_under_the_right_id_is_refused(jwks: Jwks, verifier_of: Callable[[str], Verifier]) -> None:
    """The signature counts."""
    jwks.keys = [jwk("1", "RS256")]
    refused(a_token(RSA_KEYS[1], "RS256", "1"), verifier_of("RS256"))
    refused(a_token("x" * 32))


@pytest.mark.parametrize("kid", [None, "", 7, "unknown", "../../etc/passwd"])
def test_a_token_must_name_a_known_key(jwks: Jwks, verifier_of: Callable[[str], Verifier], kid: Any) -> None:
    """No key is guessed."""
    jwks.keys = [jwk("1", "RS256")]
    header = {"alg": "RS256"} | ({} if kid is None else {"kid": kid})
    refused(unsigned(header) + "c2ln", verifier_of("RS256"))


@pytest.mark.parametrize("more", [{"use": "enc"}, {"alg": "RS512"}])
def test_a_key_for_something_else_does_not_count(
    jwks: Jwks, verifier_of: Callable[[str], Verifier], more: dict[str, str]
) -> None:
    """RFC 7517 sections 4.2 and 4.4."""
    jwks.keys = [jwk("1", "RS256", **more)]
    refused(a_token(RSA_KEYS[0], "RS256", "1"), verifier_of("RS256"))


def test_keys_are_fetched_once_and_again_when_old(
    jwks: Jwks, verifier_of: Callable[[str], Verifier], clock: ManualClock
) -> None:
    """A request must not wait for another server each time."""
    jwks.keys = [jwk("1", "RS256")]
    verifier, token = verifier_of("RS256"), a_token(RSA_KEYS[0], "RS256", "1")
    for _ in range(5):
        verifier.verify(f"Bearer {token}")
    assert jwks.asked == 1
    clock.advance(KEYS_FRESH_S)
    verifier.verify(f"Bearer {token}")
    assert jwks.asked == 2


def test_a_new_key_is_found_and_a_withdrawn_one_forgotten(
    jwks: Jwks, verifier_of: Callable[[str], Verifier], clock: ManualClock
) -> None:
    """Rotation needs no restart."""
    jwks.keys = [jwk("1", "RS256")]
    verifier = verifier_of("RS256")
    old, new = a_token(RSA_KEYS[0], "RS256", "1"), a_token(RSA_KEYS[1], "RS256", "2")
    verifier.verify(f"Bearer {old}")
    jwks.keys = [jwk("2", "RS256", RSA_KEYS[1])]
    clock.advance(REFRESH_MIN_S)
    assert verifier.verify(f"Bearer {new}").tenant == "acme"
    refused(old, verifier)


def test_unknown_key_ids_do_not_hammer_the_jwks(jwks: Jwks, verifier_of: Callable[[str], Verifier]) -> None:
    """Anybody can invent key ids; they must not make us a weapon."""
    jwks.keys = [jwk("1", "RS256")]
    verifier = verifier_of("RS256")
    for number in range(50):
        refused(a_token(RSA_KEYS[0], "RS256", f"invented-{number}"), verifier)
    assert jwks.asked == 1


def test_a_jwks_that_fails_is_503_first_and_no_matter_later(
    jwks: Jwks, verifier_of: Callable[[str], Verifier], clock: ManualClock
) -> None:
    """Without any keys nobody can be let in; with keys that were good, the issuer's outage is not ours."""
    jwks.status = 500
    verifier, token = verifier_of("RS256"), a_token(RSA_KEYS[0], "RS256", "1")
    for _ in range(5):
        with pytest.raises(UnavailableError):
            verifier.verify(f"Bearer {token}")
    assert jwks.asked == 1, "nor is an issuer that is down hammered"
    jwks.status, jwks.keys = 200, [jwk("1", "RS256")]
    clock.advance(RETRY_S)
    assert verifier.verify(f"Bearer {token}").tenant == "acme"
    jwks.status = 500
    clock.advance(KEYS_FRESH_S)
    assert verifier.verify(f"Bearer {token}").tenant == "acme"


EVERY_SCOPE = ("jobs:read", "jobs:write", "metrics:read", "admin", "operator")


def test_a_missing_scope_is_named() -> None:
    """`admin` has what is the tenant's, `operator` what is everybody's, and neither the other's."""
    verify(a_token(scope="jobs:read")).need("jobs:read")
    allowed = {scope: {item for item in EVERY_SCOPE if verify(a_token(scope=scope)).may(item)} for scope in EVERY_SCOPE}
    assert allowed == {
        "jobs:read": {"jobs:read"},
        "jobs:write": {"jobs:write"},
        "metrics:read": {"metrics:read"},
        "admin": {"admin", "jobs:read", "jobs:write"},
        "operator": {"operator", "metrics:read"},
    }
    with pytest.raises(ForbiddenError) as caught:
        verify(a_token(scope="jobs:readwrite")).need("jobs:read")
    assert caught.value.details == {"scope": "jobs:read"}


GOOD_ENV = {
    "WHENDUE_JWT_ALGORITHM": "ES256",
    "WHENDUE_JWT_ISSUER": ISSUER,
    "WHENDUE_JWT_AUDIENCE": AUDIENCE,
    "WHENDUE_JWT_JWKS_URL": "https://issuer.example/jwks.json",
}


@pytest.mark.parametrize(
    "changes",
    [
        {"WHENDUE_JWT_ALGORITHM": ""},
        {"WHENDUE_JWT_ALGORITHM": "none"},
        {"WHENDUE_JWT_ALGORITHM": "HS512"},
        {"WHENDUE_JWT_ISSUER": ""},
        {"WHENDUE_JWT_AUDIENCE": ""},
        {"WHENDUE_JWT_JWKS_URL": ""},
        {"WHENDUE_JWT_JWKS_URL": "http://issuer.example/jwks.json"},
        {"WHENDUE_JWT_JWKS_URL": "file:///etc/passwd"},
        {"WHENDUE_JWT_ALGORITHM": "HS256", "WHENDUE_JWT_SECRET": "hunter2"},
    ],
    ids=str,
)
def test_unsafe_settings_are_refused_by_name(changes: dict[str, str]) -> None:
    """A function with them does not start; the message never holds a secret."""
    assert AuthSettings.from_env(GOOD_ENV).algorithm == "ES256"
    with pytest.raises(ConfigurationError, match="WHENDUE_JWT_") as caught:
        AuthSettings.from_env(GOOD_ENV | changes)
    assert "hunter2" not in str(caught.value)


def test_a_secret_comes_from_the_parameter_that_is_named() -> None:
    """A secret in the environment is readable by everybody who may look at the function."""
    env = {name: value for name, value in GOOD_ENV.items() if name != "WHENDUE_JWT_JWKS_URL"}
    env |= {"WHENDUE_JWT_ALGORITHM": "HS256", "WHENDUE_JWT_SECRET_PARAMETER": "/whendue/jwt-secret"}
    kept = {"/whendue/jwt-secret": SECRET}
    assert AuthSettings.from_env(env, kept.__getitem__).secret == SECRET
    with pytest.raises(ConfigurationError, match="32 bytes"):
        AuthSettings.from_env(env, {"/whendue/jwt-secret": "short"}.__getitem__)


NEW = "n" * 40


def test_two_secrets_are_good_at_once_while_one_takes_the_place_of_the_other() -> None:
    """A rotation of one secret alone refuses either the old tokens or the new ones."""
    system = ManualClock().as_clock()
    both = Verifier(AuthSettings.from_env(env(f"{NEW}\n{SECRET}\n")), system)
    for secret in (SECRET, NEW):
        assert both.verify(f"Bearer {a_token(secret)}").tenant == "acme"
    with pytest.raises(AuthenticationError, match="InvalidSignatureError"):
        both.verify(f"Bearer {a_token('o' * 32)}")
    with pytest.raises(AuthenticationError, match="ExpiredSignatureError"):
        both.verify(f"Bearer {a_token(NEW, exp=1)}")
    after = Verifier(AuthSettings.from_env(env(NEW)), system)
    with pytest.raises(AuthenticationError):
        after.verify(f"Bearer {a_token(SECRET)}")


def test_a_secret_is_rotated_while_the_process_runs() -> None:
    """New tokens are good within a minute, those of a secret that was taken away are not; a failure changes nothing."""
    clock, kept, reads = ManualClock(), {"/p": SECRET}, []
    named = env("") | {"WHENDUE_JWT_SECRET_PARAMETER": "/p"}

    def read(name: str) -> str:
        reads.append(name)
        if name not in kept:
            raise ConfigurationError("the parameter cannot be read")
        return kept[name]

    def again() -> AuthSettings:
        return AuthSettings.from_env(named, read)

    verifier = Verifier(again(), clock.as_clock(), again)

    def is_good(secret: str) -> bool:
        try:
            return bool(verifier.verify(f"Bearer {a_token(secret)}"))
        except AuthenticationError:
            return False

    kept["/p"] = NEW
    assert (is_good(SECRET), is_good(NEW), len(reads)) == (True, False, 1), "known for a minute"
    clock.advance(60)
    assert (is_good(SECRET), is_good(NEW), len(reads)) == (False, True, 2), "and read once, not for each token"
    for broken in ({}, {"/p": "short"}):
        kept.clear()
        kept.update(broken)
        clock.advance(60)
        assert is_good(NEW)
    kept["/p"] = SECRET
    clock.advance(60)
    assert (is_good(SECRET), is_good(NEW)) == (True, False)


def test_the_dev_loop_signs_with_the_new_secret_of_a_rotation() -> None:
    """`make token` signed with both as one, which nobody verifies."""
    made = token.make(signing_secret=f"{NEW}\n{SECRET}\n")
    settings = AuthSettings.from_env(token.environment(NEW))
    assert Verifier(settings, ManualClock().as_clock()).verify(f"Bearer {made}").tenant == "demo"


@pytest.mark.parametrize("secrets", [f"{SECRET}\nshort", f"{SECRET}\n{NEW}\n{'o' * 32}", "short"])
def test_each_secret_of_a_rotation_is_long_enough_and_there_are_two_at_most(secrets: str) -> None:
    """A short one beside a long one is as weak as alone."""
    with pytest.raises(ConfigurationError):
        AuthSettings.from_env(env(secrets))


def env(secret: str) -> dict[str, str]:
    names = {"ALGORITHM": "HS256", "ISSUER": ISSUER, "AUDIENCE": AUDIENCE, "SECRET": secret}
    return {f"WHENDUE_JWT_{name}": value for name, value in names.items()}


@pytest.mark.parametrize("more", ["=", "==", ".", "=.", " ="])
def test_a_token_has_one_spelling(more: str) -> None:
    """RFC 7515 section 2: base64url without padding; PyJWT forgives it."""
    with pytest.raises(AuthenticationError):
        Verifier(HS256, ManualClock().as_clock()).verify(f"Bearer {a_token()}{more}")
