"""Purging is bounded: in the calls of the table, and in time."""

from typing import Any

import pytest

from tests.builders.ageing import Ageing
from tests.builders.dependencies import Costed
from tests.builders.faults import Counted
from tests.builders.workflows import flow, node, start
from tests.builders.world import TENANT
from whendue.jobs.model import State
from whendue.quotas import ERASE_CALL_S, ERASE_WINDOW


@pytest.mark.parametrize(("marks", "queries"), [(1, 1), (ERASE_WINDOW + 1, 2)])
def test_everything_that_belongs_to_a_job_is_read_in_full_pages(marks: int, queries: int) -> None:
    """A page that is not full is the last one."""
    world = Costed()
    world.task("many", lambda payload, ctx: [ctx.once(str(number)) for number in range(marks)])
    job = world.submit("many")
    world.work()
    assert world.job(job).state is State.SUCCEEDED
    assert world.calls(lambda: world.app.erasing.erase(TENANT, job.id))["query_range"] == queries
    assert [key for key in world.table.items() if key.pk == job.key.pk] == []


def test_no_member_is_begun_with_once_the_time_is_over() -> None:
    """Each costs calls of its own, and the caller waits; the timer goes on."""
    world = Ageing()
    world.task("fetch", lambda payload, ctx: list(range(20)))
    whole = start(world, flow(node("fetch", "fetch"), node("each", "ok", {}, "fetch", for_each={"$from": "fetch"})))
    world.pass_time(300, step_s=10)
    assert world.job(whole).state is State.SUCCEEDED

    class Slow(Counted):
        """Each call takes a second."""

        def __getattr__(self, name: str) -> Any:
            world.clock.advance(1)
            return super().__getattr__(name)

    began_ms = world.clock.now_ms()
    world.build(Slow(world.table, [])).erasing.erase(TENANT, whole.id)
    # What is begun is ended: a member's delete, what is put off of the composite inside, and of the workflow.
    assert world.clock.now_ms() - began_ms <= 1000 * (ERASE_CALL_S + 5)
    assert world.left() != []
    world.tick()
    assert world.left() == []
