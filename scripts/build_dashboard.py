"""Build the dashboard into the folder that the API serves: `make dashboard`. `make run` needs no Node.js for that."""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from localstack.node_tools import ensure as ensure_node_tools
from localstack.paths import ROOT

SOURCE = ROOT / "dashboard"
SERVED = ROOT / "functions/api/dashboard/static"
# What tools leave beside the sources.
LEFT = shutil.ignore_patterns("node_modules", "build")


def copied(folder: Path) -> Path:
    """Copy the sources, and the API's document, to where nothing of a checkout is beside them; return their folder.

    Args:
        folder: the new root of both.
    """
    tools = ensure_node_tools("dashboard", SOURCE)
    copy = folder / "dashboard"
    shutil.copytree(SOURCE, copy, ignore=LEFT)
    (folder / "api").mkdir()
    shutil.copy(ROOT / "api/openapi.json", folder / "api")
    (copy / "node_modules").symlink_to(tools)
    return copy


def run(command: Sequence[str], folder: Path) -> None:
    """Run a program of the sources' folder; what it prints is shown if it fails.

    Raises:
        CalledProcessError: it has failed.
    """
    # What a tool reports home, and colours, are no part of a build.
    environment = os.environ | {"NO_COLOR": "1", "DO_NOT_TRACK": "1"}
    done = subprocess.run(  # noqa: S603 - its own tools
        command, cwd=folder, env=environment, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    if done.returncode:
        sys.stdout.write(done.stdout)
        raise subprocess.CalledProcessError(done.returncode, list(command))


def build(copy: Path, target: Path) -> None:
    """Build into a folder, which is emptied before.

    Args:
        copy: as `copied` returns it.
        target: the folder.
    """
    run(["npm", "run", "--silent", "build", "--", "--outDir", str(target), "--emptyOutDir"], copy)


def main() -> None:
    """Generate the client's types, and build."""
    with TemporaryDirectory(prefix="whendue-dashboard-") as name:
        copy = copied(Path(name).resolve())
        run(["npm", "run", "--silent", "generate"], copy)
        shutil.copy(copy / "src/api/schema.ts", SOURCE / "src/api/schema.ts")
        build(copy, SERVED)
    sys.stdout.write(f"built into {SERVED.relative_to(ROOT)}\n")


if __name__ == "__main__":
    main()
