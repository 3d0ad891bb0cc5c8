"""Items of the table, read as the dataclasses that they hold."""

from collections.abc import Mapping
from functools import cache
from typing import Any


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
