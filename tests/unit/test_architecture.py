"""The architecture holds: packages import lower levels only, pure modules import pure ones, and files stay small."""

import ast
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.builders.levels import LEVELS, PURE

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "layers/core/python/whendue"
SOURCES = sorted([*PACKAGE.rglob("*.py"), *(ROOT / "functions").rglob("*.py")])
LEVEL_OF = {f"whendue.{name}": level for level, names in enumerate(LEVELS) for name in names}
# The client runs in other people's processes: it stands low, so that it cannot import the server.
LEVEL_OF |= {"whendue.client": 2}
# The development of projects: beside the containers, which it starts as processes of their own.
LEVEL_OF |= {"whendue.project": LEVEL_OF["whendue.containers"]}
LEVEL_OF |= {"whendue": len(LEVELS), "functions": len(LEVELS)}
# Constants and errors, which pure modules may use.
PLAIN = {
    "whendue.aws_quotas",
    "whendue.errors",
    "whendue.quotas",
    "whendue.schedule_quotas",
    "whendue.settings",
    "whendue.support.text",
    "whendue.task_quotas",
}
MODULES_MAX = 14
# What talks to an API: the command line, direct mode, and tests of users.
USERS_OF_CLIENT = ("whendue.cli.", "whendue.direct.", "whendue.testing.")


def module_of(path: Path) -> str:
    base = PACKAGE.parent if PACKAGE in path.parents else ROOT
    parts = list(path.relative_to(base).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_of(path): path for path in SOURCES}


def imports_of(path: Path) -> Iterator[str]:
    """Name the modules of ours that a file imports, lazily or not."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield inner if inner in MODULES else str(node.module)


def package_of(module: str) -> str:
    """Name the entry of the table that a module belongs to: a package, or itself."""
    top = ".".join(module.split(".")[:2]) if module.startswith("whendue.") else module.split(".", maxsplit=1)[0]
    assert top in LEVEL_OF, f"{module} has no level"
    return top


GRAPH = {
    module: sorted({name for name in imports_of(path) if name in MODULES and name != module})
    for module, path in MODULES.items()
}


@pytest.mark.parametrize("module", sorted(MODULES))
def test_imports_only_go_down(module: str) -> None:
    """A package that knows one of its own level or above can no longer be read, tested or reused without it."""
    own = package_of(module)
    if module.startswith("functions.worker.tasks"):
        return
    wrong = [n for n in GRAPH[module] if package_of(n) != own and LEVEL_OF[package_of(n)] >= LEVEL_OF[own]]
    assert not wrong, f"{module} imports {wrong}"


@pytest.mark.parametrize("module", sorted(PURE))
def test_pure_modules_import_pure_modules(module: str) -> None:
    """Rules that reach for the outside can no longer be tried by the thousand."""
    impure = [name for name in GRAPH[module] if name not in PURE | PLAIN and MODULES[name].name != "__init__.py"]
    assert not impure, f"{module} imports {impure}"


def test_the_client_and_the_server_do_not_know_each_other() -> None:
    """Who only submits jobs installs and loads no server; and no server calls an API, as USERS_OF_CLIENT do."""
    own = {module for module in MODULES if module.startswith("whendue.client")}
    used = {name for module in own for name in GRAPH[module]} - own
    assert used <= {"whendue.support.clock", "whendue.version"}
    users = {module for module in MODULES if module not in own and own & set(GRAPH[module])}
    # A task that is submitted outside of a worker: the client is loaded by the call.
    called = "whendue.declarations.calls.handles"
    assert {module for module in users if not module.startswith(USERS_OF_CLIENT)} == {"whendue", called}


def test_no_module_imports_itself_through_others() -> None:
    """A cycle makes the order of imports matter."""
    done: set[str] = set()

    def visit(module: str, path: tuple[str, ...]) -> None:
        assert module not in path, " -> ".join((*path, module))
        if module not in done:
            for name in GRAPH[module]:
                visit(name, (*path, module))
            done.add(module)

    for module in MODULES:
        visit(module, ())


def test_a_package_is_small_enough_to_be_known() -> None:
    """Two flat folders of fifty files told a newcomer nothing."""
    sizes = Counter(path.parent for path in SOURCES if path.name != "__init__.py")
    assert {str(folder): size for folder, size in sizes.items() if size > MODULES_MAX} == {}


@pytest.mark.parametrize("folder", sorted({path.parent for path in SOURCES}), ids=lambda folder: folder.name)
def test_every_package_says_what_it_is(folder: Path) -> None:
    """A docstring is where a reader enters."""
    assert ast.get_docstring(ast.parse((folder / "__init__.py").read_text()))


def test_clients_are_made_in_one_file() -> None:
    """Everything that talks to AWS passes through one door; boto3 itself is for tasks, and costs them its import."""
    made_by = {"boto3", "botocore.session"}
    users = [
        module
        for module, path in MODULES.items()
        if any(name in made_by or name.startswith(("boto3.", "botocore.session.")) for name in imports_of(path))
    ]
    assert users == ["whendue.adapters.aws"]


@pytest.mark.parametrize("module", sorted(MODULES))
def test_files_and_functions_stay_small(module: str) -> None:
    """A reader holds a file of 400 lines and a function of 70 in mind, not more; a handler is thin."""
    text = MODULES[module].read_text()
    assert len(text.splitlines()) <= (60 if module.endswith(".handler") else 400)
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            assert length <= 70, f"{module}.{node.name} has {length} lines"


def test_a_workers_import_path_is_light() -> None:
    """Cold starts are paid by every user: what only the API needs is not imported by the package itself."""
    heavy = {
        "aws_lambda_powertools",
        "jwt",
        "cryptography",
        "urllib3",
        "boto3",
        "localstack_client",
        "croniter",
        "opentelemetry",
        "prometheus_client",
        "rich",
        "typer",
    }
    # Commands for people, which `whendue.cli` loads when one of them is asked for.
    people = ("whendue.cli.application", "whendue.cli.commands.", "whendue.cli.connection", "whendue.cli.output")
    for module, path in MODULES.items():
        if not module.startswith("whendue") or module.startswith(people):
            continue
        tops = [node for node in ast.parse(path.read_text()).body if isinstance(node, ast.Import | ast.ImportFrom)]
        names = {
            (node.module or "").split(".")[0] if isinstance(node, ast.ImportFrom) else node.names[0].name.split(".")[0]
            for node in tops
        }
        assert not names & heavy, f"{module} imports {names & heavy} at its top"
