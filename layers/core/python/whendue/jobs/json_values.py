"""Values that users' code hands us, as JSON text that can be stored, read, listed and handed on: or why they cannot.

What a task returns may be anything: an object whose `items` raises, a list within itself, text with half a character.
It is copied into plain values first, by a walk whose work and depth are bounded.
"""

import json
import math
from typing import Any, Final, Literal

from whendue.errors import Interrupted
from whendue.jobs.failures import line_of, type_name
from whendue.quotas import TYPE_BYTES

Problem = Literal["not_json", "too_deep", "too_large"]
# A string's characters weigh so much less than a value of its own: looking at them is a matter of C.
CHARACTERS_PER_STEP: Final = 100
# What a task that was written for another library returns.
HINTS: Final = {
    "coroutine": "it was written with `async def`, which is not awaited; use `asyncio.run` inside a plain function",
    "async_generator": "it was written with `async def` and `yield`; return a list",
    "generator": "it was written with `yield`; return a list",
    "bytes": "turn bytes into text",
    "set": "turn it into a list",
}


class NotJsonError(ValueError):
    """A value that cannot be stored as JSON.

    Args:
        problem: the kind of reason.
        message: the reason, without any value.
    """

    def __init__(self, problem: Problem, message: str) -> None:
        """Say why."""
        super().__init__(message)
        self.problem: Final = problem


def to_text(value: object, *, most_bytes: int, most_levels: int) -> str:
    """Write a value as JSON text that reads back as the same value.

    Mappings, lists, tuples, texts, numbers, truth values and None are JSON, and so are their subclasses. Keys that are
    numbers, truth values or None become texts, as `json` has it. Integers are exact, up to the 4,300 digits that Python
    reads (https://docs.python.org/3/library/stdtypes.html#int-max-str-digits).

    Args:
        value: anything; what its methods raise is the reason that it cannot be stored.
        most_bytes: the longest text in UTF-8.
        most_levels: how many lists and mappings may be nested.

    Raises:
        NotJsonError: it cannot be stored.
    """
    try:
        plain = _Plain(most_bytes, most_levels).copied(value, 0)
        text = json.dumps(plain, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        size = len(text.encode())
    except (NotJsonError, Interrupted):
        raise
    except UnicodeEncodeError:
        raise NotJsonError("not_json", "a text has half of a surrogate pair") from None
    except BaseException as error:  # noqa: BLE001 - methods of a user's object may raise whatever they like
        raise NotJsonError("not_json", f"it could not be read: {type_name(error)}") from None
    if size > most_bytes:
        raise _too_large(most_bytes)
    return text


def weigh(value: Any, most: int) -> tuple[int, int]:
    """Count the values that a plain JSON value is made of, long texts counting as several, and its levels.

    Args:
        value: as `json` reads it.
        most: counting ends once it is above this; then there may be more of both.
    """
    steps, levels, level = 1, 0, list[Any]((value,))
    while level:
        below: list[Any] = []
        inside = False
        for item in level:
            kind = type(item)
            if kind is list or kind is dict:
                inside = True
                steps += len(item)
            elif kind is str:
                steps += len(item) // CHARACTERS_PER_STEP
            if steps > most:
                return steps, levels + inside
            if kind is list:
                below += item
            elif kind is dict:
                below += item.values()
        levels += inside
        level = below
    return steps, levels


class _Plain:
    """Copies a value into plain ones, and counts."""

    def __init__(self, most_bytes: int, most_levels: int) -> None:
        self._most_bytes = self._left = most_bytes
        self._most_levels = most_levels

    def copied(self, value: Any, level: int) -> Any:
        """Return the plain copy of a value at a level of nested lists and mappings."""
        # Each value is a character of JSON at least.
        self._spend(1)
        if value is None or type(value) is bool:
            return value
        if isinstance(value, str):
            return self._text(value)
        if isinstance(value, int):
            return self._whole(value)
        if isinstance(value, float):
            return _finite(value)
        if isinstance(value, dict | list | tuple):
            if level == self._most_levels:
                raise NotJsonError("too_deep", f"it is nested deeper than {self._most_levels} levels")
            return self._members(value, level + 1) if isinstance(value, dict) else self._parts(value, level + 1)
        kind = type_name(value)
        if kind == "coroutine":
            # It is never awaited: Python would warn of it at some later time.
            value.close()
        hint = f" ({HINTS[kind]})" if kind in HINTS else ""
        raise NotJsonError("not_json", f"JSON cannot hold a value of type {line_of(kind, TYPE_BYTES)}{hint}")

    def _spend(self, size: int) -> None:
        self._left -= size
        if self._left < 0:
            raise _too_large(self._most_bytes)

    def _text(self, value: str) -> str:
        self._spend(str.__len__(value))
        return str.__str__(value)

    def _whole(self, value: int) -> int:
        whole = int.__int__(value)
        try:
            self._spend(len(int.__repr__(whole)))
        except ValueError as error:
            if isinstance(error, NotJsonError):
                raise
            raise NotJsonError("not_json", "an integer has more digits than can be read again") from None
        return whole

    def _parts(self, value: Any, level: int) -> list[Any]:
        return [self.copied(part, level) for part in value]

    def _members(self, value: Any, level: int) -> dict[str, Any]:
        members: dict[str, Any] = {}
        for key, part in value.items():
            name = self._name(key)
            if name in members:
                raise NotJsonError("not_json", "two keys of a mapping are the same text in JSON")
            members[name] = self.copied(part, level)
        return members

    def _name(self, key: Any) -> str:
        if isinstance(key, str):
            return self._text(key)
        if key is None or isinstance(key, bool):
            return {None: "null", True: "true", False: "false"}[key]
        if isinstance(key, int):
            return int.__repr__(self._whole(key))
        if isinstance(key, float):
            return float.__repr__(_finite(key))
        raise NotJsonError("not_json", f"JSON cannot hold keys of type {line_of(type_name(key), TYPE_BYTES)}")


def _finite(value: float) -> float:
    plain = float.__float__(value)
    if not math.isfinite(plain):
        raise NotJsonError("not_json", "JSON cannot hold NaN or Infinity")
    return plain


def _too_large(most_bytes: int) -> NotJsonError:
    return NotJsonError("too_large", f"it is over {most_bytes} bytes of JSON")
