"""Laws of limits, for any input."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.builders.samples import a_job, running
from whendue.jobs.limit_spec import Limit, Wait, effective
from whendue.jobs.model import Job, State
from whendue.limits.rate_policy import burst, interval_us, reserve, token_is_good
from whendue.limits.slot_model import Slot, free_numbers, is_waiting, limit_state_of
from whendue.quotas import HORIZON_S, LIMIT_RATE_MIN_PER_S, LIMIT_RATE_PER_S, RATE_TOKEN_KEPT_S
from whendue.table.keys import Key, limit_pk

NOW_US = 1_800_000_000_000_000
rates = st.floats(LIMIT_RATE_MIN_PER_S, LIMIT_RATE_PER_S)
# Batches: how long after the one before it, microseconds, and how many jobs.
batches = st.lists(st.tuples(st.integers(0, 5_000_000), st.integers(1, 10)), min_size=1, max_size=30)


def starts_of(rate: float, batches: list[tuple[int, int]]) -> list[int]:
    tat_us, now_us, starts = 0, NOW_US, list[int]()
    for pause_us, count in batches:
        now_us += pause_us
        reserved, tat_us = reserve(tat_us, now_us, rate, count)
        assert all(start >= now_us for start in reserved)
        starts += reserved
    return starts


@given(rates, batches)
def test_in_any_time_no_more_start_than_the_burst_and_what_the_rate_gives(
    rate: float, batches: list[tuple[int, int]]
) -> None:
    """The law of a token bucket, over every window that begins with a start."""
    starts = starts_of(rate, batches)
    assert starts == sorted(starts)
    step_us = interval_us(rate)
    for number, begin in enumerate(starts):
        for count, end in enumerate(starts[number:], 1):
            assert (count - burst(rate)) * step_us <= end - begin


@given(rates, st.integers(1, 300))
def test_a_backlog_starts_at_no_less_than_its_rate(rate: float, count: int) -> None:
    """Rounding up to a microsecond costs a rate of 500/s less than a thousandth."""
    starts, _ = reserve(0, NOW_US, rate, count)
    allowed_us = max(0, count - burst(rate)) * 1_000_000 / rate
    assert starts[-1] - NOW_US <= allowed_us * 1.001 + 1


@given(rates, st.integers(1, 50), st.integers(0, 10**9))
def test_tokens_reserved_one_by_one_are_those_reserved_together(rate: float, count: int, tat_us: int) -> None:
    """A batch reserves for all its jobs with one write."""
    together, after = reserve(NOW_US + tat_us, NOW_US, rate, count)
    alone, tat = [], NOW_US + tat_us
    for _ in range(count):
        [start], tat = reserve(tat, NOW_US, rate, 1)
        alone.append(start)
    assert (alone, tat) == (list(together), after)


@given(st.integers(0, 10**7), st.integers(0, 30))
def test_a_token_is_good_from_its_time_on_and_longer_each_time_it_was_missed(late_ms: int, missed: int) -> None:
    """However slow a queue is, a job starts in the end."""
    wait = Wait("rate", "k", 1, 0, missed)
    good = token_is_good(wait, "k", 1000, 1000 + late_ms)
    assert good == (late_ms <= RATE_TOKEN_KEPT_S * 1000 * 2 ** min(missed, 16))
    assert not token_is_good(wait, "other", 1000, 1000)
    assert not token_is_good(Wait("slot", "k", 1, 0), "k", 1000, 1000)
    assert not token_is_good(None, "k", 1000, 1000)


NOW = 1_800_000_000_000
slots = st.dictionaries(st.integers(0, 12), st.sampled_from(["held", "expired", "given"]), max_size=13)


@given(slots, st.integers(1, 10), st.floats(0, 1, exclude_max=True))
def test_no_more_slots_are_free_than_the_limit_leaves_beside_all_that_are_held(
    state: dict[int, str], concurrency: int, draw: float
) -> None:
    """Also where a limit was lowered and higher slots are held still; and all that it leaves are found."""
    items = [
        {"sk": f"slot#{n:03d}", "fence": f"{what}-{n}", "lease_until": NOW - (what == "expired")}
        for n, what in state.items()
    ]
    stored = limit_state_of("pk", items)
    giving = [Slot(Key("pk", f"slot#{n:03d}"), f"given-{n}") for n, what in state.items() if what == "given"]
    free = free_numbers(stored, concurrency, giving, NOW, draw)
    held = [n for n, what in state.items() if what == "held"]
    assert len(free) == max(0, concurrency - len(held))
    assert len(set(free)) == len(free)
    assert not set(free) & set(held)
    assert all(0 <= n < concurrency for n in free)


def limits() -> st.SearchStrategy[Limit | None]:
    keys = st.none() | st.sampled_from(["k", "x"])
    return st.none() | st.builds(Limit, st.none() | st.integers(1, 9), st.none() | st.floats(1, 9), keys)


@given(limits(), limits())
def test_what_the_request_says_wins_field_by_field(asked: Limit | None, profile: Limit | None) -> None:
    """As with every other part of a policy."""
    got = effective(asked, profile, profile_name="p", job_type="t")
    said = [limit for limit in (asked, profile) if limit]
    for name in ("concurrency", "rate_per_s"):
        first = next((value for item in said if (value := getattr(item, name)) is not None), None)
        assert (getattr(got, name) if got else None) == first
    if got:
        named = next((item.key for item in said if item.key), None)
        assert got.key == (named or ("profile:p" if profile else "type:t"))


@given(st.text(max_size=5), st.text(max_size=5), st.sampled_from(["a", "b.c", "type:a", "profile:p"]))
def test_partitions_of_different_tenants_differ(left: str, right: str, key: str) -> None:
    """A key has no `#`, so the last one ends the tenant."""
    assert (limit_pk(left, key) == limit_pk(right, key)) == (left == right)
    assert a_job().tenant not in limit_pk("", key)


@pytest.mark.parametrize(
    ("job", "waits"),
    [
        (a_job(waits_for=Wait("slot", "k", 1, NOW)), True),
        (a_job(waits_for=Wait("slot", "other", 1, NOW)), False),
        (a_job(waits_for=Wait("rate", "k", 1, NOW)), False),
        (a_job(), False),
        (running(waits_for=Wait("slot", "k", 1, NOW)), False),
        (a_job(waits_for=Wait("slot", "k", 1, NOW), state=State.CANCELLED), False),
    ],
)
def test_only_a_pending_job_that_waits_for_a_slot_of_the_key_is_woken(job: Job, waits: bool) -> None:
    """A job woken before its token is good would start before it."""
    assert is_waiting(job, limit_pk("acme", "k"), NOW) is waits


def test_nothing_is_reserved_beyond_the_horizon() -> None:
    """However many ask, and however far an older version has reserved; and time brings the next ones near."""
    horizon_us = HORIZON_S * 1_000_000
    starts, tat_us = reserve(0, NOW_US, 0.001, 40_000)
    assert len(starts) == HORIZON_S // 1000 + 1
    assert max(starts) <= NOW_US + horizon_us
    assert reserve(tat_us, NOW_US, 0.001, 5) == ([], tat_us)
    far = 10**17
    starts, tat_us = reserve(far, NOW_US, 0.001, 5)
    assert (starts, tat_us <= NOW_US + horizon_us + 2_000_000_000) == ([], True)
    starts, _ = reserve(tat_us, NOW_US + 3_000_000_000, 0.001, 2)
    assert len(starts) == 2


def test_a_token_that_was_too_far_is_none() -> None:
    """The job asks again when its wait is over."""
    wait = Wait("rate", "key", 0.001, 0)
    assert token_is_good(wait, "key", 1000, 1000)
    assert not token_is_good(replace(wait, far=True), "key", 1000, 1000)
