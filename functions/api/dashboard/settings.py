"""How one signs in to the dashboard, as the operator configures it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from whendue.errors import ConfigurationError

ISSUER: Final = "WHENDUE_DASHBOARD_ISSUER"
CLIENT_ID: Final = "WHENDUE_DASHBOARD_CLIENT_ID"
SCOPES: Final = "WHENDUE_DASHBOARD_SCOPES"
AUDIENCE: Final = "WHENDUE_DASHBOARD_AUDIENCE"
ORIGINS: Final = "WHENDUE_DASHBOARD_ORIGINS"
LINKS: Final = "WHENDUE_DASHBOARD_LINKS"
SCOPES_DEFAULT: Final = "openid profile jobs:read jobs:write"
_HOST: Final = re.compile(r"[a-z0-9-]+(?:\.[a-z0-9-]+)*(?::[0-9]{1,5})?")
_LOOPBACK: Final = ("127.0.0.1", "localhost")


@dataclass(frozen=True, slots=True)
class DashboardSettings:
    """How one signs in besides pasting a token.

    Args:
        issuer: of OpenID Connect; empty for none.
        client_id: of the dashboard at the issuer, a public client.
        scopes: that it asks for, with spaces between them.
        audience: that it asks for, where the issuer wants one named; empty for none.
        origins: which the page may call besides the API's own: the issuer's, and its token endpoint's.
        links: whether one-time links are taken: of a dev stack alone.
    """

    issuer: str = ""
    client_id: str = ""
    scopes: str = SCOPES_DEFAULT
    audience: str = ""
    origins: tuple[str, ...] = ()
    links: bool = False

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> "DashboardSettings":
        """Read the variables above.

        Raises:
            ConfigurationError: one of them is not valid; the message names it, not its value.
        """
        links = env.get(LINKS, "").strip().lower()
        if links not in ("", "false", "true"):
            raise ConfigurationError(f"{LINKS} must be true or false")
        issuer, client_id = env.get(ISSUER, "").strip(), env.get(CLIENT_ID, "").strip()
        if bool(issuer) != bool(client_id):
            raise ConfigurationError(f"{ISSUER} and {CLIENT_ID} must be set together")
        more = [entry.strip() for entry in env.get(ORIGINS, "").split(",") if entry.strip()]
        origins = [(ISSUER, issuer)] * bool(issuer) + [(ORIGINS, entry) for entry in more]
        return cls(
            issuer,
            client_id,
            env.get(SCOPES, "").strip() or SCOPES_DEFAULT,
            env.get(AUDIENCE, "").strip(),
            tuple(dict.fromkeys(_origin(*each) for each in origins)),
            links == "true",
        )

    def shown(self) -> dict[str, Any]:
        """Return what the page needs to know; none of it is a secret."""
        if not self.issuer:
            return {"signIn": None}
        known = {"issuer": self.issuer, "clientId": self.client_id, "scopes": self.scopes}
        return {"signIn": known | {"audience": self.audience or None}}

    def policy(self) -> str:
        """Return the page's content security policy: nothing but the API's own files, and no script in the page."""
        return "; ".join([*_POLICY, " ".join(["connect-src 'self'", *self.origins])])


# https://www.w3.org/TR/CSP3/: the last four do not fall back to default-src.
_POLICY: Final = (
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self'",
    # https://www.w3.org/TR/trusted-types/: no text becomes markup or script, whatever a job's error says.
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
)


def _origin(variable: str, url: str) -> str:
    """Return the origin of a URL.

    Raises:
        ConfigurationError: it has none that a page may call: https, or http on this machine.
    """
    try:
        parts = urlsplit(url.lower())
    except ValueError:
        parts = urlsplit("")
    secure = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)
    if not secure or not _HOST.fullmatch(parts.netloc):
        raise ConfigurationError(f"{variable} must have https URLs, as in https://issuer.example.com")
    return f"{parts.scheme}://{parts.netloc}"
