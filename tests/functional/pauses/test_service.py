"""Pauses: nothing is claimed while they last, nothing is burnt, and everything comes back in due order."""

from collections.abc import Callable
from typing import Any
from unittest.mock import patch

import pytest

from tests.builders.faults import Counted, KilledError, Refusing
from tests.builders.world import SETTINGS, TENANT, World
from whendue.adapters.memory import MemoryQueue
from whendue.engine.ports import WriteResult, WriteStatus
from whendue.errors import (
    InvalidRequestError,
    QueueNotFoundError,
    StateConflictError,
    UnavailableError,
    UnknownTaskError,
)
from whendue.jobs.model import Job, State
from whendue.pauses.model import pauses_of
from whendue.quotas import BACKLOG_MESSAGES, PAUSE_BY_BYTES, PAUSE_CACHE_MS
from whendue.submission.request import JobRequest

PAUSES: dict[str, tuple[Callable[[World], Any], Callable[[World], Any]]] = {
    "queue": (
        lambda world: world.app.pauses.pause_queue("normal", "why", "ops", None),
        lambda world: world.app.pauses.resume_queue("normal"),
    ),
    "tenant": (
        lambda world: world.app.pauses.pause_tenant(TENANT, None, "why", "ops", None),
        lambda world: world.app.pauses.resume_tenant(TENANT, None),
    ),
    "type": (
        lambda world: world.app.pauses.pause_tenant(TENANT, "ok", "why", "ops", None),
        lambda world: world.app.pauses.resume_tenant(TENANT, "ok"),
    ),
}
# As users resume: what was dropped is brought back, too. Above the timer has to do it.
RESUMES: dict[str, Callable[[World], Any]] = {
    "queue": lambda world: world.app.resume.queue("normal"),
    "tenant": lambda world: world.app.resume.tenant(TENANT, None),
    "type": lambda world: world.app.resume.tenant(TENANT, "ok"),
}


def refused(*_: Any) -> Any:
    raise UnavailableError


@pytest.mark.parametrize("scope", PAUSES)
@pytest.mark.parametrize("delay_s", [0, 30, 200])
def test_a_paused_job_waits_and_runs_after_the_resume_with_nothing_burnt(scope: str, delay_s: int) -> None:
    """Whether its message was dropped, or was never sent: one attempt, one claim, at most one message more."""
    world = World()
    pause, resume = PAUSES[scope]
    pause(world)
    job = world.submit(delay_s=delay_s)
    sent = Counted(world.queues, [])
    world.app = world.build(queue=sent)
    world.pass_time(delay_s + 600)
    assert world.job(job).state is State.PENDING
    assert world.job(job).claims == 0
    resume(world)
    world.pass_time(125)
    after = world.job(job)
    assert (after.state, after.claims, after.failures) == (State.SUCCEEDED, 1, 0)
    assert sent.calls.count("send") <= 2


@pytest.mark.parametrize("scope", PAUSES)
def test_a_resume_brings_back_at_once_what_workers_have_dropped(scope: str) -> None:
    """Seen before: up to 75 s. Nothing is sent that another pause holds, or that is not due."""
    world = World()
    pause, resume = PAUSES[scope][0], RESUMES[scope]
    jobs = [world.submit() for _ in range(20)]
    other, later = world.submit("bad"), world.submit(delay_s=500)
    world.app.pauses.pause_tenant(TENANT, "bad", "why", "ops", None)
    pause(world)
    world.work()
    assert {world.job(job).claims for job in jobs} == {0}
    resume(world)
    world.clock.advance(PAUSE_CACHE_MS / 1000 + 1)
    world.work()
    assert {world.job(job).state for job in jobs} == {State.SUCCEEDED}
    assert (world.job(other).rescues, world.job(later).rescues) == (0, 0)


def test_a_resume_is_bounded_and_the_timer_does_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    """G13: a request does not grow with what was held."""
    monkeypatch.setattr("whendue.timer.resume.RESUMED_AT_ONCE", 3)
    world = World()
    pause, resume = PAUSES["tenant"][0], RESUMES["tenant"]
    jobs = [world.submit() for _ in range(10)]
    pause(world)
    world.work()
    resume(world)
    assert sum(world.job(job).rescues for job in jobs) == 3
    world.pass_time(185)
    assert {world.job(job).state for job in jobs} == {State.SUCCEEDED}


def test_a_resume_sends_nothing_again_that_still_waits_in_its_queue() -> None:
    """G11: no worker has dropped it."""
    world = World()
    pause, resume = PAUSES["queue"][0], RESUMES["queue"]
    jobs = [world.submit() for _ in range(BACKLOG_MESSAGES + 1)]
    pause(world)
    resume(world)
    assert sum(world.job(job).rescues for job in jobs) == 0


def test_a_resume_is_done_though_nobody_can_be_brought_back() -> None:
    """The pause is over; the timer finds what it held."""
    world = World()
    pause, resume = PAUSES["queue"][0], RESUMES["queue"]
    job = world.submit()
    pause(world)
    world.work()
    with patch.object(MemoryQueue, "depth", refused):
        resume(world)
    world.pass_time(185)
    assert world.job(job).state is State.SUCCEEDED


def test_what_runs_goes_on_while_its_queue_is_paused() -> None:
    """A pause is for what has not begun."""
    world = World()

    def pausing(payload: Any, ctx: Any) -> Any:
        PAUSES["queue"][0](world)

    world.task("pausing", pausing)
    job, waiting = world.submit("pausing"), world.submit()
    world.work()
    assert world.job(job).state is State.SUCCEEDED
    world.clock.advance(3)
    late = world.submit()
    world.work()
    assert world.job(waiting).state is State.SUCCEEDED, "it was claimed in the same call"
    assert world.job(late).state is State.PENDING


def test_others_run_beside_what_is_paused() -> None:
    """A queue, a tenant and a type are held, and nobody else."""
    world = World()
    world.task("other", lambda payload, ctx: None)
    world.app.pauses.pause_queue("low", "why", "ops", None)
    world.app.pauses.pause_tenant("loud", None, "why", "ops", None)
    world.app.pauses.pause_tenant(TENANT, "ok", "why", "ops", None)
    free = [world.submit("other"), world.app.submit.one("third", JobRequest("ok", {})).job]
    held = [
        world.submit("other", queue="low"),
        world.app.submit.one("loud", JobRequest("other", {})).job,
        world.submit("ok"),
    ]
    world.work()
    assert all(world.runs(job) for job in free)
    assert not any(world.runs(job) for job in held)


def test_a_worker_learns_of_a_pause_and_of_its_end_within_two_seconds() -> None:
    """A warm process remembers what it read for no longer."""
    world = World()
    ran = world.submit()
    world.work()
    PAUSES["queue"][0](world)
    world.clock.advance(PAUSE_CACHE_MS / 1000)
    held = world.submit()
    world.work()
    PAUSES["queue"][1](world)
    world.clock.advance(PAUSE_CACHE_MS / 1000)
    free = world.submit()
    world.work()
    assert [len(world.runs(job)) for job in (ran, held, free)] == [1, 0, 1]


def test_a_dropped_message_is_deleted_and_one_of_an_unknown_pause_is_not() -> None:
    """The first burns no receive; the second must come again, as nobody looked after its job."""
    world = World()
    PAUSES["queue"][0](world)
    world.submit()
    [worked] = world.work()
    assert (worked.unsettled, worked.counts) == ([], {"paused": 1})
    world.submit()
    [message] = world.queues.receive("normal")
    app = world.build(store=Refusing(world.table, "get", refused))
    worked = app.work.handle([message], world.clock.now_ms() + 60_000)
    assert worked.unsettled == [message.id]


def test_the_check_is_one_read_of_three_items_a_batch_and_none_within_two_seconds() -> None:
    """docs/guide/queues.md: what it costs. Each further tenant is two items more, each further type one."""
    world = World()
    read: list[int] = []

    def get(keys: Any) -> Any:
        read.append(len(keys))
        return world.table.get(keys)

    calls: list[str] = []
    app = world.build(store=Counted(Refusing(world.table, "get", get), calls))
    for _ in range(20):
        world.submit()
    world.work(app)
    assert calls == ["get", "apply", "query", "apply", "apply", "apply"], "the tenant's subscriptions are read once"
    assert read == [3]
    for tenant in ("one", "two"):
        world.app.submit.one(tenant, JobRequest("ok", {}))
    world.work(app)
    assert read == [3, 4]
    world.clock.advance(2)
    world.submit()
    world.work(app)
    assert read == [3, 4, 3]


def test_a_paused_queue_costs_the_timer_nothing_and_its_cursors_stand_still() -> None:
    """What was not handed over is handed over from there after the resume."""
    world = World()
    world.tick()
    PAUSES["queue"][0](world)
    jobs = [world.submit(delay_s=140 + n) for n in range(20)]
    world.clock.advance(3600)
    calls: list[str] = []
    ticked = world.tick(world.build(Counted(world.table, calls), Counted(world.queues, calls)))
    assert (ticked.promoted, ticked.behind) == (0, [])
    # Each shard of the other four queues, of the schedules, and of what belongs to jobs; and the resumptions.
    assert calls.count("query_due") == (4 + 1 + 1) * SETTINGS.shards + 1
    assert set(calls) == {"get", "query_due"}
    PAUSES["queue"][1](world)
    assert world.tick().promoted == 20
    world.work()
    assert all(len(world.runs(job)) == 1 for job in jobs)


@pytest.mark.parametrize("scope", PAUSES)
@pytest.mark.parametrize("delay_s", [0, 290])
def test_a_resumed_queue_drains_in_due_order(scope: str, delay_s: int) -> None:
    """Dropped or not yet sent, of whatever shard: the oldest first, in one tick."""
    world = World()
    world.tick()
    PAUSES[scope][0](world)
    jobs: list[Job] = []
    for _ in range(30):
        jobs.append(world.submit(delay_s=delay_s))
        world.pass_time(10)
    world.pass_time(delay_s)
    PAUSES[scope][1](world)
    world.clock.advance(61)
    world.tick()
    world.work()
    ran = [job_id for job_id, _, _ in world.ran]
    assert ran == [job.id for job in jobs]


def test_what_a_tick_hands_over_itself_is_no_backlog_to_what_was_dropped() -> None:
    """After a pause both come back with the same tick, though the first of them fill the queue."""
    world = World()
    world.tick()
    PAUSES["queue"][0](world)
    for _ in range(150):
        world.submit(delay_s=140)
    world.clock.advance(140)
    dropped = [world.submit() for _ in range(5)]
    world.work()
    world.clock.advance(61)
    PAUSES["queue"][1](world)
    ticked = world.tick()
    assert (ticked.promoted, ticked.rescued) == (150, {"send": 5})
    world.clock.advance(PAUSE_CACHE_MS / 1000 + 1)
    world.work()
    assert all(len(world.runs(job)) == 1 for job in dropped)


def test_rescue_leaves_paused_jobs_alone_and_heals_what_stands_behind_them() -> None:
    """A thousand of them at the head of the due index hide nothing, and cost a write once and no message."""
    world = World()
    world.tick()
    PAUSES["tenant"][0](world)
    held = [world.submit() for _ in range(1000)]
    lost = world.app.submit.one("other", JobRequest("ok", {})).job
    world.queues.discard("normal")
    world.clock.advance(61)
    assert world.tick().rescued == {"send": 1}
    world.work()
    assert len(world.runs(lost)) == 1
    calls: list[str] = []
    world.clock.advance(60)
    world.tick(world.build(Counted(world.table, calls), Counted(world.queues, calls)))
    assert set(calls) == {"get", "query_due"}
    assert world.job(held[0]).rescues == 0
    PAUSES["tenant"][1](world)
    world.tick()
    # So long may workers take it for paused.
    world.clock.advance(PAUSE_CACHE_MS / 1000 + 1)
    world.work()
    assert all(len(world.runs(job)) == 1 for job in held)


@pytest.mark.parametrize("cancelled", [False, True])
def test_a_job_whose_worker_died_is_not_taken_over_in_a_pause_but_ends_if_it_must(cancelled: bool) -> None:
    """Nothing of it is claimed; a cancel needs no claim."""
    world = World()
    world.tick()
    job = world.submit()
    [message] = world.queues.receive("normal")
    dying = Counted(world.table, [], kill_at=2)
    with pytest.raises(KilledError):
        world.build(store=dying).work.handle([message], world.clock.now_ms() + 60_000)
    assert world.job(job).state is State.RUNNING
    if cancelled:
        world.app.control.cancel(TENANT, job.id)
    PAUSES["tenant"][0](world)
    world.pass_time(1000, step_s=20)
    assert world.job(job).state is (State.CANCELLED if cancelled else State.RUNNING)
    assert world.job(job).claims == 1


def test_a_pause_that_expires_needs_no_resume() -> None:
    """Nobody stays up for it."""
    world = World()
    world.app.pauses.pause_queue("normal", "why", "ops", world.clock.now_ms() + 90_000)
    job = world.submit(delay_s=20)
    world.pass_time(89)
    assert world.runs(job) == []
    world.pass_time(130)
    assert len(world.runs(job)) == 1


def test_to_resume_what_is_over_writes_nothing() -> None:
    """Its end is what it was."""
    world = World()
    world.app.pauses.pause_queue("normal", "why", "ops", world.clock.now_ms() + 1000)
    before = world.table.items()
    assert all(None not in item.values() for item in before.values())
    world.clock.advance(2)
    PAUSES["queue"][1](world)
    PAUSES["type"][1](world)
    assert world.table.items() == before
    PAUSES["tenant"][0](world)
    assert all(None not in item.values() for item in world.table.items().values())


def test_explain_says_which_pause_and_why() -> None:
    """Of a job that waits, or whose worker died; what runs is not held."""
    world = World()
    due, later = world.submit(), world.submit(delay_s=500)
    assert world.app.explainer.explain(TENANT, due.id).reasons[0].code == "queued"
    world.app.pauses.pause_tenant(TENANT, None, "the bank is shut", "ops@acme", None)
    for job in (due, later):
        reason = world.app.explainer.explain(TENANT, job.id).reasons[0]
        assert reason.code == "paused"
        assert "ops@acme" in reason.text
        assert "the bank is shut" in reason.text
        assert reason.facts["paused_at"] == world.clock.now_ms()
    world.app.resume.tenant(TENANT, None)
    world.work()
    assert [reason.code for reason in world.app.explainer.explain(TENANT, due.id).reasons] == ["finished"]


def test_to_pause_again_changes_reason_and_end_and_keeps_the_beginning() -> None:
    """One pause, from whoever paused first on."""
    world = World()
    first = world.app.pauses.pause_queue("low", "first", "a", None)
    world.clock.advance(50)
    until = world.clock.now_ms() + 60_000
    second = world.app.pauses.pause_queue("low", "second", "b" * 500, until)
    assert (second.reason, second.since, second.until) == ("second", first.since, until)
    assert len(second.by.encode()) <= PAUSE_BY_BYTES
    assert world.app.pauses.of_queues() == {"low": second}
    third = world.app.pauses.pause_queue("low", "third", "c", None)
    assert world.app.pauses.of_queues()["low"].until is None
    world.clock.advance(61)
    assert world.app.pauses.of_queues() == {"low": third}
    world.app.resume.queue("low")
    world.app.resume.queue("low")
    assert world.app.pauses.of_queues() == {}
    world.clock.advance(5)
    assert world.app.pauses.pause_queue("low", "again", "d", None).since == world.clock.now_ms()


def test_what_cannot_be_paused_is_refused() -> None:
    """With what is wrong about it."""
    pauses = World().app.pauses
    with pytest.raises(QueueNotFoundError):
        pauses.pause_queue("nothing", "why", "ops", None)
    with pytest.raises(QueueNotFoundError):
        World().app.resume.queue("nothing")
    with pytest.raises(UnknownTaskError):
        pauses.pause_tenant(TENANT, "nothing", "why", "ops", None)
    with pytest.raises(InvalidRequestError, match="future"):
        pauses.pause_queue("low", "why", "ops", 1)


def test_two_who_pause_at_once_are_one_after_the_other() -> None:
    """No write is lost: whoever comes second reads again."""
    world = World()
    world.app.pauses.pause_queue("low", "before", "a", None)

    class Overlapping:
        meanwhile = 0

        def __getattr__(self, name: str) -> Any:
            if name == "apply" and self.meanwhile:
                self.meanwhile -= 1
                world.app.pauses.pause_queue("low", f"meanwhile {self.meanwhile}", "b", None)
            return getattr(world.table, name)

    store = Overlapping()
    app = world.build(store=store)
    store.meanwhile = 2
    app.pauses.pause_queue("low", "mine", "a", None)
    assert world.app.pauses.of_queues()["low"].reason == "mine"
    store.meanwhile = 99
    with pytest.raises(StateConflictError):
        app.resume.queue("low")
    assert "low" in world.app.pauses.of_queues()


def test_who_pauses_while_somebody_resumes_begins_anew() -> None:
    """The pause that it saw has ended: the new one has not lasted since then."""
    world = World()
    world.app.pauses.pause_queue("low", "before", "a", None)
    world.clock.advance(50)
    real = world.table.apply

    def apply(writes: Any) -> Any:
        world.app.resume.queue("low")
        return real(writes)

    app = world.build(store=Refusing(world.table, "apply", apply))
    assert app.pauses.pause_queue("low", "after", "b", None).since == world.clock.now_ms()
    assert world.app.pauses.of_queues()["low"].since == world.clock.now_ms()


def test_a_change_that_nobody_answers_is_unavailable() -> None:
    """The caller must know that it does not know."""
    world = World()
    store = Refusing(world.table, "apply", lambda writes: [WriteResult(WriteStatus.UNAVAILABLE)] * len(writes))
    with pytest.raises(UnavailableError):
        world.build(store=store).pauses.pause_queue("low", "why", "ops", None)


def test_pauses_of_a_tenant_are_its_own() -> None:
    """Of the whole tenant and of its types; over ones are not shown."""
    world = World()
    world.app.pauses.pause_tenant(TENANT, None, "all", "ops", None)
    world.app.pauses.pause_tenant(TENANT, "ok", "some", "ops", None)
    world.app.pauses.pause_tenant("other", "bad", "theirs", "ops", None)
    assert [(task, pause.reason) for task, pause in world.app.pauses.of_tenant(TENANT)] == [
        (None, "all"),
        ("ok", "some"),
    ]
    world.app.resume.tenant(TENANT, None)
    assert [task for task, _ in world.app.pauses.of_tenant(TENANT)] == ["ok"]


def test_the_keys_of_pauses_do_not_meet() -> None:
    """A type of one tenant is nothing to another, whatever they are called."""
    world = World()
    item, two = world.submit(), world.app.submit.one("type", JobRequest("ok", {}, queue="low")).job
    assert not set(pauses_of(item)) & set(pauses_of(two))
