"""A process of a project: `python -m whendue.project.child worker ...` runs `whendue worker ...`.

It ends when its standard input does, so that none outlives `whendue dev`. A worker shows first which tasks there are,
and the traceback of each module of theirs that cannot be imported: a deployment's log has its type and line alone, as
its text may quote a secret; a developer needs all of it.
"""

import importlib
import os
import pkgutil
import runpy
import signal
import sys
import threading
import traceback
from types import TracebackType
from typing import Final

from whendue.declarations.registry import TASKS

WITH_TASKS: Final = "worker"


def main(arguments: list[str]) -> None:
    """Run `whendue` with these arguments; it decides about the exit code."""
    threading.Thread(target=_end_with_parent, name="parent", daemon=True).start()
    if arguments[:1] == [WITH_TASKS]:
        show_tasks([name for name in os.environ.get("WHENDUE_TASKS", "").split(",") if name])
    sys.argv = ["whendue", *arguments]
    runpy.run_module("whendue.cli", run_name="__main__", alter_sys=True)


def _end_with_parent() -> None:
    # The kernel closes the other end, however the parent ends.
    while os.read(0, 1024):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


def show_tasks(packages: list[str]) -> None:
    """Import the modules of packages; write a traceback for each that fails, and what tasks the others declare."""
    for package in packages:
        if _imported(package):
            paths = list(getattr(sys.modules[package], "__path__", ()))
            for found in sorted(pkgutil.iter_modules(paths), key=lambda each: each.name):
                _imported(f"{package}.{found.name}")
    names = [
        name
        for name in TASKS.names()
        if (module := TASKS.get(name).function.__module__) in sys.modules and not module.startswith("whendue.")
    ]
    sys.stdout.write(f"tasks: {', '.join(names) or 'none'}\n")
    sys.stdout.flush()


def _imported(module: str) -> bool:
    try:
        importlib.import_module(module)
    except BaseException as error:  # noqa: BLE001 - whatever it raises, the others are imported
        lines = traceback.format_exception(type(error), error, _own(error.__traceback__))
        sys.stdout.write(f"ERROR {module} cannot be imported, its tasks are off:\n{''.join(lines)}")
        sys.stdout.flush()
        return False
    return True


def _own(trace: TracebackType | None) -> TracebackType | None:
    """Leave out the frames of this module and of Python's import, which begin every traceback."""
    while trace and trace.tb_frame.f_code.co_filename.startswith(("<frozen importlib", __file__, importlib.__file__)):
        trace = trace.tb_next
    return trace


if __name__ == "__main__":
    main(sys.argv[1:])
