"""One of several deliveries raises in the notifier, at every stage: it ends alone, and the others get theirs."""

import asyncio
from typing import Any

import pytest

from tests.builders.exceptions import BUILT_IN, EXCEPTIONS
from tests.builders.faults import Refusing
from tests.builders.notified import Notified
from tests.builders.world import TENANT
from whendue.declarations.channel import Attempt, ChannelConfig, Event
from whendue.declarations.context import Context
from whendue.declarations.registry import channel
from whendue.jobs.model import State
from whendue.notifications.sender import NotificationSender


class Plain(ChannelConfig):
    """A configuration of nothing."""


def three(world: Notified, error: BaseException | None = None) -> dict[str | None, State]:
    """Tell three subscriptions in one batch, of which the second's channel may raise; return what became of each."""

    @channel("plain", registry=world.registry)
    def plain(event: Event, config: Plain, attempt: Attempt) -> str:
        if attempt.subscription == "b" and error:
            raise error
        return "sent"

    for name in "abc":
        world.subscribe(name, "plain")
    deliveries = world.notify()
    [worked] = world.work(queue="notifications")
    assert worked.unsettled == []
    return {job.subscription: world.job(job).state for job in deliveries}


ONE_FAILED = {"a": State.SUCCEEDED, "b": State.PENDING, "c": State.SUCCEEDED}


@pytest.mark.parametrize("error", BUILT_IN)
def test_whatever_a_channel_raises_is_the_error_of_its_delivery(world: Notified, error: str) -> None:
    """Its subscription's health says so, whatever it was."""
    assert three(world, BUILT_IN[error]) == ONE_FAILED
    health = {item.name: item.failing_since is not None for item in world.app.subscriptions.every(TENANT)}
    assert health == {"a": False, "b": True, "c": False}
    assert [job.attempts[-1].type for job in world.log("b")] == [type(BUILT_IN[error]).__name__]


@pytest.mark.parametrize("error", EXCEPTIONS)
@pytest.mark.parametrize("stage", ["_config", "_attempt", "_read"])
def test_whatever_is_wrong_with_one_subscription_is_the_error_of_its_delivery(
    world: Notified, stage: str, error: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As stored, its configuration or its keys may be what nobody can read."""
    function = getattr(NotificationSender, stage)

    def raising(self: NotificationSender, *arguments: Any) -> Any:
        said = [
            argument.subscription if isinstance(argument, Context) else getattr(argument, "name", argument)
            for argument in arguments
        ]
        if "b" in said:
            raise EXCEPTIONS[error]
        return function(self, *arguments)

    monkeypatch.setattr(NotificationSender, stage, raising)
    assert three(world) == ONE_FAILED


@pytest.mark.parametrize("error", EXCEPTIONS)
def test_a_health_that_cannot_be_noted_hides_no_error(world: Notified, error: str) -> None:
    """What failed has failed with its own error."""
    store = world.table.apply

    def apply(writes: Any) -> Any:
        if any(write.name in ("note_failure", "note_success") for write in writes):
            raise EXCEPTIONS[error]
        return store(writes)

    world.app = world.build(Refusing(world.table, "apply", apply))
    assert three(world, RuntimeError("no")) == ONE_FAILED
    assert [job.attempts[-1].type for job in world.log("b")] == ["RuntimeError"]
    assert world.app.bulkhead.take()["isolated_errors"] == 1


def test_a_channel_that_is_a_coroutine_function_is_run_and_its_error_is_its_deliverys(world: Notified) -> None:
    """Its coroutine ends before its subscription's health is noted."""

    @channel("plain", registry=world.registry)
    async def plain(event: Event, config: Plain, attempt: Attempt) -> str:
        await asyncio.sleep(0)
        if attempt.subscription == "b":
            raise ConnectionError
        return "sent"

    for name in "abc":
        world.subscribe(name, "plain")
    deliveries = world.notify()
    world.work(queue="notifications")
    assert {job.subscription: world.job(job).state for job in deliveries} == ONE_FAILED
    health = {item.name: item.failing_since is not None for item in world.app.subscriptions.every(TENANT)}
    assert health == {"a": False, "b": True, "c": False}
