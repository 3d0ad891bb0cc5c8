"""Ends that dependents hear of: each is counted once, whoever else is at it."""

from collections.abc import Sequence
from typing import Any

import pytest

from tests.builders.dependencies import Costed, a_child, heard, states, unavailable
from tests.builders.faults import Refusing
from tests.builders.samples import a_job
from tests.builders.world import World
from whendue.engine.ports import Item, WriteResult
from whendue.engine.release import DependencyReleaser, Released
from whendue.jobs.dependencies import Ending, UpstreamEnd
from whendue.jobs.dependency_transitions import satisfy
from whendue.table.keys import Key
from whendue.table.writes import Write

DAY_S = 86_400


@pytest.mark.parametrize("mine", [(0,), (0, 1)], ids=["one each", "one knows of both"])
def test_two_ends_at_the_same_moment_release_the_dependent_between_them(mine: tuple[int, ...]) -> None:
    """G7: neither may take the other for the one who looks."""
    world, others = World(), list[int]()
    dependent = a_child(world)

    def together(writes: Sequence[Write]) -> list[WriteResult]:
        if not others:
            others.append(1)
            world.table.apply([satisfy(world.job(dependent), frozenset({1}))])
        return world.table.apply(writes)

    assert heard(world.build(store=Refusing(world.table, "apply", together)), dependent, *mine) == Released(set(), [])
    assert states(world, dependent) == ["pending"]


@pytest.mark.parametrize(("numbers", "name"), [((0,), "satisfy"), ((0, 1), "release")])
def test_what_is_not_known_to_be_written_is_repeated_at_a_check(numbers: tuple[int, ...], name: str) -> None:
    """It is not tried again and again on a table that is throttled, and no message is sent."""
    world, sent, tried = World(), list[Any](), list[str]()
    dependent = a_child(world)
    deaf = unavailable(world, name).runtime.store

    def noted(writes: Sequence[Write]) -> list[WriteResult]:
        tried.extend(write.name for write in writes)
        return deaf.apply(writes)

    def send(queue: str, messages: Sequence[Any]) -> list[bool]:
        sent.extend(messages)
        return [True for _ in messages]

    app = world.build(Refusing(world.table, "apply", noted), Refusing(world.queues, "send", send))
    assert heard(app, dependent, *numbers) == Released({dependent.id}, [])
    assert (tried, sent) == ([name], [])
    assert states(world, dependent) == ["waiting"]


def test_only_who_was_refused_or_may_have_been_the_last_is_read_again() -> None:
    """Of a thousand dependents the others have heard."""
    world, read, others = World(), list[set[str]](), list[int]()
    dependents = [a_child(world) for _ in range(3)]

    def noted(keys: Sequence[Key]) -> list[Item | None]:
        read.append({key.pk for key in keys})
        return world.table.get(keys)

    def meanwhile(writes: Sequence[Write]) -> list[WriteResult]:
        if not others:
            others.append(1)
            world.table.apply([satisfy(world.job(dependents[0]), frozenset({1}))])
        return world.table.apply(writes)

    app = world.build(store=Refusing(Refusing(world.table, "apply", meanwhile), "get", noted))
    both = {
        dependent.id: [UpstreamEnd(n, "success", "dependency", 1, "succeeded") for n in (0, 1)]
        for dependent in dependents[:2]
    }
    DependencyReleaser(app.runtime).release(
        both | {dependents[2].id: [UpstreamEnd(0, "success", "dependency", 1, "succeeded")]}
    )
    assert read == [{dependent.key.pk for dependent in dependents}, {dependents[0].key.pk, dependents[2].key.pk}]
    assert states(world, *dependents) == ["pending", "pending", "waiting"]


def test_a_dependent_that_does_not_exist_is_not_released() -> None:
    """Its request died after its notes, or it is gone with its retention; its dependency has told it."""
    world = World()
    assert heard(world.app, a_job("0" * 36), 0) == Released(set(), [])


def test_a_payload_needs_no_longer_keeping_for_a_job_that_has_waited_for_a_moment() -> None:
    """A release is one write."""
    world = Costed()
    dependent = a_child(world, payload={"text": "x" * 1000})
    assert world.writes(lambda: heard(world.app, dependent, 0, 1)) == {"release": 1}
    assert world.meter.calls == {"get": 1, "apply": 1}


@pytest.mark.parametrize(
    ("numbers", "ending", "state"),
    [((0,), "succeeded", "waiting"), ((0, 1), "succeeded", "pending"), ((0,), "failed", "cancelled")],
)
def test_only_a_dependent_that_is_due_soon_is_sent(numbers: tuple[int, ...], ending: Ending, state: str) -> None:
    """One that waits on, that is due much later or that is cancelled: its message would be received for nothing."""
    world = World()
    dependent = a_child(world, delay_s=3600)
    assert heard(world.app, dependent, *numbers, ending=ending) == Released(set(), [])
    assert states(world, dependent) == [state]
    assert world.queues.pending("normal") == 0
    assert world.app.runtime.bulkhead.take() == {}
