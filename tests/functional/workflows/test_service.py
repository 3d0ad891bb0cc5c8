"""What workflows keep to before they are accepted, how their nodes are made, and how they are found."""

import pytest
from pydantic import BaseModel

from tests.builders.workflows import flow, node, parts, start
from tests.builders.world import TENANT, World
from whendue.declarations.registry import task
from whendue.jobs.model import State

DAY_S = 86_400


def test_what_a_request_does_not_say_is_not_stored() -> None:
    """An item of one write unit has no room for it."""
    world = World()
    [item] = world.table.get([world.submit().key])
    assert item is not None
    unsaid = {
        "has_references",
        "follow",
        "unmet_dependencies",
        "has_dependents",
        "notify",
        "tags",
        "after_s",
        "parent_id",
        "parent_redrive",
    }
    assert not unsaid & item.keys()


@pytest.mark.parametrize(("own_s", "kept_s"), [(3600, 7 * DAY_S), (30 * DAY_S, 30 * DAY_S)])
def test_a_node_is_kept_as_long_as_its_workflow_at_least(own_s: int, kept_s: int) -> None:
    """docs/guide/workflows.md; what became of it is asked for until the workflow is gone."""
    world = World()
    whole = start(world, flow(node("a", policy={"retention_s": own_s})))
    world.work()
    assert parts(world, whole, 1)[0].policy.retention_s == kept_s


class Number(BaseModel):
    """A payload of one number."""

    n: int


def test_a_payload_with_references_is_checked_when_they_are_resolved() -> None:
    """Before, nobody knows what it will be; its attempt ends the node dead."""
    world = World()

    def double(payload: Number) -> int:
        return 2 * payload.n

    task("double", registry=world.registry)(double)
    world.task("give", lambda payload, ctx: payload.give)
    nodes = [node(f"g{give}", "give", {"give": give}) for give in (4, "four")]
    nodes += [node(f"d{give}", "double", {"n": {"$from": f"g{give}"}}, f"g{give}") for give in (4, "four")]
    whole = start(world, flow(*nodes))
    world.work()
    [*_, good, bad] = parts(world, whole, 4)
    assert (world.view(good).result, bad.state, bad.failures) == (8, State.DEAD, 1)
    assert bad.last is not None
    assert bad.last.type == "invalid_payload"


def test_a_node_is_kept_as_long_as_its_workflow_lives() -> None:
    """However long ago it ended: the workflow asks for it when it gathers, and when it is retried."""
    world = World()
    whole = start(
        world, flow(node("a"), node("b", "bad", {}, "a"), node("c", "ok", {}, "b", on_dependency_failure="hold"))
    )
    world.work()
    world.clock.advance(100 * 86_400)
    world.tick()
    assert None not in world.app.workflows.get(TENANT, whole.id).jobs.values()
    assert [part.expires_at for part in parts(world, whole, 3)] == [None] * 3
