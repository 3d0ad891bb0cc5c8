"""The OpenAPI document explains itself: every operation, parameter and field, in words of the field and no others."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from functions.api.app import make_resolver
from functions.api.http.openapi import document
from functions.api.http.problems import STATUS

# Words that the project once used in a sense of its own, and forms that no native writer uses.
PRIVATE = re.compile(
    r"\b(there is no|is none|so many|so long|told|tells?|news|besides|in place of|that is to|whom|whose|give|hears?|"
    r"owes?|alarms?|stands?|agenda|ring|walk)\b",
    re.IGNORECASE,
)
DOCUMENT = document(make_resolver())
OPERATIONS = [
    (f"{method.upper()} {path}", operation)
    for path, operations in DOCUMENT["paths"].items()
    for method, operation in operations.items()
]


def texts(value: Any, location: str = "") -> Iterator[tuple[str, str]]:
    """List every summary and description, with its place."""
    if isinstance(value, dict):
        for name, item in value.items():
            if name in ("summary", "description") and isinstance(item, str):
                yield f"{location}/{name}", item
            else:
                yield from texts(item, f"{location}/{name}")
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from texts(item, f"{location}/{number}")


def test_no_text_has_a_private_word() -> None:
    """Readers know SQS, Celery and Temporal, not this project's earlier words."""
    found = {location: text for location, text in texts(DOCUMENT) if PRIVATE.search(text)}
    assert found == {}


@pytest.mark.parametrize(("name", "operation"), OPERATIONS, ids=[name for name, _ in OPERATIONS])
def test_an_operation_says_what_it_does_and_what_it_answers(name: str, operation: Any) -> None:
    """One sentence of summary, a description, a tag that has a text, and the codes of each error."""
    assert operation["summary"]
    assert not operation["summary"].endswith((".", "?"))
    assert operation["description"].split("\n")[0].endswith((".", ":"))
    assert set(operation["tags"]) <= {tag["name"] for tag in DOCUMENT["tags"] if tag["description"]}
    assert re.fullmatch("[a-z][A-Za-z]+", operation["operationId"])
    problems = {
        status: answer["content"]["application/problem+json"]["examples"]
        for status, answer in operation["responses"].items()
        if "application/problem+json" in answer.get("content", {})
    }
    assert {"400", "413", "414", "422", "431", "500"} <= set(problems), name
    for status, codes in problems.items():
        assert codes
        for code in codes:
            assert DOCUMENT["components"]["examples"][code]["value"]["status"] == int(status)
            assert f"`{code}`" in operation["responses"][status]["description"]


def test_operations_have_different_names() -> None:
    """Generated clients name their functions by them."""
    ids = [operation["operationId"] for _, operation in OPERATIONS]
    assert len(set(ids)) == len(ids)


def test_every_parameter_and_every_field_is_described() -> None:
    """With a description of its own, or of the schema that it refers to."""
    bare = {
        f"{name} {parameter['name']}"
        for name, operation in OPERATIONS
        for parameter in operation.get("parameters", [])
        if not parameter.get("description")
    }
    schemas = DOCUMENT["components"]["schemas"]
    bare |= {
        f"{name}.{field}"
        for name, schema in schemas.items()
        for field, said in schema.get("properties", {}).items()
        if not said.get("description") and "$ref" not in said
    }
    assert bare == set()
    assert all(schema.get("description") for name, schema in schemas.items() if name != "Cause")


def test_every_error_says_something_of_its_own() -> None:
    """Its first line is what a caller reads."""
    lines = [(error.__doc__ or "").splitlines()[0] for error in STATUS]
    assert len(set(lines)) == len(lines)
    assert not [line for line in lines if PRIVATE.search(line)]
