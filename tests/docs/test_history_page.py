"""docs/guide/history.md: what its example asks for is listed as the page says."""

import re
from functools import partial
from typing import Final

from tests.builders.api import a_token, api_of
from tests.builders.gateway import Client
from tests.builders.world import World
from tests.docs.pages import json_example_of, text_of
from whendue.history.events import EventType
from whendue.jobs.dependencies import DEPENDENCY_FAILED, DEPENDENCY_MISSING, NOT_TAKEN
from whendue.quotas import CHANGES_KEPT, EVENT_ATTEMPTS
from whendue.schedules.fires import OVERLAPPED
from whendue.submission.unique_policy import REPLACED

PAGE: Final = "docs/guide/history.md"
example = partial(json_example_of, PAGE)


def test_the_example_is_listed_as_on_the_page() -> None:
    """Newest first; fields that the page leaves out are null, or times."""
    world = World()
    world.task("demo.greet", lambda payload, ctx: None)
    client = Client(api_of(world), a_token())
    job = client.send("POST", "/jobs", example("submit")).json
    world.clock.advance(1)
    assert client.send("PATCH", f"/jobs/{job['id']}", example("change")).status == 200
    world.clock.advance(1)
    assert client.send("POST", f"/jobs/{job['id']}/cancel").status == 200
    events = client.send("GET", f"/jobs/{job['id']}/events").json["items"]
    shown = [{name: event[name] for name in wanted} for event, wanted in zip(events, example("answer"), strict=True)]
    assert shown == example("answer")
    fields = {name for event in events for name, value in event.items() if value is not None}
    assert fields == {"type", "at", *(name for event in example("answer") for name in event)}


def _named(text: str) -> set[str]:
    """Return what the first column of a table names."""
    lines = [line for line in text.splitlines() if line.startswith("| `")]
    return {name for line in lines for name in re.findall(r"`(\w+)`", line.split("|")[1])}


def test_the_page_has_every_event_and_the_bounds() -> None:
    """A new one needs its line."""
    text = text_of(PAGE)
    events, _, causes = text.partition("## Why whendue cancels")
    assert _named(events) == {kind.value for kind in EventType}
    known = {OVERLAPPED, REPLACED, DEPENDENCY_FAILED, DEPENDENCY_MISSING, NOT_TAKEN, "superseded", "parent_ended"}
    assert _named(causes) == known | {f"schedule_{what}" for what in ("paused", "changed", "deleted")}
    assert f"The first {CHANGES_KEPT} requests" in text
    assert f"the last {EVENT_ATTEMPTS} failed attempts" in re.sub(r"\s+", " ", text)
