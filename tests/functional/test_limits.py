"""Limits: never more at once, never faster, first come first served, and waiting costs no attempt."""

from tests.world import World
from whendue.domain.job import State
from whendue.domain.limit import Limit

KEY = Limit(concurrency=1, key="k")


def items(world: World, kind: str) -> list[str]:
    return [key.sk for key in world.table.items() if key.pk.startswith("LIMIT#") and key.sk.startswith(kind)]


def test_what_does_not_get_a_slot_waits_and_is_woken_in_order() -> None:
    world = World()
    jobs = [world.submit(limit=KEY) for _ in range(5)]
    world.work()
    assert [world.job(j).state for j in jobs] == [State.SUCCEEDED] * 5
    assert [j for j, _, _ in world.ran] == [j.id for j in jobs]
    assert items(world, "slot") == items(world, "waiter") == []
    print({k.sk: v for k, v in world.table.items().items() if k.pk.startswith("JOB")})


def test_rate() -> None:
    world = World()
    jobs = [world.submit(limit=Limit(rate_per_s=2, key="k")) for _ in range(20)]
    world.pass_time(15)
    assert [world.job(j).state for j in jobs] == [State.SUCCEEDED] * 20
    print([at - jobs[0].due_at for _, _, at in world.ran])


def test_both() -> None:
    world = World()
    jobs = [world.submit(limit=Limit(concurrency=2, rate_per_s=2, key="k")) for _ in range(20)]
    world.pass_time(15)
    assert [world.job(j).state for j in jobs] == [State.SUCCEEDED] * 20
    print([at - jobs[0].due_at for _, _, at in world.ran])
