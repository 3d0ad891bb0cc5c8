"""Jobs that wait for others: released once, after all their dependencies, and never lost (G7)."""

import json
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from tests.builders.dependencies import after, cause, many, states
from tests.builders.faults import Counted, KilledError, Refusing
from tests.builders.world import IDS, TENANT, World
from whendue.bootstrap.application import App
from whendue.engine.ports import WriteResult, WriteStatus
from whendue.errors import (
    IdempotencyConflictError,
    InvalidReferenceError,
    StateConflictError,
    UnknownDependencyError,
    WhendueError,
)
from whendue.jobs.model import State
from whendue.submission.request import Dependency, JobRequest
from whendue.submission.submit import Submitted
from whendue.table.keys import MIGRATION_KEY, dependencies_key, job_key
from whendue.table.writes import Write


def test_a_job_runs_when_its_dependency_has_succeeded_and_not_before() -> None:
    """At once: nobody has to tick."""
    world = World()
    dependency = world.submit(delay_s=30)
    dependent = world.submit(depends_on=after(dependency))
    assert dependent.state is State.WAITING
    world.clock.advance(31)
    world.work()
    assert states(world, dependency, dependent) == ["succeeded", "succeeded"]
    assert [job_id for job_id, _, _ in world.ran] == [dependency.id, dependent.id]


def test_a_job_whose_dependencies_have_ended_already_runs_at_once() -> None:
    """Nobody is left to tell it."""
    world = World()
    dependency = world.submit()
    world.work()
    dependent = world.submit(depends_on=after(dependency))
    world.work()
    assert states(world, dependent) == ["succeeded"]


def test_a_diamond_of_one_request_runs_in_order() -> None:
    """The join waits for both."""
    world = World()
    jobs = many(
        world,
        JobRequest("ok", {}, ref="top"),
        JobRequest("ok", {}, ref="left", depends_on=after("top")),
        JobRequest("ok", {}, ref="right", depends_on=after("top")),
        JobRequest("ok", {}, depends_on=after("left", "right")),
    )
    world.work()
    assert states(world, *jobs) == ["succeeded"] * 4
    ran = [job_id for job_id, _, _ in world.ran]
    assert (ran[0], ran[3], sorted(ran)) == (jobs[0].id, jobs[3].id, sorted(job.id for job in jobs))


@pytest.mark.parametrize(
    ("policy", "state", "why"), [("cancel", "cancelled", "dependency_failed"), ("run", "succeeded", None)]
)
def test_a_failed_dependency_does_what_the_policy_says(policy: Any, state: str, why: str | None) -> None:
    """Cancel is what happens where nothing is said."""
    world = World()
    dependency = world.submit("bad", policy={"max_attempts": 1})
    dependent = world.submit(depends_on=after(dependency), on_dependency_failure=policy)
    world.work()
    assert states(world, dependency, dependent) == ["dead", state]
    assert cause(world, dependent) == why


def test_a_held_job_waits_until_its_dependency_has_been_redriven_and_succeeded() -> None:
    """It is seen waiting meanwhile, and no timer gives up on it."""
    world = World()
    world.fails_first("second")
    dependency = world.submit("second", policy={"max_attempts": 1})
    dependent = world.submit(depends_on=after(dependency), on_dependency_failure="hold")
    world.pass_time(400)
    assert states(world, dependency, dependent) == ["dead", "waiting"]
    world.app.control.redrive(TENANT, dependency.id)
    world.work()
    assert states(world, dependency, dependent) == ["succeeded", "succeeded"]


def test_a_failure_runs_who_waits_for_one_and_bypasses_the_others() -> None:
    """And whoever waits for the branch that is not taken is not taken either, but for those who wait for any end."""
    world = World()
    dependency = world.submit()
    cleanup = world.submit(depends_on=after(dependency, on="failure"))
    beyond = world.submit(depends_on=after(cleanup))
    joined = world.submit(depends_on=after(cleanup, on="done"))
    world.work()
    assert states(world, cleanup, beyond, joined) == ["cancelled", "cancelled", "succeeded"]
    assert [cause(world, job) for job in (cleanup, beyond)] == ["branch_not_taken"] * 2


def test_a_long_chain_of_dependents_is_cancelled_in_one_go() -> None:
    """Each one's end is told in turn; nobody waits for a timer."""
    world = World()
    first = world.submit("bad", policy={"max_attempts": 1})
    jobs = [first]
    for _ in range(40):
        jobs.append(world.submit(depends_on=after(jobs[-1])))
    world.work()
    assert states(world, *jobs) == ["dead", *["cancelled"] * 40]


def test_a_job_with_a_thousand_dependents_releases_them_all() -> None:
    """In pieces; those that are left when the time is over are told at its alarm."""
    world = World()
    dependency = world.submit(delay_s=5)
    dependents = [
        job for _ in range(10) for job in many(world, *[JobRequest("ok", {}, depends_on=after(dependency))] * 100)
    ]
    world.pass_time(300)
    assert {world.job(dependent).state for dependent in dependents} == {State.SUCCEEDED}
    assert len(world.ran) == 1001
    assert world.job(dependency).pending_fan_out is None


def test_a_dependent_waits_for_its_own_time_after_its_dependencies() -> None:
    """`delaySeconds` counts from the last dependency's end."""
    world = World()
    dependency = world.submit()
    dependent = world.submit(depends_on=after(dependency), delay_s=40)
    world.work()
    assert states(world, dependent) == ["pending"]
    world.pass_time(45)
    [began] = world.runs(dependent)
    assert began >= world.runs(dependency)[0] + 40_000


@pytest.mark.parametrize("dependency", ["00000000-0000-7000-8000-000000000000", "no id at all"])
def test_an_unknown_dependency_is_refused(dependency: str) -> None:
    """Before anything is written."""
    world = World()
    with pytest.raises(UnknownDependencyError):
        world.app.submit.one(TENANT, JobRequest("ok", {}, depends_on=(Dependency(job=dependency),)))
    assert world.table.items().keys() == {MIGRATION_KEY}


def test_another_tenants_job_is_as_unknown_as_none() -> None:
    """Ids of others say nothing."""
    world = World()
    theirs = world.app.submit.one("other", JobRequest("ok", {})).job
    with pytest.raises(UnknownDependencyError):
        world.submit(depends_on=after(theirs))


def test_a_ref_to_a_later_or_a_refused_request_is_refused() -> None:
    """The others of the batch are accepted: each is judged on its own."""
    world = World()
    results = world.app.submit.many(
        TENANT,
        [
            JobRequest("ok", {}, depends_on=after("late")),
            JobRequest("ok", {}, ref="late"),
            JobRequest("nothing", {}, ref="refused"),
            JobRequest("ok", {}, depends_on=after("refused")),
        ],
    )
    assert [end.code if isinstance(end, WhendueError) else "accepted" for end in results] == [
        "unknown_dependency",
        "accepted",
        "unknown_task",
        "unknown_dependency",
    ]


def test_a_result_is_passed_on() -> None:
    """The task gets what its payload refers to, in its place."""
    world = World()
    world.task("fetch", lambda payload, ctx: {"items": [{"url": "https://example.com"}]})
    jobs = many(
        world,
        JobRequest("fetch", {}, ref="fetch"),
        JobRequest("ok", {"url": {"$from": "fetch", "path": "items[0].url"}, "plain": 1}, depends_on=after("fetch")),
    )
    world.work()
    assert world.view(jobs[1]).result == {"url": "https://example.com", "plain": 1, "attempt": 1}


@pytest.mark.parametrize("size", [1000, 300_000])
def test_a_large_result_is_passed_on(size: int) -> None:
    """Also from an item of its own, and from S3."""
    world = World()
    world.task("fetch", lambda payload, ctx: "x" * size)
    world.task("measure", lambda payload, ctx: len(payload.text))
    jobs = many(
        world,
        JobRequest("fetch", {}, ref="fetch"),
        JobRequest("measure", {"text": {"$from": "fetch"}}, depends_on=after("fetch")),
    )
    world.work()
    assert world.view(jobs[1]).result == size


def test_a_reference_that_gives_nothing_ends_the_job_dead() -> None:
    """No attempt can mend it; the error names the reference."""
    world = World()
    jobs = many(
        world,
        JobRequest("ok", {}, ref="fetch"),
        JobRequest("ok", {"url": {"$from": "fetch", "path": "items[0].url"}}, depends_on=after("fetch")),
    )
    world.work()
    assert states(world, *jobs) == ["succeeded", "dead"]
    assert cause(world, jobs[1]) == "bad_reference"
    assert world.job(jobs[1]).failures == 1


def test_a_reference_to_no_dependency_is_refused() -> None:
    """It never could be resolved."""
    world = World()
    dependency = world.submit()
    with pytest.raises(InvalidReferenceError):
        world.submit(payload={"x": {"$from": "nobody"}}, depends_on=after(dependency))


def test_a_waiting_job_is_cancelled_and_its_dependents_with_it() -> None:
    """At once: nobody has claimed it."""
    world = World()
    dependency = world.submit(delay_s=100)
    dependent = world.submit(depends_on=after(dependency))
    grandchild = world.submit(depends_on=after(dependent))
    assert world.app.control.cancel(TENANT, dependent.id).state is State.CANCELLED
    assert states(world, grandchild) == ["cancelled"]
    world.pass_time(150)
    assert [job_id for job_id, _, _ in world.ran] == [dependency.id]


def test_a_waiting_job_has_no_time_to_be_changed() -> None:
    """It is due when its dependencies say so."""
    world = World()
    dependent = world.submit(depends_on=after(world.submit(delay_s=100)))
    with pytest.raises(StateConflictError):
        world.app.control.reschedule(TENANT, dependent.id, world.clock.now_ms() + 1000, None)


@pytest.mark.parametrize("first", [0, 1])
def test_a_request_that_is_refused_changes_no_dependencies(first: int) -> None:
    """Its key was used for another request; its own dependencies end first, or last."""
    world = World()
    dependencies = [world.submit(delay_s=10), world.submit(delay_s=60)]
    mine, other = dependencies[first], dependencies[1 - first]
    dependent = world.submit("ok", {"x": {"$from": mine.id}}, depends_on=after(mine), idempotency_key="k")
    ended = world.submit()
    world.work()
    for links in (after(other), after(other, mine), after(ended), after(mine, on="failure")):
        with pytest.raises(IdempotencyConflictError):
            world.submit(depends_on=links, idempotency_key="k")
    world.clock.advance(11)
    world.work()
    assert states(world, dependent) == ["succeeded" if first == 0 else "waiting"]
    world.clock.advance(60)
    world.work()
    assert states(world, dependent) == ["succeeded"]
    assert world.view(dependent).result["x"] == {"attempt": 1}


def test_the_same_key_is_the_same_waiting_job() -> None:
    """G2 holds for jobs that wait, too."""
    world = World()
    dependency = world.submit(delay_s=10)
    request = JobRequest("ok", {}, depends_on=after(dependency), idempotency_key="k")
    first, again = (world.app.submit.one(TENANT, request) for _ in range(2))
    assert (again.job.id, again.created) == (first.job.id, False)
    world.pass_time(15)
    assert len(world.runs(first.job)) == 1


# --- crashes -----------------------------------------------------------------------------------------------------


def _family(app: App) -> None:
    """Submit a dependency, and a batch of two that wait for it, one of them for the other, too."""
    dependency = app.submit.one(TENANT, JobRequest("ok", {}, idempotency_key="dependency")).job
    app.submit.many(
        TENANT,
        [
            JobRequest("ok", {}, ref="left", depends_on=after(dependency), idempotency_key="left"),
            JobRequest("ok", {}, depends_on=(*after("left"), *after(dependency)), idempotency_key="right"),
        ],
    )


def _calls(play: Callable[[World, App], object]) -> int:
    """Count the calls of an undisturbed run."""
    world, calls = World(), list[str]()
    play(world, world.build(Counted(world.table, calls), Counted(world.queues, calls)))
    return len(calls)


def _submitted(world: World, app: App) -> None:
    _family(app)


def _worked(world: World, app: App) -> None:
    _family(world.app)
    world.work(app)


def _dies(world: World, play: Callable[[World, App], object], number: int, *, late: bool) -> None:
    """Play until the process is killed at a call."""
    calls = list[str]()
    ports = [Counted(port, calls, number, after=late) for port in (world.table, world.queues)]
    with pytest.raises(KilledError):
        play(world, world.build(*ports))


def _all_have_run_in_order(world: World) -> None:
    """Each job has succeeded, none has run before its dependencies had, and nobody owes news."""
    items = world.table.items()
    jobs = [item for key, item in items.items() if key.sk == "job"]
    assert [item["state"] for item in jobs] == ["succeeded"] * 3
    assert not any("pending_fan_out" in item for item in jobs)
    finished = {item["pk"]: item["finished_at"] for item in jobs}
    for job_id, _, at in world.ran:
        dependencies = items.get(dependencies_key(job_id, items[job_key(job_id)]["request_hash"]))
        assert all(
            finished[job_key(item).pk] <= at
            for item, *_ in json.loads(dependencies["dependencies"] if dependencies else "[]")
        )


@pytest.mark.parametrize("late", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("number", range(_calls(_submitted)))
def test_a_submit_that_dies_at_any_call_loses_nobody(number: int, late: bool) -> None:
    """The client asks again; what was half written is finished."""
    world = World()
    _dies(world, _submitted, number, late=late)
    _family(world.app)
    world.pass_time(900)
    _all_have_run_in_order(world)
    assert len(world.ran) == 3


@pytest.mark.parametrize("late", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("number", range(_calls(_worked)))
def test_a_worker_that_dies_at_any_call_of_complete_or_release_loses_nobody(number: int, late: bool) -> None:
    """No dependent is lost, none comes early, none runs twice but after a lease that expired."""
    world = World()
    _dies(world, _worked, number, late=late)
    world.pass_time(900)
    _all_have_run_in_order(world)


def test_a_job_with_a_pending_failed_attempt_can_be_cancelled() -> None:
    """Found in random world 113644: it stood among the finished, and owed for ever."""
    world = World()
    job = world.submit(delay_s=300)
    item = world.table.items()[job.key]
    world.table.apply([Write("owe", job.key, (), {"pending_fan_out": ""})])
    cancelled = world.app.control.cancel(TENANT, job.id)
    assert cancelled.state is State.CANCELLED
    after = world.table.items()[job.key]
    assert "pending_fan_out" not in after
    assert "check_at" in item
    assert "check_at" not in after


def test_a_dependency_made_by_the_second_try_releases_the_dependents_of_the_first() -> None:
    """Found in random world 178390: they waited until they looked for themselves."""
    world = World()
    requests = [
        JobRequest("ok", {}, ref="top", idempotency_key="top"),
        JobRequest("ok", {}, ref="dependent", depends_on=after("top"), idempotency_key="dependent"),
    ]
    top = IDS.of_key(TENANT, "top")

    def without_the_parent(writes: Sequence[Write]) -> list[WriteResult]:
        made = iter(world.table.apply([write for write in writes if write.key != job_key(top)]))
        return [WriteResult(WriteStatus.UNAVAILABLE) if write.key == job_key(top) else next(made) for write in writes]

    results = world.build(Refusing(world.table, "apply", without_the_parent)).submit.many(TENANT, requests)
    assert [end.code for end in results if isinstance(end, WhendueError)] == ["unavailable"] * 2
    jobs = many(world, *requests)
    world.work()
    assert states(world, *jobs) == ["succeeded"] * 2


def test_of_two_requests_under_one_key_the_first_says_what_is_depended_on() -> None:
    """The second is a conflict; what it depends on binds nobody."""
    world = World()
    first, second = world.submit(delay_s=3600), world.submit()
    results = world.app.submit.many(
        TENANT,
        [
            JobRequest("ok", {}, idempotency_key="k", depends_on=after(second)),
            JobRequest("ok", {}, idempotency_key="k", depends_on=after(first)),
        ],
    )
    assert isinstance(results[0], Submitted)
    assert isinstance(results[1], IdempotencyConflictError)
    world.pass_time(5)
    assert world.job(results[0].job).state is State.SUCCEEDED
