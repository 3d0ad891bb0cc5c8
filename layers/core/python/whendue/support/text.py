"""Text of one line, as it is stored and shown: characters that affect how it is displayed are refused, or replaced."""

import re
from collections.abc import Collection
from typing import Final

# Control characters (Cc), lines and paragraphs (Zl, Zp), half pairs (Cs): they break logs, terminals and headers. Of
# format characters (Cf) only those that turn the order of what follows (UAX #9: explicit embeddings, overrides and
# isolates): they let a text look like another one. Joiners and marks stay: scripts and emoji need them.
_OTHERS: Final = r"\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff"
NOT_IN_A_LINE: Final = re.compile(rf"[\x00-\x1f{_OTHERS}]")
# The same of text that may have several lines.
NOT_IN_LINES: Final = re.compile(rf"[\x00-\x08\x0b\x0c\x0e-\x1f{_OTHERS}]")


def is_line(text: str) -> bool:
    """Return whether a text is one line, without characters that affect how it is displayed."""
    return NOT_IN_A_LINE.search(text) is None


def one_line(text: str) -> str:
    """Replace each character that a line may not have by a space; for texts that are stored already."""
    return NOT_IN_A_LINE.sub(" ", text)


def shortened(text: str, most_bytes: int) -> str:
    """Return the beginning of a text, as much of it as has so many bytes of UTF-8."""
    return text.encode(errors="replace")[:most_bytes].decode(errors="ignore")


def nearest(name: str, known: Collection[str]) -> str | None:
    """Return the known name that a misspelt one probably means; None if none is close.

    Args:
        name: of bounded length.
        known: what it may be; a name that begins with it is nearer than all others.
    """
    beginning = sorted(name_ for name_ in known if name_.lower().startswith(name.lower()))
    near = beginning[:1] if name else []
    # Imported for the message of an error alone.
    import difflib

    close = difflib.get_close_matches(name, known, n=len(known) or 1)
    # Of those that are as near, the one that begins as it does: few misspell the first letter.
    close.sort(key=lambda each: (-difflib.SequenceMatcher(None, each, name).ratio(), each[0] != name[0]))
    return next(iter(near or close), None)
