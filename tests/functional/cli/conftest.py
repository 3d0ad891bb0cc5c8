"""A command line on a world."""

import io
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from functions import log
from tests.functional.cli.command_line import CommandLine, a_command_line


@pytest.fixture(autouse=True)
def log_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """The API's own process would write its log elsewhere, and not into a command's output."""
    log.prepare()
    for handler in logging.getLogger("whendue").handlers:
        monkeypatch.setattr(handler, "stream", io.StringIO())


@pytest.fixture
def whendue(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[CommandLine]:
    with a_command_line(monkeypatch, tmp_path) as command_line:
        yield command_line
