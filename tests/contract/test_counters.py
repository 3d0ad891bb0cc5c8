"""Counters on every table: what many processes count at once is added up, and not one is lost."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from unittest.mock import patch

from pydantic import BaseModel

from tests.builders.backends import Aws, app_on
from tests.builders.world import SETTINGS
from whendue.adapters.memory import InlineRunner, MemoryBlobs, MemoryQueue
from whendue.bootstrap.application import App, build
from whendue.declarations.context import Context
from whendue.declarations.registry import Registry, task
from whendue.engine.ports import JobStore
from whendue.metrics.consumption import Consumption
from whendue.metrics.model import OTHER, TIMER, Counts, beginning, series_of
from whendue.metrics.recorder import Taken
from whendue.metrics.usage import OTHER as OTHER_CONSUMER
from whendue.metrics.usage import READS, THOUSANDTHS, WRITES, Consumer, month_of
from whendue.quotas import COUNTER_SHARDS
from whendue.submission.request import JobRequest
from whendue.support.clock import system_clock

PROCESSES, BATCHES = 4, 6
NOW = 1_800_000_000_000
SERIES = [series_of(queue, OTHER) for queue in ("high", "normal")]


def a_batch() -> Taken:
    counts = Counts(Counter(attempts=10, succeeded=9))
    counts.times_ms["execution"] += [10, 999_999_999]
    return {SERIES[0]: counts, SERIES[1]: Counts(Counter(submitted=2)), TIMER: Counts(Counter(ticks=1))}


def process(app: App) -> None:
    for _ in range(BATCHES):
        app.counters.keep(a_batch())


def insist_on_all(store: JobStore) -> None:
    all_batches = PROCESSES * BATCHES
    sums = app_on(store).counters.read()
    assert +sums[SERIES[0]] == Counter(
        {
            "attempts": 10 * all_batches,
            "succeeded": 9 * all_batches,
            "execution_0": all_batches,
            "execution_12": all_batches,
            "execution_ms": 1_000_000_009 * all_batches,
        }
    )
    assert +sums[SERIES[1]] == Counter(submitted=2 * all_batches)
    assert +sums[TIMER] == Counter(ticks=all_batches)


def test_what_processes_count_at_once_is_added_up(store: JobStore) -> None:
    """The first of them makes the items; all others, in all shards, add to them."""
    with ThreadPoolExecutor(PROCESSES) as pool:
        list(pool.map(process, [app_on(store) for _ in range(PROCESSES)]))
    insist_on_all(store)


def test_an_item_of_an_older_version_gets_the_fields_that_have_come_since(store: JobStore) -> None:
    """DynamoDB adds to no field that is missing: what was counted with it would be lost, each time."""
    for shard in range(COUNTER_SHARDS):
        begun = beginning(SERIES[0], shard, {"attempts": 1}, "mark")
        del begun.changes["expired"]  # type: ignore[attr-defined]
        [made] = store.apply([begun])
        assert made.done
    app = app_on(store)
    for _ in range(3):
        app.counters.keep({SERIES[0]: Counts(Counter(attempts=2, expired=1))})
    assert +app_on(store).counters.read()[SERIES[0]] == Counter(attempts=COUNTER_SHARDS + 6, expired=3)


def test_nothing_is_counted_yet(store: JobStore) -> None:
    """A new deployment has no items."""
    assert app_on(store).counters.read() == {}


class Anything(BaseModel):
    """A payload."""


def _nothing(payload: Anything, ctx: Context) -> None:
    pass


def test_what_dynamodb_reports_is_divided_among_jobs(batches: Aws) -> None:
    """Plain jobs, as the adapter reads it on the wire. MiniStack leaves the index out of batches, AWS does not."""
    consumption = Consumption()
    store = batches.store_on(batches.clients.dynamodb, observe=consumption.observe)
    clock = system_clock()
    app = build(SETTINGS, clock, store, queue := MemoryQueue(clock), MemoryBlobs(), InlineRunner(), Registry())
    app.metrics.consumption = consumption
    task("ok", registry=app.registry)(_nothing)
    jobs = [app.submit.one(tenant, JobRequest("ok", {})).job for tenant in ("acme", "acme", "omega")]
    app.work.handle(queue.receive("normal"), clock.now_ms() + 60_000)
    # DynamoDB Local counts nothing for an item that is not there, as most pauses are not; AWS does.
    store.get([job.key for job in jobs])
    used = consumption.take()
    ended = {consumer.tenant: each["ended"] for consumer, each in used.items()}
    assert ended == {"acme": 2, "omega": 1}
    for each in used.values():
        assert 3 <= each[WRITES] / THOUSANDTHS / each["ended"] <= 6
    assert sum(each[READS] for each in used.values()) > 0


def test_what_processes_use_at_once_is_added_up(store: JobStore) -> None:
    """Also while the first of them make the items of a month; tenants without room for an item are summed up."""
    consumers = [Consumer(f"t{number}", "ok") for number in range(3)]

    def use(app: App) -> None:
        for consumer in consumers:
            app.counters._write({}, {consumer: Counter(submitted=1, write_thousandths=2_500)}, NOW)

    with patch("whendue.metrics.usage.USAGE_SERIES", 2), ThreadPoolExecutor(PROCESSES) as pool:
        list(pool.map(use, [app_on(store) for _ in range(PROCESSES)]))
    used = app_on(store).counters.read_usage(month_of(NOW))
    assert 1 <= len(used.keys() - {OTHER_CONSUMER}) <= 2
    assert sum(used.values(), Counter[str]()) == Counter(
        submitted=3 * PROCESSES, write_thousandths=3 * PROCESSES * 2_500
    )
