"""What is counted (docs/reference/metrics.md): what each transition adds, and the items in which the sums are kept."""

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from whendue.jobs.model import Job, State
from whendue.jobs.transition import Transition
from whendue.table.ids import time_of
from whendue.table.keys import Key, counter_key
from whendue.table.writes import Has, Lacks, Plus, Write, insert

# --- histograms: their names and the upper bounds of their buckets, ms; above the last there is one more -------
BOUNDS_MS: Final[Mapping[str, tuple[int, ...]]] = {
    "execution": (50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000, 60_000, 300_000, 900_000),
    # 1 s and 3 min are promised: guarantee G6.
    "lateness": (500, 1_000, 2_000, 5_000, 10_000, 30_000, 60_000, 120_000, 180_000, 600_000, 1_800_000, 3_600_000),
}

# --- counters ---------------------------------------------------------------------------------------------------
ENDS: Final = (State.SUCCEEDED.value, State.DEAD.value, State.CANCELLED.value, State.EXPIRED.value)
# Errors with a name of their own in metrics: what an operator looks at. All others are `OTHER`: those that tasks raise
# have no bound, and GET /dead-letters groups by them.
ERRORS: Final = (
    "dead_letter",
    "function_timeout",
    "invalid_payload",
    "payload_missing",
    "target_refused",
    "timeout",
    "unavailable",
    "worker_lost",
)
OTHER: Final = "other"
# What became of submits that met the holder of their unique key (decision 30).
ANSWERS: Final = ("returned", "rejected", "replaced", "postponed")
RESCUES: Final = ("send", "wait", "mark_dead", "cancel_lost", "expire", "end_retries", "fan_out")
# What bulk operations ask for, by the kind of the change that a job notes; a delete leaves no job to note it.
_BULK_KINDS: Final = ("cancel_requested", "redriven", "reprioritised", "rescheduled", "redrive_undone")
BULK_ACTIONS: Final = dict(zip(_BULK_KINDS, ("cancel", "redrive", "reprioritise", "reschedule", "undo"), strict=True))
# What fields of errors, rescues and bulk operations begin with.
FAILED: Final = "failed_"
RESCUED: Final = "rescued_"
BULK_CHANGED: Final = "bulk_"
# Jobs that run again after their end, whoever asked for it.
REDRIVEN: Final = "redriven"
_REDRIVES: Final = ("redrive", "replay")

# --- series -----------------------------------------------------------------------------------------------------
# One of each for all jobs.
TIMER: Final = "timer"
UNIQUE: Final = "unique"
# Redrives, and what bulk operations have changed. Not in the series of the jobs: their items have 1 KB.
BULK: Final = "bulk"
_FIELDS_OF_ALL: Final[Mapping[str, tuple[str, ...]]] = {
    TIMER: ("ticks", "planned", "promoted", *(f"{RESCUED}{what}" for what in RESCUES)),
    UNIQUE: ANSWERS,
    BULK: (REDRIVEN, *(f"{BULK_CHANGED}{action}" for action in BULK_ACTIONS.values())),
}
_FIELDS: Final = (
    *("submitted", "attempts", "retried", *ENDS),
    *(f"{FAILED}{error}" for error in (*ERRORS, OTHER)),
    *(f"{name}_{number}" for name, bounds in BOUNDS_MS.items() for number in range(len(bounds) + 1)),
    *(f"{name}_ms" for name in BOUNDS_MS),
)


def series_of(queue: str, kind: str) -> str:
    """Name the series of a queue's jobs of one type."""
    return f"jobs#{queue}#{kind}"


def queue_and_type(series: str) -> tuple[str, str]:
    """Return the arguments of `series_of` for this series."""
    _, queue, kind = series.split("#", 2)
    return queue, kind


def fields_of(series: str) -> tuple[str, ...]:
    """List the fields that an item of this series has: always all of them."""
    return _FIELDS_OF_ALL.get(series, _FIELDS)


def is_of_jobs(series: str) -> bool:
    """Return whether a series is of the jobs of a queue and a type."""
    return series not in _FIELDS_OF_ALL


@dataclass(slots=True)
class Counts:
    """Counts of one series.

    Args:
        numbers: field -> how many.
        times_ms: histogram -> what was observed, ms.
    """

    numbers: Counter[str] = field(default_factory=Counter)
    times_ms: defaultdict[str, list[int]] = field(default_factory=lambda: defaultdict(list))

    def add(self, other: "Counts") -> None:
        """Take over what another one has counted."""
        self.numbers += other.numbers
        for name, times in other.times_ms.items():
            self.times_ms[name] += times

    def sums(self) -> Counter[str]:
        """Return all values as fields of an item."""
        sums = Counter(self.numbers)
        for name, times in self.times_ms.items():
            sums += Counter(f"{name}_{bisect_left(BOUNDS_MS[name], time)}" for time in times)
            sums[f"{name}_ms"] += sum(times)
        return sums


def counted(step: Transition) -> Counts:
    """Count a transition that holds."""
    counts, job = Counts(), step.job
    match step.name:
        case "submit":
            counts.numbers["submitted"] += 1
        case "claim":
            counts.numbers["attempts"] += 1
            counts.times_ms["lateness"].append(max(0, step.changes["started_at"] - job.due_at))
        case "fail" | "mark_dead" if job.last:
            counts.numbers[f"{FAILED}{job.last.type if job.last.type in ERRORS else OTHER}"] += 1
            counts.numbers["retried"] += job.state is State.PENDING
    if (took_ms := _took_ms(step.name, job)) is not None:
        counts.times_ms["execution"].append(took_ms)
    # An undone redrive has let the job neither run nor fail again.
    if job.terminal and "finished_at" in step.changes and step.name != "undo_redrive":
        counts.numbers[job.state.value] += 1
    return counts


def counted_as_bulk(step: Transition) -> Counts | None:
    """Count a redrive, and what a bulk operation has asked for; None for all other transitions."""
    change = step.changes.get("change")
    if not change:
        return None
    numbers = Counter({REDRIVEN: 1}) if step.name in _REDRIVES else Counter[str]()
    if "operation" in change and (action := BULK_ACTIONS.get(change["kind"])):
        numbers[f"{BULK_CHANGED}{action}"] += 1
    return Counts(numbers) if numbers else None


def _took_ms(name: str, job: Job) -> int | None:
    """Return the duration of the attempt that a transition ends; None if it ends none."""
    failed_at = job.last.failed_at if job.last else None
    ended_at = {"fail": failed_at, "succeed": job.finished_at, "finish_cancelled": job.finished_at}.get(name)
    return None if ended_at is None else max(0, ended_at - (job.started_at or ended_at))


def adding(series: str, shard: int, sums: Mapping[str, int], mark: str) -> Write:
    """Add to an item that is there, and has these fields: one of an older version may lack some.

    The mark, which no other has, says that it was us: an item that another process has made meanwhile lacks it.
    """
    fields = {name: Plus(n) for name, n in sums.items()}
    return Write("count", counter_key(shard, series), [Has(name) for name in sums], fields | {"mark": mark})


def beginning(series: str, shard: int, sums: Mapping[str, int], mark: str) -> Write:
    """Make an item with these sums: with every field, for DynamoDB adds to none that is missing; marked likewise."""
    zeros = dict.fromkeys(fields_of(series), 0)
    return insert("count", counter_key(shard, series), zeros | dict(sums) | {"mark": mark})


def completing(key: Key, item: Mapping[str, Any]) -> Write:
    """Return the write of the fields that an item of an older version lacks."""
    missing = [name for name in fields_of(key.sk) if name not in item]
    return Write("complete", key, [Lacks(name) for name in missing], dict.fromkeys(missing, 0))


def last_tick(items: Iterable[Mapping[str, Any]]) -> int | None:
    """Return when the timer last counted a tick, ms UTC, from its items' marks: ids that contain their time."""
    times = [at for item in items if (at := time_of(str(item.get("mark")))) is not None]
    return max(times, default=None)


def summed(items: Iterable[Mapping[str, Any]]) -> dict[str, Counter[str]]:
    """Add up items of all shards: series -> field -> how many."""
    sums: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for item in items:
        series = item["sk"]
        sums[series] += Counter({name: item.get(name, 0) for name in fields_of(series)})
    return dict(sums)
