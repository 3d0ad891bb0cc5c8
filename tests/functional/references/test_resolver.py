"""Payloads with references: which are resolved, and with what."""

import json
from collections.abc import Sequence

import pytest

from tests.builders.dependencies import after, cause, states
from tests.builders.faults import Refusing
from tests.builders.world import World
from whendue.engine.ports import Item
from whendue.references.resolver import InputResolver
from whendue.table.keys import Key, payload_key


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


def test_a_payload_that_is_read_alone_is_taken_as_it_is_without_dependencies() -> None:
    """Each is read alone where the read of all failed; what looks like a reference is none there, either."""
    world = World()
    payload = {"x": {"$from": "fetch", "path": "a b c"}, "text": "x" * 1000}
    job = world.submit(payload=payload)
    text = InputResolver(world.app.runtime).alone(world.job(job))
    assert isinstance(text, str)
    assert json.loads(text) == payload


def test_results_that_a_payload_does_not_refer_to_are_not_read() -> None:
    """Each may be a megabyte."""
    world, read = World(), list[Key]()
    wanted, other = world.submit(), world.submit()
    dependent = world.submit(payload={"x": {"$from": wanted.id}}, depends_on=after(wanted, other))

    def noted(keys: Sequence[Key]) -> list[Item | None]:
        read.extend(keys)
        return world.table.get(keys)

    app = world.build(store=Refusing(world.table, "get", noted))
    assert InputResolver(app.runtime).results(dependent, {wanted.id}).keys() == {wanted.id}
    assert wanted.key in read
    assert other.key not in read
