"""What is checked of a request before its route sees it. Nothing is read before it is known who may send it there.

The order is: length of path and headers, route, token, scope, then query, size, media type, and parsing at last.
"""

import base64
import binascii
import re
from collections.abc import Collection, Mapping
from typing import Any, Final, NamedTuple, get_args, get_origin
from urllib.parse import parse_qsl, quote

from aws_lambda_powertools.event_handler.api_gateway import Route

from functions.api.http import json_text
from functions.api.http.no_body import refuse_fields
from functions.api.http.problems import (
    BodyTooLargeError,
    HeadersTooLargeError,
    MalformedRequestError,
    UnsupportedMediaTypeError,
    UriTooLongError,
    location,
)
from functions.api.http.response import JSON
from whendue.errors import (
    BackfillNotFoundError,
    DeliveryNotFoundError,
    InvalidRequestError,
    JobNotFoundError,
    OperationNotFoundError,
    WhendueError,
    WorkflowNotFoundError,
)
from whendue.quotas import (
    BODY_BYTES,
    BODY_FIELDS,
    BULK_BODY_FIELDS,
    HEADERS,
    HEADERS_BYTES,
    ID_CHARACTERS,
    IDEMPOTENCY_KEY_BYTES,
    JOB_BODY_BYTES,
    QUERY_PARAMETERS,
    SMALL_BODY_BYTES,
    TARGET_BYTES,
)

KEY = re.compile(rf"[\x21-\x7e]{{1,{IDEMPOTENCY_KEY_BYTES}}}")


class Room(NamedTuple):
    """What a request's body may be.

    Args:
        bytes: of UTF-8; 0 takes no body.
        fields: names and entries outside of payloads.
        items: the list whose items are judged each on its own.
    """

    bytes: int
    fields: int
    items: str | None = None


# RFC 9110 sections 9.3.1 and 9.3.2: content has no meaning in these; it is refused unread, as 413.
NO_BODY: Final = Room(0, 0)
SMALL: Final = Room(SMALL_BODY_BYTES, BODY_FIELDS)
ROOMS: Final[Mapping[tuple[str, str], Room]] = {
    ("POST", "/jobs"): Room(JOB_BODY_BYTES, BODY_FIELDS),
    ("POST", "/tasks/schedule"): Room(JOB_BODY_BYTES, BODY_FIELDS),
    ("POST", "/schedules/<name>/trigger"): Room(JOB_BODY_BYTES, BODY_FIELDS),
    ("POST", "/jobs/batch"): Room(BODY_BYTES, BULK_BODY_FIELDS, "jobs"),
    ("POST", "/workflows"): Room(BODY_BYTES, BULK_BODY_FIELDS),
    # Of somebody unknown, nothing is parsed: the code is in a header.
    ("POST", "/dashboard/sign-in"): NO_BODY,
}
# Requests that do their work again when they are sent again, as Powertools writes their paths.
UNKEYED: Final = frozenset(
    {
        "/dead-letters/redrive",
        "/operations/<operation_id>/undo",
        "/schedules/<name>/backfill",
        "/subscriptions/<name>/deliveries/<delivery_id>/replay",
        "/subscriptions/<name>/rotate-secret",
        "/subscriptions/<name>/test",
    }
)
# An id that cannot be one is answered like one that is not there, without asking the table.
_IDS: Final[Mapping[str, type[WhendueError]]] = {
    "job_id": JobNotFoundError,
    "workflow_id": WorkflowNotFoundError,
    "delivery_id": DeliveryNotFoundError,
    "backfill_id": BackfillNotFoundError,
    "operation_id": OperationNotFoundError,
}
_INTEGER: Final = re.compile(r"-?[0-9]{1,18}")
# RFC 8259 section 8.1; ASCII is part of it.
UTF_8: Final = frozenset({"utf-8", "utf8", "us-ascii"})
# What decoders put where bytes are not UTF-8.
REPLACEMENT: Final = "\ufffd"
_CHARSET: Final = re.compile(r"""(?:^|;)\s*charset\s*=\s*"?([^\s;"]*)""", re.IGNORECASE)
_ID: Final = re.compile(rf"[A-Za-z0-9._:~-]{{1,{ID_CHARACTERS}}}")


def room_of(route: Route) -> Room:
    """Return the bounds of a route's body: no body for GET and HEAD, a small one for routes that are not in `ROOMS`."""
    return ROOMS.get((route.method, route.path), NO_BODY if route.method in ("GET", "HEAD") else SMALL)


def check_lengths(event: Mapping[str, Any]) -> None:
    """Refuse a request whose path, query or headers are longer than anything that we take.

    Raises:
        UriTooLongError, HeadersTooLargeError: they are.
    """
    if len(event["rawPath"]) + len(event.get("rawQueryString") or "") > TARGET_BYTES:
        raise UriTooLongError(f"path and query together must have at most {TARGET_BYTES} bytes")
    headers = event["headers"]
    if len(headers) > HEADERS or sum(len(name) + len(value) for name, value in headers.items()) > HEADERS_BYTES:
        raise HeadersTooLargeError(
            f"the request must have at most {HEADERS} header fields, with {HEADERS_BYTES} bytes together"
        )


def check_ids(parameters: Mapping[str, str]) -> None:
    """Refuse an id in the path that cannot be one.

    Raises:
        JobNotFoundError, WorkflowNotFoundError, DeliveryNotFoundError: it cannot.
        BackfillNotFoundError, OperationNotFoundError: it cannot.
        InvalidRequestError: a name is one that no client can reach.
    """
    for name, value in parameters.items():
        if name in _IDS:
            if not _ID.fullmatch(value):
                raise _IDS[name]
        elif value in (".", ".."):
            # RFC 3986 section 5.2.4: clients and proxies take them off the path.
            raise InvalidRequestError(f"{name} must not be . or ..")


def repeatable(route: Route) -> frozenset[str]:
    """Name the query parameters of a route that may be sent several times: those that are lists."""
    return frozenset(
        parameter.alias for parameter in route.dependant.query_params if _is_list(parameter.field_info.annotation)
    )


def _is_list(annotation: Any) -> bool:
    return any(get_origin(part) is list for part in (annotation, *get_args(annotation)))


def checked_query(event: Mapping[str, Any], several: Collection[str] = ()) -> dict[str, Any]:
    """Return the query that replaces the original: each parameter once.

    Args:
        event: the request.
        several: names that may be sent several times; their values are joined by commas, each percent-encoded, since
            Powertools splits them there.

    Raises:
        InvalidRequestError: there are too many, one is repeated, or one holds control characters.
        MalformedRequestError: it is not UTF-8.
    """
    if not (raw := event.get("rawQueryString") or ""):
        return {"queryStringParameters": {}}
    try:
        pairs = parse_qsl(raw, keep_blank_values=True, errors="strict", max_num_fields=QUERY_PARAMETERS)
    except UnicodeDecodeError:
        raise MalformedRequestError("the query must be UTF-8, percent-encoded") from None
    except ValueError:
        raise InvalidRequestError(f"the query must have at most {QUERY_PARAMETERS} parameters") from None
    query = dict(pairs)
    once = [pair for pair in pairs if pair[0] not in several]
    wrong = [
        (name, "must be sent once") for name in dict(once) if len(dict(once)) < len(once) and _repeated(name, once)
    ]
    wrong += [(name, "must not have control characters") for name, value in pairs if not _is_line(value)]
    if wrong:
        places = [{"where": location(["query", name]), "problem": problem} for name, problem in wrong]
        raise InvalidRequestError("the query is not valid", errors=places)
    query |= {
        name: ",".join(quote(value) for other, value in pairs if other == name) for name in query if name in several
    }
    return {"queryStringParameters": query}


def check_integers(route: Route, given: Mapping[str, Mapping[str, str]]) -> None:
    """Refuse integers in other words than decimal digits: pydantic reads `1_0`, ` 10` and `+10` as 10.

    Args:
        route: the route.
        given: the parameters in `query` and `path`.

    Raises:
        InvalidRequestError: there is one.
    """
    asked = {"query": route.dependant.query_params, "path": route.dependant.path_params}
    places = [
        {"where": location([where, parameter.alias]), "problem": "must be an integer in decimal digits"}
        for where, parameters in asked.items()
        for parameter in parameters
        if parameter.field_info.annotation is int and not _INTEGER.fullmatch(given[where].get(parameter.alias, "0"))
    ]
    if places:
        raise InvalidRequestError("the request is not valid", errors=places)


def _repeated(name: str, pairs: list[tuple[str, str]]) -> bool:
    return sum(other == name for other, _ in pairs) > 1


def _is_line(text: str) -> bool:
    return not any(sign < " " or sign == "\x7f" or "\ud800" <= sign <= "\udfff" for sign in text)


def checked_body(event: Mapping[str, Any], route: Route) -> dict[str, Any]:
    """Return the body that replaces the original: its text (None if there is none), its media type and its value.

    Raises:
        BodyTooLargeError, UnsupportedMediaTypeError, MalformedRequestError, InvalidRequestError: it is not acceptable.
    """
    room = room_of(route)
    raw = event.get("body") or ""
    coded = bool(event.get("isBase64Encoded"))
    _check_size(raw, room, coded=coded)
    headers = event["headers"]
    text = raw.strip() and _decoded(raw, headers, coded=coded)
    if not text.strip():
        return {"body": None, "isBase64Encoded": False, "value": None}
    value = json_text.parse(text, room.items)
    if _fields(value, room.fields) > room.fields:
        raise InvalidRequestError(
            f"the body must have at most {room.fields} fields and list entries outside of payloads"
        )
    if not route.dependant.body_params:
        refuse_fields(value)
    # Powertools compares the media type letter by letter.
    return {"body": text, "isBase64Encoded": False, "headers": headers | {"content-type": JSON}, "value": value}


def _check_size(raw: str, room: Room, *, coded: bool) -> None:
    # Base64 is four thirds of what it holds; of that, nothing is longer than three quarters.
    size = len(raw) * 3 // 4 - raw[-2:].count("=") if coded else len(raw)
    if size > room.bytes or (not coded and len(raw.encode(errors="surrogatepass")) > room.bytes):
        raise BodyTooLargeError(
            f"the body must have at most {room.bytes} bytes" if room.bytes else "this request must have no body"
        )


def _decoded(raw: str, headers: Mapping[str, str], *, coded: bool) -> str:
    if headers.get("content-encoding", "").strip().lower() not in ("identity", ""):
        raise UnsupportedMediaTypeError("the body must not be compressed: send it without Content-Encoding")
    kind, _, parameters = headers.get("content-type", "").partition(";")
    if kind.strip().lower() != JSON:
        raise UnsupportedMediaTypeError
    if (charset := _CHARSET.search(parameters)) and charset[1].lower() not in UTF_8:
        raise UnsupportedMediaTypeError("the body must be UTF-8, as all JSON (RFC 8259 section 8.1)")
    if not coded:
        _check_replaced(raw, headers)
        return raw
    try:
        return base64.b64decode(raw, validate=True).decode()
    except (binascii.Error, ValueError) as error:
        raise MalformedRequestError("the body must be UTF-8") from error


def _check_replaced(text: str, headers: Mapping[str, str]) -> None:
    """Refuse a text in which a gateway has put U+FFFD where the bytes were not UTF-8.

    A gateway that hands over text does so without a word. A U+FFFD that was sent as such has the length that was sent,
    one that stands for a single byte has two bytes more. Nothing is known of a request without Content-Length.

    Raises:
        MalformedRequestError: it is longer or shorter than what was sent.
    """
    sent = headers.get("content-length", "")
    if REPLACEMENT in text and _INTEGER.fullmatch(sent) and int(sent) != len(text.encode(errors="surrogatepass")):
        raise MalformedRequestError("the body must be UTF-8")


def _fields(value: Any, most: int) -> int:
    """Count names and entries outside of payloads, until there are too many."""
    count, todo = 0, [value]
    while todo and count <= most:
        container = todo.pop()
        if isinstance(container, dict):
            todo.extend(
                inner for name, inner in container.items() if name != "payload" and isinstance(inner, dict | list)
            )
        elif isinstance(container, list):
            todo.extend(inner for inner in container if isinstance(inner, dict | list))
        else:
            continue
        count += len(container)
    return count


def check_key(event: Mapping[str, Any], route: Route) -> None:
    """Refuse an Idempotency-Key where a repeated request would do its work again all the same.

    Raises:
        InvalidRequestError: there is one; it must not look as if it were kept to.
    """
    if route.path in UNKEYED and "idempotency-key" in event["headers"]:
        raise InvalidRequestError(
            "this request does not support Idempotency-Key: sent again, it is carried out again; leave the header out"
        )


def idempotency_key(headers: Mapping[str, str]) -> str | None:
    """Return the Idempotency-Key; None if there is none.

    Raises:
        InvalidRequestError: it is empty, too long, or not printable ASCII.
    """
    key = headers.get("idempotency-key")
    if key is not None and not KEY.fullmatch(key):
        raise InvalidRequestError(f"Idempotency-Key must be 1 to {IDEMPOTENCY_KEY_BYTES} printable ASCII characters")
    return key
