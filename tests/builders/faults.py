"""Wrap a port so that chosen calls meet a fate: killed before or after, or refused."""

from collections.abc import Callable
from typing import Any


class KilledError(BaseException):
    """The process died here. Not an Exception: nobody may catch it and go on."""


class Counted:
    """A port whose calls are numbered together with those of its fellows; the chosen one kills the process.

    Args:
        port: the real thing.
        calls: the shared list of call names so far.
        kill_at: number of the fatal call, from 0; None kills never.
        after: die after the call took effect, not before.
    """

    def __init__(self, port: Any, calls: list[str], kill_at: int | None = None, *, after: bool = False) -> None:
        self._port = port
        self.calls = calls
        self._kill_at = kill_at
        self._after = after

    def __getattr__(self, name: str) -> Any:
        function = getattr(self._port, name)

        def call(*arguments: Any, **options: Any) -> Any:
            number = len(self.calls)
            self.calls.append(name)
            if number == self._kill_at and not self._after:
                raise KilledError
            value = function(*arguments, **options)
            if number == self._kill_at:
                raise KilledError
            return value

        return call


class Refusing:
    """A port whose named calls answer with `answer(arguments)` instead of doing anything while `on` is True."""

    def __init__(self, port: Any, name: str, answer: Callable[..., Any]) -> None:
        self._port = port
        self._name = name
        self._answer = answer
        self.on = True

    def __getattr__(self, name: str) -> Any:
        return self._answer if self.on and name == self._name else getattr(self._port, name)


class Dying:
    """A port of a process that dies at one of the calls of all its ports: no later call has any effect.

    Code of ours may still run then, as a task's error is recorded, whatever it is.

    Args:
        port: the real thing.
        calls: the shared list of call names so far.
        dies_at: number of the fatal call, from 0.
        after: die after the call took effect, not before.
    """

    def __init__(self, port: Any, calls: list[str], dies_at: int, *, after: bool = False) -> None:
        self._port = port
        self._calls = calls
        self._dies_at = dies_at
        self._after = after

    def __getattr__(self, name: str) -> Any:
        function = getattr(self._port, name)

        def call(*arguments: Any, **options: Any) -> Any:
            number = len(self._calls)
            self._calls.append(name)
            if number > self._dies_at or (number == self._dies_at and not self._after):
                raise KilledError
            value = function(*arguments, **options)
            if number == self._dies_at:
                raise KilledError
            return value

        return call
