"""Addresses that tokens may be sent to."""

from typing import Final
from urllib.parse import urlsplit

_LOOPBACK: Final = ("localhost", "127.0.0.1", "::1")


def checked_url(url: str, *, plain_http: bool = False) -> str:
    """Return a URL without the slash at its end.

    Args:
        url: the URL.
        plain_http: whether a token may be sent without TLS to other machines.

    Raises:
        ValueError: it is no URL of HTTP, has credentials, a query or a fragment, or would send tokens without TLS.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("url must be an absolute URL, as in https://whendue.example.com")
    if parts.username is not None or parts.query or parts.fragment:
        raise ValueError("url must have no credentials, query or fragment")
    if parts.scheme == "http" and parts.hostname not in _LOOPBACK and not plain_http:
        raise ValueError("url must be https, so that nobody else reads the token; plain_http=True permits plain http")
    return url.rstrip("/")
