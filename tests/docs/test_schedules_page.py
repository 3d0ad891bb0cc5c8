"""docs/guide/schedules.md: every request that it shows is accepted, in order; and recurrence.md: its previews."""

import json
import re
from datetime import UTC, datetime
from typing import Final

import pytest

from tests.builders.api import a_token, api_of
from tests.builders.gateway import Client
from tests.builders.world import World
from tests.docs.pages import text_of

REQUESTS: Final = re.findall(
    r"^```json\n(PUT|POST) (/\S+)\n(\{.*?\})\n```$", text_of("docs/guide/schedules.md"), re.DOTALL | re.MULTILINE
)
PREVIEWS: Final = re.findall(
    r"^```json\nPOST /schedules/preview\n(\{.*?\})\n```\n\n```json\n(\[.*?\])\n```$",
    text_of("docs/guide/recurrence.md"),
    re.DOTALL | re.MULTILINE,
)
# The page's backfill is of a week in the past.
NOW_S: Final = datetime(2026, 12, 1, tzinfo=UTC).timestamp()


@pytest.fixture(scope="module")
def client() -> Client:
    world = World()
    world.task("demo.greet", lambda payload, ctx: None)
    world.clock.advance(max(0, NOW_S - world.clock.now_ms() / 1000))
    return Client(api_of(world), a_token())


def test_the_page_shows_requests() -> None:
    """Or the next test would look at nothing."""
    assert [path for _, path, _ in REQUESTS] == [
        "/schedules/nightly-report",
        "/schedules/exchange-rates",
        "/schedules/reminder",
        "/schedules/launch",
        "/schedules/nightly-report/trigger",
        "/schedules/nightly-report/backfill",
    ]


@pytest.mark.parametrize(("method", "path", "body"), REQUESTS)
def test_a_request_of_the_page_is_accepted(client: Client, method: str, path: str, body: str) -> None:
    """As a reader sends it."""
    answer = client.send(method, path, json.loads(body))
    assert answer.status in (201, 202), answer.text


def test_the_page_of_recurrences_shows_previews() -> None:
    """Of weeks, and of times of day."""
    assert len(PREVIEWS) == 2


@pytest.mark.parametrize(("body", "shown"), PREVIEWS)
def test_a_preview_of_the_page_is_what_is_answered(client: Client, body: str, shown: str) -> None:
    """The local times, as the page lists them."""
    answer = client.send("POST", "/schedules/preview", json.loads(body))
    assert [item["local"] for item in answer.json["items"]] == json.loads(shown)
