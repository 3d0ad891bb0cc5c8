"""BlobStore in memory."""


class MemoryBlobs:
    """Texts by key."""

    def __init__(self) -> None:
        """Start empty."""
        self._texts: dict[str, str] = {}

    @property
    def texts(self) -> dict[str, str]:
        """All texts by key: a test may change them here."""
        return self._texts

    def put(self, key: str, text: str) -> None:
        """Store a text."""
        self._texts[key] = text

    def get(self, key: str) -> str | None:
        """Read a text; None where there is none."""
        return self._texts.get(key)

    def delete(self, key: str) -> None:
        """Delete a text."""
        self._texts.pop(key, None)
