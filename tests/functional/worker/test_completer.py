"""Recording ends: what becomes of a slot."""

import pytest

from tests.builders.limits import held_by_the_dead, items
from tests.builders.world import MINUTE_MS, SETTINGS, World
from whendue.jobs.model import State
from whendue.jobs.outcomes import Failed
from whendue.limits.limiter import Limiter
from whendue.limits.slot_model import Slot
from whendue.worker.claimed_job import claimed
from whendue.worker.completer import Completer


@pytest.mark.parametrize("stopped", [True, False])
def test_a_task_that_did_not_stop_keeps_its_slot(*, stopped: bool) -> None:
    """It may run until its lease ends: another one beside it would be one too many."""
    world = World()
    job = held_by_the_dead(world)
    world.clock.advance(SETTINGS.visibility_s)
    [message] = world.queues.receive("normal")
    runtime = world.app.runtime
    [(key, item)] = [(key, item) for key, item in world.table.items().items() if key.sk == "slot#000"]
    slot = Slot(key, item["fence"])
    claimed_job = claimed(runtime, message, world.job(job), world.clock.now_ms() + MINUTE_MS, slot)
    claimed_job.owned = stopped
    Completer(runtime, Limiter(runtime, world.app.profiles)).complete([(claimed_job, Failed("timeout", ""))])
    assert world.job(job).state is State.PENDING
    assert (items(world, "slot") == {}) is stopped
