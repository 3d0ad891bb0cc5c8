"""The tasks of a whendue in memory: those of the process, each of whose runs is noted, and what replaces some of them.

Nothing leaves the process: shipped tasks and channels are validated as ever and then do nothing, unless replaced.
"""

import inspect
from collections.abc import Callable, Collection
from dataclasses import dataclass, field, fields, replace
from functools import partial
from typing import Any

from whendue.declarations.context import Context
from whendue.declarations.definitions import ChannelDefinition, TaskDefinition
from whendue.declarations.discovery import ModuleFailure
from whendue.declarations.registry import Registry
from whendue.errors import UnknownTaskError
from whendue.testing.runs import Runs


@dataclass(frozen=True, slots=True)
class RecordedTask(TaskDefinition):
    """A task whose runs are noted in `runs`."""

    runs: Runs = field(kw_only=True, compare=False)

    def call(self, payload: object, context: Context) -> Any:
        """Validate the payload and run the task, as `TaskDefinition.call`; a delivery is not handed to its sender."""
        executed = replace(self, channel=None) if self.channel else self
        return self.runs.record(self.name, payload, context, partial(TaskDefinition.call, executed, payload, context))


class RecordingRegistry(Registry):
    """The tasks of another registry, and its own, which hide those of the same name.

    Args:
        source: where the tasks are declared.
        runs: where runs are noted.
        only: the tasks of the source that are known, with the shipped ones; None for all.
    """

    def __init__(self, source: Registry, runs: Runs, only: Collection[str] | None = None) -> None:
        """Start without own tasks."""
        super().__init__()
        self._source = source
        self._runs = runs
        self._only = only

    def replace(self, name: str, function: Callable[..., Any]) -> None:
        """Let a function run for a task; payloads are validated as before.

        Args:
            name: the task's.
            function: takes the payload, and the context as its second parameter if it has one.

        Raises:
            UnknownTaskError: no task has this name.
        """
        known = self.declared(name)
        changed = replace(known, function=function, takes_context=_takes_context(function), check=None)
        if name in super().all_names():
            self.remove(name)
        self.add(changed)

    def get(self, name: str) -> TaskDefinition:
        """Find a task.

        Raises:
            UnknownTaskError: none has this name.
        """
        known = self.declared(name)
        if name not in super().all_names() and _is_shipped(known):
            known = replace(known, function=_not_executed, takes_context=False, check=None)
        return RecordedTask(**{each.name: getattr(known, each.name) for each in fields(known)}, runs=self._runs)

    def declared(self, name: str) -> TaskDefinition:
        """Find a task as it is declared: its runs are not noted, and a shipped one would leave the process.

        Raises:
            UnknownTaskError: none has this name.
        """
        if name in super().all_names():
            return super().get(name)
        known = self._source.get(name)
        if self._only is not None and name not in self._only and not _is_shipped(known):
            raise UnknownTaskError(f"the task {name!r} is not among those that this WhendueApp was made with")
        return known

    def names_of(self, function: object) -> list[str]:
        """List the names that a function is declared by."""
        return sorted({*super().names_of(function), *self._source.names_of(function)})

    def all_names(self) -> list[str]:
        """List the names of all tasks, sorted."""
        return sorted({*super().all_names(), *self._source.all_names()})

    def may_have(self, name: str) -> bool:
        """Return whether there is such a task, or would be if its module could be imported."""
        return super().may_have(name) or self._source.may_have(name)

    def channel(self, name: str) -> ChannelDefinition:
        """Find a channel.

        Raises:
            UnknownChannelError: none has this name.
        """
        return replace(self._source.channel(name), check=None)

    @property
    def failures(self) -> list[ModuleFailure]:
        """The modules that could not be imported, by name."""
        return self._source.failures

    @property
    def unavailable(self) -> dict[str, str]:
        """The tasks that cannot be had, each with the reason."""
        return self._source.unavailable | super().unavailable


def _is_shipped(definition: TaskDefinition) -> bool:
    """Return whether a task would call services outside; a workflow's function is never called."""
    # Code that is run from a text has none.
    is_own = (getattr(definition.function, "__module__", None) or "").startswith("whendue.")
    return definition.channel is not None or (is_own and definition.expands is None)


def _not_executed(_: object) -> None:
    """Run for a shipped task or channel."""


def _takes_context(function: Callable[..., Any]) -> bool:
    try:
        inspect.signature(function).bind("payload", "ctx")
    except (TypeError, ValueError):
        return False
    return True
