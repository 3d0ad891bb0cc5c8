"""Writes of transitions: each is tried once, and nothing is recorded before what must hold first."""

from tests.builders.dependencies import Costed, after, claimed, states, unavailable
from tests.builders.samples import an_error
from tests.builders.world import World
from whendue.engine.commit import commit_unsent
from whendue.engine.ports import WriteStatus
from whendue.jobs.model import evolve
from whendue.jobs.transitions import claim, fail, succeed


def test_an_end_with_a_new_dependent_releases_it() -> None:
    """Who records it has read the job before they came."""
    world = World()
    dependency = claimed(world)
    dependent = world.submit(depends_on=after(dependency))
    [end] = commit_unsent(world.app.runtime, [succeed(dependency, world.clock.now_ms(), None)])
    assert end.done
    world.work()
    assert states(world, dependency, dependent) == ["succeeded", "succeeded"]


def test_an_end_that_is_refused_is_tried_once() -> None:
    """Its claim is lost; nothing that others wait for would change that."""
    world = Costed()
    dependency = claimed(world)
    lost = succeed(claim(dependency, "lost", 0).job, world.clock.now_ms(), None)
    assert world.writes(lambda: commit_unsent(world.app.runtime, [lost])) == {"succeed": 1}


def test_a_claim_that_is_refused_is_tried_once_though_others_wait_for_the_job() -> None:
    """It ends nothing: it owes no news."""
    world = Costed()
    dependency = claimed(world)
    world.submit(depends_on=after(dependency))
    again = claim(dependency, "second", world.clock.now_ms())
    assert world.writes(lambda: commit_unsent(world.app.runtime, [again])) == {"claim": 1}


def test_nothing_is_recorded_before_what_must_hold_first() -> None:
    """A second failed attempt would take the place of the first, which nobody knows to be kept. Its neighbour ends."""
    world = World()
    jobs = [claimed(world, "a"), claimed(world, "b")]
    now_ms, timing = world.clock.now_ms(), world.app.runtime.settings.timing
    failed = fail(jobs[0], an_error(jobs[0]), now_ms, timing, draw=0).job
    commit_unsent(world.app.runtime, [fail(jobs[0], an_error(jobs[0]), now_ms, timing, draw=0)])
    again = claim(failed, "c", failed.due_at)
    commit_unsent(world.app.runtime, [again])
    steps = [fail(again.job, an_error(again.job), now_ms, timing, draw=0), succeed(jobs[1], now_ms, None)]
    results = commit_unsent(unavailable(world, "keep_attempt").runtime, steps)
    assert [end.status for end in results] == [WriteStatus.UNAVAILABLE, WriteStatus.DONE]
    assert states(world, *jobs) == ["running", "succeeded"]


def test_an_end_that_is_refused_releases_no_dependent() -> None:
    """Its dependents wait for the end that is stored: that of the worker that has the claim."""
    world = World()
    dependency = claimed(world)
    dependent = world.submit(depends_on=after(dependency))
    current = world.job(dependency)
    assert current.has_dependents
    lost = succeed(evolve(current, fence="lost"), world.clock.now_ms(), None)
    assert lost.job.pending_fan_out is not None
    [end] = commit_unsent(world.app.runtime, [lost])
    assert end.status is WriteStatus.REFUSED
    world.work()
    assert states(world, dependency, dependent) == ["running", "waiting"]
