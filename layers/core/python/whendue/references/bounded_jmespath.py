"""JMESPath (https://jmespath.org/specification.html), with a bound on what a path can cost and make of its input.

A short path can double its input again and again (`[@, @] | [@, @] | ...`). How much larger its result may be is known
from the path alone: see `_growth`. How long it takes depends on its input, too: see `whendue.references.interpreter`.
"""

import json
from functools import lru_cache
from math import prod
from typing import TYPE_CHECKING, Any, Final

from whendue.errors import BadReferenceError, InvalidReferenceError
from whendue.quotas import JSON_DEPTH, REFERENCE_GROWTH, REFERENCE_PATH_BYTES, REFERENCE_PATH_DEPTH, RESULT_DEPTH

if TYPE_CHECKING:
    from whendue.references.interpreter import Budget

# Functions of the specification whose result is no larger than their arguments together. Of the rest `join` multiplies
# two of them, and `to_string` writes marks before marks.
FUNCTIONS: Final = frozenset(
    {"abs", "avg", "ceil", "contains", "ends_with", "floor", "keys", "length", "map", "max", "max_by", "merge", "min"}
    | {"min_by", "not_null", "reverse", "sort", "sort_by", "starts_with", "sum", "to_array", "to_number", "type"}
    | {"values"}
)
# Those that take an expression, and as which of their arguments.
EXPRESSION_AT: Final = {"map": 0, "max_by": 1, "min_by": 1, "sort_by": 1}
# Names and constants of this length, in characters, count as much as the input.
_CONSTANT: Final = 4
PATHS_REMEMBERED: Final = 500


def check_path(path: Any, where: str) -> None:
    """Check a path: whatever is wrong with it for every input.

    Raises:
        InvalidReferenceError: it is no JMESPath, one that fails on everything, or one that makes too much of its input.
    """
    if not isinstance(path, str) or not 0 < len(path.encode(errors="replace")) <= REFERENCE_PATH_BYTES:
        raise InvalidReferenceError((where, f"the path must be a text of 1 to {REFERENCE_PATH_BYTES} bytes"))
    if problem := _problem(path):
        raise InvalidReferenceError((where, problem))


@lru_cache(maxsize=PATHS_REMEMBERED)
def _problem(path: str) -> str | None:
    from jmespath.exceptions import JMESPathError

    try:
        tree = _compiled(path).parsed
        _check_node(tree, 1)
        _growth(tree)
    except _RefusedError as refused:
        return str(refused)
    except (JMESPathError, ValueError, RecursionError):
        return "the path must be a JMESPath expression (https://jmespath.org)"
    return None


def new_budget() -> "Budget":
    """Return a new budget of steps, which the paths of one payload share."""
    from whendue.references.interpreter import Budget

    return Budget()


def searched(path: str, value: Any, named: str, budget: "Budget") -> Any:
    """Return what a path finds; None if it finds nothing.

    Args:
        path: one that `check_path` takes.
        value: what it is to search.
        named: the reference, for the error.
        budget: whose steps it takes.

    Raises:
        BadReferenceError: the value is none that it can search, or it takes more steps than there are.
    """
    from whendue.references.interpreter import Interpreter, SpentError

    try:
        return Interpreter(budget).visit(_compiled(path).parsed, value)
    except SpentError:
        raise too_costly(named) from None
    except Exception:  # noqa: BLE001 - no list of what jmespath can raise is ever whole
        raise BadReferenceError(f"{named}: its path does not fit the value that it searches") from None


def size_of(value: Any, named: str, budget: "Budget") -> int:
    """Return the size of a reference's value as JSON, in bytes.

    Raises:
        BadReferenceError: JSON has nothing for it, it is nested too deep, or reading it takes more steps than there
            are.
    """
    from whendue.references.interpreter import SpentError

    try:
        levels = budget.weigh(value)
        size = len(json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode())
    except SpentError:
        raise too_costly(named) from None
    except Exception:  # noqa: BLE001 - NaN, Infinity, half a character, too many digits
        raise BadReferenceError(f"{named}: its value cannot be written as JSON") from None
    if levels > RESULT_DEPTH:
        raise BadReferenceError(f"{named}: its value is nested deeper than {RESULT_DEPTH} levels")
    return size


def too_costly(named: str) -> BadReferenceError:
    """Return the error that the steps are used up."""
    return BadReferenceError(f"{named}: the paths of the payload visit too many values; make them select less")


@lru_cache(maxsize=PATHS_REMEMBERED)
def _compiled(path: str) -> Any:
    import jmespath

    return jmespath.compile(path)


class _RefusedError(Exception):
    """A path must not be used; says why."""


# --- what is wrong with a path for every input ------------------------------------------------------------------------


def _check_node(node: Any, level: int) -> None:
    """Check a part of a path.

    Raises:
        _RefusedError: what is wrong with it.
    """
    if level > REFERENCE_PATH_DEPTH:
        raise _RefusedError(f"the path is nested deeper than {REFERENCE_PATH_DEPTH} levels")
    children = node["children"]
    match node["type"]:
        case "function_expression":
            _check_call(node["value"], children)
        case "literal" | "field" | "key_val_pair":
            _check_constant(node["value"])
        case "slice" if children[2] == 0:
            raise _RefusedError("the step of a slice must not be 0")
    for number, child in enumerate(children):
        if isinstance(child, dict):
            called = node["value"] if node["type"] == "function_expression" else ""
            if child["type"] == "expref" and EXPRESSION_AT.get(called) != number:
                raise _RefusedError(_EXPRESSION)
            _check_node(child, level + 1)
    if level == 1 and node["type"] == "expref":
        raise _RefusedError(_EXPRESSION)


_EXPRESSION: Final = f"an expression (&...) can be used only as an argument of {', '.join(EXPRESSION_AT)}"


def _check_call(name: str, arguments: list[Any]) -> None:
    if name not in FUNCTIONS:
        raise _RefusedError(f"the path may only call these functions: {', '.join(sorted(FUNCTIONS))}")
    from jmespath.functions import Functions

    wanted = Functions.FUNCTION_TABLE[name]["signature"]
    variadic = bool(wanted[-1].get("variadic"))
    if len(arguments) != len(wanted) and not (variadic and len(arguments) > len(wanted)):
        needed = f"{len(wanted)} argument{'s' * (len(wanted) != 1)}"
        raise _RefusedError(f"{name} needs {'at least ' if variadic else ''}{needed}")
    at = EXPRESSION_AT.get(name)
    if at is not None and arguments[at]["type"] != "expref":
        raise _RefusedError(f"{name} takes an expression (&...) as one of its arguments")


def _check_constant(value: Any) -> None:
    from whendue.jobs.json_values import NotJsonError, to_text

    try:
        to_text(value, most_bytes=REFERENCE_PATH_BYTES * REFERENCE_GROWTH, most_levels=JSON_DEPTH)
    except NotJsonError as error:
        raise _RefusedError(f"a constant of the path must be a JSON value: {error}") from None


# --- how much a path can make of its input ----------------------------------------------------------------------------


def _growth(node: Any) -> int:
    """Return roughly how many times larger than its input a node's result may be: how often it mentions the input.

    Raises:
        _RefusedError: the path, or a part of it, makes too much of its input.
    """
    growth = _growth_of(node["type"], node, [_growth(child) for child in node["children"] if isinstance(child, dict)])
    if growth > REFERENCE_GROWTH:
        raise _RefusedError("the path selects the same values too often; make it select less")
    return growth


def _growth_of(kind: str, node: Any, parts: list[int]) -> int:
    match kind:
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
