"""The API describes itself: OpenAPI 3.1 that is valid and whole, and pages that need nothing from elsewhere."""

import re

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from functions.api.app import PUBLIC, make_resolver, routes_of
from tests.builders.gateway import Client

PAGES = {"/docs", "/openapi.json"}
# Of the dashboard: no operations.
DASHBOARD = {
    "/",
    "/assets/{name}",
    "/dashboard",
    "/dashboard/config.json",
    "/dashboard/sign-in",
    "/dashboard/{page}",
    "/dashboard/{page}/{item}",
}


def test_the_document_is_valid_openapi_3_1(client: Client) -> None:
    """Generators of clients stand on it."""
    answer = client.send("GET", "/openapi.json")
    assert answer.headers["content-type"] == "application/json"
    assert answer.json["openapi"].startswith("3.1")
    OpenAPIV31SpecValidator(answer.json).validate()


def test_every_route_is_described_with_its_errors_and_its_security(client: Client) -> None:
    """Undocumented routes are bugs."""
    document = client.send("GET", "/openapi.json").json
    operations = {
        (method.upper(), path): operation
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }
    routes = {(r.method, r.path.replace("<", "{").replace(">", "}")) for r in routes_of(make_resolver())}
    assert set(operations) == {route for route in routes if route[1] not in PAGES | DASHBOARD}
    for (_, path), operation in operations.items():
        assert operation["summary"]
        assert (operation.get("security") == []) == (path in PUBLIC)
        errors = {code: answer for code, answer in operation["responses"].items() if code[0] in "45"}
        assert {"400", "413", "414", "422", "431", "500"} <= set(errors)
        assert path in PUBLIC or {"401", "403", "503"} <= set(errors)
        assert all("application/problem+json" in answer["content"] for answer in errors.values()) or path in PUBLIC


@pytest.mark.parametrize("path", ["/", "/docs"])
def test_a_page_asks_no_other_host_for_anything(client: Client, path: str) -> None:
    """It works without the internet, and tells nobody who reads it."""
    answer = client.send("GET", path)
    assert answer.headers["content-type"].startswith("text/html")
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    assert not re.search(r"<(script|link|img|iframe)[^>]+(src|href)\s*=\s*[\"']?(https?:)?//", answer.text)
    assert "<html" in answer.text
