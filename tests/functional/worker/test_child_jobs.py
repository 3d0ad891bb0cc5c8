"""`ctx.submit`: a job that a task creates exists once, however often the task is tried and whatever dies meanwhile."""

import asyncio
import json
import threading
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

import pytest

from tests.builders.faults import Counted, Dying, KilledError, Refusing
from tests.builders.world import TENANT, World
from whendue import Context
from whendue.declarations import context as contexts
from whendue.declarations.registry import Retry
from whendue.engine.ports import WriteResult, WriteStatus
from whendue.errors import (
    ConfigurationError,
    IdempotencyConflictError,
    InvalidPayloadError,
    InvalidRequestError,
    PayloadTooLargeError,
    StateConflictError,
    UnavailableError,
    UnknownDependencyError,
    UnknownProfileError,
    UnknownSubscriptionError,
    UnknownTaskError,
    WhendueError,
)
from whendue.jobs.model import Job, State, from_item
from whendue.quotas import MAX_ATTEMPTS, PAYLOAD_BYTES
from whendue.submission.request import JobRequest
from whendue.table.keys import job_key

TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


class Level(StrEnum):
    HIGH = "high"


def jobs_of(world: World, kind: str = "ok") -> list[Job]:
    """List the jobs of a type, as stored."""
    items = [item for key, item in world.table.rows.items() if key.sk == "job"]
    return [job for job in map(from_item, items) if job.type == kind]


def parent(world: World, run: Callable[[Any, Context], Any], **wanted: Any) -> Job:
    """Submit a job whose task is this one, and let it run."""
    world.task("parent", run)
    job = world.submit("parent", **wanted)
    world.work()
    return job


def raised_by(run: Callable[[Context], Any]) -> WhendueError | TypeError:
    """Return what a task gets that submits something wrong; the task catches it, and succeeds."""
    world = World()
    caught: list[Any] = []

    def attempt(payload: Any, ctx: Context) -> None:
        try:
            run(ctx)
        except (WhendueError, TypeError) as error:
            caught.append(error)

    job = parent(world, attempt)
    assert world.job(job).state is State.SUCCEEDED
    assert jobs_of(world) == []
    [error] = caught
    assert isinstance(error, WhendueError | TypeError)
    return error


# --- the job -----------------------------------------------------------------------------------------------------


def test_a_task_creates_a_job_of_its_tenant_with_the_fields_that_it_asks_for() -> None:
    """And with the task's trace."""
    world = World()
    high: Any = Level.HIGH
    at = datetime.fromtimestamp(world.clock.now_ms() / 1000, UTC) + timedelta(hours=1, microseconds=1)

    def run(payload: Any, ctx: Context) -> list[str]:
        return [
            ctx.submit("ok", {"n": 1}, in_=timedelta(minutes=1), priority="low", tags={"a": "b"}, group="g", retries=2),
            ctx.submit("ok", at=at, priority=high, timeout_seconds=7, never_retry=["ValueError", "ValueError"]),
        ]

    job = parent(world, run, traceparent=TRACE)
    first, second = sorted(jobs_of(world), key=lambda child: child.queue, reverse=True)
    assert {first.id, second.id} == set(world.view(job).result)
    assert (first.tenant, first.payload, first.traceparent, first.parent_id) == (TENANT, '{"n":1}', TRACE, None)
    assert (first.queue, first.tags, first.group) == ("low", {"a": "b"}, "g")
    assert (first.due_at - first.created_at, first.policy.max_attempts) == (60_000, 3)
    assert (second.queue, second.payload, type(second.queue)) == ("high", "{}", str)
    # Rounded up: never early.
    assert second.due_at - second.created_at == 3_600_001
    assert (second.policy.timeout_s, second.policy.never_retry) == (7, ("ValueError",))


def test_created_jobs_run() -> None:
    """At once, and after what they wait for."""
    world = World()

    def run(payload: Any, ctx: Context) -> None:
        first = ctx.submit("ok", {"n": 1})
        ctx.submit("ok", {"n": {"$from": first, "path": "n"}}, depends_on=[first], on_dependency_failure="hold")

    parent(world, run)
    world.pass_time(5)
    assert [job.state for job in jobs_of(world)] == [State.SUCCEEDED] * 2


def test_a_created_job_costs_two_calls() -> None:
    """A write and a send, as over HTTP; and a job that creates none costs nothing more."""

    def spent(run: Callable[[Any, Context], Any]) -> Counter[str]:
        world = World()
        calls: list[str] = []
        app = world.build(Counted(world.table, calls), Counted(world.queues, calls))
        world.task("parent", run)
        for _ in range(2):
            # The first batch asks what is paused.
            world.submit("parent")
            calls.clear()
            app.work.handle(world.queues.receive("normal")[:1], world.clock.now_ms() + 60_000)
        return Counter(calls)

    plain = spent(lambda payload, ctx: None)
    assert spent(lambda payload, ctx: ctx.submit("bad", priority="low") and None) - plain == Counter(apply=1, send=1)


# --- once --------------------------------------------------------------------------------------------------------


def test_another_attempt_gets_the_jobs_of_the_first_one() -> None:
    """By their keys, in any order; those without a key by the order of the calls."""
    world = World()
    seen: list[dict[str, str]] = []

    def run(payload: Any, ctx: Context) -> None:
        keys = ["a", "b"] if ctx.attempt == 1 else ["b", "a"]
        found = {key: ctx.submit("ok", {"key": key}, key=key) for key in keys}
        seen.append(found | {str(n): ctx.submit("ok", {"n": n}) for n in range(2)})
        if ctx.attempt < 3:
            raise Retry("again")

    parent(world, run)
    world.pass_time(60)
    assert len(seen) == 3
    assert seen[0] == seen[1] == seen[2]
    assert {job.id for job in jobs_of(world)} == set(seen[0].values())
    assert len(jobs_of(world)) == 4


def test_a_redriven_job_creates_no_second_one() -> None:
    """What it has done is done: a redrive is for what it has not."""
    world = World()

    def run(payload: Any, ctx: Context) -> None:
        ctx.submit("ok", key="k")
        raise RuntimeError("not yet")

    job = parent(world, run, policy={"max_attempts": 1})
    assert world.job(job).state is State.DEAD
    world.app.control.redrive(TENANT, job.id)
    world.work()
    assert (len(world.runs(job)), len(jobs_of(world))) == (2, 1)


def test_other_jobs_and_other_tenants_have_jobs_of_their_own_for_the_same_key() -> None:
    """A key belongs to the job."""
    world = World()
    world.task("parent", lambda payload, ctx: ctx.submit("ok", key="k"))
    world.submit("parent")
    world.submit("parent")
    world.app.submit.one("other", JobRequest("parent", {}))
    world.work()
    assert sorted(job.tenant for job in jobs_of(world)) == [TENANT, TENANT, "other"]


def test_another_job_under_the_same_key_is_refused() -> None:
    """As it is for requests (G2); the error says what to do."""

    def run(ctx: Context) -> None:
        ctx.submit("bad", {"n": 1}, key="k")
        ctx.submit("bad", {"n": 2}, key="k")

    error = raised_by(run)
    assert isinstance(error, IdempotencyConflictError)
    assert "key k" in str(error)


KILLS = 24


def children(payload: Any, ctx: Context) -> list[str]:
    """Create one job that is sent by its writer, one that the timer sends, and one with a payload stored elsewhere."""
    return [
        ctx.submit("ok", {"n": 0}),
        ctx.submit("ok", {"n": 1}, key="later", in_=200),
        ctx.submit("ok", {"n": "x" * 2000}, key="large"),
    ]


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("number", range(KILLS))
def test_whatever_call_a_worker_dies_at_each_job_exists_once_and_ends(number: int, after: bool) -> None:
    """A lost worker's job runs again, and finds what the first one has created."""
    world = World(seed=number)
    world.task("parent", children)
    job = world.submit("parent")
    calls: list[str] = []
    store, queue = (Dying(port, calls, number, after=after) for port in (world.table, world.queues))
    dying = world.build(store, queue)
    try:
        world.work(dying)
        was_killed = False
    except KilledError:
        was_killed = True
    world.pass_time(1200, step_s=5)
    assert world.job(job).state is State.SUCCEEDED
    created = jobs_of(world)
    assert len(created) == 3
    assert {child.id for child in created} == set(world.view(job).result)
    assert {child.state for child in created} == {State.SUCCEEDED}
    assert was_killed == (number < len(calls))


def test_the_deaths_above_reach_the_end_of_the_work() -> None:
    """Else calls would be left at which nothing dies."""
    world = World()
    world.task("parent", children)
    world.submit("parent")
    calls: list[str] = []
    world.work(world.build(Counted(world.table, calls), Counted(world.queues, calls)))
    assert calls.count("apply") > 4
    assert len(calls) < KILLS


def test_a_table_that_does_not_answer_fails_the_attempt_and_the_next_one_finds_the_job() -> None:
    """It is unknown whether the job exists: it does here, and is not made twice."""
    world = World()

    def unanswered(writes: Any) -> list[WriteResult]:
        world.table.apply(writes)
        return [WriteResult(WriteStatus.UNAVAILABLE)] * len(writes)

    refusing = Refusing(world.table, "apply", unanswered)
    refusing.on = False
    caught: list[Exception] = []

    def run(payload: Any, ctx: Context) -> None:
        refusing.on = ctx.attempt == 1
        try:
            ctx.submit("ok")
        except UnavailableError as error:
            caught.append(error)
            raise
        finally:
            refusing.on = False

    world.task("parent", run)
    job = world.submit("parent")
    app = world.build(store=refusing)
    world.work(app)
    world.clock.advance(60)
    world.work(app)
    assert len(caught) == 1
    assert (world.job(job).state, len(jobs_of(world))) == (State.SUCCEEDED, 1)


# --- what is refused ---------------------------------------------------------------------------------------------

WRONG: dict[str, tuple[dict[str, Any], type[Exception], str]] = {
    "both times": ({"in_": 1, "at": datetime(2030, 1, 1, tzinfo=UTC)}, InvalidRequestError, "not both"),
    "before now": ({"in_": -1}, InvalidRequestError, "in_ must be from 0"),
    "no number": ({"in_": float("nan")}, InvalidRequestError, "in_ must be from 0"),
    "a text": ({"in_": "60"}, TypeError, "seconds or a timedelta"),
    "no offset": ({"at": datetime(2030, 1, 1)}, InvalidRequestError, "at must have an offset"),  # noqa: DTZ001
    "too far": ({"at": datetime(2999, 1, 1, tzinfo=UTC)}, InvalidRequestError, "at most 366 days"),
    "priority": ({"priority": "urgent"}, InvalidRequestError, "priority: must be one of critical"),
    "profile": ({"profile": "no such"}, InvalidRequestError, "profile: must be a text of 1 to 64"),
    "unknown profile": ({"profile": "none"}, UnknownProfileError, "none"),
    "follow": ({"follow_profile": 1}, InvalidRequestError, "True or False"),
    "tags": ({"tags": {"a:b": "c"}}, InvalidRequestError, "without ':'"),
    "tags of numbers": ({"tags": {"a": 1}}, InvalidRequestError, "texts by name"),
    "many tags": ({"tags": {str(n): "" for n in range(11)}}, InvalidRequestError, "at most 10"),
    "a long tag": ({"tags": {"a": "x" * 65}}, InvalidRequestError, "values of at most 64"),
    "tags together": ({"tags": {f"tag-{n}": "x" * 60 for n in range(5)}}, InvalidRequestError, "256 bytes"),
    "group": ({"group": "x" * 64}, InvalidRequestError, "group: must be a text of 1 to 63"),
    "notify": ({"notify": "hook"}, InvalidRequestError, "a list of at most 10"),
    "notify long": ({"notify": [f"{n}" * 60 for n in range(3)]}, InvalidRequestError, "160 bytes"),
    "unknown subscription": ({"notify": ["none"]}, UnknownSubscriptionError, "none"),
    "retries": ({"retries": MAX_ATTEMPTS}, InvalidRequestError, "from 0 to 49"),
    "a truth": ({"retries": True}, InvalidRequestError, "from 0 to 49"),
    "attempts": ({"max_attempts": 0}, InvalidRequestError, "max_attempts: must be a whole number from 1"),
    "both counts": ({"max_attempts": 2, "retries": 1}, InvalidRequestError, "not both"),
    "timeout": ({"timeout_seconds": 0.5}, InvalidRequestError, "timeout_seconds: must be a whole number"),
    "lease": ({"lease_seconds": 1}, InvalidRequestError, "from 2"),
    "retention": ({"retention_seconds": 59}, InvalidRequestError, "from 60"),
    "never": ({"never_retry": ["a b"]}, InvalidRequestError, "each name must be"),
    "dependencies": ({"depends_on": "id"}, InvalidRequestError, "a list of at most 100 ids"),
    "twice": ({"depends_on": ["a", "a"]}, InvalidRequestError, "each job once"),
    "no job": ({"depends_on": ["0198f0c2-6d5e-7c43-9c1f-1f0a8f6b2a11"]}, UnknownDependencyError, ""),
    "no dependency": ({"on_dependency_failure": "run"}, InvalidRequestError, "needs depends_on"),
    "an object": ({"tags": object()}, InvalidRequestError, "cannot be sent"),
    "a field": ({"retires": 1}, TypeError, "did you mean retries?"),
    "Celery's": ({"countdown": 1}, TypeError, "did you mean in_?"),
    "key": ({"key": "a b"}, InvalidRequestError, "without spaces"),
    "no key": ({"key": ""}, InvalidRequestError, "1 to 255"),
    "a number as key": ({"key": 7}, TypeError, "must be a str"),
}


@pytest.mark.parametrize(("fields", "kind", "says"), WRONG.values(), ids=WRONG)
def test_a_wrong_field_raises_in_the_task(fields: dict[str, Any], kind: type[Exception], says: str) -> None:
    """Nothing is created, and the error names the field."""
    error = raised_by(lambda ctx: ctx.submit("ok", **fields))
    assert type(error) is kind
    assert says in str(error)


DEEP = json.loads("[" * 40 + "]" * 40)
PAYLOADS: dict[str, tuple[str, Any, type[Exception]]] = {
    "does not fit": ("ok", 7, InvalidPayloadError),
    "no JSON": ("ok", {"a": {1, 2}}, InvalidPayloadError),
    "half a character": ("ok", {"a": "\ud800"}, InvalidPayloadError),
    "too large": ("ok", {"a": "x" * PAYLOAD_BYTES}, PayloadTooLargeError),
    "too deep": ("ok", {"a": DEEP}, InvalidPayloadError),
    "unknown": ("no.such", {}, UnknownTaskError),
    "a workflow": ("workflow", {"nodes": []}, InvalidRequestError),
    "a delivery": ("notify.webhook", {}, UnknownTaskError),
}


@pytest.mark.parametrize(("kind", "payload", "error"), PAYLOADS.values(), ids=PAYLOADS)
def test_a_wrong_payload_raises_in_the_task(kind: str, payload: Any, error: type[Exception]) -> None:
    """As the API would refuse it."""
    assert type(raised_by(lambda ctx: ctx.submit(kind, payload))) is error


def test_a_number_of_submits_is_the_most(monkeypatch: pytest.MonkeyPatch) -> None:
    """A loop without an end is no bill without an end."""
    monkeypatch.setattr(contexts, "SUBMITS_PER_ATTEMPT", 2)
    world = World()

    def run(payload: Any, ctx: Context) -> None:
        while True:
            ctx.submit("ok")

    job = parent(world, run)
    assert world.view(job).attempts[-1].type == "invalid_request"
    assert len(jobs_of(world)) == 2


def test_an_attempt_that_has_ended_submits_nothing() -> None:
    """What it left running would create jobs that nobody expects any more."""
    world = World()
    kept: list[Context] = []
    parent(world, lambda payload, ctx: kept.append(ctx))
    with pytest.raises(StateConflictError, match="has ended"):
        kept[0].submit("ok")
    with pytest.raises(StateConflictError, match="has ended"):
        asyncio.run(kept[0].submit_async("ok"))
    assert jobs_of(world) == []


def test_a_context_of_no_worker_submits_nothing() -> None:
    """As one that a test has made."""
    world = World()
    context = Context(world.submit(), 0, world.clock.now_ms, lambda key: True)
    with pytest.raises(ConfigurationError, match="in a worker"):
        context.submit("ok")


def test_a_cancelled_attempt_may_still_submit() -> None:
    """To make good what it has done before it ends as cancelled."""
    world = World()

    def run(payload: Any, ctx: Context) -> None:
        ctx.mark_cancelled()
        ctx.submit("ok")

    parent(world, run)
    assert len(jobs_of(world)) == 1


# --- coroutines, threads, workflows ------------------------------------------------------------------------------


def test_coroutines_submit_side_by_side_and_their_order_is_that_of_the_calls() -> None:
    """Another attempt gets the same jobs although threads create them."""
    world = World()
    seen: list[list[str]] = []

    async def run(payload: Any, ctx: Context) -> None:
        seen.append(await asyncio.gather(*(ctx.submit_async("ok", {"n": n}) for n in range(5))))
        if ctx.attempt == 1:
            raise Retry("again")

    parent(world, run)
    world.pass_time(60)
    assert len(seen) == 2
    assert seen[0] == seen[1]
    payloads = {job.id: job.payload for job in jobs_of(world)}
    assert [payloads[job_id] for job_id in seen[0]] == [f'{{"n":{n}}}' for n in range(5)]


def test_a_thread_that_the_task_has_started_submits_by_the_context() -> None:
    """It has been handed it."""
    world = World()

    def run(payload: Any, ctx: Context) -> None:
        thread = threading.Thread(target=lambda: ctx.submit("ok", key="k"))
        thread.start()
        thread.join()

    parent(world, run)
    assert len(jobs_of(world)) == 1


def test_the_id_is_the_one_of_the_stored_job() -> None:
    """So that it can be looked up."""
    world = World()
    job = parent(world, lambda payload, ctx: ctx.submit("ok"))
    [item] = world.app.runtime.store.get([job_key(world.view(job).result)])
    assert item is not None
