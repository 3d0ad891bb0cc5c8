"""Members are stopped with their composite, wherever they are."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from tests.builders.dependencies import Costed, states
from tests.builders.samples import a_job
from tests.builders.workflows import a_whole, node, parts
from tests.builders.world import IDS, TENANT, World
from whendue.engine.reconcile import DependencyReconciler, must_stop_members
from whendue.jobs.model import Job, State
from whendue.table.keys import job_key
from whendue.table.writes import Write, delete


@pytest.mark.parametrize(
    ("changes", "stops"),
    [
        ({"member_count": 2}, False),
        ({"member_count": 2, "cancel_requested": True}, True),
        ({"member_count": 2, "deadline_at": 10}, True),
        ({"member_count": 2, "deadline_at": 11}, False),
        # They are no parts of it: nobody asked for their end.
        ({"cancel_requested": True}, False),
        ({"deadline_at": 10}, False),
    ],
)
def test_who_stops_the_jobs_that_it_waits_for(changes: dict[str, Any], stops: bool) -> None:
    """One that made them, and that was cancelled or has passed its deadline."""
    assert must_stop_members(a_job(state=State.WAITING, unmet_dependencies=frozenset({0}), **changes), 10) is stops


def test_a_workflow_stops_its_nodes_though_one_of_them_is_gone() -> None:
    """What is there is cancelled at once; what is gone counts as ended after a while."""
    world = World()
    whole = a_whole(world, node("a"), node("b"), node("c", "ok", {}, "b"))
    world.table.apply([delete("gone", job_key(IDS.of_member(whole.member_id_base, 0)))])
    world.app.control.cancel(TENANT, whole.id)
    assert [part.state for part in parts(world, whole, 3)] == [State.CANCELLED, State.CANCELLED]
    assert states(world, whole) == ["waiting"]


def test_stopping_reads_the_parts_twice_and_looks_into_those_that_wait_for_parts_alone() -> None:
    """Whoever has ended, or waits for other nodes, has nothing more to stop."""
    world = Costed()
    whole = a_whole(world, node("a"), node("b", "ok", {}, "a"))
    world.table.apply([Write("ask", whole.key, (), {"cancel_requested": True})])
    asked, check = list[list[str]](), DependencyReconciler.reconcile

    def noted(self: DependencyReconciler, waiting: Sequence[Job]) -> None:
        asked.append([job.id for job in waiting])
        check(self, waiting)

    _with(
        DependencyReconciler,
        "reconcile",
        noted,
        lambda: DependencyReconciler(world.app.runtime).reconcile([world.job(whole)]),
    )
    assert asked == [[whole.id], []]
    assert states(world, whole) == ["cancelled"]


def _with(owner: type, name: str, other: Any, do: Callable[[], None]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(owner, name, other)
        do()
