"""Optimistic locking and cheap polling over HTTP: ETags, and what If-Match and If-None-Match ask of them.

Source: RFC 9110 sections 8.8.3, 13.1.1 and 13.1.2.
"""

import hashlib
import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from whendue.errors import InvalidRequestError
from whendue.jobs.model import Job
from whendue.operations.revision import revision
from whendue.table.preconditions import Precondition

_TAG = re.compile(r'(?:W/)?"[\x21\x23-\x7e]*"')
_OURS = re.compile(r'"([1-9][0-9]{0,17})"')
ANY = "*"
HEADER_CHARACTERS = 1024


def etag(version: int) -> str:
    """Return the ETag of a version, as in `"3"`."""
    return f'"{version}"'


def job_etag(job: Job) -> str:
    """Return the ETag of a job in its current state."""
    return f'"{revision(job)}"'


class NotModifiedError(Exception):
    """The client has what it asks for; no fault, but the way out of a route whose answer has a model."""

    def __init__(self, etag: str) -> None:
        """Name what the client has."""
        super().__init__(etag)
        self.etag = etag


def not_modified(etag: str) -> dict[str, Any]:
    """Return the reply without content (RFC 9110 section 15.4.5)."""
    return {"statusCode": HTTPStatus.NOT_MODIFIED.value, "headers": {"ETag": etag}, "body": ""}


def is_unchanged(headers: Mapping[str, str], current: str) -> bool:
    """Return whether a client has what this ETag is of: its If-None-Match names it, compared weakly.

    Args:
        headers: the request's, by lower-case names. A malformed If-None-Match names nothing.
        current: the ETag.
    """
    asked = headers.get("if-none-match", "").strip()
    if not asked or len(asked) > HEADER_CHARACTERS:
        return False
    return current.removeprefix("W/") in (tag.strip().removeprefix("W/") for tag in asked.split(","))


# What has versions of its own in some of its answers: none of the others gets an ETag that looks like one.
_VERSIONED = "/profiles/<name>"


def revalidated(event: Mapping[str, Any], route: str, reply: dict[str, Any]) -> dict[str, Any]:
    """Add an ETag to the answer to a GET; answer 304 without content if the client has it already.

    The ETag is weak and made from the content. An answer with an ETag of its own is left as it is: that one names a
    version, which may be shown in several ways.

    Args:
        event: the request.
        route: the pattern of its path.
        reply: the answer to it.
    """
    method, headers = event["requestContext"]["http"]["method"], reply["headers"]
    if method != "GET" or reply["statusCode"] != HTTPStatus.OK or "ETag" in headers or route == _VERSIONED:
        return reply
    tag = f'W/"{hashlib.sha256(reply["body"].encode(errors="surrogatepass")).hexdigest()[:32]}"'
    if is_unchanged(event["headers"], tag):
        return not_modified(tag)
    return {**reply, "headers": {**headers, "ETag": tag}}


def of_job(headers: Mapping[str, str]) -> frozenset[str] | None:
    """Read which versions of a job a request is meant for; None: any. A weak ETag matches none.

    Raises:
        InvalidRequestError: If-Match is neither `*` nor a list of ETags, or there is an If-None-Match.
    """
    match = headers.get("if-match", "").strip()
    if headers.get("if-none-match", "").strip():
        raise InvalidRequestError(
            "If-None-Match is not supported here: jobs are created by POST /jobs; leave the header out"
        )
    if match in ("", ANY):
        return None
    return frozenset(tag[1:-1] for tag in _tags(match) if tag.startswith('"'))


def precondition(headers: Mapping[str, str]) -> Precondition:
    """Read what a request expects of the current version. A weak ETag, or one that is not ours, matches none.

    Raises:
        InvalidRequestError: If-Match is neither `*` nor a list of ETags, or If-None-Match is not `*`.
    """
    match, none_match = (headers.get(name, "").strip() for name in ("if-match", "if-none-match"))
    if none_match not in ("", ANY):
        raise InvalidRequestError("If-None-Match must be *, which creates and never replaces")
    if match and none_match:
        raise InvalidRequestError("send If-Match or If-None-Match, not both")
    if none_match:
        return Precondition(exists=False)
    if match in ("", ANY):
        return Precondition(exists=True if match else None)
    ours = (_OURS.fullmatch(tag) for tag in _tags(match))
    return Precondition(one_of=frozenset(int(found[1]) for found in ours if found))


def _tags(match: str) -> list[str]:
    tags = [tag.strip() for tag in match.split(",")]
    if len(match) > HEADER_CHARACTERS or not all(map(_TAG.fullmatch, tags)):
        raise InvalidRequestError('If-Match must be * or ETags, as in "3"')
    return tags
