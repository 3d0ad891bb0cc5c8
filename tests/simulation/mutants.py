"""Mutants: the code under test with one guard taken away, put in place of the real code of a forked process.

A function keeps its identity and gets another `__code__`, so everybody who has imported it runs the mutant.
"""

import ast
import importlib
import inspect
import pickle
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from types import FunctionType, ModuleType
from typing import Any

from tests.simulation.allowed_mutants import ALLOWED_MUTANTS
from tests.simulation.parts import AREA_OF

Edit = Callable[[Any], None]
CONDITIONS = {"Is", "In", "Below", "NOT_CANCELLED"}
ASSIGNED = {
    "due_pk", "check_at", "cancel_requested", "claims", "due_at", "failures", "fence", "first", "generation",
    "lease_until", "rescues", "scheduled_at", "send", "state",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change.

    Args:
        module: where.
        line: at which line.
        function: in which function or method, `Class.method`; None outside of any.
        change: what, for people.
        source: the whole module as changed.
    """

    module: str
    line: int
    function: str | None
    change: str
    source: str

    @property
    def name(self) -> str:
        """Name it, stable as long as the line is."""
        return f"{self.module.removeprefix('whendue.')}:{self.line} {self.change}"

    @property
    def allowed_key(self) -> str:
        """Name it as ALLOWED_MUTANTS does, whatever its line."""
        return f"{self.module.removeprefix('whendue.')} {self.change}"

    @property
    def allowed_because(self) -> str | None:
        """Say why it may survive, None if it may not."""
        return ALLOWED_MUTANTS.get(self.allowed_key)

    def put_in_place(self) -> None:
        """Let this process run the mutant from now on."""
        put_in_place(importlib.import_module(self.module), self.source)


def put_in_place(module: ModuleType, source: str, **names: object) -> None:
    """Replace a module's functions, methods and conditions by those of another source, which also knows these names."""
    space: dict[str, object] = {"__name__": module.__name__} | names
    vars(module).update(names)
    edges = list(getattr(module, "EDGES", []))
    exec(compile(source, str(module.__file__), "exec"), space)
    if edges:
        module.EDGES[:] = edges
    for name, new in space.items():
        old = getattr(module, name, None)
        if isinstance(new, FunctionType) and isinstance(old, FunctionType):
            _become(old, new)
        elif inspect.isclass(new) and inspect.isclass(old) and old.__module__ == module.__name__:
            for part, member in vars(new).items():
                method, known = _function_of(member), _function_of(vars(old).get(part))
                if isinstance(method, FunctionType) and isinstance(known, FunctionType):
                    _become(known, method)


def _function_of(member: object) -> object:
    """Return what a property calls; anything else is itself."""
    return member.fget if isinstance(member, property) else member


def _become(old: FunctionType, new: FunctionType) -> None:
    generated = new.__code__.co_filename == "<string>"
    if len(old.__code__.co_freevars) == len(new.__code__.co_freevars) and not generated:
        old.__code__ = new.__code__


def mutants() -> list[Mutant]:
    """Make them all."""
    return [mutant for module in AREA_OF for mutant in _of(module)]


def _of(module: str) -> Iterator[Mutant]:
    source = inspect.getsource(importlib.import_module(module))
    tree = ast.parse(source)
    # A third of the time of deepcopy.
    plain, copies = ast.unparse(tree), pickle.dumps(tree)
    for number, node in enumerate(ast.walk(tree)):
        for change, edit in _edits(node):
            changed = pickle.loads(copies)
            target = next(item for position, item in enumerate(ast.walk(changed)) if position == number)
            edit(target)
            text = ast.unparse(ast.fix_missing_locations(changed))
            if text != plain:
                line = _line_of(node)
                yield Mutant(module, line, _function_at(tree, line), change, text)


def _line_of(node: ast.AST) -> int:
    """Return the line of a node; `for x in y if z` has none of its own."""
    return node.target.lineno if isinstance(node, ast.comprehension) else getattr(node, "lineno", 0)


def functions_of(tree: ast.Module) -> Iterator[tuple[str, ast.FunctionDef]]:
    """List a module's functions and methods by their names; what stands inside of one belongs to it."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            yield node.name, node
        elif isinstance(node, ast.ClassDef):
            yield from ((f"{node.name}.{item.name}", item) for item in node.body if isinstance(item, ast.FunctionDef))


def _function_at(tree: ast.Module, line: int) -> str | None:
    inside = (name for name, node in functions_of(tree) if node.lineno <= line <= (node.end_lineno or 0))
    return next(inside, None)


def _edits(node: ast.AST) -> Iterator[tuple[str, Edit]]:
    """List what can be done to a node: what, and a function that does it to the same node of a copy."""
    yield from _without_parts(node)
    yield from _without_assignments(node)
    # What is imported for types alone is no guard.
    named = isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
    if isinstance(node, ast.If | ast.IfExp | ast.While) and not (named or isinstance(node.test, ast.Constant)):
        yield f"not ({ast.unparse(node.test)})", _negate
    if isinstance(node, ast.Return) and isinstance(node.value, ast.Compare):
        yield f"not ({ast.unparse(node.value)})", _negate_value


def _without_parts(node: ast.AST) -> Iterator[tuple[str, Edit]]:
    """Take away a conjunct of a condition, an operand of `and` and `or`, the filter of a comprehension."""
    parts: list[ast.expr] = []
    if isinstance(node, ast.List | ast.Tuple) and any(map(_is_condition, node.elts)):
        parts = node.elts
    elif isinstance(node, ast.BoolOp):
        parts = node.values
    elif isinstance(node, ast.comprehension):
        parts = node.ifs
    field = {ast.BoolOp: "values", ast.comprehension: "ifs"}.get(type(node), "elts")
    for index, part in enumerate(parts):
        inside = f" in {ast.unparse(node)}" if isinstance(node, ast.BoolOp) else ""
        yield f"without {ast.unparse(part)}{inside}", partial(_pop, field=field, index=index)


def _without_assignments(node: ast.AST) -> Iterator[tuple[str, Edit]]:
    """Take away what a transition changes: a keyword, or an entry of a dictionary."""
    if isinstance(node, ast.Call):
        for index, keyword in enumerate(node.keywords):
            if keyword.arg in ASSIGNED:
                change = f"without {keyword.arg}={ast.unparse(keyword.value)}"
                yield change, partial(_pop, field="keywords", index=index)
    if isinstance(node, ast.Dict):
        for index, key in enumerate(node.keys):
            if isinstance(key, ast.Constant) and key.value in ASSIGNED:
                yield f"without {key.value}", partial(_drop, index=index)


def _is_condition(node: ast.expr) -> bool:
    if isinstance(node, ast.Starred):
        return ast.unparse(node) in ("*_held(job)", "*seen")
    called = node.func if isinstance(node, ast.Call) else node
    return isinstance(called, ast.Name) and called.id in CONDITIONS


def _negate(node: Any) -> None:
    node.test = ast.UnaryOp(ast.Not(), node.test)


def _negate_value(node: Any) -> None:
    node.value = ast.UnaryOp(ast.Not(), node.value)


def _pop(node: Any, field: str, index: int) -> None:
    getattr(node, field).pop(index)


def _drop(node: Any, index: int) -> None:
    node.keys.pop(index)
    node.values.pop(index)
