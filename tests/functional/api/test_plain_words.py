"""Odd requests to each POST, PATCH and PUT route: each answer says what is wrong, where, and in plain words."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, get_args

import pytest
from pydantic_core.core_schema import ErrorType

from functions.api.app import make_resolver
from functions.api.http.openapi import document
from functions.api.schemas.shared.plain_words import ANYTHING_ELSE, BOUNDS, FIXED, PATTERNS, plain
from tests.builders.api import a_token, api_of
from tests.builders.gateway import Client
from tests.builders.world import World

DOCUMENT = document(make_resolver())
CHANGES = [
    (method, path)
    for path, operations in DOCUMENT["paths"].items()
    for method in operations
    if method in ("post", "patch", "put")
]
ODD: tuple[Any, ...] = (None, True, -1, 1.5, 10**15, "", "x y", "x" * 600, "a\u202eb", "A", [], [1], {}, {"a": 1}, [{}])
# The beginnings of pydantic's own texts.
RAW = re.compile(r"(Input|String|List|Dictionary|Value|Field|Extra|Unable|Assertion)\b|pydantic|after validation|'\^")


def resolved(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    while "$ref" in schema:
        schema = DOCUMENT["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return schema


def objects(schema: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield the objects that a schema may be."""
    schema = resolved(schema)
    for key in ("anyOf", "oneOf", "allOf"):
        for part in schema.get(key, ()):
            yield from objects(part)
    if "properties" in schema:
        yield schema


def odd_bodies(schema: Mapping[str, Any], seen: set[str], depth: int = 0) -> Iterator[Any]:
    """Yield bodies with one odd thing each: a field too many, one too few, one of another kind, down to its parts."""
    for model in objects(schema):
        if model["title"] in seen:
            continue
        seen.add(model["title"])
        example = model.get("example") or {}
        yield example | {"nonsense": 1}
        yield from ({name: value for name, value in example.items() if name != left} for left in example)
        for name, field in model["properties"].items():
            yield from (example | {name: value} for value in ODD)
            for part in (field, *field.get("anyOf", ()), *field.get("oneOf", ())):
                listed = "items" in resolved(part)
                inner = resolved(part)["items"] if listed else part
                for value in odd_bodies(inner, seen, depth + 1) if depth < 3 else ():
                    yield example | {name: [value] if listed else value}


@pytest.mark.parametrize(("method", "path"), CHANGES, ids=str)
def test_an_odd_request_is_answered_in_plain_words(world: World, method: str, path: str) -> None:
    """And with a place, if it is not valid: the texts of a library are about its own terms, and change with it."""
    client = Client(api_of(world), a_token())
    made = client.send("PUT", "/schedules/nightly", {"every": "PT1M", "job": {"type": "ok"}})
    assert made.status == 201
    body = DOCUMENT["paths"][path][method].get("requestBody")
    bodies: list[Any] = list(ODD)
    if body:
        bodies += odd_bodies(body["content"]["application/json"]["schema"], set())
    refused = 0
    for odd in bodies:
        answer = client.send(method.upper(), re.sub(r"\{[a-z_]+\}", "nightly", path), json.dumps(odd))
        problems = [answer.json] if answer.status >= 400 else []
        problems += [item["problem"] for item in answer.json.get("items", ()) if item.get("problem")]
        for problem in problems:
            assert problem["status"] < 500, (odd, problem)
            if problem["code"] == "invalid_request":
                refused += 1
                assert problem["errors"], (odd, problem)
            # What a payload's own model says is the task's business.
            for error in problem.get("errors", ()) if problem["code"] != "invalid_payload" else ():
                assert error.keys() == {"where", "problem"}
                assert not RAW.search(error["problem"]), (odd, error)
                assert error["problem"] != ANYTHING_ELSE, (odd, error)
    assert refused


def test_patterns_of_requests_are_said_in_words() -> None:
    """A regular expression is no help to most people."""
    text = json.dumps({path: DOCUMENT["paths"][path] for path in DOCUMENT["paths"]})
    bodies = [schema for name, schema in DOCUMENT["components"]["schemas"].items() if not name.endswith("Reply")]
    found = {match for part in (json.loads(text), bodies) for match in patterns(part)}
    assert found
    assert found <= PATTERNS.keys()


def patterns(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("pattern"), str):
            yield value["pattern"]
        for part in value.values():
            yield from patterns(part)
    elif isinstance(value, list):
        for part in value:
            yield from patterns(part)


@pytest.mark.parametrize("kind", get_args(ErrorType))
def test_no_type_of_error_is_answered_in_the_librarys_words(kind: str) -> None:
    """One that no model of ours can raise today is not valid, no more; a bound is filled in."""
    context = {"expected": "'a', 'b' or 'c'", "pattern": "x", "gt": 1, "ge": 1.0, "lt": 2, "le": 2.5}
    said = plain({"type": kind, "msg": "Value error, must be x", "ctx": context | {"min_length": 1, "max_length": 2}})
    if kind == "value_error":
        assert said == "must be x"
    elif kind in (*FIXED, *BOUNDS, "literal_error", "enum", "string_pattern_mismatch"):
        assert re.fullmatch(r"(must|has|is) [a-zA-Z0-9 .,-]+", said)
        assert said != ANYTHING_ELSE
    else:
        assert said == ANYTHING_ELSE


@pytest.mark.parametrize(
    ("body", "where", "problem"),
    [
        ({}, "body.type", "is required"),
        ({"type": 1}, "body.type", "must be a string"),
        ({"type": ""}, "body.type", "must have at least 1 character"),
        ({"type": "a b"}, "body.type", PATTERNS["^[A-Za-z0-9._-]+$"]),
        ({"priority": "urgent"}, "body.priority", "must be one of critical, high, normal or low"),
        ({"retries": "3"}, "body.retries", "must be an integer"),
        ({"retries": 1.5}, "body.retries", "must be an integer"),
        ({"retries": -1}, "body.retries", "must be at least 0"),
        ({"retries": 101}, "body.retries", "must be less than 50"),
        ({"delaySeconds": "1"}, "body.delaySeconds", "must be a number"),
        ({"tags": []}, "body.tags", "must be an object"),
        ({"dependsOn": {}}, "body.dependsOn", "must be a list"),
        ({"dependsOn": [1]}, "body.dependsOn.0", "must be an object"),
        ({"followProfile": 1}, "body.followProfile", "must be true or false"),
        ({"retires": 1}, "body.retires", "is not a field of this request; did you mean retries?"),
        ([], "body", "must be an object"),
    ],
)
def test_what_a_job_is_refused_with(world: World, body: Any, where: str, problem: str) -> None:
    """Alone and in a batch, where places are within the job."""
    client = Client(api_of(world), a_token())
    job = {"type": "ok"} | body if isinstance(body, dict) and body else body
    wanted = {"where": where, "problem": problem}
    answer = client.send("POST", "/jobs", job)
    assert (answer.code, wanted in answer.json["errors"]) == ("invalid_request", True), answer.text
    [item] = client.send("POST", "/jobs/batch", {"jobs": [job]}).json["items"]
    inside = {"where": where.removeprefix("body").removeprefix("."), "problem": problem}
    assert inside in item["problem"]["errors"]
