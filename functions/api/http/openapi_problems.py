"""Which problems an operation may answer, for the OpenAPI document. A test holds them against every answer of the API.

An operation is named by its method and its path as OpenAPI writes it, as in `POST /jobs`.
"""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

from functions.api.http.problems import (
    CONTENT_TYPE,
    STATUS,
    BodyTooLargeError,
    HeadersTooLargeError,
    MalformedRequestError,
    MethodNotAllowedError,
    RouteNotFoundError,
    UnsupportedMediaTypeError,
    UriTooLongError,
)
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
from whendue.outbound.ssrf import TargetRefusedError

Errors = tuple[type[WhendueError], ...]

# Checked before a route is asked: see functions/api/http/body.py.
ANY: Final[Errors] = (
    MalformedRequestError,
    BodyTooLargeError,
    UriTooLongError,
    InvalidRequestError,
    HeadersTooLargeError,
    ResponseTooLargeError,
    WhendueError,
)
PROTECTED: Final[Errors] = (AuthenticationError, ForbiddenError, OldTableError, UnavailableError)
# A slash inside a parameter makes it another path.
WITH_PARAMETERS: Final[Errors] = (RouteNotFoundError,)
WITH_BODY: Final[Errors] = (UnsupportedMediaTypeError,)
CONDITIONAL: Final[Errors] = (PreconditionFailedError,)
LISTED: Final[Errors] = (InvalidCursorError,)
CHANGED: Final[Errors] = (StateConflictError, UnstorableError)
NOT_FOUND: Final[Mapping[str, type[WhendueError]]] = {
    "/jobs/{job_id}": JobNotFoundError,
    "/profiles/{name}": ProfileNotFoundError,
    "/operations/{operation_id}": OperationNotFoundError,
    "/queues/{name}": QueueNotFoundError,
    "/schedules/{name}": ScheduleNotFoundError,
    "/schedules/{name}/backfills/{backfill_id}": BackfillNotFoundError,
    "/subscriptions/{name}": SubscriptionNotFoundError,
    "/subscriptions/{name}/deliveries/{delivery_id}": DeliveryNotFoundError,
    "/tasks/{name}": TaskNotFoundError,
    "/workflows/{workflow_id}": WorkflowNotFoundError,
}
# Of a queue there is no item, and what can be read of a schedule is shown.
ALWAYS_SHOWN: Final = (QueueNotFoundError, ScheduleNotFoundError)
TEMPLATE: Final[Errors] = (
    InvalidPayloadError,
    InvalidReferenceError,
    NotAllowedError,
    PayloadTooLargeError,
    TargetRefusedError,
    TimeoutTooLongError,
    UnknownProfileError,
    UnknownQueueError,
    UnknownSubscriptionError,
    UnknownTaskError,
    UnstorableError,
)
SUBMIT: Final[Errors] = (*TEMPLATE, IdempotencyConflictError, UnknownDependencyError, UnreadableError)
OWN: Final[Mapping[str, Errors]] = {
    "POST /jobs": (*SUBMIT, InvalidExpiryError, UniqueConflictError),
    "POST /tasks/schedule": (*SUBMIT, InvalidExpiryError, UniqueConflictError),
    "POST /workflows": (*SUBMIT, InvalidExpiryError, InvalidWorkflowError),
    "POST /unique/holder": (UnreadableError,),
    "GET /jobs": LISTED,
    "GET /jobs/{job_id}/attempts": LISTED,
    "GET /jobs/{job_id}/events": LISTED,
    "GET /jobs/{job_id}/logs": LISTED,
    "GET /jobs/{job_id}/payload": (DocumentNotFoundError,),
    "GET /jobs/{job_id}/result": (DocumentNotFoundError,),
    "PATCH /jobs/{job_id}": (*CHANGED, InvalidExpiryError, TimeoutTooLongError, UnknownQueueError),
    "DELETE /jobs/{job_id}": CHANGED,
    "POST /jobs/{job_id}/cancel": CHANGED,
    "POST /jobs/{job_id}/redrive": CHANGED,
    "GET /workflows": LISTED,
    "POST /workflows/{workflow_id}/cancel": CHANGED,
    "POST /workflows/{workflow_id}/retry": CHANGED,
    "GET /dead-letters": LISTED,
    "GET /dead-letters/by-tenant": LISTED,
    "POST /dead-letters/redrive": (*LISTED, TooManyOperationsError),
    "POST /operations": (
        IdempotencyConflictError,
        TooManyOperationsError,
        UnknownQueueError,
        UnreadableError,
        UnstorableError,
    ),
    "GET /operations": LISTED,
    "POST /operations/{operation_id}/cancel": CHANGED,
    "POST /operations/{operation_id}/undo": (*CHANGED, TooManyOperationsError),
    "GET /schedules": LISTED,
    "POST /schedules/preview": (InvalidScheduleError, InvalidReferenceError, InvalidWorkflowError),
    "PUT /schedules/{name}": (
        *TEMPLATE,
        InvalidScheduleError,
        InvalidWorkflowError,
        StateConflictError,
        TooManySchedulesError,
    ),
    "DELETE /schedules/{name}": CHANGED,
    "POST /schedules/{name}/pause": (*CHANGED, InvalidScheduleError),
    "POST /schedules/{name}/resume": CHANGED,
    "POST /schedules/{name}/trigger": (*SUBMIT, StateConflictError, UniqueConflictError),
    "POST /schedules/{name}/backfill": CHANGED,
    "GET /schedules/{name}/backfills": LISTED,
    "POST /schedules/{name}/backfills/{backfill_id}/cancel": CHANGED,
    "POST /schedules/{name}/backfills/{backfill_id}/pause": CHANGED,
    "POST /schedules/{name}/backfills/{backfill_id}/resume": CHANGED,
    "GET /schedules/{name}/fires": LISTED,
    "PUT /profiles/{name}": (
        BuiltInProfileError,
        TimeoutTooLongError,
        TooManyProfilesError,
        UnknownQueueError,
        UnknownSubscriptionError,
        UnstorableError,
    ),
    "DELETE /profiles/{name}": (BuiltInProfileError, UnstorableError),
    "POST /pauses": (*CHANGED, UnknownTaskError),
    "DELETE /pauses/tenant": CHANGED,
    "DELETE /pauses/types/{type}": CHANGED,
    "POST /queues/{name}/pause": CHANGED,
    "POST /queues/{name}/resume": CHANGED,
    "PUT /subscriptions/{name}": (
        HeaderInjectionError,
        NotAllowedError,
        StateConflictError,
        TargetRefusedError,
        TooManySubscriptionsError,
        UnknownChannelError,
        UnstorableError,
    ),
    "DELETE /subscriptions/{name}": (StateConflictError,),
    "POST /subscriptions/{name}/rotate-secret": CHANGED,
    "POST /subscriptions/{name}/enable": CHANGED,
    "POST /subscriptions/{name}/test": (StateConflictError, UnknownChannelError),
    "GET /subscriptions/{name}/deliveries": LISTED,
    "POST /subscriptions/{name}/deliveries/{delivery_id}/replay": CHANGED,
}
# Answered where there is no operation; the document's description explains it.
OF_NO_OPERATION: Final = {MethodNotAllowedError}
HEADERS: Final[Mapping[HTTPStatus, Mapping[str, str]]] = {
    HTTPStatus.UNAUTHORIZED: {"WWW-Authenticate": "How to authenticate (RFC 6750)."},
    HTTPStatus.FORBIDDEN: {"WWW-Authenticate": "The scope that the token must have (RFC 6750)."},
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: {
        "Accept": "The media type to send.",
        "Accept-Encoding": "The content coding to send.",
    },
    HTTPStatus.SERVICE_UNAVAILABLE: {"Retry-After": "Seconds to wait before the request is sent again."},
}


def errors_of(method: str, path: str, *, public: bool, conditional: bool) -> dict[HTTPStatus, Errors]:
    """Return the errors that an operation may answer, by status.

    Args:
        method: in capitals.
        path: as OpenAPI writes it.
        public: it needs no token.
        conditional: it takes `If-Match`.
    """
    errors = {*ANY, *OWN.get(f"{method} {path}", ())} | ({*()} if public else {*PROTECTED})
    errors |= {*WITH_PARAMETERS} if "{" in path else {*()}
    errors |= {*WITH_BODY} if method in ("POST", "PUT", "PATCH") else {*()}
    errors |= {*CONDITIONAL} if conditional else {*()}
    named = {error for prefix, error in NOT_FOUND.items() if f"{path}/".startswith(f"{prefix}/")}
    errors |= named | ({UnreadableError} if named.difference(ALWAYS_SHOWN) else {*()})
    grouped: dict[HTTPStatus, list[type[WhendueError]]] = {}
    for error in sorted(errors, key=lambda error: error.code):
        grouped.setdefault(STATUS.get(error, HTTPStatus.INTERNAL_SERVER_ERROR), []).append(error)
    return {status: tuple(grouped[status]) for status in sorted(grouped)}


def response_of(status: HTTPStatus, errors: Errors) -> dict[str, Any]:
    """Describe the answer of a status: its codes, each with an example, and its header fields."""
    codes = [error.code for error in errors]
    answer: dict[str, Any] = {
        "description": f"{status.phrase}. Codes: {', '.join(f'`{code}`' for code in codes)}.",
        "content": {
            CONTENT_TYPE: {
                "schema": {"$ref": "#/components/schemas/Problem"},
                "examples": {code: {"$ref": f"#/components/examples/{code}"} for code in codes},
            }
        },
    }
    headers = {
        name: {"description": text, "schema": {"type": "string"}} for name, text in HEADERS.get(status, {}).items()
    }
    return answer | ({"headers": headers} if headers else {})


def examples() -> dict[str, Any]:
    """Return one example of each problem that an operation names, by its code."""
    every: tuple[type[WhendueError], ...] = (WhendueError, *STATUS)
    named = [error for error in every if error not in OF_NO_OPERATION]
    return {error.code: _example(error) for error in sorted(named, key=lambda error: error.code)}


def _example(error: type[WhendueError]) -> dict[str, Any]:
    summary, status = (error.__doc__ or "").splitlines()[0], STATUS.get(error, HTTPStatus.INTERNAL_SERVER_ERROR)
    value = {
        "type": f"urn:whendue:problem:{error.code}",
        "title": status.phrase,
        "status": status.value,
        "code": error.code,
        "detail": summary,
    }
    return {"summary": summary, "value": value}


def schema() -> dict[str, Any]:
    """Describe a problem."""
    return {
        "title": "Problem",
        "description": "Problem details (RFC 9457). `code` is stable; decide by it, not by the texts.",
        "type": "object",
        "required": ["type", "title", "status", "code", "detail"],
        "properties": {
            "type": {"type": "string", "description": "A URN that ends in the code."},
            "title": {"type": "string", "description": "The status's standard phrase."},
            "status": {"type": "integer", "description": "The HTTP status code."},
            "code": {
                "type": "string",
                "description": "Names the kind of problem; it never changes its meaning.",
                "enum": sorted({WhendueError.code} | {error.code for error in STATUS}),
            },
            "detail": {"type": "string", "description": "What is wrong, and what to send instead; for people."},
            "errors": {
                "type": "array",
                "description": "The places in the request that are wrong.",
                "items": {
                    "type": "object",
                    "required": ["where", "problem"],
                    "properties": {
                        "where": {"type": "string", "description": "The place, as in `body.tags.team`."},
                        "problem": {"type": "string", "description": "What is wrong there."},
                    },
                },
            },
        },
    }
