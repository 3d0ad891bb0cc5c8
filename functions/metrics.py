"""Metrics of an invocation: EMF for CloudWatch, in the one log line; the sums for Prometheus, in the table.

Names, dimensions and what may be lost: docs/metrics.md. EMF's source:
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit

from functions import log
from whendue.bootstrap import App
from whendue.domain.counts import BOUNDS_MS, ENDS, FAILED, RESCUED, Counts

NAMESPACE: Final = "whendue"
SERVICE: Final = "whendue"
# EMF's metric -> the fields whose sum it is; a prefix stands for all that begin with it.
COUNTS: Final[Mapping[str, str]] = {
    "jobs_submitted": "submitted",
    "attempts": "attempts",
    "attempts_failed": FAILED,
    "retries": "retried",
    **{f"jobs_{state}": state for state in ENDS},
    "timer_ticks": "ticks",
    "jobs_promoted": "promoted",
    "rescues": RESCUED,
}
# A metric has 100 values in a line at most; at the hundredth Powertools begins another line.
VALUES = 99


def done(
    app: App, what: str, facts: Mapping[str, Any], gauges: Mapping[str, float] | None = None, *, every_ms: int = 0
) -> None:
    """Log what an invocation did, with what it counted, and keep the counts. Never raises.

    Args:
        app: whose counts.
        what: the line's message.
        facts: the line's other members.
        gauges: further metrics, in seconds.
        every_ms: as in `Counters.keep`.
    """
    taken = app.tally.take()
    try:
        app.counters.keep(taken, every_ms)
    except Exception as error:  # noqa: BLE001 - the work is done and recorded, whatever becomes of its counts
        log.failed("counts lost", error)
    log.info(what, **facts, **emf(taken.values(), gauges or {}))


def emf(counted: Iterable[Counts], gauges: Mapping[str, float]) -> dict[str, Any]:
    """Give the members that make a log line an EMF line; none where nothing was counted."""
    counts = Counts()
    for each in counted:
        counts.add(each)
    metrics = EphemeralMetrics(namespace=NAMESPACE, service=SERVICE)
    for name, wanted in COUNTS.items():
        if number := sum(n for field, n in counts.numbers.items() if _is(field, wanted)):
            metrics.add_metric(name, MetricUnit.Count, number)
    for name in BOUNDS_MS:
        for time_ms in counts.times_ms[name][:VALUES]:
            metrics.add_metric(f"{name}_seconds", MetricUnit.Seconds, time_ms / 1000)
    for name, value in gauges.items():
        metrics.add_metric(name, MetricUnit.Seconds, value)
    return dict(metrics.serialize_metric_set()) if metrics.metric_set else {}


def _is(field: str, wanted: str) -> bool:
    return field.startswith(wanted) if wanted.endswith("_") else field == wanted
