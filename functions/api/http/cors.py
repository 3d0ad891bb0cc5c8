"""Cross-origin requests (CORS): browsers' scripts of the origins that the operator names may call the API.

Source: https://fetch.spec.whatwg.org/#http-cors-protocol
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

from whendue.errors import ConfigurationError

VARIABLE: Final = "WHENDUE_CORS_ORIGINS"
_ORIGIN: Final = re.compile(r"https?://(?:[a-z0-9-]+(?:\.[a-z0-9-]+)*|\[[0-9a-f:]+\])(?::[0-9]{1,5})?")
_ASKED: Final = "Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, traceparent"
_SHOWN: Final = "Allow, ETag, Idempotency-Replayed, Location, Retry-After, WWW-Authenticate"
# Seconds that a browser may keep the answer to a preflight.
_MAX_AGE_S: Final = 600


@dataclass(frozen=True, slots=True)
class Origins:
    """The origins whose scripts may call the API; tokens are sent by scripts, so cookies are never asked for.

    Args:
        allowed: as browsers send them, as in `https://app.example.com`.
    """

    allowed: frozenset[str] = frozenset()

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> "Origins":
        """Read the comma list WHENDUE_CORS_ORIGINS.

        Raises:
            ConfigurationError: an entry is no origin; the message counts it.
        """
        entries = [entry.strip() for entry in env.get(VARIABLE, "").split(",") if entry.strip()]
        for number, entry in enumerate(entries, start=1):
            if not _ORIGIN.fullmatch(entry):
                raise ConfigurationError(f"{VARIABLE}: entry {number} is not an origin, as in https://app.example.com")
        return cls(frozenset(entries))

    def headers(self, headers: Mapping[str, str]) -> dict[str, str]:
        """Return a reply's CORS headers; none if no origin is configured."""
        if not self.allowed:
            return {}
        origin = headers.get("origin", "")
        if origin not in self.allowed:
            return {"Vary": "Origin"}
        return {"Vary": "Origin", "Access-Control-Allow-Origin": origin, "Access-Control-Expose-Headers": _SHOWN}

    def preflight(self, method: str, headers: Mapping[str, str], methods: Sequence[str]) -> dict[str, Any] | None:
        """Answer a browser's question whether it may send a request; None where it is no such question.

        Args:
            method: the request's.
            headers: the request's, by lower-case names.
            methods: those that the path takes.
        """
        asks = method == "OPTIONS" and "access-control-request-method" in headers
        if not asks or not methods or headers.get("origin") not in self.allowed:
            return None
        headers = {
            "Access-Control-Allow-Methods": ", ".join(methods),
            "Access-Control-Allow-Headers": _ASKED,
            "Access-Control-Max-Age": str(_MAX_AGE_S),
        }
        return {"statusCode": HTTPStatus.NO_CONTENT.value, "headers": headers, "body": ""}
