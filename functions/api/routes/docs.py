"""The API's own description: OpenAPI 3.1 at /openapi.json, a page to read and try it at /docs."""

import json
from functools import cache
from pathlib import Path
from typing import Any

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter

from functions.api.http.response import JSON
from whendue.bootstrap.application import App

router = APIGatewayHttpRouter()

# Everything is in the page itself: no other host is asked for anything.
POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:; connect-src 'self'; "
    # These do not fall back to default-src (CSP 3 section 6.3, 6.4): no other site frames the page that holds a token.
    "frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)


@router.get("/openapi.json", include_in_schema=False)
def openapi() -> Response[str]:
    """Return the OpenAPI document; with a token, the schema of each task's payload is in it."""
    if not router.context["identity"]:
        return Response(200, JSON, _public_text(_resolver()))
    from functions.api.http.openapi import document, with_payloads
    from whendue.manifest.described_tasks import described_tasks

    app: App = router.context["whendue"]
    return Response(200, JSON, json.dumps(with_payloads(document(_resolver()), described_tasks(app.registry))))


@router.get("/docs", include_in_schema=False)
def docs() -> Response[str]:
    """Return the page with the API's documentation: the Swagger UI that Powertools ships."""
    return _page(_docs_page(_resolver()))


def _resolver() -> APIGatewayHttpResolver:
    resolver: APIGatewayHttpResolver = router.context["resolver"]
    return resolver


@cache
def _public_text(resolver: APIGatewayHttpResolver) -> str:
    """Return the document as all may read it. It is made once: it costs more than any other answer without a token."""
    from functions.api.http.openapi import document

    return json.dumps(document(resolver))


@cache
def _docs_page(resolver: APIGatewayHttpResolver) -> str:
    from aws_lambda_powertools.event_handler.openapi import swagger_ui

    from functions.api.http.openapi import document

    folder = Path(swagger_ui.__file__).parent
    script, style = ((folder / name).read_text() for name in ("swagger-ui-bundle.min.js", "swagger-ui.min.css"))
    # The document stands inside a script element: nothing in it may close that.
    spec = json.dumps(document(resolver)).replace("</", "<\\/")
    page: Any = swagger_ui.generate_swagger_html(spec, script, style, "", None, persist_authorization=False)
    return str(page)


def _page(html: str) -> Response[str]:
    return Response(200, "text/html; charset=utf-8", html, {"Content-Security-Policy": POLICY})
