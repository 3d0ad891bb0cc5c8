"""What validating by a JSON Schema may cost: how often one place of a value is looked at.

A union tries its choices one after another. Where more than one of them leads to the same union again, as in a tree of
several kinds of nodes, each level of the value multiplies the work, and no time limit stops a native library.
"""

from collections.abc import Mapping
from typing import Any, Final

from whendue.quotas import JSON_DEPTH

# An optional value that refers to itself takes one look for each level.
LOOKS: Final = 2 * JSON_DEPTH
# More of a value than this, times the looks, is not searched for all that is wrong with it.
SEARCHED: Final = 10_000

_SAME: Final = ("allOf", "anyOf", "oneOf")
_NAMED: Final = ("properties", "patternProperties")
_BELOW: Final = ("additionalProperties", "items", "propertyNames", "contains", "unevaluatedProperties")
_LISTED: Final = ("prefixItems",)


def looks(schema: Mapping[str, Any]) -> int:
    """Return how often a place of a value may be looked at; LOOKS + 1 for any larger number.

    Args:
        schema: a JSON Schema whose references lead to its own `$defs`. The time is linear in its size.
    """
    try:
        return _Looks(schema).of(schema, JSON_DEPTH)
    except RecursionError:
        return LOOKS + 1


class _Looks:
    def __init__(self, schema: Mapping[str, Any]) -> None:
        self._definitions = schema.get("$defs", {})
        self._known: dict[tuple[int, int], int] = {}

    def of(self, part: Any, depth: int) -> int:
        """Return the looks at a value by a part of the schema.

        Args:
            part: of the schema.
            depth: how many levels the value has at most.
        """
        if not isinstance(part, Mapping) or depth < 0:
            return 1
        key = (id(part), depth)
        if key not in self._known:
            # While it is looked for, it counts as too many: it refers to itself on the same level.
            self._known[key] = LOOKS + 1
            self._known[key] = min(LOOKS + 1, max(1, self._here(part, depth) + self._below(part, depth)))
        return self._known[key]

    def _here(self, part: Mapping[str, Any], depth: int) -> int:
        count = sum(self.of(choice, depth) for name in _SAME for choice in part.get(name, ()))
        target = part.get("$ref")
        if isinstance(target, str):
            count += self.of(self._definitions.get(target.removeprefix("#/$defs/")), depth)
        return count

    def _below(self, part: Mapping[str, Any], depth: int) -> int:
        parts = [part[name] for name in _BELOW if name in part]
        parts += [each for name in _LISTED for each in part.get(name, ())]
        parts += [each for name in _NAMED for each in part.get(name, {}).values()]
        return max([0, *(self.of(each, depth - 1) for each in parts)])
