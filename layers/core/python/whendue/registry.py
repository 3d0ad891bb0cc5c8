"""Tasks and channels: how they are declared with `@task` and `@channel`, found, and how they say what came of it."""

import importlib
import inspect
import pkgutil
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Final

from pydantic import BaseModel, ValidationError

from whendue.channel import ChannelConfig, Event, ReceiverGoneError
from whendue.context import Context
from whendue.errors import (
    ConfigurationError,
    InvalidPayloadError,
    InvalidRequestError,
    NotAllowedError,
    SubscriptionDisabledError,
    UnknownChannelError,
    UnknownTaskError,
)
from whendue.limits import WORKFLOW_ERRORS
from whendue.resources import resource
from whendue.ssrf import TargetRefusedError

BUILT_IN_TASKS: Final = "whendue.tasks"
BUILT_IN_CHANNELS: Final = "whendue.channels"
# Deliveries are jobs of such a type; no user submits one.
DELIVERIES: Final = "notify."
USER_TASKS: Final = "functions.worker.tasks"


class Retry(Exception):  # noqa: N818 - an outcome that a task chooses, not an error
    """Raised by a task: this attempt failed, try again.

    Args:
        reason: why, for people.
        after: the least delay before the next attempt (seconds or timedelta), besides the backoff.
    """

    def __init__(self, reason: str = "the task asked to be tried again", *, after: float | timedelta = 0) -> None:
        """Note the reason and the delay."""
        super().__init__(reason)
        self.after_s = after.total_seconds() if isinstance(after, timedelta) else float(after)


class GiveUp(Exception):  # noqa: N818 - an outcome that a task chooses, not an error
    """Raised by a task: the job is dead, no attempt can help."""


class Cancel(Exception):  # noqa: N818 - an outcome that a task chooses, not an error
    """Raised by a task: the job is to end as cancelled."""


@dataclass(frozen=True, slots=True)
class TaskDefinition:
    """A task as declared.

    Args:
        name: the job type.
        function: called with the payload, and the context if it takes two arguments.
        payload: the pydantic model of its payload.
        never_retry: errors that no attempt can mend.
        policy: what it asks for over the defaults (`max_attempts`, `timeout_s`, ...); profile and request win over it.
        channel: whose deliveries it runs, None for any other task.
        expands: how its jobs make jobs of their own, see `whendue.domain.parts`; its function is never called then.
        check: refuses a payload that a tenant may not have.
    """

    name: str
    function: Callable[..., Any]
    payload: type[BaseModel]
    takes_context: bool
    never_retry: tuple[type[BaseException], ...]
    policy: Mapping[str, Any]
    channel: "ChannelDefinition | None" = None
    expands: str | None = None
    check: Callable[[Any, str], None] | None = None

    def call(self, payload: object, context: Context) -> Any:
        """Validate the payload and run the task; what it returns or raises is the attempt's outcome."""
        model = self.parse(payload)
        if self.channel:
            return resource("notify")(self.channel, model, context)
        return self.function(model, context) if self.takes_context else self.function(model)

    def parse(self, payload: object, tenant: str | None = None) -> BaseModel:
        """Turn a JSON value into the payload model, and see whether the tenant, if it is given, may have it.

        Raises:
            InvalidPayloadError: it does not fit; `details["errors"]` names the places, never the values.
            NotAllowedError: the operator does not allow it to the tenant.
        """
        try:
            model = self.payload.model_validate(payload)
        except ValidationError as error:
            message = f"the payload does not fit the task {self.name}"
            raise InvalidPayloadError(message, errors=_places(error)) from None
        if self.check and tenant is not None:
            self.check(model, tenant)
        return model


@dataclass(frozen=True, slots=True)
class ChannelDefinition:
    """A channel as declared.

    Args:
        name: what subscriptions call it.
        function: called with the event, the configuration and the attempt.
        config: the pydantic model of its configuration.
        check: refuses a configuration that a tenant may not have.
    """

    name: str
    function: Callable[..., Any]
    config: type[ChannelConfig]
    check: Callable[[Any, str], None] | None

    def parse(self, config: object, tenant: str) -> ChannelConfig:
        """Turn a JSON value into the configuration, and see whether the tenant may have it.

        Raises:
            InvalidRequestError: it does not fit, or may not be; `details["errors"]` names the places, never the values.
        """
        try:
            model = self.config.model_validate(config)
        except ValidationError as error:
            message = f"the configuration does not fit the channel {self.name}"
            raise InvalidRequestError(message, errors=_places(error, "config")) from None
        if self.check:
            self.check(model, tenant)
        return model


def _places(error: ValidationError, *inside: str) -> list[dict[str, str]]:
    return [
        {"where": ".".join(map(str, (*inside, *part["loc"]))), "problem": part["msg"]}
        for part in error.errors(include_input=False, include_url=False, include_context=False)[:WORKFLOW_ERRORS]
    ]


class Registry:
    """The tasks and channels of a process, by name."""

    def __init__(self) -> None:
        """Start empty."""
        self._tasks: dict[str, TaskDefinition] = {}
        self._channels: dict[str, ChannelDefinition] = {}

    def add(self, definition: TaskDefinition) -> None:
        """Add a task.

        Raises:
            ConfigurationError: another function has this name already.
        """
        known = self._tasks.get(definition.name)
        if known and known.function.__code__ is not definition.function.__code__:
            raise ConfigurationError(f"two tasks are called {definition.name!r}")
        self._tasks[definition.name] = definition

    def get(self, name: str) -> TaskDefinition:
        """Find a task.

        Raises:
            UnknownTaskError: none has this name.
        """
        try:
            return self._tasks[name]
        except KeyError:
            raise UnknownTaskError(f"no task is called {name!r}") from None

    def names(self) -> list[str]:
        """List the names of the tasks that users submit, sorted."""
        return sorted(name for name in self._tasks if not name.startswith(DELIVERIES))

    def all_names(self) -> list[str]:
        """List the names of all tasks, sorted; those that deliver among them."""
        return sorted(self._tasks)

    def add_channel(self, definition: ChannelDefinition) -> None:
        """Add a channel, and the task that delivers by it.

        Raises:
            ConfigurationError: another function has this name already.
        """
        never_retry = (NotAllowedError, TargetRefusedError, SubscriptionDisabledError, ReceiverGoneError)
        name = f"{DELIVERIES}{definition.name}"
        self.add(TaskDefinition(name, definition.function, Event, True, never_retry, {}, channel=definition))  # noqa: FBT003
        self._channels[definition.name] = definition

    def channel(self, name: str) -> ChannelDefinition:
        """Find a channel.

        Raises:
            UnknownChannelError: none has this name.
        """
        try:
            return self._channels[name]
        except KeyError:
            raise UnknownChannelError(f"no channel is called {name!r}") from None

    def channels(self) -> list[str]:
        """List the names of the channels, sorted."""
        return sorted(self._channels)


TASKS: Final = Registry()


def task(
    name: str,
    *,
    never_retry: tuple[type[BaseException], ...] = (),
    registry: Registry = TASKS,
    expands: str | None = None,
    check: Callable[[Any, str], None] | None = None,
    **policy: Any,
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Declare a function as the task of this name.

    Args:
        name: the job type, as in `email.send`.
        never_retry: errors that end the job at once.
        registry: where to declare it.
        expands: its jobs make jobs of their own.
        check: called with the payload and the tenant at submit; raises `NotAllowedError`. What it allows may be
            forbidden before the job runs: the function checks again.
        policy: fields of `Policy` that this task wants over the defaults, as in `max_attempts=3`; a profile or a
            request that sets them wins.

    Raises:
        ConfigurationError: the function's first parameter is not annotated with a pydantic model, or the name is one
            of deliveries.
    """

    def declare(function: Callable[..., Any]) -> Callable[..., Any]:
        if name.startswith(DELIVERIES):
            raise ConfigurationError(f"the task {name!r} must not be called like a delivery ({DELIVERIES}...)")
        parameters = list(inspect.signature(function).parameters)
        hints = typing.get_type_hints(function)
        model = hints.get(parameters[0]) if parameters else None
        if not (inspect.isclass(model) and issubclass(model, BaseModel)) or len(parameters) > 2:  # noqa: PLR2004
            raise ConfigurationError(f"the task {name!r} must take (payload: a pydantic model) or (payload, ctx)")
        definition = TaskDefinition(name, function, model, len(parameters) == 2, never_retry, policy)  # noqa: PLR2004
        registry.add(replace(definition, expands=expands, check=check))
        return function

    return declare


def channel(
    name: str, *, check: Callable[[Any, str], None] | None = None, registry: Registry = TASKS
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Declare a function as the channel of this name; it takes (event, config, attempt) and sends, or raises.

    Args:
        name: what subscriptions call it.
        check: called with the configuration and the tenant when a subscription is put; raises `InvalidRequestError`.
        registry: where to declare it.

    Raises:
        ConfigurationError: the function's second parameter is not annotated with a `ChannelConfig`.
    """

    def declare(function: Callable[..., Any]) -> Callable[..., Any]:
        parameters = list(inspect.signature(function).parameters)
        hints = typing.get_type_hints(function)
        model = hints.get(parameters[1]) if len(parameters) == 3 else None  # noqa: PLR2004
        if not (inspect.isclass(model) and issubclass(model, ChannelConfig)):
            raise ConfigurationError(f"the channel {name!r} must take (event, config: a ChannelConfig, attempt)")
        registry.add_channel(ChannelDefinition(name, function, model, check))
        return function

    return declare


def discover(*packages: str) -> Registry:
    """Import every module of the packages, so that their tasks and channels are declared, and give the registry.

    Raises:
        ConfigurationError: a module cannot be imported; the message names it.
    """
    for name in packages:
        try:
            package = importlib.import_module(name)
            for module in sorted(part.name for part in pkgutil.iter_modules(package.__path__)):
                importlib.import_module(f"{name}.{module}")
        except ImportError as error:
            raise ConfigurationError(f"the tasks of {name} cannot be imported: {error}") from error
    return TASKS
