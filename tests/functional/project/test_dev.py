"""whendue.project.dev: what it refuses, what it starts after which event; tests/e2e/test_project.py runs all of it."""

import io
import socket
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from whendue.errors import ConfigurationError
from whendue.project import dev
from whendue.project.scaffold import create
from whendue.project.services import SETTINGS_FILE, Services, write_private
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

    def __init__(self, name: str, _: object, environment: dict[str, str], *__: object, **___: object) -> None:
        self.name, self.code, self.environment = name, 0, environment
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
    shop = tmp_path / "shop"
    (shop / ".local").mkdir()
    made = dev.Dev(shop, load(shop), {}, Stream(target=io.StringIO()), listening)
    monkeypatch.setattr(made, "_services", services_of(shop))
    return made


def services_of(shop: Path) -> Services:
    """Return services that are ready, without the program that makes them so."""
    made = Services.__new__(Services)
    made.environment, made.token = {"WHENDUE_TABLE": "jobs", "WHENDUE_JWT_SECRET": "of tokens"}, "a-token"
    made._settings_file = shop / SETTINGS_FILE
    made._deployed = load(shop).environment
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


# --- what is said and written ------------------------------------------------------------------------------------


SECRET = '[secrets]\n{name} = {{ ssm = "/shop/key" }}\n'


def said(project: dev.Dev, *changed: str) -> list[str]:
    """Return what is written after a change."""
    target = io.StringIO()
    project._stream = Stream(target=target)
    project._handle(dev.Changed({Path(name) for name in changed}))
    return [line.partition("| ")[2] for line in target.getvalue().splitlines()]


def test_secrets_without_a_value_are_named_whenever_the_settings_change(project: dev.Dev) -> None:
    """One that was added while it runs is the one that is forgotten; a task of other code has not changed them."""
    toml, env = project._project / "whendue.toml", project._project / ".env"
    line = ".env: no value of STRIPE_KEY, a secret in whendue.toml"
    toml.write_text(toml.read_text().replace("[secrets]\n", SECRET.format(name="STRIPE_KEY")))
    assert line in said(project, "whendue.toml")
    env.write_text("OTHER=1\n")
    assert line in said(project, ".env")
    assert line not in said(project, "tasks/greetings.py")
    env.write_text("STRIPE_KEY=1\n")
    assert not [text for text in said(project, ".env") if "no value" in text]


def test_sections_for_a_deployment_are_named_when_they_are_added(project: dev.Dev) -> None:
    """As at the start."""
    toml = project._project / "whendue.toml"
    toml.write_text(toml.read_text() + "\n[queues.low]\nbatch_size = 1\n")
    assert "whendue.toml: queues: for deployments; not used here" in said(project, "whendue.toml")


def test_processes_log_failures_unless_the_shell_says_otherwise(
    project: dev.Dev, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A developer reads what an error says; it is theirs."""
    project._start_new()
    monkeypatch.setenv("WHENDUE_LOG_FAILURES", "false")
    project._start_new()
    given = [program.environment["WHENDUE_LOG_FAILURES"] for program in Program.started]
    assert given == ["true", "true", "false", "false"]


def test_the_settings_of_direct_mode_are_in_a_file_of_their_owner(project: dev.Dev) -> None:
    """As the processes have them, with the packages as they are now, and nothing that makes tokens; gone at the end."""
    path = project._project / ".local/dev.env"
    toml = project._project / "whendue.toml"
    toml.write_text(toml.read_text().replace('tasks = ["tasks"]', 'tasks = ["tasks", "jobs"]'))
    said(project, "whendue.toml")
    assert path.stat().st_mode & 0o777 == 0o600
    script = f'. {path}; printf "%s\n" "$WHENDUE_TABLE" "$WHENDUE_TASKS" "$WHENDUE_TASK_MANIFEST"'
    read = subprocess.run(["sh", "-c", script], check=True, capture_output=True, text=True, env={}).stdout
    assert read.splitlines() == ["jobs", "tasks,jobs", str(project._project / ".local/whendue_tasks.json")]
    assert "JWT" not in path.read_text()


def test_a_value_is_what_a_shell_reads(tmp_path: Path) -> None:
    """Queues are JSON; and a file that others could read is replaced."""
    path, value = tmp_path / "dev.env", """{"a": "b'c$d`e`"}"""
    path.touch(0o644)
    write_private(path, {"QUEUES": value})
    assert path.stat().st_mode & 0o777 == 0o600
    script = f'. {path}; printf "%s" "$QUEUES"'
    assert subprocess.run(["sh", "-c", script], check=True, capture_output=True, text=True).stdout == value
