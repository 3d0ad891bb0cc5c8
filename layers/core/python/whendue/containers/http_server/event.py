"""A request as the event of an API Gateway's HTTP API (payload format 2.0), and a handler's reply as an answer.

Source: https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
"""

import base64
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import parse_qsl, unquote

STAGE: Final = "$default"
# RFC 9110 sections 8.6 and 15.4.5: they have no content, and 204 no Content-Length either.
_BARE: Final = frozenset({HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED})


@dataclass(frozen=True, slots=True)
class Request:
    """A request as it arrived.

    Args:
        method: as it was sent.
        target: path and query as they were sent.
        headers: names in lower case, each as often as it was sent.
        body: its content.
        protocol: `HTTP/1.1`.
        source_ip: the client's address.
        request_id: of this request, in the log.
        now_ms: when it arrived, milliseconds since 1970.
    """

    method: str
    target: str
    headers: Sequence[tuple[str, str]]
    body: bytes
    protocol: str
    source_ip: str
    request_id: str
    now_ms: int


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer as it is sent."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes


def event_of(request: Request) -> dict[str, Any]:
    """Return the event: the path decoded, values of a repeated header or parameter joined by commas."""
    raw_path, _, query = _origin_form(request.target).partition("?")
    path = unquote(raw_path)
    headers = _joined(pair for pair in request.headers if pair[0] != "cookie")
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": STAGE,
        "rawPath": path,
        "rawQueryString": query,
        "headers": headers,
        "requestContext": {
            "domainName": headers.get("host", ""),
            "http": {
                "method": request.method,
                "path": path,
                "protocol": request.protocol,
                "sourceIp": request.source_ip,
                "userAgent": headers.get("user-agent", ""),
            },
            "requestId": request.request_id,
            "routeKey": STAGE,
            "stage": STAGE,
            "timeEpoch": request.now_ms,
        },
        **_content(request),
    }
    if cookies := [
        cookie.strip() for name, value in request.headers if name == "cookie" for cookie in value.split(";")
    ]:
        event["cookies"] = cookies
    if query:
        event["queryStringParameters"] = _joined(parse_qsl(query, keep_blank_values=True))
    return event


def answer_of(reply: Mapping[str, Any], method: str) -> Answer:
    """Return the answer of a handler's reply: several values of a header as several lines, base64 as bytes.

    Args:
        reply: statusCode, headers, multiValueHeaders, cookies, body, isBase64Encoded; all but the first may be absent.
        method: of the request: HEAD gets no content.
    """
    status, text = int(reply["statusCode"]), reply.get("body") or ""
    several = {name: list(values) for name, values in (reply.get("multiValueHeaders") or {}).items()}
    single = {name: [value] for name, value in (reply.get("headers") or {}).items()}
    lines = [(name, value) for name, values in (single | several).items() for value in values]
    lines += [("Set-Cookie", cookie) for cookie in reply.get("cookies") or ()]
    headers = [(name.encode("ascii"), str(value).encode()) for name, value in lines]
    body = base64.b64decode(text) if reply.get("isBase64Encoded") else text.encode()
    if method == "HEAD" or status in _BARE:
        return Answer(status, headers, b"")
    return Answer(status, [*headers, (b"Content-Length", str(len(body)).encode())], body)


def _origin_form(target: str) -> str:
    """Take scheme and authority off a target (RFC 9112 section 3.2.2: a server must accept them)."""
    if target.startswith("/"):
        return target
    scheme, mark, rest = target.partition("://")
    if not mark or scheme.lower() not in ("http", "https"):
        return target
    cut = min((rest.find(sign) for sign in "/?" if sign in rest), default=len(rest))
    found = rest[cut:]
    return found if found.startswith("/") else f"/{found}"


def _joined(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    together: dict[str, str] = {}
    for name, value in pairs:
        together[name] = f"{together[name]},{value}" if name in together else value
    return together


def _content(request: Request) -> dict[str, Any]:
    """Return the body as text; as base64 if it is not UTF-8, or is encoded."""
    if not request.body:
        return {"isBase64Encoded": False}
    if not any(name == "content-encoding" for name, _ in request.headers):
        try:
            return {"body": request.body.decode(), "isBase64Encoded": False}
        except UnicodeDecodeError:
            pass
    return {"body": base64.b64encode(request.body).decode(), "isBase64Encoded": True}
