"""LocalStack's ready hook deploys the stack; MiniStack reads the same folder, so it is run here without Docker."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from localstack import emulator
from localstack.lifecycle import answers
from localstack.paths import EMULATOR_PYTHON, LOCAL, ROOT
from tests.builders.waiting import eventually

HOOKS = "/etc/localstack/init/ready.d"
# A process of its own view of /etc, with the hook in it: everybody else's emulators must not run it.
WRAPPER = """#!/bin/sh
exec unshare --mount --map-root-user sh -euc '
    mkdir -p "$0/localstack/init" "$0.real"
    mount --bind /etc "$0.real"
    ln -s "$0.real"/* "$0"
    cp -r "{hooks}" "$0/localstack/init/ready.d"
    mount --bind "$0" /etc
    exec "{python}" "$@"
' "{etc}" "$@"
"""


def _can_have_its_own_view() -> bool:
    try:
        tried = subprocess.run(["unshare", "--mount", "--map-root-user", "true"], check=False, capture_output=True)
    except FileNotFoundError:
        return False
    return tried.returncode == 0


def _copy_of_the_repository(to: Path) -> Path:
    """Copy what a deploy reads, so that it writes down its stack and secret there, and not over a developer's."""
    for name in ("functions", "infra", "layers", "localstack", "requirements"):
        shutil.copytree(ROOT / name, to / name, ignore=shutil.ignore_patterns("__pycache__", ".terraform"))
    (to / ".local").mkdir()
    (to / ".local/build").symlink_to(LOCAL / "build")
    (to / ".local/emulator-venv").symlink_to(LOCAL / "emulator-venv")
    return to


@pytest.mark.skipif(not _can_have_its_own_view(), reason="this machine lets nobody have a view of /etc of its own")
@pytest.mark.thorough
def test_the_ready_hook_deploys_a_stack_that_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without it a restarted LocalStack would be empty."""
    emulator.install()
    home, etc, wrapper = tmp_path / "home", tmp_path / "etc", tmp_path / "python"
    etc.mkdir()
    wrapper.write_text(WRAPPER.format(hooks=ROOT / "localstack/ready.d", python=EMULATOR_PYTHON, etc=etc))
    wrapper.chmod(0o755)
    monkeypatch.setattr(emulator, "EMULATOR_PYTHON", wrapper)
    monkeypatch.setenv("DEPLOY_FROM", str(_copy_of_the_repository(home)))
    monkeypatch.setenv("DEPLOY_PYTHON", sys.executable)
    # Its functions are processes of this machine, not containers.
    monkeypatch.setenv("TARGET", "local")
    with emulator.running(tmp_path / "emulator") as running:
        eventually((home / ".local/stack.json").exists)
        stack = json.loads((home / ".local/stack.json").read_text())
        assert answers(f"{stack['api_url']}/health/ready"), running.log.read_text()[-2000:]
    assert not os.path.exists(HOOKS), "and nobody else has seen the hook"  # noqa: PTH110
