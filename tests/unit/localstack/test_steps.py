"""localstack.steps, and `make package`: what takes long says so in a line, and the noise of tools is in a file."""

import shutil
import subprocess
from pathlib import Path

import pytest

from localstack import steps
from localstack.paths import ROOT

# Stands for `python -m build`, which writes some hundred lines.
BUILD = """#!/bin/bash
for n in {1..300}; do echo "copying $n"; done
mkdir -p .local/dist && touch .local/dist/whendue.whl
exit ${FAILS:-0}
"""


def test_steps_are_written_only_if_asked_for(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """On standard error: standard output has results alone."""
    monkeypatch.setattr(steps, "_shown", False)
    steps.step("Starting")
    assert capsys.readouterr() == ("", "")
    steps.show()
    steps.step("Starting")
    assert capsys.readouterr() == ("", "Starting...\n")


@pytest.mark.parametrize("code", [0, 1])
def test_package_has_a_line_for_its_step_and_one_for_each_file(tmp_path: Path, code: int) -> None:
    """All that the tool has said is shown if it fails."""
    shutil.copy(ROOT / "Makefile", tmp_path)
    (tmp_path / ".local").mkdir()
    (tool := tmp_path / "build.sh").write_text(BUILD)
    tool.chmod(0o755)
    command = ["make", "--silent", "package", "READY=", "PY=./build.sh"]
    done = subprocess.run(
        command,
        check=False,
        cwd=tmp_path,
        env={"PATH": "/usr/bin:/bin", "FAILS": str(code)},
        capture_output=True,
        text=True,
    )
    lines = done.stdout.splitlines()
    assert lines[0].startswith("Building")
    assert (done.returncode == 0, lines[1:]) == ((True, [".local/dist/whendue.whl"]) if code == 0 else (False, []))
    assert done.stderr.count("copying") == 300 * code
