"""Usage: the consumption that a world is billed for, by tenant and type, at no call and no write unit a job."""

from collections import Counter
from io import StringIO
from typing import Any

import pytest

from tests.builders.faults import Counted
from tests.builders.metered import BilledWorld
from tests.builders.world import TENANT
from whendue.metrics.usage import (
    COMPUTE,
    INVOCATIONS,
    OTHER,
    READS,
    REQUESTS,
    THOUSANDTHS,
    WRITES,
    Consumer,
    Usage,
    month_of,
)
from whendue.quotas import USAGE_EVERY_MS, USAGE_JOBS, USAGE_NAMED
from whendue.submission.request import JobRequest

ROUNDS = 10
WAIT_S = USAGE_EVERY_MS // 1000


@pytest.fixture
def world(logged: StringIO, monkeypatch: pytest.MonkeyPatch) -> BilledWorld:
    """One process for all, whose counters are there already and whose usage was just written."""
    made = BilledWorld(logged, monkeypatch)
    some_jobs(made)
    made.seconds(WAIT_S)
    return made


def some_jobs(world: BilledWorld, tenant: str = TENANT, kind: str = "ok") -> None:
    for _ in range(ROUNDS):
        world.app.submit.many(tenant, [JobRequest(kind, {}) for _ in range(10)])
        world.second()


def written(world: BilledWorld, tenant: str | None = None) -> Usage:
    """Let retries end, and what is held be written with the next batch, and read it."""
    world.seconds(WAIT_S)
    world.clock.advance(WAIT_S)
    world.submit()
    world.second()
    return world.app.counters.read_usage(month_of(world.clock.now_ms()), tenant)


def test_usage_costs_no_call_and_a_write_unit_in_a_minute_or_for_fifty_jobs(
    world: BilledWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each batch is counted by one write unit in one call, as without it; sometimes one more item goes with that."""
    spent = {}
    for jobs in (USAGE_JOBS, 10**9):
        monkeypatch.setattr("whendue.metrics.store.USAGE_JOBS", jobs)
        world.clock.advance(WAIT_S)
        some_jobs(world)
        begun = Counter(world.bill)
        some_jobs(world)
        spent[jobs] = world.bill - begun
    often, seldom = spent[USAGE_JOBS], spent[10**9]
    assert often["write count"] == seldom["write count"] == ROUNDS
    # A round submits ten jobs and runs them.
    assert 0 < often["write use"] <= ROUNDS * 20 / USAGE_JOBS
    assert seldom["write use"] == 0
    assert often["write_units"] == seldom["write_units"] + often["write use"]
    assert often["table_calls"] == seldom["table_calls"]


def test_a_burst_is_written_but_for_a_rest(world: BilledWorld) -> None:
    """Lambda ends processes without a word: what they still hold is lost."""
    world.clock.advance(WAIT_S)
    before = world.app.counters.read_usage(month_of(world.clock.now_ms()))
    some_jobs(world)
    after = world.app.counters.read_usage(month_of(world.clock.now_ms()))
    gained = sum((after[consumer] - before.get(consumer, Counter()) for consumer in after), Counter[str]())
    assert gained["submitted"] + gained["attempts"] > ROUNDS * 20 - USAGE_JOBS


def test_what_tenants_have_used_is_what_the_world_was_billed(world: BilledWorld) -> None:
    """Two tenants and two types; nothing is charged twice, and nothing is missing but what no job was there for."""
    before, begun = written(world), Counter(world.bill)
    some_jobs(world, "acme")
    some_jobs(world, "omega")
    some_jobs(world, "omega", "bad")
    used = written(world)
    billed = world.bill - begun
    gained = {consumer: used[consumer] - before.get(consumer, Counter()) for consumer in used}
    assert set(gained) == {Consumer(TENANT, "ok"), Consumer("omega", "ok"), Consumer("omega", "bad")}
    total = sum(gained.values(), Counter[str]())
    # And the job that lets what is held be written; what it costs itself is held back.
    assert total["submitted"] == 3 * 10 * ROUNDS + 1
    assert total[INVOCATIONS] / THOUSANDTHS == billed["worker"]
    # Not the counters of ticks, and what was written after the last batch was divided.
    assert 0 <= billed["write_units"] - total[WRITES] / THOUSANDTHS <= 20
    # The ticks' reads are nobody's.
    assert 0 < total[READS] / THOUSANDTHS < billed["read_units"]
    per_job = gained[Consumer("omega", "ok")][WRITES] / THOUSANDTHS / (10 * ROUNDS)
    assert per_job == pytest.approx(6.1, abs=0.2)


def test_a_batch_shares_its_invocation_and_its_requests(world: BilledWorld) -> None:
    """Ten jobs in a batch cost a tenth each: the batch's fill."""
    written(world)
    some_jobs(world, "omega")
    used = written(world)[Consumer("omega", "ok")]
    assert used["ended"] == 10 * ROUNDS
    assert used[INVOCATIONS] == ROUNDS * THOUSANDTHS
    assert used[REQUESTS] == 2 * ROUNDS * THOUSANDTHS


def test_time_is_billed_by_the_functions_memory(logged: StringIO, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nine seconds of a gigabyte, divided among the two jobs of the batch without a rest."""
    world = BilledWorld(logged, monkeypatch, memory_mb=1024)
    world.task("slow", lambda payload, ctx: world.clock.advance(9))
    for tenant, kind in (("acme", "ok"), ("omega", "slow")):
        world.app.submit.many(tenant, [JobRequest(kind, {})])
    world.second()
    used = written(world)
    parts = [used[Consumer("omega", "slow")][COMPUTE], used[Consumer("acme", "ok")][COMPUTE]]
    assert sum(parts) == 9_000 * 1024
    assert min(parts) > 0


def test_tenants_beyond_the_bound_are_summed_up_together(logged: StringIO, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first of a month have items of their own, however many tenants there are; nothing is lost."""
    monkeypatch.setattr("whendue.metrics.usage.USAGE_SERIES", 2)
    world = BilledWorld(logged, monkeypatch)
    for tenant in ("a", "b", "c", "d"):
        world.app.submit.many(tenant, [JobRequest("ok", {})])
    world.second()
    used = world.app.counters.read_usage(month_of(world.clock.now_ms()))
    assert len(used) == 3
    assert used[OTHER]["submitted"] == 2
    for tenant in ("d", "e"):
        world.app.submit.many(tenant, [JobRequest("ok", {})])
    used = {**written(world)}
    assert len(used) == 3
    assert used[OTHER]["submitted"] >= 4


def test_a_process_holds_a_bounded_number_of_tenants(world: BilledWorld) -> None:
    """A flood of tenants costs no memory without end."""
    for number in range(USAGE_NAMED + 5):
        world.app.submit.many(f"t{number}", [JobRequest("ok", {})])
    usage = world.app.metrics.consumption.take()
    assert len(usage) == USAGE_NAMED + 1
    assert usage[OTHER]["submitted"] == 5


def test_a_tenant_sees_its_own_whatever_others_are_called(world: BilledWorld) -> None:
    """A name that begins like another one is not it."""
    for tenant in ("omega", "omega2", "omeg"):
        some_jobs(world, tenant)
    assert {consumer.tenant for consumer in written(world, "omega")} == {"omega"}


def test_months_are_kept_apart(world: BilledWorld) -> None:
    """As bills are."""
    month = month_of(world.clock.now_ms())
    before = world.app.counters.read_usage(month)
    world.clock.advance(31 * 86_400)
    some_jobs(world)
    assert world.app.counters.read_usage(month) == before
    [used] = world.app.counters.read_usage(month_of(world.clock.now_ms())).values()
    assert used["submitted"] > 0


def test_an_item_that_cannot_be_read_hides_no_other(world: BilledWorld) -> None:
    """It is left out, and noted for the log."""
    some_jobs(world, "omega")
    written(world)
    [broken] = [item for key, item in world.table.rows.items() if key.sk == "omega#ok" and "USAGE" in key.pk]
    broken["submitted"] = "many"
    world.app.bulkhead.take()
    used = world.app.counters.read_usage(month_of(world.clock.now_ms()))
    assert Consumer(TENANT, "ok") in used
    assert Consumer("omega", "ok") not in used
    assert world.app.bulkhead.take()


def test_a_consumption_that_cannot_be_divided_stops_no_batch(world: BilledWorld, monkeypatch: Any) -> None:
    """As everything about metrics."""

    def broken(*_: object) -> None:
        raise RuntimeError("no")

    monkeypatch.setattr(world.app.metrics.consumption, "take", broken)
    job = world.submit()
    world.second()
    assert world.job(job).terminal


def test_usage_goes_with_the_counters_in_one_call(world: BilledWorld) -> None:
    """Also when it is due."""
    calls = list[str]()
    app = world.build(Counted(world.table, calls))
    app.submit.many(TENANT, [JobRequest("ok", {})])
    taken, usage = app.metrics.take(), app.metrics.consumption.take()
    calls.clear()
    app.counters.keep(taken, 0, usage)
    assert calls == ["apply"]


def test_a_tenant_that_a_process_knows_keeps_its_own_sums_when_there_are_too_many(world: BilledWorld) -> None:
    """Only those that come after the bound are summed up together."""
    for number in range(USAGE_NAMED + 1):
        world.app.submit.many(f"t{number}", [JobRequest("ok", {})])
    world.app.submit.many("t0", [JobRequest("ok", {})])
    usage = world.app.metrics.consumption.take()
    assert (usage[Consumer("t0", "ok")]["submitted"], usage[OTHER]["submitted"]) == (2, 1)


def test_usage_that_is_held_back_stays_with_a_known_tenant_when_there_are_too_many(
    world: BilledWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in the batch that it was counted in."""
    monkeypatch.setattr("whendue.metrics.store.USAGE_NAMED", 1)
    world.clock.advance(WAIT_S)
    month = month_of(world.clock.now_ms())
    spent = Counter(submitted=1)
    for usage in ({Consumer("t0", "ok"): spent}, {Consumer("t1", "ok"): spent}, {Consumer("t0", "ok"): spent}):
        world.app.counters.keep({}, 10**9, usage)
    world.app.counters.keep({})
    used = world.app.counters.read_usage(month)
    assert (used[Consumer("t0", "ok")]["submitted"], used[OTHER]["submitted"]) == (2, 1)


def test_a_month_without_room_is_not_begun_again_for_each_new_tenant(
    world: BilledWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its item is there: one call asks for room; the others look for the tenant's item, and add to that of the rest."""
    monkeypatch.setattr("whendue.metrics.usage.USAGE_SERIES", 1)
    calls = list[str]()
    app = world.build(Counted(world.table, calls))

    def count(tenant: str) -> int:
        world.clock.advance(WAIT_S)
        calls.clear()
        app.counters.keep({}, 0, {Consumer(tenant, "ok"): Counter(submitted=1)})
        return len(calls)

    # The first one makes the item of the rest; later ones find it there.
    assert [count(tenant) for tenant in ("a", "b", "c")] == [3, 4, 4]
