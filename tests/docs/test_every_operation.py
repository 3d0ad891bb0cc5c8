"""Every command and every method of the clients has a line that somebody wrote; what is generated does not count.

That each has a test is compared beside those tests: in tests/functional/cli/test_every_command.py, test_operations.py
of the client, test_transport.py of direct mode and clients/typescript/test/api.test.ts.
"""

import ast
import re
from collections.abc import Iterator

import pytest

from tests.builders.commands import COMMANDS
from tests.docs.pages import NAMES, ROOT, text_of
from whendue.client import AsyncClient, Client
from whendue.client.operations import Operations
from whendue.direct import AsyncDirectClient, DirectClient

OPERATIONS = {name for name in vars(Operations) if not name.startswith("_")}
# What each operation calls itself; the methods that clients have to be run by.
PORT = {"run"}
KINDS: dict[type, str] = {
    Client: "docs/guide/client.md",
    AsyncClient: "docs/guide/client.md",
    DirectClient: "docs/guide/direct.md",
    AsyncDirectClient: "docs/guide/direct.md",
}
TYPESCRIPT = ROOT / "clients/typescript/src/client.ts"
USERS = [name for name in NAMES if re.match(r"README\.md$|docs/(guide|operations|reference)/", name)]


def written(name: str) -> str:
    """Return what somebody wrote of a page, on one line."""
    return " ".join(re.sub(r"<!-- generated: .*?<!-- end -->", "", text_of(name), flags=re.DOTALL).split())


def public(kind: type) -> set[str]:
    """Return the methods of a client."""
    return {name for name in dir(kind) if not name.startswith("_")} - PORT


def missing(names: set[str], page: str) -> set[str]:
    """Return the methods that a page has neither in code marks nor called in an example."""
    text = written(page)
    return {name for name in names if not re.search(rf"`{name}[`(]|\.{name}\(", text)}


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_every_command_is_typed_on_a_page(command: str) -> None:
    """With its program, as a user types it."""
    typed = re.compile(rf"\bwhendue {command}\b")
    assert any(typed.search(written(name)) for name in USERS)


def test_every_operation_of_the_python_clients_is_in_their_guide() -> None:
    """Direct mode's page says that it has all of them."""
    assert OPERATIONS
    assert missing(OPERATIONS, "docs/guide/client.md") == set()


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_other_method_of_a_python_client_is_in_its_guide(kind: type) -> None:
    """Those that make it, end it, and go beyond the API."""
    beyond = public(kind) - OPERATIONS
    own = {name for name in beyond if name in vars(kind)}
    assert own
    assert missing(own, KINDS[kind]) == set()
    assert missing(beyond - own, "docs/guide/client.md") == set()


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_other_method_of_a_python_client_is_called_by_a_test(kind: type) -> None:
    """On a client that it has made, or on the class itself."""
    called = {name for path in (ROOT / "tests").rglob("test_*.py") for name in calls_of(kind, path.read_text())}
    assert public(kind) - OPERATIONS - called == set()


def calls_of(kind: type, code: str) -> Iterator[str]:
    """Yield the methods that code calls of a client: of the class, of a new one, or of a name for a new one."""
    if kind.__name__ not in code:
        return
    for function in ast.walk(ast.parse(code)):
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from _calls_in(kind, function)


def _calls_in(kind: type, function: ast.AST) -> Iterator[str]:
    clients = set(_names_of_new(kind, function))
    for node in ast.walk(function):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            of = node.func.value
            if _makes(kind, of) or (isinstance(of, ast.Name) and of.id in clients | {kind.__name__}):
                yield node.func.attr


def _names_of_new(kind: type, function: ast.AST) -> Iterator[str]:
    for node in ast.walk(function):
        if isinstance(node, ast.Assign) and _makes(kind, node.value):
            yield from (target.id for target in node.targets if isinstance(target, ast.Name))
        elif isinstance(node, ast.withitem) and _makes(kind, node.context_expr):
            yield from (name.id for name in [node.optional_vars] if isinstance(name, ast.Name))


def _makes(kind: type, node: ast.AST) -> bool:
    """Return whether an expression makes a client: `Client(...)` or `Client.from_env(...)`."""
    if not isinstance(node, ast.Call):
        return False
    called = node.func
    if isinstance(called, ast.Attribute) and called.attr == "from_env":
        called = called.value
    return isinstance(called, ast.Name) and called.id == kind.__name__


def test_every_method_of_the_typescript_client_is_in_its_guide() -> None:
    """As its declarations have them: two spaces before a name, a bracket behind it."""
    names = set(re.findall(r"^  (?:async )?([a-z]\w*)\(", TYPESCRIPT.read_text(), re.MULTILINE)) - {"constructor"}
    assert len(names) > len(OPERATIONS) // 2
    assert missing(names, "docs/guide/client-typescript.md") == set()
