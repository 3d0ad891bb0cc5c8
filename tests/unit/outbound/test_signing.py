"""Signatures of webhooks: as the published library makes and checks them, and as the specification has them."""

import base64
from datetime import UTC, datetime
from random import Random

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook

from whendue.outbound.signing import Kind, headers, kind_of, new_key, public_part

BITS = Random(7).getrandbits


@given(st.binary(max_size=200).map(lambda raw: raw.hex()), st.integers(0, 2**33))
def test_a_symmetric_signature_is_the_published_librarys(body: str, at_s: int) -> None:
    """The same secret, id, time and body give the same signature."""
    key = new_key("v1", BITS)
    theirs = Webhook(key).sign("0190-id", datetime.fromtimestamp(at_s, UTC), body)
    assert headers([key], "0190-id", at_s, body.encode()) == {
        "webhook-id": "0190-id",
        "webhook-timestamp": str(at_s),
        "webhook-signature": theirs,
    }


@pytest.mark.parametrize(("kind", "prefix", "size"), [("v1", "whsec_", 32), ("v1a", "whsk_", 64)])
def test_a_key_is_written_as_the_specification_has_it(kind: Kind, prefix: str, size: int) -> None:
    """A prefix that names its kind, and base64; 24 to 64 random bytes for a secret. No two are the same."""
    keys = {new_key(kind, BITS) for _ in range(20)}
    assert len(keys) == 20
    for key in keys:
        assert key.startswith(prefix)
        assert len(base64.b64decode(key.removeprefix(prefix), validate=True)) == size
        assert kind_of(key) == kind
    assert kind_of(None) is None


def test_an_asymmetric_signature_is_checked_with_the_public_key_alone() -> None:
    """Over `id.timestamp.body`, and over nothing else."""
    key = new_key("v1a", BITS)
    public = public_part(key)
    assert public is not None
    verifier = Ed25519PublicKey.from_public_bytes(base64.b64decode(public.removeprefix("whpk_")))
    kind, _, signature = headers([key], "id", 17, b"body")["webhook-signature"].partition(",")
    assert kind == "v1a"
    verifier.verify(base64.b64decode(signature), b"id.17.body")
    for other in (b"id.18.body", b"id.17.bodi", b"ie.17.body"):
        with pytest.raises(InvalidSignature):
            verifier.verify(base64.b64decode(signature), other)


def test_a_secret_has_no_public_part() -> None:
    """It would be the secret."""
    assert public_part(new_key("v1", BITS)) is None
    assert public_part(None) is None


def test_several_keys_sign_side_by_side_the_newest_first() -> None:
    """Parted by spaces, as the specification has it; each receiver finds its own."""
    keys = [new_key("v1", BITS), new_key("v1a", BITS), new_key("v1", BITS)]
    together = headers(keys, "id", 17, b"body")["webhook-signature"].split(" ")
    assert together == [headers([key], "id", 17, b"body")["webhook-signature"] for key in keys]
