"""What overlap policies keep to when somebody else is quicker, or the table does not answer."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.builders.faults import Refusing
from tests.builders.limits import Metered, freed, items
from tests.builders.overlaps import RAN, RUNS, SKIPPED, WAITS, fire, fires, outcomes, running
from tests.builders.world import MINUTE_MS, TENANT, World
from whendue.bootstrap.application import App
from whendue.engine.message import from_body
from whendue.engine.ports import WriteResult as Ended
from whendue.engine.ports import WriteStatus
from whendue.jobs.model import Job, State
from whendue.schedules.fires import FireOutcome
from whendue.table.writes import Write

UNKNOWN = Ended(WriteStatus.UNAVAILABLE)


def meeting(world: World, name: str, meanwhile: Callable[[], Any]) -> App:
    """Build whendue on a table where something else happens just before a write; what it gives is the answer."""
    real = world.table.apply

    def apply(writes: list[Write]) -> list[Ended]:
        met = any(write.name == name for write in writes)
        return (meanwhile() if met else None) or real(writes)

    return world.build(store=Refusing(world.table, "apply", apply))


def fired(world: World) -> Job:
    """Return the job of the second fire."""
    [job] = [view.job for view in fires(world)[1:2] if view.job]
    return job


def test_a_fire_that_was_rescheduled_at_that_moment_is_not_shown_as_skipped() -> None:
    """Its message is done with: there will be another one."""
    world, _ = running("skip")
    world.clock.advance(10)

    def reschedule() -> None:
        world.app.control.reschedule(TENANT, fired(world).id, world.clock.now_ms() + 60_000, None)

    [worked] = world.work(meeting(world, "skip", reschedule))
    assert worked.unsettled == []
    assert outcomes(world) == [RUNS, WAITS]


@pytest.mark.parametrize(("name", "then"), [("skip", WAITS), ("skip_fire", SKIPPED)])
def test_a_skip_that_nobody_knows_of_keeps_the_message(name: str, then: tuple[Any, ...]) -> None:
    """It comes again until the job has ended and its fire is recorded."""
    world, _ = running("skip")
    world.clock.advance(10)
    [worked] = world.work(meeting(world, name, lambda: [UNKNOWN]))
    assert len(worked.unsettled) == 1
    assert outcomes(world) == [RUNS, then]
    world.clock.advance(400)
    world.work()
    kept = [item["outcome"] for item in world.table.items().values() if item.get("job") == fired(world).id]
    assert kept == [FireOutcome.SKIPPED.value]


def test_what_runs_is_asked_once_to_stop_and_what_waits_is_not_asked() -> None:
    """However many fires come until it has stopped."""
    world, first = running("cancel_running")
    world.table, table = Metered(), world.table
    world.table.rows.update(table.rows)
    world.table.indexes.update(table.indexes)
    world.app = world.build()
    fire(world, 3)
    assert world.job(first).cancel_requested
    assert world.table.writes["request_cancel"] == 1
    assert world.table.writes["skip"] == 2


def test_a_job_whose_worker_died_is_not_stopped_after_its_lease() -> None:
    """It does not run; like any retry it waits for the slot and gives way to nobody."""
    world, first = running("cancel_running", lease_s=15)
    world.clock.advance(20)
    world.work()
    assert (world.job(first).state, world.job(first).cancel_requested) == (State.RUNNING, False)


@pytest.mark.parametrize("overlap", ["buffer_one", "cancel_running"])
def test_a_fire_that_waits_no_longer_is_in_nobodys_way(overlap: Any) -> None:
    """It was cancelled, and its job may even be gone: the next one waits in its place."""
    world, _ = running(overlap)
    for gone in (False, True):
        fire(world)
        waits = fires(world)[-1].job
        assert waits
        assert outcomes(world)[-1] == WAITS
        world.app.control.cancel(TENANT, waits.id)
        if gone:
            del world.table.rows[waits.key]
    fire(world)
    assert outcomes(world)[-1] == WAITS


def test_a_newer_fire_that_has_ended_is_in_no_older_ones_way() -> None:
    """A message that comes late, after the newer fire was cancelled: it waits for what runs."""
    world, _ = running("cancel_running")
    world.clock.advance(20)
    messages = {from_body(message.body).id: message for message in world.queues.receive("normal")}
    older, newer = (view.job for view in fires(world)[1:])
    assert older
    assert newer
    for job in (newer, older):
        world.app.work.handle([messages[job.id]], world.clock.now_ms() + MINUTE_MS)
        world.app.control.cancel(TENANT, newer.id)
    assert outcomes(world) == [RUNS, WAITS, (FireOutcome.RAN, None, State.CANCELLED)]


def test_a_slot_that_was_kept_for_a_fire_that_gives_way_goes_to_the_newer_one() -> None:
    """At once: it does not stay empty until the older one's minute is over."""
    world, _ = running("cancel_running")
    fire(world)
    freed(world)
    assert len(world.queues.receive("normal")) == 1
    fire(world)
    assert outcomes(world)[1:] == [SKIPPED, RAN]
    assert items(world, "slot") == {}
