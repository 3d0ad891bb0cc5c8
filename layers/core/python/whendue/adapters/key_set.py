"""An issuer's key set (JWKS, RFC 7517): fetched within bounds, and kept for a while when the issuer fails.

Whatever the issuer answers, a request that brings a known key is let in, and no request waits for another one's fetch.
"""

import json
import threading
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from whendue.errors import AuthenticationError, ConfigurationError, UnavailableError
from whendue.outbound import client as outbound
from whendue.outbound.ssrf import Allowed, Target, TargetRefusedError, parse_target
from whendue.quotas import KEY_SET_BYTES, RSA_MAX_BITS
from whendue.support.clock import Clock

if TYPE_CHECKING:
    from jwt import PyJWK

# A set is asked for again after this long ...
KEYS_FRESH_S: Final = 300
# ... and while the issuer fails its keys stay good for this long: a day to mend it. A key that was withdrawn in the
# meantime is good for as long.
KEYS_KEPT_S: Final = 24 * 3600
# However many unknown key ids come along, the issuer is asked this often at most.
REFRESH_MIN_S: Final = 30
# The same while there are no keys yet, as when the issuer is down.
RETRY_S: Final = 2
# For the whole exchange, however slowly bytes drip.
FETCH_S: Final = 3
# Keys under one id that are tried until one is usable.
SAME_ID: Final = 4
_HTTP_OK: Final = 200
_KTY: Final[Mapping[str, str]] = {"RS256": "RSA", "ES256": "EC", "EdDSA": "OKP"}
# Nothing else of a key is read: above all no private part that an issuer publishes by mistake.
_PUBLIC_PARTS: Final = ("kty", "crv", "n", "e", "x", "y")
_RSA_MIN_BITS: Final = 2048
# In base64url, six bits a character.
_N_CHARACTERS: Final = RSA_MAX_BITS // 6 + 4
_OTHER_CHARACTERS: Final = 128

Jwk = Mapping[str, Any]


class KeySetError(Exception):
    """The issuer did not answer with a key set."""


class KeySet:
    """The key set of one issuer.

    Args:
        url: of the set; https, or http on loopback.
        algorithm: `RS256`, `ES256` or `EdDSA`: keys for others do not count.
        clock: the clock.
        fetch_s: seconds that one fetch may take.
    """

    def __init__(self, url: str, algorithm: str, clock: Clock, fetch_s: float = FETCH_S) -> None:
        """Know where the set is; it is fetched when the first token comes.

        Raises:
            ConfigurationError: the URL is not one.
        """
        self._target = _target(url)
        # The operator chose the issuer: it may well be private.
        self._allowed = Allowed(frozenset({(self._target.host, self._target.port)}))
        self._algorithm = algorithm
        self._clock = clock
        self._fetch_s = fetch_s
        self._keys: dict[str, list[Jwk]] = {}
        self._made: dict[str, PyJWK | None] = {}
        self._got_ms: int | None = None
        self._asked_ms: int | None = None
        self._failed = False
        self._fetching = threading.Lock()

    def key(self, kid: str) -> "PyJWK":
        """Return the key of this id.

        Raises:
            AuthenticationError: the issuer has no such key.
            UnavailableError: the issuer does not say; what is kept is too old, or does not have it.
        """
        found = self._find(kid)
        if found is not None and self._since_s(self._got_ms) < KEYS_FRESH_S:
            return found
        busy = not self._refresh_if_due()
        found = self._find(kid)
        if found is not None and self._since_s(self._got_ms) < KEYS_KEPT_S:
            return found
        if self._got_ms is None or self._failed or busy:
            raise UnavailableError("the issuer's keys, which verify tokens, cannot be fetched; try again")
        raise AuthenticationError("the token's key (kid) is unknown")

    def _since_s(self, moment_ms: int | None) -> float:
        return float("inf") if moment_ms is None else (self._clock.now_ms() - moment_ms) / 1000

    def _refresh_if_due(self) -> bool:
        """Fetch the set unless that was tried a moment ago. False: another thread is fetching it right now."""
        if not self._fetching.acquire(blocking=False):
            return False
        try:
            if self._since_s(self._asked_ms) >= (REFRESH_MIN_S if self._got_ms else RETRY_S):
                self._refresh()
        finally:
            self._fetching.release()
        return True

    def _refresh(self) -> None:
        """Fetch the set; while that fails, what was good stays as it is."""
        self._asked_ms = self._clock.now_ms()
        try:
            self._keys = usable(self._fetch(), self._algorithm)
        except Exception:  # noqa: BLE001 - whatever the issuer does, it is the issuer that failed
            self._failed = True
            return
        self._made = {}
        self._got_ms, self._failed = self._clock.now_ms(), False

    def _fetch(self) -> bytes:
        until_ms = self._clock.now_ms() + round(self._fetch_s * 1000)
        answer = outbound.send(
            outbound.Request(self._target, "GET", {"Accept": "application/jwk-set+json, application/json"}),
            allowed=self._allowed,
            left_s=lambda: (until_ms - self._clock.now_ms()) / 1000,
            body_limit=KEY_SET_BYTES,
        )
        # A redirect is an answer like any other that is not a key set: the operator says where it is.
        if answer.status != _HTTP_OK or answer.truncated:
            raise KeySetError
        return answer.body

    def _find(self, kid: str) -> "PyJWK | None":
        if kid not in self._made and kid in self._keys:
            self._made[kid] = _first_usable(self._keys[kid], self._algorithm)
        return self._made.get(kid)


def usable(text: bytes, algorithm: str) -> dict[str, list[Jwk]]:
    """Read a key set: its signing keys for an algorithm by their ids, in order. One that is not usable is left out.

    Args:
        text: the issuer's answer.
        algorithm: what tokens are signed with.

    Raises:
        KeySetError: it is not a key set, or an empty one.
    """
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        raise KeySetError from None
    keys = found.get("keys") if isinstance(found, dict) else None
    if not isinstance(keys, list) or not any(isinstance(key, dict) and "kty" in key for key in keys):
        raise KeySetError
    by_id: dict[str, list[Jwk]] = {}
    for key in keys:
        if isinstance(key, dict) and _signs(key, algorithm):
            of_the_id = by_id.setdefault(key["kid"], [])
            of_the_id.extend([key] if len(of_the_id) < SAME_ID else [])
    return by_id


def _signs(key: Jwk, algorithm: str) -> bool:
    """Whether a key verifies signatures of the algorithm (RFC 7517 sections 4.1 to 4.5), and is of a sane size."""
    operations = key.get("key_ops")
    return (
        isinstance(key.get("kid"), str)
        and bool(key["kid"])
        and key.get("kty") == _KTY[algorithm]
        and key.get("use") in (None, "sig")
        and key.get("alg") in (None, algorithm)
        and (operations is None or (isinstance(operations, list) and "verify" in operations))
        and all(
            isinstance(key[name], str) and len(key[name]) <= (_N_CHARACTERS if name == "n" else _OTHER_CHARACTERS)
            for name in _PUBLIC_PARTS
            if name in key
        )
    )


def _first_usable(keys: Sequence[Jwk], algorithm: str) -> "PyJWK | None":
    from jwt import PyJWK

    for key in keys:
        try:
            made = PyJWK({name: key[name] for name in _PUBLIC_PARTS if name in key}, algorithm)
            if algorithm == "RS256" and made.key.key_size < _RSA_MIN_BITS:
                continue
        except Exception:  # noqa: BLE001, S112 - whatever a key's content raises, it is this key that is not usable
            continue
        return made
    return None


def _target(url: str) -> Target:
    try:
        return parse_target(url)
    except TargetRefusedError as error:
        raise ConfigurationError(f"WHENDUE_JWT_JWKS_URL is not valid: {error}") from None


def is_safe(url: str) -> bool:
    """Whether keys may be fetched from here: over TLS, or from this machine."""
    parts = urlsplit(url)
    return parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in ("127.0.0.1", "localhost", "::1"))
