"""Processes that `whendue dev` starts, each in a group of its own, and what they print."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, Final, cast

from whendue.project.stream import LINE_BYTES, Stream, document, readable

# What a process logs when it is at work.
STARTED: Final = "started"
# Each process finds the same broken modules; a worker's tracebacks say more.
_SHOWN_ELSEWHERE: Final = "task module failed"


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
        self._stream.write(self.name, readable(read))
        if read["message"] == STARTED:
            self._started(self)
