"""Payloads with references: which are resolved, and with what."""

import pytest

from tests.builders.dependencies import after, cause, states
from tests.builders.world import World
from whendue.table.keys import payload_key


def test_what_looks_like_a_reference_is_none_in_a_job_without_dependencies() -> None:
    """It is taken as it is."""
    world = World()
    job = world.submit(payload={"x": {"$from": "fetch", "path": "a b c"}})
    world.work()
    assert world.view(job).result["x"] == {"$from": "fetch", "path": "a b c"}


def test_a_payload_that_is_gone_refers_to_nothing() -> None:
    """The job is dead, and says why."""
    world = World()
    dependency = world.submit()
    dependent = world.submit(payload={"text": "x" * 1000, "y": {"$from": dependency.id}}, depends_on=after(dependency))
    del world.table.rows[payload_key(dependent.id, dependent.request_hash)]
    world.work()
    assert (states(world, dependent), cause(world, dependent)) == (["dead"], "payload_missing")


@pytest.mark.parametrize("gone", [False, True], ids=["dead", "gone"])
def test_a_dependency_without_a_result_gives_the_default(gone: bool) -> None:
    """One that failed has none, nor has one that is no longer kept; a result that is null is one."""
    world = World()
    dependency = world.submit("ok" if gone else "bad", policy={"max_attempts": 1})
    payload = {"x": {"$from": dependency.id, "default": 7}}
    dependent = world.submit(payload=payload, depends_on=after(dependency, on="done"), delay_s=60)
    world.work()
    if gone:
        del world.table.rows[dependency.key]
    world.pass_time(90)
    assert world.view(dependent).result["x"] == 7
