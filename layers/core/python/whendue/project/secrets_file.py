"""The secrets of tasks on a developer's machine: the file `.env` of a project, which its .gitignore names."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from dotenv import dotenv_values

from whendue.errors import ConfigurationError
from whendue.project.settings import FILE, SECRETS_FILE, ProjectSettings

FILE_BYTES: Final = 64 * 1024


def read_secrets(project: Path, settings: ProjectSettings) -> dict[str, str]:
    """Return the values that the file has for the secrets of whendue.toml; other lines of it are for other programs.

    Args:
        project: its folder.
        settings: of it.

    Raises:
        ConfigurationError: the file cannot be read, is no text, or is too large.
    """
    path = project / SECRETS_FILE
    try:
        if not path.is_file() or not settings.secrets:
            return {}
        if path.stat().st_size > FILE_BYTES:
            raise ConfigurationError(f"{path}: more than {FILE_BYTES} bytes")
        # A value may have a dollar sign.
        values = dotenv_values(path, interpolate=False)
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{SECRETS_FILE}: not UTF-8") from error
    except OSError as error:
        raise ConfigurationError(f"{path}: {error.strerror}") from error
    return {name: value for name in settings.secrets if (value := values.get(name)) is not None}


def missing_note(settings: ProjectSettings, given: Mapping[str, str]) -> str:
    """Return a line with the secrets of whendue.toml that have no value; empty if all have one.

    Args:
        settings: of the project.
        given: variables that have one.
    """
    missing = sorted(settings.secrets.keys() - given.keys())
    if not missing:
        return ""
    return (
        f"{SECRETS_FILE}: no value of {', '.join(missing)}, {'a secret' if len(missing) == 1 else 'secrets'} in {FILE}"
    )
