"""OpenTelemetry: a span per request, attempt and delivery where it is asked for; nothing of it is loaded otherwise."""

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from functions.api.app import Api
from tests.builders.api import SECRET, a_token
from tests.builders.gateway import Client
from tests.builders.notified import Notified, fresh_resources
from tests.builders.traces import GOOD, PARENT, TRACE
from tests.builders.web import Web, serving
from whendue.adapters.auth import AuthSettings, Verifier
from whendue.bootstrap.application import App
from whendue.declarations.registry import TASKS, discover
from whendue.metrics_export import export
from whendue.support.clock import ManualClock
from whendue.tracing.spans import ENDPOINTS, Tracing


@pytest.fixture
def spans() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def web() -> Iterator[Web]:
    with serving() as server:
        yield server


@pytest.fixture
def world(spans: InMemorySpanExporter, monkeypatch: pytest.MonkeyPatch) -> Notified:
    """A world that makes spans."""
    provided = fresh_resources(monkeypatch)
    made = Notified(clock=ManualClock())
    provided.provide("notify", lambda: made.app.notify)
    discover("whendue.tasks")
    made.registry.add(TASKS.get("http"))
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(spans))
    made.app = App(replace(made.app.runtime, tracing=Tracing(provider)), made.app.notifications, made.app.metrics)
    return made


@pytest.fixture
def client(world: Notified) -> Client:
    from localstack import token

    settings = AuthSettings.from_env(token.environment(SECRET))
    return Client(Api(world.app, Verifier(settings, world.system)), a_token())


def ids(span: ReadableSpan) -> tuple[str, str, str | None]:
    """Return a span's trace, its own id and its parent's, as traceparent writes them."""
    context = span.get_span_context()
    assert context is not None
    parent = f"{span.parent.span_id:016x}" if span.parent else None
    return f"{context.trace_id:032x}", f"{context.span_id:016x}", parent


def by_name(spans: InMemorySpanExporter) -> dict[str, ReadableSpan]:
    return {span.name: span for span in spans.get_finished_spans()}


def test_request_attempt_and_delivery_are_one_trace(
    world: Notified, client: Client, spans: InMemorySpanExporter, web: Web
) -> None:
    """From the caller's span to the server that the job calls, and to the receiver of its end."""
    world.subscribe(url=web.url("/told"))
    job = client.submit("http", {"traceparent": GOOD}, payload={"url": web.url("/called")})
    world.work()
    made = by_name(spans)
    request, attempt, delivery = made["POST /jobs"], made["http"], made["notify.webhook"]
    assert ids(request)[0::2] == (TRACE, PARENT)
    assert ids(attempt)[0::2] == (TRACE, ids(request)[1])
    assert ids(delivery)[0::2] == (TRACE, ids(request)[1])
    assert [span.kind for span in (request, attempt, delivery)] == [
        SpanKind.SERVER,
        SpanKind.CONSUMER,
        SpanKind.CONSUMER,
    ]
    assert request.attributes == {
        "http.request.method": "POST",
        "http.route": "/jobs",
        "http.response.status_code": 202,
    }
    assert attempt.attributes == {"whendue.job": job["id"], "whendue.queue": "normal", "whendue.attempt": 1}
    sent = {seen.path: {name.lower(): value for name, value in seen.headers.items()} for seen in web.seen}
    assert sent["/called"]["traceparent"] == f"00-{TRACE}-{ids(attempt)[1]}-01"
    assert sent["/told"]["traceparent"] == f"00-{TRACE}-{ids(delivery)[1]}-01"


def test_a_job_without_a_trace_begins_one(world: Notified, client: Client, spans: InMemorySpanExporter) -> None:
    """The request is its root."""
    client.submit()
    world.work()
    made = by_name(spans)
    assert ids(made["POST /jobs"])[2] is None
    assert ids(made["ok"])[0::2] == ids(made["POST /jobs"])[:2]


def test_a_failed_attempt_is_a_failed_span_without_the_errors_words(
    world: Notified, client: Client, spans: InMemorySpanExporter
) -> None:
    """What an error says may quote a payload."""
    client.submit("bad")
    world.work()
    span = by_name(spans)["bad"]
    assert span.status.status_code is StatusCode.ERROR
    assert span.attributes is not None
    assert span.attributes["error.type"] == "RuntimeError"
    assert "is bad" not in span.to_json()


def test_a_request_that_whendue_fails_is_a_failed_span(
    world: Notified, client: Client, spans: InMemorySpanExporter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that is refused is not."""

    def fail(*_: Any) -> None:
        raise RuntimeError("secret")

    assert client.send("GET", "/jobs/none").status == 404
    monkeypatch.setattr(world.app.submit, "one", fail)
    assert client.send("POST", "/jobs", {"type": "ok"}).status == 500
    made = by_name(spans)
    assert made["GET /jobs/<job_id>"].status.status_code is StatusCode.UNSET
    assert made["POST /jobs"].status.status_code is StatusCode.ERROR
    assert "secret" not in made["POST /jobs"].to_json()


def test_spans_are_sent_before_a_function_is_frozen(world: Notified, monkeypatch: pytest.MonkeyPatch) -> None:
    """What waits in the background then would be late by hours, or lost."""
    flushed = list[int]()
    monkeypatch.setattr(world.app.tracing.provider, "force_flush", flushed.append)
    export(world.app)
    assert len(flushed) == 1


@pytest.mark.parametrize("name", ENDPOINTS)
def test_an_endpoint_turns_spans_on(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """OpenTelemetry's own variables, nothing of ours."""
    monkeypatch.setenv(name, "http://127.0.0.1:9/v1/traces")
    tracing = Tracing.from_env({name: "http://127.0.0.1:9/v1/traces"})
    assert tracing.on
    assert tracing.provider.resource.attributes["service.name"] == "whendue"
    tracing.provider.shutdown()
    assert not Tracing.from_env({}).on


def test_without_the_extra_there_are_no_spans(monkeypatch: pytest.MonkeyPatch) -> None:
    """A collector's address in the environment asks for nothing that is not there."""
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    assert not Tracing.from_env({ENDPOINTS[0]: "http://127.0.0.1:9"}).on


def test_nothing_of_it_is_loaded_unless_it_is_asked_for() -> None:
    """Cold starts are paid by every user; likewise what only a scrape needs."""
    code = """
import sys
from tests.builders.world import World
from functions.api.app import make_resolver
from whendue.metrics_export import export
make_resolver()
world = World()
world.submit()
world.work()
export(world.app)
print(sorted({name.partition('.')[0] for name in sys.modules} & {'opentelemetry', 'prometheus_client'}))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
