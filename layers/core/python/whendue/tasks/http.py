"""The task `http`: one request, judged by its status."""

import codecs
import json
import re
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, Field, JsonValue, field_validator, model_validator

from whendue import task_quotas as limits
from whendue.declarations.context import Context
from whendue.declarations.registry import GiveUp, Retry, task
from whendue.declarations.resources import TaskSettings, resource
from whendue.declarations.schema import Payload, json_or_text
from whendue.outbound import client as outbound
from whendue.outbound.ssrf import TargetRefusedError, parse_target
from whendue.version import VERSION

# RFC 9110 section 5.6.2.
_TOKEN: Final = re.compile(r"[A-Za-z0-9!#$%&'*+\-.^_`|~]+")
_VALUE: Final = re.compile(r"[\t\x20-\x7e]*")
_RESERVED: Final = frozenset({"idempotency-key", "user-agent"})
_KEPT: Final = ("content-type", "content-encoding", "etag", "location", "retry-after", "x-request-id")
# RFC 9110 section 15.5.9, RFC 8470 section 5.2, RFC 6585 section 4: the same request may do later.
_LATER: Final = frozenset({408, 425, 429})
_WITH_RETRY_AFTER: Final = frozenset({429, 503})

Status = Annotated[int, Field(ge=200, le=599)]
StatusRange = Annotated[str, Field(pattern=r"^[2-5]xx$")]


class HttpStatusError(Exception):
    """The answer's status is not an expected one; a later attempt may do better."""


def _known_shape(url: str) -> str:
    try:
        parse_target(url)
    except TargetRefusedError as error:
        raise ValueError(str(error)) from None
    return url


class HttpPayload(Payload):
    """A request to make.

    Args:
        url: https, unless the operator allows the target without.
        method: the HTTP method.
        headers: request headers; those that frame the message or that whendue sets are refused.
        body: any JSON value, sent as application/json; excludes `text`.
        text: sent as text/plain, unless `headers` says otherwise.
        expected_status: statuses that are a success, as in `[200, "3xx"]`.
        timeout_seconds: for the whole exchange; the attempt's own timeout may be shorter.
    """

    url: Annotated[str, AfterValidator(_known_shape)]
    method: Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] = "POST"
    headers: dict[str, str] = Field(default_factory=dict, max_length=limits.HTTP_HEADERS)
    body: JsonValue = None
    text: str | None = None
    expected_status: list[Status | StatusRange] = Field(default=["2xx"], min_length=1, max_length=20)
    timeout_seconds: float = Field(default=limits.HTTP_TIMEOUT_S, gt=0, le=limits.HTTP_TIMEOUT_MAX_S)

    @field_validator("headers")
    @classmethod
    def _safe_headers(cls, headers: dict[str, str]) -> dict[str, str]:
        names = [name.lower() for name in headers]
        if len(set(names)) < len(names):
            raise ValueError("headers must name each header once")
        if not all(_TOKEN.fullmatch(name) and len(name) <= limits.HTTP_HEADER_NAME_BYTES for name in names):
            raise ValueError("headers must have names that are valid (RFC 9110 section 5.1)")
        if not all(_VALUE.fullmatch(text) and len(text) <= limits.HTTP_HEADER_VALUE_BYTES for text in headers.values()):
            raise ValueError(
                f"headers must have values of printable ASCII, at most {limits.HTTP_HEADER_VALUE_BYTES} bytes each"
            )
        reserved = outbound.FORBIDDEN_HEADERS | _RESERVED
        if any(name in reserved or name.startswith("x-whendue-") for name in names):
            raise ValueError("headers must not name one that whendue sets itself")
        return headers

    @model_validator(mode="after")
    def _one_body(self) -> "HttpPayload":
        if self.text is not None and "body" in self.model_fields_set:
            raise ValueError("send body or text, not both")
        return self

    def expects(self, status: int) -> bool:
        """Whether this status is a success."""
        return status in self.expected_status or f"{status // 100}xx" in self.expected_status


def allowed(payload: HttpPayload, tenant: str) -> None:
    """Refuse what would be refused at each attempt.

    Raises:
        TargetRefusedError: the URL leads where no request may go.
    """
    settings: TaskSettings = resource("settings")
    settings.check_target(tenant, payload.url)


@task("http", check=allowed)
def http(payload: HttpPayload, ctx: Context) -> dict[str, Any]:
    """Make the request and give `status`, a few `headers`, `body` and `truncated`.

    Raises:
        GiveUp: the target is refused, or the status says that no attempt can help (3xx, 4xx).
        Retry: 408, 425, 429, and 503 with Retry-After.
        HttpStatusError: any other status that was not expected.
        HttpTimeoutError, HttpProtocolError, OSError: no answer.
    """
    settings: TaskSettings = resource("settings")
    ends_at_s = ctx.remaining_s - min(payload.timeout_seconds, ctx.remaining_s)
    try:
        answer = outbound.send(
            _request(payload, ctx),
            allowed=settings.http_allowed(ctx.tenant),
            left_s=lambda: ctx.remaining_s - ends_at_s,
            body_limit=limits.ANSWER_BODY_BYTES,
        )
    except TargetRefusedError as error:
        raise GiveUp(f"refused: {error}") from None
    if not payload.expects(answer.status):
        _judge(answer, ctx)
    kept = {name: answer.headers[name][: limits.ANSWER_HEADER_BYTES] for name in _KEPT if name in answer.headers}
    return {"status": answer.status, "headers": kept, "body": _body(answer), "truncated": answer.truncated}


def _request(payload: HttpPayload, ctx: Context) -> outbound.Request:
    body, kind = None, ""
    if payload.text is not None:
        body, kind = payload.text.encode(), "text/plain; charset=utf-8"
    elif "body" in payload.model_fields_set:
        body, kind = json.dumps(payload.body).encode(), "application/json"
    headers = dict(payload.headers)
    given = set(map(str.lower, headers))
    if kind and "content-type" not in given:
        headers["Content-Type"] = kind
    if ctx.traceparent and "traceparent" not in given:
        headers["traceparent"] = ctx.traceparent
    headers |= {
        "User-Agent": f"whendue/{VERSION}",
        "Idempotency-Key": ctx.job_id,
        "X-Whendue-Job": ctx.job_id,
        "X-Whendue-Attempt": str(ctx.attempt),
    }
    return outbound.Request(parse_target(payload.url), payload.method, headers, body)


def _judge(answer: outbound.Answer, ctx: Context) -> None:
    said = f"the server answered {answer.status}"
    if answer.status in _WITH_RETRY_AFTER and "retry-after" in answer.headers:
        now_s = ctx.deadline_ms / 1000 - ctx.remaining_s
        raise Retry(said, after=outbound.retry_after_s(answer, now_s))
    if answer.status in _LATER:
        raise Retry(said)
    if answer.status // 100 in (3, 4):
        raise GiveUp(said + (", and redirects are not followed" if answer.status // 100 == 3 else ""))  # noqa: PLR2004
    raise HttpStatusError(said)


def _body(answer: outbound.Answer) -> Any:
    """Return the body as a JSON value or text; None if it is neither (binary, compressed, empty)."""
    if not answer.body or answer.headers.get("content-encoding", "identity") != "identity":
        return None
    try:
        # A body cut inside a character is still text.
        text = codecs.getincrementaldecoder("utf-8")().decode(answer.body, not answer.truncated)
    except UnicodeDecodeError:
        return None
    whole_json = not answer.truncated and _is_json(answer.headers.get("content-type", ""))
    return json_or_text(text) if whole_json else text


def _is_json(content_type: str) -> bool:
    kind = content_type.partition(";")[0].strip().lower()
    return kind == "application/json" or kind.endswith("+json")
