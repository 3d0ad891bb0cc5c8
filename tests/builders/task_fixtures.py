"""Attempts' contexts, a loopback server, and resources that end with their test."""

from collections.abc import Callable, Iterator

import pytest

from tests.builders.web import Web, serving
from whendue.declarations import resources
from whendue.declarations.context import Context
from whendue.declarations.resources import Resources, TaskSettings
from whendue.jobs.model import Job, Policy, State
from whendue.outbound.ssrf import Allowed
from whendue.support.clock import system_clock

JOB_ID = "019b1e2c-0000-7000-8000-00000000cafe"


@pytest.fixture
def web() -> Iterator[Web]:
    """A plain HTTP server on 127.0.0.1."""
    with serving() as server:
        yield server


@pytest.fixture
def provided(monkeypatch: pytest.MonkeyPatch) -> Resources:
    """Fresh resources behind `resources.resource`; settings allow loopback, and some mails and functions."""
    fresh = Resources()
    settings = TaskSettings(
        Allowed.parse("127.0.0.0/8"),
        "from@example.com",
        email_senders={"acme": ("example.com",)},
        email_recipients={"acme": ("example.com",)},
        lambda_allow={"acme": ("allowed-*",)},
        own_functions=frozenset({"allowed-worker"}),
    )
    fresh.provide("settings", lambda: settings)
    monkeypatch.setattr(resources.RESOURCES, "_factories", fresh._factories)
    monkeypatch.setattr(resources.RESOURCES, "_made", fresh._made)
    return resources.RESOURCES


@pytest.fixture
def context() -> Callable[..., Context]:
    """Make an attempt's context on the real clock."""

    def make(timeout_s: float = 20, failures: int = 2, tenant: str = "acme") -> Context:
        now = system_clock().now_ms
        job = Job(
            id=JOB_ID, tenant=tenant, type="http", queue="normal", profile="default", due_pk="live#normal#0",
            check_at=0, due_at=0, scheduled_at=0, created_at=0, request_hash="", policy=Policy(),
            state=State.RUNNING, failures=failures, claims=failures + 1,
        )  # fmt: skip
        return Context(job, now() + round(timeout_s * 1000), now, lambda _: True)

    return make
