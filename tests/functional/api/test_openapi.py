"""Answers are what the OpenAPI document says: status, content type, headers, shape and formats, of every operation."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from openapi_schema_validator import OAS31Validator

from functions.api.http.problems import STATUS
from tests.builders.api import a_token, api_of
from tests.builders.gateway import Answer, Client
from tests.builders.notified import fresh_resources
from tests.builders.world import World
from tests.fuzz.__main__ import seeded
from whendue.errors import WhendueError

METHODS = ("GET", "PUT", "POST", "PATCH", "DELETE", "TRACE", "PURGE")
EVERY_SCOPE = "jobs:read jobs:write admin metrics:read operator"
RFC3339 = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?Z")
FORMATTED = re.compile(RFC3339.pattern + r"|PT\d+S")


class Stage:
    """An API with something of everything, and its document."""

    def __init__(self) -> None:
        self.world = World()
        self.api, self.parameters = seeded(self.world)
        self.client = Client(self.api, a_token(scopes=EVERY_SCOPE))
        self.document = self.client.send("GET", "/openapi.json").json

    def send(self, method: str, template: str, body: Any = None, **more: Any) -> Answer:
        """Send a request, and compare the answer with what the document says of this operation."""
        path = re.sub(r"\{(\w+)\}", lambda name: self.parameters.get(name[1], "nobody"), template)
        answer = self.client.send(method, path, body, **more)
        self.conforms(self.document["paths"][template][method.lower()]["responses"], answer)
        return answer

    def must_exist(self, *templates: str) -> None:
        """Insist that what a test is about is there."""
        for template in templates:
            assert self.send("GET", template).status == 200, template

    def conforms(self, declared: Any, answer: Answer) -> None:
        """Compare an answer with what is declared of it."""
        said = declared[str(answer.status)]
        if "content" not in said:
            assert answer.text == ""
            return
        kind = answer.headers["content-type"].partition(";")[0]
        [(declared_kind, content)] = said["content"].items()
        assert kind == declared_kind
        # Headers that only some of these answers have: a repeated submit, and a job that could not be waited for.
        sometimes = {"idempotency-replayed"} | ({"retry-after"} if answer.status == 200 else set())
        assert set(map(str.lower, said.get("headers", {}))) - sometimes <= set(answer.headers)
        if kind.endswith("json"):
            schema = {**content["schema"], "components": self.document["components"]}
            checker = OAS31Validator.FORMAT_CHECKER
            OAS31Validator(schema, format_checker=checker).validate(answer.json)


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    with pytest.MonkeyPatch.context() as patch:
        fresh_resources(patch)
        yield Stage()


def test_every_get_answers_as_declared(stage: Stage) -> None:
    """All of them with what is there, but for the few that a finished job or a young schedule has not."""
    stage.must_exist("/jobs/{job_id}", "/workflows/{workflow_id}", "/schedules/{name}/fires", "/subscriptions/{name}")
    for template, operations in stage.document["paths"].items():
        if "get" in operations:
            stage.send("GET", template)


def test_what_put_makes_is_a_201_with_its_location(stage: Stage) -> None:
    """The second one is a 200."""
    hook = {"channel": "webhook", "config": {"url": "https://hooks.example/x"}, "events": ["dead"]}
    bodies = {
        "/profiles/{name}": {"maxAttempts": 3},
        "/schedules/{name}": {"every": "PT1H", "job": {"type": "ok"}},
        "/subscriptions/{name}": hook,
    }
    stage.parameters["name"] = "new"
    for template, body in bodies.items():
        made, again = (stage.send("PUT", template, body) for _ in range(2))
        assert (made.status, again.status) == (201, 200), made.text
        assert made.headers["location"].endswith(template.replace("{name}", "new"))
    for template in bodies:
        stage.parameters["name"] = "new"
        gone = stage.send("DELETE", template)
        assert (gone.status, gone.text) == (204, "")
    stage.parameters["name"] = "calm"


def test_what_is_submitted_is_at_its_location(stage: Stage) -> None:
    """Jobs, workflows, a schedule's job, and a backfill."""
    past = {"from": "2026-12-24T18:00:00Z", "to": "2026-12-24T20:00:00Z"}
    bodies: dict[str, Any] = {
        "/jobs": {"type": "ok"},
        "/tasks/schedule": {"type": "ok"},
        "/workflows": {"chain": [{"type": "ok"}]},
        "/schedules/{name}/trigger": None,
        "/schedules/{name}/backfill": past,
    }
    # An interval has no fire before its beginning.
    stage.send("PUT", "/schedules/{name}", {"cron": "0 * * * *", "job": {"type": "ok"}})
    for template, body in bodies.items():
        answer = stage.send("POST", template, body)
        assert answer.status == 202
        assert stage.client.send("GET", answer.headers["location"]).status == 200


def test_a_204_has_no_body(stage: Stage) -> None:
    """All that end something."""
    asked = [("DELETE", "/pauses/tenant"), ("DELETE", "/pauses/types/{type}")]
    for method, template in asked:
        assert stage.send(method, template).status == 204


def test_metrics_are_what_prometheus_reads(stage: Stage) -> None:
    """It was declared as JSON."""
    answer = stage.send("GET", "/actuator/prometheus")
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"


def operations(document: Any) -> Iterator[tuple[str, str, Any]]:
    for template, methods in document["paths"].items():
        for method, operation in methods.items():
            yield method.upper(), template, operation


def test_header_fields_that_are_too_large_are_a_431_that_is_declared(stage: Stage) -> None:
    """For every operation."""
    large = {f"x-{number}": "x" * 1000 for number in range(70)}
    for method, template, operation in operations(stage.document):
        path = re.sub(r"\{(\w+)\}", "calm", template)
        answer = stage.client.send(method, path, None, large)
        assert (answer.status, answer.code) == (431, "headers_too_large")
        stage.conforms(operation["responses"], answer)


def test_an_error_that_nobody_expected_is_an_internal_error_that_is_declared(stage: Stage) -> None:
    """Its code is one of the document's, as are all others."""
    world = World()

    class Broken(type(world.table)):  # type: ignore[misc]
        def get(self, keys: Any) -> Any:
            raise ZeroDivisionError

    job, client = world.submit(), Client(api_of(world, store=Broken()), a_token())
    answer = client.send("GET", f"/jobs/{job.id}")
    assert (answer.status, answer.code) == (500, "internal_error")
    stage.conforms(stage.document["paths"]["/jobs/{job_id}"]["get"]["responses"], answer)
    codes = set(stage.document["components"]["schemas"]["Problem"]["properties"]["code"]["enum"])
    assert codes == {error.code for error in STATUS} | {WhendueError.code}


def test_a_method_that_a_path_does_not_declare_is_a_405(stage: Stage) -> None:
    """`PATCH /jobs/batch` was a 422, about a job called `batch`. `PUT /schedules/preview` made a schedule."""
    for template, declared in stage.document["paths"].items():
        path = re.sub(r"\{(\w+)\}", "calm", template)
        methods = {method.upper() for method in declared}
        for method in set(METHODS) - methods:
            answer = stage.client.send(method, path, {"odd": 1} if method in ("PUT", "POST", "PATCH") else None)
            assert (method, path, answer.status, answer.code) == (method, path, 405, "method_not_allowed")
            allowed = set(answer.headers["allow"].split(", "))
            assert allowed == methods | ({"HEAD"} if "GET" in methods else set())


def test_every_time_and_duration_of_an_answer_is_declared_as_one(stage: Stage) -> None:
    """Else generated clients give texts."""
    seen = set[str]()
    for template, declared in stage.document["paths"].items():
        if "get" not in declared:
            continue
        answer = stage.send("GET", template)
        if answer.status == 200 and answer.headers["content-type"].startswith("application/json"):
            schema = declared["get"]["responses"]["200"]["content"]["application/json"]["schema"]
            seen |= set(undeclared(stage.document, schema, answer.json, template))
    # Facts have no schema: those that are times are called `...At` and `...Until`.
    assert {location for location in seen if "/facts/" not in location} == set()


def undeclared(document: Any, schema: Any, value: Any, location: str) -> Iterator[str]:
    """List the places of texts that are times or durations and are not declared as such."""
    options = [resolved(document, item) for item in schema.get("anyOf", [schema])]
    if isinstance(value, dict):
        for name, entry in value.items():
            inner = [option["properties"][name] for option in options if name in option.get("properties", {})]
            if inner:
                yield from undeclared(document, inner[0], entry, f"{location}/{name}")
            elif isinstance(entry, str) and RFC3339.fullmatch(entry):
                yield f"{location}/{name}"
    elif isinstance(value, list):
        for entry in value:
            yield from undeclared(document, options[0].get("items", {}), entry, f"{location}[]")
    elif isinstance(value, str) and FORMATTED.fullmatch(value):
        yield from [] if {"date-time", "duration"} & {option.get("format") for option in options} else [location]


def resolved(document: Any, schema: Any) -> Any:
    """Follow a reference."""
    return document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]] if "$ref" in schema else schema


def test_no_schema_is_called_like_a_module(stage: Stage) -> None:
    """Two models of one name were told apart by where they stand in the code."""
    assert not [name for name in stage.document["components"]["schemas"] if name.startswith("functions")]
