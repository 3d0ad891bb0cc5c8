"""`whendue new`: a small project from the files in `template`."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from whendue.errors import ConfigurationError
from whendue.version import VERSION

TEMPLATE: Final = Path(__file__).parent / "template"
SUFFIX: Final = ".template"
# The name of a folder, and one day of AWS resources.
NAME: Final = re.compile(r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*")
NAME_CHARS: Final = 40
# Git would take the file of the template for one of ours.
_HIDDEN: Final = {"gitignore": ".gitignore"}


def create(folder: Path) -> list[Path]:
    """Write a project into a folder, which is made where it is missing; return the files, relative to it.

    Args:
        folder: its last part is the project's name.

    Raises:
        ConfigurationError: the name is not valid, the folder is not empty, or nothing can be written there.
    """
    name = folder.name
    if not NAME.fullmatch(name) or len(name) > NAME_CHARS:
        raise ConfigurationError(
            f"{name!r} cannot be a project's name: use a-z, 0-9 and single hyphens, a letter first, "
            f"{NAME_CHARS} characters at most"
        )
    values = {"{name}": name, "{version}": VERSION}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise ConfigurationError(f"{folder} is not empty; nothing was written")
        for path, text in _files(values):
            target = folder / path
            target.parent.mkdir(exist_ok=True)
            target.write_text(text)
    except OSError as error:
        raise ConfigurationError(f"{error.filename or folder}: {error.strerror}") from error
    return [path for path, _ in _files(values)]


def _files(values: dict[str, str]) -> Iterator[tuple[Path, str]]:
    for source in sorted(TEMPLATE.rglob(f"*{SUFFIX}")):
        path = source.relative_to(TEMPLATE)
        name = path.name.removesuffix(SUFFIX)
        text = source.read_text()
        # Not str.format: source code has braces of its own.
        if name in _WITH_VALUES:
            for placeholder, value in values.items():
                text = text.replace(placeholder, value)
        yield path.with_name(_HIDDEN.get(name, name)), text


_WITH_VALUES: Final = frozenset({"README.md", "requirements.txt"})
