"""Promote and rescue in the timer: nothing early, nothing twice, nothing lost, healing without amplifying."""

from typing import Any

import pytest

from tests.builders.faults import Counted, KilledError, Refusing
from tests.builders.world import SETTINGS, TENANT, World
from whendue.engine.ports import Depth, Outgoing
from whendue.jobs.due_index import live_partition
from whendue.jobs.model import State
from whendue.jobs.transitions import claim
from whendue.quotas import BACKLOG_MESSAGES
from whendue.submission.request import JobRequest
from whendue.timer.due_cursors import CursorItem, read_cursors


def test_a_job_days_ahead_is_promoted_two_minutes_before_it_is_due_and_not_sooner() -> None:
    """One-shot to the second at any horizon, with an SQS delay of at most 15 minutes."""
    world = World()
    job = world.submit(delay_s=3 * 86_400)
    world.clock.advance(3 * 86_400 - 121)
    assert world.tick().promoted == 0
    world.clock.advance(1)
    assert world.tick().promoted == 1
    assert world.tick().promoted == 0
    world.clock.advance(119)
    assert world.queues.receive("normal") == []
    world.clock.advance(1)
    world.work()
    assert world.runs(job) == [job.due_at]


@pytest.mark.parametrize("delay_s", [0, 0.5, 3, 119, 129, 130.5, 131, 180, 600, 5000])
def test_each_job_runs_once_within_a_second_of_its_due_time(delay_s: float) -> None:
    """G6 on both sides of the line between writer-sent and timer-sent."""
    world = World()
    world.tick()
    job = world.submit(delay_s=delay_s)
    world.pass_time(delay_s + 200)
    [at] = world.runs(job)
    assert 0 <= at - job.due_at <= 1000
    assert world.job(job).rescues == 0


def test_an_idle_tick_writes_nothing() -> None:
    """Nothing always on: an idle minute costs reads only."""
    world = World()
    world.submit(delay_s=86_400)
    # The very first tick begins the positions of the queues.
    world.tick()
    calls: list[str] = []
    world.tick(world.build(Counted(world.table, calls), Counted(world.queues, calls)))
    assert set(calls) == {"get", "query_due"}


def killed_everywhere(after: bool) -> int:
    """Kill the timer at every call in turn, let the next tick go on; return how many deaths were tried."""
    deaths = 0
    while True:
        calls: list[str] = []
        world = World(seed=deaths)
        jobs = [world.submit(delay_s=300 + n) for n in range(40)]
        lost = world.submit(queue="high")
        assert world.queues.discard("high") == 1
        world.tick()
        world.clock.advance(200)
        app = world.build(*(Counted(port, calls, deaths, after=after) for port in (world.table, world.queues)))
        try:
            world.tick(app)
        except KilledError:
            deaths += 1
        else:
            return deaths
        world.pass_time(600)
        for job in [*jobs, lost]:
            assert world.job(job).state is State.SUCCEEDED, f"lost by a death at call {deaths - 1} {calls[-1]}"
            assert len(world.runs(job)) == 1
        assert all(0 <= world.runs(job)[0] - job.due_at <= 1000 for job in jobs)


@pytest.mark.sampled(2)
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_a_timer_killed_at_any_call_loses_nothing_and_runs_nothing_twice(after: bool) -> None:
    """The cursor moves only past what SQS acknowledged; a message sent twice is claimed once."""
    assert killed_everywhere(after) > 20


def test_the_cursor_stays_before_the_first_message_that_was_not_acknowledged() -> None:
    """A partly failed batch is promoted again from there."""
    world = World()
    jobs = [world.submit(delay_s=1000 + n) for n in range(30)]

    def first_two_only(queue: str, messages: list[Outgoing]) -> list[bool]:
        world.queues.send(queue, messages[:2])
        return [n < 2 for n in range(len(messages))]

    failing = Refusing(world.queues, "send", first_two_only)
    app = world.build(queue=failing)
    world.clock.advance(950)
    first = world.tick(app)
    assert first.promoted == 2
    assert set(first.behind) == {job.due_pk for job in jobs[2:]}
    failing.on = False
    second = world.tick(app)
    assert (second.promoted, second.behind) == (28, [])
    world.pass_time(300)
    assert [len(world.runs(job)) for job in jobs] == [1] * 30


def test_a_partition_whose_cursor_cannot_be_moved_is_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its messages were sent, and the next tick begins there again."""
    world = World()
    job = world.submit(delay_s=1000)
    world.clock.advance(950)
    with monkeypatch.context() as patched:
        patched.setattr(CursorItem, "move", lambda *_: set())
        ticked = world.tick()
    assert (ticked.promoted, ticked.behind) == (1, [job.due_pk])
    assert world.tick().behind == []


@pytest.mark.parametrize("purpose", ["promote", "rescue"])
def test_a_queue_one_of_whose_cursors_cannot_be_read_is_behind(purpose: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What promote has yet to send is not lost, and what rescue has passed is unknown: neither works there."""
    world = World()
    jobs = {queue: world.submit(queue=queue, delay_s=330) for queue in ("normal", "high")}
    lost = world.submit()
    world.queues.discard("normal")
    world.clock.advance(300)

    def read(store: Any, reads_for: Any, partitions: Any) -> Any:
        if reads_for == purpose and any("#normal#" in partition for partition in partitions):
            raise ValueError("broken on purpose")
        return read_cursors(store, reads_for, partitions)

    with monkeypatch.context() as patched:
        patched.setattr("whendue.timer.open_scans.read_cursors", read)
        ticked = world.tick()
    assert (ticked.promoted, ticked.rescued) == (1, {})
    assert sorted(ticked.behind) == sorted(live_partition("normal", shard) for shard in range(SETTINGS.shards))
    world.pass_time(300)
    assert {world.job(job).state for job in (*jobs.values(), lost)} == {State.SUCCEEDED}


def test_only_queues_with_overdue_jobs_are_asked_for_their_depth() -> None:
    """And each of them once in a tick: every call costs."""
    world = World()
    asked: list[str] = []

    def depth(queue: str) -> Depth:
        asked.append(queue)
        return world.queues.depth(queue)

    app = world.build(queue=Refusing(world.queues, "depth", depth))
    world.submit(queue="low")
    world.clock.advance(3600)
    for _ in range(9):
        world.submit(queue="critical", delay_s=1000)
    world.clock.advance(950)
    assert world.tick(app).promoted == 9
    assert asked == ["low"]


def test_a_cursor_whose_first_message_is_not_acknowledged_stays_where_it_is() -> None:
    """Back at the beginning it would hand over everything again."""
    world = World()
    early = [world.submit(delay_s=300) for _ in range(20)]
    world.clock.advance(200)
    assert world.tick().promoted == 20
    late = [world.submit(delay_s=300) for _ in range(20)]
    world.clock.advance(200)
    world.work()
    failing = Refusing(world.queues, "send", lambda _, messages: [False] * len(messages))
    before = {key: item for key, item in world.table.items().items() if key.sk == "promote"}
    assert world.tick(world.build(queue=failing)).promoted == 0
    assert {key: item for key, item in world.table.items().items() if key.sk == "promote"} == before
    assert world.tick().promoted == 20
    world.pass_time(200)
    assert [len(world.runs(job)) for job in (*early, *late)] == [1] * 40


def test_a_job_that_runs_already_is_not_handed_over_again() -> None:
    """A timer that died after its sends leaves the cursor behind; what has been claimed since needs no message."""
    world = World()
    ticked: list[int] = []
    world.task("ticks", lambda payload, ctx: ticked.append(world.tick().promoted))
    job = world.submit("ticks", delay_s=300)
    world.tick()
    world.clock.advance(200)
    calls: list[str] = []
    with pytest.raises(KilledError):
        world.tick(world.build(Counted(Refusing(world.table, "apply", _killed), calls)))
    world.clock.advance(100)
    world.work()
    assert (len(world.runs(job)), ticked) == (1, [0])


def _killed(*_: Any) -> Any:
    raise KilledError


def test_a_tick_reads_each_partition_once_while_little_is_due() -> None:
    """For promote and rescue together; the schedules' once, once what belongs to jobs, and once the resumptions."""
    world = World()
    for _ in range(50):
        world.submit(delay_s=300)
    world.clock.advance(200)
    calls: list[str] = []
    world.tick(world.build(Counted(world.table, calls)))
    assert calls.count("query_due") == (5 + 1 + 1) * SETTINGS.shards + 1


def test_ten_thousand_due_jobs_are_promoted_in_one_tick() -> None:
    """The page size is no limit of a tick, and it comes to an end: in three hundred calls."""
    world = World()
    requests = [JobRequest("ok", {}, delay_s=3600 + n % 7) for n in range(10_000)]
    for start in range(0, 10_000, 500):
        world.app.submit.many(TENANT, requests[start : start + 500])
    world.clock.advance(3600)
    ticked = world.tick(world.build(Counted(world.table, [], kill_at=300)))
    assert (ticked.promoted, ticked.behind) == (10_000, [])
    assert world.tick().promoted == 0


def test_a_tick_out_of_time_says_what_is_left_and_the_next_one_goes_on() -> None:
    """A backlog larger than an invocation is worked off tick by tick."""
    world = World()
    requests = [JobRequest("ok", {}, delay_s=3600) for _ in range(2_000)]
    for start in range(0, 2_000, 500):
        world.app.submit.many(TENANT, requests[start : start + 500])
    world.clock.advance(3600)
    out_of_time = world.app.tick.run(world.clock.now_ms())
    assert out_of_time.promoted == 0
    assert len(out_of_time.behind) == (5 + 1) * SETTINGS.shards
    app = world.build(queue=SlowQueue(world))
    one_page_each = app.tick.run(world.clock.now_ms() + 1)
    assert 0 < one_page_each.promoted < 2_000
    assert one_page_each.behind
    assert one_page_each.promoted + world.tick().promoted == 2_000


class SlowQueue:
    """A queue whose every send takes a second."""

    def __init__(self, world: World) -> None:
        self._world = world

    def __getattr__(self, name: str) -> Any:
        if name == "send":
            self._world.clock.advance(1)
        return getattr(self._world.queues, name)


@pytest.mark.parametrize("delay_s", [0, 60, 500])
def test_a_lost_message_heals_within_three_minutes(delay_s: float) -> None:
    """G6: any single lost send is found by the job's own alarm."""
    world = World()
    world.tick()
    job = world.submit(delay_s=delay_s)
    while world.clock.now_ms() < job.due_at - 1000:
        world.clock.advance(1)
        if world.clock.now_ms() // 1000 % 60 == 0:
            world.tick()
    assert world.queues.discard("normal") == 1
    world.pass_time(185)
    [at] = world.runs(job)
    assert at - job.due_at <= 180_000
    assert world.job(job).rescues == 1


def test_a_write_whose_send_never_happened_heals() -> None:
    """A crash between write and send is just a next check that rings unheard."""
    world = World()
    world.tick()
    silent = Refusing(world.queues, "send", lambda _, messages: [False] * len(messages))
    job = world.build(queue=silent).submit.one(TENANT, JobRequest("ok", {})).job
    assert world.job(job).state is State.PENDING
    world.pass_time(185)
    assert len(world.runs(job)) == 1


def test_a_message_that_later_ones_have_overtaken_is_lost_whatever_the_backlog() -> None:
    """G6 has no exception. Seen before: 225 s, and under a lasting backlog never."""
    world = World()
    lost = world.submit()
    assert world.queues.discard("normal") == 1
    world.clock.advance(90)
    running, *backlog = [world.submit() for _ in range(BACKLOG_MESSAGES * 2)]
    # So far has a worker got.
    world.table.apply([claim(running, "a-worker", world.clock.now_ms())])
    world.clock.advance(90)
    assert world.queues.depth("normal").visible > BACKLOG_MESSAGES
    for _ in range(2):
        world.tick()
    assert world.job(lost).rescues == 1
    assert {world.job(job).rescues for job in backlog} == {0}


def test_rescue_waits_while_the_queue_is_backed_up() -> None:
    """G11: late messages are not lost ones; a message per waiting job and tick would drown the queue."""
    world = World()
    world.tick()
    jobs = [world.submit() for _ in range(BACKLOG_MESSAGES * 4)]
    for _ in range(20):
        world.clock.advance(60)
        world.tick()
    assert world.queues.pending("normal") == len(jobs)
    world.work()
    assert all(len(world.runs(job)) == 1 for job in jobs)


def test_rescue_walks_past_what_it_may_not_touch() -> None:
    """What stands at the head of the due index hides nothing behind it."""
    world = World()
    world.tick()
    stuck = [world.submit(queue="low") for _ in range(BACKLOG_MESSAGES + 50)]
    lost = [world.submit(queue="high") for _ in range(3)]
    world.queues.discard("high")
    for _ in range(5):
        world.clock.advance(60)
        world.tick()
    world.work(queue="high")
    assert all(len(world.runs(job)) == 1 for job in lost)
    assert world.queues.pending("low") == len(stuck)


def test_a_timer_outage_of_hours_only_delays() -> None:
    """Checks that became due while the timer was down are made when it is back."""
    world = World()
    jobs = [world.submit(delay_s=200 * n) for n in range(20)]
    world.clock.advance(6 * 3600)
    world.work()
    world.tick()
    world.work()
    assert all(len(world.runs(job)) == 1 for job in jobs)


def test_two_timers_at_once_run_nothing_twice() -> None:
    """The cursor is moved by compare-and-set; a message that both sent is claimed once."""
    world = World()
    jobs = [world.submit(delay_s=1000) for _ in range(50)]
    world.clock.advance(900)
    meanwhile: list[str] = []
    inner = World.tick

    class Overlapping:
        def __getattr__(self, name: str) -> Any:
            if name == "send" and not meanwhile:
                meanwhile.append(name)
                inner(world)
            return getattr(world.queues, name)

    world.tick(world.build(queue=Overlapping()))
    world.pass_time(200)
    assert [len(world.runs(job)) for job in jobs] == [1] * 50
