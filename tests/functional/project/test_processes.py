"""whendue.project.processes: programs that print, end, and do not end."""

import io
import json
import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.builders.waiting import eventually
from whendue.errors import ConfigurationError
from whendue.project.processes import Process, pip_arguments
from whendue.project.stream import Stream

STUBBORN = (
    "import signal,time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True); time.sleep(600)"
)


class Started:
    """A program, its lines, and what was reported of it."""

    def __init__(self, code: str, folder: Path, name: str = "worker") -> None:
        self.target = io.StringIO()
        self.started, self.ended = threading.Event(), threading.Event()
        self.process = Process(
            name,
            ["-c", code],
            {"PATH": os.environ["PATH"]},
            folder,
            stream=Stream(target=self.target),
            started=lambda _: self.started.set(),
            ended=lambda _: self.ended.set(),
        )

    @property
    def lines(self) -> list[str]:
        return [line.partition(" | ")[2] for line in self.target.getvalue().splitlines()]


@pytest.fixture
def start(tmp_path: Path) -> Callable[..., Started]:
    return lambda code, name="worker": Started(code, tmp_path, name)


def test_lines_are_written_and_the_end_is_reported(start: Callable[..., Started]) -> None:
    """Those of both streams, and those of a log in words."""
    log = '{"level": "ERROR", "message": "tick failed", "service": "whendue", "where": "a.py:1"}'
    program = start(
        f"import sys; print('out', flush=True); print('err', file=sys.stderr, flush=True); print('{log}'); sys.exit(3)"
    )
    assert program.ended.wait(60)
    assert (program.lines, program.process.code) == (["out", "err", "ERROR tick failed where=a.py:1"], 3)
    assert not program.started.is_set()
    program.process.close()


def test_a_process_at_work_is_reported(start: Callable[..., Started]) -> None:
    """By its own line, while it runs; and it ends with its input, as it would if `whendue dev` were killed."""
    program = start("""print('{"message": "started"}', flush=True); import sys; sys.stdin.read()""")
    assert program.started.wait(60)
    assert program.process.code is None
    program.process.close()
    assert program.process.wait(60)


def test_broken_modules_are_shown_by_the_worker_alone(start: Callable[..., Started]) -> None:
    """All processes find the same."""
    code = """print('{"message": "task module failed", "module": "a"}')"""
    shown = {}
    for name in ("worker", "api", "timer"):
        program = start(code, name)
        assert program.ended.wait(60)
        shown[name] = program.lines
        program.process.close()
    assert shown == {"worker": ["task module failed module=a"], "api": [], "timer": []}


def test_only_errors_of_the_api_are_shown(start: Callable[..., Started]) -> None:
    """With their code."""
    lines = [{"message": "request", "status": 202}, {"message": "request", "status": 422, "code": "unknown_task"}]
    program = start("; ".join(f"print({json.dumps(json.dumps(line))})" for line in lines), "api")
    assert program.ended.wait(60)
    assert program.lines == ["request status=422 code=unknown_task"]
    program.process.close()


def test_one_that_does_not_end_is_killed_with_what_it_has_started(start: Callable[..., Started]) -> None:
    """Nothing outlives Ctrl-C."""
    begin = f"c = subprocess.Popen([sys.executable, '-c', {STUBBORN!r}]); print(c.pid, flush=True)"
    program = start(f"import subprocess, sys; {begin}; {STUBBORN}")
    eventually(lambda: program.lines.count("ready") == 2)
    program.process.drain()
    assert not program.process.wait(0.2)
    inner = int(next(line for line in program.lines if line.isdigit()))
    program.process.kill()
    assert program.process.code == -9
    # A zombie, which this process may adopt, is dead as well.
    eventually(lambda: not Path(f"/proc/{inner}/cmdline").exists() or not Path(f"/proc/{inner}/cmdline").read_bytes())
    program.process.kill()


def test_a_line_without_an_end_is_cut(start: Callable[..., Started]) -> None:
    """Memory is bounded."""
    program = start("print('x' * 200_000)")
    assert program.ended.wait(60)
    assert max(map(len, program.lines)) == 64 * 1024
    assert sum(map(len, program.lines)) == 200_000
    program.process.close()


# --- what a project requires ------------------------------------------------------------------------------------


def required(folder: Path, name: str) -> str:
    """Return what pip reads."""
    *_, option, file = pip_arguments(folder, name)
    assert option == "-r"
    return (folder / file).read_text()


def test_pip_reads_the_projects_requirements(tmp_path: Path) -> None:
    """The file itself, as other files may be named relative to it; of a pyproject.toml the dependencies."""
    (tmp_path / ".local").mkdir()
    (tmp_path / "requirements.txt").write_text("-r more.txt\n")
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "shop"\ndependencies = ["pure>=1", "whendue"]\n')
    assert pip_arguments(tmp_path, "requirements.txt")[-1] == "requirements.txt"
    assert required(tmp_path, "pyproject.toml") == "pure>=1\nwhendue\n"
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "shop"\n')
    assert required(tmp_path, "pyproject.toml") == ""


@pytest.mark.parametrize(
    "text", ["[", "", "project = 1", '[project]\ndependencies = "pure"', "[project]\ndependencies = [1]"]
)
def test_a_pyproject_without_a_list_of_dependencies_is_named(tmp_path: Path, text: str) -> None:
    """And nothing is installed."""
    (tmp_path / "pyproject.toml").write_text(text)
    with pytest.raises(ConfigurationError, match=r"pyproject.toml: project.dependencies must be a list"):
        pip_arguments(tmp_path, "pyproject.toml")
