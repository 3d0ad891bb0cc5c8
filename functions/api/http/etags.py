"""Optimistic locking over HTTP: a version's strong ETag, and what If-Match and If-None-Match ask of it.

Source: RFC 9110 sections 8.8.3, 13.1.1 and 13.1.2.
"""

import re
from collections.abc import Mapping

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
