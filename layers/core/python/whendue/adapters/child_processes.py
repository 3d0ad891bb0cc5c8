"""Isolation by child processes: each message in an interpreter of its own, which may die alone.

Not forks: this process has threads, and a fork would inherit their locks and the sockets of their clients.
Source: https://docs.python.org/3/library/os.html#os.fork (a process with threads).
"""

import contextlib
import json
import os
import select
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import IO, Any, Final, cast

from whendue.engine.ports import BatchResult, ReceivedMessage

MODULE: Final = "whendue.containers.isolated"
# An argument of MODULE: the process that starts it runs no task of users, see `whendue.bootstrap.process.app`.
DESCRIBED: Final = "described"
# An answer is one line of ids and counts.
ANSWER_BYTES: Final = 65_536
# What a process answers first, once it has started up.
READY: Final = b"ready\n"


class ChildProcesses:
    """Starts processes, a limited number at once.

    They get the environment, the import path and the working directory that this process has now: what tasks change
    later does not reach them.

    Args:
        limit: how many; each is an interpreter with the application, about 100 MB.
        module: what they run; tests name another one.
        arguments: of the module, after the file descriptor.
    """

    def __init__(self, limit: int, module: str = MODULE, arguments: Sequence[str] = ()) -> None:
        """Begin with none."""
        self._module, self._arguments = module, arguments
        self._environment = os.environ | {"PYTHONPATH": os.pathsep.join(map(os.path.abspath, filter(None, sys.path)))}
        self._directory = os.getcwd()  # noqa: PTH109 - a text, as Popen takes it
        self._free = threading.BoundedSemaphore(limit)
        self._lock = threading.Lock()
        self._running: set[ChildProcess] = set()

    def start(self, message: ReceivedMessage, deadline_ms: int) -> "ChildProcess | None":
        """Start a process for a message; None when as many run as may, or the system refuses one."""
        if not self._free.acquire(blocking=False):
            return None
        try:
            process, answers = self._process()
        except OSError:
            self._free.release()
            return None
        child = ChildProcess(process, answers, {"message": asdict(message), "deadline_ms": deadline_ms}, self._over)
        with self._lock:
            self._running.add(child)
        return child

    def drain(self, at_ms: int) -> None:
        """Ask all processes to give back the jobs that still run at a time."""
        with self._lock:
            running = list(self._running)
        for child in running:
            child.drain(at_ms)

    def _process(self) -> tuple["subprocess.Popen[bytes]", int]:
        """Start a process; return it, and the file descriptor that its answer comes from."""
        answers, theirs = os.pipe()
        try:
            process = subprocess.Popen(  # noqa: S603 - this interpreter, with a module of ours
                [sys.executable, "-m", self._module, str(theirs), *self._arguments],
                stdin=subprocess.PIPE,
                stdout=_log(),
                env=self._environment,
                cwd=self._directory,
                pass_fds=[theirs],
                # A task that signals its process group reaches no other process.
                start_new_session=True,
            )
        except OSError:
            os.close(answers)
            raise
        finally:
            os.close(theirs)
        return process, answers

    def _over(self, child: "ChildProcess") -> None:
        with self._lock:
            self._running.discard(child)
        self._free.release()


class ChildProcess:
    """A message that a child process handles.

    It reads what to do from its standard input; the end of that input means that we died. It answers READY when it has
    started up, and with a line of JSON when it has handled the message.
    """

    def __init__(
        self,
        process: "subprocess.Popen[bytes]",
        answers: int,
        request: dict[str, Any],
        over: Callable[["ChildProcess"], None],
    ) -> None:
        """Send the request to a process.

        Args:
            process: just started.
            answers: the file descriptor that its answers come from.
            request: its message and deadline.
            over: called with this object once, when the process has ended.
        """
        self._over = over
        self._answer = b""
        self._has_ended = False
        self._process = process
        self._answers = answers
        self._input = cast("IO[bytes]", process.stdin)
        self._request(request)

    def drain(self, at_ms: int) -> None:
        """Ask it to give back the jobs that still run at a time."""
        self._request({"drain_ms": at_ms})

    def ended(self, timeout_s: float) -> bool:
        """Wait until the process has ended or the time is over; say whether it has ended."""
        while not self._has_ended and self._readable(timeout_s):
            part = os.read(self._answers, ANSWER_BYTES)
            self._answer += part
            if not part:
                self._end()
        # A process that it left behind may hold the pipe open.
        if not self._has_ended and self._process.poll() is not None and not self._readable(0):
            self._end()
        return self._has_ended

    def begun(self) -> bool:
        """Return whether it has started up and begun with its message."""
        return self._answer.startswith(READY)

    def worked(self) -> BatchResult | None:
        """Return the result of the message; None if the process died."""
        try:
            answer = json.loads(self._answer.removeprefix(READY))
        except ValueError:
            return None
        return BatchResult(list(answer["unsettled"]), Counter(answer["counts"]))

    def kill(self) -> None:
        """End the process at once."""
        self._process.kill()
        self._end()

    def _readable(self, timeout_s: float) -> bool:
        return bool(select.select([self._answers], [], [], timeout_s)[0])

    def _end(self) -> None:
        """Clear up; a process that has answered has nothing left to do."""
        if not self._has_ended:
            self._has_ended = True
            os.close(self._answers)
            self._process.kill()
            with contextlib.suppress(OSError):
                self._input.close()
            self._process.wait()
            self._over(self)

    def _request(self, what: dict[str, Any]) -> None:
        # One that has died already is found to have died.
        with contextlib.suppress(OSError, ValueError):
            self._input.write(json.dumps(what).encode() + b"\n")
            self._input.flush()


def _log() -> int:
    """Return where this process logs to: the emulator's functions need the real standard output for their replies."""
    try:
        return sys.stdout.fileno()
    except (OSError, ValueError):
        return 2
