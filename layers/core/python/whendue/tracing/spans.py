"""Spans by OpenTelemetry, where the extra `otel` is installed and OTEL_* says where they go; else nothing is imported.

Without spans a trace is handed on as it came (docs/reference/metrics.md).
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final, Literal

# Either turns spans on: https://opentelemetry.io/docs/specs/otel/protocol/exporter/
ENDPOINTS: Final = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
SERVICE: Final = "OTEL_SERVICE_NAME"
# A collector that does not answer holds up an invocation for no longer.
FLUSH_MS: Final = 2000

Kind = Literal["SERVER", "CONSUMER"]


class Span:
    """A span under way, or none.

    Args:
        traceparent: the header for what is called from within it.
        span: OpenTelemetry's; None where there are no spans.
    """

    def __init__(self, traceparent: str | None, span: Any = None) -> None:
        """Begin."""
        self.traceparent = traceparent
        self._span = span

    def note(self, name: str, value: str | int) -> None:
        """Note an attribute."""
        if self._span is not None:
            self._span.set_attribute(name, value)

    def failed(self, error_type: str) -> None:
        """Note that what it stands for failed."""
        if self._span is not None:
            from opentelemetry.trace import StatusCode

            self._span.set_status(StatusCode.ERROR)
            self._span.set_attribute("error.type", error_type)


class Tracing:
    """Begins spans. A process has one of these.

    Args:
        provider: OpenTelemetry's TracerProvider; None makes no spans.
    """

    def __init__(self, provider: Any = None) -> None:
        """Use this provider."""
        self.provider = provider
        # Whether there are spans.
        self.on = provider is not None

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> "Tracing":
        """Make spans if an endpoint is named and the extra is installed; the SDK reads the other OTEL_* variables."""
        if not any(env.get(name) for name in ENDPOINTS):
            return cls()
        try:
            from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
            from opentelemetry.sdk.resources import Resource
            from opentelemetry.sdk.trace import TracerProvider
            from opentelemetry.sdk.trace.export import BatchSpanProcessor
        except ImportError:
            return cls()
        provider = TracerProvider(resource=Resource.create({} if env.get(SERVICE) else {"service.name": "whendue"}))
        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        return cls(provider)

    @contextmanager
    def span(self, name: str, kind: Kind, parent: str | None, attributes: Mapping[str, str | int]) -> Iterator[Span]:
        """Open a span below a traceparent."""
        if self.provider is None:
            yield Span(parent)
            return
        from opentelemetry.trace import SpanKind
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        propagator = TraceContextTextMapPropagator()
        above = propagator.extract({"traceparent": parent} if parent else {})
        tracer = self.provider.get_tracer("whendue")
        # What an exception says may quote a payload.
        options = {"record_exception": False, "set_status_on_exception": False}
        with tracer.start_as_current_span(name, above, SpanKind[kind], attributes, **options) as span:
            carrier: dict[str, str] = {}
            propagator.inject(carrier)
            yield Span(carrier.get("traceparent"), span)

    def flush(self) -> None:
        """Send what has ended: a function is frozen between its invocations."""
        if self.provider is not None:
            self.provider.force_flush(FLUSH_MS)
