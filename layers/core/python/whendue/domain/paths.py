"""JMESPath (https://jmespath.org/specification.html), with a bound on what a path can make of its input.

A short path can double its input again and again (`[@, @] | [@, @] | ...`). How much larger its result may be is known
from the path alone: see `_growth`.
"""

from functools import lru_cache
from math import prod
from typing import Any, Final

from whendue.errors import BadReferenceError, InvalidReferenceError
from whendue.limits import REFERENCE_GROWTH, REFERENCE_PATH_BYTES

# Functions of the specification whose result is no larger than their arguments together. Of the rest `join` multiplies
# two of them, and `to_string` writes marks before marks.
FUNCTIONS: Final = frozenset(
    {"abs", "avg", "ceil", "contains", "ends_with", "floor", "keys", "length", "map", "max", "max_by", "merge", "min"}
    | {"min_by", "not_null", "reverse", "sort", "sort_by", "starts_with", "sum", "to_array", "to_number", "type"}
    | {"values"}
)
# Names and constants of so many characters count as much as the input.
_CONSTANT: Final = 8
PATHS_REMEMBERED: Final = 500


def check_path(path: Any, where: str) -> None:
    """Check a path.

    Raises:
        InvalidReferenceError: it is no JMESPath, or one that makes too much of its input.
    """
    if not isinstance(path, str) or not 0 < len(path.encode()) <= REFERENCE_PATH_BYTES:
        raise InvalidReferenceError((where, f"the path must be a text of 1 to {REFERENCE_PATH_BYTES} bytes"))
    from jmespath.exceptions import JMESPathError

    try:
        _growth(_compiled(path).parsed)
    except _UnknownFunctionError:
        problem = f"the path calls a function that is none of {', '.join(sorted(FUNCTIONS))}"
        raise InvalidReferenceError((where, problem)) from None
    except _TooLargeError:
        raise InvalidReferenceError((where, "the path selects the same things too often")) from None
    except (JMESPathError, ValueError, RecursionError):
        raise InvalidReferenceError((where, "the path is no JMESPath (https://jmespath.org)")) from None


def searched(path: str, value: Any, named: str) -> Any:
    """Give what a path finds; None for nothing.

    Raises:
        BadReferenceError: the value is none that it can search.
    """
    from jmespath.exceptions import JMESPathError

    try:
        return _compiled(path).search(value)
    except (JMESPathError, ValueError, TypeError, AttributeError, RecursionError):
        raise BadReferenceError(f"{named}: its path does not fit what it is to search") from None


@lru_cache(maxsize=PATHS_REMEMBERED)
def _compiled(path: str) -> Any:
    import jmespath

    return jmespath.compile(path)


class _UnknownFunctionError(Exception):
    """A path calls a function that it must not call."""


class _TooLargeError(Exception):
    """A path, or a part of it, makes too much of its input."""


def _growth(node: Any) -> int:
    """Give how many times as large as its input what a node gives may be, roughly: how often it mentions its input.

    Raises:
        _UnknownFunctionError, _TooLargeError: the path is not to be used.
    """
    growth = _growth_of(node["type"], node, [_growth(child) for child in node["children"] if isinstance(child, dict)])
    if growth > REFERENCE_GROWTH:
        raise _TooLargeError
    return growth


def _growth_of(kind: str, node: Any, parts: list[int]) -> int:
    match kind:
        case "function_expression" if node["value"] not in FUNCTIONS:
            raise _UnknownFunctionError
        case "comparator" | "not_expression":
            growth = 1
        case "literal":
            growth = 1 + min(len(str(node["value"])) // _CONSTANT, REFERENCE_GROWTH - 1)
        case "key_val_pair":
            growth = parts[0] + len(node["value"]) // _CONSTANT
        case "multi_select_list" | "multi_select_dict" | "or_expression" | "and_expression":
            growth = sum(parts)
        case "function_expression" if node["value"] != "map":
            growth = sum(parts)
        case "filter_projection":
            growth = prod(parts[:2])
        case _:
            # One after the other; `map(&expression, list)` is the expression on each of the list.
            growth = prod(parts)
    return max(1, growth)
