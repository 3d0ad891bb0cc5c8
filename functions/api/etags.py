"""Optimistic locking: ETag, If-Match and If-None-Match (RFC 9110 sections 8.8.3, 13.1.1 and 13.1.2)."""

import re
from collections.abc import Callable, Mapping

from whendue.errors import InvalidRequestError

_TAGS = re.compile(r'\s*(?:W/)?"[\x21\x23-\x7e]*"\s*(?:,\s*(?:W/)?"[\x21\x23-\x7e]*"\s*)*')
_TAG = re.compile(r'(W/)?"([\x21\x23-\x7e]*)"')
ANY = "*"


def etag(version: int) -> str:
    """Write a version as an ETag."""
    return f'"{version}"'


def expected(headers: Mapping[str, str]) -> Callable[[int | None], bool]:
    """Give what the request expects of the version that it changes; None stands for nothing there.

    Raises:
        InvalidRequestError: a header is not a list of entity tags.
    """
    match, none_match = (_tags(headers, name) for name in ("if-match", "if-none-match"))

    def holds(version: int | None) -> bool:
        # If-Match compares strongly, so a weak tag never holds; If-None-Match compares weakly.
        if match is not None and not _names(version, match, weak=False):
            return False
        return none_match is None or not _names(version, none_match, weak=True)

    return holds


def _names(version: int | None, tags: list[tuple[bool, str]] | str, *, weak: bool) -> bool:
    if version is None or isinstance(tags, str):
        return version is not None
    return any(text == str(version) and (weak or not is_weak) for is_weak, text in tags)


def _tags(headers: Mapping[str, str], name: str) -> list[tuple[bool, str]] | str | None:
    text = headers.get(name)
    if text is None or text.strip() == ANY:
        return text and ANY
    if not _TAGS.fullmatch(text):
        raise InvalidRequestError(f"{name} must be * or a list of entity tags in quotes")
    return [(bool(found[1]), found[2]) for found in _TAG.finditer(text)]
