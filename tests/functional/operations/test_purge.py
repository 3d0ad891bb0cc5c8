"""What a job needs lives as long as the job, and no longer: histories that were seen to go wrong."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from tests.builders.ageing import BIG, DAY_S, HOUR_S, HUGE, Ageing
from tests.builders.dependencies import after
from tests.builders.faults import Counted
from tests.builders.workflows import flow, node, parts, start
from tests.builders.world import TENANT, World
from whendue.engine.ports import Item, WriteResult
from whendue.errors import JobNotFoundError, StateConflictError
from whendue.jobs.lifetime import next_check
from whendue.jobs.model import Job, State, as_value, evolve
from whendue.jobs.transition import archive
from whendue.quotas import ERASE_CALL_S
from whendue.submission.request import JobRequest
from whendue.table.keys import job_key
from whendue.table.writes import REMOVE, Write, delete

MONTHS_S = 100 * DAY_S


def last_error(world: World, job: Job) -> str | None:
    """Say why a job failed last."""
    last = world.job(job).last
    return last.type if last else None


@pytest.mark.parametrize("payload", [BIG, HUGE], ids=["item", "bucket"])
def test_a_dependent_with_a_delay_of_100_days_has_its_payload(payload: dict[str, str]) -> None:
    """It went on day 67."""
    world = Ageing()
    dependency = JobRequest("ok", {}, ref="p")
    dependent = JobRequest("ok", payload, delay_s=MONTHS_S, depends_on=after("p"))
    [_, second] = [end.job for end in world.app.submit.many(TENANT, [dependency, dependent])]  # type: ignore[union-attr]
    world.work()
    world.age(MONTHS_S + DAY_S)
    assert (world.job(second).state, last_error(world, second)) == (State.SUCCEEDED, None)


def test_a_job_that_waits_for_a_dependency_due_on_day_100_has_its_payload() -> None:
    """And the edge by which it is released."""
    world = Ageing()
    dependency = world.submit(delay_s=MONTHS_S)
    dependent = world.submit(payload=BIG, depends_on=after(dependency))
    world.age(MONTHS_S + DAY_S)
    assert (world.job(dependent).state, last_error(world, dependent)) == (State.SUCCEEDED, None)


def test_a_workflow_of_more_than_67_days_has_its_graph() -> None:
    """And its first node, which ended long before its last."""
    world = Ageing()
    slow = replace(node("b", "ok", {}, "a"), request=JobRequest("ok", BIG, delay_s=70 * DAY_S))
    whole = start(world, flow(node("a", "ok", BIG), slow))
    world.work()
    world.age(71 * DAY_S)
    assert (world.job(whole).state, last_error(world, whole)) == (State.SUCCEEDED, None)


def test_a_pause_of_68_days_costs_no_payload() -> None:
    """The timer leaves a paused queue alone."""
    world = Ageing()
    job = world.submit(payload=BIG)
    world.app.pauses.pause_queue("normal", "why", "ops", None)
    world.age(68 * DAY_S)
    assert world.job(job).state is State.PENDING
    world.app.pauses.resume_queue("normal")
    world.age(DAY_S)
    assert (world.job(job).state, last_error(world, job)) == (State.SUCCEEDED, None)


def test_50_attempts_with_long_backoff_and_a_short_retention_have_their_payload_and_are_all_shown() -> None:
    """They take 49 days; attempts vanished from live jobs."""
    world = Ageing()
    policy = {"max_attempts": 50, "base_s": DAY_S, "factor": 1, "cap_s": DAY_S, "jitter": "none", "retention_s": 60}
    job = world.submit("flaky", BIG | {"fails": True}, policy=policy)
    world.work()
    world.age(40 * DAY_S)
    view = world.view(job)
    assert [attempt.attempt for attempt in view.attempts] == list(range(1, view.job.failures + 1))
    assert view.job.failures > 30
    assert {attempt.type for attempt in view.attempts} == {"RuntimeError"}


def test_nodes_eight_days_apart_make_a_workflow_that_succeeds() -> None:
    """Two successful nodes, and the workflow was `dead`: "did not succeed"."""
    world = Ageing()
    second = replace(node("b", "ok", {}, "a"), request=JobRequest("ok", {}, delay_s=8 * DAY_S))
    whole = start(world, flow(node("a"), second))
    world.work()
    world.age(9 * DAY_S)
    assert world.job(whole).state is State.SUCCEEDED


def test_a_workflow_is_retried_after_months_without_running_a_successful_node_again() -> None:
    """`pay` ran twice, or the claim raised KeyError."""
    world = Ageing()
    policy = {"max_attempts": 1, "retention_s": 60}
    whole = start(world, flow(node("pay", policy=policy), node("b", "bad", {}, "pay", policy=policy), node("c")))
    world.work()
    assert world.job(whole).state is State.DEAD
    world.age(6 * DAY_S)
    world.task("bad", lambda payload, ctx: None)
    world.app.workflows.retry(TENANT, whole.id)
    world.age(DAY_S)
    assert world.job(whole).state is State.SUCCEEDED
    pay = parts(world, whole, 3)[0]
    assert len(world.runs(pay)) == 1


def test_a_reference_to_a_dependency_that_ended_8_days_before_is_resolved() -> None:
    """The dependency's own retention was over; it is kept as long as somebody who depends on it is live."""
    world = Ageing()
    dependency = world.submit(payload={"n": 7}, policy={"retention_s": 60})
    seen: list[Any] = []
    world.task("see", lambda payload, ctx: seen.append(payload.model_dump()))
    dependent = world.submit(
        "see", {"x": {"$from": dependency.id, "path": "n"}}, delay_s=8 * DAY_S, depends_on=after(dependency)
    )
    world.work()
    world.age(9 * DAY_S)
    assert world.job(dependent).state is State.SUCCEEDED
    assert seen == [{"x": 7}]
    world.age(30 * DAY_S)
    assert world.left() == []


def test_once_holds_however_far_a_job_is_rescheduled_and_however_often_it_is_redriven() -> None:
    """It said yes twice once its mark had expired; `check` counts."""
    world = Ageing()
    job = world.submit("flaky", {"fails": True}, policy={"max_attempts": 2, "base_s": HOUR_S, "jitter": "none"})
    world.work()
    world.app.control.reschedule(TENANT, job.id, world.clock.now_ms() + MONTHS_S * 1000, None)
    world.age(MONTHS_S + DAY_S)
    for _ in range(14):
        world.app.control.redrive(TENANT, job.id)
        world.age(6 * DAY_S)
    assert sum(world.said_yes.values()) == 1


@pytest.mark.parametrize("late_s", [0, 3 * DAY_S])
@pytest.mark.parametrize("payload", [BIG, HUGE], ids=["item", "bucket"])
def test_an_earlier_life_under_a_reused_key_never_stands_in(payload: dict[str, str], late_s: int) -> None:
    """Its `once("mail")` was refused from the first attempt; its payload kept the old expiry."""
    world = Ageing(late_s)
    first = world.submit("mail", payload, idempotency_key="k", policy={"retention_s": 60})
    world.work()
    # Gone, while what belonged to it has not been looked at yet.
    world.table.apply([delete("ttl", first.key)])
    world.clock.advance(1)
    second = world.submit("mail", payload, idempotency_key="k", policy={"retention_s": 60}, delay_s=90 * DAY_S)
    assert second.id == first.id
    world.age(91 * DAY_S)
    assert set(world.said_yes.values()) == {1}
    assert len(world.said_yes) == 2
    world.age(10 * DAY_S)
    assert world.left() == []


def test_a_reused_key_of_a_workflow_takes_no_member_of_the_earlier_one() -> None:
    """They had succeeded."""
    world = Ageing()
    request = flow(node("a"), node("b", "ok", {}, "a"), idempotency_key="k", policy={"retention_s": 60})
    whole = start(world, request)
    world.work()
    world.table.apply([delete("ttl", job_key(whole.id))])
    world.clock.advance(1)
    again = start(world, request)
    world.work()
    assert (again.id, world.job(again).state) == (whole.id, State.SUCCEEDED)
    assert len(world.ran) == 4


# --- retention means retention -----------------------------------------------------------------------------------


def everything(world: Ageing) -> list[Job]:
    """Make one of each kind of belonging."""
    policy = {"retention_s": HOUR_S}
    jobs = [world.submit("mail", payload, policy=policy) for payload in (BIG, HUGE)]
    world.task("large", lambda payload, ctx: HUGE)
    jobs.append(world.submit("large", policy=policy))
    jobs.append(world.submit("bad", policy=policy | {"max_attempts": 3, "base_s": 1}))
    jobs.append(start(world, flow(node("a", "ok", BIG), node("b", "large", {}, "a"), policy=policy)))
    jobs.append(world.submit(payload=BIG, policy=policy, depends_on=after(jobs[0])))
    world.pass_time(300, step_s=10)
    assert all(world.job(job).terminal for job in jobs)
    return jobs


@pytest.mark.parametrize("late_s", [-5, 0, 4 * DAY_S], ids=["early", "on time", "late"])
def test_after_all_retentions_nothing_is_left(late_s: int) -> None:
    """60 and 500 days of leftovers."""
    world = Ageing(late_s)
    everything(world)
    world.age(8 * DAY_S + max(late_s, 0))
    assert world.left() == []


def test_a_job_that_is_erased_leaves_nothing() -> None:
    """At once, in table and bucket, members and edges included."""
    world = Ageing()
    jobs = everything(world)
    for job in jobs:
        world.app.erasing.erase(TENANT, job.id)
        with pytest.raises(JobNotFoundError):
            world.job(job)
    assert world.left() == []


def test_only_finished_jobs_of_ones_own_are_erased() -> None:
    """One that is live is cancelled first; a member goes with its composite."""
    world = Ageing()
    live = world.submit(delay_s=60)
    whole = start(world, flow(node("a")))
    world.work()
    [member] = parts(world, whole, 1)
    for job in (live, member):
        with pytest.raises(StateConflictError):
            world.app.erasing.erase(TENANT, job.id)
    for tenant, job_id in (("other", whole.id), (TENANT, "0" * 36), (TENANT, "x")):
        with pytest.raises(JobNotFoundError):
            world.app.erasing.erase(tenant, job_id)
    assert not world.job(whole).pending_fan_out


def test_a_job_whose_retention_is_over_is_absent_however_late_ttl_is() -> None:
    """For whoever depends on it, too."""
    world = Ageing(late_s=30 * DAY_S)
    job = world.submit(policy={"retention_s": 60})
    world.work()
    world.age(DAY_S)
    [item] = world.table.get([job.key])
    assert item is not None
    with pytest.raises(JobNotFoundError):
        world.job(job)


def test_a_new_job_under_the_key_of_one_that_is_being_erased_keeps_what_it_has() -> None:
    """The key is free as soon as the old job's item has gone; the rest of it goes after that."""
    world = Ageing()
    world.task("echo", lambda payload, ctx: payload.model_dump())
    policy = {"retention_s": 60}
    wanted = JobRequest("echo", BIG, idempotency_key="k", policy=policy)
    made = [world.app.submit.one(TENANT, wanted).job]
    world.work()

    class Meanwhile(Counted):
        """The same key is used again, and its job runs, just then."""

        def apply(self, writes: Sequence[Write]) -> list[WriteResult]:
            results = world.table.apply(writes)
            if [write.key for write in writes] == [made[0].key]:
                world.clock.advance(1)
                made.append(world.app.submit.one(TENANT, wanted).job)
                world.submit(depends_on=after(made[1]), delay_s=600, policy=policy)
                world.work()
            return results

    world.build(Meanwhile(world.table, [])).erasing.erase(TENANT, made[0].id)
    world.check()
    view = world.view(made[1])
    assert (view.job.state, view.job.created_at, view.payload, view.result) == (
        State.SUCCEEDED,
        made[1].created_at,
        BIG,
        BIG,
    )
    world.age(5 * DAY_S)
    assert world.left() == []


# --- members that are live when their composite has gone, and many of them ------------------------------------------


def lost(world: World, job: Job) -> None:
    """End a composite whose worker was lost too often, as it had made its members."""
    gone = dict.fromkeys(("pending_fan_out", "unmet_dependencies", "parts"), REMOVE)
    ended = archive(job, State.DEAD, world.clock.now_ms(), job.last)
    world.table.apply([Write("lost", job.key, [], {name: as_value(value) for name, value in ended.items()} | gone)])
    world.table.apply([Write("lost", job.key, [], {"state": "dead"})])


@pytest.mark.parametrize("levels", [1, 2])
@pytest.mark.parametrize("asked", [True, False], ids=["erased", "expired"])
def test_members_that_are_live_when_their_composite_goes_are_erased_once_they_have_ended(
    asked: bool, levels: int
) -> None:
    """Nobody would find them again: they carry no expiry. An item may be two levels down."""
    world = Ageing()
    world.task("fetch", lambda payload, ctx: [1, 2])
    slow = {"max_attempts": 12, "base_s": DAY_S, "factor": 1, "cap_s": DAY_S, "jitter": "none", "retention_s": 60}
    each = {} if levels == 1 else {"for_each": {"$from": "fetch"}}
    whole = start(world, flow(node("fetch", "fetch"), node("each", "bad", BIG, "fetch", policy=slow, **each)))
    world.work()
    for composite in [world.job(whole), *parts(world, whole, 2)[1:levels]]:
        lost(world, composite)
    if asked:
        world.app.erasing.erase(TENANT, whole.id)
    world.age(9 * DAY_S)
    assert [job.state for job in world.all_jobs() if job.type == "bad"] == [State.PENDING] * levels
    world.age(40 * DAY_S)
    assert world.left() == []


@pytest.mark.thorough
def test_erasing_a_composite_of_a_thousand_stops_in_time_and_the_timer_goes_on() -> None:
    """A request has seconds; so has a tick, which has other things to do."""
    world = Ageing()
    numbers = list(range(1000))
    world.task("fetch", lambda payload, ctx: numbers)
    whole = start(world, flow(node("fetch", "fetch"), node("each", "ok", {}, "fetch", for_each={"$from": "fetch"})))
    world.work()
    world.pass_time(300, step_s=10)
    assert world.job(whole).state is State.SUCCEEDED

    class Slow(Counted):
        """Each call takes 10 ms."""

        def __getattr__(self, name: str) -> Any:
            world.clock.advance(0.01)
            return super().__getattr__(name)

    app = world.build(Slow(world.table, []))
    began_ms = world.clock.now_ms()
    app.erasing.erase(TENANT, whole.id)
    assert world.clock.now_ms() - began_ms <= 1000 * (ERASE_CALL_S + 1)
    with pytest.raises(JobNotFoundError):
        world.job(whole)
    for _ in range(20):
        deadline_ms = world.clock.now_ms() + 5000
        app.tick.run(deadline_ms)
        assert world.clock.now_ms() <= deadline_ms + 1000
    assert world.left() == []


# --- bounded reads -------------------------------------------------------------------------------------------------


@pytest.mark.thorough
def test_reading_a_job_with_20000_once_marks_reads_none_of_them() -> None:
    """It read 2.3 MB."""
    world = World()

    def many(payload: Any, ctx: Any) -> None:
        for number in range(20_000):
            ctx.once(f"mail {number}")
        raise RuntimeError("not yet")

    world.task("many", many)
    job = world.submit("many", policy={"max_attempts": 2, "base_s": 1, "jitter": "none"})
    world.pass_time(5)
    assert len([key for key in world.table.items() if key.sk.startswith("once#")]) == 20_000
    read: list[Item | None] = []

    class Noted(Counted):
        """Keeps what is read."""

        def __getattr__(self, name: str) -> Any:
            function = super().__getattr__(name)
            return lambda *arguments, **options: _noted(read, function(*arguments, **options))

    view = world.build(Noted(world.table, [])).query.get(TENANT, job.id)
    assert [attempt.attempt for attempt in view.attempts] == [1, 2]
    assert len(read) < 5


def _noted(read: list[Item | None], items: list[Item | None]) -> list[Item | None]:
    read += items
    return items


def test_a_node_is_gone_with_its_workflow_however_late_the_timer_looks() -> None:
    """It has no expiry of its own; an item of a forEach inside goes with the outermost one."""
    world = Ageing()
    world.task("fetch", lambda payload, ctx: [1, 2])
    whole = start(world, flow(node("fetch", "fetch"), node("each", "ok", {}, "fetch", for_each={"$from": "fetch"})))
    world.pass_time(300, step_s=10)
    ended = world.job(whole)
    assert (ended.state, ended.expires_at is None) == (State.SUCCEEDED, False)
    members = [job for job in world.all_jobs() if job.parent_id is not None]
    assert len(members) == 4
    assert all(world.job(member).state is State.SUCCEEDED for member in members)
    world.clock.advance(((ended.expires_at or 0) + 1) - world.clock.now_ms() / 1000)
    assert len([job for job in world.all_jobs() if job.parent_id is not None]) == 4, "still in the table"
    for job in (whole, *members):
        with pytest.raises(JobNotFoundError):
            world.job(job)


@pytest.mark.parametrize("holds_payload", [False, True])
def test_what_belongs_to_a_finished_job_is_looked_at_as_soon_as_its_retention_is_over(*, holds_payload: bool) -> None:
    """Not at growing intervals, as what belongs to a live one: retention means retention."""
    world = World()
    now_ms = world.clock.now_ms()
    expires_at = now_ms // 1000 + 30 * DAY_S
    job = evolve(world.submit(), state=State.SUCCEEDED, expires_at=expires_at)
    assert next_check(job, now_ms, holds_payload=holds_payload) == 1000 * (expires_at + 1)
