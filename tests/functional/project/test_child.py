"""whendue.project.child: what a worker shows of its tasks before it begins."""

import os
import subprocess
import sys
from pathlib import Path

from localstack.paths import ROOT

SHOW = "import sys; from whendue.project.child import show_tasks; show_tasks(sys.argv[1:])"
TASK = """
from pydantic import BaseModel
from whendue import task


class Payload(BaseModel):
    '''Nothing.'''


@task("{name}")
def run(payload: Payload) -> None:
    '''Do nothing.'''
"""


def shown(project: Path, *packages: str) -> str:
    paths = os.pathsep.join((str(project), str(ROOT / "layers/core/python"), str(ROOT)))
    environment = {"PYTHONPATH": paths, "PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-c", SHOW, *packages]
    return subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout


def package(project: Path, **modules: str) -> None:
    (project / "tasks").mkdir()
    (project / "tasks/__init__.py").touch()
    for name, text in modules.items():
        (project / f"tasks/{name}.py").write_text(text)


def test_the_tasks_of_a_project_are_listed(tmp_path: Path) -> None:
    """Those that whendue ships are not."""
    package(tmp_path, first=TASK.format(name="a.b"), two=TASK.format(name="c.d"))
    assert shown(tmp_path, "tasks") == "tasks: a.b, c.d\n"


def test_a_broken_module_has_a_traceback_of_its_own_lines(tmp_path: Path) -> None:
    """The others are listed; whatever it raises."""
    broken = "def load() -> None:\n    raise KeyError('no such key')\n\n\nload()\n"
    package(tmp_path, bad=broken, exits="raise SystemExit(3)", good=TASK.format(name="a.b"), odd="def (:\n")
    text = shown(tmp_path, "tasks")
    assert "ERROR tasks.bad cannot be imported, its tasks are off:\nTraceback (most recent call last):\n" in text
    assert f'{tmp_path}/tasks/bad.py", line 5, in <module>\n    load()' in text
    assert "KeyError: 'no such key'\n" in text
    assert "ERROR tasks.exits cannot be imported" in text
    assert "SyntaxError: " in text
    assert "importlib" not in text
    assert text.endswith("tasks: a.b\n")


def test_a_package_that_is_missing_or_broken_is_shown(tmp_path: Path) -> None:
    """With the tasks of the others."""
    package(tmp_path, good=TASK.format(name="a.b"))
    text = shown(tmp_path, "missing", "tasks")
    assert "ModuleNotFoundError: No module named 'missing'" in text
    assert text.endswith("tasks: a.b\n")
    (tmp_path / "tasks/__init__.py").write_text("1 / 0")
    text = shown(tmp_path, "tasks")
    assert "ZeroDivisionError" in text
    assert text.endswith("tasks: none\n")


def test_a_task_that_is_declared_before_its_module_fails_is_not_listed(tmp_path: Path) -> None:
    """It does not run either."""
    package(tmp_path, half=f"{TASK.format(name='a.b')}\nimport no_such_module\n")
    assert shown(tmp_path, "tasks").endswith("tasks: none\n")
