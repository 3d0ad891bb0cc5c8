"""`whendue new` and `whendue dev` as commands."""

import json
from pathlib import Path

import pytest

from tests.functional.cli.command_line import ended
from whendue.cli.failures import ExitCode


def test_new_lists_what_it_has_written(tmp_path: Path) -> None:
    """And what to do next."""
    folder = tmp_path / "shop"
    done = ended("new", str(folder))
    assert done.code == 0, done.err
    assert f"{folder}/whendue.toml" in done.out.splitlines()
    assert done.out.splitlines()[-1] == f"Next: cd {folder} && whendue dev"


def test_new_writes_json_for_programs(tmp_path: Path) -> None:
    """One document."""
    done = ended("new", str(tmp_path / "shop"), "--json")
    assert json.loads(done.out)["folder"] == str(tmp_path / "shop")
    assert "tasks/greetings.py" in json.loads(done.out)["files"]


@pytest.mark.parametrize("arguments", [("new", "Shop"), ("new", "."), ("dev", "--folder", "nowhere"), ("new",)])
def test_what_cannot_be_is_a_usage_problem(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    """In a line, and nothing is written."""
    monkeypatch.chdir(tmp_path)
    done = ended(*arguments)
    assert (done.code, done.out, "Traceback" in done.err) == (ExitCode.USAGE, "", False)
    assert list(tmp_path.iterdir()) == []
