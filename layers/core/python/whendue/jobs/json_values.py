"""Values that users' code hands us, as JSON text that can be stored, read, listed and handed on: or why they cannot.

What a task returns may be anything: an object whose `items` raises, a list within itself, text with half a character.
It is copied into plain values first, by a walk whose work and depth are bounded.
"""

import json
import math
from collections.abc import Iterable
from dataclasses import fields, is_dataclass
from datetime import date, datetime, time
from decimal import Decimal
from enum import Enum
from itertools import count
from typing import Any, Final, Literal
from uuid import UUID

from whendue.errors import Interrupted
from whendue.jobs.failures import line_of, type_name
from whendue.quotas import TYPE_BYTES

Problem = Literal["not_json", "too_deep", "too_large"]
# A string's characters weigh so much less than a value of its own: looking at them is a matter of C.
CHARACTERS_PER_STEP: Final = 100
# What a task that was written for another library returns.
HINTS: Final = {
    "coroutine": "it was not awaited; write `await` before the call",
    "async_generator": "it was written with `async def` and `yield`; return a list",
    "generator": "it was written with `yield`; return a list",
    "bytes": "turn bytes into text",
    "set": "turn it into a list",
    "frozenset": "turn it into a list",
    "timedelta": "return its total_seconds()",
}
# Of a place, the first and last characters that an error shows, and of a key within it.
PLACE_CHARACTERS: Final = 60
KEY_CHARACTERS: Final = 40


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


def to_text(value: object, *, most_bytes: int, most_levels: int, name: str = "result") -> str:
    """Write a value as JSON text that reads back as the same value.

    Mappings, lists, tuples, texts, numbers, truth values and None are JSON, and so are their subclasses. Keys that are
    numbers, truth values or None become texts, as `json` has it. Integers are exact, up to the 4,300 digits that Python
    reads (https://docs.python.org/3/library/stdtypes.html#int-max-str-digits).

    Some others have one form in JSON that loses nothing. As values and as keys: a Decimal and a UUID are their text,
    datetime, date and time that of ISO 8601, with `Z` for UTC; a member of an enumeration is its value. As values: a
    dataclass is the mapping of its fields, and a pydantic model what pydantic writes, with the aliases of its fields.

    Args:
        value: anything; what its methods raise is the reason that it cannot be stored.
        most_bytes: the longest text in UTF-8.
        most_levels: how many lists and mappings may be nested.
        name: of the whole value, for the place that an error names, as in `result.items[3].price`.

    Raises:
        NotJsonError: it cannot be stored.
    """
    plain = _Plain(most_bytes, most_levels)
    try:
        text = json.dumps(plain.copied(value, 0), ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    except Interrupted:
        raise
    except BaseException as error:  # noqa: BLE001 - methods of a user's object may raise whatever they like
        raise _reason(error, plain.steps, name) from None
    if len(text.encode()) > most_bytes:
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
    """Copies a value into plain ones, and counts; after an error, `steps` lead to its place from the inside out."""

    def __init__(self, most_bytes: int, most_levels: int) -> None:
        self._most_bytes = self._left = most_bytes
        self._most_levels = most_levels
        self.steps: list[str] = []

    def copied(self, value: Any, level: int) -> Any:
        """Return the plain copy of a value at a level of nested lists and mappings."""
        # Each value is a character of JSON at least.
        self._spend(1)
        if value is None or type(value) is bool:
            return value
        if isinstance(value, str):
            return self._text(value)
        if isinstance(value, int | float):
            return self._whole(value) if isinstance(value, int) else _finite(value)
        if isinstance(value, dict | list | tuple):
            below = self._below(level)
            return self._members(value.items(), below) if isinstance(value, dict) else self._parts(value, below)
        return self._object(value, level)

    def _below(self, level: int) -> int:
        if level == self._most_levels:
            raise NotJsonError("too_deep", f"it is nested deeper than {self._most_levels} levels, or holds itself")
        return level + 1

    def _object(self, value: Any, level: int) -> Any:
        if isinstance(value, Enum):
            return self.copied(value.value, level)
        if (written := _written(value)) is not None:
            return self._text(written)
        if serializer := getattr(type(value), "__pydantic_serializer__", None):
            return self._model(value, serializer, level)
        if is_dataclass(value) and not isinstance(value, type):
            names = [field.name for field in fields(value)]
            return self._members(((name, getattr(value, name)) for name in names), self._below(level))
        return self._unknown(value, level)

    def _model(self, value: Any, serializer: Any, level: int) -> Any:
        """Return the plain copy of a pydantic model or dataclass.

        Warnings would quote values. https://docs.pydantic.dev/latest/concepts/serialization/
        """
        members = serializer.to_python(value, by_alias=True, warnings=False)
        try:
            written = serializer.to_python(value, mode="json", by_alias=True, warnings=False)
        except Exception as error:  # noqa: BLE001 - serializers are code of users
            _ModelParts(self._most_bytes, self._most_levels, self.steps).copied(members, level)
            raise NotJsonError("not_json", f"its model cannot be written: {type_name(error)}") from None
        self._check_kept(members, written)
        return self.copied(written, level)

    def _check_kept(self, members: Any, written: Any) -> None:
        """Refuse a model of whose members pydantic writes one as null that is NaN or Infinity."""
        if isinstance(members, float) and written is None:
            _finite(members)
        if isinstance(members, dict) and isinstance(written, dict):
            pairs = zip(map(_step, written), members.values(), written.values(), strict=False)
        elif isinstance(members, list | tuple | set | frozenset) and isinstance(written, list):
            pairs = zip((f"[{number}]" for number in count()), members, written, strict=False)
        else:
            return
        for step, member, text in pairs:
            try:
                self._check_kept(member, text)
            except BaseException:
                self.steps.append(step)
                raise

    def _unknown(self, value: Any, level: int) -> Any:  # noqa: ARG002 - one that is known may be nested
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
        text = str.__str__(value)
        if not text.isascii():
            # Raises for half a surrogate pair.
            text.encode()
        return text

    def _whole(self, value: int) -> int:
        whole = int.__int__(value)
        try:
            self._spend(len(int.__repr__(whole)))
        except ValueError as error:
            if isinstance(error, NotJsonError):
                raise
            raise NotJsonError("not_json", "an integer has more digits than can be read again") from None
        return whole

    def _parts(self, value: Iterable[Any], level: int) -> list[Any]:
        parts: list[Any] = []
        try:
            for part in value:
                parts.append(self.copied(part, level))  # noqa: PERF401 - its length says which part was bad
        except BaseException:
            self.steps.append(f"[{len(parts)}]")
            raise
        return parts

    def _members(self, value: Iterable[tuple[Any, Any]], level: int) -> dict[str, Any]:
        members: dict[str, Any] = {}
        for key, part in value:
            name = self._name(key)
            if name in members:
                raise NotJsonError("not_json", "two keys of a mapping are the same text in JSON")
            try:
                members[name] = self.copied(part, level)
            except BaseException:
                self.steps.append(_step(name))
                raise
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
        if isinstance(key, Enum):
            return self._name(key.value)
        if (written := _written(key)) is not None:
            return self._text(written)
        raise NotJsonError("not_json", f"JSON cannot hold keys of type {line_of(type_name(key), TYPE_BYTES)}")


class _ModelParts(_Plain):
    """Finds what pydantic cannot write, in the members of a model as Python has them."""

    def __init__(self, most_bytes: int, most_levels: int, steps: list[str]) -> None:
        super().__init__(most_bytes, most_levels)
        self.steps = steps

    def _unknown(self, value: Any, level: int) -> Any:
        # pydantic has been imported by whoever made the model.
        from pydantic_core import to_jsonable_python

        if isinstance(value, set | frozenset):
            return self._parts(value, self._below(level))
        try:
            return to_jsonable_python(value)
        except Exception:  # noqa: BLE001 - this is the value; the reason is the one of any other
            return super()._unknown(value, level)


def _written(value: Any) -> str | None:
    """Return the one text that a value is in JSON, without loss; None if it has none."""
    if isinstance(value, datetime | time):
        text = value.isoformat()
        return f"{text[:-6]}Z" if text.endswith("+00:00") else text
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, UUID):
        return UUID.__str__(value)
    if not isinstance(value, Decimal):
        return None
    if not value.is_finite():
        raise NotJsonError("not_json", "JSON cannot hold NaN or Infinity")
    return Decimal.__str__(value)


def _finite(value: float) -> float:
    plain = float.__float__(value)
    if not math.isfinite(plain):
        raise NotJsonError("not_json", "JSON cannot hold NaN or Infinity")
    return plain


def _too_large(most_bytes: int) -> NotJsonError:
    return NotJsonError("too_large", f"it is over {most_bytes} bytes of JSON")


def _reason(error: BaseException, steps: list[str], name: str) -> NotJsonError:
    """Return why a value cannot be stored, with the place in it."""
    problem: Problem = error.problem if isinstance(error, NotJsonError) else "not_json"
    if isinstance(error, NotJsonError):
        reason = str(error)
    elif isinstance(error, UnicodeEncodeError):
        reason = "a text has half of a surrogate pair"
    else:
        reason = f"it could not be read: {type_name(error)}"
    # Where there was too much is no place that anybody has to change.
    return NotJsonError(problem, reason if problem == "too_large" or not steps else f"{_place(name, steps)}: {reason}")


def _place(name: str, steps: list[str]) -> str:
    path = name + "".join(reversed(steps))
    short = len(path) <= 2 * PLACE_CHARACTERS
    return path if short else f"{path[:PLACE_CHARACTERS]}…{path[-PLACE_CHARACTERS:]}"


def _step(name: str) -> str:
    """Write a member's name as a part of a place; a long one is cut."""
    return f".{name}" if name.isidentifier() and len(name) <= KEY_CHARACTERS else f"[{_quoted(name)}]"


def _quoted(name: str) -> str:
    return json.dumps(name if len(name) <= KEY_CHARACTERS else f"{name[:KEY_CHARACTERS]}…", ensure_ascii=False)
