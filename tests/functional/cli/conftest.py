"""A command line on a world."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.functional.cli.command_line import CommandLine, a_command_line


@pytest.fixture
def whendue(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[CommandLine]:
    with a_command_line(monkeypatch, tmp_path) as command_line:
        yield command_line
