"""Jobs that look for the ends that they wait for themselves."""

from tests.builders.dependencies import after, cause, states
from tests.builders.world import TENANT, World
from whendue.engine.reconcile import DependencyReconciler
from whendue.table.keys import dependencies_key
from whendue.table.writes import delete


def test_a_job_whose_dependency_does_not_exist_gives_up_on_it_after_a_while() -> None:
    """Whoever was writing the dependency may be slow; after ten minutes they have died."""
    world = World()
    dependency = world.submit(delay_s=3600)
    dependent = world.submit(depends_on=after(dependency))
    world.table.apply([delete("gone", dependency.key)])
    world.pass_time(500, step_s=20)
    assert states(world, dependent) == ["waiting"]
    world.pass_time(1500, step_s=20)
    assert (states(world, dependent), cause(world, dependent)) == (["cancelled"], "dependency_missing")


def test_a_job_whose_list_of_dependencies_is_gone_does_not_hold_up_the_others() -> None:
    """The list outlasts a wait of a year; who was held longer waits on, and the timer goes on with its work."""
    world = World()
    dependency = world.submit("bad", policy={"max_attempts": 1})
    dependent = world.submit(depends_on=after(dependency), on_dependency_failure="hold")
    other = world.submit(depends_on=after(world.submit(delay_s=90)))
    world.work()
    world.table.apply([delete("gone", dependencies_key(dependent.id, dependent.request_hash))])
    world.pass_time(200)
    assert states(world, dependent, other) == ["waiting", "succeeded"]


def test_a_job_whose_list_of_dependencies_is_gone_is_no_error() -> None:
    """Each of its checks would be one, once a minute."""
    world = World()
    dependent = world.submit(depends_on=after(world.submit(delay_s=3600)))
    world.table.apply([delete("gone", dependencies_key(dependent.id, dependent.request_hash))])
    DependencyReconciler(world.app.runtime).reconcile([dependent])
    assert world.app.runtime.bulkhead.take() == {}
    assert states(world, dependent) == ["waiting"]


def test_a_held_job_whose_dependency_is_erased_is_cancelled() -> None:
    """Seen before: it waited for ever, for a redrive of what is gone."""
    world = World()
    dependency = world.submit("bad", policy={"max_attempts": 1})
    dependent = world.submit(depends_on=after(dependency), on_dependency_failure="hold")
    world.work()
    world.pass_time(1500, step_s=20)
    assert states(world, dependent) == ["waiting"]
    world.app.erasing.erase(TENANT, dependency.id)
    world.pass_time(1500, step_s=20)
    assert (states(world, dependent), cause(world, dependent)) == (["cancelled"], "dependency_missing")
