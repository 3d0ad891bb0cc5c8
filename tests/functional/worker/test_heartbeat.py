"""Heartbeats: each lease in time, several in one call, none that is not due."""

from collections.abc import Sequence

import pytest

from tests.builders.faults import Refusing
from tests.builders.world import MINUTE_MS, World
from whendue.jobs.transitions import claim
from whendue.worker.claimed_job import ClaimedJob, claimed
from whendue.worker.heartbeat import Heartbeater


def running(world: World, *leases_s: int, queues: Sequence[str] = ()) -> list[ClaimedJob]:
    """Claim a job with each of these leases; in these queues, if not all in one."""
    under_way = []
    for lease_s, queue in zip(leases_s, queues or ["normal"] * len(leases_s), strict=True):
        job = world.submit(queue=queue, policy={"lease_s": lease_s})
        [message] = world.queues.receive(queue)
        step = claim(job, f"fence-{lease_s}", world.clock.now_ms())
        assert world.table.apply([step])[0].done
        under_way.append(claimed(world.app.runtime, message, step.job, world.clock.now_ms() + MINUTE_MS))
    return under_way


@pytest.mark.parametrize(
    ("after_s", "renewed"),
    [(1.9, []), (2, [6, 7]), (19, [6, 7, 60])],
    ids=["none is due", "one is due and one soon", "one is due soon"],
)
def test_leases_that_are_due_are_renewed_with_those_that_are_due_soon(after_s: float, renewed: list[int]) -> None:
    """A third of each lease; a lease that has long to go costs no write."""
    world = World()
    under_way = running(world, 6, 7, 60)
    before = [claimed_job.lease_until for claimed_job in under_way]
    world.clock.advance(after_s)
    Heartbeater(world.app.runtime).keep(under_way, world.clock.now_ms())
    later = [job.lease_until > then for job, then in zip(under_way, before, strict=True)]
    assert [lease_s for lease_s, is_later in zip((6, 7, 60), later, strict=True) if is_later] == renewed
    stored = [world.job(claimed_job.job).lease_until for claimed_job in under_way]
    assert stored == [claimed_job.lease_until for claimed_job in under_way]


def test_messages_are_hidden_longer_in_their_own_queues() -> None:
    """A queue knows no receipt of another one."""
    world = World()
    under_way = running(world, 300, 300, queues=("high", "normal"))
    hidden: list[tuple[str, list[str]]] = []
    queue = Refusing(world.queues, "change_visibility", lambda name, receipts, _: hidden.append((name, receipts)))
    world.clock.advance(200)
    Heartbeater(world.build(queue=queue).runtime).keep(under_way, world.clock.now_ms())
    assert hidden == [(job.message.queue, [job.message.receipt]) for job in under_way]
