"""Nobody waits where nothing is wrong: sleeps are counted, since virtual time hides them and Lambda bills them."""

from dataclasses import replace

import pytest

from tests.builders.backends import Aws
from tests.builders.world import TENANT, World
from whendue.adapters.dynamodb.store import DynamoStore
from whendue.jobs.model import State
from whendue.operations.listing import JobFilter
from whendue.submission.request import JobRequest
from whendue.support.clock import Clock

JOBS = 10


class Watched(World):
    """A world on a real table, which notes every sleep of anybody."""

    def __init__(self, backend: Aws) -> None:
        super().__init__()
        self.sleeps: list[float] = []
        self.system = replace(self.system, sleep=self.sleeps.append)
        self.queues.clock = self.system
        self.store = DynamoStore(backend.clients.dynamodb, backend.table(), self.system, statements=backend.statements)
        self.app = self.build(store=self.store)


@pytest.fixture
def world(batches: Aws) -> Watched:
    return Watched(batches)


def test_effects_can_be_watched(world: Watched) -> None:
    """Or the tests below would show nothing."""
    assert isinstance(world.system, Clock)
    world.system.sleep(1)
    assert world.sleeps == [1]


def test_submit_work_timer_and_lists_sleep_not_at_all(world: Watched) -> None:
    """Seen before: up to 100 ms after each batch of writes that had all succeeded."""
    made = world.app.submit.many(TENANT, [JobRequest("ok", {}) for _ in range(JOBS)])
    assert len(made) == JOBS
    world.app.submit.one(TENANT, JobRequest("bad", {}))
    later = world.app.submit.one(TENANT, JobRequest("ok", {}, delay_s=400)).job
    world.work()
    world.clock.advance(300)
    assert world.tick().promoted == 1
    world.clock.advance(100)
    world.work()
    assert world.job(later).state is State.SUCCEEDED
    world.app.control.cancel(TENANT, world.app.submit.one(TENANT, JobRequest("ok", {}, delay_s=900)).job.id)
    world.app.listing.page("jobs", TENANT, JobFilter(), 50, None)
    assert world.sleeps == []
