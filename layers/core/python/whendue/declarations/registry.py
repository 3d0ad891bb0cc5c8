"""Tasks and channels of a process: how they are declared with `@task` and `@channel`, found, and looked up."""

import sys
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, ParamSpec, TypeAlias, TypeVar

from whendue.declarations.definitions import ChannelDefinition, TaskDefinition
from whendue.declarations.discovery import ModuleFailure, failure, load, modules_of, named
from whendue.declarations.outcomes import Cancel, GiveUp, Retry
from whendue.errors import (
    ConfigurationError,
    NotAllowedError,
    SubscriptionDisabledError,
    UnknownChannelError,
    UnknownTaskError,
)
from whendue.jobs.model import WORKFLOW
from whendue.outbound.ssrf import TargetRefusedError
from whendue.quotas import TYPE_BYTES
from whendue.support.text import nearest

if TYPE_CHECKING:
    # A worker, which imports tasks, needs no descriptions of them.
    from whendue.declarations.calls.task_object import Task
    from whendue.declarations.described import DescribedTask

__all__ = ["Cancel", "ChannelDefinition", "GiveUp", "Retry", "TaskDefinition"]

# What is known of a task that jobs are accepted of.
KnownTask: TypeAlias = "TaskDefinition | DescribedTask"

# Names the file that describes the tasks of these packages: whendue.manifest.
MANIFEST_SETTING: Final = "WHENDUE_TASK_MANIFEST"
BUILT_IN_TASKS: Final = "whendue.tasks"
BUILT_IN_CHANNELS: Final = "whendue.channels"
# Deliveries are jobs of such a type; no user submits one.
DELIVERIES: Final = "notify."
# Package -> prefix of what its modules declare; each module declares what its file is called, and is imported for the
# first job of it: http and TLS, or the models of mails, are of no use to a process that has none.
DEFERRED: Final[Mapping[str, str]] = {BUILT_IN_TASKS: "", BUILT_IN_CHANNELS: DELIVERIES}
USER_TASKS: Final = "functions.worker.tasks"
P = ParamSpec("P")
R = TypeVar("R")


def packages_of(environment: Mapping[str, str], default: str = USER_TASKS) -> list[str]:
    """Return the packages whose tasks a process knows: those that WHENDUE_TASKS names, else those of `default`."""
    return [name for each in environment.get("WHENDUE_TASKS", default).split(",") if (name := each.strip())]


class Registry:
    """The tasks and channels of a process, by name, and the modules that could not be imported."""

    def __init__(self) -> None:
        """Start empty."""
        self._tasks: dict[str, TaskDefinition] = {}
        self._channels: dict[str, ChannelDefinition] = {}
        self._failures: dict[str, ModuleFailure] = {}
        # Task -> the module that declares it, imported when the task is first asked for.
        self._deferred: dict[str, str] = {}
        # Tasks that are known, and never imported: a manifest describes them.
        self._described: dict[str, DescribedTask] = {}
        # Tasks that cannot be had, and why: names that are declared twice, and those of modules that failed.
        self._clashes: dict[str, str] = {}
        self._lost: dict[str, str] = {}
        # What an error says of a task that is not known, as long as none of users is.
        self.why_unknown = ""

    # --- declaring ----------------------------------------------------------------------------------------------

    def add(self, definition: TaskDefinition) -> None:
        """Add a task. Adding the same again changes nothing.

        Of two different ones neither runs: it is unknown which of them a job means. Only a shipped task stays.

        Raises:
            ConfigurationError: another task has this name already; the message names both places.
        """
        from whendue.declarations.declaring import is_stale

        name = definition.name
        if self._deferred.get(name) != definition.module:
            self._import_deferred(name)
        known = self._tasks.get(name)
        if known and known != definition and not (known.location and is_stale(known.location)):
            if not known.is_shipped:
                self._remove(name)
                self._clashes[name] = f"it is declared twice, in {known.module} and in {definition.module}"
            problem = f"two tasks are called {name!r}; the other one is at {known.where}"
            raise ConfigurationError(f"{definition.where}: {problem}")
        if name in self._clashes:
            raise ConfigurationError(f"{definition.where}: the task {name!r} is there already: {self._clashes[name]}")
        self._tasks[name] = definition
        self._lost.pop(name, None)

    def add_channel(self, definition: ChannelDefinition) -> None:
        """Add a channel, and the task that delivers by it; otherwise as `add`."""
        from whendue.declarations.channel import Event, ReceiverGoneError

        never_retry = (NotAllowedError, TargetRefusedError, SubscriptionDisabledError, ReceiverGoneError)
        name = f"{DELIVERIES}{definition.name}"
        function, location = definition.function, definition.location
        self.add(TaskDefinition(name, function, Event, True, never_retry, {}, channel=definition, location=location))  # noqa: FBT003
        self._channels[definition.name] = definition

    def defer(self, name: str, module: str) -> None:
        """Note that a module declares a task of this name; it is imported when the task is first asked for."""
        if name not in self._tasks:
            self._deferred[name] = module

    def describe(self, described: "DescribedTask") -> None:
        """Note a task that is not imported here; a declared one of its name counts more."""
        self._described[described.name] = described

    def lose(self, name: str, reason: str) -> None:
        """Note why a task cannot be had."""
        self._lost[name] = reason

    def _import_deferred(self, name: str) -> None:
        """Import the module of a deferred task; the import system makes other threads wait for it.

        One that failed stays deferred, and is tried again: an attempt's timeout may have interrupted the import.
        """
        module = self._deferred.get(name)
        if module is None or name in self._tasks:
            return
        self.load(module)
        if module not in self._failures:
            self._deferred.pop(name, None)

    def load(self, module: str) -> None:
        """Import a module. If that fails, or one of its models cannot be used, all that it has declared is removed."""
        failed = load(module) or self._unusable(module)
        if failed:
            self.failed(failed)
        else:
            self._failures.pop(module, None)

    def failed(self, failed: ModuleFailure) -> None:
        """Note that a module could not be imported, and remove what it has declared before it failed."""
        self._failures[failed.module] = failed
        for name in self._declared_in(failed.module):
            self._remove(name)
            self._lost[name] = f"its module {failed.module} could not be imported"

    def _unusable(self, module: str) -> ModuleFailure | None:
        from whendue.declarations.declaring import unusable

        for name in self._declared_in(module):
            definition = self._tasks[name]
            model = definition.channel.config if definition.channel else definition.payload
            if problem := unusable(model):
                # Otherwise the next import of it would be none, and find no fault.
                sys.modules.pop(module, None)
                return failure(module, ConfigurationError(f"{definition.where}: the task {name!r}: {problem}"))
        return None

    def _declared_in(self, module: str) -> list[str]:
        return [
            name
            for name, definition in self._tasks.items()
            if definition.location and definition.location.module == module
        ]

    def remove(self, name: str) -> TaskDefinition:
        """Remove a task, and its channel if it has one; return its definition.

        Raises:
            KeyError: there is no task of this name.
        """
        self._import_deferred(name)
        return self._remove(name)

    def _remove(self, name: str) -> TaskDefinition:
        definition = self._tasks.pop(name)
        if definition.channel is not None:
            self._channels.pop(definition.channel.name, None)
        return definition

    # --- finding ------------------------------------------------------------------------------------------------

    @property
    def failures(self) -> list[ModuleFailure]:
        """The modules that could not be imported, by name."""
        return sorted(self._failures.values(), key=lambda lost: lost.module)

    @property
    def unavailable(self) -> dict[str, str]:
        """The tasks that cannot be had, each with the reason."""
        return self._lost | self._clashes

    def get(self, name: str) -> TaskDefinition:
        """Find a task to run it.

        Raises:
            UnknownTaskError: none has this name, or the one that has it could not be imported; the message names the
                module.
        """
        self._import_deferred(name)
        try:
            return self._tasks[name]
        except KeyError:
            raise UnknownTaskError(self._missing("task", name, name)) from None

    def find(self, name: str) -> KnownTask:
        """Find a task to accept jobs of it; it may only be described.

        Raises:
            UnknownTaskError: as `get`.
        """
        self._import_deferred(name)
        return self._tasks.get(name) or self._described.get(name) or self.get(name)

    def description(self, name: str) -> "DescribedTask | None":
        """Return how a manifest describes a task, if one does."""
        return self._described.get(name)

    def may_have(self, name: str) -> bool:
        """Return whether there is such a task, or would be if its module could be imported."""
        known = name in self._tasks or name in self._deferred or name in self._described
        return known or name in self._clashes or name in self._lost or bool(self._failures)

    def _missing(self, kind: str, name: str, key: str) -> str:
        if reason := self._clashes.get(key) or self._lost.get(key):
            return f"the {kind} {name!r} is not available: {reason}"
        if self._failures:
            return f"no {kind} has the name {name!r}; it may be in {named(self.failures)}"
        near = nearest(name, self.names() if kind == "task" else sorted(self._channels))
        why = self.why_unknown if all(known.is_shipped for known in self._tasks.values()) else ""
        return f"no {kind} has the name {name!r}{why}" + (f"; did you mean {near!r}?" if near else "")

    def names(self) -> list[str]:
        """List the names of the tasks that users submit, sorted."""
        return [name for name in self.all_names() if not name.startswith(DELIVERIES)]

    def names_of(self, function: object) -> list[str]:
        """List the names that a function is declared by, in the modules that are imported, sorted."""
        return sorted(name for name, definition in self._tasks.items() if definition.function is function)

    def all_names(self) -> list[str]:
        """List the names of all tasks, sorted; those that deliver among them."""
        return sorted({*self._tasks, *self._deferred, *self._described})

    def channel(self, name: str) -> ChannelDefinition:
        """Find a channel.

        Raises:
            UnknownChannelError: none has this name.
        """
        self._import_deferred(f"{DELIVERIES}{name}")
        try:
            return self._channels[name]
        except KeyError:
            raise UnknownChannelError(self._missing("channel", name, f"{DELIVERIES}{name}")) from None


TASKS: Final = Registry()


def task(
    name: Any = None,
    *others: object,
    never_retry: tuple[type[BaseException], ...] = (),
    registry: Registry = TASKS,
    expands: str | None = None,
    check: Callable[[Any, str], None] | None = None,
    backoff: Callable[[int], float | timedelta] | None = None,
    queue: str | None = None,
    **policy: Any,
) -> "Callable[[Callable[P, R]], Task[P, R]]":
    """Declare a function as the task of this name: `@task("order.remind", max_attempts=3)`.

    What it makes of the function is called as the function is, and submits jobs: `remind.delay(order=7)`, see `Task`.

    Args:
        name: the job type, as in `email.send`.
        others: nothing; options are given by name.
        never_retry: errors that end the job at once.
        registry: where to declare it.
        expands: its jobs make jobs of their own; for the shipped task `workflow`.
        check: given payload and tenant at submit, raises `NotAllowedError`; the function checks again as it runs.
        backoff: given the number of the failed attempt, from 1, returns the delay before the next one: seconds or
            timedelta, a day at most. Where it fails, and where a profile or request sets one, the policy's counts.
        queue: of its jobs, a priority or one of the deployment's own; otherwise as `policy`.
        policy: fields of `Policy` over the defaults, and `unique`, the key of its jobs; a request wins over them.

    Raises:
        ConfigurationError: the name, an option or the function is not accepted; the message has file, line and task.
    """
    from whendue.declarations.declaring import NO_FIELDS, Declaration

    declaration = Declaration("task", name, sys._getframe(1))  # noqa: SLF001 - errors name the line that declares
    named = declaration.check_name(TYPE_BYTES)
    declaration.refuse_positional(others, "max_attempts=3")
    if named.startswith(DELIVERIES) or (named == WORKFLOW) != (expands == WORKFLOW) or expands not in (None, WORKFLOW):
        raise declaration.refuse(f"the names {WORKFLOW!r} and '{DELIVERIES}...' are whendue's own, and so is `expands`")
    declaration.check_hooks(check, backoff)
    declaration.check_kind("registry", registry, Registry)
    unique = declaration.check_unique(policy.pop("unique", None))
    options, errors = declaration.check_policy(policy), declaration.check_never_retry(never_retry)

    def declare(function: Callable[P, R]) -> "Task[P, R]":
        from whendue.declarations.calls.task_object import Task

        plain = function.function if isinstance(function, Task) else function  # It may be several tasks.
        called = declaration.check_callable(plain)
        parameters = declaration.parameters(called)
        if not parameters:
            raise declaration.refuse(f"it must take (payload: a pydantic model) or (payload, ctx); {NO_FIELDS}")
        model, annotated = declaration.payload_model(called, parameters[0])
        definition = TaskDefinition(
            named,
            called,
            model,
            declaration.takes_context(called, parameters),
            errors,
            options,
            expands=expands,
            unique=unique,
            annotated=annotated,
            check=check,
            backoff=backoff,
            queue=declaration.check_queue(queue),
            location=declaration.location,
        )
        registry.add(definition)
        return Task(definition, plain)

    return declare


def channel(
    name: Any = None, *others: object, check: Callable[[Any, str], None] | None = None, registry: Registry = TASKS
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Declare a function as the channel of this name; it takes (event, config, attempt) and sends, or raises.

    Args:
        name: what subscriptions call it.
        others: nothing; options are given by name.
        check: called with the configuration and the tenant when a subscription is put; raises `InvalidRequestError`.
        registry: where to declare it.

    Raises:
        ConfigurationError: no request can use the name, or what is declared is no function of (event, config: a
            `ChannelConfig`, attempt). The message has file, line and channel.
    """
    from whendue.declarations.declaring import Declaration

    declaration = Declaration("channel", name, sys._getframe(1))  # noqa: SLF001 - errors name the line that declares
    named = declaration.check_name(TYPE_BYTES - len(DELIVERIES))
    declaration.refuse_positional(others, "check=...")
    declaration.check_hook("check", check, "config", "tenant")

    def declare(function: Callable[..., Any]) -> Callable[..., Any]:
        from whendue.declarations.channel import ChannelConfig

        called = declaration.check_callable(function)
        parameters = declaration.parameters(called)
        needed = [parameter for parameter in parameters if parameter.default is parameter.empty]
        if len(parameters) < 3 or len(needed) > 3:  # noqa: PLR2004 - event, config, attempt
            raise declaration.refuse("it must take (event, config: a ChannelConfig, attempt)")
        annotation = declaration.annotation(called, parameters[1])
        model = declaration.check_model(annotation, parameters[1].name, ChannelConfig)
        registry.add_channel(ChannelDefinition(named, called, model, check, declaration.location))
        return function

    return declare


def discover(*packages: str, registry: Registry = TASKS) -> Registry:
    """Import every module of the packages, so that their tasks and channels are declared, and return the registry.

    The shipped ones are only noted, and imported when they are first asked for.
    A module that cannot be imported takes its own tasks down, and no others; `Registry.failures` has it.

    Args:
        packages: their names.
        registry: where they declare.

    Raises:
        ConfigurationError: there is no such package.
    """
    for package in filter(None, (name.strip() for name in packages)):
        modules, failed = modules_of(package)
        for lost in failed:
            registry.failed(lost)
        for module in modules:
            if package in DEFERRED:
                registry.defer(f"{DEFERRED[package]}{module.rpartition('.')[2].rstrip('_')}", module)
            else:
                registry.load(module)
    # A module that failed may have been imported again by another one, in vain or not.
    for lost in registry.failures:
        registry.load(lost.module) if lost.module in sys.modules else registry.failed(lost)
    return registry
