"""The deployment's secret: what ids are derived with and cursors are sealed with, each by a key of its own.

Nothing is used with the secret itself. Keys come from it by HKDF-SHA256 (RFC 5869), one for each purpose.
"""

import hashlib
import hmac
from dataclasses import dataclass, field
from typing import Final

from whendue.errors import ConfigurationError

# As many bytes as the hash that keys are made with gives (RFC 5869 section 2.2; RFC 2104 section 3).
SECRET_MIN_BYTES: Final = 32
# Opening a cursor tries each: what a forged one costs is bounded.
WORDS: Final = 4


@dataclass(frozen=True, slots=True)
class Secret:
    """The secret, as one word or several.

    Args:
        words: ids are derived from the first, for as long as the deployment lives; cursors are sealed with the last and
            opened with each, so that a word appended at the end rotates what seals them.
    """

    words: tuple[str, ...] = field(repr=False)

    @classmethod
    def read(cls, text: str, name: str = "WHENDUE_SECRET") -> "Secret":
        """Read words parted by white space.

        Raises:
            ConfigurationError: there is none, one is too short, or there are too many; the message names the setting.
        """
        words = tuple(text.split())
        if not words:
            raise ConfigurationError(f"{name} is not set; make one with: openssl rand -base64 48")
        if any(len(word.encode(errors="replace")) < SECRET_MIN_BYTES for word in words):
            raise ConfigurationError(f"{name}: each word must have at least {SECRET_MIN_BYTES} bytes")
        if len(words) > WORDS:
            raise ConfigurationError(f"{name} must have at most {WORDS} words")
        return cls(words)

    @property
    def id_key(self) -> bytes:
        """The key of derived ids: 32 bytes."""
        return hkdf(self.words[0], "whendue ids v1", 32)

    @property
    def cursor_keys(self) -> tuple[bytes, ...]:
        """The keys of cursors, 64 bytes each: the first seals, all open."""
        return tuple(hkdf(word, "whendue cursors v1", 64) for word in reversed(self.words))


def hkdf(secret: str, purpose: str, size: int) -> bytes:
    """Derive a key by HKDF-SHA256 without salt (RFC 5869 sections 2.2 and 2.3).

    Args:
        secret: what it is derived from.
        purpose: what it is for; no two purposes have the same key.
        size: bytes of it, up to 255 x 32.
    """
    extracted = hmac.digest(bytes(32), secret.encode(errors="replace"), hashlib.sha256)
    key = block = b""
    for number in range(1, -(-size // 32) + 1):
        block = hmac.digest(extracted, block + purpose.encode() + bytes([number]), hashlib.sha256)
        key += block
    return key[:size]
