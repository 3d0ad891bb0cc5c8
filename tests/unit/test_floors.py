"""The house stands: imports only go down, nothing imports in circles, and files stay small."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "layers/core/python/whendue"
SOURCES = sorted([*PACKAGE.rglob("*.py"), *(ROOT / "functions").rglob("*.py")])
# Longest prefix wins. Design section 5.
FLOORS = {
    "whendue.errors": 0,
    "whendue.effects": 0,
    "whendue.secret": 0,
    "whendue.settings": 0,
    "whendue.limits": 0,
    "whendue.in_time": 0,
    "whendue.text": 0,
    "whendue.version": 0,
    "whendue.ssrf": 0,
    "whendue.domain": 1,
    "whendue.ports": 2,
    "whendue.bulkhead": 2,
    "whendue.context": 2,
    "whendue.registry": 2,
    "whendue.declaring": 2,
    "whendue.discovery": 2,
    "whendue.definitions": 2,
    "whendue.outcomes": 2,
    "whendue.validation": 2,
    "whendue.resources": 2,
    "whendue.outbound": 2,
    "whendue.channel": 2,
    "whendue.mail": 2,
    "whendue.payload": 2,
    "whendue.refusals": 2,
    "whendue.signing": 2,
    "whendue.tracing": 2,
    "whendue.services": 3,
    "whendue.adapters": 3,
    "whendue.tasks": 3,
    "whendue.channels": 3,
    "whendue": 3,
    "whendue.bootstrap": 4,
    "whendue.report": 4,
    "whendue.isolated": 5,
    "whendue.containers": 5,
    "whendue.cli": 5,
    "functions": 5,
}
# A user's task file sees the public face of the package, not the handlers around it.
SIBLINGS = ("whendue.services", "whendue.adapters", "whendue.tasks", "whendue.channels")
PUBLIC_FACE = "whendue"


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


def prefix_of(module: str) -> str:
    return max((name for name in FLOORS if f"{module}.".startswith(f"{name}.")), key=len)


GRAPH = {
    module: sorted({name for name in imports_of(path) if name in MODULES and name != module})
    for module, path in MODULES.items()
}


@pytest.mark.parametrize("module", sorted(MODULES))
def test_imports_only_go_down(module: str) -> None:
    """A floor that knows the one above it can no longer be tested or reused without it."""
    above = [name for name in GRAPH[module] if FLOORS[prefix_of(name)] > FLOORS[prefix_of(module)]]
    assert not above, f"{module} imports up: {above}"


@pytest.mark.parametrize("module", sorted(name for name in MODULES if prefix_of(name) in SIBLINGS))
def test_services_adapters_tasks_and_channels_never_import_each_other(module: str) -> None:
    """They meet in bootstrap only, so each can be replaced on its own."""
    across = [n for n in GRAPH[module] if prefix_of(n) in SIBLINGS and prefix_of(n) != prefix_of(module)]
    assert not across, f"{module} imports a sibling: {across}"


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


def test_every_module_has_a_floor_of_its_own_name() -> None:
    """A new top-level module must choose its floor, not inherit one by accident."""
    by_accident = [name for name in MODULES if prefix_of(name) == PUBLIC_FACE and name != PUBLIC_FACE]
    assert not by_accident


def test_boto3_lives_in_one_file() -> None:
    """Everything that talks to AWS passes through one door."""
    users = [module for module, path in MODULES.items() if any(n.split(".")[0] == "boto3" for n in imports_of(path))]
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
    }
    for module, path in MODULES.items():
        if not module.startswith("whendue"):
            continue
        tops = [node for node in ast.parse(path.read_text()).body if isinstance(node, ast.Import | ast.ImportFrom)]
        names = {
            (node.module or "").split(".")[0] if isinstance(node, ast.ImportFrom) else node.names[0].name.split(".")[0]
            for node in tops
        }
        allowed = {"jwt", "cryptography"} if module in ("whendue.adapters.auth", "whendue.adapters.key_set") else set()
        assert not (names & heavy) - allowed, f"{module} imports {names & heavy} at its top"
