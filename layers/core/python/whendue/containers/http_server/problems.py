"""What the server itself answers: problem documents (RFC 9457) with stable codes, as those of the API."""

import json
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final

from whendue.containers.http_server.bounds import (
    BODY_S,
    HEAD_BYTES,
    HEAD_S,
    PAYLOAD_BYTES,
    REQUEST_S,
    RETRY_AFTER_S,
)
from whendue.errors import WhendueError

_SECURITY: Final = {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"}
AGAIN: Final = "send it again with the same Idempotency-Key"


@dataclass(frozen=True, slots=True)
class Problem:
    """A refusal.

    Args:
        status: of the answer.
        code: for programs; it never changes.
        detail: for people.
        headers: further headers of the answer.
    """

    status: HTTPStatus
    code: str
    detail: str
    headers: dict[str, str] = field(default_factory=dict)

    def reply(self) -> dict[str, Any]:
        """Return it as a handler would."""
        document = {
            "type": f"urn:whendue:problem:{self.code}",
            "title": self.status.phrase,
            "status": self.status.value,
            "code": self.code,
            "detail": self.detail,
        }
        headers = {"Content-Type": "application/problem+json", **_SECURITY, **self.headers}
        return {"statusCode": self.status.value, "headers": headers, "body": json.dumps(document)}


_CLOSE: Final = {"Connection": "close"}
_RETRY: Final = {"Retry-After": str(RETRY_AFTER_S)}

MALFORMED: Final = Problem(
    HTTPStatus.BAD_REQUEST, "malformed_request", "the request must be HTTP/1.1 (RFC 9112)", _CLOSE
)
TOO_SLOW: Final = Problem(
    HTTPStatus.REQUEST_TIMEOUT,
    "request_timeout",
    f"the request must arrive in time: its headers within {HEAD_S} s, its body within {BODY_S} s",
    _CLOSE,
)
BODY_TOO_LARGE: Final = Problem(
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "body_too_large", f"the body must have at most {PAYLOAD_BYTES} bytes"
)
URI_TOO_LONG: Final = Problem(
    HTTPStatus.REQUEST_URI_TOO_LONG,
    "uri_too_long",
    f"request line and headers together must have at most {HEAD_BYTES} bytes; the request line alone has more",
    _CLOSE,
)
HEADERS_TOO_LARGE: Final = Problem(
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
    "headers_too_large",
    f"request line and headers together must have at most {HEAD_BYTES} bytes",
    _CLOSE,
)
OVERLOADED: Final = Problem(
    HTTPStatus.SERVICE_UNAVAILABLE,
    "overloaded",
    f"too many requests are under way; nothing of this one was carried out: {AGAIN}",
    _RETRY,
)
TOO_MANY_CONNECTIONS: Final = Problem(
    HTTPStatus.SERVICE_UNAVAILABLE, "overloaded", "too many connections are open; connect again later", _RETRY | _CLOSE
)
SHUTTING_DOWN: Final = Problem(
    HTTPStatus.SERVICE_UNAVAILABLE,
    "shutting_down",
    f"the process ended before the request did, which may have been carried out: {AGAIN}",
    _RETRY | _CLOSE,
)
TIMEOUT: Final = Problem(
    HTTPStatus.GATEWAY_TIMEOUT,
    "timeout",
    f"the request took longer than {REQUEST_S} s; it may have been carried out, or still be: {AGAIN}",
)
INTERNAL: Final = Problem(
    HTTPStatus.INTERNAL_SERVER_ERROR,
    WhendueError.code,
    "Something went wrong inside whendue. It was logged; try again later.",
)
# All of them, by their codes: docs/operations/containers.md lists them.
PROBLEMS: Final = (
    MALFORMED,
    TOO_SLOW,
    BODY_TOO_LARGE,
    URI_TOO_LONG,
    HEADERS_TOO_LARGE,
    INTERNAL,
    OVERLOADED,
    SHUTTING_DOWN,
    TIMEOUT,
)


class RefusedError(Exception):
    """The server answers by itself."""

    def __init__(self, problem: Problem) -> None:
        """Answer with this problem."""
        super().__init__(problem.code)
        self.problem = problem
