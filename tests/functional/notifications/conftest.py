"""A world with channels, a receiver on loopback that the operator allows, and the published verifier."""

from collections.abc import Iterator
from datetime import UTC, datetime, tzinfo
from typing import Any

import pytest
import standardwebhooks.webhooks

from tests.functional.notifications.notified import Notified
from tests.functional.tasks.web import Web, serving
from whendue import resources
from whendue.resources import Resources, TaskSettings
from whendue.ssrf import Allowed

RECIPIENTS = {"acme": ("ops@example.com", "acme.example")}
TOPICS = {"acme": ("arn:aws:sns:*:*:acme-*",)}


@pytest.fixture
def web() -> Iterator[Web]:
    """A plain HTTP server on 127.0.0.1."""
    with serving() as server:
        yield server


@pytest.fixture
def provided(monkeypatch: pytest.MonkeyPatch) -> Resources:
    """Fresh resources behind `whendue.resources.resource`; the operator allows loopback."""
    fresh = Resources()
    settings = TaskSettings(
        Allowed.parse("127.0.0.0/8"), "from@example.com", email_recipients=RECIPIENTS, sns_allow=TOPICS
    )
    fresh.provide("settings", lambda: settings)
    monkeypatch.setattr(resources.RESOURCES, "_factories", fresh._factories)
    monkeypatch.setattr(resources.RESOURCES, "_made", fresh._made)
    return resources.RESOURCES


@pytest.fixture
def world(provided: Resources, monkeypatch: pytest.MonkeyPatch) -> Notified:
    """Also the published library reads this world's clock: it refuses old timestamps."""
    made = Notified()
    provided.provide("notify", lambda: made.app.notify)

    class Clock(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Any:
            return datetime.fromtimestamp(made.clock.now_ms() / 1000, tz or UTC)

    monkeypatch.setattr(standardwebhooks.webhooks, "datetime", Clock)
    return made
