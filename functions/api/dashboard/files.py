"""The files of the dashboard as they are served: compressed where a client takes that, and cached for good by name."""

import base64
import gzip
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

FOLDER: Final = Path(__file__).parent / "static"
ASSETS: Final = FOLDER / "assets"
# By the end of the name; the build makes no other files.
TYPES: Final = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
COMPRESSED: Final = ".br"
# A name has a hash of the content, so it never means anything else.
FOR_GOOD: Final = "public, max-age=31536000, immutable"
# How the page refers to its files, until it is served.
_REFERENCE: Final = '="./assets/'


class Served(NamedTuple):
    """A file as one client gets it.

    Args:
        type: media type.
        text: the content; if it is encoded, its bytes in base64.
        encoding: of the content; empty for none.
    """

    type: str
    text: str
    encoding: str


def asset(name: str, accepted: str, *, binary: bool) -> Served | None:
    """Return a file of the page; None if there is none of this name.

    Args:
        name: of the file.
        accepted: the request's Accept-Encoding.
        binary: whether what is in front of the function takes a body that is no text.
    """
    # The names that there are, not a path to follow: nothing else of the folder can be asked for.
    if name not in _names():
        return None
    media_type = TYPES[Path(name).suffix]
    wanted = _codings(accepted) if binary else frozenset()
    if "br" in wanted and f"{name}{COMPRESSED}" in _written():
        return Served(media_type, _base64(_content(f"{name}{COMPRESSED}")), "br")
    if "gzip" in wanted:
        return Served(media_type, _base64(_zipped(name)), "gzip")
    return Served(media_type, _content(name).decode(), "")


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode()


def page(root: str) -> str:
    """Return the page; its files are found by way of the API's root.

    Args:
        root: from the address of the page to the root, as in `../`: safe in an attribute.
    """
    return _page().replace(_REFERENCE, f'="{root}assets/')


def _codings(accepted: str) -> frozenset[str]:
    """Name the codings that a client takes (RFC 9110 section 12.5.3): those without the weight 0."""
    parts = (part.strip().lower().partition(";") for part in accepted.split(","))
    return frozenset(name.strip() for name, _, weight in parts if weight.replace(" ", "") not in _REFUSED)


_REFUSED: Final = frozenset({"q=0", "q=0.0", "q=0.00", "q=0.000"})


@cache
def _written() -> frozenset[str]:
    return frozenset(path.name for path in ASSETS.iterdir())


@cache
def _names() -> frozenset[str]:
    return frozenset(name for name in _written() if Path(name).suffix in TYPES)


@cache
def _page() -> str:
    return (FOLDER / "index.html").read_text()


@cache
def _content(name: str) -> bytes:
    return (ASSETS / name).read_bytes()


@cache
def _zipped(name: str) -> bytes:
    return gzip.compress(_content(name), mtime=0)
