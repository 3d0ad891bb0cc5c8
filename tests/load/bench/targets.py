"""The targets, and of each that is missed: where the time goes, and the next lever."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tests.load.bench.statistics import paired, ratio

OURS = "whendue"
Results = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Target:
    """One target.

    Args:
        text: what is promised.
        at_least: the bound is the least (True) or the most.
        bound: the number.
        value: reads it from the systems' results; None if it was not measured.
        profile: where the time or the calls go.
        lever: what would be done next.
    """

    text: str
    at_least: bool
    bound: float
    value: Callable[[Results], float | None]
    profile: str
    lever: str

    def met(self, value: float) -> bool:
        """Return whether a value meets it."""
        return value >= self.bound if self.at_least else value <= self.bound


def against(metric: str, base: str) -> Callable[[Results], float | None]:
    """Return what reads the median of the trials' ratios of ours to a base."""

    def value(systems: Results) -> float | None:
        ours, others = trials(systems, OURS, "local", metric), trials(systems, base, "local", metric)
        if len(ours) != len(others):
            return None
        found = paired(ours, others)
        return found.median if found else None

    return value


def trials(systems: Results, name: str, condition: str, metric: str) -> list[float | None]:
    """Return a measurement of each trial of a system."""
    made = systems.get(name, {}).get("trials", {}).get(condition, [])
    return [trial.get(metric) for trial in made]


def calls_per_job(systems: Results, name: str = OURS) -> float | None:
    """Return the AWS calls of a job from bulk submit to result."""
    counted = systems.get(name, {}).get("counted")
    return ratio(sum(counted["calls"].values()), counted["jobs"]) if counted else None


def units_per_job(systems: Results, name: str = OURS) -> float | None:
    """Return the write units of a job."""
    counted = systems.get(name, {}).get("counted")
    return ratio(counted["write_units"], counted["jobs"]) if counted else None


WORKER_PROFILE = (
    "Most of it is HTTP and botocore, which bare calls in batches pay as well; whendue adds its own work on each job, "
    "validation of payloads, and the counters (layers below)."
)
WORKER_LEVER = "a smaller client than botocore for the few calls that every job makes; not tried"
TARGETS = (
    Target(
        "drain / Celery with results",
        at_least=True,
        bound=3.0,
        value=against("drain_per_s", "celery"),
        profile=WORKER_PROFILE,
        lever=WORKER_LEVER,
    ),
    Target(
        "drain / dramatiq, which keeps no results",
        at_least=True,
        bound=1.0,
        value=against("drain_per_s", "dramatiq"),
        profile="dramatiq writes nothing to a table, and makes two calls a job (receive, delete). " + WORKER_PROFILE,
        lever=WORKER_LEVER,
    ),
    Target(
        "drain / batched floor",
        at_least=True,
        bound=0.85,
        value=against("drain_per_s", "floor-batched"),
        profile=WORKER_PROFILE,
        lever=WORKER_LEVER,
    ),
    Target(
        "worker CPU per job / Celery with results",
        at_least=False,
        bound=0.35,
        value=against("worker_cpu_ms", "celery"),
        profile=WORKER_PROFILE,
        lever=WORKER_LEVER,
    ),
    Target(
        "worker CPU per job / batched floor",
        at_least=False,
        bound=1.3,
        value=against("worker_cpu_ms", "floor-batched"),
        profile=WORKER_PROFILE,
        lever=WORKER_LEVER,
    ),
    Target(
        "bulk submit / batched floor",
        at_least=True,
        bound=0.6,
        value=against("submit_bulk_per_s", "floor-batched"),
        profile="The calls of a bulk submit (25 writes, ten messages a call) run side by side; the rest is validation "
        "of each request and the keys, hashes and message of each job.",
        lever="validation of the requests that share a task, once",
    ),
    Target(
        "AWS calls per job, bulk submit to result",
        at_least=False,
        bound=0.7,
        value=calls_per_job,
        profile="The calls by name are in the table below: batches that SQS did not fill, and what each batch reads "
        "and counts beside its two writes.",
        lever="longer waits for fuller batches, which add to the latency",
    ),
    Target(
        "write units per job",
        at_least=False,
        bound=6.0,
        value=units_per_job,
        profile="Submit 3 (the item and its entries in two indexes), claim 1, completion 2 (the item; its entry leaves "
        "the due index), and the counters.",
        lever="counters written less often",
    ),
)
