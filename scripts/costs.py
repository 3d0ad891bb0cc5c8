"""The tables of docs/operations/cost.md: counted quantities (cost_counts.json) times list prices (prices.json)."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

import yaml

from scripts.table import table
from whendue.metrics.model import BOUNDS_MS
from whendue.metrics.prices import entries, price_list
from whendue.metrics_export import COST, LAG
from whendue.metrics_export import COUNTS as EMF_COUNTS

ROOT = Path(__file__).parents[1]
COUNTS_FILE = Path(__file__).with_name("cost_counts.json")
COUNTS: Final[Mapping[str, Any]] = json.loads(COUNTS_FILE.read_text())
TOPOLOGY: Final[Mapping[str, Any]] = yaml.safe_load((ROOT / "infra/topology.yaml").read_text())
MILLION: Final = 1_000_000
GB: Final = 1024**3
MINUTES_A_MONTH: Final = 30 * 24 * 60
# Of a stack whose variables do not say otherwise.
SHARDS: Final = str(TOPOLOGY["due_index"]["shards"])
KINDS: Final[Mapping[str, str]] = {
    "immediate": "immediate job, a request each",
    "bulk": "immediate job, up to ten in a request",
    "delayed": "delayed job",
    "retried": "job that fails once",
    "recurring": "fire of a schedule that runs every minute",
    "node": "node of a chain in a workflow",
    "webhook": "immediate job with a webhook about its end",
}
UNITS: Final = ("write units", "read units", "SQS requests")
# Five pollers of each queue, each long poll 20 s.
# Source: https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html
POLLS_A_MINUTE: Final = 5 * 3


class Cost(NamedTuple):
    """US dollars of something, by what is billed."""

    table: float
    queues: float
    functions: float
    api: float
    logs: float

    @property
    def total(self) -> float:
        """All of them."""
        return sum(self)


def job_cost(kind: str, fill: str) -> Cost:
    """Return what a job of a kind costs, in US dollars; your own task's time is not in it.

    Args:
        kind: a key of `KINDS`.
        fill: `full` for batches of ten, `alone` for batches of one.
    """
    usd, counted, assumed = price_list().usd, COUNTS["jobs"][kind][fill], COUNTS["assumed"]
    invocations = {
        "worker": (counted["worker"], assumed["worker_ms"][fill]),
        "notifier": (counted.get("notifier", 0), assumed["notifier_ms"][fill]),
        "api": (counted.get("api_requests", 0), assumed["api_ms"]),
    }
    lines = sum(count for count, _ in invocations.values()) * assumed["platform_log_bytes"]
    api_lines = counted.get("api_requests", 0) * assumed["api_log_bytes"]
    return Cost(
        counted["write_units"] * usd["dynamodb_write"] + counted["read_units"] * usd["dynamodb_read"],
        counted["sqs_requests"] * (usd["sqs_request"] + usd["sqs_fair"]),
        sum(_invocations(function, count, each_ms) for function, (count, each_ms) in invocations.items()),
        counted.get("api_requests", 0) * usd["api_http"],
        (counted["log_bytes"] + lines + api_lines) / GB * usd["logs_ingested"],
    )


def _invocations(function: str, count: float, each_ms: float) -> float:
    """Return what invocations of a function cost, in US dollars."""
    usd = price_list().usd
    gb_seconds: float = TOPOLOGY["functions"][function]["memory_mb"] / 1024 * each_ms / 1000
    return count * (usd["lambda_request"] + gb_seconds * usd["lambda_compute"])


def idle_ticks(shards: str) -> Cost:
    """Return what a month of ticks costs in which nothing is due, in US dollars."""
    usd, counted, assumed = price_list().usd, COUNTS["idle"][shards], COUNTS["assumed"]
    each_ms = assumed["tick_ms"] + counted["table_calls"] * assumed["tick_call_ms"]
    log_bytes = counted["log_bytes"] + assumed["platform_log_bytes"]
    each = Cost(
        counted["write_units"] * usd["dynamodb_write"] + counted["read_units"] * usd["dynamodb_read"],
        0,
        _invocations("timer", 1, each_ms),
        usd["eventbridge_scheduler"],
        log_bytes / GB * usd["logs_ingested"],
    )
    return Cost(*(part * MINUTES_A_MONTH for part in each))


def queues() -> int:
    """Count the queues that Lambda polls."""
    return sum(len(trigger.get("queues", ())) for trigger in TOPOLOGY["triggers"].values())


def emf_metrics() -> int:
    """Count the custom metrics that the functions make: their names, under one combination of dimensions."""
    return len(EMF_COUNTS) + len(BOUNDS_MS) + len((LAG, COST))


# --- tables ---------------------------------------------------------------------------------------------------------


def job_table() -> str:
    """List what a million jobs of each kind cost."""
    rows = []
    for kind, title in KINDS.items():
        full, alone = COUNTS["jobs"][kind]["full"], COUNTS["jobs"][kind]["alone"]
        pairs = [f"{full[name]:g} / {alone[name]:g}" for name in ("write_units", "read_units", "sqs_requests")]
        rows.append([title, *pairs, *(_usd(job_cost(kind, fill).total * MILLION) for fill in ("full", "alone"))])
    return table(
        [
            "for each: full batches / alone",
            "write units",
            "read units",
            "SQS requests",
            "$ a million in full batches",
            "$ a million alone",
        ],
        rows,
    )


def part_table() -> str:
    """Part the cost of a million jobs by what is billed."""
    rows = [
        [KINDS[kind], fill, *(_usd(part * MILLION) for part in cost), _usd(cost.total * MILLION)]
        for kind in ("immediate", "bulk", "delayed", "webhook")
        for fill in ("full", "alone")
        for cost in [job_cost(kind, fill)]
    ]
    return table(["$ a million", "batches", "table", "queues", "functions", "HTTP API", "logs", "sum"], rows)


def tick_table() -> str:
    """List what a month of idle ticks costs, by shards."""
    rows = []
    for shards, counted in COUNTS["idle"].items():
        cost = idle_ticks(shards)
        rows.append(
            [
                shards,
                *(f"{counted[name]:g}" for name in ("table_calls", "read_units", "write_units")),
                *(_usd(part) for part in (cost.table, cost.functions, cost.api, cost.logs, cost.total)),
            ]
        )
    header = ["shards of a queue", "calls a tick", "read units", "write units"]
    return table([*header, "table", "timer's function", "EventBridge Scheduler", "logs", "$ a month"], rows)


def idle_table() -> str:
    """List what a month costs in which no job runs."""
    usd = price_list().usd
    polls = POLLS_A_MINUTE * MINUTES_A_MONTH
    alarms, ticks = COUNTS["alarm_metrics"], COUNTS["tick_metrics"]
    rows = [
        [f"the timer's ticks with {SHARDS} shards, the default", "the next table", _usd(idle_ticks(SHARDS).total)],
        [
            f"Lambda's pollers, {queues()} queues",
            f"{polls:,} requests each, {_usd(polls * usd['sqs_request'])} a queue",
            _usd(queues() * polls * usd["sqs_request"]),
        ],
        ["metrics of the ticks (EMF)", f"{ticks} metrics", _usd(ticks * usd["metric"])],
        ["alarms, with `observability`", f"{alarms} metrics of 8 alarms", _usd(alarms * usd["alarm_metric"])],
        ["the dashboard", "free: among an account's first three", _usd(0)],
    ]
    fixed = idle_ticks(SHARDS).total + queues() * polls * usd["sqs_request"] + ticks * usd["metric"]
    busy = emf_metrics() - ticks
    return table(
        ["what", "how much", "$ a month"],
        [
            *rows,
            [
                "**sum, idle**",
                "without alarms / with them",
                f"**{_usd(fixed)} / {_usd(fixed + alarms * usd['alarm_metric'])}**",
            ],
            ["metrics of jobs (EMF), in hours in which jobs run", f"{busy} metrics more", _usd(busy * usd["metric"])],
        ],
    )


def queue_table() -> str:
    """List what Lambda's polling of empty queues costs a month, by queues."""
    usd, polls = price_list().usd, POLLS_A_MINUTE * MINUTES_A_MONTH
    rows = [
        [str(count), f"{count * polls:,}", _usd(count * polls * usd["sqs_request"])]
        for count in (1, queues(), 2 * queues(), 4 * queues())
    ]
    return table(["queues that Lambda polls", "requests a month", "$ a month"], rows)


def price_table() -> str:
    """List the prices, with what confirms them."""
    rows = []
    for name, price in entries()["prices"].items():
        confirmed = f"[{price['confirmed_by']}, {price['seen_on']}]({price['seen']})" if price["seen"] else "nobody"
        unit = price["unit"] if price["per"] == 1 else f"{price['per']:,} {price['unit']}"
        rows.append(
            [f"`{name}`", f"{price['usd']:g}", unit, f"[list]({price['source']})", confirmed, price.get("note", "")]
        )
    return table(["price", "$", "for", "source", "number confirmed by", ""], rows)


def comparison_table() -> str:
    """Compare a million one-step jobs among services, bare and with a record of each job."""
    usd = price_list().usd
    record = COUNTS["jobs"]["bulk"]["full"]["write_units"] * usd["dynamodb_write"]
    rows = []
    for name, fill in (("**whendue**, full batches", "full"), ("**whendue**, one job a batch", "alone")):
        costs = [_usd(job_cost(kind, fill).total * MILLION) for kind in ("delayed", "retried", "recurring", "node")]
        rows.append([name, "\u2013", *costs])
    for service in services(usd):
        cells = [_million(cost) for cost in service.bare[1:]]
        delayed = service.bare[0]
        complete = None if delayed is None else delayed + (0 if service.has_record else record)
        rows.append(
            [service.name, "\u2013" if delayed is None else _usd(delayed * MILLION), _million(complete), *cells]
        )
    return table(
        [
            "service",
            "delayed job, bare",
            "delayed job, equal features",
            "job that fails once",
            "fire of a schedule",
            "step of a workflow",
        ],
        rows,
    )


class Service(NamedTuple):
    """Another service.

    Args:
        name: its name.
        bare: US dollars for one delayed job, one that fails once, one fire, one step; None where it has none.
        has_record: it keeps a record of each job that can be read and listed.
    """

    name: str
    bare: tuple[float | None, float | None, float | None, float | None]
    has_record: bool


def services(usd: Mapping[str, float]) -> list[Service]:
    """Return what the others take, by the operations that docs/operations/cost.md lists for each."""
    start, step, express = usd["lambda_request"], usd["step_functions_transition"], usd["step_functions_express"]
    # 64 MB for 100 ms, the least that is billed.
    express += 64 / 1024 * 0.1 / 3600 * usd["step_functions_express_compute"]
    fire, task, message = usd["eventbridge_scheduler"], usd["cloud_tasks"], usd["qstash"]
    action, operation = 1.1 * usd["temporal_action"], usd["durable_operation"]
    return [
        Service("EventBridge Scheduler", (fire + start, fire + 2 * start, fire + start, None), has_record=False),
        Service(
            "Step Functions, standard",
            (2 * step + start, 2 * step + 2 * start, fire + step + start, step + start),
            has_record=True,
        ),
        Service(
            "Step Functions, express", (None, express + 2 * start, fire + express + start, start), has_record=False
        ),
        Service("Cloud Tasks", (2 * task, 3 * task, None, None), has_record=False),
        Service("QStash", (message, 2 * message, message, message), has_record=False),
        Service("Temporal Cloud", (3 * action, 3 * action, 3 * action, action), has_record=True),
        Service(
            "Lambda durable functions",
            (3 * operation + 2 * start, 3 * operation + 2 * start, fire + 2 * operation + start, operation),
            has_record=True,
        ),
    ]


def _million(cost: float | None) -> str:
    return "\u2013" if cost is None else _usd(cost * MILLION)


def _usd(amount: float) -> str:
    return f"{amount:,.2f}"
