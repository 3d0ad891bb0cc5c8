"""What dependencies keep to: a cause that still holds, one try of a write, the news of an end that somebody owes."""

from tests.functional.test_dependencies import after, states
from tests.world import TENANT, World
from whendue.domain.job import State


def test_a_job_that_was_not_taken_and_is_cancelled_after_a_redrive_counts_as_failed() -> None:
    """Its old cause is none of the new end: who waits for its failure runs, who waits for its success is told why."""
    world = World()
    parent = world.submit()
    bypassed = world.submit(depends_on=after(parent, on="failure"))
    world.work()
    assert world.job(bypassed).state is State.CANCELLED
    world.app.control.redrive(TENANT, bypassed.id, 60_000)
    handler = world.submit(depends_on=after(bypassed, on="failure"))
    success = world.submit(depends_on=after(bypassed))
    world.app.control.cancel(TENANT, bypassed.id)
    world.work()
    assert states(world, bypassed, handler, success) == ["cancelled", "succeeded", "cancelled"]
    last = world.job(success).last
    assert last is not None
    assert last.type == "parent_failed"
