"""whendue.project.secrets_file: which lines of .env are secrets of tasks."""

from pathlib import Path

import pytest

from whendue.errors import ConfigurationError
from whendue.project.secrets_file import FILE_BYTES, missing_note, read_secrets
from whendue.project.settings import ProjectSettings, parse

SETTINGS = parse(b"[secrets]\nKEY = { ssm = '/key' }\nOTHER = { secretsmanager = 'other' }\n")


def read(folder: Path, text: str | bytes, settings: ProjectSettings = SETTINGS) -> dict[str, str]:
    (folder / ".env").write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_secrets(folder, settings)


def test_values_of_secrets_are_read_as_they_are(tmp_path: Path) -> None:
    """A dollar sign is one; quotes and comments are as in other programs that read such a file."""
    text = "# Comment.\nKEY='a$HOME b'\nexport OTHER=c # more\n"
    assert read(tmp_path, text) == {"KEY": "a$HOME b", "OTHER": "c"}


def test_other_lines_are_for_other_programs(tmp_path: Path) -> None:
    """A name that is no secret of whendue.toml is none on AWS; and AWS_PROFILE would lead to an account."""
    assert read(tmp_path, "AWS_PROFILE=production\nKEY=a\nOTHER\n") == {"KEY": "a"}
    assert read(tmp_path, "KEY=a\n", ProjectSettings()) == {}


def test_a_file_need_not_be_there(tmp_path: Path) -> None:
    """Then all are missing, and named."""
    assert read_secrets(tmp_path, SETTINGS) == {}
    assert missing_note(SETTINGS, {}) == ".env: no value of KEY, OTHER, secrets in whendue.toml"
    assert missing_note(SETTINGS, {"OTHER": ""}) == ".env: no value of KEY, a secret in whendue.toml"
    assert missing_note(SETTINGS, {"KEY": "", "OTHER": ""}) == ""


def test_a_file_that_is_none_of_text_is_refused(tmp_path: Path) -> None:
    """Without what it holds."""
    with pytest.raises(ConfigurationError, match=r"\.env: not UTF-8"):
        read(tmp_path, b"KEY=\xff\xfe")
    with pytest.raises(ConfigurationError, match="more than 65536 bytes"):
        read(tmp_path, b"#" * (FILE_BYTES + 1))
