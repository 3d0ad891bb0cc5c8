"""`whendue new`: a small project from the files in `template`."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from whendue.errors import ConfigurationError
from whendue.version import VERSION

TEMPLATE: Final = Path(__file__).parent / "template"
SUFFIX: Final = ".template"
# The name of a folder, and the beginning of the names of AWS resources: the module's variable `name` takes 25.
NAME: Final = re.compile(r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*")
NAME_CHARS_MIN: Final = 2
NAME_CHARS: Final = 25
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
    if not NAME.fullmatch(name) or not NAME_CHARS_MIN <= len(name) <= NAME_CHARS:
        raise ConfigurationError(
            f"{name!r} cannot be a project's name: use a-z, 0-9 and single hyphens, a letter first, "
            f"{NAME_CHARS_MIN} to {NAME_CHARS} characters"
        )
    files = dict(_files(name))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise ConfigurationError(f"{folder} is not empty; nothing was written")
        for path, text in files.items():
            target = folder / path
            target.parent.mkdir(exist_ok=True)
            target.write_text(text)
    except OSError as error:
        raise ConfigurationError(f"{error.filename or folder}: {error.strerror}") from error
    return list(files)


def rendered(path: str, *, name: str = "", manifest: str = "../.local/build/manifest.json") -> str:
    """Return a file of the template.

    Args:
        path: in a project.
        name: of the project.
        manifest: path of the build's manifest, from the folder of the Terraform root.
    """
    text = (TEMPLATE / f"{path}{SUFFIX}").read_text()
    # Not str.format: source code has braces of its own.
    for placeholder, value in (("<<name>>", name), ("<<version>>", VERSION), ("<<manifest>>", manifest)):
        text = text.replace(placeholder, value)
    return text


def _files(name: str) -> Iterator[tuple[Path, str]]:
    for source in sorted(TEMPLATE.rglob(f"*{SUFFIX}")):
        path = source.relative_to(TEMPLATE)
        kept = path.name.removesuffix(SUFFIX)
        text = rendered(path.with_name(kept).as_posix(), name=name)
        yield path.with_name(_HIDDEN.get(kept, kept)), text
