"""The OpenAPI 3.1 document, made from the routes."""

import json
import re
from collections.abc import Container, Iterable, Mapping, Sequence
from http import HTTPStatus
from inspect import getdoc
from itertools import chain, count
from typing import Any, Final

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver
from aws_lambda_powertools.event_handler.openapi.models import Contact, HTTPBearer, License, Server

from functions.api.http import openapi_problems as problems
from functions.api.http.response import JSON
from functions.api.http.routing import routes_of, template_of
from functions.api.http.scopes import scope_of
from whendue.declarations.described import DescribedTask
from whendue.quotas import IDEMPOTENCY_KEY_BYTES
from whendue.version import VERSION

DESCRIPTION: Final = """Schedules jobs and runs them when they are due, with a precision of one second.

**Authentication.** Send a JWT as `Authorization: Bearer <token>`. Each operation names the scope that it needs.

**Errors.** Every error is a problem document (RFC 9457) with a stable `code`. An unknown path is answered with 404
(`route_not_found`), a method that a path does not support with 405 (`method_not_allowed`) and `Allow`.

**Repeating requests.** A submit that carries an `Idempotency-Key` can be sent again: the first job is returned.

**Lists.** Lists take `limit` and `cursor`. Send the `cursor` of one page to get the next one; `null` is the end.

**Polling.** Answers to `GET` have an `ETag`. Sent as `If-None-Match`, it makes the answer 304 if nothing has changed.

**Times** are RFC 3339 with an offset; answers are in UTC. Every `GET` can be sent as `HEAD`, too."""
TAGS: Final[Mapping[str, str]] = {
    "jobs": "Submit jobs, read them, change them, cancel them and run them again.",
    "workflows": "Submit jobs that depend on each other as one unit, and follow their progress.",
    "schedules": "Create jobs again and again: by a cron expression, at an interval, or once at a given time.",
    "operations": "Cancel, redrive, move or delete many jobs with one request.",
    "dead letters": "Find jobs that failed for good, grouped by error, and run them again in bulk.",
    "tasks": "Show what can run: each task with its policy and the JSON Schema of its payload.",
    "profiles": "Name and version a policy (attempts, backoff, timeouts, limits) that jobs then refer to.",
    "queues": "Show the queues of the deployment; pause and resume them for all tenants.",
    "pauses": "Pause and resume your own tenant, or one of its task types.",
    "subscriptions": "Get notified of events by webhook, email or SNS, and inspect the deliveries.",
    "health": "Probes for load balancers and monitoring. They need no token.",
    "metrics": "Metrics of the whole deployment in Prometheus' text format.",
}
PUBLIC_TAG: Final = "health"
# A repeated submit under the same Idempotency-Key is a 200; the first PUT of a name is a 201.
SUBMITS: Final = ("/jobs", "/tasks/schedule", "/workflows", "/schedules/{name}/trigger", "/operations")
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
# What goes on in the background.
CONTINUED: Final = ("/schedules/{name}/backfill", "/operations", "/operations/{operation_id}/undo")
DRY_RUN: Final = "/operations"
METRICS: Final = "/actuator/prometheus"
TEXT: Final = {"type": "string"}
# Powertools adds these for its own 422, which no caller gets.
UNUSED_SCHEMAS: Final = ("HTTPValidationError", "ResponseValidationError", "ValidationError")
# What the name of a component cannot have: https://spec.openapis.org/oas/v3.1.0#components-object
UNNAMEABLE: Final = re.compile(r"[^A-Za-z0-9._-]")
HEALTH_PATHS: Final = ("/health", "/health/ready", "/actuator/health")
# The format of Spring Boot's actuator: https://docs.spring.io/spring-boot/api/rest/actuator/health.html
HEALTH: Final[dict[str, Any]] = {
    "title": "Health",
    "description": "Whether the API, or what it depends on, works.",
    "type": "object",
    "required": ["status"],
    "properties": {
        "status": {"type": "string", "enum": ["UP", "DOWN"], "description": "`UP` if all that is needed responds."},
        "components": {
            "type": "object",
            "description": "The status of each dependency; `GET /health` returns none.",
            "additionalProperties": {
                "type": "object",
                "required": ["status"],
                "properties": {
                    "status": {
                        "type": "string",
                        "enum": ["UP", "DOWN", "DEGRADED"],
                        "description": "`DEGRADED`: part of it does not work; the answer stays 200 unless another is "
                        "`DOWN`.",
                    },
                    "details": {"type": "object", "description": "Why it is not `UP`."},
                },
            },
        },
    },
}
HEADERS: Final = {
    "Location": "Where to read what was created.",
    "Idempotency-Replayed": "`true` when an earlier request with the same Idempotency-Key created what is returned.",
    "ETag": "The version; send it as If-Match to change this version only.",
    "Retry-After": "Seconds after which to ask again; only if `wait` was sent, and the request could not wait.",
}


def document(resolver: APIGatewayHttpResolver) -> dict[str, Any]:
    """Return the document."""
    text = resolver.get_openapi_json_schema(
        title="whendue",
        version=VERSION,
        description=DESCRIPTION,
        contact=Contact(name="The maintainers of whendue"),
        license_info=License(name="Apache License 2.0", identifier="Apache-2.0"),
        servers=[Server(url=".", description="The deployment that serves this document.")],
        security_schemes={"token": HTTPBearer(bearerFormat="JWT", description="A JWT with the scopes of its caller.")},
        security=[{"token": []}],
    )
    known: dict[str, Any] = json.loads(text)
    known["tags"] = [{"name": name, "description": text} for name, text in TAGS.items()]
    known["components"]["examples"] = problems.examples()
    schemas = known["components"]["schemas"]
    schemas |= {"Problem": problems.schema(), "Health": HEALTH}
    for name in UNUSED_SCHEMAS:
        schemas.pop(name, None)
    described = {(route.method, template_of(route)): getdoc(route.func) or "" for route in routes_of(resolver)}
    for path, operations in known["paths"].items():
        for method, operation in operations.items():
            operation["description"] = described[method.upper(), path]
            _prefill(operation, schemas)
            _finish(method.upper(), path, operation)
    return known


def with_payloads(known: Mapping[str, Any], tasks: Iterable[DescribedTask]) -> dict[str, Any]:
    """Return a document with the schema of each task's payload among its components: `Payload.` and the task's name.

    Args:
        known: the document.
        tasks: those that have a schema are added.
    """
    described = {f"Payload.{task.name}": task.schema for task in tasks if task.schema is not None}
    # A definition of one task may be called as another task is.
    schemas = dict(known["components"]["schemas"]) | described
    for name, schema in described.items():
        schemas |= _components(name, schema, schemas)
    schemas["JobBody"] = _with_choices(schemas["JobBody"], list(described))
    return {**known, "components": {**known["components"], "schemas": schemas}}


def _with_choices(job: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    """Return the schema of a job whose payload is one of these, or any other value: models take more than they say."""
    properties = job["properties"]
    choices = [{}, *({"$ref": f"#/components/schemas/{name}"} for name in names)]
    return {**job, "properties": {**properties, "payload": {**properties["payload"], "anyOf": choices}}}


def _components(name: str, schema: Mapping[str, Any], taken: Container[str]) -> dict[str, Any]:
    """Return a schema and its definitions as components: OpenAPI's tools read `$defs` at the document's root alone.

    Args:
        name: the schema's.
        schema: the schema.
        taken: names that its definitions cannot have.
    """
    definitions = schema.get("$defs", {})
    names: dict[str, str] = {}
    for each in definitions:
        wanted = f"{name}.{UNNAMEABLE.sub('_', each)}"
        numbered = chain([wanted], (f"{wanted}_{number}" for number in count(2)))
        names[each] = next(free for free in numbered if free not in taken and free not in names.values())
    below = {f"#/$defs/{each}": names[each] for each in definitions}
    parts = {name: {key: value for key, value in schema.items() if key != "$defs"}}
    parts |= {names[each]: definition for each, definition in definitions.items()}
    return {each: _referring(part, below) for each, part in parts.items()}


def _referring(part: Any, below: Mapping[str, str]) -> Any:
    """Return a part of a schema whose references lead to components."""
    if isinstance(part, list):
        return [_referring(each, below) for each in part]
    if not isinstance(part, Mapping):
        return part
    moved = {key: _referring(value, below) for key, value in part.items()}
    target = below.get(part["$ref"]) if isinstance(part.get("$ref"), str) else None
    return moved | {"$ref": f"#/components/schemas/{target}"} if target else moved


def _prefill(operation: dict[str, Any], schemas: Mapping[str, Any]) -> None:
    """Put examples where the page of the documentation looks for what "Try it out" begins with."""
    for parameter in operation.get("parameters", []):
        if examples := parameter["schema"].get("examples"):
            parameter["example"] = examples[0]
    for content in operation.get("requestBody", {}).get("content", {}).values():
        # A body that may be left out is a choice between its schema and null.
        options = content["schema"].get("anyOf", [content["schema"]])
        name = next(option["$ref"].rpartition("/")[2] for option in options if "$ref" in option)
        content["example"] = schemas[name]["example"]


def _finish(method: str, path: str, operation: dict[str, Any]) -> None:
    """Add what Powertools does not know: scope, header fields, problems and the other successes."""
    public, conditional = PUBLIC_TAG in operation["tags"], _is_conditional(method, path)
    answers = _successes(method, path, operation["responses"])
    for status, errors in problems.errors_of(method, path, public=public, conditional=conditional).items():
        answers[str(status.value)] = problems.response_of(status, errors)
    if public:
        operation["security"] = []
        if path != "/health":
            answers["503"] = {**answers["200"], "description": "The table or the queues do not respond"}
    else:
        operation["description"] += f"\n\nRequired scope: `{scope_of(method, path)}`."
    operation["responses"] = answers
    if parameters := _header_parameters(method, path):
        operation["parameters"] = operation.get("parameters", []) + parameters


def _successes(method: str, path: str, responses: Mapping[str, Any]) -> dict[str, Any]:
    answers = {code: answer for code, answer in responses.items() if code.startswith("2")}
    for code, text in _other_successes(method, path).items():
        answers[code] = {**next(iter(answers.values())), "description": text}
    for code, answer in answers.items():
        if answer["description"] == "Successful Response":
            answer["description"] = HTTPStatus(int(code)).phrase
        if code == str(HTTPStatus.NO_CONTENT.value):
            answer.pop("content", None)
        if path == METRICS:
            answer["content"] = {"text/plain": {"schema": TEXT}}
        if path in HEALTH_PATHS:
            answer["content"] = {JSON: {"schema": {"$ref": "#/components/schemas/Health"}}}
        if headers := _headers(method, code, path):
            answer["headers"] = headers
    return answers


def _other_successes(method: str, path: str) -> dict[str, str]:
    if method == "PUT":
        return {"201": "Created"}
    if method == "POST" and path == DRY_RUN:
        return {
            "200": "OK: a dry run, which has changed nothing, or an earlier request with the same Idempotency-Key "
            "began the operation"
        }
    if method == "POST" and path in SUBMITS:
        holder = ", or it holds the unique key that the request sends" if path in ("/jobs", "/tasks/schedule") else ""
        return {"200": f"OK: an earlier request with the same Idempotency-Key created it{holder}"}
    return {}


def _is_conditional(method: str, path: str) -> bool:
    versioned = method in ("PUT", "DELETE") and path in VERSIONED
    return versioned or path in ALSO_CONDITIONAL or (path == ONE_JOB and method in ("PATCH", "DELETE"))


def _headers(method: str, code: str, path: str) -> dict[str, Any]:
    names = ["Location"] if code == "201" and path in VERSIONED else []
    names += ["Location", "Idempotency-Replayed"] if method == "POST" and path in SUBMITS else []
    names += ["Location"] if path in CONTINUED and code == "202" else []
    of_a_job = path == ONE_JOB or (path in ALSO_CONDITIONAL and path.startswith("/jobs"))
    names += ["ETag"] if (path in VERSIONED or of_a_job) and code != "204" else []
    names += ["Retry-After"] if (method, path) == ("GET", ONE_JOB) else []
    return {name: {"description": HEADERS[name], "schema": TEXT} for name in names}


def _header_parameters(method: str, path: str) -> list[dict[str, Any]]:
    keyed, conditional = method == "POST" and path in KEYED, _is_conditional(method, path)
    asked = {
        "Idempotency-Key": keyed
        and f"Makes the request safe to repeat. 1 to {IDEMPOTENCY_KEY_BYTES} printable ASCII characters.",
        "If-Match": conditional
        and "Only change these versions: one or more ETags, or `*` for any existing one. Default: any version.",
        "If-None-Match": conditional
        and method == "PUT"
        and "`*`: only create it; the answer is 412 if the name exists. Default: create or replace.",
    }
    return [
        {"name": name, "in": "header", "required": False, "description": text, "schema": TEXT}
        for name, text in asked.items()
        if text
    ]
