"""Counters on every table: what many processes count at once is added up, and not one is lost."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

from tests.builders.backends import app_on
from whendue.bootstrap import App
from whendue.engine.ports import JobStore
from whendue.metrics.model import OTHER, TIMER, Counts, series_of
from whendue.metrics.recorder import Taken

PROCESSES, BATCHES = 4, 6
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


def test_nothing_is_counted_yet(store: JobStore) -> None:
    """A new deployment has no items."""
    assert app_on(store).counters.read() == {}
