"""Cursors of lists, encrypted and authenticated: AES-SIV (RFC 5297), bound to the tenant, the list and its filter.

AES-SIV needs no nonce: the same position of the same list gives the same cursor, and it shows nothing else.
"""

import base64
import json
from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from whendue.errors import InvalidCursorError
from whendue.quotas import CURSOR_BYTES
from whendue.support.secret import Secret

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESSIV

# Of the ciphertext: the synthetic initialization vector stands before it (RFC 5297 section 2.6).
TAG_BYTES = 16


class SealedCursors:
    """Seals and opens cursors with keys of the deployment's secret."""

    def __init__(self, secret: Secret) -> None:
        """Use this secret; nothing is derived or imported before a list is asked for."""
        self._secret = secret

    def seal(self, position: Any, bound: Sequence[Any]) -> str:
        """Make a cursor of a position; see `whendue.engine.ports.Cursors`."""
        text = json.dumps(position, separators=(",", ":"), ensure_ascii=False).encode()
        return base64.urlsafe_b64encode(self._ciphers[0].encrypt(text, _associated(bound))).decode().rstrip("=")

    def open(self, cursor: str, bound: Sequence[Any]) -> Any:
        """Return the position that a cursor contains; see `whendue.engine.ports.Cursors`."""
        sealed = _raw(cursor)
        associated = _associated(bound)
        from cryptography.exceptions import InvalidTag

        for cipher in self._ciphers:
            try:
                return json.loads(cipher.decrypt(sealed, associated))
            except InvalidTag:
                continue
        raise InvalidCursorError

    @cached_property
    def _ciphers(self) -> "list[AESSIV]":
        # Only lists need it: workers never load it.
        from cryptography.hazmat.primitives.ciphers.aead import AESSIV

        return [AESSIV(key) for key in self._secret.cursor_keys]


def _raw(cursor: str) -> bytes:
    if not cursor.isascii() or len(cursor) > CURSOR_BYTES:
        raise InvalidCursorError
    try:
        sealed = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
    except ValueError as error:
        raise InvalidCursorError from error
    # One text is one cursor: no other spelling of the same bytes.
    if len(sealed) <= TAG_BYTES or base64.urlsafe_b64encode(sealed).decode().rstrip("=") != cursor:
        raise InvalidCursorError
    return sealed


def _associated(bound: Sequence[Any]) -> list[bytes]:
    return [json.dumps(bound, separators=(",", ":")).encode()]
