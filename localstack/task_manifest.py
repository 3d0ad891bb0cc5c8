"""The manifest of users' tasks: made by importing them once, in a process of its own, and kept until they change."""

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import whendue
from localstack.once import exclusive
from localstack.paths import BUILD, ROOT
from localstack.topology import topology
from whendue.declarations.registry import USER_TASKS
from whendue.manifest.describe import importing
from whendue.manifest.model import NAME
from whendue.manifest.packed import Packed
from whendue.profiles.model import QUEUE

__all__ = ["NAME", "TaskModules", "broken_modules", "described", "task_manifest", "unfit_tasks"]

# Where this process has whendue from.
INSTALLED: Final = Path(whendue.__file__).parents[1].resolve()
# A module that takes longer to import could not be started by Lambda, either, which gives a start ten seconds:
# https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html#runtimes-lifecycle-ib
IMPORT_S: Final = 120
# Of the modules that cannot be imported, an error names the first few.
NAMED: Final = 5


@dataclass(frozen=True, slots=True)
class TaskModules:
    """The packages of tasks that are imported, and what they find.

    Args:
        packages: dotted names.
        environment: variables besides those of this process.
        packed: the modules that functions have; the others are not found.
    """

    packages: Sequence[str] = (USER_TASKS,)
    environment: Mapping[str, str] = field(default_factory=dict)
    packed: Packed = field(default_factory=Packed)


def task_manifest(sources: Mapping[str, bytes], packed: Packed | None = None) -> bytes:
    """Return the manifest of this repository's own tasks; they are imported again when a file has changed.

    A module that cannot be imported is described as such, and it is imported again next time.

    Args:
        sources: path -> content; all that the worker function has.
        packed: the modules that functions have; None: all that this process has.

    Raises:
        RuntimeError: a module has ended the process that imports it, or keeps it.
    """
    core = ROOT / (topology().layers["core"].source or "")
    modules = TaskModules(packed=packed or Packed())
    path = BUILD / f"tasks-{_digest(sources, core, modules.packed)}.json"
    with exclusive("tasks"):
        if path.exists():
            return path.read_bytes()
        made = described(sources, modules, core)
        if not json.loads(made)["failures"]:
            path.parent.mkdir(parents=True, exist_ok=True)
            draft = path.with_suffix(".draft")
            draft.write_bytes(made)
            draft.replace(path)
        return made


def described(sources: Mapping[str, bytes], modules: TaskModules, core: Path = INSTALLED) -> bytes:
    """Import the tasks among some files, and return their manifest.

    They are imported by this interpreter, with what is installed for it. The traceback of a module that cannot be
    imported is on standard error.

    Args:
        sources: path -> content; all that the worker function has.
        modules: whose tasks are described.
        core: the folder with the package whendue.

    Raises:
        RuntimeError: a module has ended the process that imports it, or keeps it.
    """
    with TemporaryDirectory() as folder, TemporaryDirectory() as result:
        for name, data in sources.items():
            path = Path(folder, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        written, packed = Path(result, NAME), Path(result, "packed.json")
        modules.packed.write(packed)
        command = [sys.executable, "-m", "whendue.manifest.describe", str(written), str(packed)]
        paths = os.pathsep.join(filter(None, (str(core), os.environ.get("PYTHONPATH"))))
        packages = ",".join(modules.packages)
        environment = os.environ | modules.environment
        environment |= {"PYTHONPATH": paths, "PYTHONDONTWRITEBYTECODE": "1", "WHENDUE_TASKS": packages}
        try:
            run = subprocess.run(
                command,
                cwd=folder,
                env=environment,
                # What the modules print is not what the build prints.
                stdout=subprocess.DEVNULL,
                timeout=IMPORT_S,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise RuntimeError(f"{_importing(written) or packages} was not imported within {IMPORT_S} s") from None
        if not written.is_file():
            problem = f"the process that imports {_importing(written) or packages} has ended"
            raise RuntimeError(f"{problem} with exit code {run.returncode}")
        return written.read_bytes()


def _importing(manifest: Path) -> str:
    """Return the module at which the process has ended, or that kept it."""
    noted = importing(manifest)
    return noted.read_text() if noted.is_file() else ""


def broken_modules(failures: Sequence[Mapping[str, str]]) -> str:
    """Say which modules a manifest describes as failed, and why.

    Args:
        failures: those of a manifest.
    """
    named = [
        f"{lost['module']} ({lost['error_type']} at {lost['where']}{': ' if lost['detail'] else ''}{lost['detail']})"
        for lost in failures[:NAMED]
    ]
    more = f" and {len(failures) - NAMED} more" if len(failures) > NAMED else ""
    return f"cannot be imported: {', '.join(named)}{more}"


def _digest(sources: Mapping[str, bytes], core: Path, packed: Packed) -> str:
    """Hash what the manifest depends on: the tasks, whendue, the interpreter, the locked versions, what is packed."""
    digest = hashlib.sha256(f"{sys.version}\0{packed}\0{(ROOT / 'requirements/layer.txt').read_text()}".encode())
    ours = {path.relative_to(core).as_posix(): path for path in sorted((core / "whendue").rglob("*.py"))}
    files = dict(sources) | {name: path.read_bytes() for name, path in ours.items()}
    for name, data in sorted(files.items()):
        digest.update(f"{name}\0{len(data)}\0".encode() + data)
    return digest.hexdigest()[:16]


def unfit_tasks(tasks: Iterable[Mapping[str, Any]], queues: Mapping[str, int]) -> list[str]:
    """Describe the tasks whose jobs would all be refused: they name no queue of the project, or need more time.

    Args:
        tasks: as the manifest describes them.
        queues: queue -> the longest timeout that is accepted for its jobs, seconds; none are not checked.
    """
    named = [(task["name"], task.get("queue") or QUEUE, task["policy"].get("timeout_s", 0)) for task in tasks]
    able = {asked_s: [name for name, most_s in queues.items() if asked_s <= most_s] for _, _, asked_s in named}
    unknown = [f"the task {name} names the unknown queue {queue}" for name, queue, _ in named if queue not in queues]
    long = [
        f"the task {name} has timeout_s={asked_s}; workers of its queue {queue} run for {queues[queue]} s"
        + (f", those of {', '.join(able[asked_s])} for longer" if able[asked_s] else "")
        for name, queue, asked_s in named
        if asked_s > queues.get(queue, asked_s)
    ]
    return unknown + long if queues else []
