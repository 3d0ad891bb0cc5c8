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
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from whendue.declarations.discovery import show_failures
from whendue.declarations.registry import TASKS
from whendue.manifest.describe import importing
from whendue.manifest.model import SETTING

WITH_TASKS: Final = "worker"
DESCRIBES: Final = "api"
# A module that takes longer to import keeps the API waiting no longer: it then imports the tasks itself.
DESCRIBE_S: Final = 60
# An import that takes longer is named, once.
SLOW_S: Final = 5.0


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
    with naming_slow_imports() as importing:
        show_failures(packages, sys.stdout, importing)
    names = [
        name
        for name in TASKS.names()
        if (module := TASKS.get(name).function.__module__) in sys.modules and not module.startswith("whendue.")
    ]
    sys.stdout.write(f"tasks: {', '.join(names) or 'none'}\n")
    sys.stdout.flush()


@contextmanager
def naming_slow_imports(slow_s: float = SLOW_S) -> Iterator[Callable[[str], None]]:
    """Return what takes the name of each module before it is imported; one that takes long is written.

    Args:
        slow_s: after how many seconds.
    """
    current: list[threading.Timer] = []

    def importing(module: str) -> None:
        stop()
        current.append(threading.Timer(slow_s, sys.stdout.write, (f"still importing {module} after {slow_s:g} s\n",)))
        current[-1].daemon = True
        current[-1].start()

    def stop() -> None:
        for timer in current:
            timer.cancel()

    try:
        yield importing
    finally:
        stop()


def describe(manifest: Path) -> None:
    """Write the manifest of the tasks by a process of its own; if that fails, there is none afterwards.

    What is wrong with a module is shown by the worker; a module that ends the process, or keeps it, is named here.
    """
    command = [sys.executable, "-m", "whendue.manifest.describe", str(manifest)]
    manifest.unlink(missing_ok=True)
    quiet = subprocess.DEVNULL
    try:
        done = subprocess.run(command, check=False, timeout=DESCRIBE_S, stdin=quiet, stdout=quiet, stderr=quiet)  # noqa: S603 - our own program
        problem = f"ends the process that imports it (exit code {done.returncode})"
    except subprocess.TimeoutExpired:
        problem = f"was not imported within {DESCRIBE_S} s"
    if not manifest.is_file():
        noted = importing(manifest)
        module = noted.read_text() if noted.is_file() else "a module of tasks"
        sys.stdout.write(f"ERROR {module} {problem}: mend or remove it; until then no task can run\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1:])
