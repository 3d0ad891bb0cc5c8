"""Bearer tokens (JWT, RFC 7519): verified by PyJWT with the one algorithm that the configuration names.

HS256 with a shared secret is for development; RS256, ES256 and EdDSA take their keys from a JWKS (RFC 7517).
"""

import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Final

from whendue.adapters.aws import parameter
from whendue.adapters.key_set import KeySet, is_safe
from whendue.errors import AuthenticationError, ConfigurationError, ForbiddenError
from whendue.quotas import SECRETS_AGE_MS, SUBJECT_BYTES, TOKEN_BYTES
from whendue.support.clock import Clock
from whendue.support.text import is_line

ALGORITHMS: Final = ("HS256", "RS256", "ES256", "EdDSA")
READ, WRITE, ADMIN = "jobs:read", "jobs:write", "admin"
OPERATOR, METRICS = "operator", "metrics:read"
# What else a scope allows. `admin` is everything of one's own tenant, `operator` what all tenants share; neither is a
# part of the other.
IMPLIED: Final[Mapping[str, frozenset[str]]] = {ADMIN: frozenset({READ, WRITE}), OPERATOR: frozenset({METRICS})}
# RFC 7518 section 3.2: a key as long as the hash output at least.
SECRET_MIN_BYTES = 32
# During a rotation: the new one, and the one that it takes the place of.
SECRETS_MAX = 2
LEEWAY_S = 10
# RFC 7515 section 2: base64url with all trailing '=' characters omitted.
_COMPACT: Final = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*")
TENANT = re.compile(r"[A-Za-z0-9._-]{1,64}")


@dataclass(frozen=True, slots=True)
class AuthSettings:
    """How tokens are verified.

    Args:
        algorithm: the only one accepted.
        issuer: the `iss` that tokens must have.
        audience: the `aud` that tokens must have.
        secret: for HS256; several, one a line, while one takes the place of another: tokens of all are good.
        jwks_url: for the others.
    """

    algorithm: str
    issuer: str
    audience: str
    secret: str = ""
    jwks_url: str = ""

    @property
    def secrets(self) -> list[str]:
        """The secrets of HS256: the one that there is, or those of a rotation."""
        lines = [line for line in self.secret.splitlines() if line.strip()]
        return lines if len(lines) > 1 else [self.secret]

    @classmethod
    def from_env(cls, env: Mapping[str, str], read: Callable[[str], str] = parameter) -> "AuthSettings":
        """Read the `WHENDUE_JWT_*` variables.

        Args:
            env: the environment.
            read: returns the SSM parameter that WHENDUE_JWT_SECRET_PARAMETER names, if it names one.

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
            if len(self.secrets) > SECRETS_MAX:
                raise ConfigurationError(f"WHENDUE_JWT_SECRET must hold {SECRETS_MAX} secrets at most, one a line")
            if any(len(secret.encode()) < SECRET_MIN_BYTES for secret in self.secrets):
                raise ConfigurationError(f"WHENDUE_JWT_SECRET must have {SECRET_MIN_BYTES} bytes at least")
            return
        if not is_safe(self.jwks_url):
            raise ConfigurationError("WHENDUE_JWT_JWKS_URL must be an https URL")


@dataclass(frozen=True, slots=True)
class Identity:
    """Who asks: the tenant that everything is done for, the subject, and what the token allows."""

    tenant: str
    subject: str
    scopes: frozenset[str]

    def may(self, scope: str) -> bool:
        """Return whether the token has a scope, or one that implies it."""
        return any(scope == own or scope in IMPLIED.get(own, ()) for own in self.scopes)

    def need(self, scope: str) -> None:
        """Insist on a scope.

        Raises:
            ForbiddenError: the token does not have it.
        """
        if not self.may(scope):
            raise ForbiddenError(f"the token does not have the scope {scope}", scope=scope)


class Verifier:
    """Verifies tokens. PyJWT reads the wall clock itself for `exp`, `nbf` and `iat`; its checks are kept whole."""

    def __init__(self, settings: AuthSettings, clock: Clock, again: Callable[[], AuthSettings] | None = None) -> None:
        """Use these settings; a JWKS is fetched when the first token comes.

        Args:
            settings: how tokens are verified.
            clock: the clock.
            again: reads the settings once more, where their secret may be rotated while this process runs.
        """
        self._settings = settings
        self._clock = clock
        self._again = again
        self._read_ms = clock.now_ms()
        self._keys = KeySet(settings.jwks_url, settings.algorithm, clock) if settings.algorithm != "HS256" else None

    def prepare(self) -> None:
        """Import what verifies a token: PyJWT and, through it, cryptography."""
        import jwt  # noqa: F401 - the first token finds it

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
        token = token.strip()
        if not _COMPACT.fullmatch(token):
            # PyJWT forgives padding: a second spelling of the same token.
            raise AuthenticationError(
                "the token is not valid: it must be three parts in base64url without padding, separated by dots"
            )
        keys = self._secrets() if self._keys is None else [self._keys.key(_key_id(token))]
        claims = self._claims(token, keys)
        _check_dates(claims)
        return _identity(claims)

    def _secrets(self) -> list[str]:
        """Return the secrets that are good, as read a minute ago at most; those known before while none can be read."""
        now_ms = self._clock.now_ms()
        if self._again and now_ms - self._read_ms >= SECRETS_AGE_MS:
            self._read_ms = now_ms
            with suppress(ConfigurationError):
                self._settings = self._again()
        return self._settings.secrets

    def _claims(self, token: str, keys: Sequence[Any]) -> dict[str, Any]:
        """Read a token's claims with the first of the keys that signed it."""
        import jwt

        problem = ""
        for number, key in enumerate(keys, start=1):
            try:
                claims: dict[str, Any] = jwt.decode(
                    token,
                    key,
                    algorithms=[self._settings.algorithm],
                    issuer=self._settings.issuer,
                    audience=self._settings.audience,
                    leeway=LEEWAY_S,
                    options={"require": ["exp", "iss", "aud"]},
                )
            except Exception as error:  # noqa: BLE001 - whatever a stranger's token raises, it is this token that is not valid
                problem = type(error).__name__
                if number < len(keys) and isinstance(error, jwt.InvalidSignatureError):
                    continue
                break
            else:
                return claims
        raise AuthenticationError(f"the token is not valid: {problem}")


def _key_id(token: str) -> str:
    import jwt

    try:
        kid = jwt.get_unverified_header(token).get("kid")
    except Exception as error:  # noqa: BLE001 - as above
        raise AuthenticationError(f"the token is not valid: {type(error).__name__}") from None
    if not isinstance(kid, str) or not kid:
        raise AuthenticationError("the token has no kid")
    return kid


def _check_dates(claims: Mapping[str, Any]) -> None:
    """Insist on numbers (RFC 7519 section 2, NumericDate): PyJWT takes a text of digits, too."""
    for name in ("exp", "nbf", "iat"):
        value = claims.get(name, 0)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise AuthenticationError(f"the token's {name} is not a number")


def _identity(claims: Mapping[str, Any]) -> Identity:
    tenant = claims.get("tenant")
    if not isinstance(tenant, str) or not TENANT.fullmatch(tenant):
        raise AuthenticationError("the token's tenant is missing or not valid")
    scopes = claims.get("scope", claims.get("scopes", claims.get("scp", "")))
    words = scopes.split() if isinstance(scopes, str) else scopes
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        raise AuthenticationError("the token's scope must be words separated by spaces")
    subject = claims.get("sub", "")
    if not isinstance(subject, str) or len(subject.encode(errors="replace")) > SUBJECT_BYTES or not is_line(subject):
        # It is stored and shown as who did something: cut or cleaned it could be another user's.
        raise AuthenticationError(f"the token's sub must be one line of at most {SUBJECT_BYTES} bytes")
    return Identity(tenant, subject, frozenset(words))
