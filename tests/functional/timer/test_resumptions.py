"""What a pause held is sent once it has ended, whoever dies, however much it is, and nothing else is."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.builders.faults import Counted, KilledError, Refusing
from tests.builders.world import TENANT, World
from whendue.engine.message import from_body
from whendue.errors import UnavailableError
from whendue.jobs.model import Job, State
from whendue.pauses.model import tenant_pause
from whendue.pauses.resumption import RESUMPTIONS
from whendue.quotas import BACKLOG_MESSAGES, HELD_CHECK_MIN_S, PAUSE_CACHE_MS
from whendue.submission.request import JobRequest
from whendue.table.writes import delete

DROPPED_S = PAUSE_CACHE_MS / 1000 + 1


def pause(world: World, until_ms: int | None = None, task: str | None = None) -> None:
    world.app.pauses.pause_tenant(TENANT, task, "why", "ops", until_ms)


def dropped(world: World, count: int, tenant: str = TENANT) -> list[Job]:
    """Submit jobs whose messages are gone."""
    made = []
    for start in range(0, count, 500):
        made += world.app.submit.many(tenant, [JobRequest("ok", {})] * min(500, count - start))
    world.queues.discard("normal")
    return [end.job for end in made if not isinstance(end, Exception)]


def resumptions(world: World) -> int:
    return len(world.table.query_due(RESUMPTIONS, after=None, until_ms=2**60, limit=100))


def moved_far(world: World) -> None:
    """Let rescue look at what is held: its checks are far ahead from then on."""
    world.clock.advance(100)
    world.tick()


def test_what_was_moved_far_ahead_comes_back_at_once() -> None:
    """The longest pause is over when it is over."""
    world = World()
    pause(world)
    jobs, other = dropped(world, 20), dropped(world, 5, "other")
    moved_far(world)
    assert all((world.job(job).check_at or 0) >= world.clock.now_ms() + 1000 * HELD_CHECK_MIN_S for job in jobs)
    world.app.resume.tenant(TENANT, None)
    world.clock.advance(DROPPED_S)
    world.work()
    assert {world.job(job).state for job in jobs} == {State.SUCCEEDED}
    assert resumptions(world) == 0
    assert len({job_id for job_id, _, _ in world.ran}) == len(jobs) + len(other)


def test_a_tick_does_what_a_request_did_not(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each job is sent once: what the request has sent is not sent again, what is not looked at yet is."""
    monkeypatch.setattr("whendue.timer.resume.RESUMED_AT_ONCE", 7)
    world = World()
    pause(world)
    jobs = dropped(world, 50)
    moved_far(world)
    world.app.resume.tenant(TENANT, None)
    assert (world.queues.pending("normal"), resumptions(world)) == (7, 1)
    world.clock.advance(30)
    assert world.tick().rescued == {"send": 43}
    assert (world.queues.pending("normal"), resumptions(world)) == (50, 0)
    world.clock.advance(DROPPED_S)
    world.work()
    assert [len(world.runs(job)) for job in jobs] == [1] * 50


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_a_process_that_dies_at_any_call_of_a_resume_loses_nothing(after: bool) -> None:
    """Once the pause is over its jobs come back with the timer; before that the request is repeated."""
    deaths = 0
    while True:
        world = World(seed=deaths)
        pause(world)
        jobs = dropped(world, 10)
        moved_far(world)
        calls: list[str] = []
        app = world.build(*(Counted(port, calls, deaths, after=after) for port in (world.table, world.queues)))
        try:
            app.resume.tenant(TENANT, None)
        except KilledError:
            deaths += 1
        else:
            break
        if world.app.pauses.of_tenant(TENANT):
            world.app.resume.tenant(TENANT, None)
        world.pass_time(185)
        assert [len(world.runs(job)) for job in jobs] == [1] * 10, (deaths, calls)
        assert resumptions(world) == 0
    assert deaths > 6


def test_what_another_pause_holds_is_looked_at_when_that_one_ends() -> None:
    """Its check had been set without an end in sight."""
    world = World()
    pause(world)
    pause(world, world.clock.now_ms() + 3_000_000, "ok")
    [job] = dropped(world, 1)
    moved_far(world)
    until_ms = world.clock.now_ms() + 600_000
    pause(world, until_ms, "ok")
    world.app.resume.tenant(TENANT, None)
    assert (world.job(job).check_at, world.job(job).rescues) == (until_ms, 0)
    world.pass_time(600 + 65)
    assert len(world.runs(job)) == 1


def test_an_end_that_is_set_later_is_kept_for_what_is_held_already() -> None:
    """Its check was moved while no end was in sight."""
    world = World()
    pause(world)
    [job] = dropped(world, 1)
    moved_far(world)
    until_ms = world.clock.now_ms() + 300_000
    pause(world, until_ms)
    world.pass_time(300 + 65)
    [at_ms] = world.runs(job)
    assert until_ms <= at_ms <= until_ms + 65_000
    assert resumptions(world) == 0


def test_in_a_backed_up_queue_nothing_is_sent_and_rescue_looks_at_what_was_held() -> None:
    """Most messages are late and not dropped (G11)."""
    world = World()
    pause(world)
    [job] = dropped(world, 1)
    moved_far(world)
    waiting = [world.submit() for _ in range(BACKLOG_MESSAGES + 1)]
    world.app.resume.tenant(TENANT, None)
    assert world.queues.pending("normal") == len(waiting)
    assert (world.job(job).check_at or 0) <= world.clock.now_ms()
    world.pass_time(185)
    assert [len(world.runs(each)) for each in (job, *waiting)] == [1] * (len(waiting) + 1)


def test_in_a_backed_up_queue_what_was_held_until_its_expiry_is_looked_at_as_well() -> None:
    """Its check is no further ahead than that of a late job: it would wait for its expiry, and never run."""
    world = World()
    pause(world)
    job = world.submit(expires_s=600)
    world.queues.discard("normal")
    moved_far(world)
    assert world.job(job).check_at == job.begin_by
    waiting = [world.submit() for _ in range(BACKLOG_MESSAGES + 1)]
    world.app.resume.tenant(TENANT, None)
    assert (world.job(job).check_at or 0) <= world.clock.now_ms()
    world.pass_time(185)
    assert [len(world.runs(each)) for each in (job, *waiting)] == [1] * (len(waiting) + 1)


@pytest.mark.parametrize("began", [False, True], ids=["at the beginning", "after others"])
def test_what_promote_has_yet_to_send_is_left_to_it(began: bool) -> None:
    """It needs no write per job for that."""
    world = World()
    if began:
        for _ in range(40):
            world.submit(delay_s=140)
        world.clock.advance(25)
        assert world.tick().promoted == 40
        world.queues.discard("normal")
        world.clock.advance(1)
    world.app.pauses.pause_queue("normal", "why", "ops", None)
    for _ in range(20):
        world.submit(delay_s=200)
    world.clock.advance(300)
    world.app.pauses.resume_queue("normal")
    ticked = world.tick()
    assert (ticked.promoted, ticked.rescued["send"] - 40 * began, world.app.bulkhead.take()) == (20, 0, {})


def test_a_resume_that_never_took_place_is_forgotten() -> None:
    """Its process died after it had said that it would: nothing is sent, and nothing is looked at for ever."""
    world = World()
    pause(world)
    [job] = dropped(world, 1)
    moved_far(world)
    calls: list[str] = []
    killed = Counted(Refusing(world.table, "apply", _dying(world, calls)), [])
    with pytest.raises(KilledError):
        world.build(store=killed).resume.tenant(TENANT, None)
    assert resumptions(world) == 1
    assert RESUMPTIONS in world.tick().behind
    world.clock.advance(61)
    world.tick()
    assert (resumptions(world), world.job(job).rescues) == (0, 0)


def _dying(world: World, calls: list[str]) -> Callable[..., Any]:
    def apply(writes: Any) -> Any:
        calls.extend(write.name for write in writes)
        if "resume" in calls:
            raise KilledError
        return world.table.apply(writes)

    return apply


def test_an_unreadable_resumption_holds_up_no_other() -> None:
    """It is logged by each tick, as is all that cannot be read."""
    world = World()
    pause(world)
    jobs = dropped(world, 3)
    moved_far(world)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("whendue.timer.resume.RESUMED_AT_ONCE", 0)
        world.app.resume.tenant(TENANT, None)
    [entry] = world.table.query_due(RESUMPTIONS, after=None, until_ms=2**60, limit=1)
    item = world.table.rows[entry.key]
    from whendue.table.keys import Key
    from whendue.table.writes import insert

    odd = {name: value for name, value in item.items() if name not in ("pk", "sk")} | {"positions": "?"}
    world.table.apply([insert("odd", Key("RESUMPTION#0", "resumption"), odd)])
    app = world.build()
    ticked = world.tick(app)
    assert (ticked.rescued, RESUMPTIONS in ticked.behind) == ({"send": len(jobs)}, True)
    assert app.bulkhead.take()["isolated"][0]["stage"] == "resumption"


def test_the_timer_goes_on_where_it_was_when_the_table_did_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is sent twice but what was sent when its write was."""
    monkeypatch.setattr("whendue.timer.resumptions.RESUME_PAGE", 2)
    monkeypatch.setattr("whendue.timer.resume.RESUMED_AT_ONCE", 0)
    world = World()
    pause(world)
    jobs = dropped(world, 60)
    moved_far(world)
    world.app.resume.tenant(TENANT, None)
    answers = iter([True] * 3)

    def get(keys: Any) -> Any:
        if any(key.sk == "job" for key in keys) and not next(answers, False):
            raise UnavailableError
        return world.table.get(keys)

    ticked = world.tick(world.build(store=Refusing(world.table, "get", get)))
    assert RESUMPTIONS in ticked.behind
    first = world.queues.pending("normal")
    assert 0 < first < len(jobs)
    world.tick()
    assert (world.queues.pending("normal"), resumptions(world)) == (len(jobs), 0)


def test_what_promote_has_passed_and_the_pause_has_dropped_is_sent_by_the_resume() -> None:
    """Rescue has not looked at it yet: its check is still its first."""
    world = World()
    world.tick()
    pause(world)
    job = world.submit(delay_s=200)
    world.clock.advance(90)
    assert world.tick().promoted == 1
    world.clock.advance(112)
    world.work()
    assert (world.runs(job), world.job(job).rescues) == ([], 0)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("whendue.timer.resume.RESUMED_AT_ONCE", 0)
        world.app.resume.tenant(TENANT, None)
    assert world.tick().rescued == {"send": 1}
    world.clock.advance(DROPPED_S)
    world.work()
    assert len(world.runs(job)) == 1


def test_what_rescue_had_sent_before_the_pause_is_sent_again() -> None:
    """That message was dropped as others were."""
    world = World()
    [job] = dropped(world, 1)
    world.clock.advance(100)
    assert world.tick().rescued == {"send": 1}
    world.queues.discard("normal")
    world.clock.advance(10)
    pause(world)
    world.clock.advance(10)
    world.app.resume.tenant(TENANT, None)
    assert (world.job(job).rescues, world.queues.pending("normal")) == (2, 1)


def test_a_late_job_of_a_backed_up_queue_keeps_its_check() -> None:
    """Rescue finds it by that."""
    world = World()
    pause(world)
    [job] = dropped(world, 1)
    for _ in range(BACKLOG_MESSAGES + 1):
        world.submit()
    world.app.resume.tenant(TENANT, None)
    assert world.job(job) == job


def test_a_pause_that_is_gone_is_over() -> None:
    """Its item vanishes by TTL."""
    world = World()
    pause(world)
    jobs = dropped(world, 3)
    moved_far(world)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("whendue.timer.resume.RESUMED_AT_ONCE", 0)
        world.app.resume.tenant(TENANT, None)
    world.table.apply([delete("expire", tenant_pause(TENANT))])
    app = world.build()
    assert (world.tick(app).rescued, app.bulkhead.take()) == ({"send": len(jobs)}, {})


def test_a_job_whose_fan_out_is_pending_is_left_to_rescue() -> None:
    """What waits for its failed attempt is informed before it is tried again."""
    world = World()
    pause(world)
    [job] = dropped(world, 1)
    moved_far(world)
    world.table.rows[job.key]["pending_fan_out"] = ""
    world.app.resume.tenant(TENANT, None)
    assert (world.job(job).rescues, world.queues.pending("normal")) == (0, 0)


def test_jobs_that_are_not_due_or_gone_are_passed_by() -> None:
    """The index shows them for a while longer, and that is no error."""
    world = World()
    pause(world)
    later, gone, [held] = world.submit(delay_s=1000), world.submit(), dropped(world, 1)
    moved_far(world)
    world.table.rows.pop(gone.key)
    app = world.build()
    app.resume.tenant(TENANT, None)
    assert (world.job(later), world.job(held).rescues, app.bulkhead.take()) == (later, 1, {})


def test_a_job_that_changes_as_it_is_brought_back_is_not_sent() -> None:
    """Its write is refused: somebody else has sent it, or cancelled it."""
    world = World()
    pause(world)
    jobs = dropped(world, 2)
    moved_far(world)

    def apply(writes: Any) -> Any:
        if any(write.key == jobs[0].key for write in writes) and world.job(jobs[0]).state is State.PENDING:
            world.app.control.cancel(TENANT, jobs[0].id)
        return world.table.apply(writes)

    world.build(store=Refusing(world.table, "apply", apply)).resume.tenant(TENANT, None)
    assert [from_body(message.body).id for message in world.queues.messages["normal"]] == [jobs[1].id]


def test_a_pause_after_one_that_has_ended_plans_no_resumption() -> None:
    """Only a pause that still holds jobs can have moved their checks to its old end."""
    world = World()
    for _ in range(2):
        pause(world, world.clock.now_ms() + 1000)
        world.clock.advance(2)
    assert resumptions(world) == 0
