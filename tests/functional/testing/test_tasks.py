"""whendue.testing.tasks: which task is meant, and the tasks of a project."""

import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.builders import kit_tasks as tasks
from whendue import task
from whendue.declarations.registry import TASKS, Registry
from whendue.errors import ConfigurationError
from whendue.testing.tasks import discover_project, name_of

MODULE = """from pydantic import BaseModel
from whendue import task

class Payload(BaseModel):
    n: int

@task("demo.kit.project")
def run(payload: Payload) -> int:
    return payload.n
"""


def test_a_task_is_its_name_a_function_or_an_object_with_a_name() -> None:
    """Whatever `@task` returns."""
    assert name_of("any.name") == "any.name"
    assert name_of(tasks.double) == "demo.kit.double"
    assert name_of(tasks.double.function) == "demo.kit.double"
    assert name_of(SimpleNamespace(name="demo.kit.double")) == "demo.kit.double"


@pytest.mark.parametrize("value", [tasks.undeclared, lambda: None, None, 5, object()])
def test_what_is_no_task_is_refused(value: object) -> None:
    """With a hint."""
    with pytest.raises(TypeError, match="is not a task: pass a task's name, or a function that @task declares"):
        name_of(value)


def test_a_function_of_several_names_needs_one_of_them() -> None:
    """It would be a guess."""
    registry = Registry()
    task("demo.kit.first", registry=registry)(task("demo.kit.second", registry=registry)(tasks.undeclared))
    with pytest.raises(TypeError, match=r"declared as demo\.kit\.first, demo\.kit\.second"):
        name_of(tasks.undeclared, registry)


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Path]:
    """A folder that a project may be in; what it adds to the process goes."""
    path, known = list(sys.path), set(TASKS.all_names())
    yield tmp_path
    sys.path[:] = path
    for name in set(TASKS.all_names()) - known:
        TASKS.remove(name)
    for name in [name for name in sys.modules if name.partition(".")[0] == "kit_project"]:
        del sys.modules[name]


def test_a_projects_tasks_are_found(project: Path) -> None:
    """By its whendue.toml, from any working directory."""
    (project / "kit_project").mkdir()
    (project / "kit_project/__init__.py").touch()
    (project / "kit_project/numbers.py").write_text(MODULE)
    (project / "kit_project/broken.py").write_text("raise RuntimeError")
    (project / "whendue.toml").write_text('[project]\ntasks = ["kit_project"]\n')
    discover_project(project)
    discover_project(project)
    assert TASKS.get("demo.kit.project").payload.__name__ == "Payload"
    assert sys.path.count(str(project)) == 1
    assert [failed.module for failed in TASKS.failures] == ["kit_project.broken"]
    TASKS._failures.clear()


def test_a_folder_without_whendue_toml_is_no_project(project: Path) -> None:
    """Nothing is imported of it."""
    before = list(sys.path)
    discover_project(project)
    assert sys.path == before


@pytest.mark.parametrize("text", ["[project", "[project]\ntasks = 5", '[project]\ntasks = ["kit_missing"]'])
def test_a_project_that_is_not_valid_says_why(project: Path, text: str) -> None:
    """A test that found no tasks would say less."""
    (project / "whendue.toml").write_text(text)
    with pytest.raises(ConfigurationError, match=r"whendue.toml|kit_missing"):
        discover_project(project)
