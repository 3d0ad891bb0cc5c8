"""BlobStore: large texts by key."""

from whendue.aws_quotas import PAYLOAD_ITEM_BYTES
from whendue.engine.ports import BlobStore


def test_a_text_over_the_tables_limit_comes_back_as_it_was(blobs: BlobStore) -> None:
    """Payloads over 256 KB live here."""
    text = '{"text":"' + "grün€🙂" * (PAYLOAD_ITEM_BYTES // 8) + '"}'
    assert len(text.encode()) > PAYLOAD_ITEM_BYTES
    blobs.put("acme/payload/0190#hash", text)
    assert blobs.get("acme/payload/0190#hash") == text


def test_a_missing_text_is_none(blobs: BlobStore) -> None:
    """The bucket forgets old payloads; that is an answer, not an error."""
    blobs.put("there", "x")
    assert blobs.get("not-there") is None
    assert blobs.get("there/not") is None


def test_putting_again_replaces(blobs: BlobStore) -> None:
    """A repeated put after a lost reply is harmless."""
    blobs.put("key", "one")
    blobs.put("key", "one")
    assert blobs.get("key") == "one"
    blobs.put("key", "two")
    assert blobs.get("key") == "two"


def test_an_empty_text_is_a_text(blobs: BlobStore) -> None:
    """Not to be taken for a missing one."""
    blobs.put("empty", "")
    assert blobs.get("empty") == ""
