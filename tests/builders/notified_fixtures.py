"""A world with channels, a receiver on loopback that the operator allows, and the published verifier."""

from collections.abc import Iterator
from datetime import UTC, datetime, tzinfo
from typing import Any

import pytest
import standardwebhooks.webhooks

from tests.builders.notified import Notified, fresh_resources
from tests.builders.web import Web, serving
from whendue.declarations.resources import Resources


@pytest.fixture
def web() -> Iterator[Web]:
    """A plain HTTP server on 127.0.0.1."""
    with serving() as server:
        yield server


@pytest.fixture
def provided(monkeypatch: pytest.MonkeyPatch) -> Resources:
    """Fresh resources; the operator allows loopback."""
    return fresh_resources(monkeypatch)


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
