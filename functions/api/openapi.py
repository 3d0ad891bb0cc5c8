"""The OpenAPI 3.1 document, made from the routes."""

import json
from typing import Any

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver
from aws_lambda_powertools.event_handler.openapi.models import HTTPBearer, Server

from functions.api.problems import CONTENT_TYPE, STATUS
from whendue.version import VERSION

DESCRIPTION = """Runs jobs when they are due, to the second, with nothing that has to stay awake.

Errors are problem+json (RFC 9457) with a stable `code`. `Idempotency-Key` makes a submit safe to repeat."""
PUBLIC_TAG = "health"
ERRORS = ["400", "401", "403", "404", "409", "412", "413", "415", "422", "503"]


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
    for path in known["paths"].values():
        for operation in path.values():
            _finish(operation)
    return known


def _finish(operation: dict[str, Any]) -> None:
    """Describe errors as they are, in place of Powertools' own."""
    for status in [code for code in operation["responses"] if code.startswith("4")]:
        del operation["responses"][status]
    if PUBLIC_TAG in operation["tags"]:
        operation["security"] = []
        return
    schema = {"$ref": "#/components/schemas/Problem"}
    operation["responses"]["default"] = {
        "description": f"A problem ({', '.join(ERRORS)})",
        "content": {CONTENT_TYPE: {"schema": schema}},
    }


def _problem_schema() -> dict[str, Any]:
    text = {"type": "string"}
    return {
        "title": "Problem",
        "description": "RFC 9457 problem details; `code` is stable.",
        "type": "object",
        "required": ["type", "title", "status", "code", "detail"],
        "properties": {
            "type": text,
            "title": text,
            "status": {"type": "integer"},
            "code": {"type": "string", "enum": sorted({error.code for error in STATUS})},
            "detail": text,
            "errors": {
                "type": "array",
                "items": {"type": "object", "properties": {"where": text, "problem": text}},
            },
        },
    }
