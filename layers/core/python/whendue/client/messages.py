"""Requests and answers as values. A request is made and an answer is read by pure functions."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any, Final, Generic, TypeVar
from urllib.parse import quote, urlencode

from whendue.client.errors import ApiError, UnexpectedAnswerError, error_of
from whendue.client.json_values import UnexpectedJsonError, from_json, time_text, to_json
from whendue.client.models.common import Problem
from whendue.client.routes import ROUTES, Route

T = TypeVar("T")
# Names of the id that AWS's gateways give to a request: HTTP APIs, REST APIs, proxies.
_REQUEST_IDS: Final = ("apigw-requestid", "x-amzn-requestid", "x-request-id")
_KEY_CHARACTERS: Final = 255
# A gateway's detail, for people.
_TEXT_CHARACTERS: Final = 200


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer of HTTP.

    Args:
        status: its status.
        headers: names in lower case.
        content: its body.
    """

    status: int
    headers: Mapping[str, str]
    content: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Request(Generic[T]):
    """A request, and what reads its answer.

    Args:
        route: the operation.
        path: its path with the query, escaped.
        read: returns the result of an answer.
        headers: of the request, without its token.
        body: its JSON; None sends none.
        repeatable: whether it may be sent again although it may have been carried out.
        statuses: further statuses that are no errors, when their body is no problem.
        wait_s: how long the API is asked to wait with its answer, seconds.
    """

    route: Route
    path: str
    read: Callable[[Answer], T]
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    repeatable: bool = True
    statuses: frozenset[int] = frozenset()
    wait_s: int = 0


def request(
    operation: str,
    read: Callable[[Answer], T],
    *,
    at: Mapping[str, str | int] | None = None,
    query: Mapping[str, Any] | None = None,
    headers: Mapping[str, str | None] | None = None,
    body: Any = None,
    repeatable: bool | None = None,
    statuses: frozenset[int] = frozenset(),
    wait_s: int = 0,
) -> Request[T]:
    """Make the request of an operation.

    Args:
        operation: its operationId.
        read: returns the result of an answer.
        at: the values in its path.
        query: parameters; those that are None are left out, lists are sent as several.
        headers: those that are None are left out.
        body: an input, or a mapping of inputs.
        repeatable: as the route says if None.
        statuses, wait_s: as of `Request`.

    Raises:
        ValueError: a value cannot be part of a request.
    """
    route = ROUTES[operation]
    given = {name: text for name, text in (headers or {}).items() if text is not None}
    for name, text in given.items():
        if not text.isascii() or not text.isprintable() or not text:
            raise ValueError(f"{name} must be printable ASCII characters")
    content = None if body is None else json.dumps(to_json(body), allow_nan=False, ensure_ascii=False).encode()
    return Request(
        route=route,
        path=_path(route, at or {}) + _query(query or {}),
        read=read,
        headers=given,
        body=content,
        repeatable=route.repeatable if repeatable is None else repeatable,
        statuses=statuses,
        wait_s=wait_s,
    )


def checked_key(key: str) -> str:
    """Return an Idempotency-Key.

    Raises:
        ValueError: it is empty, too long, or not printable ASCII.
    """
    if not 0 < len(key) <= _KEY_CHARACTERS or not key.isascii() or not key.isprintable() or " " in key:
        raise ValueError(f"idempotency_key must be 1 to {_KEY_CHARACTERS} printable ASCII characters without spaces")
    return key


def _path(route: Route, values: Mapping[str, str | int]) -> str:
    path = route.path
    for name, value in values.items():
        # RFC 3986 section 5.2.4: clients and proxies take dots off the path.
        if (text := str(value)) in ("", ".", ".."):
            raise ValueError(f"{name} must not be empty, . or ..")
        path = path.replace(f"{{{name}}}", quote(text, safe=""))
    return path


def _query(parameters: Mapping[str, Any]) -> str:
    sent = {
        name: time_text(value) if hasattr(value, "utcoffset") else value
        for name, value in parameters.items()
        if value is not None
    }
    return f"?{urlencode(sent, doseq=True)}" if sent else ""


def model(kind: type[T]) -> Callable[[Answer], T]:
    """Return what reads an answer as a model."""

    def read(answer: Answer) -> T:
        try:
            made: T = from_json(kind, json.loads(answer.content), answer.headers)
        except UnexpectedJsonError as error:
            raise _unexpected(answer, f": {error}") from None
        except ValueError:
            raise _unexpected(answer, ", and is not JSON") from None
        return made

    return read


def json_value(answer: Answer) -> Any:
    """Read an answer as JSON of any kind."""
    try:
        return json.loads(answer.content)
    except ValueError:
        raise _unexpected(answer, ", and is not JSON") from None


def nothing(answer: Answer) -> None:
    """Read an answer without a body."""


def text(answer: Answer) -> str:
    """Read an answer as text."""
    return answer.content.decode(errors="replace")


def is_result(answer: Answer, wanted: Request[Any]) -> bool:
    """Return whether an answer is a result, and no error."""
    if answer.status in wanted.statuses:
        return not answer.headers.get("content-type", "").startswith("application/problem+json")
    return HTTPStatus.OK <= answer.status < HTTPStatus.MULTIPLE_CHOICES


def failure(answer: Answer, now_s: float) -> ApiError | UnexpectedAnswerError:
    """Return the error of an answer that is no result.

    Args:
        answer: the answer.
        now_s: the time, seconds since 1970, UTC.
    """
    if answer.status < HTTPStatus.BAD_REQUEST:
        return _unexpected(answer, ": a redirect is not followed, since the token would be sent elsewhere")
    error = error_of(_problem(answer))
    error.request_id = next((answer.headers[name] for name in _REQUEST_IDS if name in answer.headers), None)
    error.retry_after_s = retry_after_s(answer.headers.get("retry-after"), now_s)
    return error


def _problem(answer: Answer) -> Problem:
    """Return the problem of an answer; of a gateway's, which sends none, the message that it has."""
    try:
        body = json.loads(answer.content)
        problem: Problem = from_json(Problem, body)
    except UnexpectedJsonError:
        words = body.get("message") if isinstance(body, dict) else None
    except ValueError:
        words = None
    else:
        return problem
    detail = words[:_TEXT_CHARACTERS] if isinstance(words, str) else "the answer has no problem details"
    return Problem(status=answer.status, code=f"http_{answer.status}", detail=detail)


def retry_after_s(header: str | None, now_s: float) -> float | None:
    """Read a Retry-After, seconds or a date (RFC 9110 section 10.2.3); None if there is none that can be read."""
    if header is None:
        return None
    if header.isascii() and header.isdigit():
        # More digits than any wait has.
        return float(header[:9])
    try:
        return max(0.0, parsedate_to_datetime(header).timestamp() - now_s)
    except ValueError:
        return None


def _unexpected(answer: Answer, why: str) -> UnexpectedAnswerError:
    return UnexpectedAnswerError(f"the answer {answer.status} is not one of this API{why}")
