"""`make up` says which task modules could not be imported, and why."""

import os
from pathlib import Path

import pytest

from localstack.broken_modules import UNKNOWN, reason_of


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        (
            "import no_such_module",
            "broken.py:1: ModuleNotFoundError: the module no_such_module does not exist",
        ),
        ("x = (", "broken.py:1: SyntaxError: '(' was never closed"),
        ("\nraise ValueError('a secret')", "broken.py:2: ValueError"),
        ("import os\nos._exit(3)", UNKNOWN),
        ("print('fine')", UNKNOWN),
    ],
    ids=["a missing module", "a mistake", "an error", "the end of its process", "none here"],
)
def test_the_reason_is_found_by_an_import(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str, reason: str
) -> None:
    """With file and line, and without what the error says: that may quote a secret."""
    (tmp_path / "broken.py").write_text(source)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), "layers/core/python", "."]))
    assert reason_of("broken").removeprefix(f"{tmp_path}/") == reason
