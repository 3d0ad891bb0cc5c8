"""Which task a test means, and the tasks of the project that it is in."""

import json
import sys
from pathlib import Path

from whendue.declarations.registry import BUILT_IN_CHANNELS, BUILT_IN_TASKS, TASKS, Registry, discover
from whendue.project.settings import FILE, load
from whendue.settings import OwnQueue, read_own_queues


def name_of(task: object, registry: Registry = TASKS) -> str:
    """Return the name of a task.

    Args:
        task: its name, what `@task` returned, or the function that was declared.
        registry: where it is declared.

    Raises:
        TypeError: it is none of them, or the function has several names.
    """
    if isinstance(task, str):
        return task
    if isinstance(name := getattr(task, "name", None), str):
        return name
    names = registry.names_of(task)
    shown = getattr(task, "__qualname__", type(task).__name__)
    if not names:
        raise TypeError(f"{shown} is not a task: pass a task's name, or a function that @task declares")
    if len(names) > 1:
        raise TypeError(f"{shown} is declared as {', '.join(names)}: pass one of these names")
    return names[0]


def discover_shipped(registry: Registry = TASKS) -> None:
    """Note the tasks and channels that whendue has itself; each is imported when it is first asked for."""
    discover(BUILT_IN_TASKS, BUILT_IN_CHANNELS, registry=registry)


def discover_project(folder: Path) -> dict[str, OwnQueue]:
    """Import the tasks of the project in a folder; return its queues of its own, by name.

    Without a whendue.toml it is no project: nothing is imported, and there are no such queues.

    Raises:
        ConfigurationError: whendue.toml is not valid, or names a package that cannot be found.
    """
    if not (folder / FILE).is_file():
        return {}
    settings = load(folder)
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
    discover(*settings.project.tasks)
    return read_own_queues(json.dumps(settings.own_queues))
