"""One-time links of a dev stack: who has the link gets the token that was stored under its code, once."""

import re
from typing import Final

from whendue.bootstrap.application import App
from whendue.errors import AuthenticationError
from whendue.table.keys import sign_in_key
from whendue.table.writes import Has, Write

SCHEME: Final = "Code"
# As `secrets.token_urlsafe` writes 16 to 96 random bytes.
_CODE: Final = re.compile(r"[A-Za-z0-9_-]{20,128}")


def exchange(app: App, authorization: str) -> str:
    """Return the token of a link, which is used up by that.

    Args:
        app: the application.
        authorization: the header: `Code` and the code of the link.

    Raises:
        AuthenticationError: there is no such link, it is too old, or it was used.
        UnavailableError: the table does not answer.
    """
    scheme, _, code = authorization.strip().partition(" ")
    if scheme != SCHEME or not _CODE.fullmatch(code):
        raise AuthenticationError
    key = sign_in_key(code)
    [item] = app.runtime.store.get([key])
    if item is None or item["expires_at"] * 1000 <= app.clock.now_ms():
        raise AuthenticationError
    # Of two that exchange the same link at once, one deletes it.
    [gone] = app.runtime.store.apply([Write("use_sign_in_link", key, (Has("token"),), {}, deletes=True)])
    if not gone.done_or_raise():
        raise AuthenticationError
    return str(item["token"])
