"""Tokens by OAuth2 client credentials (RFC 6749 section 4.4)."""

import json
import re
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final, Literal
from urllib.parse import urlencode

from whendue.client.actions import Alone, Exchange, Flow, Token
from whendue.client.errors import TokenError
from whendue.client.messages import Answer
from whendue.client.retry_policy import is_temporary
from whendue.client.urls import checked_url
from whendue.support.clock import Clock, system_clock

# A token is fetched again when this many seconds of it are left, or a tenth of its lifetime if that is less.
EARLY_S: Final = 60
# RFC 6749 section 4.2.2 recommends expires_in. Without it, a token is used for this long.
UNKNOWN_LIFETIME_S: Final = 300
# RFC 6749 section 5.2: an error is a short name.
_ERROR: Final = re.compile(r"[a-z_]{1,40}")


@dataclass(frozen=True, slots=True)
class _Held:
    token: Token
    until_ms: int


class ClientCredentials:
    """Fetches tokens from an authorization server, and keeps each until shortly before it expires.

    If several requests need a new token at once, one of them fetches it and the others wait. A token that the API
    refuses is fetched once more. Give each client a source of its own.

    Args:
        token_url: the server's token endpoint; https, or plain http on loopback.
        client_id: name of the client.
        client_secret: its secret.
        scope: scopes to ask for, separated by blanks. Default: the server decides.
        audience: for servers that need one. Default: not sent.
        method: how the secret is sent: `basic` (as all servers must support) or `post` (in the form).
        timeout_s: how long a fetch may take, seconds.
        clock: reads the time.
    """

    def __init__(
        self,
        token_url: str,
        client_id: str,
        client_secret: str,
        *,
        scope: str | None = None,
        audience: str | None = None,
        method: Literal["basic", "post"] = "basic",
        timeout_s: float = 10.0,
        clock: Clock | None = None,
    ) -> None:
        """Keep the credentials; nothing is fetched yet."""
        self._url = checked_url(token_url)
        self._id = client_id
        self._secret = Token(client_secret)
        self._wanted = {"scope": scope, "audience": audience}
        self._in_form = method == "post"
        self._timeout_s = timeout_s
        self._clock = clock or system_clock()
        self._held: _Held | None = None

    def __repr__(self) -> str:
        return f"ClientCredentials({self._url!r}, {self._id!r}, ...)"

    def token(self, rejected: Token | None) -> Flow[Token]:
        """Return the token that is held, or fetch one.

        Raises:
            TokenError: the server refuses, or does not answer with a token.
            TransportError: it does not answer.
        """
        if held := self._usable(rejected):
            return held
        token: Token = yield Alone(self._fetched(rejected))
        return token

    def _usable(self, rejected: Token | None) -> Token | None:
        held = self._held
        if held is None or held.token == rejected or self._clock.now_ms() >= held.until_ms:
            return None
        return held.token

    def _fetched(self, rejected: Token | None) -> Flow[Token]:
        # While this one waited, another one may have fetched it.
        if held := self._usable(rejected):
            return held
        answer: Answer = yield self._exchange()
        if answer.status != HTTPStatus.OK:
            raise _refused(answer)
        token, lifetime_s = _read(answer)
        used_s = lifetime_s - min(EARLY_S, lifetime_s / 10)
        self._held = _Held(token, self._clock.now_ms() + round(used_s * 1000))
        return token

    def _exchange(self) -> Exchange:
        form = {"grant_type": "client_credentials"} | {name: text for name, text in self._wanted.items() if text}
        if self._in_form:
            form |= {"client_id": self._id, "client_secret": self._secret.reveal()}
        return Exchange(
            method="POST",
            url=self._url,
            headers={"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"},
            content=urlencode(form).encode(),
            credentials=None if self._in_form else (self._id, self._secret),
            timeout_s=self._timeout_s,
        )


def _read(answer: Answer) -> tuple[Token, float]:
    """Return the token of an answer, and for how many seconds it is valid."""
    body = _json(answer)
    lifetime_s = body.get("expires_in", UNKNOWN_LIFETIME_S)
    try:
        return Token(body.get("access_token", "")), max(0.0, float(lifetime_s))
    except (TypeError, ValueError):
        raise TokenError("the authorization server did not answer with a token") from None


def _refused(answer: Answer) -> TokenError:
    name = _json(answer).get("error")
    shown = f" {name}" if isinstance(name, str) and _ERROR.fullmatch(name) else ""
    error = TokenError(f"the authorization server refused: {answer.status}{shown}")
    error.temporary = is_temporary(answer.status)
    return error


def _json(answer: Answer) -> dict[str, Any]:
    try:
        body = json.loads(answer.content)
    except ValueError:
        body = None
    return body if isinstance(body, dict) else {}
