"""The services of a project's dev stack, in a process of their own: the emulator with table, bucket and queues."""

import json
import os
import shlex
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, Final, cast

from whendue.project import carried
from whendue.project.settings import ProjectSettings, Sample
from whendue.project.stream import LINE_BYTES, Stream

NAME: Final = "services"
# The settings of direct mode, as long as the services run; below the project's folder.
SETTINGS_FILE: Final = ".local/dev.env"
# Tokens are the API's: direct mode has none.
_OF_TOKENS: Final = "WHENDUE_JWT_"
# What the emulator takes to end its own processes, and a little more.
STOP_S: Final = 20
# A queue takes milliseconds; a machine may be busy.
DEPLOY_S: Final = 60


class Services:
    """The program `localstack.project_services` of the carried dev stack.

    Args:
        project: the project's folder.
        settings: of it: what they say of whendue's settings holds for the services, too.
        stream: takes what the program prints.
        ended: called when it has ended, by a thread of its own.
    """

    def __init__(self, project: Path, settings: ProjectSettings, stream: Stream, ended: Callable[[], None]) -> None:
        """Start it."""
        self.ready = threading.Event()
        self.environment: dict[str, str] = {}
        self.token = ""
        self._code = ""
        self._stream, self._ended = stream, ended
        self._settings_file = project / SETTINGS_FILE
        self._deployed = _variables_of(settings)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "localstack.project_services"],
            env=carried.environment(project) | self._deployed,
            cwd=carried.root(),
            # Takes changes; its end is the emulator's end.
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        self._threads = [
            threading.Thread(target=target, name=f"services-{number}", daemon=True)
            for number, target in enumerate((self._read_addresses, self._read_notes))
        ]
        for thread in self._threads:
            thread.start()

    def introduction(self, url: str, sample: Sample | None) -> str:
        """Return the lines that a developer begins with: addresses, a token, a link that signs in, and a first request.

        Args:
            url: of the API.
            sample: the request; None for none.
        """
        lines = [f"API        {url}", f"Docs       {url}/docs", f"Token      {self.token}"]
        # Once, and within ten minutes: the code is in the fragment, which no browser sends.
        lines.append(f"Dashboard  {url}/#sign-in={self._code}")
        if sample:
            lines.append(f"Try        {_curl(url, self.token, sample.model_dump())}")
        return "\n".join(lines)

    def deploy(self, settings: ProjectSettings) -> None:
        """Deploy what the settings are now, if that is not what they were: `environment` has it then.

        Args:
            settings: of the project.
        """
        before, self._deployed = self._deployed, _variables_of(settings)
        if self._deployed == before:
            return
        self.ready.clear()
        # What the project no longer says is what the shell does.
        line = json.dumps({name: os.environ.get(name) for name in before} | self._deployed)
        # When it has ended, the thread that reads its answers says so.
        with suppress(OSError):
            changes = cast("IO[bytes]", self._process.stdin)
            changes.write(f"{line}\n".encode())
            changes.flush()
            if not self.ready.wait(DEPLOY_S):
                self._stream.write(NAME, "ERROR the change is not deployed yet; start `whendue dev` again")

    def write_settings(self, more: Mapping[str, str]) -> None:
        """Write the settings of direct mode into a file in the project.

        Args:
            more: settings besides those of the services.
        """
        known = {name: value for name, value in self.environment.items() if not name.startswith(_OF_TOKENS)}
        write_private(self._settings_file, {**known, **more})

    def stop(self) -> None:
        """End it; returns when the emulator has ended."""
        self._settings_file.unlink(missing_ok=True)
        with suppress(OSError):
            cast("IO[bytes]", self._process.stdin).close()
        try:
            self._process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _read_addresses(self) -> None:
        output = cast("IO[bytes]", self._process.stdout)
        while line := output.readline(LINE_BYTES):
            described = json.loads(line)
            self.environment, self.token = described["environment"], described["token"]
            self._code = described["code"]
            self.ready.set()
        self._process.wait()
        self._ended()

    def _read_notes(self) -> None:
        output = cast("IO[bytes]", self._process.stderr)
        while data := output.readline(LINE_BYTES):
            self._stream.write(NAME, data.decode(errors="replace").rstrip("\r\n"))


def write_private(path: Path, variables: Mapping[str, str]) -> None:
    """Write variables into a file that a shell reads, and that nobody does but its owner: a secret is among them."""
    lines = [f"export {name}={shlex.quote(value)}" for name, value in sorted(variables.items())]
    draft = path.with_name(f"{path.name}.draft")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write("\n".join(lines) + "\n")
    draft.replace(path)


def _variables_of(settings: ProjectSettings) -> dict[str, str]:
    """Return the variables that the project has for a deploy; one of them makes queues of one's own."""
    own = settings.own_queues
    return settings.environment | ({"WHENDUE_OWN_QUEUES": json.dumps(own)} if own else {})


def _curl(url: str, token: str, job: dict[str, Any]) -> str:
    words = ["curl", "-sS", f"{url}/jobs", "-H", f"Authorization: Bearer {token}"]
    words += ["-H", "Content-Type: application/json", "-d", json.dumps(job)]
    return shlex.join(words)
