"""`python -m whendue.manifest.describe FILE [PACKED]`: import the tasks, and write their manifest.

PACKED is a file that says which modules functions have (`packed`): the others are not found. In a process of its own:
what modules of users do as they are imported stays in it. A module that cannot be imported is shown with its traceback
and described as a failure, and the tasks of all others are described.
"""

import io
import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Final

from whendue.declarations.discovery import show_failures
from whendue.declarations.registry import BUILT_IN_CHANNELS, BUILT_IN_TASKS, discover, packages_of
from whendue.errors import ConfigurationError
from whendue.manifest.described_tasks import manifest_of
from whendue.manifest.model import Manifest
from whendue.manifest.packed import Packed, PackedFinder

USAGE: Final = """usage: WHENDUE_TASKS=PACKAGE[,PACKAGE] python -m whendue.manifest.describe FILE [PACKED]

Imports the tasks of the packages, and writes their manifest. PACKED is a file that lists the modules that a deployment
has: others are not found. Exit code 1: a module cannot be imported; the manifest
says so, and has all other tasks."""


def main(arguments: Sequence[str]) -> int:
    """Write the manifest; return the exit code: 0, 1 if a module cannot be imported, or 2 if a setting is not right."""
    if len(arguments) not in (1, 2) or arguments[0].startswith("-"):
        sys.stderr.write(f"{USAGE}\n")
        return 0 if arguments in (["-h"], ["--help"]) else 2
    packages = packages_of(os.environ)
    try:
        for path in arguments[1:]:
            sys.meta_path.insert(0, PackedFinder(Packed.read(Path(path)), Path.cwd()))
        show_failures(packages, shown := io.StringIO(), partial(_note, Path(arguments[0])))
        sys.stderr.write(shown.getvalue().replace(f"{Path.cwd()}/", ""))
        registry = discover(BUILT_IN_TASKS, BUILT_IN_CHANNELS, *packages)
        manifest = _without_folder(manifest_of(registry, packages), str(Path.cwd()))
        manifest.write(Path(arguments[0]))
    except ConfigurationError as error:
        sys.stderr.write(f"whendue: {error}\n")
        return 2
    except (OSError, ValueError) as error:
        sys.stderr.write(f"whendue: {arguments[0]} cannot be written: {getattr(error, 'strerror', None) or error}\n")
        return 2
    importing(Path(arguments[0])).unlink(missing_ok=True)
    return 1 if manifest.failures else 0


def importing(manifest: Path) -> Path:
    """Return the file that names the module which is being imported: what it says when the process has ended at it."""
    return manifest.with_name(f"{manifest.name}.importing")


def _note(manifest: Path, module: str) -> None:
    importing(manifest).write_text(module)


def _without_folder(manifest: Manifest, folder: str) -> Manifest:
    """Name files from the folder that this command runs in: the same sources give the same manifest everywhere."""

    def short(text: str) -> str:
        return text.replace(f"{folder}/", "")

    failures = [replace(lost, where=short(lost.where), detail=short(lost.detail)) for lost in manifest.failures]
    return replace(manifest, failures=tuple(failures))


if __name__ == "__main__":
    # Threads that a module of users has started must not keep this process.
    code = main(sys.argv[1:])
    sys.stderr.flush()
    os._exit(code)
