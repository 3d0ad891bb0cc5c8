"""What rescue and its cursors keep to: their counts, their place, their bounds, and what is promote's."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from tests.builders.faults import Refusing
from tests.builders.world import SETTINGS, TENANT, World
from whendue.bootstrap.application import App
from whendue.engine.ports import DueEntry, Item, WriteResult, WriteStatus
from whendue.jobs.due_index import live_partition
from whendue.jobs.model import Job, State
from whendue.jobs.transitions import claim
from whendue.quotas import BACKLOG_MESSAGES, PAUSE_CACHE_MS, RESCUE_INTERVAL_MIN_S
from whendue.submission.request import JobRequest
from whendue.table.keys import Key
from whendue.table.writes import Write
from whendue.timer.due_cursors import move_cursors, read_cursors
from whendue.timer.partition_scan import ScanPage
from whendue.timer.rescue import Rescuer, pass_by

LOUD = "loud"
QUICK = {"lease_s": 2}


def lost(world: World, count: int = 1, tenant: str = TENANT, **wanted: Any) -> list[Job]:
    """Submit jobs to the normal queue whose messages are lost."""
    results = []
    for start in range(0, count, 500):
        results += world.app.submit.many(tenant, [JobRequest("ok", {}, **wanted)] * min(500, count - start))
    world.queues.discard("normal")
    return [end.job for end in results if not isinstance(end, Exception)]


def taken(world: World, jobs: Sequence[Job], fence: str = "silent") -> None:
    """Let a worker claim jobs and say nothing more."""
    assert all(end.done for end in world.table.apply([claim(job, fence, world.clock.now_ms()) for job in jobs]))


def test_a_tick_reports_what_rescue_did_to_how_many_jobs() -> None:
    """A tick's answer and its log line say whether messages were lost, workers died, or jobs only run long."""
    world = World()
    unsent, run_long, left = lost(world, 4), lost(world, 3), lost(world, policy=QUICK)
    worn_out, unwanted = lost(world, 2, policy=QUICK), lost(world, 5, policy=QUICK)
    taken(world, [*left, *worn_out, *unwanted])
    for job in unwanted:
        assert world.app.control.cancel(TENANT, job.id).cancel_requested
    for number in range(2):
        world.clock.advance(3)
        taken(world, worn_out, f"silent, too {number}")
    world.clock.advance(90)
    taken(world, run_long)
    assert world.tick().rescued == {"send": len(unsent) + len(left), "wait": 3, "mark_dead": 2, "cancel_lost": 5}


def test_what_the_table_did_not_take_is_not_reported_as_healed() -> None:
    """Nor is its message sent: the next tick does both."""
    world = World()
    [job] = lost(world)
    world.clock.advance(100)

    def deaf(writes: Sequence[Write]) -> list[WriteResult]:
        return [WriteResult(WriteStatus.UNAVAILABLE)] * len(writes)

    assert world.tick(world.build(store=Refusing(world.table, "apply", deaf))).rescued == {}
    assert world.tick().rescued == {"send": 1}
    world.work()
    assert len(world.runs(job)) == 1


def test_a_message_lost_again_is_sent_again_right_after_the_check_that_rescue_set() -> None:
    """That next check is heard by promote: nobody waits another minute and a half until it looks suspicious (G6)."""
    world = World()
    [job] = lost(world)
    world.clock.advance(100)
    assert world.tick().rescued == {"send": 1}
    world.queues.discard("normal")
    world.clock.advance(RESCUE_INTERVAL_MIN_S + 1)
    assert world.tick().rescued == {"send": 1}
    world.work()
    assert len(world.runs(job)) == 1


def paused_before_a_lost_one(world: World, count: int) -> Job:
    """Let so many jobs of a paused tenant stand before one whose message is lost, all behind promote."""
    world.app.pauses.pause_tenant(LOUD, None, "why", "ops", None)
    lost(world, count, LOUD)
    world.clock.advance(1)
    [job] = lost(world)
    world.tick()
    world.clock.advance(65)
    return job


def reads_of(world: World, read: list[Key]) -> App:
    """Note the jobs that are read."""

    def get(keys: Sequence[Key]) -> list[Item | None]:
        read.extend(key for key in keys if key.sk == "job")
        return world.table.get(keys)

    return world.build(store=Refusing(world.table, "get", get))


def test_rescue_goes_on_behind_a_full_page_of_what_it_may_not_touch() -> None:
    """A paused tenant's thousand jobs do not keep a lost message of somebody else from being found (G6)."""
    world = World()
    job = paused_before_a_lost_one(world, 1000)
    assert world.tick().rescued == {"send": 1}
    world.work()
    assert len(world.runs(job)) == 1


def test_what_rescue_may_not_send_is_met_once_and_not_by_each_tick() -> None:
    """Its check is moved: the next ticks read none of it, however much there is."""
    world = World()
    job = paused_before_a_lost_one(world, 3000)
    read: list[Key] = []
    assert world.tick(reads_of(world, read)).rescued == {"send": 1}
    assert len(set(read)) == len(read) == 3001
    for _ in range(5):
        world.work()
        world.clock.advance(60)
        read.clear()
        world.tick(reads_of(world, read))
        assert read == []
    assert len(world.runs(job)) == 1


def test_a_tick_moves_a_bounded_number_and_the_next_goes_on_behind_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rescue is bounded by what it writes; a window that was begun is finished."""
    monkeypatch.setattr("whendue.timer.tick.RESCUE_WRITES", 700)
    world = World()
    job = paused_before_a_lost_one(world, 2000)
    ticks = [world.tick() for _ in range(3)]
    assert [bool(tick.behind) for tick in ticks] == [True, True, False]
    assert [tick.rescued for tick in ticks] == [{}, {}, {"send": 1}]
    world.work()
    assert len(world.runs(job)) == 1


def test_a_tick_that_moves_no_more_goes_on_promoting(monkeypatch: pytest.MonkeyPatch) -> None:
    """The bound is rescue's alone."""
    monkeypatch.setattr("whendue.timer.tick.RESCUE_WRITES", 0)
    world = World()
    world.submit(delay_s=330)
    lost = world.submit()
    world.queues.discard("normal")
    world.clock.advance(300)
    ticked = world.tick()
    assert (ticked.promoted, ticked.rescued, ticked.behind) == (1, {}, [lost.due_pk])


def test_what_rescue_had_no_time_for_is_not_behind() -> None:
    """Its cursors stand before it, so every tick goes on there."""
    world = World()
    world.tick()
    lost = world.submit(queue="low")
    world.queues.discard("low")
    world.submit(queue="critical", delay_s=170)
    world.tick()
    world.clock.advance(65)
    app = world.build(queue=SlowQueue(world))
    ticked = app.tick.run(world.clock.now_ms() + 500)
    assert (ticked.promoted, ticked.rescued, ticked.behind) == (1, {}, [])
    assert world.tick().rescued == {"send": 1}
    world.work()
    assert len(world.runs(lost)) == 1


class SlowQueue:
    """A queue whose every send takes a second."""

    def __init__(self, world: World) -> None:
        self._world = world

    def __getattr__(self, name: str) -> Any:
        if name == "send":
            self._world.clock.advance(1)
        return getattr(self._world.queues, name)


def test_a_paused_job_is_looked_at_after_as_long_as_it_has_waited_or_when_the_pause_ends() -> None:
    """From half an hour to six hours; the resume does not wait for that."""
    world = World()
    [job] = lost(world)
    until_ms = world.clock.now_ms() + 1_000_000
    world.app.pauses.pause_tenant(TENANT, None, "a reason", "someone", until_ms)
    world.clock.advance(100)
    assert world.tick().rescued == {}
    assert (world.job(job).check_at, world.job(job).rescues) == (until_ms, 0)
    world.app.pauses.pause_tenant(TENANT, None, "for longer", "someone", None)
    world.clock.advance(901)
    world.tick()
    assert world.job(job).check_at == world.clock.now_ms() + 1_800_000
    world.clock.advance(7200)
    world.tick()
    assert world.job(job).check_at == world.clock.now_ms() + (world.clock.now_ms() - job.due_at)


@pytest.mark.parametrize("before", [0, 20])
def test_what_a_tick_has_yet_to_hand_over_is_not_rescued(before: int) -> None:
    """After an outage old next checks were never heard: rescue would write every job first (G11: no write per job)."""
    world = World()
    for _ in range(before):
        world.submit(delay_s=300)
    world.clock.advance(200)
    assert world.tick().promoted == before
    world.clock.advance(100)
    world.work()
    jobs = [world.submit(delay_s=1000) for _ in range(20)]
    world.clock.advance(6 * 3600)
    ticked = world.tick()
    assert (ticked.promoted, ticked.rescued) == (20, {})
    assert [world.job(job).rescues for job in jobs] == [0] * 20
    assert world.queues.pending("normal") == 20


def test_what_its_writer_was_to_send_is_rescued_even_before_promote_has_passed_it() -> None:
    """Promote will never send it: after an outage the first tick finds the lost message, not the second."""
    world = World()
    [job] = lost(world)
    world.clock.advance(100)
    assert world.tick().rescued == {"send": 1}
    world.work()
    assert len(world.runs(job)) == 1


def test_an_index_that_still_shows_what_has_ended_stops_nobody() -> None:
    """DynamoDB's index lags: the ended job is left alone, and the tick goes on to those behind it."""
    world = World()
    ended, job = lost(world)[0], lost(world)[0]
    world.clock.advance(100)
    app = world.build(store=Refusing(world.table, "query_due", frozen_due_index(world)))
    assert world.app.control.cancel(TENANT, ended.id).state is State.CANCELLED
    assert world.tick(app).rescued == {"send": 1}
    assert (world.job(ended).state, world.job(job).rescues) == (State.CANCELLED, 1)


def frozen_due_index(world: World) -> Callable[..., list[DueEntry]]:
    """Return the due index as it is now, whatever is written later."""
    names = [live_partition("normal", shard) for shard in range(SETTINGS.shards)]
    shown = {name: world.table.query_due(name, after=None, until_ms=world.clock.now_ms(), limit=1000) for name in names}

    def query_due(partition: str, *, after: DueEntry | None, until_ms: int, limit: int) -> list[DueEntry]:
        entries = shown.get(partition, [])
        return [entry for entry in entries if (after is None or entry > after) and entry.check_at <= until_ms][:limit]

    return query_due


def test_a_timer_that_was_frozen_does_not_put_a_cursor_back() -> None:
    """Its place is old when it wakes: what another has handed over since would be handed over again (G11)."""
    world = World()

    def submit_and_wait() -> None:
        for _ in range(20):
            world.submit(delay_s=300)
        world.clock.advance(200)
        world.work()

    def freeze(writes: Sequence[Write]) -> list[WriteResult]:
        if frozen.on and writes[0].name == "move_cursor":
            frozen.on = False
            submit_and_wait()
            assert world.tick().promoted == 20
        return world.table.apply(writes)

    submit_and_wait()
    assert world.tick().promoted == 20
    submit_and_wait()
    frozen = Refusing(world.table, "apply", freeze)
    assert world.tick(world.build(store=frozen)).promoted == 20
    assert world.tick().promoted == 0


def test_a_job_that_only_runs_long_needs_no_message(monkeypatch: pytest.MonkeyPatch) -> None:
    """That none could be made of it is found when one is to be sent."""
    world = World()
    jobs = lost(world)
    world.clock.advance(90)
    taken(world, jobs)

    def body(job: Job) -> str:
        raise ValueError("no message can be made of it")

    monkeypatch.setattr("whendue.timer.rescue.to_body", body)
    assert world.tick().rescued == {"wait": 1}
    assert world.job(jobs[0]).state is State.RUNNING
    assert world.app.bulkhead.take() == {}


def test_a_job_whose_worker_died_in_a_pause_is_sent_by_the_first_tick_after_it() -> None:
    """What ran is not put off with what waits: nobody brings it back."""
    world = World()
    [job] = lost(world, policy=QUICK)
    taken(world, [job])
    world.app.pauses.pause_tenant(TENANT, None, "a reason", "someone", None)
    world.clock.advance(100)
    before = world.job(job)
    assert world.tick().rescued == {}
    assert world.job(job) == before
    assert world.app.bulkhead.take() == {}
    world.app.resume.tenant(TENANT, None)
    world.clock.advance(PAUSE_CACHE_MS / 1000 + 1)
    assert world.tick().rescued == {"send": 1}


def test_a_paused_job_whose_message_is_lost_is_not_sent() -> None:
    """Its check alone is moved, which is no rescue."""
    world = World()
    [job] = lost(world)
    world.app.pauses.pause_tenant(TENANT, None, "a reason", "someone", None)
    world.clock.advance(100)
    assert world.tick().rescued == {}
    assert world.queues.pending("normal") == 0
    assert world.app.bulkhead.take() == {}
    after = world.job(job)
    assert (after.state, after.rescues, after.generation) == (job.state, 0, job.generation)
    assert (after.check_at or 0) > (job.check_at or 0)


def test_late_jobs_of_a_backed_up_queue_are_met_less_and_less_often() -> None:
    """A look at each of them at every tick would cost most when there is most to do (G11)."""
    world = World()
    jobs = [world.submit() for _ in range(BACKLOG_MESSAGES * 4)]
    reads = []
    for _ in range(30):
        world.clock.advance(60)
        read: list[Key] = []
        world.tick(reads_of(world, read))
        reads.append(len(set(read)))
    assert world.queues.pending("normal") == len(jobs)
    # After 1, 2, 4, 8 and 16 minutes, and then every quarter of an hour.
    assert [minute for minute, count in enumerate(reads, 1) if count] == [1, 2, 4, 8, 16]
    assert set(reads) == {0, len(jobs)}


def test_a_window_that_another_timer_has_passed_is_left_to_it() -> None:
    """The page whose position it moved; the others go on here."""
    world = World()
    partitions = [live_partition("normal", shard) for shard in range(2)]
    ours, theirs = (read_cursors(world.table, "rescue", partitions) for _ in range(2))
    entry, further = DueEntry(1, "JOB#a", "job", 2), DueEntry(3, "JOB#b", "job", 4)
    move_cursors(world.app.bulkhead, [(theirs[0], further)])
    pages = [ScanPage(cursor, [entry], [None], is_last=False) for cursor in ours]
    assert pass_by(world.app.runtime, pages) == pages[1:]
    assert [cursor.position for cursor in read_cursors(world.table, "rescue", partitions)] == [further, entry]


def test_a_further_tick_knows_which_queues_have_a_backlog() -> None:
    """By now it may have worked some of it off: what is decided is decided alike."""
    world = World()
    rescuer = Rescuer(world.app.runtime, world.app.pauses, {"normal": True})
    assert [rescuer.backed_up(queue) for queue in ("normal", "high")] == [True, False]


def test_what_the_very_first_tick_promotes_is_not_lost() -> None:
    """Its check is long over, and promote has passed nothing yet."""
    world = World()
    world.submit(delay_s=240)
    world.clock.advance(300)
    ticked = world.tick()
    assert (ticked.promoted, ticked.rescued) == (1, {})
    assert world.app.bulkhead.take() == {}
