"""What the documentation is prefilled with succeeds: every request example of the OpenAPI document is sent."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from functions.api.app import make_resolver
from functions.api.http.openapi import document
from tests.builders.api import a_token
from tests.builders.gateway import Client
from tests.builders.notified import fresh_resources
from tests.builders.world import World
from tests.fuzz.__main__ import seeded
from whendue.declarations.registry import TASKS, discover
from whendue.declarations.resources import TaskSettings

# The request that the project was asked for.
BRIEF = {"type": "email", "payload": {"to": "user@example.com", "subject": "Hello"}, "delaySeconds": 30, "retries": 3}
SCOPES = "jobs:read jobs:write admin operator"
JSON = "application/json"
WITH_BODY = sorted(
    (method.upper(), path)
    for path, operations in document(make_resolver())["paths"].items()
    for method, operation in operations.items()
    if "requestBody" in operation
)


@pytest.fixture(scope="module")
def client() -> Iterator[tuple[Client, Mapping[str, str]]]:
    """A client of an API with something of everything and the shipped tasks, and what its paths' parameters may be."""
    with pytest.MonkeyPatch.context() as patch:
        settings = TaskSettings(email_from="whendue@example.com", email_recipients={"*": ("*",)})
        fresh_resources(patch).provide("settings", lambda: settings)
        world = World()
        discover("whendue.tasks")
        world.registry.add(TASKS.get("email"))
        world.task("demo.broken", lambda payload, ctx: None)
        api, parameters = seeded(world)
        client_ = Client(api, a_token(scopes=SCOPES))
        parameters["job_id"] = client_.submit("ok", delaySeconds=3600)["id"]
        # The seeded one has an interval, which has no fire before its beginning.
        hourly = {"cron": "0 * * * *", "job": {"type": "ok"}}
        assert client_.send("PUT", f"/schedules/{parameters['name']}", hourly).status == 200
        yield client_, parameters


def example_of(method: str, path: str) -> Any:
    """Return what the page of the documentation is prefilled with."""
    return document(make_resolver())["paths"][path][method.lower()]["requestBody"]["content"][JSON]["example"]


@pytest.mark.sampled(3)
@pytest.mark.parametrize(("method", "path"), WITH_BODY)
def test_the_example_of_a_request_succeeds(client: tuple[Client, Mapping[str, str]], method: str, path: str) -> None:
    """A reader who presses "Execute" gets a 2xx, not a lesson."""
    client_, parameters = client
    operation = document(make_resolver())["paths"][path][method.lower()]
    known = dict(parameters)
    if method == "PUT" or path.startswith("/queues"):
        # Others are about something that must be there before.
        known |= {
            parameter["name"]: parameter["example"]
            for parameter in operation["parameters"]
            if parameter["in"] == "path"
        }
    where = re.sub(r"\{(\w+)\}", lambda found: known[found[1]], path)
    answer = client_.send(method, where, example_of(method, path))
    assert 200 <= answer.status < 300, answer.text
    if path == "/jobs/batch":
        assert {item["status"] for item in answer.json["items"]} == {202}


def test_the_example_of_the_short_form_is_the_request_that_the_project_was_asked_for() -> None:
    """To the letter."""
    assert example_of("POST", "/tasks/schedule") == BRIEF


def test_every_schema_of_a_request_has_an_example() -> None:
    """Also of those inside of others that are sent alone by no operation."""
    schemas = document(make_resolver())["components"]["schemas"]
    bodies = {name: schema for name, schema in schemas.items() if name.endswith(("Body", "Template", "Backoff"))}
    assert len(bodies) > 15
    without = {name for name, schema in bodies.items() if "example" not in schema}
    assert without <= {"EffectiveBackoff"}


def test_no_example_names_a_field_that_its_schema_does_not_have() -> None:
    """An example that fell behind its schema teaches a mistake."""
    schemas = document(make_resolver())["components"]["schemas"]
    for name, schema in schemas.items():
        assert set(schema.get("example", {})) <= set(schema.get("properties", {})), name
