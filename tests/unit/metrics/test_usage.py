"""Consumption is divided without a rest, by what jobs did, and priced by the list."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.builders.metered import write_units as billed
from tests.builders.transitions import MINE, NOW, TIMING, a_job, an_error, running
from whendue.aws_quotas import WRITE_UNIT_BYTES
from whendue.jobs import transitions
from whendue.jobs.model import item_bytes, to_item
from whendue.metrics.model import Counts, counted
from whendue.metrics.prices import price_list
from whendue.metrics.usage import (
    ATTEMPT_MS,
    CHARGED_MAX,
    COMPUTE,
    FIELDS,
    INVOCATIONS,
    OTHER,
    READS,
    REQUESTS,
    REQUESTS_MAX,
    WRITES,
    Consumer,
    Shares,
    addition,
    cost_usd,
    divided,
    from_item,
    month_of,
    write_units,
)
from whendue.table.writes import applied_to

ACME, OMEGA = Consumer("acme", "a"), Consumer("omega", "b")
SPENT = {WRITES: 7001, READS: 1500, REQUESTS: 2000, INVOCATIONS: 1000, COMPUTE: 100_003}


def a_share(units: int, attempts: int, attempt_ms: int) -> Shares:
    return Shares(Counter(attempts=attempts), units, attempt_ms)


@given(st.lists(st.tuples(st.integers(1, 50), st.integers(1, 50), st.integers(0, 9_000)), min_size=1, max_size=12))
def test_the_parts_add_up_to_what_was_consumed(shares: list[tuple[int, int, int]]) -> None:
    """Whoever adds up the tenants gets the process's consumption, not a thousandth less."""
    used = divided(SPENT, {Consumer(f"t{number}", "a"): a_share(*each) for number, each in enumerate(shares)})
    charged_max = CHARGED_MAX * 1000 * sum(units for units, _, _ in shares)
    assert SPENT[REQUESTS] <= REQUESTS_MAX * 1000, "one attempt may be charged with all of these requests"
    for name, spent in SPENT.items():
        total = sum(each[name] for each in used.values())
        assert total == (min(spent, charged_max) if name in (WRITES, READS) else spent)


def test_each_kind_is_divided_by_what_causes_it() -> None:
    """Units by what was written, requests and invocations by attempts, time by the attempts' own."""
    used = divided(SPENT | {WRITES: 8000, COMPUTE: 1_000}, {ACME: a_share(6, 1, 900), OMEGA: a_share(2, 3, 100)})
    assert [used[each][WRITES] for each in (ACME, OMEGA)] == [6000, 2000]
    assert [used[each][INVOCATIONS] for each in (ACME, OMEGA)] == [250, 750]
    assert [used[each][REQUESTS] for each in (ACME, OMEGA)] == [500, 1500]
    assert [used[each][COMPUTE] for each in (ACME, OMEGA)] == [900, 100]


def test_nobody_pays_for_what_a_process_does_for_all() -> None:
    """A tick reads every partition, and makes one job of a fire: that job's tenant is not charged with the tick."""
    used = divided({READS: 69_000, WRITES: 7_000}, {ACME: a_share(2, 0, 0)})
    assert used[ACME][READS] == CHARGED_MAX * 2 * 1000
    assert divided(SPENT, {}) == {}


def test_nobody_pays_for_polls_of_empty_queues() -> None:
    """A worker in a container has polled for an hour before the next job comes."""
    used = divided({REQUESTS: 1_260_000}, {ACME: a_share(6, 1, 10)})
    assert used[ACME][REQUESTS] == REQUESTS_MAX * 1000


@pytest.mark.parametrize("name", ["submit", "claim", "succeed", "fail", "fail for good", "cancel"])
def test_a_transition_is_weighed_by_the_units_that_it_is_billed(name: str) -> None:
    """Of a plain job, by the rules that the page about cost is counted by."""
    job = a_job()
    claimed = running()
    before, step = {
        "submit": (None, transitions.submit(job, TIMING)),
        "claim": (to_item(job), transitions.claim(job, MINE, NOW)),
        "succeed": (to_item(claimed), transitions.succeed(claimed, NOW, None)),
        "fail": (to_item(claimed), transitions.fail(claimed, an_error(claimed), NOW, TIMING, draw=0.5)),
        "fail for good": (
            to_item(claimed),
            transitions.fail(claimed, an_error(claimed), NOW, TIMING, draw=0.5, final=True),
        ),
        "cancel": (to_item(job), transitions.cancel(job, NOW)),
    }[name]
    assert write_units(step) == billed(before, applied_to(step, before))


def test_shares_count_jobs_and_the_time_of_attempts() -> None:
    """No attempt is free, however short it is."""
    shares = Shares()
    for step in (transitions.submit(a_job(), TIMING), transitions.claim(a_job(), MINE, NOW)):
        shares.add(step, counted(step))
    ended = transitions.succeed(running(), NOW + 1_000, None)
    shares.add(ended, counts := counted(ended))
    assert shares.jobs == Counter(submitted=1, attempts=1, ended=1)
    assert shares.attempt_ms == counts.times_ms["execution"][0] + ATTEMPT_MS
    shares.add(transitions.heartbeat(running(), NOW, None), Counts())
    assert shares.jobs["attempts"] == 1


def test_a_million_plain_jobs_cost_what_the_list_says() -> None:
    """Six write units, a tenth of an invocation of 50 ms with 1,024 MB, and its three requests."""
    used = {WRITES: 6_000, READS: 200, REQUESTS: 300, INVOCATIONS: 100, COMPUTE: 5 * 1024}
    expected = 6 * 0.625 + 0.2 * 0.125 + 0.3 * (0.40 + 0.10) + 0.1 * 0.20 + 0.005 * 13.3334
    assert cost_usd(used, price_list().usd) * 1_000_000 == pytest.approx(expected)


def test_an_item_costs_one_write_unit_and_reads_back() -> None:
    """With the longest names, and after a year of the busiest tenant."""
    consumer = Consumer("t" * 64, "x" * 64)
    begun = addition(consumer, "2026-11", dict.fromkeys(FIELDS, 999_999_999_999_999), "m" * 36, NOW)
    item = applied_to(begun.begin, None)
    assert item_bytes(item) <= WRITE_UNIT_BYTES
    assert from_item(applied_to(begun.add, item)) == (
        consumer,
        Counter(dict.fromkeys(FIELDS, 2 * 999_999_999_999_999)),
    )


def test_a_type_may_hold_the_separator() -> None:
    """No tenant does."""
    consumer = Consumer("acme", "a#b")
    assert from_item(applied_to(addition(consumer, "2026-11", {}, "m", NOW).begin, None))[0] == consumer
    assert OTHER.sort_key == "*#*"


def test_a_month_is_that_of_utc() -> None:
    """A bill's."""
    assert month_of(1_798_761_599_999) == "2026-12"
    assert month_of(1_798_761_600_000) == "2027-01"


def test_entries_are_written_once_when_they_are_new_or_removed_and_twice_when_they_move() -> None:
    """A new position in an index is a deletion and an insertion; a transition that leaves it alone writes the item."""
    assert write_units(transitions.submit(a_job(), TIMING)) == 1 + 2
    assert write_units(transitions.succeed(running(), NOW, None)) == 1 + 1
    assert write_units(transitions.mark_dead(running(), "worker_lost", "it died", NOW)) == 1 + 2
    assert write_units(transitions.claim(a_job(), MINE, NOW)) == 1
