"""whendue.project.dev: what it refuses, what it starts after which event; tests/e2e/test_project.py runs all of it."""

import io
import socket
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from whendue.errors import ConfigurationError
from whendue.project import dev
from whendue.project.scaffold import create
from whendue.project.settings import load
from whendue.project.stream import Stream


def refusal(folder: Path) -> str:
    with pytest.raises(ConfigurationError) as raised:
        dev.run(folder, Stream(target=io.StringIO()))
    return str(raised.value)


def test_a_folder_without_a_project_is_refused(tmp_path: Path) -> None:
    """And nothing is written there."""
    assert "`whendue new` makes a project" in refusal(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_settings_that_are_not_valid_are_refused(tmp_path: Path) -> None:
    """With their line."""
    (tmp_path / "whendue.toml").write_text("[worker]\nthreads = 1000\n")
    assert "whendue.toml:2: worker.threads" in refusal(tmp_path)


def test_a_port_that_is_taken_is_refused(tmp_path: Path) -> None:
    """Only where the project asks for it."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        (tmp_path / "whendue.toml").write_text(f"[dev]\nport = {port}\n")
        assert f"dev.port: the API cannot listen at port {port}: Address already in use" in refusal(tmp_path)


def test_a_second_one_in_the_same_folder_is_refused(tmp_path: Path) -> None:
    """They would share what is below .local, and start each other's code."""
    create(tmp_path / "shop")
    with dev._only_one(tmp_path / "shop"):
        assert "runs already" in refusal(tmp_path / "shop")
    with dev._only_one(tmp_path / "shop"):
        pass


class Program:
    """Takes the part of a process: it does nothing until a test says that it has ended."""

    started: list["Program"]

    def __init__(self, name: str, *_: object, **__: object) -> None:
        self.name, self.code = name, 0
        self.started.append(self)

    def close(self) -> None:
        """Close nothing."""

    def drain(self) -> None:
        """End nothing."""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dev.Dev:
    """A new project whose processes are programs of the test."""
    create(tmp_path / "shop")
    Program.started = []
    monkeypatch.setattr(dev, "Process", Program)
    listening: Any = SimpleNamespace(fileno=lambda: 0)
    made = dev.Dev(tmp_path / "shop", load(tmp_path / "shop"), {}, Stream(target=io.StringIO()), listening)
    monkeypatch.setattr(made, "_services", SimpleNamespace(environment={}, token=""))
    return made


def after(project: dev.Dev, *events: dev.Event) -> list[str]:
    """Return the names of the processes that were started, those of earlier events, too."""
    for event in events:
        project._handle(event)
    return [process.name for process in Program.started]


def ended(number: int, code: int = 0) -> dev.Ended:
    process: Any = Program.started[number]
    process.code = code
    return dev.Ended(process)


def test_requirements_are_installed_before_processes_start_that_need_them(project: dev.Dev) -> None:
    """Those of the code before go on meanwhile; a change while pip runs is installed after it."""
    changed = dev.Changed({Path("requirements.txt")})
    assert after(project, changed, changed) == ["pip"]
    assert after(project, ended(0)) == ["pip", "pip"]
    assert after(project, ended(1)) == ["pip", "pip", "worker", "api"]
    assert after(project, changed) == ["pip", "pip", "worker", "api", "pip"]


def test_requirements_that_cannot_be_installed_change_nothing(project: dev.Dev) -> None:
    """Pip says why; the next change is tried again."""
    changed = dev.Changed({Path("requirements.txt")})
    after(project, changed)
    assert after(project, ended(0, code=1)) == ["pip"]
    assert after(project, changed) == ["pip", "pip"]


def test_code_that_changes_with_its_requirements_starts_at_once_and_again(project: dev.Dev) -> None:
    """What needs no new package does not wait for it."""
    changed = dev.Changed({Path("requirements.txt"), Path("tasks/greetings.py")})
    assert after(project, changed) == ["pip", "worker", "api"]
    assert after(project, ended(0)) == ["pip", "worker", "api", "worker", "api"]
