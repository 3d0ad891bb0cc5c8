"""A process of a project: `python -m whendue.project.child worker ...` runs `whendue worker ...`.

It ends when its standard input does, so that none outlives `whendue dev`. A worker shows first which tasks there are,
and the traceback of each module of theirs that cannot be imported: a deployment's log has its type and line alone, as
its text may quote a secret; a developer needs all of it. The API writes the manifest of the tasks first, by a process
that imports them, and the timer reads it: as on AWS, neither of them imports a task.
"""

import os
import runpy
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import Final

from whendue.declarations.discovery import show_failures
from whendue.declarations.registry import TASKS
from whendue.manifest.model import SETTING

WITH_TASKS: Final = "worker"
DESCRIBES: Final = "api"
# A module that takes longer to import keeps the API waiting no longer: it then imports the tasks itself.
DESCRIBE_S: Final = 60


def main(arguments: list[str]) -> None:
    """Run `whendue` with these arguments; it decides about the exit code."""
    threading.Thread(target=_end_with_parent, name="parent", daemon=True).start()
    if arguments[:1] == [WITH_TASKS]:
        show_tasks([name for name in os.environ.get("WHENDUE_TASKS", "").split(",") if name])
    elif manifest := os.environ.get(SETTING):
        if arguments[:1] == [DESCRIBES]:
            describe(Path(manifest))
        if not Path(manifest).is_file():
            del os.environ[SETTING]
    sys.argv = ["whendue", *arguments]
    runpy.run_module("whendue.cli", run_name="__main__", alter_sys=True)


def _end_with_parent() -> None:
    # The kernel closes the other end, however the parent ends.
    while os.read(0, 1024):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


def show_tasks(packages: list[str]) -> None:
    """Import the modules of packages; write a traceback for each that fails, and what tasks the others declare."""
    show_failures(packages, sys.stdout)
    names = [
        name
        for name in TASKS.names()
        if (module := TASKS.get(name).function.__module__) in sys.modules and not module.startswith("whendue.")
    ]
    sys.stdout.write(f"tasks: {', '.join(names) or 'none'}\n")
    sys.stdout.flush()


def describe(manifest: Path) -> None:
    """Write the manifest of the tasks by a process of its own; if that fails, there is none afterwards."""
    command = [sys.executable, "-m", "whendue.manifest.describe", str(manifest)]
    manifest.unlink(missing_ok=True)
    quiet = subprocess.DEVNULL
    with suppress(subprocess.TimeoutExpired):
        # What is wrong with a module is shown by the worker.
        subprocess.run(command, check=False, timeout=DESCRIBE_S, stdin=quiet, stdout=quiet, stderr=quiet)  # noqa: S603 - our own program


if __name__ == "__main__":
    main(sys.argv[1:])
