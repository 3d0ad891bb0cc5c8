"""localstack.task_manifest: the tasks of a build are imported once, and again only when something has changed."""

import json
from pathlib import Path

import pytest

from localstack import task_manifest as maker
from localstack.build import USER_TASKS
from localstack.task_manifest import task_manifest

TASK = """
from pathlib import Path

from pydantic import BaseModel
from whendue import task

with Path({record!r}).open("a") as file:
    file.write("imported\\n")


class Work(BaseModel):
    amount: int


@task("some.work")
def run(payload: Work) -> None: ...
"""


@pytest.fixture
def record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file with a line for each import; what is kept is kept in a folder of its own."""
    monkeypatch.setattr(maker, "BUILD", tmp_path / "build")
    return tmp_path / "record.txt"


def files(**modules: str) -> dict[str, bytes]:
    names = ("functions/__init__.py", "functions/worker/__init__.py", f"{USER_TASKS}/__init__.py")
    empty = dict.fromkeys(names, b"")
    return empty | {f"{USER_TASKS}/{name}.py": source.encode() for name, source in modules.items()}


def imports(record: Path) -> int:
    return len(record.read_text().splitlines())


def test_unchanged_tasks_are_imported_once(record: Path) -> None:
    """The next build, and the next `make up`, find the manifest."""
    sources = files(work=TASK.format(record=str(record)))
    made = task_manifest(sources)
    assert "some.work" in [described["name"] for described in json.loads(made)["tasks"]]
    assert task_manifest(sources) == made
    assert imports(record) == 1
    task_manifest(files(work=TASK.format(record=str(record)) + "\n# Changed.\n"))
    assert imports(record) == 2


def test_a_broken_module_is_tried_again(record: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """What it lacks may be installed meanwhile, and its traceback is not to be shown only once."""
    sources = files(work=TASK.format(record=str(record)), bad="import no_such_module")
    for _ in range(2):
        manifest = json.loads(task_manifest(sources))
        assert [failed["module"] for failed in manifest["failures"]] == ["functions.worker.tasks.bad"]
        assert [failed["where"] for failed in manifest["failures"]] == [f"{USER_TASKS}/bad.py:1"]
        assert "some.work" in [described["name"] for described in manifest["tasks"]]
        assert "ModuleNotFoundError: No module named 'no_such_module'" in capfd.readouterr().err
    assert imports(record) == 2


def test_a_module_that_ends_the_process_fails_the_build(record: Path) -> None:
    """A deployment without any task would be worse."""
    with pytest.raises(RuntimeError, match="exit code 7"):
        task_manifest(files(work="import os\nos._exit(7)"))
    assert not record.exists()


def test_a_module_that_does_not_end_fails_the_build(record: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the time that it had."""
    monkeypatch.setattr(maker, "IMPORT_S", 0.5)
    with pytest.raises(RuntimeError, match=r"was not imported within 0\.5 s"):
        task_manifest(files(work="import threading\nthreading.Event().wait()"))
    assert not record.exists()
