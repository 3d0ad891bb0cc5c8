"""whendue.project.scaffold: a new project passes its own test, and the checks of strict people."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from localstack.paths import ROOT
from whendue.project.scaffold import create

CHECKS = {
    # As an installed whendue has it by its entry point.
    "pytest": ["pytest", "-q", "-p", "no:cacheprovider", "-p", "whendue.testing.plugin"],
    "mypy": ["mypy", "--strict", "."],
    "ruff": ["ruff", "check", "--select", "E,F,I,B,UP,D1", "--no-cache", "."],
    "format": ["ruff", "format", "--check", "--line-length", "120", "--no-cache", "."],
}


@pytest.mark.parametrize("check", sorted(CHECKS))
def test_a_new_project_is_clean(tmp_path: Path, check: str) -> None:
    """Somebody's first impression."""
    create(tmp_path / "shop")
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT / "layers/core/python"),
        "MYPYPATH": str(ROOT / "layers/core/python"),
        "HOME": str(tmp_path),
    }
    command = [sys.executable, "-m", *CHECKS[check]]
    done = subprocess.run(command, cwd=tmp_path / "shop", env=environment, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
