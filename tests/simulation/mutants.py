"""Mutants: the code under test with one guard taken away, put in place of the real code of a forked process.

A function keeps its identity and gets another `__code__`, so everybody who has imported it runs the mutant.

A run can only notice a condition that is gone if the condition decided something in it. So the code is marked before:
a mark is reached if the condition was false in an `and`, true in an `or`, or evaluated at all where it is negated.
"""

import ast
import importlib
import inspect
import pickle
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import islice
from types import FunctionType, ModuleType
from typing import Any

from tests.simulation.allowed_mutants import ALLOWED_MUTANTS
from tests.simulation.parts import AREA_OF

Edit = Callable[[Any], None]
MARK = "_reached"
CONDITIONS = {"Is", "In", "Below", "NOT_CANCELLED"}
ASSIGNED = {
    "due_pk", "check_at", "cancel_requested", "claims", "due_at", "failures", "fence", "first", "generation",
    "lease_until", "rescues", "scheduled_at", "send", "state",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Change:
    """What can be done to a node of a syntax tree.

    Args:
        text: what, for people.
        edit: does it, to the same node of a copy.
        field: of the node, where the condition is that it is about; None if it is about none.
        index: at which place in the field; None if the field is no list.
        when: the value of the condition with which it matters; None for both.
    """

    text: str
    edit: Edit
    field: str | None = None
    index: int | None = None
    when: bool | None = None

    def mark(self, node: Any, name: str) -> None:
        """Let the node's condition tell when it matters."""
        if self.field is None:
            return
        where = getattr(node, self.field)
        condition = where if self.index is None else where[self.index]
        arguments = [ast.Constant(name), condition, ast.Constant(self.when)]
        marked = ast.Call(ast.Name(MARK, ast.Load()), arguments, [])
        if self.index is None:
            setattr(node, self.field, marked)
        else:
            where[self.index] = marked


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change.

    Args:
        module: where.
        line: at which line.
        function: in which function or method, `Class.method`; None outside of any.
        change: what, for people.
        source: the whole module as changed.
        mark: which mark a run reaches that can notice it.
    """

    module: str
    line: int
    function: str | None
    change: str
    source: str
    mark: str = ""

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
        """Let this process run the mutant from now on; what was remembered of calls before is forgotten."""
        module = importlib.import_module(self.module)
        put_in_place(module, self.source)
        for member in vars(module).values():
            if hasattr(member, "cache_clear"):
                member.cache_clear()


def put_in_place(module: ModuleType, source: str, **names: object) -> None:
    """Replace a module's functions, methods and conditions by those of another source, which also knows these names."""
    space: dict[str, object] = {"__name__": module.__name__, "__file__": module.__file__} | names
    vars(module).update(names)
    edges = list(getattr(module, "EDGES", []))
    exec(compile(source, str(module.__file__), "exec"), space)
    if edges:
        module.EDGES[:] = edges
    for name, new in space.items():
        old = getattr(module, name, None)
        made, known = _function_of(new), _function_of(old)
        if isinstance(made, FunctionType) and isinstance(known, FunctionType):
            _become(known, made)
        elif inspect.isclass(new) and inspect.isclass(old) and old.__module__ == module.__name__:
            for part, member in vars(new).items():
                method, known = _function_of(member), _function_of(vars(old).get(part))
                if isinstance(method, FunctionType) and isinstance(known, FunctionType):
                    _become(known, method)


def _function_of(member: object) -> object:
    """Return what a property, a class's method or a decorated function calls; anything else is itself."""
    if isinstance(member, property):
        return member.fget
    return inspect.unwrap(member) if callable(member) else getattr(member, "__func__", member)


def _become(old: FunctionType, new: FunctionType) -> None:
    generated = new.__code__.co_filename == "<string>"
    if len(old.__code__.co_freevars) == len(new.__code__.co_freevars) and not generated:
        old.__code__ = new.__code__


def mutants() -> list[Mutant]:
    """Make them all."""
    return [mutant for module in AREA_OF for mutant in _of(module)]


def _of(module: str) -> Iterator[Mutant]:
    tree = _tree_of(module)
    # A third of the time of deepcopy.
    plain, copies = ast.unparse(tree), pickle.dumps(tree)
    for number, node in enumerate(ast.walk(tree)):
        for change in _changes(node):
            changed = pickle.loads(copies)
            change.edit(next(islice(ast.walk(changed), number, None)))
            text = ast.unparse(ast.fix_missing_locations(changed))
            if text != plain:
                line = _line_of(node)
                function = _function_at(tree, line)
                mark = f"{module}:{function}" if change.field is None else _mark_of(module, number, change)
                yield Mutant(module, line, function, change.text, text, mark)


def marked(module: str, marks: Collection[str]) -> str:
    """Return a module's source with these marks: of conditions, or `module:function` for a function's first line."""
    tree = _tree_of(module)
    for number, node in enumerate(list(ast.walk(tree))):
        for change in list(_changes(node)):
            if (name := _mark_of(module, number, change)) in marks:
                change.mark(node, name)
    for function, node in functions_of(tree):
        if (name := f"{module}:{function}") in marks:
            after_docstring = 1 if ast.get_docstring(node) else 0
            node.body[after_docstring:after_docstring] = ast.parse(f"{MARK}({name!r})").body
    return ast.unparse(ast.fix_missing_locations(tree))


def _tree_of(module: str) -> ast.Module:
    return ast.parse(inspect.getsource(importlib.import_module(module)))


def _mark_of(module: str, number: int, change: Change) -> str:
    return f"{module}:{number} {change.text}"


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


def _changes(node: ast.AST) -> Iterator[Change]:
    """List what can be done to a node."""
    yield from _without_parts(node)
    yield from _without_assignments(node)
    # What is imported for types alone is no guard.
    named = isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
    if isinstance(node, ast.If | ast.IfExp | ast.While) and not (named or isinstance(node.test, ast.Constant)):
        yield _negation(node.test, "test")
    if isinstance(node, ast.Return) and isinstance(node.value, ast.Compare):
        yield _negation(node.value, "value")


def _negation(condition: ast.expr, field: str) -> Change:
    return Change(f"not ({ast.unparse(condition)})", partial(_negate, field=field), field)


def _without_parts(node: ast.AST) -> Iterator[Change]:
    """Take away a conjunct of a condition, an operand of `and` and `or`, the filter of a comprehension."""
    if isinstance(node, ast.List | ast.Tuple) and any(map(_is_condition, node.elts)):
        for index, part in enumerate(node.elts):
            yield Change(f"without {ast.unparse(part)}", partial(_pop, field="elts", index=index))
    elif isinstance(node, ast.BoolOp):
        matters = isinstance(node.op, ast.Or)
        for index, part in enumerate(node.values):
            # The last one may be the value: it matters whenever it is that.
            is_value = part is node.values[-1] and not isinstance(part, ast.Compare | ast.UnaryOp)
            yield _removal(part, "values", index, None if is_value else matters, f" in {ast.unparse(node)}")
    elif isinstance(node, ast.comprehension):
        for index, part in enumerate(node.ifs):
            yield _removal(part, "ifs", index, False)


def _removal(part: ast.expr, field: str, index: int, matters: bool | None, inside: str = "") -> Change:
    """Take away a condition; one that names what it finds matters always."""
    names = any(isinstance(item, ast.NamedExpr) for item in ast.walk(part))
    edit = partial(_pop, field=field, index=index)
    return Change(f"without {ast.unparse(part)}{inside}", edit, field, index, None if names else matters)


def _without_assignments(node: ast.AST) -> Iterator[Change]:
    """Take away what a transition changes: a keyword, or an entry of a dictionary."""
    if isinstance(node, ast.Call):
        for index, keyword in enumerate(node.keywords):
            if keyword.arg in ASSIGNED:
                change = f"without {keyword.arg}={ast.unparse(keyword.value)}"
                yield Change(change, partial(_pop, field="keywords", index=index))
    if isinstance(node, ast.Dict):
        for index, key in enumerate(node.keys):
            if isinstance(key, ast.Constant) and key.value in ASSIGNED:
                yield Change(f"without {key.value}", partial(_drop, index=index))


def _is_condition(node: ast.expr) -> bool:
    if isinstance(node, ast.Starred):
        return ast.unparse(node) in ("*_held(job)", "*seen")
    called = node.func if isinstance(node, ast.Call) else node
    return isinstance(called, ast.Name) and called.id in CONDITIONS


def _negate(node: Any, field: str) -> None:
    setattr(node, field, ast.UnaryOp(ast.Not(), getattr(node, field)))


def _pop(node: Any, field: str, index: int) -> None:
    getattr(node, field).pop(index)


def _drop(node: Any, index: int) -> None:
    node.keys.pop(index)
    node.values.pop(index)
