"""Undoing a redrive: what has not begun ends again as it had ended before."""

from contextlib import suppress
from functools import partial
from typing import Any, cast

import pytest

from tests.builders.bulk import ALL, ONCE, UNKNOWN, begin, dead_jobs, events, get, to_the_end
from tests.builders.dependencies import after
from tests.builders.faults import Counted, KilledError
from tests.builders.world import TENANT, World
from whendue.bulk.model import Action, OperationState, operation_key
from whendue.engine.ports import JobStore
from whendue.errors import (
    StateConflictError,
)
from whendue.jobs.model import State
from whendue.operations.listing import JobFilter
from whendue.quotas import DEPENDED_ON_S
from whendue.schedule_quotas import IN_FLIGHT_S
from whendue.table.writes import REMOVE, Write


def test_a_redrive_is_undone_for_the_jobs_that_have_not_begun() -> None:
    """They are dead again, as before, and count as dead letters; one that has begun is named."""
    world = World()
    world.fails_first("second")
    [fine] = [world.submit("second", policy=ONCE)]
    world.work()
    jobs = dead_jobs(world, 2)
    cancelled = world.submit("ok", delay_s=3600)
    world.app.control.cancel(TENANT, cancelled.id, by="ada")
    operation = begin(world, Action.REDRIVE, rate_per_s=0.5)
    begin(world, Action.REDRIVE, JobFilter(state="cancelled"))
    begun = [job for job in [fine, *jobs] if world.job(job).due_at <= world.clock.now_ms()]
    world.work()
    undone = world.app.bulk.undo(TENANT, operation.id, "bob")
    assert (undone.action, undone.state, undone.undoes) == (Action.UNDO, OperationState.FINISHED, operation.id)
    waiting = [job for job in [fine, *jobs] if job not in begun]
    assert (undone.counts.changed, undone.counts.failed) == (2, 1)
    assert [failure.id for failure in undone.failures] == [begun[0].id]
    for job in waiting:
        stored = world.job(job)
        assert (stored.state, stored.last and stored.last.type) == (State.DEAD, "RuntimeError")
        assert events(world, job)[:2] == [("redrive_undone", "bob", undone.id), ("redriven", "ada", operation.id)]
    assert world.app.dead_letters.groups(TENANT, ALL, None).jobs >= 2
    runs = {job.id: len(world.runs(job)) for job in waiting}
    world.pass_time(300, step_s=10)
    assert {job.id: len(world.runs(job)) for job in waiting} == runs


@pytest.mark.parametrize("state", ["cancelled", "expired"])
def test_an_undone_redrive_gives_back_the_state_that_was(state: str) -> None:
    """What was cancelled is cancelled, and what had expired has expired."""
    world = World()
    job = world.submit("ok", delay_s=60, expires_s=30.0) if state == "expired" else world.submit("ok", delay_s=60)
    if state == "cancelled":
        world.app.control.cancel(TENANT, job.id, by="ada")
    world.clock.advance(300)
    world.tick()
    world.work()
    assert world.job(job).state == state
    operation = begin(world, Action.REDRIVE, JobFilter(state=state))
    assert operation.counts.changed == 1
    assert world.app.bulk.undo(TENANT, operation.id, "bob").counts.changed == 1
    assert world.job(job).state == state


@pytest.mark.parametrize("dependents", [False, True])
def test_the_end_is_that_of_before_and_the_job_is_kept_from_now(dependents: bool) -> None:
    """It stands where it stood among the dead ones; by its end alone it might be gone already."""
    world = World()
    [job] = dead_jobs(world, 1)
    before = world.job(job)
    world.clock.advance(60)
    operation = begin(world, Action.REDRIVE, JobFilter(type="bad"), rate_per_s=0.001)
    if dependents:
        # Its end is passed on before the job is put away.
        world.submit("ok", depends_on=after(job, on="done"))
    world.table.apply([Write("odd", job.key, (), {"due_at": world.clock.now_ms() + 40 * 86_400_000})])
    world.clock.advance(before.policy.retention_s + 1)
    undone_at = world.clock.now_ms()
    world.app.bulk.undo(TENANT, operation.id, "bob")
    world.pass_time(300, step_s=10)
    stored = world.job(job)
    assert (stored.state, stored.finished_at, stored.check_at) == (State.DEAD, before.finished_at, before.finished_at)
    assert stored.due_pk == before.due_pk
    kept_s = before.policy.retention_s + (DEPENDED_ON_S if dependents else 0)
    assert stored.expires_at == undone_at // 1000 + kept_s
    page = world.app.history.page(TENANT, job.id, 200, None)
    last, undone, redriven, first = page.events[:4]
    assert [event.type.value for event in (undone, redriven)] == ["redrive_undone", "redriven"]
    assert (last.type, last.at, last.failure) == (first.type, first.at, first.failure)


def test_what_was_undone_after_another_redrive_began_is_left_alone_by_that() -> None:
    """The selection is of the jobs that were dead then, though its end is earlier."""
    world = World()
    first, second = dead_jobs(world, 2)
    operation = begin(world, Action.REDRIVE, None, ids=[first.id], rate_per_s=0.001)
    world.clock.advance(1)
    other = begin(world, Action.REDRIVE, rate_per_s=0.001)
    world.table.apply([Write("odd", operation_key(TENANT, other.id), (), {"positions": REMOVE})])
    world.clock.advance(1)
    world.app.bulk.undo(TENANT, operation.id, "bob")
    assert world.job(first).state is State.DEAD
    to_the_end(world, other, ticks=60)
    assert (world.job(first).redrives, world.job(second).redrives) == (1, 1)
    assert world.job(first).state is State.DEAD


def test_only_what_the_redrive_has_changed_is_undone() -> None:
    """Not a job that somebody else runs again, or moves, and not another operation's."""
    world = World()
    first, second, third = dead_jobs(world, 3)
    operation = begin(world, Action.REDRIVE, None, ids=[first.id, second.id, UNKNOWN], rate_per_s=0.001)
    world.app.control.redrive(TENANT, third.id, 3600_000, by="eve")
    world.app.control.reschedule(TENANT, first.id, world.clock.now_ms() + 7_200_000, None, by="eve")
    undone = world.app.bulk.undo(TENANT, operation.id, "bob")
    undone = to_the_end(world, undone)
    assert (undone.counts.changed, [failure.id for failure in undone.failures]) == (0, [first.id])
    assert [world.job(job).state for job in (first, second, third)] == [State.PENDING, State.DEAD, State.PENDING]


def test_undoing_one_that_runs_cancels_it_and_waits_for_what_may_still_come(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that was at a piece when it was cancelled may go on for a while: what it redrives is undone, too."""
    monkeypatch.setattr("whendue.bulk.service.OPERATION_PIECE", 1)
    world = World()
    jobs = dead_jobs(world, 4)
    operation = begin(world, Action.REDRIVE, rate_per_s=1)
    late = partial(world.app.bulk.further, get(world, operation))
    undone = world.app.bulk.undo(TENANT, operation.id, "bob")
    assert get(world, operation).state is OperationState.CANCELLED
    late()
    assert sum(world.job(job).state is State.PENDING for job in jobs) == 1
    done = to_the_end(world, undone)
    assert done.ended_at
    assert done.ended_at >= operation.created_at + 1000 * IN_FLIGHT_S
    assert (done.counts.changed, done.counts.failed) == (2, 0)
    assert [world.job(job).state for job in jobs] == [State.DEAD] * 4


def test_only_a_redrive_can_be_undone() -> None:
    """What is deleted is gone."""
    world = World()
    operation = begin(world, Action.CANCEL)
    with pytest.raises(StateConflictError):
        world.app.bulk.undo(TENANT, operation.id, "bob")


def test_a_job_that_waits_for_a_retry_has_begun() -> None:
    """Its redrive has had an attempt: it goes on."""
    world = World()
    job = world.submit("bad", policy={"max_attempts": 2, "base_s": 600, "jitter": "none"})
    world.work()
    world.clock.advance(600)
    world.tick()
    world.work()
    assert world.job(job).state is State.DEAD
    operation = begin(world, Action.REDRIVE)
    world.work()
    assert world.job(job).state is State.PENDING
    undone = world.app.bulk.undo(TENANT, operation.id, "bob")
    assert [failure.id for failure in undone.failures] == [job.id]
    assert world.job(job).state is State.PENDING


def test_an_undo_comes_to_all_pieces_before_it_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Jobs of the last piece are due next: the timer would come too late for them."""
    monkeypatch.setattr("whendue.bulk.service.OPERATION_PIECE", 1)
    world = World()
    jobs = dead_jobs(world, 4)
    operation = to_the_end(world, begin(world, Action.REDRIVE, rate_per_s=0.001))
    waiting = [job for job in jobs if world.job(job).state is State.PENDING and not world.job(job).started_at]
    undone = world.app.bulk.undo(TENANT, operation.id, "bob")
    assert len(waiting) > 1
    assert undone.counts.changed == len(waiting)
    assert [world.job(job).state for job in waiting] == [State.DEAD] * len(waiting)


@pytest.mark.parametrize("ended", [True, False])
def test_a_second_undo_is_the_first_one(*, ended: bool) -> None:
    """So a request whose answer was lost can be sent again."""
    world = World()
    dead_jobs(world, 3)
    operation = begin(world, Action.REDRIVE, rate_per_s=0.5)
    first = world.app.bulk.undo(TENANT, operation.id, "bob")
    if ended:
        first = to_the_end(world, first)
    again = world.app.bulk.undo(TENANT, operation.id, "eve")
    assert (again.id, again.by, again.counts) == (first.id, "bob", first.counts)


@pytest.mark.parametrize("call", range(8))
def test_an_undo_killed_at_a_call_is_begun_by_the_next(call: int) -> None:
    """There is one, and the redrive names it."""
    world = World()
    dead_jobs(world, 3)
    operation = begin(world, Action.REDRIVE, rate_per_s=0.5)
    waiting = get(world, operation).counts.changed
    app = world.build(Counted(world.table, [], call, after=True))
    with suppress(KilledError):
        app.bulk.undo(TENANT, operation.id, "bob")
    undone = to_the_end(world, world.app.bulk.undo(TENANT, operation.id, "bob"))
    assert undone.counts.changed == waiting
    actions = [item.action for item in world.app.bulk.page(TENANT, 50, None).operations]
    assert actions.count(Action.UNDO) == 1
    assert get(world, operation).undone_by == undone.id


def test_two_undos_at_the_same_moment_are_one() -> None:
    """Seen before: the one that came second to the write was told that a service is unavailable."""
    world = World()
    dead_jobs(world, 2)
    redriven = begin(world, Action.REDRIVE, rate_per_s=0.001)
    both: list[str] = []

    class Meeting:
        def __getattr__(self, name: str) -> Any:
            real = getattr(world.table, name)
            return self._apply if name == "apply" else real

        def _apply(self, writes: Any) -> Any:
            if writes[0].name == "create_operation" and not both:
                both.append(world.app.bulk.undo(TENANT, redriven.id, "bob").id)
            return world.table.apply(writes)

    both.append(world.build(store=cast("JobStore", Meeting())).bulk.undo(TENANT, redriven.id, "bob").id)
    assert len(set(both)) == 1
    assert world.app.bulk.get(TENANT, both[0]).counts.changed == redriven.counts.changed
