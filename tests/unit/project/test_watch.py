"""whendue.project.watch: which changes start new processes."""

from pathlib import Path

import pytest
from watchfiles import Change

from whendue.project.watch import SourceFilter

CASES = {
    "whendue.toml": True,
    ".env": True,
    "requirements/prod.txt": True,
    "requirements.txt": False,
    "requirements/dev.txt": False,
    "sub/.env": False,
    "tasks/orders.py": True,
    "shop/deep/er.py": True,
    "top.py": True,
    "tasks/data.csv": False,
    "sub/whendue.toml": False,
    "tests/test_orders.py": False,
    "tasks/__pycache__/orders.py": False,
    "tasks/.#orders.py": False,
    ".local/x.py": False,
    ".venv/lib/x.py": False,
    "env/lib/x.py": False,
    "tasks/orders.py~": False,
    "tasks/orders.pyc": False,
}


@pytest.mark.parametrize("path", sorted(CASES))
def test_sources_alone_are_followed(tmp_path: Path, path: str) -> None:
    """What tasks write, caches, tests and environments start nothing."""
    (tmp_path / "env").mkdir()
    (tmp_path / "env/pyvenv.cfg").touch()
    assert SourceFilter(tmp_path, lambda: "requirements/prod.txt")(Change.modified, str(tmp_path / path)) is CASES[path]


def test_what_is_outside_is_not_followed(tmp_path: Path) -> None:
    """A link may lead there."""
    assert not SourceFilter(tmp_path / "shop", lambda: "requirements.txt")(Change.added, str(tmp_path / "other/x.py"))
