"""The command `whendue` on the real API over HTTP: its jobs run while it waits."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from tests.builders.api import a_token, api_of
from tests.builders.server import serving
from tests.builders.world import World
from whendue.cli.application import app
from whendue.client import Client, JobTemplate, NewSchedule
from whendue.support.clock import Clock

# The modules that read the clock.
READERS = ("connection", "commands.arguments", "commands.schedules")


class Ended:
    """A command that has ended."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err

    @property
    def json(self) -> Any:
        """The one document on standard output."""
        [line] = self.out.splitlines()
        return json.loads(line)

    @property
    def lines(self) -> list[Any]:
        """The documents of a list."""
        return [json.loads(line) for line in self.out.splitlines()]


class CommandLine:
    """Runs commands with an environment that names the deployment of a world."""

    def __init__(self, world: World, url: str, home: Path) -> None:
        self.world = world
        self.environ: dict[str, str | None] = {
            "WHENDUE_URL": url,
            "WHENDUE_TOKEN": a_token(),
            "WHENDUE_TOKEN_FILE": None,
            "WHENDUE_PROFILE": None,
            "WHENDUE_TABLE": None,
            "XDG_CONFIG_HOME": str(home),
        }

    def __call__(self, *arguments: str, stdin: str | None = None, **environ: str | None) -> Ended:
        return ended(*arguments, stdin=stdin, **self.environ | environ)


def ended(*arguments: str, stdin: str | None = None, **environ: str | None) -> Ended:
    """Run a command as its own process would, in this one."""
    result = CliRunner().invoke(app, [*arguments], input=stdin, env=environ, prog_name="whendue")
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    assert "Traceback" not in result.stderr, result.stderr
    return Ended(result.exit_code, result.stdout, result.stderr)


def put(whendue: CommandLine, name: str, **fields: Any) -> None:
    """Put a schedule in the deployment that the commands talk to."""
    environ = whendue.environ
    with Client(str(environ["WHENDUE_URL"]), str(environ["WHENDUE_TOKEN"])) as client:
        client.put_schedule(name, NewSchedule(job=JobTemplate("ok"), **fields))


@contextmanager
def a_command_line(monkeypatch: pytest.MonkeyPatch, home: Path) -> Iterator[CommandLine]:
    """Serve the API of a world; while a command sleeps, jobs run."""
    world = World()
    clock = Clock(world.clock.now_ms, world.system.bits, world.pass_time)
    for module in READERS:
        monkeypatch.setattr(f"whendue.cli.{module}.system_clock", lambda: clock)
    with serving(api_of(world), world) as url:
        yield CommandLine(world, url, home)
