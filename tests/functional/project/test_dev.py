"""whendue.project.dev: what it refuses before anything is started; tests/e2e/test_project.py runs all of it."""

import io
import socket
from pathlib import Path

import pytest

from whendue.errors import ConfigurationError
from whendue.project import dev
from whendue.project.scaffold import create
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
