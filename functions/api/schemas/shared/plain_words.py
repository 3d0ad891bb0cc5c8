"""What pydantic finds wrong with a request, in the words of whendue's own checks: none of its texts reaches a user.

Its types of errors: https://docs.pydantic.dev/latest/errors/validation_errors/
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from whendue.quotas import ID_CHARACTERS, IDEMPOTENCY_KEY_BYTES
from whendue.settings import QUEUE_NAME

# The type of an error whose text is in these words already.
PLAIN: Final = "plain"
UNKNOWN_FIELD: Final = "extra_forbidden"
_VALUE_ERROR: Final = "value_error"
_NAME: Final = "must have only letters from A to Z, digits, dots, hyphens and underscores"
_INTEGER: Final = "must be an integer"
_NUMBER: Final = "must be a number"
_OBJECT: Final = "must be an object"
# Types without anything to fill in.
FIXED: Final[Mapping[str, str]] = {
    "missing": "is required",
    UNKNOWN_FIELD: "is not a field of this request",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "int_type": _INTEGER,
    "int_parsing": _INTEGER,
    "int_from_float": _INTEGER,
    "int_parsing_size": "is an integer that is too large",
    "float_type": _NUMBER,
    "float_parsing": _NUMBER,
    "finite_number": "must be a finite number",
    "string_type": "must be a string",
    "string_unicode": "must be a string in UTF-8",
    "list_type": "must be a list",
    "dict_type": _OBJECT,
    "model_type": _OBJECT,
    "model_attributes_type": _OBJECT,
    "none_required": "must be null",
}
# Types with a bound: the words before it, its name in pydantic's context, and the words after one and after several.
BOUNDS: Final[Mapping[str, tuple[str, str, str, str]]] = {
    "greater_than": ("must be more than", "gt", "", ""),
    "greater_than_equal": ("must be at least", "ge", "", ""),
    "less_than": ("must be less than", "lt", "", ""),
    "less_than_equal": ("must be at most", "le", "", ""),
    "string_too_short": ("must have at least", "min_length", " character", " characters"),
    "string_too_long": ("must have at most", "max_length", " character", " characters"),
    "too_short": ("must have at least", "min_length", " entry", " entries"),
    "too_long": ("must have at most", "max_length", " entry", " entries"),
}
# Regular expressions of texts in requests -> what they ask for.
PATTERNS: Final[Mapping[str, str]] = {
    r"^[A-Za-z0-9._-]+$": _NAME,
    f"^{QUEUE_NAME}$": "must be the name of a queue: lower-case letters, digits and hyphens, a letter first",
    rf"^[A-Za-z0-9._:~-]{{1,{ID_CHARACTERS}}}$": f"must be an id, with at most {ID_CHARACTERS} characters",
    r"^[^.]+(\.[^.]+)*$": "must be names of fields, joined by dots",
    rf"^[\x21-\x7e]{{1,{IDEMPOTENCY_KEY_BYTES}}}$": (
        f"must have 1 to {IDEMPOTENCY_KEY_BYTES} printable ASCII characters without spaces"
    ),
    "^[0-9a-f-]{36}$": "must be an id: 36 characters, hexadecimal digits and hyphens",
    r"^20[0-9]{2}-(0[1-9]|1[0-2])$": "must be a month, as in 2026-11",
}
_ANY_PATTERN: Final = "has characters that are not allowed there"
ANYTHING_ELSE: Final = "is not valid"


def plain(error: Mapping[str, Any]) -> str:
    """Say what is wrong, beginning with a verb: the place is named beside it.

    Args:
        error: of pydantic's `errors()`, with its context. One of a type that is not known here is not valid, no more.
    """
    kind, context = error["type"], error.get("ctx") or {}
    if kind == PLAIN:
        return str(error["msg"])
    if kind == _VALUE_ERROR:
        return str(error["msg"]).removeprefix("Value error, ")
    if kind in FIXED:
        return FIXED[kind]
    say = _FILLED.get(kind, _bound if kind in BOUNDS else None)
    return say(kind, context) if say else ANYTHING_ELSE


def _bound(kind: str, context: Mapping[str, Any]) -> str:
    words, name, singular, plural = BOUNDS[kind]
    bound = context[name]
    number = int(bound) if isinstance(bound, float) and bound.is_integer() else bound
    return f"{words} {number}{singular if number == 1 else plural}"


def _choice(_: str, context: Mapping[str, Any]) -> str:
    """Name the values that there are; pydantic has them in quotes, as in `'a', 'b' or 'c'`."""
    values = re.sub(r"'([^']*)'", r"\1", str(context["expected"]))
    return f"must be {values}" if " or " not in values else f"must be one of {values}"


def _pattern(_: str, context: Mapping[str, Any]) -> str:
    return PATTERNS.get(str(context["pattern"]), _ANY_PATTERN)


_FILLED: Final[Mapping[str, Callable[[str, Mapping[str, Any]], str]]] = {
    "literal_error": _choice,
    "enum": _choice,
    "string_pattern_mismatch": _pattern,
}
