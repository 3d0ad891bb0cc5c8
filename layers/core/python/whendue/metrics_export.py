"""Metrics of what a process has done: sums for Prometheus go to the table, EMF for CloudWatch into its log line.

Names, dimensions and what may be lost: docs/reference/metrics.md. EMF's source:
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from whendue.bootstrap.application import App
from whendue.errors import UnavailableError
from whendue.metrics.model import BOUNDS_MS, BULK_CHANGED, ENDS, FAILED, RESCUED, Counts
from whendue.metrics.prices import price_list
from whendue.metrics.usage import PRICED, Usage, cost_usd

NAMESPACE: Final = "whendue"
SERVICE: Final = "whendue"
# EMF's metric -> the fields whose sum it is; a prefix stands for all that begin with it.
COUNTS: Final[Mapping[str, str]] = {
    "jobs_submitted": "submitted",
    "attempts": "attempts",
    "attempts_failed": FAILED,
    "retries": "retried",
    "bulk_changes": BULK_CHANGED,
    **{f"jobs_{state}": state for state in ENDS},
    "timer_ticks": "ticks",
    "jobs_promoted": "promoted",
    "rescues": RESCUED,
}
LAG: Final = "timer_lag_seconds"
COST: Final = "cost_usd"
# A metric has 100 values in a line at most; at the hundredth Powertools begins another line.
VALUES = 99


def export(app: App, gauges: Mapping[str, float] | None = None, *, every_ms: int = 0) -> dict[str, Any]:
    """Keep what was counted, send spans, and give the members that make a log line an EMF line. Never raises.

    Args:
        app: whose counts.
        gauges: further metrics, in seconds.
        every_ms: as in `Counters.keep`.
    """
    app.tracing.flush()
    taken, usage = app.metrics.take(), _usage(app)
    members = _emf(taken.values(), gauges or {}, _cost_usd(usage)) | app.bulkhead.take()
    try:
        app.counters.keep(taken, every_ms, usage)
    except Exception as error:  # noqa: BLE001 - the work is done and recorded, whatever becomes of its counts
        members["counts_lost"] = type(error).__name__
    return members


def timer_lag(app: App, behind: Iterable[str]) -> dict[str, float]:
    """Return the gauge of how far the timer is behind after a tick; most ticks leave nothing to measure."""
    try:
        return {LAG: app.gauges.timer_lag_s() if behind else 0}
    except UnavailableError:
        return {}
    except Exception as error:  # noqa: BLE001 - the tick is done; how far it is behind is not known
        app.bulkhead.note("gauges", LAG, error)
        return {}


def _usage(app: App) -> Usage:
    """Return what was consumed; nothing where that cannot be divided: no job depends on it."""
    try:
        return app.metrics.consumption.take()
    except Exception as error:  # noqa: BLE001 - the work is done and recorded
        app.bulkhead.note("usage", COST, error)
        return {}


def _cost_usd(usage: Usage) -> float:
    """Estimate what was consumed; the prices are read when there is something to price."""
    spent = [used for used in usage.values() if any(used[name] for name in PRICED)]
    return sum(cost_usd(used, price_list().usd) for used in spent)


def _emf(counted: Iterable[Counts], gauges: Mapping[str, float], cost: float) -> dict[str, Any]:
    """Return the EMF members; none if nothing was counted."""
    from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit

    counts = Counts()
    for each in counted:
        counts.add(each)
    metrics = EphemeralMetrics(namespace=NAMESPACE, service=SERVICE)
    for name, wanted in COUNTS.items():
        if number := sum(n for field, n in counts.numbers.items() if _is(field, wanted)):
            metrics.add_metric(name, MetricUnit.Count, number)
    for name in BOUNDS_MS:
        for time_ms in _sample(counts.times_ms[name]):
            metrics.add_metric(f"{name}_seconds", MetricUnit.Seconds, time_ms / 1000)
    if cost:
        metrics.add_metric(COST, MetricUnit.NoUnit, cost)
    for name, value in gauges.items():
        metrics.add_metric(name, MetricUnit.Seconds, value)
    return dict(metrics.serialize_metric_set()) if metrics.metric_set else {}


def _sample(times_ms: Sequence[int]) -> Sequence[int]:
    """Return as many values as a line may have, from first to last."""
    if len(times_ms) <= VALUES:
        return times_ms
    return [times_ms[number * len(times_ms) // VALUES] for number in range(VALUES)]


def _is(field: str, wanted: str) -> bool:
    return field.startswith(wanted) if wanted.endswith("_") else field == wanted
