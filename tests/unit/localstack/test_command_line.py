"""The command of a checkout, which `make up` writes; and the token that `make token` prints."""

import json
import os
import subprocess
from pathlib import Path

import jwt
import pytest

from localstack import __main__ as localstack
from localstack import token
from localstack.command_line import write_command
from localstack.paths import ROOT
from tests.builders.api import SECRET


def test_it_runs_from_any_folder_for_the_stack_that_is_up(tmp_path: Path) -> None:
    """Nothing is installed; another stack is asked where the environment names one."""
    local = tmp_path / "a checkout/.local"
    local.mkdir(parents=True)
    (local / "venv").symlink_to(ROOT / ".local/venv")
    (local.parent / "layers").symlink_to(ROOT / "layers")
    (local / "stack.json").write_text(json.dumps({"api_url": "http://127.0.0.1:1"}))
    command = write_command(local)
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("WHENDUE_", "PYTHONPATH"))}
    environment |= {"WHENDUE_TOKEN": "t"}
    for named, url in ((environment, ":1"), (environment | {"WHENDUE_URL": "http://127.0.0.1:2"}, ":2")):
        done = subprocess.run(
            [command, "doctor", "--json"], cwd=tmp_path, env=named, capture_output=True, text=True, check=False
        )
        assert done.returncode == 1, done.stderr
        assert json.loads(done.stdout.splitlines()[0])["text"] == f"the deployment is http://127.0.0.1{url}"


def test_a_token_names_a_subject(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """And no odd one."""
    monkeypatch.setattr(token, "secret", lambda: SECRET)
    for subject, named in ((None, "developer"), ("ada", "ada")):
        monkeypatch.setenv("SUBJECT", subject or "")
        assert localstack.main(["token"]) == 0
        claims = jwt.decode(capsys.readouterr().out.strip(), SECRET, ["HS256"], audience=token.AUDIENCE)
        assert claims["sub"] == named
    monkeypatch.setenv("SUBJECT", "a\nb")
    assert localstack.main(["token"]) == 2
    assert "SUBJECT" in capsys.readouterr().err
