"""What Prometheus scrapes, made by its own client library: the counters of the table and the gauges of now.

All metrics of docs/reference/metrics.md are here; one that is not in `METRICS` does not exist.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import accumulate
from typing import Any, Final, NamedTuple

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from functions.api.schemas.shared.usage import MILLION, ranked
from whendue.inspection.gauges import Measured
from whendue.inspection.queues import QueueView
from whendue.metrics.model import (
    ANSWERS,
    BOUNDS_MS,
    BULK,
    BULK_ACTIONS,
    BULK_CHANGED,
    ENDS,
    FAILED,
    REDRIVEN,
    RESCUED,
    TIMER,
    UNIQUE,
    fields_of,
    is_of_jobs,
    queue_and_type,
    series_of,
)
from whendue.metrics.prices import price_list
from whendue.metrics.usage import Usage, cost_usd
from whendue.notifications.delivery_job import PREFIX
from whendue.quotas import USAGE_NAMED
from whendue.settings import NOTIFICATIONS
from whendue.version import VERSION

Sums = Mapping[str, Counter[str]]
CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"


class Described(NamedTuple):
    """A metric: its kind, its labels, and what it means."""

    kind: Callable[..., Metric]
    labels: tuple[str, ...]
    description: str


C, G, H = CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
JOB: Final = ("queue", "type")
# A counter's name gets `_total`.
METRICS: Final[Mapping[str, Described]] = {
    "whendue_jobs_submitted": Described(C, JOB, "Jobs submitted, including deliveries of notifications."),
    "whendue_jobs_ended": Described(C, (*JOB, "state"), "Jobs that ended, by final state."),
    "whendue_attempts": Described(C, JOB, "Attempts that started."),
    "whendue_attempts_failed": Described(C, (*JOB, "error"), "Attempts that failed, by error type."),
    "whendue_retries": Described(C, JOB, "Failed attempts that are retried."),
    "whendue_unique_submits": Described(
        C, ("answer",), "Submits that met another job with their unique key, by what became of them."
    ),
    "whendue_redrives": Described(C, (), "Ended jobs that were made to run again, by whichever request."),
    "whendue_bulk_changes": Described(
        C, ("action",), "Changes that bulk operations have made to jobs, by action; without deletes."
    ),
    "whendue_execution_seconds": Described(H, JOB, "Duration of attempts in seconds."),
    "whendue_lateness_seconds": Described(H, JOB, "Seconds from the time an attempt was due to its start."),
    "whendue_notifications_ended": Described(
        C, ("channel", "state"), "Deliveries of notifications that ended, by final state."
    ),
    "whendue_timer_ticks": Described(C, (), "Runs of the timer."),
    "whendue_schedules_planned": Described(C, (), "Schedules whose next fires were decided."),
    "whendue_jobs_promoted": Described(C, (), "Messages that the timer sent for due jobs."),
    "whendue_rescues": Described(C, ("action",), "Jobs that the timer rescued, by action."),
    "whendue_queue_messages": Described(
        G, ("queue", "state"), "Approximate number of messages in the queue, by state."
    ),
    "whendue_queue_oldest_due_seconds": Described(G, ("queue",), "Seconds since the oldest waiting job was due."),
    "whendue_queue_paused": Described(G, ("queue",), "1 while the queue is paused, else 0."),
    "whendue_timer_lag_seconds": Described(
        G, (), "Seconds by which the oldest check that the timer has not made is overdue."
    ),
    "whendue_cost_usd": Described(
        C, ("type",), "Estimated cost of jobs in this UTC month in US dollars, by list prices; the dearest types."
    ),
    "whendue_tenant_cost_usd": Described(
        C, ("tenant",), "Estimated cost of jobs in this UTC month in US dollars, by list prices; the dearest tenants."
    ),
    "whendue_job_cost_usd_per_million": Described(
        G, ("type",), "Estimated cost of a million jobs in US dollars, by this UTC month's; the dearest types."
    ),
    "whendue_build_info": Described(G, ("version",), "Always 1; the label is the version of whendue."),
}


def exposition(sums: Sums, measured: Measured, usage: Usage | None = None) -> str:
    """Return all metrics in Prometheus' text format.

    Args:
        sums: the counters.
        measured: the gauges.
        usage: what jobs have consumed in this month.
    """
    registry = CollectorRegistry()
    registry.register(_Collector(sums, measured, usage or {}))
    return generate_latest(registry).decode()


class _Collector(Collector):
    def __init__(self, sums: Sums, measured: Measured, usage: Usage) -> None:
        self._timer = sums.get(TIMER, Counter())
        self._unique = sums.get(UNIQUE, Counter())
        self._bulk = sums.get(BULK, Counter())
        self._jobs = {queue_and_type(series): fields for series, fields in sums.items() if is_of_jobs(series)}
        self._measured = measured
        self._usage = usage
        # Each kind takes values in its own way.
        self._metrics: dict[str, Any] = {
            name: metric.kind(name, metric.description, labels=metric.labels) for name, metric in METRICS.items()
        }

    def collect(self) -> Iterator[Metric]:
        for labels, fields in sorted(self._jobs.items()):
            self._add_jobs(labels, fields)
        self._add_timer()
        for answer in ANSWERS:
            self._add("whendue_unique_submits", (answer,), self._unique[answer])
        self._add("whendue_redrives", (), self._bulk[REDRIVEN])
        for action in BULK_ACTIONS.values():
            self._add("whendue_bulk_changes", (action,), self._bulk[f"{BULK_CHANGED}{action}"])
        self._add_costs()
        for queue in self._measured.queues:
            self._add_queue(queue)
        self._add("whendue_timer_lag_seconds", (), self._measured.timer_lag_s)
        self._add("whendue_build_info", (VERSION,), 1)
        yield from self._metrics.values()

    def _add(self, name: str, labels: Iterable[str], value: float) -> None:
        self._metrics[name].add_metric(tuple(labels), value)

    def _add_jobs(self, labels: tuple[str, str], fields: Counter[str]) -> None:
        queue, kind = labels
        for field, name in (("submitted", "jobs_submitted"), ("attempts", "attempts"), ("retried", "retries")):
            self._add(f"whendue_{name}", labels, fields[field])
        for state in ENDS:
            self._add("whendue_jobs_ended", (*labels, state), fields[state])
            if queue == NOTIFICATIONS:
                channel = kind.removeprefix(PREFIX)
                self._add("whendue_notifications_ended", (channel, state), fields[state])
        for field in fields_of(series_of(*labels)):
            if field.startswith(FAILED):
                self._add("whendue_attempts_failed", (*labels, field.removeprefix(FAILED)), fields[field])
        for name, bounds_ms in BOUNDS_MS.items():
            limits = [*(f"{bound_ms / 1000:g}" for bound_ms in bounds_ms), "+Inf"]
            upto = accumulate(fields[f"{name}_{number}"] for number in range(len(limits)))
            metric = self._metrics[f"whendue_{name}_seconds"]
            metric.add_metric(labels, list(zip(limits, upto, strict=True)), fields[f"{name}_ms"] / 1000)

    def _add_timer(self) -> None:
        for field, name in (("ticks", "timer_ticks"), ("planned", "schedules_planned"), ("promoted", "jobs_promoted")):
            self._add(f"whendue_{name}", (), self._timer[field])
        for field in fields_of(TIMER):
            if field.startswith(RESCUED):
                self._add("whendue_rescues", (field.removeprefix(RESCUED),), self._timer[field])

    def _add_costs(self) -> None:
        prices = price_list()
        types = ranked(self._usage, lambda consumer: consumer.type, prices, USAGE_NAMED)
        tenants = ranked(self._usage, lambda consumer: consumer.tenant, prices, USAGE_NAMED)
        for metric, by_name in (("cost_usd", types), ("tenant_cost_usd", tenants)):
            for value, used in by_name.items():
                self._add(f"whendue_{metric}", (value,), cost_usd(used, prices.usd))
        for kind, used in types.items():
            if used["ended"]:
                cost = cost_usd(used, prices.usd) / used["ended"] * MILLION
                self._add("whendue_job_cost_usd_per_million", (kind,), cost)

    def _add_queue(self, queue_view: QueueView) -> None:
        for state, messages in queue_view.depth._asdict().items():
            self._add("whendue_queue_messages", (queue_view.name, state), messages)
        due_at = self._measured.now_ms if queue_view.oldest_due_at is None else queue_view.oldest_due_at
        self._add("whendue_queue_oldest_due_seconds", (queue_view.name,), max(0, self._measured.now_ms - due_at) / 1000)
        self._add("whendue_queue_paused", (queue_view.name,), queue_view.pause is not None)
