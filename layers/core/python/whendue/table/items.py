"""Items of the table, read as the dataclasses that they hold."""

import math
import types
import typing
from collections.abc import Mapping
from functools import cache
from typing import Any

from whendue.table.keys import Key


def known(kind: type, values: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out what a newer version may have added: both run side by side while a deploy is rolled out.

    Args:
        kind: a dataclass with slots.
        values: an item, or a map in one.
    """
    names = _names(kind)
    return {name: value for name, value in values.items() if name in names}


@cache
def _names(kind: type) -> frozenset[str]:
    return frozenset(kind.__slots__)  # type: ignore[attr-defined]


def position_of(item: Mapping[str, Any] | None) -> Key | None:
    """Return the key that an item keeps as a position (`at_pk`, `at_sk`); None if it keeps none."""
    return Key(item["at_pk"], item["at_sk"]) if item and "at_pk" in item else None


def checked(kind: type, values: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the values if each has the type that the dataclass declares, so that later code can rely on it.

    Raises:
        TypeError: one has not; names the field, never the value.
        ValueError: one is NaN or infinite.
    """
    allowed = _allowed(kind)
    for name, value in values.items():
        if type(value) not in allowed[name]:
            raise TypeError(f"{kind.__name__}.{name} is no {type(value).__name__}")
        if type(value) is float and not math.isfinite(value):
            raise ValueError(f"{kind.__name__}.{name} is no number")
    return values


@cache
def _allowed(kind: type) -> Mapping[str, frozenset[type]]:
    return {name: frozenset(_types(hint)) for name, hint in typing.get_type_hints(kind).items()}


def _types(hint: Any) -> set[type]:
    """Return the types of values that a field with this annotation may hold."""
    origin = typing.get_origin(hint)
    if origin is types.UnionType or origin is typing.Union:
        return set().union(*map(_types, typing.get_args(hint)))
    if origin is typing.Literal:
        return {type(value) for value in typing.get_args(hint)}
    if origin is Mapping:
        return {dict}
    # The table returns whole numbers as integers.
    return {int, float} if hint is float else {origin or hint}
