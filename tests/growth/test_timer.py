"""The timer's counts follow their laws, at a size that takes a second; `tests/growth/timer.py` prints larger ones."""

import pytest

from tests.growth.timer import CALL_MS, fired, idle, looked_at, promoted, rescued, resumed
from whendue.aws_quotas import DYNAMODB_MAX_BATCH_GET, DYNAMODB_MAX_STATEMENTS, SQS_MAX_BATCH
from whendue.quotas import POOL_THREADS

SHARDS = 8
QUEUES = 5


@pytest.mark.parametrize("jobs", [1000, 4000])
def test_promote_costs_a_send_of_ten_a_read_of_a_hundred_and_a_write_for_each_window(jobs: int) -> None:
    """By due jobs; nothing is written for each of them."""
    measured = promoted(jobs)
    assert (measured.promoted, measured.ticks[0].behind) == (jobs, [])
    windows = measured.calls["writes"]
    assert windows <= 4
    assert measured.calls["send"] <= jobs // SQS_MAX_BATCH + windows
    assert measured.calls["get"] <= jobs // DYNAMODB_MAX_BATCH_GET + windows + 5
    assert measured.calls["query_due"] <= (QUEUES + 2) * SHARDS + 1 + 2 * SHARDS * (windows + 1)


def test_one_invocation_promotes_2000_a_second_with_calls_of_10_ms() -> None:
    """Sends, reads and queries overlap: one by one this would take four times as long at least."""
    measured = promoted(4000)
    assert measured.promoted_per_s >= 2000
    one_by_one_ms = CALL_MS * sum(measured.calls[name] for name in ("send", "get", "query_due", "apply"))
    assert measured.took_ms < one_by_one_ms / 4


def test_ticks_that_fan_out_promote_each_job_once_and_faster(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of eight serves a partition of its own."""
    monkeypatch.setattr("whendue.timer.fan_out.FAN_OUT_AFTER_MS", 0)
    alone, measured = promoted(4000), promoted(4000, fans_out=True)
    assert (len(measured.ticks), measured.ticks[0].timers) == (8, 7)
    assert measured.promoted == 4000
    assert [tick.behind for tick in measured.ticks] == [[]] * 8
    assert min(tick.promoted for tick in measured.ticks) > 0
    assert measured.calls["send"] <= 4000 // SQS_MAX_BATCH + measured.calls["writes"]
    assert measured.promoted_per_s >= max(10_000, alone.promoted_per_s)


def test_an_idle_tick_is_one_query_of_each_partition_and_five_reads() -> None:
    """Positions and pauses are read in calls whose number does not grow with the shards."""
    few, many = idle(4), idle(64)
    assert (few.calls["query_due"], many.calls["query_due"]) == ((QUEUES + 2) * 4 + 1, (QUEUES + 2) * 64 + 1)
    assert few.calls["get"] == many.calls["get"] <= 5
    assert few.calls["writes"] == many.calls["writes"] == 0
    # Sixteen times as many queries, side by side.
    assert many.took_ms <= 4 * few.took_ms


def test_schedules_that_are_due_at_once_are_served_side_by_side() -> None:
    """Each costs the four writes of its plan, its entry, its job and its cursor; calls hold many of them."""
    measured = fired(1000)
    [tick] = measured.ticks
    assert (tick.planned, tick.behind) == (1000, [])
    assert measured.calls["writes"] <= 4 * 1000 + 20
    assert measured.calls["apply"] <= 4 * 1000 / DYNAMODB_MAX_STATEMENTS + 10
    assert measured.calls["send"] == 1000 / SQS_MAX_BATCH
    one_by_one_ms = CALL_MS * sum(measured.calls[name] for name in ("send", "get", "query_due", "apply"))
    assert measured.took_ms < one_by_one_ms / 5


def test_lost_jobs_heal_behind_paused_ones_which_are_moved_once() -> None:
    """The reads and writes are those of one look at each; the tick after that meets nothing."""
    held, lost = 3000, 100
    *ticks, after = rescued(held, lost)
    assert len(ticks) == 1
    assert held + lost <= ticks[0].calls["writes"] <= held + lost + 20
    assert ticks[0].calls["apply"] <= (held + lost) / DYNAMODB_MAX_STATEMENTS + 30
    assert ticks[0].took_ms <= CALL_MS * (ticks[0].calls["apply"] / POOL_THREADS + 60)
    assert after.calls["writes"] == 0
    assert after.calls["read"] < 250


def test_a_tick_sends_what_a_resume_has_left() -> None:
    """All of it: the request sends 500 of them."""
    [tick] = resumed(3000)
    assert tick.ticks[0].rescued == {"send": 2500}
    assert tick.ticks[0].behind == []


def test_a_look_at_all_queues_reads_the_same_number_of_jobs_for_any_shards() -> None:
    """The oldest jobs of a queue are looked for among a fixed number of entries."""
    few, many = looked_at(4), looked_at(64)
    assert few["get"] == many["get"]
    assert many["read"] <= 2 * few["read"]
    assert (few["query_due"], many["query_due"]) == (2 * QUEUES * 4, 2 * QUEUES * 64)
