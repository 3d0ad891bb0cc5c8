"""Processes that `whendue dev` starts, what they print, and what answers while the API cannot start."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import tomllib
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from time import perf_counter
from typing import IO, Any, Final, cast

from whendue.errors import ConfigurationError
from whendue.project.stream import LINE_BYTES, Stream, document, readable

# What a process logs when it is at work.
STARTED: Final = "started"
# Each process finds the same broken modules; a worker's tracebacks say more.
_SHOWN_ELSEWHERE: Final = "task module failed"
# As the API's own errors are written (RFC 9457).
CONTENT_TYPE: Final = "application/problem+json"
PROBLEM: Final = {
    "type": "about:blank",
    "title": "Service Unavailable",
    "status": int(HTTPStatus.SERVICE_UNAVAILABLE),
    "code": "unavailable",
    "detail": "the API could not be started; `whendue dev` prints why, and starts it again after the next change",
}
# A request is read before it is answered, so that its sender sees the answer; no body of the API is larger.
BODY_BYTES: Final = 6 * 1024 * 1024
READ_S: Final = 5.0
LOOK_S: Final = 0.05


class Process:
    """A process, from its start to its end.

    Args:
        name: in front of its lines.
        command: the arguments of this Python.
        environment: all of it.
        folder: where it runs.
        stream: takes what it prints.
        started: called once when it is at work, by a thread of its own.
        ended: called once when it has ended and its output is read, by the same thread.
        descriptors: open files that it inherits.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        environment: Mapping[str, str],
        folder: Path,
        *,
        stream: Stream,
        started: Callable[["Process"], None],
        ended: Callable[["Process"], None],
        descriptors: Sequence[int] = (),
    ) -> None:
        """Start it."""
        self.name = name
        self.draining = False
        self._stream = stream
        self._started, self._ended = started, ended
        self._process = subprocess.Popen(  # noqa: S603 - our own programs
            [sys.executable, *command],
            env=dict(environment),
            cwd=folder,
            # Its end is this process's end.
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            # Ctrl-C of a terminal reaches `whendue dev` alone, which ends the others in order.
            start_new_session=True,
            pass_fds=tuple(descriptors),
        )
        self._thread = threading.Thread(target=self._read, name=f"output-{name}", daemon=True)
        self._thread.start()

    @property
    def pid(self) -> int:
        """Its number, that of its group, too."""
        return self._process.pid

    @property
    def code(self) -> int | None:
        """What it has exited with; None while it runs."""
        return self._process.poll()

    def drain(self) -> None:
        """Let it end what it does and take nothing more; of one that drains already, end that, too."""
        self.draining = True
        self._process.send_signal(signal.SIGTERM)

    def close(self) -> None:
        """End its standard input."""
        with suppress(OSError):
            cast("IO[bytes]", self._process.stdin).close()

    def wait(self, timeout_s: float) -> bool:
        """Wait for its end; return whether it has ended."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(max(0.0, timeout_s))
            self._thread.join(1)
        return self.code is not None

    def kill(self) -> None:
        """End it, and what it has started, at once."""
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self._process.wait()
        self.close()

    def _read(self) -> None:
        output = cast("IO[bytes]", self._process.stdout)
        with output:
            while data := output.readline(LINE_BYTES):
                self._note(data.decode(errors="replace").rstrip("\r\n"))
        self._process.wait()
        self._ended(self)

    def _note(self, line: str) -> None:
        read = document(line)
        if read is None:
            self._stream.write(self.name, line)
        elif read["message"] != _SHOWN_ELSEWHERE or self.name.startswith("worker"):
            self._report(read)

    def _report(self, read: dict[str, Any]) -> None:
        if self._stream.wants(read):
            self._stream.write(self.name, readable(read))
        if read["message"] == STARTED:
            self._started(self)


@dataclass(slots=True)
class Running:
    """The processes that are there.

    Args:
        current: those of the newest code, by name.
        draining: workers of earlier code with jobs that go on, the oldest first, and others that end.
    """

    current: dict[str, Process] = field(default_factory=dict)
    draining: list[Process] = field(default_factory=list)

    def every(self) -> list[Process]:
        """Return all of them."""
        return [*self.current.values(), *self.draining]


def wait_for(processes: list[Process], timeout_s: float) -> None:
    """Wait for the ends of processes, for so many seconds together."""
    until = perf_counter() + timeout_s
    for process in processes:
        process.wait(until - perf_counter())


def pip_arguments(project: Path, requirements: str) -> list[str]:
    """Return the arguments by which this Python installs what a project requires.

    Args:
        project: its folder; pip runs there.
        requirements: a file as pip reads it, or a pyproject.toml.

    Raises:
        ConfigurationError: the pyproject.toml has no list of dependencies.
    """
    # -P: the project may have a module that is called like one of Python's own.
    command = ["-P", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input", "--no-color"]
    if not requirements.endswith(".toml"):
        return [*command, "-r", requirements]
    try:
        listed = tomllib.loads((project / requirements).read_text())["project"].get("dependencies", [])
        # Both raise a TypeError for another type.
        text = "".join(f"{str.strip(each)}\n" for each in list.copy(listed))
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise ConfigurationError(f"{requirements}: project.dependencies must be a list of requirements") from error
    (project / ".local/requirements.txt").write_text(text)
    return [*command, "-r", ".local/requirements.txt"]


class Refusal:
    """Answers every request with 503, from now until `stop`.

    Args:
        listening: the socket; it stays open.
    """

    def __init__(self, listening: socket.socket) -> None:
        """Begin to answer."""
        self._server = _Server(("127.0.0.1", 0), _Refused, bind_and_activate=False)
        self._server.socket.close()
        self._server.socket = listening.dup()
        self._thread = threading.Thread(target=self._server.serve_forever, args=(LOOK_S,), name="refusal", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Take no more requests."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(ThreadingHTTPServer):
    def handle_error(self, *_: Any) -> None:
        """Print nothing of a client that has gone."""


class _Refused(BaseHTTPRequestHandler):
    timeout = READ_S
    protocol_version = "HTTP/1.1"

    def _refuse(self) -> None:
        size = self.headers.get("Content-Length", "0")
        self.rfile.read(min(int(size), BODY_BYTES) if size.isascii() and size.isdigit() else 0)
        body = json.dumps(PROBLEM).encode()
        self.send_response(HTTPStatus.SERVICE_UNAVAILABLE)
        self.send_header("Content-Type", CONTENT_TYPE)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = _refuse  # noqa: N815 - the names that the base class looks for

    def log_message(self, *_: Any) -> None:
        """Print nothing: each request would be a line."""
