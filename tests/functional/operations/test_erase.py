"""Erasing: when the timer looks again at what belongs to a job, and what a user's request to erase one refuses."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.builders.ageing import BIG, DAY_S, HOUR_S, Ageing
from tests.builders.dependencies import Costed, after, unavailable
from tests.builders.workflows import flow, node, parts, start
from tests.builders.world import MINUTE_MS, TENANT, World
from whendue.errors import StateConflictError
from whendue.jobs.dependencies import Upstream
from whendue.jobs.lifetime import payload_item
from whendue.jobs.model import Job, State
from whendue.operations.erase import JobEraser
from whendue.quotas import DEPENDED_ON_S, ERASE_AFTER_S, ERASE_CHECK_MAX_S
from whendue.submission.dependency_edges import edges_of
from whendue.submission.request import JobRequest
from whendue.table.keys import Key, dependent_key, members_key
from whendue.table.writes import Write, delete

HALF_S = DEPENDED_ON_S // 2
SHORT = {"retention_s": 60}
LONG = {"retention_s": 30 * DAY_S}


def edge(dependency: Job, dependent: Job) -> Key:
    """Return the key of the note that one job waits for another one."""
    return dependent_key(dependency.id, dependent.id, dependent.request_hash)


def look(world: World, key: Key) -> int:
    """Let the timer look at a belonging when its time has come; return when it looks again, ms UTC."""
    world.clock.advance(max(0, world.table.items()[key]["check_at"] - world.clock.now_ms()) / 1000)
    world.tick()
    return int(world.table.items()[key]["check_at"])


class Before:
    """A table before whose first call, or first write, of a name something is done once."""

    def __init__(self, table: Any, name: str, do: Callable[[], object]) -> None:
        self._table, self._name, self._left = table, name, [do]

    def __getattr__(self, name: str) -> Any:
        function = getattr(self._table, name)

        def call(*arguments: Any, **options: Any) -> Any:
            names = [name, *(write.name for write in arguments[0])] if name == "apply" else [name]
            if self._left and self._name in names:
                self._left.pop()()
            return function(*arguments, **options)

        return call


# --- the timer's look ------------------------------------------------------------------------------------------------


def test_the_payload_of_a_job_due_in_months_is_looked_at_once_soon_and_then_after_its_retention() -> None:
    """Not at intervals: each delayed job may have one."""
    world = World()
    job = world.submit(payload=BIG, delay_s=100 * DAY_S, policy=SHORT)
    key = payload_item(job)
    assert key is not None
    assert world.table.items()[key]["check_at"] == job.created_at + 1000 * ERASE_AFTER_S
    assert look(world, key) == job.due_at + 1000 * (60 + ERASE_AFTER_S)


def test_looking_at_what_waits_for_no_end_reads_the_jobs_alone() -> None:
    """A dependent is read for an edge only."""
    world = Costed()
    world.submit(payload=BIG, delay_s=2 * DAY_S)
    world.clock.advance(HOUR_S + 1)
    eraser = JobEraser(world.app.runtime)
    assert world.calls(lambda: eraser.look(world.clock.now_ms() + MINUTE_MS)) == {"get": 1, "apply": 1}


def test_what_belongs_to_a_job_goes_when_its_retention_is_over_however_late_ttl_is() -> None:
    """TTL may delete the job's own item days later; retention means retention."""
    world = Ageing(late_s=30 * DAY_S)
    job = world.submit("mail", BIG, policy=SHORT)
    world.work()
    world.age(DAY_S)
    assert [key.sk for key in world.table.items() if key.pk == job.key.pk] == ["job"]


@pytest.mark.parametrize("dependent_is", ["live", "over", "gone"])
def test_an_edge_to_a_live_job_is_looked_at_every_half_day(dependent_is: str) -> None:
    """The job may end at any time, and go a day later: until then the dependent may be redriven."""
    world = World()
    dependency = world.submit(delay_s=100 * DAY_S)
    dependent = world.submit(depends_on=after(dependency))
    if dependent_is != "live":
        world.app.control.cancel(TENANT, dependent.id)
    if dependent_is == "gone":
        world.table.apply([delete("ttl", dependent.key)])
    for _ in range(4):
        assert look(world, edge(dependency, dependent)) == world.clock.now_ms() + 1000 * HALF_S


@pytest.mark.parametrize("dependent_is", ["over", "gone", "another job under the same key"])
def test_a_job_is_kept_no_longer_for_a_dependent_that_needs_nothing(dependent_is: str) -> None:
    """Its edge is looked at next when its own retention is over."""
    world = World()
    dependency = world.submit(policy=SHORT)
    dependent = world.submit(depends_on=after(dependency), idempotency_key="k")
    world.work()
    assert world.job(dependent).state is State.SUCCEEDED
    if dependent_is != "over":
        world.app.erasing.erase(TENANT, dependent.id)
        world.table.apply([_put_back(dependency, dependent)])
    if dependent_is.startswith("another"):
        other = world.submit(payload={"n": 2}, idempotency_key="k", delay_s=90 * DAY_S)
        assert other.id == dependent.id
    expires_at = world.job(dependency).expires_at
    assert expires_at is not None
    assert look(world, edge(dependency, dependent)) == 1000 * (expires_at + 1)
    assert world.job(dependency).expires_at == expires_at


def test_a_job_with_a_long_retention_keeps_it_while_one_depends_on_it() -> None:
    """It is only ever kept longer."""
    world = Ageing()
    dependency = world.submit(policy=LONG)
    world.submit(depends_on=after(dependency), delay_s=8 * DAY_S)
    world.work()
    expires_at = world.job(dependency).expires_at
    world.age(5 * DAY_S)
    assert world.job(dependency).expires_at == expires_at


def test_a_job_that_is_redriven_while_it_is_kept_for_a_dependent_does_not_expire() -> None:
    """DynamoDB's TTL would delete it as it runs."""
    world = World()
    dependency = world.submit("bad", policy=SHORT | {"max_attempts": 1})
    dependent = world.submit(depends_on=after(dependency, on="done"), delay_s=8 * DAY_S)
    world.work()
    assert world.job(dependency).state is State.DEAD
    world.clock.advance(HALF_S)
    redriven = Before(world.table, "keep", lambda: world.app.control.redrive(TENANT, dependency.id))
    world.tick(world.build(redriven))
    again = world.job(dependency)
    assert (again.state, again.expires_at) == (State.PENDING, None)
    assert world.table.items()[edge(dependency, dependent)]["check_at"] > world.clock.now_ms()


def test_an_edge_to_a_member_is_looked_at_as_everything_else_of_a_live_job() -> None:
    """A member has no expiry of its own that could be put off: it goes with its workflow."""
    world = World()
    slow = node("slow", "bad", policy={"max_attempts": 12, "base_s": DAY_S, "factor": 1, "cap_s": DAY_S})
    whole = start(world, flow(slow))
    world.work()
    [member] = parts(world, whole, 1)
    dependent = world.submit(depends_on=after(member))
    key = edge(member, dependent)
    look(world, key)
    assert look(world, key) == world.clock.now_ms() + 1000 * ERASE_CHECK_MAX_S


def test_the_note_of_members_that_are_live_is_looked_at_half_a_day_later() -> None:
    """Not at each tick."""
    world = World()
    whole = start(world, flow(node("slow", "bad", policy={"max_attempts": 2, "base_s": DAY_S, "jitter": "none"})))
    world.work()
    world.table.apply([delete("lost", whole.key)])
    assert look(world, members_key(whole.id, whole.life)) == world.clock.now_ms() + 1000 * HALF_S


# --- on request ------------------------------------------------------------------------------------------------------


def test_a_job_whose_end_has_not_been_published_is_not_erased() -> None:
    """Its dependents are still to be released; the refusal names the state."""
    world = World()
    job = world.submit()
    world.submit(depends_on=after(job))
    world.work(unavailable(world, "finish_fan_out"))
    assert world.job(job).pending_fan_out is not None
    with pytest.raises(StateConflictError, match="still being passed on") as refused:
        world.app.erasing.erase(TENANT, job.id)
    assert refused.value.details == {"state": "succeeded"}


def test_a_job_of_a_workflow_is_refused_with_its_state() -> None:
    """As each conflict of states."""
    world = World()
    whole = start(world, flow(node("a")))
    world.work()
    [member] = parts(world, whole, 1)
    with pytest.raises(StateConflictError, match="cannot be erased alone") as refused:
        world.app.erasing.erase(TENANT, member.id)
    assert refused.value.details == {"state": "succeeded"}


def test_a_job_that_is_redriven_while_it_is_being_erased_stays_with_all_it_has() -> None:
    """The refusal names the state that was read."""
    world = Ageing()
    job = world.submit("bad", BIG, policy={"max_attempts": 1})
    world.work()
    redriven = Before(world.table, "query_range", lambda: world.app.control.redrive(TENANT, job.id))
    with pytest.raises(StateConflictError, match="has changed") as refused:
        world.build(redriven).erasing.erase(TENANT, job.id)
    assert refused.value.details == {"state": "dead"}
    assert world.job(job).state is State.PENDING
    world.check()


def test_what_an_erased_job_waited_for_forgets_it() -> None:
    """Its edges are among the belongings of others."""
    world = World()
    dependency = world.submit()
    dependent = world.submit(depends_on=after(dependency))
    world.work()
    key = edge(dependency, dependent)
    assert key in world.table.items()
    world.app.erasing.erase(TENANT, dependent.id)
    assert key not in world.table.items()


def test_a_new_job_whose_payload_is_there_before_the_old_one_is_erased_keeps_it() -> None:
    """A payload is written before its job: the key is freed in between."""
    world = Ageing()
    wanted = JobRequest("ok", BIG, idempotency_key="k")
    old = world.app.submit.one(TENANT, wanted).job
    world.work()
    world.clock.advance(1)
    erased = Before(world.table, "submit", lambda: world.app.erasing.erase(TENANT, old.id))
    new = world.build(erased).submit.one(TENANT, wanted).job
    assert (new.id, new.life == old.life) == (old.id, False)
    world.check()


def _put_back(dependency: Job, dependent: Job) -> Write:
    """Write an edge again, as a process left it that died before it deleted it."""
    [_, again] = edges_of(dependent, [Upstream(dependency.id, "success")])
    return again
