"""`whendue tasks` on the real API."""

import json

from tests.functional.cli.command_line import CommandLine
from whendue.declarations.discovery import ModuleFailure


def test_list_and_get(whendue: CommandLine) -> None:
    """Each with what is needed to submit it."""
    listed = whendue("tasks", "list", "--json").lines
    names = [task["name"] for task in listed]
    found = whendue("tasks", "get", "workflow", "--json").json
    assert found == next(task for task in listed if task["name"] == "workflow")
    assert found["payloadSchema"]["type"] == "object"
    lines = whendue("tasks", "get", "workflow").out.splitlines()
    first = lines.index("payload") + 1
    assert json.loads("\n".join(lines[first:])) == found["payloadSchema"]
    assert '    "type": "object"' in [line.rstrip(",") for line in lines[first:]]
    assert whendue("tasks", "list").out.count("\n") == len(names) + 1


def test_a_module_that_failed_is_noted(whendue: CommandLine) -> None:
    """On standard error: it is no task."""
    whendue.world.registry.failed(ModuleFailure("tasks.broken", "KeyError", "tasks/broken.py:3"))
    ended = whendue("tasks", "list", "--json")
    assert "tasks.broken could not be imported (KeyError), its tasks are off" in ended.err
    assert "broken" not in ended.out


def test_what_is_not_there(whendue: CommandLine) -> None:
    """Exit code 5, as of all that is not found."""
    assert whendue("tasks", "get", "none").code == 5
