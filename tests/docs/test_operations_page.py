"""docs/guide/operations.md: what its examples ask for is answered as the page says."""

import re
from functools import partial
from typing import Any, Final

import pytest

import functions.worker.tasks.demo  # noqa: F401 - declares demo.broken
import whendue
from functions.api.schemas.bulk.operations import JobFilterBody
from tests.builders.api import a_token, api_of
from tests.builders.gateway import Client
from tests.builders.world import World
from tests.docs.pages import example_of, json_example_of, text_of
from whendue.bulk.decisions import STATES
from whendue.bulk.quotas import (
    DRY_RUN_EXAMPLES,
    OPERATION_FAILURES,
    OPERATION_IDS,
    OPERATION_KEPT_S,
    OPERATION_PIECE,
    OPERATION_PIECES_PER_TICK,
    OPERATIONS_RUNNING,
    OPERATIONS_UNDOING,
)
from whendue.quotas import REDRIVE_RATE_MIN_PER_S, REDRIVE_RATE_PER_S
from whendue.testing import WhendueApp

PAGE: Final = "docs/guide/operations.md"
example = partial(json_example_of, PAGE)


def broken(payload: Any, ctx: Any) -> None:
    raise RuntimeError


def test_the_examples_do_what_the_page_says() -> None:
    """Counted, begun, shown, and in the history of a job."""
    world = World()
    world.task("demo.broken", broken)
    client = Client(api_of(world), a_token())
    body = {"type": "demo.broken", "maxAttempts": 1, "tags": {"team": "billing"}}
    ids = [client.send("POST", "/jobs", body).json["id"] for _ in range(3)]
    client.send("POST", "/jobs", body | {"tags": {"team": "shop"}})
    world.work()
    counted = client.send("POST", "/operations", example("dry run"))
    assert (counted.status, counted.json["counts"]["matched"], counted.json["exact"]) == (200, 3, True)
    begun = client.send("POST", "/operations", example("begin"))
    assert begun.status == 202
    shown = client.send("GET", begun.headers["location"]).json
    assert {name: shown[name] for name in example("answer")} == example("answer")
    [event, *_] = client.send("GET", f"/jobs/{ids[0]}/events").json["items"]
    assert {name: event[name] for name in example("event")} == example("event")
    assert event["operationId"] == shown["id"]
    undone = client.send("POST", f"/operations/{shown['id']}/undo").json
    assert (undone["action"], undone["counts"]["changed"]) == ("undo", 3)


def test_the_example_in_python_does_what_it_says(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the client as it is installed."""
    app = WhendueApp()
    monkeypatch.setattr(whendue.Client, "from_env", lambda: app.client)
    for _ in range(3):
        app.submit("demo.broken", policy={"max_attempts": 1}, tags={"team": "billing"})
    app.run_until_idle()
    exec(example_of(PAGE, "python"), {})
    assert capsys.readouterr().out == "3 jobs\n3 changed, 0 failed\n"


def test_the_page_has_every_action_and_field_and_the_bounds() -> None:
    """A new one needs its line."""
    text = re.sub(r"\s+", " ", text_of(PAGE))
    actions = re.findall(r"^\| `(\w+)` \| [^|]+ \| ", text_of(PAGE), re.MULTILINE)
    assert set(actions) == {action.value for action in STATES}
    fields = {field.alias or name for name, field in JobFilterBody.model_fields.items()}
    assert all(f"`{field}`" in text for field in fields)
    for bound in (
        f"Up to {OPERATION_PIECE} jobs are changed before the answer",
        f"up to {OPERATION_PIECE * OPERATION_PIECES_PER_TICK:,} a minute",
        f"the first {OPERATION_FAILURES} jobs",
        f"up to {OPERATION_IDS} jobs",
        f"from {REDRIVE_RATE_MIN_PER_S} to {REDRIVE_RATE_PER_S:,}",
        f"can have {OPERATIONS_RUNNING} operations that run, and {OPERATIONS_UNDOING} undos",
        f"kept for {OPERATION_KEPT_S // 86_400} days",
    ):
        assert bound in text, bound
    assert DRY_RUN_EXAMPLES == 10
    assert "names up to ten" in text
