"""Every command of `whendue` has done its work in a test: compared with the commands that there are.

Those of people run here, each to a success and with `--json`; a process, `dev` and `build` take long, and are started
by the tests that are named below. What a command says in detail is tested in its own file.
"""

import ast
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from localstack.paths import ROOT
from tests.builders.api import SECRET
from tests.builders.commands import COMMANDS, name_in
from tests.functional.cli.command_line import CommandLine
from whendue.client import Client, NewWorkflow, Node

# Commands that are programs for as long as they run, and which test starts each of them.
ELSEWHERE = {
    "api": "tests/functional/cli/test_processes_api.py",
    "build": "tests/e2e/test_project.py",
    "dev": "tests/e2e/project_session.py",
    "migrate": "tests/functional/cli/test_processes.py",
    "timer": "tests/e2e/homes.py",
    "worker": "tests/e2e/homes.py",
}


class Successes:
    """Runs commands that must succeed, and notes which."""

    def __init__(self, whendue: CommandLine) -> None:
        self._whendue = whendue
        self.names: set[str] = set()

    def __call__(self, *arguments: str, **environ: str) -> list[Any]:
        """Run a command as a program would; return its documents."""
        done = self._whendue(*arguments, "--json", **environ)
        assert done.code == 0, (arguments, done.err)
        name = name_in(arguments)
        assert name
        self.names.add(name)
        return done.lines


def test_every_command_does_its_work(whendue: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A new command is missing here until it has a test."""
    run = Successes(whendue)
    jobs(run)
    dead_letters(run, whendue)
    operations(run)
    workflows(run, whendue)
    queues_tasks_and_profiles(run)
    schedules(run, tmp_path)
    projects(run, tmp_path)
    assert run("token", WHENDUE_JWT_SECRET=SECRET)[0]["token"]
    # The checks read the clock of this machine, as the API of a deployment does.
    assert {finding["status"] for finding in run("doctor")} <= {"ok", "warning"}
    assert run.names | ELSEWHERE.keys() == COMMANDS
    assert not run.names & ELSEWHERE.keys()


def jobs(run: Successes) -> None:
    [job] = run("jobs", "submit", "ok", "--delay", "1h")
    assert run("jobs", "get", job["id"])[0]["state"] == "scheduled"
    assert [listed["id"] for listed in run("jobs", "list")] == [job["id"]]
    assert run("jobs", "explain", job["id"])[0]["reasons"]
    [held] = run("jobs", "submit", "ok", "--delay", "1h", "--payload", '{"n": 1}', "--unique-by", "n")
    assert run("jobs", "holder", "ok", "--payload", '{"n": 1}', "--unique-by", "n")[0]["id"] == held["id"]
    [moved] = run("jobs", "reschedule", job["id"], "--delay", "2h", "--priority", "low")
    assert (moved["priority"], moved["dueAt"] > job["dueAt"]) == ("low", True)
    assert run("jobs", "cancel", job["id"])[0]["state"] == "cancelled"
    run("jobs", "cancel", held["id"])
    assert run("jobs", "erase", held["id"], "--yes") == [{"id": held["id"], "erased": True}]
    run("jobs", "redrive", job["id"])
    assert run("jobs", "watch", job["id"])[-1]["state"] == "succeeded"
    assert run("jobs", "history", job["id"])[-1]["type"] == "succeeded"
    assert run("jobs", "logs", job["id"]) == []


def dead_letters(run: Successes, whendue: CommandLine) -> None:
    assert whendue("jobs", "submit", "bad", "--retries", "0", "--wait").code == 1
    assert run("dead-letters", "list")[0]["count"] == 1
    assert run("dead-letters", "redrive", "--yes")[0]["redriven"]


def operations(run: Successes) -> None:
    [job] = run("jobs", "submit", "ok", "--delay", "1h")
    [found] = run("operations", "start", "cancel", "--id", job["id"], "--dry-run")
    assert found["counts"]["matched"] == 1
    run("operations", "start", "cancel", "--id", job["id"], "--yes", "--wait")
    redrive = ("operations", "start", "redrive", "--state", "cancelled", "--type", "ok", "--yes", "--rate", "0.001")
    [job] = run("jobs", "submit", "ok", "--delay", "1h")
    run("jobs", "cancel", job["id"])
    [operation] = run(*redrive)
    assert run("operations", "cancel", operation["id"])[0]["state"] == "cancelled"
    assert run("operations", "undo", operation["id"])[0]["undoes"] == operation["id"]
    assert run("operations", "get", operation["id"])[0]["counts"]["changed"] == 1
    assert operation["id"] in [listed["id"] for listed in run("operations", "list")]


def workflows(run: Successes, whendue: CommandLine) -> None:
    environ = whendue.environ
    with Client(str(environ["WHENDUE_URL"]), str(environ["WHENDUE_TOKEN"])) as client:
        workflow = client.submit_workflow(NewWorkflow(nodes={"first": Node("ok")}))
    assert run("workflows", "show", workflow.id)[0]["id"] == workflow.id


def queues_tasks_and_profiles(run: Successes) -> None:
    run("queues", "pause", "low", "--reason", "upkeep")
    [low] = [queue for queue in run("queues", "list") if queue["name"] == "low"]
    assert low["paused"]["reason"] == "upkeep"
    assert run("queues", "resume", "low") == [{"name": "low", "paused": None}]
    paused = run("pauses", "pause", "--type", "ok", "--reason", "upkeep")
    assert run("pauses", "list") == paused
    assert run("pauses", "resume", "--type", "ok") == [{"type": "ok", "paused": None}]
    assert "workflow" in [task["name"] for task in run("tasks", "list")]
    assert run("tasks", "get", "workflow")[0]["payloadSchema"]
    assert "default" in [profile["name"] for profile in run("profiles", "list")]
    assert run("profiles", "get", "default")[0]["name"] == "default"


def schedules(run: Successes, folder: Path) -> None:
    file = folder / "schedules.json"
    file.write_text(json.dumps([{"name": "daily", "cron": "0 12 * * *", "job": {"type": "ok"}}]))
    assert run("schedules", "lint", str(file))[0]["problems"] == []
    assert run("schedules", "diff", str(file), str(file))[0]["differences"] == []
    assert len(run("schedules", "preview", "--file", str(file), "--count", "2")) == 2
    assert run("schedules", "list") == []
    daily = folder / "daily.json"
    daily.write_text(json.dumps({"cron": "0 12 * * *", "job": {"type": "ok"}}))
    [made] = run("schedules", "put", "daily", str(daily))
    assert run("schedules", "get", "daily") == [made]
    assert run("schedules", "pause", "daily", "--for", "2h")[0]["state"] == "paused"
    assert run("schedules", "resume", "daily")[0]["state"] == "active"
    [triggered] = run("schedules", "trigger", "daily")
    [fire] = run("schedules", "fires", "daily", "--outcome", "triggered")
    assert (triggered["schedule"], fire["job"]["id"]) == ("daily", triggered["id"])
    backfills(run)
    assert run("schedules", "delete", "daily") == [{"name": "daily", "deleted": True}]


def backfills(run: Successes) -> None:
    times = ("--from", "2020-01-01T00:00:00Z", "--to", "2020-01-03T00:00:00Z")
    [begun] = run("schedules", "backfill", "daily", *times)
    assert run("schedules", "backfill-pause", "daily", begun["id"])[0]["state"] == "paused"
    assert run("schedules", "backfill-resume", "daily", begun["id"])[0]["state"] == "running"
    assert run("schedules", "backfill-cancel", "daily", begun["id"])[0]["state"] == "cancelled"
    assert [listed["id"] for listed in run("schedules", "backfills", "daily")] == [begun["id"]]


def projects(run: Successes, folder: Path) -> None:
    assert run("new", str(folder / "shop"))[0]["files"]
    assert run("terraform", "--folder", str(folder / "shop"))[0]["written"]


# --- commands that are started elsewhere --------------------------------------------------------------------------


# What stands before a command's words: the program, in a list or a call; or a function that runs it.
PROGRAMS = ("whendue", "whendue.cli")
RUNNERS = ("main", "replica")


def started_in(path: Path) -> set[str]:
    """Return the commands that the code of a test starts."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call):
            words = _words(node.args)
            called = getattr(node.func, "id", getattr(node.func, "attr", None))
            found.add(name_in(words) if called in RUNNERS else _after_program(words))
        elif isinstance(node, ast.List):
            found.add(_after_program(_words(node.elts)))
    return {name for name in found if name}


def _words(elements: Sequence[ast.expr]) -> list[str]:
    """Return the texts among expressions, and in lists among them."""
    found: list[str] = []
    for element in elements:
        if isinstance(element, ast.List):
            found += _words(element.elts)
        elif isinstance(element, ast.Constant) and isinstance(element.value, str):
            found.append(element.value)
    return found


def _after_program(words: list[str]) -> str | None:
    position = next((number for number, word in enumerate(words) if word in PROGRAMS), None)
    return None if position is None else name_in(words[position + 1 :])


@pytest.mark.parametrize("command", sorted(ELSEWHERE))
def test_a_long_command_is_started_by_its_test(command: str) -> None:
    """A test that was taken away leaves its line above wrong."""
    assert command in started_in(ROOT / ELSEWHERE[command])
