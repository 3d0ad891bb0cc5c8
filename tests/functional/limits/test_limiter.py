"""Limits: never more at once, never faster, first come first served; waiting is seen and costs no attempt."""

from collections import Counter
from typing import Any

import pytest

from tests.builders.faults import Refusing
from tests.builders.limits import ONE, Metered, freed, held_by_the_dead, items, some
from tests.builders.world import MINUTE_MS, TENANT, World
from whendue.declarations.registry import Retry
from whendue.engine.ports import WriteResult, WriteStatus
from whendue.errors import UnavailableError
from whendue.jobs.limit_spec import Limit
from whendue.jobs.model import State, evolve
from whendue.limits.limiter import Limiter
from whendue.quotas import HANDOVER_S, HORIZON_S, LIMIT_RATE_MIN_PER_S, LIMIT_RECHECK_S
from whendue.table.writes import Write

TWO_A_SECOND = Limit(rate_per_s=2, key="k")


def test_those_who_get_no_slot_wait_and_come_in_the_order_in_which_they_were_due() -> None:
    """FIFO: nobody starves, and nothing is left behind."""
    world = World()
    jobs = some(world, 7, ONE)
    world.work()
    assert [job_id for job_id, _, _ in world.ran] == [job.id for job in jobs]
    assert {(world.job(job).state, world.job(job).claims) for job in jobs} == {(State.SUCCEEDED, 1)}
    assert items(world, "slot") == items(world, "waiter") == {}


def test_a_waiting_job_says_what_it_waits_for() -> None:
    """Visibly: the key, the limit, since when, and when it looks again."""
    world = World()
    held_by_the_dead(world)
    waits = world.submit(limit=ONE)
    world.work()
    [reason] = world.app.explainer.explain(TENANT, waits.id).reasons
    now_ms = world.clock.now_ms()
    assert reason.code == "limited"
    assert reason.facts == {
        "key": "k",
        "concurrency": 1,
        "waiting_since_at": waits.due_at,
        "next_check_at": now_ms + LIMIT_RECHECK_S * 1000,
    }
    stored = world.job(waits)
    assert (stored.attempt, stored.claims, stored.lost, stored.state) == (0, 0, 0, State.PENDING)


def test_a_job_put_off_by_its_rate_says_so_and_has_its_token_when_it_comes_again() -> None:
    """One deferral an attempt: the token is the due time."""
    world = World()
    jobs = some(world, 3, TWO_A_SECOND)
    world.work()
    [reason] = world.app.explainer.explain(TENANT, jobs[2].id).reasons
    assert (reason.code, reason.facts["key"], reason.facts["rate_per_second"]) == ("limited", "k", 2)
    assert world.job(jobs[2]).generation == 2
    world.pass_time(3)
    assert (world.job(jobs[2]).state, world.job(jobs[2]).generation) == (State.SUCCEEDED, 2)
    assert len(world.runs(jobs[2])) == 1


def test_a_backlog_starts_at_its_rate() -> None:
    """A burst of one second's worth, then two each second."""
    world = World()
    jobs = [world.submit(limit=TWO_A_SECOND) for _ in range(20)]
    world.pass_time(15)
    assert {world.job(job).state for job in jobs} == {State.SUCCEEDED}
    by_second = Counter((at - jobs[0].due_at) // 1000 for _, _, at in world.ran)
    assert max(by_second.values()) == 2
    assert max(by_second) == 10


def test_a_retry_takes_a_token_of_its_own() -> None:
    """Starts are limited, not jobs."""
    world = World()
    slow = Limit(rate_per_s=0.1, key="k")

    def flaky(payload: Any, ctx: Any) -> None:
        if ctx.attempt < 3:
            raise Retry("again")

    world.task("flaky", flaky)
    job = world.submit("flaky", limit=slow, policy={"base_s": 1, "jitter": "none"})
    world.pass_time(40)
    starts = world.runs(job)
    assert len(starts) == 3
    assert starts[1] - starts[0] >= 10_000
    assert starts[2] - starts[1] >= 10_000


def test_tokens_that_are_used_too_late_are_not_used_all_at_once() -> None:
    """After an outage of the workers the rate holds: who comes late takes another token."""
    world = World()
    jobs = [world.submit(limit=TWO_A_SECOND) for _ in range(40)]
    world.work()
    world.clock.advance(60)
    before = len(world.ran)
    world.work()
    assert len(world.ran) - before <= 2
    world.pass_time(60)
    assert {world.job(job).state for job in jobs} == {State.SUCCEEDED}
    begins = sorted(at for _, _, at in world.ran)
    assert all(sum(begin <= at < begin + 5000 for at in begins) <= 2 + 2 * 5 + 2 for begin in begins)


def test_a_key_limited_both_ways_holds_both() -> None:
    """First a slot, then a token: no token waits for a slot."""
    world = World()
    jobs = [world.submit(limit=Limit(2, 1, "k")) for _ in range(8)]
    world.pass_time(20)
    assert {world.job(job).state for job in jobs} == {State.SUCCEEDED}
    begins = sorted(at for _, _, at in world.ran)
    assert all(sum(begin <= at < begin + 4000 for at in begins) <= 1 + 4 + 1 for begin in begins)
    assert items(world, "slot") == {}


def test_a_slot_of_a_dead_worker_is_free_when_its_lease_ends() -> None:
    """And the waiting job looks for itself: nobody is left to wake it, and no timer has ticked."""
    world = World()
    held_by_the_dead(world, lease_s=30)
    waits = world.submit(limit=ONE)
    world.work()
    world.clock.advance(LIMIT_RECHECK_S - 5)
    world.work()
    assert world.job(waits).state is State.PENDING
    world.clock.advance(10)
    world.work()
    assert world.job(waits).state is State.SUCCEEDED
    assert items(world, "waiter") == {}


def test_a_job_that_lost_its_worker_waits_like_any_other_and_costs_no_claim() -> None:
    """Its slot went to somebody else meanwhile; its lost worker still counts."""
    world = World()
    lost = held_by_the_dead(world, lease_s=5)
    world.clock.advance(6)
    held_by_the_dead(world, lease_s=600)
    world.clock.advance(355)
    world.work()
    after = world.job(lost)
    assert (after.state, after.claims, after.lost, after.failures) == (State.PENDING, 1, 1, 0)
    assert after.waits_for is not None
    assert after.waits_for.since == lost.due_at


def test_a_cancelled_waiter_holds_up_nobody() -> None:
    """However many stand before: those who wait no longer are passed over."""
    world = World()
    held_by_the_dead(world, lease_s=30)
    cancelled = some(world, 6, ONE)
    last = world.submit(limit=ONE)
    world.work()
    for job in cancelled:
        world.app.control.cancel(TENANT, job.id)
    world.pass_time(LIMIT_RECHECK_S + 5)
    assert world.job(last).state is State.SUCCEEDED
    assert items(world, "waiter") == {}
    assert not {job_id for job_id, _, _ in world.ran} & {job.id for job in cancelled}


def test_a_rescheduled_waiter_gives_up_its_place_and_a_reprioritised_one_keeps_it() -> None:
    """The place goes with the due time."""
    world = World()
    held_by_the_dead(world)
    first, second = some(world, 2, ONE)
    world.work()
    world.app.control.reschedule(TENANT, first.id, world.clock.now_ms() + 500_000, None)
    world.app.control.reschedule(TENANT, second.id, None, "high")
    assert world.job(first).waits_for is None
    waits = world.job(second).waits_for
    assert waits is not None
    assert waits.since == second.due_at


def test_a_token_does_not_survive_a_reschedule() -> None:
    """It was good for its time."""
    world = World()
    jobs = some(world, 3, TWO_A_SECOND)
    world.work()
    world.app.control.reschedule(TENANT, jobs[2].id, world.clock.now_ms() + 500_000, None)
    assert world.job(jobs[2]).waits_for is None


def test_a_redriven_job_begins_without_what_it_waited_for() -> None:
    """Its place and its token were those of another time."""
    world = World()
    jobs = some(world, 3, TWO_A_SECOND)
    world.work()
    world.app.control.cancel(TENANT, jobs[2].id)
    assert world.app.control.redrive(TENANT, jobs[2].id).waits_for is None
    assert world.job(jobs[2]).waits_for is None


def test_keys_are_a_tenants_own_and_types_profiles_and_names_do_not_meet() -> None:
    """Nobody is held up by somebody else's key of the same name."""
    world = World()
    held_by_the_dead(world)
    others = [
        world.app.submit.one("other", _request(limit=ONE)).job,
        world.submit(limit=Limit(concurrency=1)),
        world.submit(limit=Limit(concurrency=1, key="ok")),
    ]
    world.work()
    assert {job_id for job_id, _, _ in world.ran} >= {job.id for job in others}


def _request(**wanted: Any) -> Any:
    from whendue.submission.request import JobRequest

    return JobRequest("ok", {}, **wanted)


def test_an_edit_of_a_limit_governs_the_next_claim(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also of jobs that a slot is kept for already: it is given up, and the line is served by the new limit."""
    world = World()
    limits = [Limit(3, None, "k")]
    monkeypatch.setattr(Limiter, "limit_of", lambda self, job: limits[0])
    at_once: list[int] = []

    def counted(payload: Any, ctx: Any) -> None:
        at_once.append(len([1 for item in items(world, "slot").values() if not item["fence"].startswith("for#")]))

    world.task("counted", counted)
    jobs = [world.submit("counted", limit=limits[0]) for _ in range(6)]
    messages = world.queues.receive("normal")
    world.app.work.handle(messages, world.clock.now_ms() + MINUTE_MS)
    assert len(items(world, "slot")) == 3
    limits[0] = Limit(1, None, "k")
    del at_once[:]
    world.pass_time(LIMIT_RECHECK_S + HANDOVER_S)
    assert {world.job(job).state for job in jobs} == {State.SUCCEEDED}
    assert set(at_once) == {1}


def test_a_raised_limit_is_used_by_those_who_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever sees free slots hands them on, not only those that it freed itself."""
    world = World()
    limits = [Limit(1, None, "k")]
    monkeypatch.setattr(Limiter, "limit_of", lambda self, job: limits[0])
    held_by_the_dead(world)
    waiting = some(world, 4, ONE)
    world.work()
    limits[0] = Limit(9, None, "k")
    world.submit(limit=limits[0])
    world.work()
    assert {world.job(job).state for job in waiting} == {State.SUCCEEDED}


def test_a_stale_message_takes_no_slot_no_token_and_no_place() -> None:
    """Every woken job leaves one behind: its own look two minutes later."""
    world = World()
    jobs = some(world, 3, Limit(1, 100, "k"))
    world.work()
    assert {world.job(job).state for job in jobs} == {State.SUCCEEDED}
    tat = items(world, "rate")["rate"]
    writes = world.table.items()
    world.pass_time(LIMIT_RECHECK_S + 10)
    assert items(world, "rate")["rate"] == tat
    assert {key for key in world.table.items() if key.pk.startswith("LIMIT#")} == {
        key for key in writes if key.pk.startswith("LIMIT#")
    }


def test_a_table_that_does_not_answer_keeps_the_message() -> None:
    """Nobody knows, so nothing is settled; nothing is taken either."""
    world = World()
    job = world.submit(limit=ONE)

    def refuse(*_: Any, **__: Any) -> Any:
        raise UnavailableError

    for name in ("get", "query_range"):
        app = world.build(store=Refusing(world.table, name, refuse))
        messages = world.queues.receive("normal")
        assert app.work.handle(messages, world.clock.now_ms() + MINUTE_MS).unsettled == [
            message.id for message in messages
        ]
        assert items(world, "slot") == {}
        world.clock.advance(361)
    world.work()
    assert world.job(job).state is State.SUCCEEDED


@pytest.mark.parametrize("used_before", [False, True])
def test_two_batches_that_want_the_same_tokens_get_different_ones(used_before: bool) -> None:
    """The item carries a mark: a refusal that shows the time we wanted is no lost reply."""
    world = World()
    one_a_second = Limit(rate_per_s=1, key="k")
    if used_before:
        world.submit(limit=one_a_second)
        world.work()
        world.clock.advance(10)
        world.ran.clear()
    first, second = (world.submit(limit=one_a_second) for _ in range(2))
    messages = world.queues.receive("normal")
    [mine] = [message for message in messages if first.id in message.body]
    [theirs] = [message for message in messages if second.id in message.body]
    real, begun = world.table.apply, list[bool]()

    def apply(writes: list[Write]) -> list[WriteResult]:
        if writes and writes[0].name == "reserve" and not begun:
            begun.append(True)
            world.app.work.handle([theirs], world.clock.now_ms() + MINUTE_MS)
        return real(writes)

    app = world.build(store=Refusing(world.table, "apply", apply))
    worked = app.work.handle([mine], world.clock.now_ms() + MINUTE_MS)
    assert begun
    assert [job_id for job_id, _, _ in world.ran] == [second.id]
    assert (worked.unsettled, world.job(first).due_at) == ([], world.clock.now_ms() + 1000)


@pytest.mark.parametrize("at", ["enqueue_waiter", "defer"])
def test_a_slot_that_is_freed_while_a_job_joins_the_line_is_not_missed(at: str) -> None:
    """Between its look and its place, or while it still looks stale: it looks once more."""
    world = World()
    held_by_the_dead(world)
    job = world.submit(limit=ONE)
    real, done = world.table.apply, list[bool]()

    def apply(writes: list[Write]) -> list[WriteResult]:
        if any(write.name == at for write in writes) and not done:
            done.append(True)
            freed(world)
        return real(writes)

    world.work(world.build(store=Refusing(world.table, "apply", apply)))
    assert done
    assert world.job(job).state is State.SUCCEEDED
    assert items(world, "slot") == items(world, "waiter") == {}


def test_everything_that_limits_write_expires_by_itself() -> None:
    """A key that nobody uses any more leaves nothing."""
    world = World()
    held_by_the_dead(world)
    some(world, 3, Limit(1, 1, "k"))
    world.work()
    kept = {key: item for key, item in world.table.items().items() if key.pk.startswith("LIMIT#")}
    assert {key.sk.split("#")[0] for key in kept} == {"slot", "waiter"}
    assert all(item["expires_at"] > world.clock.now_ms() // 1000 for item in kept.values())


@pytest.fixture
def metered() -> tuple[World, Metered]:
    world = World()
    world.table = Metered()
    world.app = world.build()
    return world, world.table


def test_a_job_without_limits_pays_nothing(metered: tuple[World, Metered]) -> None:
    """One claim call and one completion call for the batch, as ever; and what is paused is asked for."""
    world, store = metered
    for _ in range(10):
        world.submit()
    store.calls.clear()
    world.work()
    assert store.calls == {"get": 1, "apply": 2}


def test_what_limits_cost(metered: tuple[World, Metered]) -> None:
    """docs/guide/limits.md says these numbers: jobs in their slots, one put off and woken, one with a token."""
    world, store = metered
    for _ in range(2):
        world.submit(limit=Limit(2, key="k"))
    store.calls.clear()
    store.writes.clear()
    world.work()
    # Ask for pauses, read jobs and key, take; claim, finish; read the key, free.
    assert store.calls == {"get": 1 + 1, "query_range": 2, "apply": 4}
    assert store.writes == {"take_slot": 2, "claim": 2, "succeed": 2, "free_slot": 2}
    some(world, 2, ONE)
    store.calls.clear()
    store.writes.clear()
    world.work()
    # Put off: two writes after each other, and one more look. Woken: read who waits, wake, pass on; then as any job.
    assert store.calls == {"get": 2 + 1, "query_range": 2 * 2 + 1, "apply": 2 * 4 + 2 + 1}
    # The second is put into the line, deferred, woken, and gets the slot passed on twice: kept for it, then its own.
    extra = {"enqueue_waiter": 1, "defer": 1, "wake": 1, "remove_waiter": 1, "pass_slot": 2}
    assert store.writes == extra | {"take_slot": 1, "claim": 2, "succeed": 2, "free_slot": 1}
    for _ in range(10):
        world.submit(limit=Limit(rate_per_s=5, key="fast"))
    store.calls.clear()
    store.writes.clear()
    world.work()
    # Read jobs and key, reserve, defer; claim and finish: nothing to free.
    assert store.calls == {"get": 1, "query_range": 1, "apply": 4}
    world.pass_time(3)
    # One write reserves the tokens of a batch; half of it is put off once.
    assert store.writes == {"reserve": 1, "defer": 5, "claim": 10, "succeed": 10}


@pytest.mark.parametrize("concurrency", [2, None])
def test_a_refused_deferral_gives_the_slot_back(concurrency: int | None) -> None:
    """A job that was cancelled while its token was reserved leaves its slot to the next, if it had one."""
    world = World()
    [first, second] = some(world, 2, Limit(concurrency, 0.5, "k"))
    real = world.table.apply

    def apply(writes: list[Write]) -> list[WriteResult]:
        if any(write.name == "defer" for write in writes):
            world.app.control.cancel(TENANT, second.id)
        return real(writes)

    app = world.build(store=Refusing(world.table, "apply", apply))
    world.work(app)
    assert world.job(first).state is State.SUCCEEDED
    assert world.job(second).state is State.CANCELLED
    assert items(world, "slot") == {}


def test_a_slot_whose_claim_is_refused_is_given_back() -> None:
    """A cancel in between: nobody runs in it."""
    world = World()
    job = world.submit(limit=ONE)
    real = world.table.apply

    def apply(writes: list[Write]) -> list[WriteResult]:
        if any(write.name == "claim" for write in writes):
            world.app.control.cancel(TENANT, job.id)
        return real(writes)

    world.work(world.build(store=Refusing(world.table, "apply", apply)))
    assert world.job(job).state is State.CANCELLED
    assert items(world, "slot") == {}


def test_a_deferral_that_nobody_knows_of_keeps_the_message() -> None:
    """It may or may not have been written."""
    world = World()
    held_by_the_dead(world)
    job = world.submit(limit=ONE)
    real = world.table.apply

    def apply(writes: list[Write]) -> list[WriteResult]:
        if any(write.name == "defer" for write in writes):
            return [WriteResult(WriteStatus.UNAVAILABLE)] * len(writes)
        return real(writes)

    [worked] = world.work(world.build(store=Refusing(world.table, "apply", apply)))[:1]
    assert len(worked.unsettled) == 1
    assert world.job(job) == evolve(job, limit=ONE)


def test_a_batch_of_limited_and_free_jobs_claims_each_once() -> None:
    """A job without a limit is no matter of the limiter's."""
    world = World()
    jobs = [world.submit(limit=ONE), world.submit(), world.submit()]
    worked = world.app.work.handle(world.queues.receive("normal"), world.clock.now_ms() + MINUTE_MS)
    assert (worked.unsettled, worked.counts) == ([], {"succeeded": 3})
    assert [len(world.runs(job)) for job in jobs] == [1, 1, 1]
    assert world.app.bulkhead.take() == {}


@pytest.mark.parametrize("concurrency", [1, None])
def test_a_token_that_cannot_be_reserved_keeps_the_message_and_no_slot(concurrency: int | None) -> None:
    """The next delivery asks again; nobody else is kept waiting meanwhile."""
    world = World()
    world.submit(limit=Limit(concurrency, 1, "k"))
    real = world.table.apply

    def apply(writes: list[Write]) -> list[WriteResult]:
        if any(write.name == "reserve" for write in writes):
            return [WriteResult(WriteStatus.UNAVAILABLE)] * len(writes)
        return real(writes)

    app = world.build(store=Refusing(world.table, "apply", apply))
    messages = world.queues.receive("normal")
    worked = app.work.handle(messages, world.clock.now_ms() + MINUTE_MS)
    assert worked.unsettled == [message.id for message in messages]
    assert items(world, "slot") == {}
    assert app.bulkhead.take() == {}


def test_a_job_whose_token_is_beyond_the_horizon_keeps_no_slot() -> None:
    """It asks again later, and a slot that is kept so long would serve nobody."""
    world = World()
    both = Limit(2, LIMIT_RATE_MIN_PER_S, "k")
    world.submit(limit=both)
    world.work()
    [rate] = [row for key, row in world.table.rows.items() if key.sk == "rate"]
    rate["tat_us"] += HORIZON_S * 1_000_000
    job = world.submit(limit=both)
    world.work()
    stored = world.job(job)
    assert stored.waits_for
    assert (stored.state, stored.waits_for.far, items(world, "slot")) == (State.PENDING, True, {})
