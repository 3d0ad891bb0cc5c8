"""Payloads with references: which are resolved, and with what."""

import pytest

from tests.builders.dependencies import after, cause, states
from tests.builders.world import World
from whendue.table.keys import payload_key


def test_what_looks_like_a_reference_is_none_in_a_job_without_parents() -> None:
    """It is taken as it is."""
    world = World()
    job = world.submit(payload={"x": {"$from": "fetch", "path": "a b c"}})
    world.work()
    assert world.view(job).result["x"] == {"$from": "fetch", "path": "a b c"}


def test_a_payload_that_is_gone_refers_to_nothing() -> None:
    """The job is dead, and says why."""
    world = World()
    parent = world.submit()
    child = world.submit(payload={"text": "x" * 1000, "y": {"$from": parent.id}}, depends_on=after(parent))
    del world.table.rows[payload_key(child.id, child.request_hash)]
    world.work()
    assert (states(world, child), cause(world, child)) == (["dead"], "payload_missing")


@pytest.mark.parametrize("gone", [False, True], ids=["dead", "gone"])
def test_a_parent_without_a_result_gives_the_default(gone: bool) -> None:
    """One that failed has none, nor has one that is no longer kept; a result that is null is one."""
    world = World()
    parent = world.submit("ok" if gone else "bad", policy={"max_attempts": 1})
    payload = {"x": {"$from": parent.id, "default": 7}}
    child = world.submit(payload=payload, depends_on=after(parent, on="done"), delay_s=60)
    world.work()
    if gone:
        del world.table.rows[parent.key]
    world.pass_time(90)
    assert world.view(child).result["x"] == 7
