"""The services of a project's dev stack, in a process of their own: the emulator with table, bucket and queues."""

import json
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO, Final, cast

from whendue.project import carried
from whendue.project.settings import ProjectSettings
from whendue.project.stream import LINE_BYTES, Stream

NAME: Final = "services"
# What the emulator takes to end its own processes, and a little more.
STOP_S: Final = 20


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
        self._stream, self._ended = stream, ended
        self._process = subprocess.Popen(
            [sys.executable, "-m", "localstack.project_services"],
            env=carried.environment(project) | settings.environment,
            cwd=carried.root(),
            # Its end is the emulator's end.
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

    def stop(self) -> None:
        """End it; returns when the emulator has ended."""
        with suppress(OSError):
            cast("IO[bytes]", self._process.stdin).close()
        try:
            self._process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _read_addresses(self) -> None:
        line = cast("IO[bytes]", self._process.stdout).readline(LINE_BYTES)
        if line:
            described = json.loads(line)
            self.environment, self.token = described["environment"], described["token"]
            self.ready.set()
        self._process.wait()
        self._ended()

    def _read_notes(self) -> None:
        output = cast("IO[bytes]", self._process.stderr)
        while data := output.readline(LINE_BYTES):
            self._stream.write(NAME, data.decode(errors="replace").rstrip("\r\n"))
