"""What jobs have consumed, by tenant and task type: how it is shared among them, kept in the table, and priced."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import accumulate
from typing import Any, Final, NamedTuple

from whendue.aws_quotas import WRITE_UNIT_BYTES
from whendue.jobs.model import item_bytes
from whendue.jobs.transition import Transition
from whendue.metrics.model import ENDS, Counts
from whendue.quotas import USAGE_KEPT_S, USAGE_SERIES
from whendue.table.keys import Key, usage_key
from whendue.table.writes import REMOVE, Below, Plus, Write, insert

# Thousandths: shares of a batch are fractions, and sums in the table are whole numbers.
THOUSANDTHS: Final = 1000
JOBS: Final = ("submitted", "attempts", "ended")
WRITES: Final = "write_thousandths"
READS: Final = "read_thousandths"
REQUESTS: Final = "request_thousandths"
INVOCATIONS: Final = "invocation_thousandths"
COMPUTE: Final = "compute_mb_ms"
PRICED: Final = (WRITES, READS, REQUESTS, INVOCATIONS, COMPUTE)
FIELDS: Final = (*JOBS, *PRICED)
# Of an attempt, for what a batch takes besides its tasks: no attempt is free.
ATTEMPT_MS: Final = 5
# How many times what its transitions write a process may charge to their jobs: slots, edges, deliveries and attempts
# are written beside them. What the timer reads for all of them, whoever has jobs, is nobody's.
CHARGED_MAX: Final = 2
# Requests for an attempt or a submit at most: send, receive, hide, delete. Polls of empty queues are nobody's.
REQUESTS_MAX: Final = 4


class Consumer(NamedTuple):
    """Whose consumption it is; no tenant is called `*`, which stands for all that have no item of their own."""

    tenant: str
    type: str

    @property
    def sort_key(self) -> str:
        """The sort key of its item."""
        return f"{self.tenant}#{self.type}"


OTHER: Final = Consumer("*", "*")
Usage = dict[Consumer, Counter[str]]


@dataclass(slots=True)
class Shares:
    """What a process's consumption is divided by, for one consumer.

    Args:
        jobs: jobs submitted, attempts started, jobs ended.
        units: write units of its transitions.
        attempt_ms: time of its attempts.
    """

    jobs: Counter[str] = field(default_factory=Counter)
    units: int = 0
    attempt_ms: int = 0

    def add(self, step: Transition, counts: Counts) -> None:
        """Add a transition that holds, and what it counts."""
        times = counts.times_ms["execution"]
        self.jobs["submitted"] += counts.numbers["submitted"]
        self.jobs["attempts"] += counts.numbers["attempts"]
        self.jobs["ended"] += sum(counts.numbers[state] for state in ENDS)
        self.units += write_units(step)
        self.attempt_ms += sum(times) + ATTEMPT_MS * len(times)


def write_units(step: Transition) -> int:
    """Return the write units of a transition: the item under 1 KB, its entries in indexes, and its first write."""
    return 1 + _index_units(step) + (2 + item_bytes(step.first.changes) // WRITE_UNIT_BYTES if step.first else 0)


def _index_units(step: Transition) -> int:
    """Return what indexes are billed: a new entry in both, the entry in the due index moved, or removed from there."""
    if step.inserts:
        return 2
    return 0 if "check_at" not in step.changes else 1 if step.changes["check_at"] is REMOVE else 2


def divided(spent: Mapping[str, int], shares: Mapping[Consumer, Shares]) -> Usage:
    """Divide what a process has consumed among its jobs' consumers; what exceeds the bounds above is nobody's.

    Units go by what the transitions write, requests and invocations by attempts (the batch's fill), time by the
    duration of attempts.

    Args:
        spent: field -> how much.
        shares: what each consumer's jobs did meanwhile.
    """
    units = [each.units for each in shares.values()]
    attempts = [each.jobs["attempts"] + each.jobs["submitted"] for each in shares.values()]
    times = [each.attempt_ms for each in shares.values()]
    charged_max = CHARGED_MAX * THOUSANDTHS * sum(units)
    parts = {
        WRITES: _shared(min(spent.get(WRITES, 0), charged_max), units),
        READS: _shared(min(spent.get(READS, 0), charged_max), units),
        REQUESTS: _shared(min(spent.get(REQUESTS, 0), REQUESTS_MAX * THOUSANDTHS * sum(attempts)), attempts),
        INVOCATIONS: _shared(spent.get(INVOCATIONS, 0), attempts),
        COMPUTE: _shared(spent.get(COMPUTE, 0), times if any(times) else attempts),
    }
    return {
        consumer: each.jobs + Counter({name: part[number] for name, part in parts.items()})
        for number, (consumer, each) in enumerate(shares.items())
    }


def _shared(total: int, weights: Sequence[int]) -> list[int]:
    """Divide a whole number by weights, so that the parts add up to it; nothing where there are no weights."""
    whole = sum(weights)
    if not whole:
        return [0] * len(weights)
    until = [total * upto // whole for upto in accumulate(weights)]
    return [end - begin for begin, end in zip([0, *until], until, strict=False)]


def cost_usd(used: Mapping[str, int], usd: Mapping[str, float]) -> float:
    """Return what was consumed at these prices, in US dollars; docs/reference/metrics.md#cost says what is left out."""
    return (
        used.get(WRITES, 0) / THOUSANDTHS * usd["dynamodb_write"]
        + used.get(READS, 0) / THOUSANDTHS * usd["dynamodb_read"]
        + used.get(REQUESTS, 0) / THOUSANDTHS * (usd["sqs_request"] + usd["sqs_fair"])
        + used.get(INVOCATIONS, 0) / THOUSANDTHS * usd["lambda_request"]
        + gb_seconds(used) * usd["lambda_compute"]
    )


def jobs_of(usage: Usage) -> int:
    """Return the number of submits and attempts that it is of."""
    return sum(used["submitted"] + used["attempts"] for used in usage.values())


def gb_seconds(used: Mapping[str, int]) -> float:
    """Return the time that functions were billed for, in GB-seconds."""
    return used.get(COMPUTE, 0) / 1024 / 1000


# --- items: one for each consumer and month --------------------------------------------------------------------------


def month_of(at_ms: int) -> str:
    """Return the UTC month of a time, as in 2026-11."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m")


class Addition(NamedTuple):
    """Sums that go into an item.

    Args:
        add: adds them where the item is there.
        begin: makes the item with them.
        used: what they are, if they are a consumer's: its item is made where the month has room for it.
    """

    add: Write
    begin: Write
    used: Mapping[str, int] | None = None


def addition(consumer: Consumer, month: str, used: Mapping[str, int], mark: str, now_ms: int) -> Addition:
    """Add what a consumer has used to its item of a month; the mark says that it was us (metrics/model.py)."""
    key, values = usage_key(month, consumer.sort_key), {name: used.get(name, 0) for name in FIELDS}
    more: dict[str, Any] = {name: Plus(value) for name, value in values.items()}
    add = Write("use", key, (), more | {"mark": mark})
    begin = insert("use", key, values | {"mark": mark} | _kept(now_ms))
    return Addition(add, begin, None if consumer == OTHER else used)


def reserving(month: str, mark: str) -> Write:
    """Count one more item of a month, unless it has as many as it may."""
    return Write("use", _series_key(month), (Below("series", USAGE_SERIES),), {"series": Plus(1), "mark": mark})


def beginning_month(month: str, mark: str, now_ms: int) -> Write:
    """Count the first item of a month."""
    return insert("use", _series_key(month), {"series": 1, "mark": mark} | _kept(now_ms))


def _series_key(month: str) -> Key:
    # Before all others: names have no blanks.
    return usage_key(month, " series")


def _kept(now_ms: int) -> dict[str, int]:
    return {"expires_at": now_ms // 1000 + USAGE_KEPT_S}


def from_item(item: Mapping[str, Any]) -> tuple[Consumer, Counter[str]]:
    """Read an item: whose it is, and the sums."""
    tenant, _, kind = item["sk"].partition("#")
    return Consumer(tenant, kind), Counter({name: int(item[name]) for name in FIELDS})
