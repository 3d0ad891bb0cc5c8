"""Errors as RFC 9457 problem+json, each with a stable `code`; the one table of codes and statuses."""

from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus
from itertools import islice
from typing import Any, Final

from functions.api.http.response import JSON, json_text
from whendue.errors import (
    AuthenticationError,
    BackfillNotFoundError,
    BuiltInProfileError,
    DeliveryNotFoundError,
    DocumentNotFoundError,
    ForbiddenError,
    HeaderInjectionError,
    IdempotencyConflictError,
    InvalidCursorError,
    InvalidExpiryError,
    InvalidPayloadError,
    InvalidReferenceError,
    InvalidRequestError,
    InvalidScheduleError,
    InvalidWorkflowError,
    JobNotFoundError,
    NotAllowedError,
    OldTableError,
    OperationNotFoundError,
    PayloadTooLargeError,
    PreconditionFailedError,
    ProfileNotFoundError,
    QueueNotFoundError,
    ResponseTooLargeError,
    ScheduleNotFoundError,
    StateConflictError,
    SubscriptionNotFoundError,
    TaskNotFoundError,
    TimeoutTooLongError,
    TooManyOperationsError,
    TooManyProfilesError,
    TooManySchedulesError,
    TooManySubscriptionsError,
    UnavailableError,
    UniqueConflictError,
    UnknownChannelError,
    UnknownDependencyError,
    UnknownProfileError,
    UnknownQueueError,
    UnknownSubscriptionError,
    UnknownTaskError,
    UnreadableError,
    UnstorableError,
    WhendueError,
    WorkflowNotFoundError,
)
from whendue.jobs.failures import line_of
from whendue.outbound.ssrf import TargetRefusedError
from whendue.quotas import (
    BATCH_PROBLEM_PLACES,
    BATCH_PROBLEM_TEXT_BYTES,
    PLACE_CHARACTERS,
    PROBLEM_PLACES,
    PROBLEM_TEXT_BYTES,
)

# Where a value may be a text or an object, pydantic says which of them it has tried.
TEXT: Final = "(text)"
OBJECT: Final = "(object)"
UNNAMED: Final = (TEXT, OBJECT)
CONTENT_TYPE: Final = "application/problem+json"
RETRY_AFTER_S: Final = "2"
# Details of errors that are members of the problem; others are for headers.
EXTRAS: Final = ("errors", "jobId", "limitSeconds", "profiles", "queues", "state")


class MalformedRequestError(WhendueError):
    """The body or the query is not well-formed: the body must be JSON in UTF-8."""

    code = "malformed_request"


class BodyTooLargeError(WhendueError):
    """The body is too large, or this operation takes none; send a smaller body, or none."""

    code = "body_too_large"


class UnsupportedMediaTypeError(WhendueError):
    """The media type is not supported; send Content-Type: application/json."""

    code = "unsupported_media_type"


class UriTooLongError(WhendueError):
    """The request's path and query are too long."""

    code = "uri_too_long"


class HeadersTooLargeError(WhendueError):
    """The request has too many header fields, or they are too large."""

    code = "headers_too_large"


class RouteNotFoundError(WhendueError):
    """No operation has this path."""

    code = "route_not_found"


class MethodNotAllowedError(WhendueError):
    """This path does not support this method; the header Allow lists the methods that it supports."""

    code = "method_not_allowed"


STATUS: Final[Mapping[type[WhendueError], HTTPStatus]] = {
    MalformedRequestError: HTTPStatus.BAD_REQUEST,
    InvalidCursorError: HTTPStatus.BAD_REQUEST,
    InvalidScheduleError: HTTPStatus.BAD_REQUEST,
    HeaderInjectionError: HTTPStatus.BAD_REQUEST,
    AuthenticationError: HTTPStatus.UNAUTHORIZED,
    ForbiddenError: HTTPStatus.FORBIDDEN,
    JobNotFoundError: HTTPStatus.NOT_FOUND,
    ProfileNotFoundError: HTTPStatus.NOT_FOUND,
    QueueNotFoundError: HTTPStatus.NOT_FOUND,
    TaskNotFoundError: HTTPStatus.NOT_FOUND,
    ScheduleNotFoundError: HTTPStatus.NOT_FOUND,
    BackfillNotFoundError: HTTPStatus.NOT_FOUND,
    OperationNotFoundError: HTTPStatus.NOT_FOUND,
    WorkflowNotFoundError: HTTPStatus.NOT_FOUND,
    SubscriptionNotFoundError: HTTPStatus.NOT_FOUND,
    DeliveryNotFoundError: HTTPStatus.NOT_FOUND,
    DocumentNotFoundError: HTTPStatus.NOT_FOUND,
    RouteNotFoundError: HTTPStatus.NOT_FOUND,
    MethodNotAllowedError: HTTPStatus.METHOD_NOT_ALLOWED,
    IdempotencyConflictError: HTTPStatus.CONFLICT,
    StateConflictError: HTTPStatus.CONFLICT,
    UniqueConflictError: HTTPStatus.CONFLICT,
    BuiltInProfileError: HTTPStatus.CONFLICT,
    TooManyProfilesError: HTTPStatus.CONFLICT,
    TooManyOperationsError: HTTPStatus.CONFLICT,
    TooManySchedulesError: HTTPStatus.CONFLICT,
    TooManySubscriptionsError: HTTPStatus.CONFLICT,
    PreconditionFailedError: HTTPStatus.PRECONDITION_FAILED,
    BodyTooLargeError: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    PayloadTooLargeError: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    UriTooLongError: HTTPStatus.REQUEST_URI_TOO_LONG,
    HeadersTooLargeError: HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
    UnsupportedMediaTypeError: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    InvalidPayloadError: HTTPStatus.UNPROCESSABLE_ENTITY,
    InvalidExpiryError: HTTPStatus.UNPROCESSABLE_ENTITY,
    InvalidReferenceError: HTTPStatus.UNPROCESSABLE_ENTITY,
    InvalidRequestError: HTTPStatus.UNPROCESSABLE_ENTITY,
    InvalidWorkflowError: HTTPStatus.UNPROCESSABLE_ENTITY,
    NotAllowedError: HTTPStatus.UNPROCESSABLE_ENTITY,
    UnknownDependencyError: HTTPStatus.UNPROCESSABLE_ENTITY,
    UnknownProfileError: HTTPStatus.UNPROCESSABLE_ENTITY,
    UnknownQueueError: HTTPStatus.UNPROCESSABLE_ENTITY,
    TimeoutTooLongError: HTTPStatus.UNPROCESSABLE_ENTITY,
    UnknownTaskError: HTTPStatus.UNPROCESSABLE_ENTITY,
    UnstorableError: HTTPStatus.UNPROCESSABLE_ENTITY,
    UnknownChannelError: HTTPStatus.UNPROCESSABLE_ENTITY,
    UnknownSubscriptionError: HTTPStatus.UNPROCESSABLE_ENTITY,
    TargetRefusedError: HTTPStatus.UNPROCESSABLE_ENTITY,
    ResponseTooLargeError: HTTPStatus.INTERNAL_SERVER_ERROR,
    UnreadableError: HTTPStatus.INTERNAL_SERVER_ERROR,
    UnavailableError: HTTPStatus.SERVICE_UNAVAILABLE,
    OldTableError: HTTPStatus.SERVICE_UNAVAILABLE,
}


def status_of(error: WhendueError) -> HTTPStatus:
    """Return the HTTP status of an error; 500 for one that no user can cause."""
    return STATUS.get(type(error), HTTPStatus.INTERNAL_SERVER_ERROR)


def is_known(error: WhendueError) -> bool:
    """Return whether a user may see this error."""
    return type(error) in STATUS


def problem(error: WhendueError, places: int = PROBLEM_PLACES, text_bytes: int = PROBLEM_TEXT_BYTES) -> dict[str, Any]:
    """Describe an error: type, title, status, code, detail, and what else it knows (places, never values).

    Args:
        error: what went wrong.
        places: maximum number of places that are named.
        text_bytes: a text is cut to this: names in it may be the sender's, as long as the request.
    """
    status, known = status_of(error), is_known(error)
    code = error.code if known else WhendueError.code
    return {
        "type": f"urn:whendue:problem:{code}",
        "title": status.phrase,
        "status": status.value,
        "code": code,
        "detail": line_of(str(error), text_bytes)
        if known
        else "Something went wrong inside whendue. It was logged; try again later.",
    } | {name: _cut(value, places, text_bytes) for name, value in error.details.items() if known and name in EXTRAS}


def problem_in_batch(error: WhendueError) -> dict[str, Any]:
    """Describe an error of one of many; what it names is cut shorter."""
    return problem(error, BATCH_PROBLEM_PLACES, BATCH_PROBLEM_TEXT_BYTES)


def problem_of(code: str, text: str) -> dict[str, Any]:
    """Describe an error of one of many, of which code and text are kept."""
    kind = next((kind for kind in STATUS if kind.code == code), WhendueError)
    error = kind.__new__(kind)
    WhendueError.__init__(error, text)
    return problem_in_batch(error)


def _cut(value: Any, places: int, text_bytes: int) -> Any:
    match value:
        case str():
            return line_of(value, text_bytes)
        case Mapping():
            return {line_of(str(name), text_bytes): _cut(item, places, text_bytes) for name, item in value.items()}
        case Sequence():
            return [_cut(item, places, text_bytes) for item in value[:places]]
        case _:
            return value


def reply(error: WhendueError) -> dict[str, Any]:
    """Return the HTTP reply for an error."""
    headers = {"Content-Type": CONTENT_TYPE}
    if isinstance(error, AuthenticationError):
        headers["WWW-Authenticate"] = 'Bearer error="invalid_token"'
    if isinstance(error, ForbiddenError):
        headers["WWW-Authenticate"] = f'Bearer error="insufficient_scope", scope="{error.details["scope"]}"'
    if isinstance(error, UnavailableError):
        headers["Retry-After"] = RETRY_AFTER_S
    if isinstance(error, UnsupportedMediaTypeError):
        # RFC 9110 section 15.5.16: what would have been taken.
        headers |= {"Accept": JSON, "Accept-Encoding": "identity"}
    if isinstance(error, MethodNotAllowedError):
        headers["Allow"] = str(error.details["allow"])
    return {"statusCode": status_of(error).value, "headers": headers, "body": json_text(problem(error))}


def invalid(errors: Sequence[Mapping[str, Any]], what: str = "the request is not valid") -> InvalidRequestError:
    """Name the places that pydantic found wrong, without their values; the first of them if there are many."""
    # Few processes answer a request that is not valid.
    from functions.api.schemas.shared.plain_words import plain

    places = [{"where": location(error["loc"]), "problem": plain(error)} for error in errors[:PROBLEM_PLACES]]
    return InvalidRequestError(what, errors=places)


def location(steps: Iterable[object]) -> str:
    """Name a place in a request, as in `body.tags.a`, in a few printable characters: names are a stranger's text."""
    named = (str(step)[:PLACE_CHARACTERS] for step in islice(steps, PLACE_CHARACTERS) if step not in UNNAMED)
    text = ".".join(named)[:PLACE_CHARACTERS]
    return text if text.isprintable() else "".join(sign if sign.isprintable() else "?" for sign in text)
