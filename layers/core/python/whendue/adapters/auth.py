"""Bearer tokens (JWT, RFC 7519): verified by PyJWT with the one algorithm that the configuration names.

HS256 with a shared secret is for development; RS256, ES256 and EdDSA take their keys from a JWKS (RFC 7517).
"""

import re
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from math import inf
from typing import Any, Final
from urllib.parse import urlsplit

import jwt
from jwt import PyJWK, PyJWKClient, PyJWKSet
from jwt.exceptions import PyJWKClientError, PyJWTError

from whendue.adapters.aws import parameter
from whendue.effects import Effects
from whendue.errors import AuthenticationError, ConfigurationError, ForbiddenError, UnavailableError
from whendue.limits import SUBJECT_BYTES, TOKEN_BYTES
from whendue.text import is_line

ALGORITHMS: Final = ("HS256", "RS256", "ES256", "EdDSA")
READ, WRITE, ADMIN = "jobs:read", "jobs:write", "admin"
OPERATOR, METRICS = "operator", "metrics:read"
# What else a scope allows. `admin` is everything of one's own tenant, `operator` what is everybody's; neither is a
# part of the other.
IMPLIED: Final[Mapping[str, frozenset[str]]] = {ADMIN: frozenset({READ, WRITE}), OPERATOR: frozenset({METRICS})}
# RFC 7518 section 3.2: a key as long as the hash output at least.
SECRET_MIN_BYTES = 32
LEEWAY_S = 10
KEYS_FRESH_S = 300
# However many unknown key ids come along, the JWKS is asked this often at most.
REFRESH_MIN_S = 30
# The same while there are no keys yet, as when the issuer is down.
RETRY_S = 2
FETCH_TIMEOUT_S = 5
TENANT = re.compile(r"[A-Za-z0-9._-]{1,64}")
LOOPBACK = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True, slots=True)
class AuthSettings:
    """How tokens are verified.

    Args:
        algorithm: the only one accepted.
        issuer: the `iss` that tokens must have.
        audience: the `aud` that tokens must have.
        secret: for HS256.
        jwks_url: for the others.
    """

    algorithm: str
    issuer: str
    audience: str
    secret: str = ""
    jwks_url: str = ""

    @classmethod
    def from_env(cls, env: Mapping[str, str], read: Callable[[str], str] = parameter) -> "AuthSettings":
        """Read the `WHENDUE_JWT_*` variables.

        Args:
            env: the environment.
            read: gives the SSM parameter that WHENDUE_JWT_SECRET_PARAMETER names, if it names one.

        Raises:
            ConfigurationError: one is missing or unsafe; the message names it, never its value.
        """
        names = ("ALGORITHM", "ISSUER", "AUDIENCE", "SECRET", "JWKS_URL")
        settings = cls(*(env.get(f"WHENDUE_JWT_{name}", "") for name in names))
        if named := env.get("WHENDUE_JWT_SECRET_PARAMETER"):
            settings = replace(settings, secret=read(named))
        settings.check()
        return settings

    def check(self) -> None:
        """Refuse what would not be safe.

        Raises:
            ConfigurationError: something is missing or unsafe.
        """
        if self.algorithm not in ALGORITHMS:
            raise ConfigurationError(f"WHENDUE_JWT_ALGORITHM must be one of {', '.join(ALGORITHMS)}")
        if not self.issuer or not self.audience:
            raise ConfigurationError("WHENDUE_JWT_ISSUER and WHENDUE_JWT_AUDIENCE must be set")
        if self.algorithm == "HS256":
            if len(self.secret.encode()) < SECRET_MIN_BYTES:
                raise ConfigurationError(f"WHENDUE_JWT_SECRET must have {SECRET_MIN_BYTES} bytes at least")
            return
        url = urlsplit(self.jwks_url)
        if url.scheme != "https" and not (url.scheme == "http" and url.hostname in LOOPBACK):
            raise ConfigurationError("WHENDUE_JWT_JWKS_URL must be an https URL")


@dataclass(frozen=True, slots=True)
class Identity:
    """Who asks: the tenant that everything is done for, the subject, and what the token allows."""

    tenant: str
    subject: str
    scopes: frozenset[str]

    def may(self, scope: str) -> bool:
        """Say whether the token has a scope, or one that implies it."""
        return any(scope == own or scope in IMPLIED.get(own, ()) for own in self.scopes)

    def need(self, scope: str) -> None:
        """Insist on a scope.

        Raises:
            ForbiddenError: the token does not have it.
        """
        if not self.may(scope):
            raise ForbiddenError(f"the token lacks the scope {scope}", scope=scope)


class Verifier:
    """Verifies tokens. PyJWT reads the wall clock itself for `exp`, `nbf` and `iat`; its checks are kept whole."""

    def __init__(self, settings: AuthSettings, effects: Effects) -> None:
        """Use these settings; a JWKS is fetched when the first token comes."""
        self._settings = settings
        self._keys = _Keys(settings, effects) if settings.algorithm != "HS256" else None

    def verify(self, authorization: str | None) -> Identity:
        """Turn an Authorization header into an identity.

        Raises:
            AuthenticationError: there is no valid token; the message says why without repeating it.
            UnavailableError: the JWKS cannot be fetched.
        """
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise AuthenticationError("send a token: Authorization: Bearer ...")
        if len(token) > TOKEN_BYTES:
            raise AuthenticationError("the token is too long")
        try:
            claims: dict[str, Any] = jwt.decode(
                token.strip(),
                self._key(token.strip()),
                algorithms=[self._settings.algorithm],
                issuer=self._settings.issuer,
                audience=self._settings.audience,
                leeway=LEEWAY_S,
                options={"require": ["exp", "iss", "aud"]},
            )
        except (PyJWTError, ValueError) as error:
            raise AuthenticationError(f"the token is not valid: {type(error).__name__}") from None
        return _identity(claims)

    def _key(self, token: str) -> Any:
        if self._keys is None:
            return self._settings.secret
        kid = jwt.get_unverified_header(token).get("kid")
        if not isinstance(kid, str) or not kid:
            raise AuthenticationError("the token names no key (kid)")
        return self._keys.key(kid)


class _Keys:
    """The JWKS: cached, refreshed when old or when an unknown key id shows a rotation, but never more than so often."""

    def __init__(self, settings: AuthSettings, effects: Effects) -> None:
        self._algorithm = settings.algorithm
        self._client = PyJWKClient(settings.jwks_url, cache_jwk_set=False, timeout=FETCH_TIMEOUT_S)
        self._effects = effects
        self._set: PyJWKSet | None = None
        self._asked_ms: int | None = None
        self._lock = threading.Lock()

    def key(self, kid: str) -> PyJWK:
        with self._lock:
            found = self._find(kid) if self._age_s() < KEYS_FRESH_S else None
            if found is None and self._age_s() >= (REFRESH_MIN_S if self._set else RETRY_S):
                self._refresh()
                found = self._find(kid)
        if self._set is None:
            raise UnavailableError("the keys that verify tokens cannot be fetched")
        if found is None:
            raise AuthenticationError("the token's key (kid) is unknown")
        return found

    def _age_s(self) -> float:
        return inf if self._asked_ms is None else (self._effects.now_ms() - self._asked_ms) / 1000

    def _find(self, kid: str) -> PyJWK | None:
        """Find a key that signs with our algorithm: one for encryption or of another kind does not count."""
        fits = (
            key
            for key in (self._set.keys if self._set else [])
            if key.key_id == kid and key.public_key_use in (None, "sig") and key.algorithm_name == self._algorithm
        )
        return next(fits, None)

    def _refresh(self) -> None:
        """Fetch the set; while that fails, keys that were good go on being good."""
        self._asked_ms = self._effects.now_ms()
        with suppress(PyJWKClientError, PyJWTError):
            self._set = self._client.get_jwk_set(refresh=True)


def _identity(claims: Mapping[str, Any]) -> Identity:
    tenant = claims.get("tenant")
    if not isinstance(tenant, str) or not TENANT.fullmatch(tenant):
        raise AuthenticationError("the token names no valid tenant")
    scopes = claims.get("scope", claims.get("scopes", claims.get("scp", "")))
    words = scopes.split() if isinstance(scopes, str) else scopes
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        raise AuthenticationError("the token's scopes are not words")
    subject = claims.get("sub", "")
    if not isinstance(subject, str) or len(subject.encode(errors="replace")) > SUBJECT_BYTES or not is_line(subject):
        # It is stored and shown as who did something: cut or cleaned it could be somebody else's.
        raise AuthenticationError(f"the token's subject (sub) is no line of up to {SUBJECT_BYTES} bytes")
    return Identity(tenant, subject, frozenset(words))
