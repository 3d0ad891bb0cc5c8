"""The OpenAPI 3.1 document, made from the routes."""

import json
from http import HTTPStatus
from typing import Any, Final

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver
from aws_lambda_powertools.event_handler.openapi.models import HTTPBearer, Server

from functions.api.http.problems import CONTENT_TYPE, STATUS
from whendue.errors import WhendueError
from whendue.quotas import IDEMPOTENCY_KEY_BYTES
from whendue.version import VERSION

DESCRIPTION = """Runs jobs when they are due, to the second, with nothing that has to stay awake.

Errors are problem+json (RFC 9457) with a stable `code`; a path that is not there is a 404, a method that it does not
take a 405 with `Allow`, both without a token, too. `Idempotency-Key` makes a submit safe to repeat."""
PUBLIC_TAG = "health"
# What any request may be answered; those of this function that are public need no token and ask no other service.
ANY: Final = ("400", "413", "414", "422", "431", "500")
PROTECTED: Final = ("401", "403", "503")
# Submits of a kind that was there before, under the same Idempotency-Key, are 200; of what PUT makes, the first is 201.
SUBMITS: Final = ("/jobs", "/tasks/schedule", "/workflows", "/schedules/{name}/trigger")
KEYED: Final = (*SUBMITS, "/jobs/batch")
VERSIONED: Final = ("/schedules/{name}", "/profiles/{name}", "/subscriptions/{name}")
ALSO_CONDITIONAL: Final = (
    "/schedules/{name}/pause",
    "/schedules/{name}/resume",
    "/subscriptions/{name}/rotate-secret",
    "/subscriptions/{name}/enable",
    "/jobs/{job_id}/cancel",
    "/jobs/{job_id}/redrive",
)
ONE_JOB: Final = "/jobs/{job_id}"
BACKFILL: Final = "/schedules/{name}/backfill"
METRICS: Final = "/actuator/prometheus"
TEXT: Final = {"type": "string"}


def document(resolver: APIGatewayHttpResolver) -> dict[str, Any]:
    """Give the document."""
    text = resolver.get_openapi_json_schema(
        title="whendue",
        version=VERSION,
        description=DESCRIPTION,
        servers=[Server(url=".")],
        security_schemes={"token": HTTPBearer(bearerFormat="JWT")},
        security=[{"token": []}],
    )
    known: dict[str, Any] = json.loads(text)
    known["components"]["schemas"]["Problem"] = _problem_schema()
    for path, operations in known["paths"].items():
        for method, operation in operations.items():
            _finish(method.upper(), path, operation)
    return known


def _finish(method: str, path: str, operation: dict[str, Any]) -> None:
    """Describe answers as they are, in place of Powertools' own."""
    answers = {code: answer for code, answer in operation["responses"].items() if code.startswith("2")}
    for again in _other_successes(method, path):
        answers[again] = {**next(iter(answers.values())), "description": "As above"}
    for code, answer in answers.items():
        if code == str(HTTPStatus.NO_CONTENT.value):
            answer.pop("content", None)
        if path == METRICS:
            answer["content"] = {"text/plain": {"schema": TEXT}}
        if headers := _headers(method, code, path):
            answer["headers"] = headers
    public = PUBLIC_TAG in operation["tags"]
    if public:
        operation["security"] = []
    for code in _errors(method, path, public=public):
        answers[code] = _error(code)
    if public and "503" not in answers and path != "/health":
        answers["503"] = {**answers["200"], "description": HTTPStatus.SERVICE_UNAVAILABLE.phrase}
    operation["responses"] = answers
    if parameters := _header_parameters(method, path):
        operation["parameters"] = operation.get("parameters", []) + parameters


def _other_successes(method: str, path: str) -> list[str]:
    if method == "PUT":
        return ["201"]
    return ["200"] if method == "POST" and path in SUBMITS else []


def _is_conditional(method: str, path: str) -> bool:
    versioned = method in ("PUT", "DELETE") and path in VERSIONED
    return versioned or path in ALSO_CONDITIONAL or (path == ONE_JOB and method in ("PATCH", "DELETE"))


def _errors(method: str, path: str, *, public: bool) -> list[str]:
    codes = {*ANY} | (set() if public else {*PROTECTED})
    codes |= {"404"} if "{" in path else set()
    codes |= {"409"} if method != "GET" else set()
    codes |= {"415"} if method in ("POST", "PUT", "PATCH") else set()
    codes |= {"412"} if _is_conditional(method, path) else set()
    return sorted(codes)


def _error(code: str) -> dict[str, Any]:
    headers = {
        "401": ["WWW-Authenticate"],
        "403": ["WWW-Authenticate"],
        "415": ["Accept", "Accept-Encoding"],
        "503": ["Retry-After"],
    }
    answer: dict[str, Any] = {
        "description": HTTPStatus(int(code)).phrase,
        "content": {CONTENT_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
    return answer | ({"headers": {name: {"schema": TEXT} for name in headers[code]}} if code in headers else {})


def _headers(method: str, code: str, path: str) -> dict[str, Any]:
    names = ["Location"] if code == "201" and path in VERSIONED else []
    names += ["Location", "Idempotency-Replayed"] if method == "POST" and path in SUBMITS else []
    names += ["Location"] if path == BACKFILL else []
    of_a_job = path == ONE_JOB or (path in ALSO_CONDITIONAL and path.startswith("/jobs"))
    names += ["ETag"] if (path in VERSIONED or of_a_job) and code != "204" else []
    return {name: {"schema": TEXT} for name in names}


def _header_parameters(method: str, path: str) -> list[dict[str, Any]]:
    keyed, conditional = method == "POST" and path in KEYED, _is_conditional(method, path)
    asked = {
        "Idempotency-Key": keyed and f"Makes it safe to repeat: 1 to {IDEMPOTENCY_KEY_BYTES} printable characters.",
        "If-Match": conditional and "Do it only to these versions: ETags, or *.",
        "If-None-Match": conditional and method == "PUT" and "*: do it only if there is none yet.",
    }
    return [
        {"name": name, "in": "header", "required": False, "description": text, "schema": TEXT}
        for name, text in asked.items()
        if text
    ]


def _problem_schema() -> dict[str, Any]:
    text = TEXT
    return {
        "title": "Problem",
        "description": "RFC 9457 problem details; `code` is stable.",
        "type": "object",
        "required": ["type", "title", "status", "code", "detail"],
        "properties": {
            "type": text,
            "title": text,
            "status": {"type": "integer"},
            "code": {"type": "string", "enum": sorted({WhendueError.code} | {error.code for error in STATUS})},
            "detail": text,
            "errors": {
                "type": "array",
                "items": {"type": "object", "properties": {"where": text, "problem": text}},
            },
        },
    }
