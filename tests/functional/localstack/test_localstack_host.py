"""The harness of LocalStack's runtime: it says loudly what it cannot try, and takes nothing for what it is not."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.localstack_host import __main__ as everything
from tests.localstack_host import needs
from tests.localstack_host.host import Host
from tests.localstack_host.inside import function, java
from tests.localstack_host.needs import CannotRunError


def test_what_cannot_be_tried_is_said_in_capitals_and_left_for_the_last_word(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A silent skip would be taken for a success; a failure would stop all other suites."""

    @contextmanager
    def cannot(_: Path) -> Iterator[Host]:
        raise CannotRunError("Java 17 is not there")
        yield

    monkeypatch.setattr(everything, "running", cannot)
    monkeypatch.setattr(everything, "NOT_TRIED", tmp_path / "not-tried.txt")
    assert everything.main() == 0
    said = "LOCALSTACK WAS NOT TRIED: Java 17 is not there"
    assert said in capsys.readouterr().out.splitlines()
    assert (tmp_path / "not-tried.txt").read_text() == f"{said}\n"


@pytest.mark.parametrize(("program", "said"), [("python3.13", "Python 3.13"), ("java", "Java 17"), ("npm", "npm")])
def test_each_missing_program_is_named(
    program: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever reads it knows what to install."""
    answers = {"python3.13": "echo True", "java": "echo 'openjdk version \"17.0.1\"' >&2", "npm": "true"}
    for name, answer in answers.items():
        if name != program:
            (tmp_path / name).write_text(f"#!/bin/sh\n{answer}\n")
            (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}")
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path))
    monkeypatch.delenv("PYTHON313", raising=False)
    (tmp_path / "sh").symlink_to(shutil.which("sh", path="/bin:/usr/bin") or "")
    with pytest.raises(CannotRunError, match=said):
        needs.ready()


def test_java_runs_without_the_agent_that_would_be_downloaded() -> None:
    """It only lifts the limit of indexes, and we have one."""
    assert java.arguments_of(["-Xmx256m", "-javaagent:a.jar", "-jar", "b.jar"]) == ["-Xmx256m", "-jar", "b.jar"]


def test_a_handler_that_cannot_be_loaded_is_the_answer_to_every_invocation() -> None:
    """As on AWS: the deploy's probe shows it to whoever wrote it."""
    with pytest.raises(function.CannotStartError) as caught:
        function.load("no.such.module.handler")
    reason = caught.value.args[0]
    assert reason["errorType"] == "Runtime.ImportModuleError"
    assert "No module named" in reason["errorMessage"]


def test_a_listener_beyond_loopback_is_noticed() -> None:
    """Else the check that nothing of LocalStack listens there would show nothing."""
    code = "import socket; s = socket.create_server(('{}', 0)); print(s.getsockname()[1], flush=True); input()"
    for address, beyond in (("0.0.0.0", 1), ("127.0.0.1", 0)):
        command = [sys.executable, "-c", code.format(address)]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        try:
            assert process.stdout is not None
            process.stdout.readline()
            assert len(everything.beyond_loopback(process.pid)) == beyond
        finally:
            process.kill()
            process.communicate()
