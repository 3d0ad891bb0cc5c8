"""Whose turn it is: tenants in the timer, priorities in a tick that is too short, groups in a fair queue."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.builders.faults import Refusing
from tests.builders.world import SETTINGS, TENANT, World
from whendue.adapters.memory import MemoryQueue
from whendue.engine.fairness import take_turns, virtual_deadline
from whendue.engine.message import from_body
from whendue.engine.ports import Outgoing
from whendue.jobs.due_index import live_partition
from whendue.quotas import AGEING_S
from whendue.settings import QUEUES
from whendue.submission.request import JobRequest
from whendue.timer.due_cursors import read_cursors

SHARDS = SETTINGS.shards


@given(st.lists(st.tuples(st.sampled_from("abcde"), st.integers())))
def test_turns_are_fair_and_lose_nothing(items: list[tuple[str, int]]) -> None:
    """In any beginning of what is dealt, nobody who still has something is more than one behind."""
    dealt = take_turns(items, lambda item: item[0])
    assert Counter(dealt) == Counter(items)
    for owner in "abcde":
        assert [item for item in dealt if item[0] == owner] == [item for item in items if item[0] == owner]
    all_of = Counter(owner for owner, _ in items)
    for length in range(len(dealt)):
        so_far = Counter(owner for owner, _ in dealt[:length])
        waiting = [so_far[owner] for owner in all_of if so_far[owner] < all_of[owner]]
        assert not waiting or max(so_far.values(), default=0) - min(waiting) <= 1


@given(st.integers(0, 2**42), st.integers(0, 2**42), st.integers(0, 3), st.integers(0, 3))
def test_a_rank_is_worth_a_minute_of_age_and_no_more(item: int, other: int, high: int, low: int) -> None:
    """So whoever waits long enough is served before any newer work of any priority."""
    if virtual_deadline(item, high) <= virtual_deadline(other, low):
        assert item - other <= (low - high) * AGEING_S * 1000


class Sent:
    """A queue that notes whose messages it is sent, and takes its time for each call."""

    def __init__(self, world: World, takes_s: float = 0) -> None:
        self._world = world
        self._takes_s = takes_s
        self.queues: list[str] = []
        self.tenants: list[str] = []
        self.groups: list[str] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._world.queues, name)

    def send(self, queue: str, messages: Sequence[Outgoing]) -> list[bool]:
        self._world.clock.advance(self._takes_s)
        self.queues.append(queue)
        self.tenants += [from_body(message.body).tenant for message in messages]
        self.groups += [message.group for message in messages]
        return self._world.queues.send(queue, messages)


def test_the_timer_takes_tenants_in_turn() -> None:
    """A tenant with five hundred jobs that are due a little earlier does not stand before the others."""
    world = World()
    world.app.submit.many("noisy", [JobRequest("ok", {}, delay_s=1000) for _ in range(500)])
    for tenant in ("quiet", "calm"):
        world.app.submit.many(tenant, [JobRequest("ok", {}, delay_s=1001) for _ in range(2)])
    world.clock.advance(1000)
    sent = Sent(world)
    assert world.tick(world.build(queue=sent)).promoted == 504
    assert Counter(sent.tenants[:6]) == {"noisy": 2, "quiet": 2, "calm": 2}


def test_messages_carry_their_tenant_or_its_group() -> None:
    """A group is a part of a tenant: equal names of two tenants are two groups."""
    world = World()
    sent = Sent(world)
    submit = world.build(queue=sent).submit
    for tenant in ("one", "two"):
        submit.one(tenant, JobRequest("ok", {}, group="batch"))
        submit.one(tenant, JobRequest("ok", {}))
    assert sent.groups == ["one/batch", "one", "two/batch", "two"]


def test_a_request_with_another_group_is_another_request() -> None:
    """An Idempotency-Key is used with one request."""
    world = World()
    first = world.submit(idempotency_key="k", group="a")
    assert world.submit(idempotency_key="k", group="a").id == first.id
    [end] = world.app.submit.many(TENANT, [JobRequest("ok", {}, idempotency_key="k", group="b")])
    assert getattr(end, "code", None) == "idempotency_conflict"


def test_of_equally_old_work_the_higher_priority_goes_first() -> None:
    """A rank is worth a minute: what is older by more than that goes before it."""
    world = World()
    for queue in reversed(QUEUES):
        world.submit(queue=queue, delay_s=1000)
    world.submit(queue="low", delay_s=700)
    world.clock.advance(1000)
    sent = Sent(world)
    world.tick(world.build(queue=sent))
    assert sent.queues == ["low", "critical", "high", "normal"], "one window of low has both of its jobs"


def oldest(world: World, queue: str) -> int | None:
    """Return the oldest next check that promote has not passed, ms UTC."""
    cursors = read_cursors(world.table, "promote", [live_partition(queue, shard) for shard in range(SHARDS)])
    now_ms = world.clock.now_ms()
    pages = [world.table.query_due(c.partition, after=c.position, until_ms=now_ms, limit=1) for c in cursors]
    return min((page[0].check_at for page in pages if page), default=None)


@pytest.mark.thorough
def test_low_is_never_more_than_three_minutes_and_a_window_further_behind_than_critical(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """For half an hour more critical work comes due than the timer can hand over; low and normal get their turn."""
    monkeypatch.setattr("whendue.timer.open_scans.SCAN_WINDOW", 8)
    world = World()
    begins_s, minutes = 1000, 30
    for n in range(minutes * 60):
        world.submit(queue="critical", delay_s=begins_s + n)
    for queue in ("low", "normal"):
        for n in range(0, minutes * 60, 60):
            world.submit(queue=queue, delay_s=begins_s + n)
    world.clock.advance(begins_s - 120)
    app = world.build(queue=Sent(world, takes_s=8))
    window_ms = 8 * SHARDS * 1000
    for minute in range(minutes):
        began_ms = world.clock.now_ms()
        world.tick(app)
        for rank, queue in enumerate(QUEUES):
            behind, critical = oldest(world, queue), oldest(world, "critical")
            if behind is not None and critical is not None:
                assert critical - behind <= rank * AGEING_S * 1000 + window_ms, (minute, queue)
        world.clock.advance(60 - (world.clock.now_ms() - began_ms) / 1000)
    critical = oldest(world, "critical")
    assert critical is not None
    assert world.clock.now_ms() - critical > 300_000, "the timer was to be overrun"
    assert (oldest(world, "low") or critical) >= critical - 3 * AGEING_S * 1000 - window_ms


def test_promote_leaves_rescue_its_share_of_a_tick(monkeypatch: pytest.MonkeyPatch) -> None:
    """However much older what is to be promoted is: lost jobs heal all the same."""
    monkeypatch.setattr("whendue.timer.open_scans.SCAN_WINDOW", 8)
    world = World()
    world.tick()
    for n in range(600):
        world.submit(queue="critical", delay_s=200 + n % 7)
    world.clock.advance(3600)
    lost = world.submit(queue="low")
    world.queues.discard("low")
    world.clock.advance(61)
    ticked = world.tick(world.build(queue=Sent(world, takes_s=8)))
    assert ticked.rescued == {"send": 1}
    assert ticked.behind
    world.work(queue="low")
    assert len(world.runs(lost)) == 1


def test_rescue_leaves_promote_its_share_of_a_tick(monkeypatch: pytest.MonkeyPatch) -> None:
    """However much there is to heal."""
    monkeypatch.setattr("whendue.timer.open_scans.SCAN_WINDOW", 8)
    world = World()
    world.tick()
    for _ in range(300):
        world.submit(queue="critical")
    world.queues.discard("critical")
    world.clock.advance(3600)
    job = world.submit(queue="low", delay_s=240)
    world.clock.advance(150)
    ticked = world.tick(world.build(queue=Sent(world, takes_s=3)))
    assert ticked.promoted == 1
    assert 0 < ticked.rescued["send"] < 300
    world.clock.advance(240)
    world.work(queue="low")
    assert len(world.runs(job)) == 1


def test_one_partitions_trouble_does_not_hold_up_the_others() -> None:
    """It is behind, and the next tick goes on there."""
    world = World()
    jobs = [world.submit(delay_s=1000) for _ in range(40)]
    bad = live_partition("normal", 1)

    def query_due(partition: str, **options: Any) -> Any:
        if partition == bad:
            from whendue.errors import UnavailableError

            raise UnavailableError
        return world.table.query_due(partition, **options)

    world.clock.advance(900)
    ticked = world.tick(world.build(store=Refusing(world.table, "query_due", query_due)))
    assert ticked.promoted == sum(job.due_pk != bad for job in jobs)
    assert ticked.behind == [bad]
    assert ticked.promoted + world.tick().promoted == 40


def fill(queue: MemoryQueue, group: str, number: int) -> None:
    queue.send("normal", [Outgoing(f"{group} {n}", 0, group) for n in range(number)])


def groups_of(queue: MemoryQueue, number: int) -> Counter[str]:
    taken: Counter[str] = Counter()
    while taken.total() < number:
        taken.update(message.body.split()[0] for message in queue.receive("normal"))
    return taken


def test_a_fair_queue_gives_quiet_groups_before_a_noisy_one() -> None:
    """As AWS describes it: a group with thirty in flight and over a tenth of all is noisy."""
    queue = World().queues
    fill(queue, "noisy", 100)
    assert groups_of(queue, 20) == {"noisy": 20}
    fill(queue, "quiet", 5)
    assert groups_of(queue, 10) == {"noisy": 10}, "twenty in flight are no noise yet"
    assert groups_of(queue, 10) == {"quiet": 5, "noisy": 5}


def test_of_two_noisy_groups_the_one_with_less_in_flight_comes_first() -> None:
    """Then both get on."""
    queue = World().queues
    fill(queue, "one", 60)
    fill(queue, "two", 60)
    assert groups_of(queue, 40) == {"one": 30, "two": 10}
    assert groups_of(queue, 20) == {"two": 20}
    assert groups_of(queue, 20) == {"one": 10, "two": 10}
