"""Submits of one unique key that pass each other, what a repeated one costs, and what is counted of them."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from tests.builders.faults import Counted, Refusing
from tests.builders.world import TENANT, World
from whendue.engine.ports import WriteResult, WriteStatus
from whendue.errors import UnavailableError
from whendue.jobs.model import Job, State
from whendue.metrics.model import UNIQUE
from whendue.quotas import UNIQUE_TRIES
from whendue.submission.request import JobRequest, UniqueRequest
from whendue.submission.submit import Submitted
from whendue.submission.unique_jobs import find_holder
from whendue.support.clock import Clock
from whendue.table.writes import Write


def asked(payload: Any = None, *, key: str = "k", idempotency_key: str | None = None, **unique: Any) -> JobRequest:
    """Return a request for a job that waits for a minute."""
    named = UniqueRequest(key, **unique)
    return JobRequest("ok", payload or {}, delay_s=60, unique=named, idempotency_key=idempotency_key)


def submit(world: World, request: JobRequest) -> Submitted:
    return world.app.submit.one(TENANT, request)


class Passed:
    """A table on which something happens after each transaction."""

    def __init__(self, table: Any, happens: Callable[[], None]) -> None:
        self._table, self._happens = table, happens

    def __getattr__(self, name: str) -> Any:
        return getattr(self._table, name)

    def apply_together(self, writes: Sequence[Write]) -> list[WriteResult]:
        results: list[WriteResult] = self._table.apply_together(writes)
        self._happens()
        return results


def test_a_request_that_is_under_way_twice_is_no_conflict_with_itself() -> None:
    """The other one has made its job after this one was refused: that job holds the key, and is the answer."""
    world = World()
    holder = submit(world, asked()).job
    request, made = asked({"n": 2}, idempotency_key="i", on_conflict="reject"), list[Job]()

    def meanwhile() -> None:
        if not made:
            world.app.control.cancel(TENANT, holder.id)
            made.append(submit(world, request).job)

    answer = world.build(Passed(world.table, meanwhile), world.queues).submit.one(TENANT, request)
    assert (answer.job.id, answer.outcome) == (made[0].id, "replayed")


def test_a_submit_that_is_passed_again_and_again_pauses_after_the_second_time() -> None:
    """And gives up; whoever is passed once or twice does not wait."""
    world, slept = World(), list[float]()
    world.system = Clock(world.clock.now_ms, world.system.bits, slept.append)
    tries: list[int] = []

    def passed(writes: Sequence[Write]) -> list[WriteResult]:
        tries.append(len(slept))
        return [WriteResult(WriteStatus.REFUSED)] * len(writes)

    app = world.build(Refusing(world.table, "apply_together", passed), world.queues)
    with pytest.raises(UnavailableError, match="same moment"):
        app.submit.one(TENANT, asked(on_conflict="replace"))
    assert tries == [0, 0, *range(UNIQUE_TRIES - 2)]
    assert len(slept) == UNIQUE_TRIES - 2


def test_a_repeated_request_costs_one_transaction() -> None:
    """Its own job has refused it: nothing is left to be read."""
    world, calls = World(), list[str]()
    app = world.build(Counted(world.table, calls), Counted(world.queues, calls))
    first = app.submit.one(TENANT, asked(idempotency_key="i"))
    calls.clear()
    again = app.submit.one(TENANT, asked(idempotency_key="i"))
    assert (again.job.id, again.outcome, calls) == (first.job.id, "replayed", ["apply_together"])


def test_a_conflict_reads_the_key_and_the_job_that_took_it_last() -> None:
    """Nothing else; and a job of that id that only stands for another one holds no key."""
    world, read = World(), list[str]()
    holder = submit(world, asked()).job
    real = world.table.get
    world.table.get = lambda keys, **how: [read.append(key.sk) for key in keys] and real(keys, **how)  # type: ignore[method-assign,func-returns-value]
    assert submit(world, asked()).job.id == holder.id
    assert read == ["holder", "job"]


def test_a_note_in_the_place_of_the_job_that_took_a_key_last_does_not_hold_it() -> None:
    """That job is gone, and its id is that of a request which was answered with the holder of another key."""
    world = World()
    gone = submit(world, asked(idempotency_key="i")).job
    world.app.control.cancel(TENANT, gone.id)
    world.app.erasing.erase(TENANT, gone.id)
    other = submit(world, asked(key="other")).job
    assert submit(world, asked(key="other", idempotency_key="i")).job.id == other.id
    assert find_holder(world.app.runtime, TENANT, asked()).job is None
    assert submit(world, asked(on_conflict="reject")).outcome == "created"


@pytest.mark.parametrize("text", ["short", "x" * 20_000])
def test_a_job_that_replaces_another_one_runs_with_its_own_payload(text: str) -> None:
    """Also with one that has an item of its own."""
    world, seen = World(), list[str]()
    world.task("ok", lambda payload, ctx: seen.append(payload.text))
    old = submit(world, asked({"text": "old"})).job
    new = submit(world, asked({"text": text}, on_conflict="replace")).job
    world.pass_time(120, step_s=5)
    assert [world.job(job).state for job in (old, new)] == [State.CANCELLED, State.SUCCEEDED]
    assert seen == [text]


@pytest.mark.parametrize(
    ("unique", "answer"),
    [
        ({"on_conflict": "replace"}, "replaced"),
        ({"on_conflict": "postpone", "max_wait_s": 60, "scope": "pending"}, "postponed"),
        ({"on_conflict": "return"}, "returned"),
    ],
)
def test_submits_that_met_a_holder_are_counted(unique: dict[str, Any], answer: str) -> None:
    """By how they were answered; one that met none is not."""
    world = World()
    assert submit(world, asked(**unique)).outcome == "created"
    assert UNIQUE not in world.app.metrics.take()
    assert submit(world, asked(**unique)).outcome == answer
    assert world.app.metrics.take()[UNIQUE].numbers == {answer: 1}
