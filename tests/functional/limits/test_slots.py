"""What the line of a limited key keeps to: each in its turn, and whoever is there no longer is in nobody's way."""

import threading
from dataclasses import replace
from typing import Any

import pytest

from tests.builders.faults import Refusing
from tests.builders.limits import ONE, Metered, freed, held_by_the_dead, items, some
from tests.builders.samples import a_job
from tests.builders.world import MINUTE_MS, TENANT, World
from whendue.engine.ports import WriteResult
from whendue.jobs.limit_spec import Limit
from whendue.jobs.model import State
from whendue.limits.slot_model import Slot, acquire_slot, renew, reservation_token, transfer_slot
from whendue.limits.slots import Slots
from whendue.quotas import HANDOVER_S, LIMIT_RECHECK_S
from whendue.table.writes import Write

TWO = Limit(concurrency=2, key="k")


def test_who_is_cancelled_as_it_is_woken_gets_no_slot() -> None:
    """Nobody would come for it: it is free at once."""
    world = World()
    real = world.table.apply

    def apply(writes: list[Write]) -> list[WriteResult]:
        for write in writes:
            if write.name == "wake":
                world.app.control.cancel(TENANT, write.key.pk.removeprefix("JOB#"))
        return real(writes)

    jobs = [world.submit(limit=ONE) for _ in range(2)]
    world.work(world.build(store=Refusing(world.table, "apply", apply)))
    assert sorted(world.job(job).state for job in jobs) == [State.CANCELLED, State.SUCCEEDED]
    assert items(world, "slot") == {}


@pytest.mark.parametrize("gone", [False, True])
def test_a_slot_goes_past_who_waits_no_longer_to_who_does(gone: bool) -> None:
    """At once, whether its job was cancelled or is not even there any more."""
    world = World()
    waiting = []

    def holding(payload: Any, ctx: Any) -> None:
        for _ in range(2):
            waiting.append(world.submit(limit=ONE))
            world.clock.advance(0.001)
        world.work()
        world.app.control.cancel(TENANT, waiting[0].id)
        if gone:
            del world.table.rows[waiting[0].key]

    world.task("holding", holding)
    world.submit("holding", limit=ONE)
    world.work()
    assert world.job(waiting[1]).state is State.SUCCEEDED
    assert items(world, "slot") == items(world, "waiter") == {}
    assert world.app.bulkhead.take() == {}


def test_a_slot_goes_past_who_has_expired_while_it_waited() -> None:
    """A slot that is reserved for a job that never begins is idle for a minute, once for each of them."""
    world = World()
    waiting = []

    def holding(payload: Any, ctx: Any) -> None:
        waiting.extend(some(world, 3, ONE, expires_s=10))
        waiting.append(world.submit(limit=ONE))
        world.work()
        world.clock.advance(20)

    world.task("holding", holding)
    world.submit("holding", limit=ONE)
    world.work()
    assert [world.job(job).state for job in waiting] == [State.EXPIRED] * 3 + [State.SUCCEEDED]
    assert items(world, "slot") == items(world, "waiter") == {}


def test_who_comes_with_somebody_before_it_takes_its_own_slot_and_wakes_the_other_one() -> None:
    """Of two free slots each gets one, in the order of the line, and nobody wakes itself."""
    world = World()
    world.table = store = Metered()
    world.app = world.build()
    for _ in range(2):
        held_by_the_dead(world, TWO, lease_s=30)
    first, second = some(world, 2, TWO)
    world.work()
    world.clock.advance(LIMIT_RECHECK_S)
    [message] = [message for message in world.queues.receive("normal") if second.id in message.body]
    worked = world.app.work.handle([message], world.clock.now_ms() + MINUTE_MS)
    assert (worked.unsettled, worked.counts) == ([], {"succeeded": 1})
    assert [job_id for job_id, _, _ in world.ran] == [second.id]
    assert store.writes["wake"] == 1
    world.work()
    assert world.job(first).state is State.SUCCEEDED


def test_who_takes_a_slot_by_itself_leaves_the_places_of_others_alone() -> None:
    """They are woken when it ends, long before they would look for themselves."""
    world = World()
    held_by_the_dead(world, lease_s=30)
    first = world.submit(limit=ONE)
    world.work()
    world.clock.advance(20)
    second = world.submit(limit=ONE)
    world.work()
    world.clock.advance(LIMIT_RECHECK_S - 20)
    world.work()
    assert [world.job(job).state for job in (first, second)] == [State.SUCCEEDED] * 2


def test_a_rescheduled_job_is_not_in_its_own_way() -> None:
    """The place that it had before stands until somebody clears it away."""
    world = World()
    held_by_the_dead(world, lease_s=30)
    job = world.submit(limit=ONE)
    world.work()
    world.app.control.reschedule(TENANT, job.id, world.clock.now_ms() + 60_000, None)
    world.clock.advance(61)
    assert [worked.counts for worked in world.work()] == [{"succeeded": 1}]


def test_a_rescheduled_job_that_waits_again_stands_where_it_is_due_now() -> None:
    """Its old place, which nobody has cleared away, brings it before nobody."""
    world = World()
    held_by_the_dead(world, lease_s=600)
    moved = world.submit(limit=ONE)
    world.clock.advance(1)
    stays = world.submit(limit=ONE)
    world.work()
    world.app.control.reschedule(TENANT, moved.id, world.clock.now_ms() + 10_000, None)
    world.clock.advance(11)
    world.work()
    freed(world)
    world.work()
    assert [job_id for job_id, _, _ in world.ran] == [stays.id, moved.id]
    assert items(world, "slot") == items(world, "waiter") == {}


def test_who_loses_a_slot_to_somebody_quicker_takes_another() -> None:
    """It does not wait while one is free."""
    world = World()
    world.submit(limit=TWO)
    [message] = world.queues.receive("normal")
    real, begun = world.table.apply, list[bool]()

    def apply(writes: list[Write]) -> list[WriteResult]:
        if writes and writes[0].name == "take_slot" and not begun:
            begun.append(True)
            [taken] = real([replace(writes[0], changes={**writes[0].changes, "fence": "theirs"})])
            assert taken.done
        return real(writes)

    app = world.build(store=Refusing(world.table, "apply", apply))
    worked = app.work.handle([message], world.clock.now_ms() + MINUTE_MS)
    assert worked.counts == {"succeeded": 1}


def expired(world: World, count: int, limit: Limit) -> str:
    """Let that many workers die with slots whose leases are over; return the key."""
    for _ in range(count):
        held_by_the_dead(world, limit, lease_s=30)
    [pk] = {key.pk for key in world.table.items() if key.sk.startswith("slot#")}
    return pk


def test_a_job_that_two_workers_wake_at_once_gets_a_slot_that_one_of_them_reserved() -> None:
    """Seen before: the reservation was for what the other one had made stale, three times over, for six minutes."""
    world = World()
    pk = expired(world, 1, ONE)
    job = world.submit(limit=ONE)
    world.work()
    world.clock.advance(60)
    now_ms, real = world.clock.now_ms(), world.table.apply
    has_woken, has_looked = threading.Event(), threading.Event()

    def first(writes: list[Write]) -> list[WriteResult]:
        if "wake" not in [write.name for write in writes]:
            assert has_looked.wait(60)
        results = real(writes)
        has_woken.set()
        return results

    def second(writes: list[Write]) -> list[WriteResult]:
        has_looked.set()
        other.join()
        return real(writes)

    slots = [Slots(world.build(store=Refusing(world.table, "apply", apply)).runtime) for apply in (first, second)]
    other = threading.Thread(target=slots[0].serve, args=(pk, 1, now_ms))
    other.start()
    assert has_woken.wait(60)
    slots[1].serve(pk, 1, now_ms)
    world.work()
    assert world.job(job).state is State.SUCCEEDED


def test_of_two_slots_that_are_reserved_for_a_job_the_next_one_gets_the_other_at_once() -> None:
    """Two workers woke it, each for a slot: the next one does not wait until it has ended."""
    world, seen = World(), list[set[str]]()
    world.task("looks", lambda payload, ctx: seen.append({item["job_id"] for item in items(world, "slot").values()}))
    pk = expired(world, 2, TWO)
    first = world.submit("looks", limit=TWO)
    world.clock.advance(0.001)
    second = world.submit("looks", limit=TWO)
    world.work()
    world.clock.advance(60)
    now_ms = world.clock.now_ms()
    slots = [Slot(key, item["fence"]) for key, item in world.table.items().items() if key.sk.startswith("slot#")]
    world.table.apply([renew(slot, now_ms + 60_000) for slot in slots])
    Slots(world.app.runtime).serve(pk, 2, now_ms, giving=slots[:1])
    world.table.apply([transfer_slot(slots[1], first.id, reservation_token(first), now_ms + 60_000)])
    assert {item["job_id"] for item in items(world, "slot").values()} == {first.id}
    world.work()
    assert seen[0] == {first.id, second.id}


def test_a_slot_that_was_reserved_for_too_long_goes_to_whoever_is_here() -> None:
    """Where messages take longer than a reservation lasts, nobody would ever start."""
    world = World()
    pk = expired(world, 1, ONE)
    late, waiting = some(world, 2, ONE)
    world.work()
    world.clock.advance(60)
    Slots(world.app.runtime).serve(pk, 1, world.clock.now_ms())
    [reservation] = items(world, "slot").values()
    assert reservation["fence"] == reservation_token(late)
    # Its message is not received yet.
    assert len(world.queues.receive("normal")) == 1
    world.clock.advance(HANDOVER_S + 1)
    here = world.submit("ok", limit=ONE, queue="critical")
    world.work(queue="critical")
    assert [job_id for job_id, _, _ in world.ran] == [here.id]
    assert [world.job(job).state for job in (late, waiting)] == [State.PENDING] * 2


@pytest.mark.parametrize("number", [0, 1])
def test_a_lapsed_and_a_free_slot_go_to_two_jobs_in_one_look(number: int) -> None:
    """Each job gets one of them: neither slot is tried for twice, and neither job looks again."""
    world, store = World(), Metered()
    now_ms, slots = world.clock.now_ms(), Slots(world.build(store=store).runtime)
    gone, *jobs = (a_job(id=f"job-{each}") for each in range(3))
    lapsed = acquire_slot(slots.look("LIMIT#acme#k"), number, gone.id, reservation_token(gone), now_ms - 1, now_ms - 1)
    assert store.apply([lapsed])[0].done
    store.calls.clear()
    taken = slots.take("LIMIT#acme#k", 2, jobs, now_ms)
    assert {job.id: taken.slots[job.id].key.sk for job in jobs} == {
        jobs[0].id: f"slot#{number:03d}",
        jobs[1].id: f"slot#{1 - number:03d}",
    }
    assert store.calls == {"query_range": 1, "apply": 1}


def test_a_free_slot_goes_to_an_older_waiter_and_not_to_a_younger_job_that_is_here() -> None:
    """Only a reservation that was not used in time goes to whichever job is here."""
    world = World()
    held_by_the_dead(world, lease_s=30)
    older = world.submit(limit=ONE)
    world.work()
    world.clock.advance(31)
    younger = world.submit(limit=ONE)
    world.work()
    assert [job_id for job_id, _, _ in world.ran] == [older.id, younger.id]
