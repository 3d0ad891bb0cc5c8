"""Declarations: what `@task` and `@channel` accept, checked at import, with errors that say what to write instead."""

import difflib
import functools
import inspect
import json
import re
import sys
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import FrameType
from typing import Annotated, Any, Final

from pydantic import BaseModel, RootModel, TypeAdapter

from whendue.declarations.context import Context
from whendue.errors import ConfigurationError
from whendue.jobs.json_values import to_text
from whendue.jobs.limit_spec import unique_problem
from whendue.quotas import (
    BACKOFF_CAP_S,
    BACKOFF_MIN_S,
    LEASE_MAX_S,
    LEASE_MIN_S,
    MAX_ATTEMPTS,
    RETENTION_MIN_S,
    RETENTION_S,
    SMALL_BODY_BYTES,
    TIMEOUT_S,
)
from whendue.settings import NOTIFICATIONS, QUEUES, is_queue_name

_NAME: Final = re.compile(r"[A-Za-z0-9._-]+")
# Option -> (kind, least, most); the ranges are those of requests and profiles.
_RANGES: Final[Mapping[str, tuple[type[int | float], float, float]]] = {
    "max_attempts": (int, 1, MAX_ATTEMPTS),
    "base_s": (float, BACKOFF_MIN_S, BACKOFF_CAP_S),
    "factor": (float, 1, 100),
    "cap_s": (float, BACKOFF_MIN_S, BACKOFF_CAP_S),
    "timeout_s": (int, 1, TIMEOUT_S),
    "lease_s": (int, LEASE_MIN_S, LEASE_MAX_S),
    "retention_s": (int, RETENTION_MIN_S, RETENTION_S),
}
_JITTER: Final = ("full", "none")
NO_FIELDS: Final = "a task without fields takes an empty model, as of `class Nothing(BaseModel): pass`"
OPTIONS: Final = (*_RANGES, "jitter", "never_retry", "backoff", "check", "queue", "unique")
# What other job systems call such a thing, and what it is here.
_FOREIGN: Final[Mapping[str, str]] = {
    "max_retries": "max_attempts, which counts the first attempt",
    "time_limit": "timeout_s",
    "soft_time_limit": "timeout_s",
    "retry_backoff": "backoff=<function of the attempt>, or base_s, factor, cap_s and jitter",
    "min_backoff": "base_s",
    "max_backoff": "cap_s",
    "default_retry_delay": "base_s",
    "rate_limit": "the limit of a request or a profile",
    "bind": "the second parameter, ctx",
    "retry_jitter": "jitter",
    "priority": "queue",
    "result_ttl": "retention_s",
    "throws": "never_retry",
}


@dataclass(frozen=True, slots=True)
class Location:
    """Where something is declared.

    Args:
        module: the module whose import declares it.
        where: file and line.
        namespace: the module's globals, to distinguish an import from a later one of the same module.
    """

    module: str
    where: str
    namespace: Mapping[str, Any] = field(repr=False)


def location_of(frame: FrameType) -> Location:
    """Return where a frame declares something: its line, and the module that is being imported around it."""
    outer: FrameType | None = frame
    while outer is not None and outer.f_code.co_name != "<module>":
        outer = outer.f_back
    namespace = (outer or frame).f_globals
    return Location(str(namespace.get("__name__", "?")), f"{frame.f_code.co_filename}:{frame.f_lineno}", namespace)


def range_problem(option: str, value: object) -> str | None:
    """Return why a number cannot be an option's value, as in `must be a whole number from 1 to 50, not 51`."""
    kind, least, most = _RANGES[option]
    fits = isinstance(value, int if kind is int else int | float) and not isinstance(value, bool)
    if fits and least <= value <= most:  # type: ignore[operator]
        return None
    what = "a whole number" if kind is int else "a number"
    return f"must be {what} from {least:g} to {most}, not {_shown(value)}"


def is_stale(location: Location) -> bool:
    """Return whether a declaration is of an earlier import of its module, which failed or was given up."""
    module = sys.modules.get(location.module)
    return module is not None and vars(module) is not location.namespace


class Declaration:
    """One use of `@task` or `@channel`, checked step by step.

    Args:
        kind: `task` or `channel`.
        name: what it is called; not checked yet.
        frame: who declares it.
    """

    def __init__(self, kind: str, name: object, frame: FrameType) -> None:
        """Note what is declared where; nothing is checked yet."""
        self.location = location_of(frame)
        self._kind = kind
        self._name = name
        self._locals = dict(frame.f_locals)

    def refuse(self, problem: str) -> ConfigurationError:
        """Return the error that says what is wrong with this declaration, and where it is."""
        name = f" {self._name!r}" if isinstance(self._name, str) else ""
        return ConfigurationError(f"{self.location.where}: the {self._kind}{name}: {problem}")

    def check_name(self, longest: int) -> str:
        """Return the name, if requests can use it."""
        name = self._name
        if not isinstance(name, str):
            raise self.refuse(f'say its name: @{self._kind}("{_proposed(name)}")')
        if not name.isascii() or not _NAME.fullmatch(name) or len(name) > longest:
            raise self.refuse(f"no request can use this name; write 1 to {longest} of A-Z, a-z, 0-9, '.', '_', '-'")
        return name

    def refuse_positional(self, others: object, example: str) -> None:
        """Refuse arguments beside the name; `example` is an option as it is passed."""
        if others:
            raise self.refuse(f"options must be passed by name, as in {example}")

    def check_kind(self, name: str, value: object, kind: type) -> None:
        """Refuse an option's value that is not of its class."""
        if not isinstance(value, kind):
            raise self.refuse(f"{name} must be a {kind.__name__}, not {type(value).__name__}")

    # --- options ----------------------------------------------------------------------------------------------

    def check_policy(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """Return the policy that a task asks for, in plain values, if each option is known and within its range."""
        return {name: self._checked_option(name, value) for name, value in options.items()}

    def _checked_option(self, name: str, value: object) -> str | float:
        if name in _RANGES:
            return self._within_range(name, value)
        if name != "jitter":
            raise self.refuse(f"unknown option {name}; {_hint(name, value)}")
        if not isinstance(value, str) or value not in _JITTER:
            raise self.refuse(f"jitter must be {' or '.join(_JITTER)}, not {_shown(value)}")
        # Of a subclass, such as an enumeration's, the table can store nothing.
        return str.__str__(value)

    def _within_range(self, name: str, value: object) -> float:
        if problem := range_problem(name, value):
            raise self.refuse(f"{name} {problem}")
        return float.__float__(value) if isinstance(value, float) else int.__int__(value)  # type: ignore[arg-type]

    def check_never_retry(self, value: object) -> tuple[type[BaseException], ...]:
        """Return the errors that end a job at once, if they are exception classes."""
        if inspect.isclass(value):
            raise self.refuse(f"never_retry must be a tuple: never_retry=({value.__name__},)")
        if not isinstance(value, tuple):
            raise self.refuse(f"never_retry must be a tuple of exception classes, not {type(value).__name__}")
        for kind in value:
            if not (inspect.isclass(kind) and issubclass(kind, BaseException)):
                raise self.refuse(f"never_retry must hold exception classes, not {_shown(kind)}")
        return value

    def check_unique(self, value: object) -> Mapping[str, Any] | None:
        """Return the unique key that a task declares, in plain values, if a job can have it."""
        if value is None:
            return None
        if problem := unique_problem(value):
            raise self.refuse(f"unique {problem}")
        plain: dict[str, Any] = json.loads(to_text(value, most_bytes=SMALL_BODY_BYTES, most_levels=3, name="unique"))
        return plain

    def check_queue(self, queue: object) -> str | None:
        """Return the name of a queue, if one may have it; which queues there are, the deployment decides."""
        if queue is None:
            return None
        if not isinstance(queue, str) or not is_queue_name(queue) or queue == NOTIFICATIONS:
            names = ", ".join(QUEUES)
            raise self.refuse(f"queue must be one of {names}, or a queue of the deployment, not {_shown(queue)}")
        # Of a subclass, such as an enumeration's, the table can store nothing.
        return str.__str__(queue)

    def check_hooks(self, check: object, backoff: object) -> None:
        """Refuse functions of a task that cannot be called with what they are given."""
        self.check_hook("check", check, "payload", "tenant")
        self.check_hook("backoff", backoff, "attempt")

    def check_hook(self, name: str, hook: object, *parameters: str) -> Any:
        """Return a function that an option names, if it can be called with these parameters and is not awaited."""
        if hook is None:
            return None
        wanted = f"{name} must be a function of ({', '.join(parameters)})"
        if not callable(hook):
            raise self.refuse(f"{wanted}, not {_shown(hook)}")
        inner = hook if inspect.isclass(hook) else _innermost(hook)
        if (
            inspect.iscoroutinefunction(inner)
            or inspect.isasyncgenfunction(inner)
            or inspect.isgeneratorfunction(inner)
        ):
            raise self.refuse(f"{wanted} that returns at once: neither `async def` nor `yield` is run here")
        try:
            inspect.signature(hook).bind(*parameters)
        except TypeError as error:
            raise self.refuse(f"{wanted}: {error}") from None
        except ValueError:
            # Its parameters cannot be read, as of functions written in C.
            return hook
        return hook

    # --- the function -----------------------------------------------------------------------------------------

    def check_callable(self, function: object) -> Callable[..., Any]:
        """Return what is to be called, if it is a plain function or works like one."""
        if isinstance(function, classmethod):
            raise self.refuse("a classmethod cannot be declared; declare a function outside of the class")
        if inspect.isclass(function):
            raise self.refuse("a class cannot be declared; declare a function, or an instance that can be called")
        if not callable(function):
            raise self.refuse(f"{type(function).__name__} cannot be called; declare a function")
        inner = _innermost(function)
        if inspect.isasyncgenfunction(inner):
            raise self.refuse("an async generator is not run; write async def with return, without yield")
        if inspect.isgeneratorfunction(inner):
            raise self.refuse("a generator is not run; write a function that returns its result")
        return function

    def parameters(self, function: Callable[..., Any]) -> list[inspect.Parameter]:
        """Return the positional parameters, if no others need a value."""
        try:
            every = list(inspect.signature(function).parameters.values())
        except (TypeError, ValueError):
            raise self.refuse("its parameters cannot be read; declare a function written in Python") from None
        if every and every[0].name in ("self", "cls") and "." in getattr(function, "__qualname__", ""):
            raise self.refuse("a method cannot be declared, because it needs an object; declare a function")
        keyword = [
            parameter.name
            for parameter in every
            if parameter.kind is parameter.KEYWORD_ONLY and parameter.default is parameter.empty
        ]
        if keyword:
            raise self.refuse(
                f"it must not have the keyword-only parameters {', '.join(keyword)}; arguments are passed by position"
            )
        return [
            parameter
            for parameter in every
            if parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD)
        ]

    def annotation(self, function: Callable[..., Any], parameter: inspect.Parameter) -> Any:
        """Return a parameter's annotation, with text resolved where the function is declared."""
        value = parameter.annotation
        inner = inspect.unwrap(_innermost(function))
        names = getattr(inner, "__globals__", {})
        try:
            hints = typing.get_type_hints(_Annotations({"it": value}), names, self._locals, include_extras=True)
        except Exception as error:  # noqa: BLE001 - whatever its text evaluates to
            problem = f"the annotation of {parameter.name} cannot be resolved ({type(error).__name__})"
            raise self.refuse(f"{problem}; define or import the model above the {self._kind}") from None
        found = hints["it"]
        while hasattr(found, "__value__"):  # type Alias = Model
            found = found.__value__
        return found

    def check_model(self, model: object, parameter: str, base: type[BaseModel] = BaseModel) -> type[Any]:
        """Return a pydantic model, if values can be made of it."""
        wanted = f"the annotation of {parameter} must be a subclass of {base.__name__}"
        if model is inspect.Parameter.empty:
            raise self.refuse(f"{parameter} has no annotation; {wanted}")
        if not inspect.isclass(model) or typing.get_origin(model) not in (None, Annotated):
            raise self.refuse(f"{wanted}, not {_shown(model)}; a list, a union and the like go into a RootModel")
        if not issubclass(model, base):
            raise self.refuse(f"{wanted}, not {model.__name__}; a list, a union and the like go into a RootModel")
        if model in (BaseModel, RootModel) or inspect.isabstract(model):
            raise self.refuse(f"no value can be made of {model.__name__}; write a model of your own")
        return model

    def payload_model(
        self, function: Callable[..., Any], parameter: inspect.Parameter
    ) -> tuple[type[Any], TypeAdapter[Any] | None]:
        """Return the model of a payload, and what validates in its stead where the annotation says more."""
        annotation = self.annotation(function, parameter)
        if annotation is Context or Context in typing.get_args(annotation):
            problem = f"{parameter.name}: the first parameter is the payload, the context the second"
            raise self.refuse(f"{problem}; {NO_FIELDS}")
        annotated = TypeAdapter(annotation) if typing.get_origin(annotation) is Annotated else None
        return self.check_model(annotation.__origin__ if annotated else annotation, parameter.name), annotated

    def takes_context(self, function: Callable[..., Any], parameters: list[inspect.Parameter]) -> bool:
        """Return whether a task's function takes the context, by its parameters after the payload."""
        needed = [parameter for parameter in parameters if parameter.default is parameter.empty]
        if len(needed) > 2:  # noqa: PLR2004 - payload, ctx
            names = ", ".join(parameter.name for parameter in needed[2:])
            raise self.refuse(f"it must take (payload) or (payload, ctx), without {names}")
        if len(parameters) < 2:  # noqa: PLR2004
            return False
        second = parameters[1]
        if second.annotation is second.empty:
            return second.default is second.empty or second.name == "ctx"
        kind = self.annotation(function, second)
        if second.default is not second.empty:
            return kind is Context or Context in typing.get_args(kind)
        known = inspect.isclass(kind) and not getattr(kind, "_is_protocol", False)
        if known and not issubclass(Context, kind):
            raise self.refuse(
                f"{second.name} is given the context; its annotation must be Context, not {kind.__name__}"
            )
        return True


class _Annotations:
    """Carries annotations to `typing.get_type_hints`."""

    def __init__(self, annotations: dict[str, Any]) -> None:
        self.__annotations__ = annotations


def unusable(model: type[BaseModel]) -> str | None:
    """Return why no value can be made of a model whose module is complete; None when one can."""
    try:
        model.model_rebuild()
    except BaseException as error:  # noqa: BLE001 - a model is code of users
        return f"the model {model.__name__} cannot be completed ({type(error).__name__})"
    if not model.__pydantic_complete__:
        return f"the model {model.__name__} is not complete; define what its fields refer to"
    return None


def _proposed(function: object) -> str:
    """Return a name to write for a decorator that was used without one."""
    name = getattr(function, "__name__", None)
    return name if isinstance(name, str) and name.isascii() and _NAME.fullmatch(name) else "a.name"


def _innermost(function: Any) -> Any:
    while isinstance(function, functools.partial | staticmethod):
        function = function.func if isinstance(function, functools.partial) else function.__func__
    return function if inspect.isroutine(function) else type(function).__call__


def _hint(name: str, value: object) -> str:
    if name == "retries":
        fits = isinstance(value, int) and not isinstance(value, bool) and 0 <= value < MAX_ATTEMPTS
        count = value + 1 if fits else "retries + 1"  # type: ignore[operator]
        return f"say max_attempts={count}, which counts the first attempt"
    if name in _FOREIGN:
        return f"you may mean {_FOREIGN[name]}"
    snake = re.sub(r"(?<=[a-z])([A-Z])", r"_\1", name).lower()
    near = difflib.get_close_matches(snake, OPTIONS, n=1)
    return f"did you mean {near[0]}?" if near else f"the options are {', '.join(OPTIONS)}"


def _shown(value: object) -> str:
    """Return a value as errors name it: numbers as they are, of all others the type."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return format(value, ".20g") if isinstance(value, float) else str(value)[:40]
    return value.__name__ if inspect.isclass(value) else type(value).__name__
