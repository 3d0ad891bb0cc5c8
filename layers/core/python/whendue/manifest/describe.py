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
from pathlib import Path

from whendue.declarations.discovery import show_failures
from whendue.declarations.registry import BUILT_IN_CHANNELS, BUILT_IN_TASKS, discover, packages_of
from whendue.errors import ConfigurationError
from whendue.manifest.described_tasks import manifest_of
from whendue.manifest.model import Manifest
from whendue.manifest.packed import Packed, PackedFinder


def main(arguments: Sequence[str]) -> int:
    """Write the manifest; return the exit code: 0, or 2 if a setting or an argument is not right."""
    if len(arguments) not in (1, 2):
        sys.stderr.write("whendue: say the manifest's file: python -m whendue.manifest.describe FILE [PACKED]\n")
        return 2
    packages = packages_of(os.environ)
    try:
        for path in arguments[1:]:
            sys.meta_path.insert(0, PackedFinder(Packed.read(Path(path)), Path.cwd()))
        show_failures(packages, shown := io.StringIO())
        sys.stderr.write(shown.getvalue().replace(f"{Path.cwd()}/", ""))
        registry = discover(BUILT_IN_TASKS, BUILT_IN_CHANNELS, *packages)
        _without_folder(manifest_of(registry, packages), str(Path.cwd())).write(Path(arguments[0]))
    except (ConfigurationError, OSError) as error:
        sys.stderr.write(f"whendue: {error}\n")
        return 2
    return 0


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
