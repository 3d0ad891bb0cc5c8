"""Idempotency-Keys of operations: one operation, whoever dies and however often it is asked."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.builders.bulk import ALL
from tests.builders.faults import Counted, KilledError
from tests.builders.world import TENANT, World
from whendue.bootstrap.application import App
from whendue.bulk.model import Action, Operation
from whendue.bulk.quotas import OPERATION_KEPT_S
from whendue.bulk.service import Asked
from whendue.errors import IdempotencyConflictError, InvalidRequestError

CANCEL = Asked(Action.CANCEL, "ada", wanted=ALL)


def once(app: App, key: str = "k", request: str = "{}", tenant: str = TENANT) -> tuple[Operation, bool]:
    return app.bulk.begin_once(tenant, CANCEL, key, request)


def operations(world: World) -> list[str]:
    return [operation.id for operation in world.app.bulk.page(TENANT, 50, None).operations]


def test_the_same_key_is_the_same_operation() -> None:
    """It changes nothing a second time; another tenant has its own keys."""
    world = World()
    world.submit("ok", delay_s=3600)
    operation, is_new = once(world.app)
    assert (operation.counts.changed, is_new) == (1, True)
    world.submit("ok", delay_s=3600)
    assert once(world.app) == (operation, False)
    assert operations(world) == [operation.id]
    assert once(world.app, "other")[0].counts.changed == 1
    assert once(world.app, tenant="other")[1]


def test_another_request_with_the_key_is_refused() -> None:
    """As of a submit."""
    world = World()
    once(world.app)
    with pytest.raises(IdempotencyConflictError):
        once(world.app, request='{"limit": 1}')


def test_a_key_is_free_when_its_operation_is_gone() -> None:
    """However late the TTL is."""
    world = World()
    first, _ = once(world.app)
    world.clock.advance(OPERATION_KEPT_S + 1)
    again, is_new = once(world.app, request='{"limit": 1}')
    assert is_new
    assert again.id != first.id


def test_a_request_that_could_be_of_no_job_takes_no_key() -> None:
    """Mended, it is sent with the same one."""
    world = World()
    before = world.table.items()
    with pytest.raises(InvalidRequestError):
        world.app.bulk.begin_once(TENANT, Asked(Action.CANCEL, "ada", ids=[]), "k", "{}")
    assert world.table.items() == before


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_wherever_a_process_dies_it_is_begun_once(after: bool) -> None:
    """The next request continues with the id that the key stands for."""
    died = kill_at = 0
    while True:
        world = World()
        jobs = [world.submit("ok", delay_s=86_400) for _ in range(2)]
        calls: list[str] = []
        try:
            once(world.build(store=Counted(world.table, calls, kill_at, after=after)))
        except KilledError:
            died += 1
        else:
            break
        operation, _ = once(world.app)
        world.clock.advance(60)
        world.tick()
        assert operations(world) == [operation.id]
        assert [world.job(job).state.value for job in jobs] == ["cancelled"] * 2
        kill_at += 1
    assert died > 4


def test_two_at_once_begin_one() -> None:
    """Whichever comes first to the key."""
    world = World()
    both: list[tuple[Operation, bool]] = []

    def between(real: Callable[..., Any]) -> Callable[..., Any]:
        def apply(writes: Any) -> Any:
            if writes[0].name == "note_key" and not both:
                both.append(once(world.app))
            return real(writes)

        return apply

    class Meeting:
        def __getattr__(self, name: str) -> Any:
            real = getattr(world.table, name)
            return between(real) if name == "apply" else real

    both.append(once(world.build(store=Meeting())))
    assert [is_new for _, is_new in both] == [True, False]
    assert both[0][0].id == both[1][0].id
    assert operations(world) == [both[0][0].id]
