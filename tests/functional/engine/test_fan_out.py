"""What tellers of news keep to: nothing is told before it is so."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from tests.builders.dependencies import Costed, after, claimed, many, states, unavailable
from tests.builders.faults import KilledError, Refusing
from tests.builders.samples import a_job, an_error
from tests.builders.workflows import flow, node, parts, start
from tests.builders.world import World
from whendue.bootstrap.application import App
from whendue.engine.commit import commit, commit_unsent
from whendue.engine.fan_out import CompletionFanOut
from whendue.engine.ports import WriteResult, WriteStatus
from whendue.engine.runtime import Runtime
from whendue.jobs.model import Job, from_item
from whendue.jobs.transition import Transition
from whendue.jobs.transitions import claim, fail, submit, succeed
from whendue.quotas import FAN_OUT_PAGE
from whendue.submission.request import JobRequest
from whendue.table.writes import Write


class Reader:
    """A newsroom that wants every end and every failed attempt, and makes a job of each."""

    def __init__(self, world: World) -> None:
        self._world = world

    def wants(self, step: Transition) -> bool:
        return step.name in ("succeed", "fail")

    def deliveries_for(self, jobs: Sequence[Job]) -> list[Transition]:
        now_ms, timing = self._world.clock.now_ms(), self._world.app.runtime.settings.timing
        changes: dict[str, Any] = {"check_at": now_ms, "due_at": now_ms, "scheduled_at": now_ms, "payload": "{}"}
        changes["fence"] = self._world.system.new_id()
        return [submit(a_job(f"{'news':-<34}-{number}", **changes), timing) for number, _ in enumerate(jobs)]


def read_by(world: World, app: App | None = None) -> Runtime:
    """Return ports of a world in which somebody wants to hear everything."""
    return replace((app or world.app).runtime, notifications=Reader(world))


def failing(world: World, job: Job) -> Transition:
    """Let an attempt of a claimed job fail that is not the last, and whose next one is sent at once."""
    return fail(world.job(job), an_error(job), world.clock.now_ms(), world.app.runtime.settings.timing, draw=0)


def ending(world: World, job: Job) -> Transition:
    """Let a claimed job succeed."""
    return succeed(world.job(job), world.clock.now_ms(), None)


def with_pending_fan_outs(world: World, steps: Sequence[Transition], ports: Runtime | None = None) -> list[Job]:
    """Record steps in a process that dies before it tells anybody."""
    deaf = Refusing(world.table, "query_range", _dies)
    with pytest.raises(KilledError):
        commit_unsent(replace(ports or world.app.runtime, store=deaf), steps)
    return [world.job(step.job) for step in steps]


def _dies(*_: object, **__: object) -> Any:
    raise KilledError


def test_a_failed_attempt_releases_no_dependents() -> None:
    """The job is tried again: who waits for its success goes on waiting."""
    world = World()
    dependency = claimed(world)
    dependent = world.submit(depends_on=after(dependency))
    commit_unsent(read_by(world), [failing(world, dependency)])
    assert states(world, dependency, dependent) == ["pending", "waiting"]
    assert world.job(dependency).pending_fan_out is None


def test_a_failed_attempt_of_a_node_does_not_release_its_workflow() -> None:
    """It gathers when the node has ended."""
    world = World()
    whole = start(world, flow(node("a", policy={"max_attempts": 2})))
    world.app.work.handle(world.queues.receive("normal"), world.clock.now_ms() + 60_000)
    [part] = parts(world, whole, 1)
    taken = claim(part, "f", world.clock.now_ms())
    commit_unsent(world.app.runtime, [taken])
    commit_unsent(read_by(world), [failing(world, taken.job)])
    assert states(world, whole, part) == ["waiting", "pending"]


def test_a_dependent_that_may_not_be_released_is_released_at_the_next_check() -> None:
    """Its dependency owes it that; another one, whose dependents have heard, owes nothing any more."""
    world = World()
    dependencies = [claimed(world, "a"), claimed(world, "b")]
    dependents = [world.submit(depends_on=after(dependency)) for dependency in dependencies]

    def deaf(writes: Sequence[Write]) -> list[WriteResult]:
        lost = [write.name == "release" and write.key == dependents[0].key for write in writes]
        return [
            WriteResult(WriteStatus.UNAVAILABLE) if gone else world.table.apply([write])[0]
            for gone, write in zip(lost, writes, strict=True)
        ]

    jobs = with_pending_fan_outs(world, [ending(world, dependency) for dependency in dependencies])
    app = world.build(store=Refusing(world.table, "apply", deaf))
    assert [job.id for job in CompletionFanOut(app.runtime).run(jobs)] == [dependencies[0].id]
    assert [world.job(dependency).pending_fan_out for dependency in dependencies] == ["", None]
    assert states(world, *dependents) == ["waiting", "pending"]
    world.pass_time(150)
    assert states(world, *dependents) == ["succeeded", "succeeded"]
    assert world.job(dependencies[0]).pending_fan_out is None


def test_deliveries_that_could_not_be_stored_stay_pending() -> None:
    """Nobody has been told: the next check goes on with it."""
    world = World()
    ports = read_by(world, unavailable(world, "submit"))
    job = claimed(world)
    commit_unsent(ports, [ending(world, job)])
    assert world.job(job).pending_fan_out == ""


def test_deliveries_are_made_once_however_many_dependents_there_are_and_sent() -> None:
    """With the first piece; its message is sent at once, and not again when it is told again."""
    world = Costed()
    job = claimed(world)
    many(world, *[JobRequest("ok", {}, depends_on=after(job))] * (2 * FAN_OUT_PAGE + 1))
    written = world.writes(lambda: commit_unsent(read_by(world), [ending(world, job)]))
    assert (written["submit"], written["advance_fan_out"], written["finish_fan_out"]) == (1, 2, 1)
    messages = world.queues.pending("normal")
    [deliveries] = [from_item(item) for key, item in world.table.items().items() if "news" in key.pk]
    world.table.apply([Write("owe", job.key, (), {"pending_fan_out": ""})])
    CompletionFanOut(read_by(world)).run([world.job(job)])
    assert world.queues.pending("normal") == messages
    world.work()
    assert deliveries.id in {job_id for job_id, _, _ in world.ran}


@pytest.mark.parametrize(("count", "notes"), [(FAN_OUT_PAGE - 1, 0), (FAN_OUT_PAGE, 1), (FAN_OUT_PAGE + 1, 1)])
def test_dependents_are_released_a_page_at_a_time(count: int, notes: int) -> None:
    """Whoever goes on after a death begins behind the last piece, and everybody is told once."""
    world = Costed()
    job = claimed(world)
    many(world, *[JobRequest("ok", {}, depends_on=after(job))] * count)
    written = world.writes(lambda: commit_unsent(world.app.runtime, [ending(world, job)]))
    advanced = {"advance_fan_out": notes} if notes else {}
    assert written == {"succeed": 1, "release": count, "finish_fan_out": 1} | advanced


def test_a_fan_out_ends_with_its_time_and_the_rest_stays_pending() -> None:
    """A worker has others to see to; the next check goes on behind what was told."""
    world = World()
    job = claimed(world)
    for _ in range(3):
        many(world, *[JobRequest("ok", {}, depends_on=after(job))] * 100)

    def slow(pk: str, **options: Any) -> Any:
        world.clock.advance(4)
        return world.table.query_range(pk, **options)

    [pending_fan_out] = with_pending_fan_outs(world, [ending(world, job)])
    app = world.build(store=Refusing(world.table, "query_range", slow))
    assert [item.id for item in CompletionFanOut(app.runtime).run([pending_fan_out])] == [job.id]
    deliveries = [item for key, item in world.table.items().items() if key.sk == "job" and item["state"] == "pending"]
    assert len(deliveries) == 3 * FAN_OUT_PAGE
    assert (world.job(job).pending_fan_out or "").startswith("dependent#")
    world.pass_time(150)
    assert len(world.ran) == 300


def test_a_job_without_fan_out_costs_nothing() -> None:
    """And a job without dependents asks for none."""
    world = Costed()
    assert world.calls(lambda: CompletionFanOut(world.app.runtime).run([])) == {}
    step = ending(world, claimed(world))
    assert world.calls(lambda: commit_unsent(read_by(world), [step])) == {"apply": 3}


def test_a_retry_is_sent_once_its_failure_is_published_and_not_before() -> None:
    """Nobody could claim it while it owes."""
    world = World()
    jobs = [claimed(world, "a"), claimed(world, "b")]
    world.queues.discard("normal")
    world.table.apply([Write("owe", jobs[1].key, (), {"dependents": True})])
    sent: list[str] = []

    def send(queue: str, messages: Sequence[Any]) -> list[bool]:
        sent.extend(message.body for message in messages)
        return [True for _ in messages]

    app = unavailable(world, "finish_fan_out")
    ports = replace(app.runtime, notifications=Reader(world), queue=Refusing(world.queues, "send", send))
    commit(ports, [failing(world, jobs[0])], world.clock.now_ms())
    assert not any(jobs[0].id in body for body in sent)
    ended = ending(world, jobs[1])
    commit(replace(ports, store=world.table), [ended], world.clock.now_ms())
    assert not any(jobs[1].id in body for body in sent)
    CompletionFanOut(replace(ports, store=world.table)).run([world.job(jobs[0])])
    assert sum(jobs[0].id in body for body in sent) == 1


def test_a_dependency_that_failed_before_it_succeeded_releases_its_dependents_alone() -> None:
    """Its failed attempts stand beside the notes of who waits for it."""
    world = World()
    tries = iter([False, False, True])

    def third_time(payload: Any, ctx: Any) -> None:
        if not next(tries):
            raise RuntimeError("not yet")

    world.task("third", third_time)
    dependency = world.submit("third", policy={"base_s": 1})
    dependent = world.submit(depends_on=after(dependency))
    world.pass_time(20)
    assert states(world, dependency, dependent) == ["succeeded", "succeeded"]
    assert world.job(dependency).pending_fan_out is None
