"""Replies: those to what was accepted, what Lambda makes of a reply, and how large that may be.

The runtime writes what a function returns as JSON, body and all, so a body that is JSON itself is escaped once more.
Runtimes of Python 3.12 and newer leave letters that are not ASCII as they are, older ones and emulators may not: the
worse is assumed. Source: `Encoder` in awslambdaric 4.2.2, awslambdaric/lambda_runtime_marshaller.py.
"""

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final, TypeVar

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.shared.json_encoder import Encoder

from whendue.quotas import RESPONSE_BYTES

T = TypeVar("T")
JSON: Final = "application/json"

# The longest that one character is as JSON text: a pair of surrogates, six bytes each.
WORST: Final = 12


def accepted(location: str, body: T, *, created: bool, replayed: bool | None = None) -> Response[T]:
    """Reply to a submit.

    Args:
        location: the path to read the job at.
        body: the job as it is shown.
        created: whether this request created it.
        replayed: whether an earlier one with the same Idempotency-Key did. Default: if this one did not.
    """
    headers: dict[str, str | list[str]] = {"Location": location}
    if replayed if replayed is not None else not created:
        headers["Idempotency-Replayed"] = "true"
    return Response(accepted_status(created=created), JSON, body, headers)


def accepted_status(*, created: bool) -> HTTPStatus:
    """Return the status of an accepted job, alone or in a batch."""
    return HTTPStatus.ACCEPTED if created else HTTPStatus.OK


def json_text(value: Any) -> str:
    """Write JSON as short as it goes: escaped letters would be escaped again, backslashes and all."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), cls=Encoder)
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        # Half a pair, which a task may return: as text it could not be sent.
        return json.dumps(value, separators=(",", ":"), cls=Encoder)
    return text


def is_too_large(reply: Mapping[str, Any]) -> bool:
    """Return whether Lambda may refuse a reply as too large."""
    bound = sum(len(name) + len(value) for name, value in reply["headers"].items()) + len(reply["body"])
    if WORST * bound + 1024 < RESPONSE_BYTES:
        return False
    return len(json.dumps(reply)) >= RESPONSE_BYTES
