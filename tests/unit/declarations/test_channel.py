"""How channels are declared, and what may not be."""

from typing import Any

import pytest
from pydantic import BaseModel

from tests.builders.notified import shipped_channels
from whendue.declarations.channel import Attempt, ChannelConfig, Event
from whendue.declarations.registry import TASKS, Registry, channel, task
from whendue.errors import ConfigurationError, InvalidRequestError, UnknownChannelError, UnknownTaskError


class Pigeon(ChannelConfig):
    """Where it flies."""

    loft: str


class Payload(BaseModel):
    """Anything."""


def fly(event: Event, config: Pigeon, attempt: Attempt) -> Any:
    return config.loft


def test_the_shipped_channels_are_discovered() -> None:
    """Their names are part of the interface; their tasks are no tasks of users."""
    assert {"email", "sns", "webhook"} <= set(shipped_channels())
    assert not any(name.startswith("notify.") for name in TASKS.names())


def test_a_channel_is_one_function_with_its_configuration() -> None:
    """And the task of its deliveries comes with it."""
    registry = Registry()
    channel("pigeon", registry=registry)(fly)
    definition = registry.channel("pigeon")
    assert definition.parse({"loft": "roof"}, "acme") == Pigeon(loft="roof")
    assert registry.get("notify.pigeon").channel is definition
    assert registry.get("notify.pigeon").payload is Event
    with pytest.raises(UnknownChannelError):
        registry.channel("owl")
    with pytest.raises(UnknownTaskError):
        registry.get("notify.owl")


def test_a_configuration_that_does_not_fit_says_where_and_not_what() -> None:
    """It may hold a secret."""
    registry = Registry()
    channel("pigeon", registry=registry)(fly)
    with pytest.raises(InvalidRequestError) as caught:
        registry.channel("pigeon").parse({"loft": ["hunter2"], "hunter3": 1}, "acme")
    places: Any = caught.value.details["errors"]
    assert {error["where"] for error in places} == {"config.loft", "config.hunter3"}
    assert "hunter2" not in f"{caught.value} {places}"


def test_a_channel_that_takes_something_else_is_refused() -> None:
    """At the start of the process, not at the first delivery."""

    def two(event: Event, config: Pigeon) -> None: ...

    def other(event: Event, config: Payload, attempt: Attempt) -> None: ...

    for function in (two, other):
        with pytest.raises(ConfigurationError, match="pigeon"):
            channel("pigeon", registry=Registry())(function)


def test_two_channels_of_a_name_and_a_task_called_like_a_delivery_are_refused() -> None:
    """Whose would it be?"""
    registry = Registry()
    channel("pigeon", registry=registry)(fly)
    channel("pigeon", registry=registry)(fly)

    def other(event: Event, config: Pigeon, attempt: Attempt) -> None: ...

    with pytest.raises(ConfigurationError):
        channel("pigeon", registry=registry)(other)

    def run(payload: Payload) -> None: ...

    with pytest.raises(ConfigurationError, match="notify"):
        task("notify.owl", registry=registry)(run)
