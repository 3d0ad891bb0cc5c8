"""JMESPath's interpreter, with every step counted: a path of 255 bytes can look at millions of values.

Imported where a path is evaluated, and nowhere else.
"""

import re
from typing import Any, Final

from jmespath.functions import Functions, signature
from jmespath.visitor import Options, TreeInterpreter

from whendue.jobs.json_values import CHARACTERS_PER_STEP, weigh
from whendue.quotas import REFERENCE_STEPS

# https://www.rfc-editor.org/rfc/rfc8259#section-6: the texts of which the specification's `to_number` makes numbers.
_NUMBER: Final = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")


# Looking at a value takes so much less time than visiting it with a node of a path (measured).
_LOOKS_PER_STEP: Final = 8
# Two values are compared in up to this many steps, then in this many times more.
_FIRST_LOOK: Final = 16


class SpentError(Exception):
    """The steps are used up."""


class Budget:
    """The steps that the paths of one payload have together.

    Args:
        steps: how many.
    """

    def __init__(self, steps: int = REFERENCE_STEPS) -> None:
        """Start with all of them."""
        self.left = steps

    def take(self, steps: int) -> None:
        """Take some.

        Raises:
            SpentError: fewer steps are left.
        """
        self.left -= steps
        if self.left < 0:
            raise SpentError

    def weigh(self, value: object) -> int:
        """Spend the steps to read each value within a plain JSON value once; return its depth.

        Raises:
            SpentError: fewer steps are left.
        """
        weight, levels = weigh(value, self.left * _LOOKS_PER_STEP)
        self.take(weight // _LOOKS_PER_STEP)
        return levels


class Interpreter(TreeInterpreter):  # type: ignore[misc] # jmespath has no types
    """Evaluates the tree of a path."""

    def __init__(self, budget: Budget) -> None:
        """Spend this budget."""
        super().__init__(Options(custom_functions=_Functions(budget)))
        self._budget = budget

    def visit(self, node: Any, *arguments: Any, **options: Any) -> Any:
        """Visit a node of the path, on one value."""
        self._budget.take(1)
        return super().visit(node, *arguments, **options)

    def visit_comparator(self, node: Any, value: Any) -> Any:
        """Compare two values; equal ones are looked at as a whole, the smaller one at most."""
        sides = [self.visit(child, value) for child in node["children"]]
        self._budget.take(self._common(*sides))
        literals = [{"type": "literal", "value": side, "children": []} for side in sides]
        return super().visit_comparator({**node, "children": literals}, value)

    def _common(self, left: Any, right: Any) -> int:
        """Weigh the lighter of two values, and look at not much more of the other."""
        most = _FIRST_LOOK
        while (weight := min(weigh(left, most)[0], weigh(right, most)[0])) > most and most <= self._budget.left:
            most *= _FIRST_LOOK
        return weight

    def visit_flatten(self, node: Any, value: Any) -> Any:
        """Copy lists into one."""
        return self._copied(super().visit_flatten(node, value))

    def visit_slice(self, node: Any, value: Any) -> Any:
        """Copy a part of a list."""
        return self._copied(super().visit_slice(node, value))

    def _copied(self, made: Any) -> Any:
        self._budget.take(len(made or ()))
        return made


class _Functions(Functions):  # type: ignore[misc] # as above
    """The specification's functions, their arguments counted."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget

    def call_function(self, function_name: str, resolved_args: list[Any]) -> Any:
        """Call a function."""
        for argument in resolved_args:
            if isinstance(argument, str):
                self._budget.take(len(argument) // CHARACTERS_PER_STEP)
            elif isinstance(argument, list | dict):
                self._budget.take(len(argument))
        if function_name == "contains" and isinstance(resolved_args[0], list):
            self._budget.weigh(resolved_args[0])
        return super().call_function(function_name, resolved_args)

    @signature({"types": []})  # type: ignore[untyped-decorator]
    def _func_to_number(self, arg: Any) -> Any:
        """Read a number; `inf`, `nan` and `1_000` are none."""
        if isinstance(arg, bool) or not isinstance(arg, int | float | str):
            return None
        if not isinstance(arg, str):
            return arg
        if not _NUMBER.fullmatch(arg):
            return None
        return float(arg) if set(arg) & set(".eE") else int(arg)
