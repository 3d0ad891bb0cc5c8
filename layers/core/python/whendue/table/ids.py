"""Derived ids: where creation must be idempotent, a job that is created twice has the same id both times.

They are keyed hashes: no outsider can see what an id was derived from, nor make one by guessing.
"""

import hashlib
import hmac
import uuid
from dataclasses import dataclass, field

TIME_ORDERED = 7
# Of a UUID as text; anything else would be a key that the table may refuse.
ID_LENGTH = 36


def time_of(text: str) -> int | None:
    """Return when a time-ordered id (UUIDv7, RFC 9562 section 5.7) was created, ms UTC; None for any other text."""
    try:
        made = uuid.UUID(text)
    except ValueError:
        return None
    return made.int >> 80 if made.version == TIME_ORDERED else None


@dataclass(frozen=True, slots=True)
class Ids:
    """Derives ids with a key that all processes of a deployment share and no one else knows.

    Args:
        key: 32 bytes. Another key gives other ids: Idempotency-Keys that were used before are forgotten.
    """

    key: bytes = field(repr=False)

    def of_key(self, tenant: str, idempotency_key: str) -> str:
        """Derive a job's id from a tenant and an Idempotency-Key."""
        return self._derived("key", tenant, idempotency_key)

    def of_member(self, member_id_base: str, number: int) -> str:
        """Derive the id of a member from the job that created it (`Job.member_id_base`)."""
        return self._derived("part", member_id_base, str(number))

    def of_unique(self, tenant: str, name: str) -> str:
        """Derive the id of a unique key from a tenant and what the key is made of."""
        return self._derived("unique", tenant, name)

    def _derived(self, kind: str, scope: str, name: str) -> str:
        """Return a UUID version 8 (RFC 9562 section 5.8) of an HMAC-SHA256; kind and length keep scopes apart."""
        text = f"{kind}:{len(scope)}:{scope}:{name}"
        digest = hmac.digest(self.key, text.encode(), hashlib.sha256)
        value = int.from_bytes(digest[:16], "big") & ~(0xF << 76) & ~(0b11 << 62) | 0x8 << 76 | 0b10 << 62
        return str(uuid.UUID(int=value))
