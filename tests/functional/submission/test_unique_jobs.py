"""Unique jobs: one job for a key, released by its own end, whoever ends it, and however often it was asked for."""

import threading
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from tests.builders.faults import Counted
from tests.builders.metered import Bill, BilledStore
from tests.builders.world import TENANT, World
from whendue import Context
from whendue.engine.ports import WriteResult, WriteStatus
from whendue.errors import (
    IdempotencyConflictError,
    InvalidRequestError,
    UnavailableError,
    UniqueConflictError,
    WhendueError,
)
from whendue.jobs.model import Job, State
from whendue.jobs.transitions import claim
from whendue.quotas import UNIQUE_HELD_S
from whendue.submission.request import Dependency, JobRequest, UniqueRequest
from whendue.submission.submit import Submitted
from whendue.table.writes import Write

DAY_S = 86_400


def asked(payload: Any = None, *, kind: str = "ok", delay_s: float | None = None, **unique: Any) -> JobRequest:
    """Return a request with the unique key `k`, or what else is asked for."""
    named = unique if "by_payload" in unique else {"key": "k"} | unique
    return JobRequest(kind, payload or {}, delay_s=delay_s, unique=UniqueRequest(**named))


def submit(world: World, request: JobRequest, tenant: str = TENANT) -> Submitted:
    return world.app.submit.one(tenant, request)


def test_a_second_submit_is_answered_with_the_holder_until_that_ends() -> None:
    """The end of the job is the release: the next submit is a job of its own."""
    world = World()
    first = submit(world, asked({"n": 1}))
    second = submit(world, asked({"n": 2}))
    assert (first.created, second.created) == (True, False)
    assert second.job == first.job
    world.pass_time(5)
    assert world.job(first.job).state is State.SUCCEEDED
    third = submit(world, asked({"n": 3}))
    assert third.created
    assert third.job.id != first.job.id


def test_keys_are_of_a_tenant_and_a_type() -> None:
    """Another's job is no conflict, and nobody learns of it."""
    world = World()
    world.task("other", lambda payload, ctx: None)
    taken = [submit(world, asked(delay_s=60)), submit(world, asked(delay_s=60), "rival")]
    taken += [submit(world, asked(delay_s=60, kind="other")), submit(world, asked(delay_s=60, key="l"))]
    assert all(each.created for each in taken)
    assert not submit(world, asked(delay_s=60)).created


def test_reject_names_the_holder() -> None:
    """A caller may wait for it, or cancel it."""
    world = World()
    holder = submit(world, asked(delay_s=60)).job
    with pytest.raises(UniqueConflictError) as caught:
        submit(world, asked(on_conflict="reject"))
    assert caught.value.details == {"jobId": holder.id}


def test_values_of_the_payload_make_a_key() -> None:
    """A job per order, whatever else the payload has."""
    world = World()
    first = submit(world, asked({"order": {"id": 1}, "at": 1}, delay_s=60, by_payload=("order.id",)))
    again = submit(world, asked({"order": {"id": 1}, "at": 2}, delay_s=60, by_payload=("order.id",)))
    other = submit(world, asked({"order": {"id": 2}, "at": 1}, delay_s=60, by_payload=("order.id",)))
    assert (again.created, again.job.id, other.created) == (False, first.job.id, True)


def _cancelled(world: World, job: Job) -> None:
    world.app.control.cancel(TENANT, job.id)


def _erased(world: World, job: Job) -> None:
    _cancelled(world, job)
    world.app.erasing.erase(TENANT, job.id)


@pytest.mark.parametrize("end", [_cancelled, _erased])
@pytest.mark.parametrize("scope", ["pending", "running", "until_success"])
def test_what_never_ran_holds_nothing(end: Callable[[World, Job], None], scope: Any) -> None:
    """Nothing was done, so somebody may do it."""
    world = World()
    end(world, submit(world, asked(delay_s=3600, scope=scope)).job)
    assert submit(world, asked(delay_s=3600, scope=scope)).created


def test_an_expired_job_holds_nothing() -> None:
    """It ends by whoever looks at it."""
    world = World()
    request = JobRequest("ok", {}, delay_s=60, expires_s=1, unique=UniqueRequest("k", scope="until_success"))
    job = submit(world, request).job
    world.clock.advance(400)
    world.tick()
    world.clock.advance(200)
    world.tick()
    world.work()
    assert world.job(job).state is State.EXPIRED
    assert submit(world, request).created


def test_a_job_whose_worker_dies_holds_its_key_until_it_is_healed() -> None:
    """The lease ends, another worker takes the job over: it is still one job, and its end releases the key."""
    world = World()
    request = asked(kind="slow")
    world.task("slow", lambda payload, ctx: None)
    job = submit(world, request).job
    # A worker has claimed it and was never heard of again.
    world.table.apply([claim(job, "lost", world.clock.now_ms())])
    world.queues.messages["normal"].clear()
    world.pass_time(20)
    assert not submit(world, request).created
    world.pass_time(600, step_s=5)
    assert (world.job(job).state, len(world.runs(job))) == (State.SUCCEEDED, 1)
    assert submit(world, request).created


def test_a_dead_job_holds_until_success_and_keeps_the_key_when_it_is_redriven() -> None:
    """Somebody has to look at it first."""
    world = World()
    world.fails_first("shaky")
    job = world.app.submit.one(
        TENANT, JobRequest("shaky", {}, policy={"max_attempts": 1}, unique=UniqueRequest("k", scope="until_success"))
    ).job
    world.pass_time(5)
    assert world.job(job).state is State.DEAD
    assert not submit(world, asked(kind="shaky", scope="until_success")).created
    world.app.control.redrive(TENANT, job.id)
    assert not submit(world, asked(kind="shaky", scope="until_success")).created
    world.pass_time(5)
    assert world.job(job).state is State.SUCCEEDED
    assert submit(world, asked(kind="shaky", scope="until_success")).created


def test_a_redriven_job_does_not_take_its_key_back() -> None:
    """Another job has it: both run, as somebody has asked for."""
    world = World()
    job = submit(world, asked(delay_s=3600)).job
    world.app.control.cancel(TENANT, job.id)
    newer = submit(world, asked(delay_s=3600)).job
    world.app.control.redrive(TENANT, job.id)
    assert submit(world, asked()).job.id == newer.id


def test_throttle_is_a_key_for_a_time() -> None:
    """One job in ten minutes, however soon it ends."""
    world = World()
    throttled = asked(scope="for_seconds", for_s=600)
    assert submit(world, throttled).created
    world.pass_time(5)
    assert not submit(world, throttled).created
    world.clock.advance(600)
    assert submit(world, throttled).created
    with pytest.raises(InvalidRequestError, match="as long as its job is kept"):
        submit(world, asked(scope="for_seconds", for_s=UNIQUE_HELD_S))


def test_a_replaced_job_is_cancelled_and_says_so() -> None:
    """The new one runs with its own payload, at its own time."""
    world = World()
    old = submit(world, asked({"n": 1}, delay_s=60)).job
    new = submit(world, asked({"n": 2}, delay_s=5, on_conflict="replace"))
    assert new.created
    assert (world.job(old).state, world.job(old).cancelled_for) == (State.CANCELLED, "replaced")
    world.pass_time(90, step_s=5)
    assert (world.runs(old), len(world.runs(new.job))) == ([], 1)


def test_work_that_has_begun_is_not_replaced() -> None:
    """A new job waits for its end, or has the scope `pending`."""
    world = World()
    conflicts: list[object] = []

    def run(payload: Any, ctx: Context) -> None:
        for scope in ("running", "pending"):
            try:
                conflicts.append(submit(world, asked(kind="long", delay_s=60, on_conflict="replace", scope=scope)))
            except WhendueError as error:
                conflicts.append(error)

    world.task("long", run)
    submit(world, asked(kind="long"))
    world.pass_time(1)
    assert isinstance(conflicts[0], UniqueConflictError)


def test_a_job_that_waits_for_others_holds_its_key() -> None:
    """One that is answered with it leaves nothing behind that runs, or that keeps the other from ending."""
    world = World()
    upstream = submit(world, JobRequest("ok", {}, delay_s=60)).job
    request = JobRequest(
        "ok", {"n": 1}, depends_on=(Dependency(upstream.id),), unique=UniqueRequest("k"), idempotency_key="a"
    )
    waiting = submit(world, request).job
    assert waiting.state is State.WAITING
    again = submit(world, replace(request, idempotency_key="b"))
    assert (again.created, again.job.id) == (False, waiting.id)
    world.pass_time(120, step_s=5)
    assert [len(world.runs(job)) for job in (upstream, waiting)] == [1, 1]
    assert world.job(waiting).state is State.SUCCEEDED


# --- with Idempotency-Keys, in batches -----------------------------------------------------------------------------


def keyed(request: JobRequest, key: str) -> JobRequest:
    return JobRequest(
        request.type, request.payload, delay_s=request.delay_s, unique=request.unique, idempotency_key=key
    )


def test_a_repeated_request_has_the_same_answer_after_the_holder_has_ended() -> None:
    """G2: a request that was answered with the holder creates no job later."""
    world = World()
    holder = submit(world, asked()).job
    answers = [submit(world, keyed(asked({"n": 2}), "i"))]
    world.pass_time(5)
    answers.append(submit(world, keyed(asked({"n": 2}), "i")))
    assert [(answer.job.id, answer.created) for answer in answers] == [(holder.id, False)] * 2
    with pytest.raises(IdempotencyConflictError):
        submit(world, keyed(asked({"n": 3}), "i"))
    with pytest.raises(IdempotencyConflictError):
        submit(world, JobRequest("ok", {}, idempotency_key="i"))
    assert submit(world, keyed(asked({"n": 3}), "j")).created


def test_a_repeated_request_is_its_own_job_whoever_holds_the_key() -> None:
    """The Idempotency-Key is looked at first; a replaced job stays the answer of its request."""
    world = World()
    first = submit(world, keyed(asked(delay_s=60), "i")).job
    second = submit(world, keyed(asked({"n": 2}, delay_s=60, on_conflict="replace"), "j")).job
    assert submit(world, keyed(asked(delay_s=60), "i")).job.id == first.id
    again = submit(world, keyed(asked({"n": 2}, delay_s=60, on_conflict="replace"), "j"))
    assert (again.job.id, again.created) == (second.id, False)


def test_the_note_of_an_answer_goes_with_its_job() -> None:
    """What is over counts as absent: the request is a new one."""
    world = World()
    holder = submit(world, asked()).job
    submit(world, keyed(asked({"n": 2}), "i"))
    world.pass_time(5)
    world.app.erasing.erase(TENANT, holder.id)
    with pytest.raises(UnavailableError):
        submit(world, keyed(asked({"n": 2}), "i"))
    assert submit(world, keyed(asked({"n": 2}), "i")).created


def test_jobs_of_a_batch_meet_each_other_in_order() -> None:
    """Each is accepted or refused on its own; others go on in one call."""
    world = World()
    plain = JobRequest("ok", {})
    results = world.app.submit.many(
        TENANT,
        [
            asked({"n": 1}, delay_s=60),
            plain,
            asked({"n": 2}, delay_s=60),
            asked({"n": 3}, delay_s=60, on_conflict="reject"),
            asked({"n": 4}, delay_s=60, on_conflict="replace"),
        ],
    )
    first, other, second, third, fourth = results
    assert isinstance(first, Submitted)
    assert isinstance(other, Submitted)
    assert isinstance(second, Submitted)
    assert isinstance(fourth, Submitted)
    assert second.job.id == first.job.id
    assert isinstance(third, UniqueConflictError)
    assert fourth.created
    assert world.job(first.job).state is State.CANCELLED


# --- costs, faults and races -----------------------------------------------------------------------------------------


def test_what_unique_jobs_cost_and_others_do_not() -> None:
    """One transaction and one send; a conflict is one more, and two reads. A job without a key pays nothing."""
    calls: list[str] = []
    world = World()
    app = world.build(Counted(world.table, calls), Counted(world.queues, calls))
    app.submit.one(TENANT, asked())
    assert calls == ["apply_together", "send"]
    calls.clear()
    app.submit.one(TENANT, asked())
    assert calls == ["apply_together", "get", "get"]
    calls.clear()
    app.submit.many(TENANT, [JobRequest("ok", {})] * 2)
    assert calls == ["apply", "send"]


def test_a_unique_job_costs_three_write_units_more() -> None:
    """The key's item, and the job's, are written by a transaction, which takes two units for each."""
    bill: Bill = Counter()
    app = World().build(BilledStore(bill), World().queues)
    app.submit.one(TENANT, JobRequest("ok", {}))
    plain = bill["write_units"]
    bill.clear()
    app.submit.one(TENANT, asked())
    assert (plain, bill["write_units"]) == (3, 6)


class Losing:
    """A table that loses the reply of the first transaction, after or before it was carried out."""

    def __init__(self, table: Any, *, written: bool) -> None:
        self._table, self._written, self._lost = table, written, False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._table, name)

    def apply_together(self, writes: Sequence[Write]) -> list[WriteResult]:
        if self._lost:
            return self._table.apply_together(writes)  # type: ignore[no-any-return]
        self._lost = True
        if self._written:
            self._table.apply_together(writes)
        return [WriteResult(WriteStatus.UNAVAILABLE)] * len(writes)


@pytest.mark.parametrize("written", [True, False])
def test_a_submit_whose_reply_is_lost_leaves_one_job_and_no_key_that_nobody_holds(*, written: bool) -> None:
    """The timer sends what was written; what was not written holds nothing."""
    world = World()
    app = world.build(Losing(world.table, written=written), world.queues)
    request = keyed(asked(), "i")
    with pytest.raises(UnavailableError):
        app.submit.one(TENANT, request)
    job = app.submit.one(TENANT, request)
    assert job.created is not written
    world.pass_time(300, step_s=20)
    assert len(world.runs(job.job)) == 1


def test_a_thousand_submits_from_32_threads_are_one_job() -> None:
    """Whoever is first has the key; all get the same answer."""
    world, start = World(), threading.Barrier(32)

    def some(count: int) -> list[Submitted]:
        start.wait()
        return [submit(world, asked(delay_s=3600)) for _ in range(count)]

    with ThreadPoolExecutor(32) as pool:
        answers = [answer for part in pool.map(some, [32] * 32) for answer in part]
    assert len(answers) == 1024
    assert sum(answer.created for answer in answers) == 1
    assert len({answer.job.id for answer in answers}) == 1


@pytest.mark.thorough
def test_each_of_a_thousand_races_of_32_threads_makes_one_job() -> None:
    """All 32 submit at the same moment, a thousand times, each time with another key."""
    world, start = World(), threading.Barrier(32)

    def race(_: int) -> list[Submitted]:
        answers = []
        for number in range(1000):
            start.wait()
            answers.append(submit(world, asked(delay_s=3600, key=f"key-{number}")))
        return answers

    with ThreadPoolExecutor(32) as pool:
        races = list(zip(*pool.map(race, range(32)), strict=True))
    assert len(races) == 1000
    for answers in races:
        assert sum(answer.created for answer in answers) == 1
        assert len({answer.job.id for answer in answers}) == 1


def test_of_replacements_from_32_threads_one_job_is_left() -> None:
    """Each that was accepted was cancelled by the next one; whoever could not pass is asked to send it again."""
    world = World()

    def some(number: int) -> list[object]:
        return [result for n in range(6) for result in _tried(world, number * 10 + n)]

    with ThreadPoolExecutor(32) as pool:
        answers = [answer for part in pool.map(some, range(32)) for answer in part]
    created = [answer.job for answer in answers if isinstance(answer, Submitted)]
    assert all(isinstance(answer, Submitted | UnavailableError) for answer in answers)
    states = [world.job(job).state for job in created]
    assert states.count(State.PENDING) == 1
    assert states.count(State.CANCELLED) == len(created) - 1


def _tried(world: World, number: int) -> list[object]:
    try:
        return [submit(world, asked({"n": number}, delay_s=3600, on_conflict="replace"))]
    except WhendueError as error:
        return [error]
