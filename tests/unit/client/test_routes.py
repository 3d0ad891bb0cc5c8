"""whendue.client.routes: the operations of api/openapi.json, none missing, and which of them may be sent twice."""

import json
from pathlib import Path
from typing import Any

import pytest

from functions.api.app import PUBLIC
from functions.api.http.body import UNKEYED
from whendue.client.routes import ROUTES

DOCUMENT = json.loads((Path(__file__).parents[3] / "api/openapi.json").read_text())
OPERATIONS: dict[str, tuple[str, str, dict[str, Any]]] = {
    operation["operationId"]: (method.upper(), path, operation)
    for path, operations in DOCUMENT["paths"].items()
    for method, operation in operations.items()
}


def test_every_operation_has_its_route() -> None:
    """With the method and the path of the document."""
    assert {name: (route.method, route.path) for name, route in ROUTES.items()} == {
        name: (method, path) for name, (method, path, _) in OPERATIONS.items()
    }


@pytest.mark.parametrize("name", OPERATIONS)
def test_a_key_is_sent_to_what_takes_one(name: str) -> None:
    """And only there: other requests that create something refuse it, since they would create it again."""
    method, path, operation = OPERATIONS[name]
    headers = {parameter["name"] for parameter in operation.get("parameters", []) if parameter["in"] == "header"}
    assert ROUTES[name].keyed == ("Idempotency-Key" in headers)
    if method == "POST" and path.replace("{", "<").replace("}", ">") in UNKEYED:
        assert not ROUTES[name].repeatable
    assert ROUTES[name].public == (path in PUBLIC)


def test_what_is_not_sent_twice() -> None:
    """What would be done twice, and what shows a secret once."""
    assert {name for name, route in ROUTES.items() if not route.repeatable} == {
        "backfillSchedule",
        "putSubscription",
        "redriveDeadLetters",
        "redriveJob",
        "replayDelivery",
        "retryWorkflow",
        "rotateSubscriptionSecret",
        "testSubscription",
        "undoOperation",
    }
