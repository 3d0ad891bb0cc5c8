"""Strict JSON (RFC 8259, I-JSON where it matters): one pass of the C scanner, then one look at depth.

What is not JSON at all refuses the whole text. What is JSON and still cannot be carried (a repeated name, NaN, a number
out of range, NUL, half a surrogate pair) stays in its place as a `Flaw`, so that of many items only its own is refused.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, islice
from math import isinf
from typing import Any, Final

from functions.api.http.problems import MalformedRequestError, location
from whendue.errors import InvalidRequestError, WhendueError
from whendue.quotas import BULK_JOBS, INTEGER_MAX, INTEGER_MIN, JSON_DEPTH, PROBLEM_PLACES

# The longest integer that may be in range has 20 characters: -2**63 and 2**64 - 1.
_INTEGER_CHARACTERS: Final = 20
# Without these escapes no text that was UTF-8 can hold a NUL or half a surrogate pair.
_SUSPICIOUS: Final = re.compile(r"\\u(?:0000|[dD][89a-fA-F])")
_NUL: Final = "has a NUL character (U+0000)"
_HALF: Final = "has half of a surrogate pair"
_TOO_DEEP: Final = f"the body must be nested at most {JSON_DEPTH} levels deep"


@dataclass(frozen=True, slots=True)
class Flaw:
    """Stands where a value cannot be carried.

    Args:
        problem: what is wrong with it, as in "is NaN".
    """

    problem: str


@dataclass(frozen=True, slots=True)
class Refused:
    """Stands where one of many items is refused.

    Args:
        error: why.
    """

    error: WhendueError


class _Hooks:
    """What the scanner calls; remembers whether anything was wrong."""

    def __init__(self) -> None:
        self.flawed = False

    def flaw(self, problem: str) -> Flaw:
        self.flawed = True
        return Flaw(problem)

    def pairs(self, pairs: list[tuple[str, Any]]) -> dict[str, Any] | Flaw:
        found = dict(pairs)
        return found if len(found) == len(pairs) else self.flaw("has the same name twice")

    def constant(self, text: str) -> Flaw:
        return self.flaw(f"is {text}, which is not JSON")

    def integer(self, digits: str) -> int | Flaw:
        if len(digits) <= _INTEGER_CHARACTERS and INTEGER_MIN <= (number := int(digits)) <= INTEGER_MAX:
            return number
        return self.flaw("is an integer of more than 64 bits: send it as a string")

    def float(self, digits: str) -> float | Flaw:
        number = float(digits)
        return self.flaw("is a number that is too large for a double") if isinf(number) else number


def parse(text: str, items: str | None = None) -> Any:
    """Parse a body. Work and memory are linear in its length, whatever stands in it.

    Args:
        text: what was sent.
        items: the name of a list in the body whose items are judged each on its own: one that cannot be carried is
            given as `Refused`.

    Raises:
        MalformedRequestError: it is not JSON, or holds something that cannot be carried; the message says where, and
            never quotes it.
        InvalidRequestError: there are more items than one request may have.
    """
    hooks = _Hooks()
    try:
        text.encode()
        value = json.loads(
            text,
            object_pairs_hook=hooks.pairs,
            parse_constant=hooks.constant,
            parse_int=hooks.integer,
            parse_float=hooks.float,
        )
    except RecursionError:
        raise MalformedRequestError(_TOO_DEEP) from None
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise MalformedRequestError(f"the body is not valid JSON ({where})") from None
    except ValueError:
        raise MalformedRequestError("the body is not valid JSON") from None
    suspicious = hooks.flawed or _SUSPICIOUS.search(text) is not None
    if items is None or not isinstance(value, dict) or not isinstance(value.get(items), list):
        return _sound(value, "body", suspicious=suspicious)
    apart = value[items]
    if len(apart) > BULK_JOBS:
        # Before each is judged: a refusal is some kilobytes.
        places = [{"where": f"body.{items}", "problem": f"must have at most {BULK_JOBS} items"}]
        raise InvalidRequestError(f"body.{items} must have at most {BULK_JOBS} items", errors=places)
    _sound(value | {items: None}, "body", suspicious=suspicious)
    return value | {items: [_sound_item(item, suspicious=suspicious) for item in apart]}


def _sound_item(item: Any, *, suspicious: bool) -> Any:
    try:
        return _sound(item, "", suspicious=suspicious)
    except MalformedRequestError as error:
        return Refused(error.with_traceback(None))


def _sound(value: Any, where: str, *, suspicious: bool) -> Any:
    if _is_too_deep(value):
        raise MalformedRequestError(_TOO_DEEP if where else f"the job must be nested at most {JSON_DEPTH} levels deep")
    if suspicious and (flaws := list(islice(_flaws(value, where), PROBLEM_PLACES))):
        first = flaws[0]
        raise MalformedRequestError(f"{first['where']} {first['problem']}".lstrip(), errors=flaws)
    return value


def _is_too_deep(value: Any) -> bool:
    """Go down level by level: each value is looked at once."""
    level = [value] if isinstance(value, dict | list) else []
    for _ in range(JSON_DEPTH):
        inner = chain.from_iterable(value.values() if isinstance(value, dict) else value for value in level)
        level = [value for value in inner if isinstance(value, dict | list)]
    return bool(level)


_Place = tuple[Any, str | int] | None


def _flaws(value: Any, where: str) -> Iterator[dict[str, str]]:
    """Find what cannot be carried, in no particular order; never recurses."""
    todo: list[tuple[Any, _Place]] = [(value, None)]
    while todo:
        found, path = todo.pop()
        problem = found.problem if isinstance(found, Flaw) else _problem_of(found) if isinstance(found, str) else None
        if problem:
            yield {"where": location(_steps(path, where)), "problem": problem}
        elif isinstance(found, list):
            todo.extend((inner, (path, index)) for index, inner in enumerate(found))
        elif isinstance(found, dict):
            for name, inner in found.items():
                if problem := _problem_of(name):
                    yield {"where": location(_steps(path, where)), "problem": f"has a name that {problem}"}
                todo.append((inner, (path, name)))


def _problem_of(text: str) -> str | None:
    if "\0" in text:
        return _NUL
    try:
        text.encode()
    except UnicodeEncodeError:
        return _HALF
    return None


def _steps(path: _Place, where: str) -> list[str | int]:
    steps: list[str | int] = []
    while path:
        path, step = path
        steps.append(step)
    return [*([where] if where else []), *reversed(steps)]
