"""Unique jobs and time: an expiry that nobody has found yet, and due times of submits that have to try again."""

from collections.abc import Sequence
from typing import Any

import pytest

from tests.builders.faults import Counted
from tests.builders.world import TENANT, World
from whendue.engine.ports import WriteResult
from whendue.errors import InvalidRequestError, StateConflictError, UnavailableError
from whendue.jobs.model import Job, State
from whendue.jobs.transitions import claim
from whendue.quotas import UNIQUE_BATCH_S
from whendue.submission.request import Dependency, JobRequest, UniqueRequest
from whendue.submission.submit import Submitted
from whendue.submission.unique_jobs import find_holder
from whendue.table.writes import Write


def submit(world: World, request: JobRequest) -> Submitted:
    return world.app.submit.one(TENANT, request)


@pytest.mark.parametrize("on_conflict", ["return", "reject", "replace", "postpone"])
@pytest.mark.parametrize("scope", ["pending", "running", "until_success", "for_seconds"])
def test_an_expired_job_that_nobody_has_found_yet_holds_nothing(scope: Any, on_conflict: Any) -> None:
    """It can never run. It ends with the submit that takes its key, so that no slow clock runs it either."""
    world = World()
    unique = UniqueRequest(
        "k",
        scope=scope,
        for_s=600 if scope == "for_seconds" else None,
        on_conflict=on_conflict,
        max_wait_s=60 if on_conflict == "postpone" else None,
    )
    request = JobRequest("ok", {}, delay_s=5, expires_s=10, unique=unique)
    job = submit(world, request).job
    world.clock.advance(15)
    assert find_holder(world.app.runtime, TENANT, request).job is None
    second = submit(world, request)
    assert (second.outcome, world.job(job).state) == ("created", State.EXPIRED)
    world.pass_time(10)
    assert [len(world.runs(each)) for each in (job, second.job)] == [0, 1]


def test_a_job_that_begins_by_a_slow_clock_is_not_taken_for_expired() -> None:
    """Of a claim and an expiry, the table lets one happen: the key is the one's that has begun."""
    world = World()
    request = JobRequest("ok", {}, expires_s=10, unique=UniqueRequest("k"))
    job = submit(world, request).job
    app = world.build(Claiming(world.table, job), world.queues)
    world.clock.advance(11)
    answer = app.submit.one(TENANT, request)
    assert (answer.job.id, answer.created, world.job(job).state) == (job.id, False, State.RUNNING)


class Claiming:
    """A table on which a worker claims a job before the second transaction: the first one has met its holder."""

    def __init__(self, table: Any, job: Job) -> None:
        self._table, self._job, self._count = table, job, 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._table, name)

    def apply_together(self, writes: Sequence[Write]) -> list[WriteResult]:
        self._count += 1
        if self._count == 2:
            # By its clock it is in time.
            [claimed] = self._table.apply([claim(self._job, "slow", self._job.due_at + 9_000)])
            assert claimed.done
        return self._table.apply_together(writes)  # type: ignore[no-any-return]


def test_a_job_that_alone_is_due_after_its_longest_wait_is_refused() -> None:
    """Of jobs that are postponed none is due later than that after the first one was submitted, be it alone."""
    world = World()
    unique = UniqueRequest("k", scope="pending", on_conflict="postpone", max_wait_s=60)
    with pytest.raises(InvalidRequestError) as caught:
        submit(world, JobRequest("ok", {}, delay_s=61, unique=unique))
    assert "unique.maxWaitSeconds" in str(caught.value.details)
    first = submit(world, JobRequest("ok", {}, delay_s=60, unique=unique)).job
    world.clock.advance(5)
    second = submit(world, JobRequest("ok", {}, delay_s=60, unique=unique)).job
    assert [job.due_at - first.created_at for job in (first, second)] == [60_000, 60_000]


def test_a_submit_does_not_wait_for_the_dependents_of_the_job_that_it_replaces() -> None:
    """It ends one page of them, so that what it costs is bounded; the timer does the rest."""
    world, calls = World(), list[str]()
    unique = UniqueRequest("k", on_conflict="replace")
    old = submit(world, JobRequest("ok", {}, delay_s=3600, unique=unique)).job
    waiting = JobRequest("ok", {}, depends_on=(Dependency(old.id),))
    answers = world.app.submit.many(TENANT, [waiting] * 100) + world.app.submit.many(TENANT, [waiting] * 100)
    dependents = [answer.job for answer in answers if isinstance(answer, Submitted)]
    assert len(dependents) == 200
    app = world.build(Counted(world.table, calls), Counted(world.queues, calls))
    new = app.submit.one(TENANT, JobRequest("ok", {}, delay_s=3600, unique=unique))
    assert (new.outcome, world.job(old).state) == ("replaced", State.CANCELLED)
    assert len(calls) < 15
    with pytest.raises(StateConflictError, match="still being passed on"):
        world.app.erasing.erase(TENANT, old.id)
    world.pass_time(300, step_s=30)
    assert {world.job(job).state for job in dependents} == {State.CANCELLED}
    world.app.erasing.erase(TENANT, old.id)


def test_a_batch_answers_in_time_and_says_which_jobs_it_did_not_begin_with(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are sent again; jobs without a key are not held up by those before them."""
    world = World()
    real = world.table.apply_together

    def slow(writes: Sequence[Write]) -> list[WriteResult]:
        world.clock.advance(UNIQUE_BATCH_S / 2)
        return real(writes)

    monkeypatch.setattr(world.table, "apply_together", slow)
    wanted = [JobRequest("ok", {}, delay_s=60, unique=UniqueRequest(key)) for key in "abc"]
    first, second, third, plain = world.app.submit.many(TENANT, [*wanted, JobRequest("ok", {})])
    assert [isinstance(result, Submitted) for result in (first, second, plain)] == [True] * 3
    assert isinstance(third, UnavailableError)
    assert find_holder(world.app.runtime, TENANT, wanted[2]).job is None
    assert submit(world, wanted[2]).created
