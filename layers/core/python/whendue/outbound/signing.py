"""Signatures of webhooks, and the keys that make them. A key's prefix says which kind it is.

Source: Standard Webhooks 1.0.0, "Signature scheme" and "Webhook headers",
https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import base64
import hashlib
import hmac
from collections.abc import Callable, Iterable
from typing import Final, Literal

Kind = Literal["v1", "v1a"]
SYMMETRIC: Final = "whsec_"
PRIVATE: Final = "whsk_"
PUBLIC: Final = "whpk_"
# Of 24 to 64 bytes: as many as the hash gives.
SECRET_BYTES: Final = 32
# RFC 8032 section 5.1.5: a private and a public key of 32 bytes each; they are kept side by side.
SEED_BYTES: Final = 32


def new_key(kind: Kind, bits: Callable[[int], int]) -> str:
    """Make a key.

    Args:
        kind: `v1` for HMAC-SHA256, `v1a` for ed25519.
        bits: returns an integer of this number of random bits.
    """
    if kind == "v1":
        return SYMMETRIC + _text(bits(SECRET_BYTES * 8).to_bytes(SECRET_BYTES))
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    seed = bits(SEED_BYTES * 8).to_bytes(SEED_BYTES)
    public = Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()
    return PRIVATE + _text(seed + public)


def kind_of(key: str | None) -> Kind | None:
    """Return the kind of a key."""
    if key is None:
        return None
    return "v1" if key.startswith(SYMMETRIC) else "v1a"


def public_part(key: str | None) -> str | None:
    """Return the public part of an asymmetric key; None for any other key."""
    if key is None or not key.startswith(PRIVATE):
        return None
    return PUBLIC + _text(base64.b64decode(key.removeprefix(PRIVATE))[SEED_BYTES:])


def headers(keys: Iterable[str], message_id: str, at_s: int, body: bytes) -> dict[str, str]:
    """Return the headers with a message's id, time and one signature for each key.

    Args:
        keys: the newest first.
        message_id: the same for each attempt; without full stops.
        at_s: when this attempt is made, seconds since 1970.
        body: exactly as sent.
    """
    content = f"{message_id}.{at_s}.".encode() + body
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(at_s),
        "webhook-signature": " ".join(_signature(key, content) for key in keys),
    }


def _signature(key: str, content: bytes) -> str:
    if key.startswith(SYMMETRIC):
        secret = base64.b64decode(key.removeprefix(SYMMETRIC))
        return "v1," + _text(hmac.digest(secret, content, hashlib.sha256))
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    seed = base64.b64decode(key.removeprefix(PRIVATE))[:SEED_BYTES]
    return "v1a," + _text(Ed25519PrivateKey.from_private_bytes(seed).sign(content))


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()
